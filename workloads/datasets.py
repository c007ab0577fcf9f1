"""Labelled images by name: ``mnist``, ``fashion_mnist`` and ``digits``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast, get_args

from torch import Tensor

from beolith.errors import DataError, nearest

from . import idx
from .locate import locate
from .published import DIGITS, PUBLISHED, Split

Reader = Callable[[Split, Path | str | None], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a set of labelled images.

    Attributes:
        name: Key under which :func:`load` knows the data set.
        images: Grey levels, float32 tensor (N, C, H, W), 0 .. 1 [1].
        labels: Index of the class of each image, int64 tensor (N,).
        classes: Names of the classes.

    Raises:
        DataError: Images and labels differ in number, or a label has no class.
    """

    name: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise DataError(
                f"{self.name}: expected one label for each image, "
                f"found {len(self.images)} images and {len(self.labels)} labels"
            )
        strangers = self.labels[(self.labels < 0) | (self.labels >= len(self.classes))]
        if len(strangers):
            raise DataError(
                f"{self.name}: expected labels 0 .. {len(self.classes) - 1}, found {sorted(set(strangers.tolist()))}"
            )

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def first(self, count: int) -> Dataset:
        """The first ``count`` images with their labels, sharing memory with the whole."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])


def load(name: str, split: str, folder: Path | str | None = None) -> Dataset:
    """One split of a data set, verified against the published checksums.

    Args:
        name: ``mnist``, ``fashion_mnist`` (60,000 + 10,000 images of 28 x 28) or ``digits`` (1,297 + 500 of 8 x 8).
        split: ``train`` or ``test``.
        folder: Folder with the published files; otherwise BEOLITH_DATA, the user cache, then a download, see
            :func:`.locate.locate`. ``digits`` needs none.

    Raises:
        DataError: The name or split is unknown; or a file is missing, damaged or not the published one.

    Example:
        >>> load("digits", "test").images.shape
        torch.Size([500, 1, 8, 8])
    """
    check_name(name)
    _known("split", split, get_args(Split))
    read, classes = _READERS[name]
    images, labels = read(cast(Split, split), folder)
    return Dataset(name, images, labels, classes)


def check_name(name: str) -> str:
    """The name of a data set, if there is one of that name.

    Raises:
        DataError: There is none; with the nearest.
    """
    _known("data set", name, tuple(_READERS))
    return name


def _known(what: str, name: str, allowed: tuple[str, ...]) -> None:
    if name not in allowed:
        raise DataError(f"no {what} is called {name!r}; {nearest(name, allowed)}")


def _published(name: str, split: Split, folder: Path | str | None) -> tuple[Tensor, Tensor]:
    images, labels = locate(name, split, folder)
    return idx.read(images, 3).unsqueeze(1).float() / 255, idx.read(labels, 1).long()


def _digits(split: Split, folder: Path | str | None) -> tuple[Tensor, Tensor]:
    from .digits import digits  # scikit-learn takes a second to import

    return digits(split)


_READERS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "digits": (_digits, DIGITS),
    **{name: (partial(_published, name), entry.classes) for name, entry in PUBLISHED.items()},
}
