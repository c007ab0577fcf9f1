"""The training loop: a network, images and a recipe in, the same weights for the same seed out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from .datasets import Dataset
from .recipes import Recipe

Progress = Callable[[int, int, float], None]


def fit(
    build: Callable[[], nn.Module], dataset: Dataset, recipe: Recipe, seed: int, progress: Progress | None = None
) -> nn.Module:
    """A network trained on a data set by minimising the cross-entropy.

    The result is the same, bit for bit, for the same seed, torch version, processor and number of threads. The global
    random state is left as it was.

    Args:
        build: Makes the network, drawing its first weights from torch's global generator.
        dataset: The training images.
        recipe: How to train.
        seed: Seed of the first weights, the order of the images and their shifts.
        progress: Called after each epoch with its number from 1, the number of epochs, and its mean loss.

    Returns:
        The network in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        module = build().train()
        generator = Generator().manual_seed(seed)
        steps = -(-len(dataset) // recipe.batch)
        optimizer = Adam(module.parameters(), lr=recipe.peak_rate)
        schedule = OneCycleLR(optimizer, max_lr=recipe.peak_rate, total_steps=recipe.epochs * steps)
        for epoch in range(1, recipe.epochs + 1):
            losses = []
            for chosen in torch.split(torch.randperm(len(dataset), generator=generator), recipe.batch):
                images = shifted(dataset.images[chosen], recipe.shift, generator)
                loss = functional.cross_entropy(module(images), dataset.labels[chosen])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
            if progress is not None:
                progress(epoch, recipe.epochs, float(torch.stack(losses).mean()))
    return module.eval()


def shifted(images: Tensor, reach: int, generator: Generator) -> Tensor:
    """Each image moved by a random whole number of pixels, up to ``reach`` each way, with zeros moving in.

    Args:
        images: Images (N, C, H, W).
        reach: Largest shift [pixel].
        generator: Where the shifts are drawn from.

    Returns:
        Images of the same shape.
    """
    height, width = images.shape[-2:]
    windows = functional.pad(images, (reach,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(2 * reach + 1, (2, len(images)), generator=generator)
    return windows[torch.arange(len(images)), :, down, right]
