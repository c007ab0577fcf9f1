"""How often a network is right."""

from __future__ import annotations

import torch
from torch import nn

from .datasets import Dataset


def evaluate(module: nn.Module, dataset: Dataset, batch: int = 1000) -> float:
    """Share of the images that the network puts into the right class.

    The network runs in evaluation mode and is left in the mode in which it was found.

    Args:
        module: Maps images (N, C, H, W) to logits (N, classes).
        dataset: The labelled images.
        batch: Images passed at a time; bounds the memory, does not change the result.

    Returns:
        Accuracy, 0 .. 1 [1].
    """
    training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            chosen = torch.cat([module(images).argmax(dim=1) for images in torch.split(dataset.images, batch)])
    finally:
        module.train(training)
    return float((chosen == dataset.labels).double().mean())
