"""The 8 x 8 digits embedded in scikit-learn: real handwriting that needs no download."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from .published import Split

_TEST_IMAGES = 500
_SPLIT_SEED = 0
_FULL_SCALE = 16.0  # darkest grey level of the data set


def digits(split: Split) -> tuple[Tensor, Tensor]:
    """Images and labels of the digits data set.

    The data set comes without a split. This one is fixed: scikit-learn's stratified shuffle with seed 0 sets 500 of
    the 1,797 images aside for testing, and leaves 1,297 for training.

    Args:
        split: ``train`` or ``test``.

    Returns:
        Images (N, 1, 8, 8), float32 in 0 .. 1, and labels (N,), int64.

    References:
        E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
        doi:10.24432/C50P49; its test half, as scikit-learn distributes it.
    """
    bunch = load_digits()
    train, test = train_test_split(
        range(len(bunch.target)), test_size=_TEST_IMAGES, stratify=bunch.target, random_state=_SPLIT_SEED
    )
    chosen = {"train": train, "test": test}[split]
    images = torch.from_numpy(bunch.images[chosen]).float().unsqueeze(1) / _FULL_SCALE
    return images, torch.from_numpy(bunch.target[chosen]).long()
