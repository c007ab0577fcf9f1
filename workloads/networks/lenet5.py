"""LeNet-5: two convolutions and three fully connected layers."""

from __future__ import annotations

from torch import nn

from beolith.errors import BeolithError

_FULL_SIZE = 12  # smallest image on which a 5 x 5 kernel still fits after pooling [pixel]
_SMALLEST = 4  # smallest image that can be halved twice [pixel]


def build(channels: int, size: int, classes: int) -> nn.Module:
    """Conv 6 @ 5x5, pool, conv 16 @ 5x5, pool, then 120 - 84 - classes; 61,706 parameters for MNIST.

    As in current use, it differs from the paper in three ways: ReLU for the scaled tanh, max pooling for trainable
    averaging, and every second-layer map sees all six first-layer maps. The first convolution is padded by 2, which
    stands for the 32 x 32 frame into which the paper sets the 28 x 28 digits.

    Images below 12 pixels are too small for two 5 x 5 kernels. They get 3 x 3 kernels, both padded by 1, so that only
    pooling shrinks the maps: 8 x 8 digits reach the first fully connected layer as 16 maps of 2 x 2.

    Args:
        channels: Colour channels of an image.
        size: Height and width of an image [pixel].
        classes: Classes to tell apart.

    Returns:
        Network from images (N, channels, size, size) to logits (N, classes).

    Raises:
        BeolithError: Images are smaller than 4 pixels.

    References:
        Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
        Proc. IEEE 86, 2278 (1998), doi:10.1109/5.726791, Fig. 2.
    """
    if size < _SMALLEST:
        raise BeolithError(f"lenet5: images of {size} pixels are too small; allowed: {_SMALLEST} pixels and more")
    kernel, first_padding, second_padding = (5, 2, 0) if size >= _FULL_SIZE else (3, 1, 1)
    map_size = (size // 2 + 2 * second_padding - kernel + 1) // 2
    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel, padding=first_padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel, padding=second_padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * map_size**2, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )
