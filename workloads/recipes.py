"""How each network is trained on each data set: settings found by trial, for minutes on two cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Settings of one training run: Adam under a one-cycle learning rate.

    Attributes:
        epochs: Passes through the training images.
        peak_rate: Highest learning rate of the cycle [1].
        shift: Largest random shift of an image in either direction [pixel].
        batch: Images in one step.
    """

    epochs: int
    peak_rate: float
    shift: int
    batch: int = 128


# What a network gets on a data set for which it has no recipe of its own.
USUAL = {
    "mnist": Recipe(epochs=20, peak_rate=4e-3, shift=2),
    "fashion_mnist": Recipe(epochs=20, peak_rate=4e-3, shift=0),
    "digits": Recipe(epochs=40, peak_rate=1e-2, shift=0, batch=32),
}

SPECIAL = {
    ("mlp", "mnist"): Recipe(epochs=20, peak_rate=4e-3, shift=1),
}


def recipe(network: str, dataset: str) -> Recipe:
    """The recipe of a network on a data set, both known by name."""
    return SPECIAL.get((network, dataset), USUAL[dataset])
