"""The published data sets: which files, which checksums, where they can be had. Data, no code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "test"]


@dataclass(frozen=True)
class File:
    """One published file.

    Attributes:
        name: File name as published.
        md5: Hexadecimal MD5 checksum of the compressed file.
    """

    name: str
    md5: str


@dataclass(frozen=True)
class Published:
    """A data set published as gzipped IDX files.

    Attributes:
        splits: The image file and the label file of each split.
        classes: What label 0, 1, 2 ... means.
        folders: Names under which a user's data folder may hold the files.
        mirrors: Addresses, each ending in a slash, below which the files are served.
    """

    splits: dict[Split, tuple[File, File]]
    classes: tuple[str, ...]
    folders: tuple[str, ...]
    mirrors: tuple[str, ...]


DIGITS = tuple("0123456789")

# LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0). The original host no longer serves
# the files; the checksums are those that torchvision.datasets.MNIST verifies.
MNIST = Published(
    splits={
        "train": (
            File("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            File("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ),
        "test": (
            File("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            File("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
    },
    classes=DIGITS,
    folders=("mnist",),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

# Xiao, Rasul, Vollgraf, "Fashion-MNIST", arXiv:1708.07747 (MIT). Checksums and address as in the authors' README.
FASHION_MNIST = Published(
    splits={
        "train": (
            File("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            File("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ),
        "test": (
            File("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
            File("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    },
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    folders=("fashion-mnist", "fashion_mnist"),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
)

PUBLISHED = {"mnist": MNIST, "fashion_mnist": FASHION_MNIST}
