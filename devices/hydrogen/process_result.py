"""The result of a process as intervals, with what they rest on: which numbers were ranges, and which of them matter."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
import xarray as xr
from torch import Tensor

from beolith import __version__, provenance
from beolith.errors import BeolithError, ExtrapolationWarning

from ..library import Device
from ..tekv import ROOM
from . import hydrogen_media as media
from . import process
from .hydrogen_sites import swing
from .priors import LEVELS, interval, rank_correlation
from .process import Outcome
from .recipe import Recipe

_THICKER = 0.05
"""Difference of two thicknesses that is worth a warning [1]."""

Quantity = tuple[str, str, Callable[[Device, Outcome], Tensor]]


def _contact_resistance(device: Device, outcome: Outcome) -> Tensor:
    c, state = device.contacts, outcome.state
    doped = torch.exp(-state.donor_density / c.hydrogen_scale) * state.contact_factor
    return c.minimum_resistance + c.barrier_resistance * doped


def _traps(device: Device, outcome: Outcome) -> Tensor:
    return device.tekv.interface_traps + outcome.state.interface_traps


def _swing(device: Device, outcome: Outcome) -> Tensor:
    return swing(device.tekv, _traps(device, outcome), torch.tensor(ROOM, dtype=torch.float64))


QUANTITIES: Mapping[str, Quantity] = {
    "hydrogen": ("1/m**3", "free hydrogen in the channel, mean", lambda d, o: o.uptake.free),
    "donor_density": ("1/m**3", "net donors that hydrogen adds", lambda d, o: o.state.donor_density),
    "threshold_shift": ("V", "threshold shift at 300 K, long channel", lambda d, o: o.threshold_shift),
    "interface_traps": ("1/(m**2*J)", "interface traps left", _traps),
    "swing": ("V", "sub-threshold swing at 300 K, per decade", _swing),
    "mobility": ("m**2/(V*s)", "mobility of the film", lambda d, o: d.tekv.mobility * o.state.mobility_factor),
    "mobility_factor": ("1", "mobility over that before", lambda d, o: o.state.mobility_factor),
    "contact_factor": ("1", "barrier resistance of the contacts over that before", lambda d, o: o.state.contact_factor),
    "contact_resistance": ("ohm*m", "contact resistance times width at 300 K, no gate charge", _contact_resistance),
}


def _check(recipe: Recipe, device: Device) -> None:
    """Warn where the channel of the recipe is another film than that of the card."""
    layer, name = recipe.stack[recipe.channel], device.card.key
    words = set(re.findall("[a-z0-9]+", device.card.material.lower()))
    if layer.medium.split("_")[-1] not in words:
        what = f"the channel of the recipe is {layer.medium}, that of the card {device.card.material}"
        warnings.warn(f"{name}: {what}", ExtrapolationWarning, stacklevel=3)
    thickness = float(device.tekv.channel_thickness)
    if abs(layer.thickness.value / thickness - 1.0) > _THICKER:
        what = f"the channel of the recipe is {layer.thickness.value:g} m thick, that of the card {thickness:g} m"
        warnings.warn(f"{name}: {what}", ExtrapolationWarning, stacklevel=3)


def summary(
    recipe: Recipe,
    device: Device,
    length: float,
    *,
    count: int = 1000,
    seed: int = 0,
    levels: Sequence[float] = LEVELS,
) -> xr.Dataset:
    """Quantiles of what a process makes of a transistor, and their rank correlation with each prior.

    Args:
        recipe: Stack and thermal budget.
        device: The transistor without hydrogen.
        length: Channel length [m].
        count: Points of the sample.
        seed: Of the sample.
        levels: Probabilities of the quantiles, in rising order [1].

    Returns:
        Each of :data:`QUANTITIES` over ``level``, and ``sensitivity`` over ``quantity`` and ``prior``.

    Raises:
        BeolithError: Length, count or levels that cannot be.

    Warns:
        ExtrapolationWarning: The channel of the recipe is of another material or thickness than that of the card.
    """
    _check(recipe, device)
    if not 0 < length < 1:
        raise BeolithError(f"channel length {length:g} m is out of range; allowed: above 0 and below 1 m")
    if count < 1 or not levels or any(not 0 < level < 1 for level in levels):
        raise BeolithError(f"a sample of {count} points at levels {list(levels)} cannot be; levels lie between 0 and 1")
    drawn = process.sample(recipe, count, seed)
    with torch.no_grad():
        outcome = process.run(recipe, device, torch.tensor(length, dtype=torch.float64), drawn.values)
        found = {name: make(device, outcome).expand(count) for name, (_, _, make) in QUANTITIES.items()}
    names = list(drawn.values)
    sensitivity = [
        rank_correlation(drawn.values.values(), values).tolist() if names else [] for values in found.values()
    ]
    variables = {
        name: (
            "level",
            interval(values, levels).numpy(),
            {"units": QUANTITIES[name][0], "long_name": QUANTITIES[name][1]},
        )
        for name, values in found.items()
    }
    return xr.Dataset(
        {
            **variables,
            "sensitivity": (
                ("quantity", "prior"),
                torch.tensor(sensitivity, dtype=torch.float64).reshape(len(found), len(names)).numpy(),
                {"units": "1", "long_name": "Spearman rank correlation with a prior"},
            ),
        },
        {
            "level": ("level", list(levels), {"units": "1", "long_name": "probability"}),
            "quantity": ("quantity", list(found), {"units": "1", "long_name": "quantity"}),
            "prior": ("prior", names, {"units": "1", "long_name": "number known as a range"}),
        },
        _provenance(recipe, device, length, count, seed, drawn.acceptance),
    )


def _provenance(
    recipe: Recipe, device: Device, length: float, count: int, seed: int, acceptance: float
) -> dict[str, str | int | float]:
    cards = {card.key: card for card in (media.card(layer.medium) for layer in recipe.stack)}
    ranges = {name: [prior.low, prior.high] for name, prior in process.priors(recipe).items()}
    config = {
        "recipe": dataclasses.asdict(recipe),
        "card": device.card.key,
        "length": length,
        "count": count,
        "seed": seed,
        "digests": {device.card.key: device.card.digest, **{key: card.digest for key, card in cards.items()}},
    }
    sources = sorted({*device.card.sources, *(key for card in cards.values() for key in card.sources)})
    return {
        "title": recipe.title,
        "config": json.dumps(config),
        "priors": json.dumps(ranges),
        "acceptance": acceptance,
        "sources": json.dumps(sources),
        "beolith_version": __version__,
        "created_at": provenance.now(),
    }
