"""A multilayer perceptron with one hidden layer: two weight matrices, the least that a crossbar must hold."""

from __future__ import annotations

from torch import nn

_HIDDEN = 128


def build(channels: int, size: int, classes: int) -> nn.Module:
    """Pixels - 128 - classes with ReLU; 784 - 128 - 10 for MNIST (101,770 parameters).

    Args:
        channels: Colour channels of an image.
        size: Height and width of an image [pixel].
        classes: Classes to tell apart.

    Returns:
        Network from images (N, channels, size, size) to logits (N, classes).

    References:
        D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating errors", Nature
        323, 533 (1986), doi:10.1038/323533a0; with ReLU in place of the sigmoid.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * size * size, _HIDDEN),
        nn.ReLU(),
        nn.Linear(_HIDDEN, classes),
    )
