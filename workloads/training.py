"""Trained networks by name, from the cache if they have been trained before."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import cast

import torch
from torch import nn

from beolith.errors import BeolithError

from . import fit as fitting
from . import networks, weights
from .datasets import load
from .evaluation import evaluate
from .files import user_cache
from .fit import Progress
from .recipes import Recipe, recipe


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, and what would train it again.

    Attributes:
        module: The network in evaluation mode.
        accuracy: Share of the test images that it puts into the right class, 0 .. 1 [1].
        seed: Seed of the training.
        epochs: Passes through the training images.
        digest: SHA-256 of everything the weights depend on.
    """

    module: nn.Module
    accuracy: float
    seed: int
    epochs: int
    digest: str


def train(
    network_name: str,
    dataset_name: str,
    *,
    seed: int = 0,
    epochs: int | None = None,
    folder: Path | str | None = None,
    cache: Path | str | None = None,
    progress: Progress | None = None,
) -> Trained:
    """A network trained on a data set by its recipe, and its accuracy on the test images.

    Weights trained before are taken from the cache, where their name is a hash of the network's and the training
    loop's source, the data set, the recipe, the seed and the version of torch. A damaged file is trained again.

    Args:
        network_name: A file of ``networks/``, such as ``mlp`` or ``lenet5``.
        dataset_name: ``mnist``, ``fashion_mnist`` or ``digits``.
        seed: The same seed gives the same weights; see :func:`.fit.fit` for how far.
        epochs: Passes through the training images; by default those of the recipe.
        folder: Folder of the data set, see :func:`.datasets.load`.
        cache: Folder of trained weights; by default ``weights`` in the user cache.
        progress: Called after each epoch with its number from 1, the number of epochs, and its mean loss.

    Raises:
        BeolithError: There is no such network, or less than one epoch is asked for.
        DataError: There is no such data set, or it cannot be read.
    """
    networks.find(network_name)
    test = load(dataset_name, "test", folder)
    chosen = recipe(network_name, dataset_name)
    chosen = chosen if epochs is None else replace(chosen, epochs=epochs)
    if chosen.epochs < 1:
        raise BeolithError(f"epochs is {chosen.epochs}; allowed: 1 and more")
    digest = _digest(network_name, dataset_name, chosen, seed)
    path = Path(cache or user_cache() / "weights") / f"{network_name}-{dataset_name}-{digest[:16]}.pt"
    _, channels, size, _ = test.images.shape
    build = partial(networks.build, network_name, channels, size, len(test.classes))
    module = weights.restore(build, path)
    if module is None:
        module = fitting.fit(build, load(dataset_name, "train", folder), chosen, seed, progress)
        weights.save(module, path)
    return Trained(module, evaluate(module, test), seed, chosen.epochs, digest)


def _digest(network: str, dataset: str, chosen: Recipe, seed: int) -> str:
    """Content address of trained weights."""
    sources = [inspect.getsource(cast(ModuleType, part)) for part in (networks.find(network), fitting)]
    version = torch.__version__.split(".")[:2]
    return sha256(json.dumps([sources, dataset, asdict(chosen), seed, version]).encode()).hexdigest()
