"""Cells whose transistors differ: every one of them deviates for itself, as its card says.

n transistors are a point of 7 n independent standard normal deviates, see :mod:`..devices.spread.variability`.
Deviates come first and the batch of the cell after them, so that the same cells are seen at every temperature, state
and voltage of the batch. Capacitors do not vary.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from beolith.errors import BeolithError

from ..devices import library
from ..devices.library import Device
from ..devices.spread.sampling import normal
from ..devices.spread.variability import DEVIATES, Sample, sample
from .bitcells.base import Bitcell, Place
from .netlist import volts


def device(place: Place) -> Device:
    """The device of a transistor of a cell."""
    return library.load(place.card) if isinstance(place.card, str) else place.card


def deviates(transistors: Sequence[str], count: int, *, method: str = "random", seed: int = 0) -> Tensor:
    """Deviates of cells drawn at random, shape (count, 7 n) [1].

    Args:
        transistors: Names of the n that vary.
        count: How many cells.
        method: ``random``, ``sobol`` or ``latin``, see :mod:`..devices.spread.sampling`.
        seed: Equal seeds give equal cells.

    Raises:
        BeolithError: No cells, or an unknown method.
    """
    if count < 1:
        raise BeolithError(f"{count} cells; allowed: 1 and more")
    return normal(count, DEVIATES * len(transistors), method, seed)


def drawn(
    kind: Bitcell, transistors: Sequence[str], z: Tensor, axes: int = 0, counting: str = "poisson"
) -> dict[str, Sample]:
    """How the transistors of cells deviate, for :func:`.cell.build`; each tensor (count, *1 for each axis).

    Args:
        kind: The cell.
        transistors: Names of the n that vary.
        z: Deviates, seven for each of them, shape (count, 7 n) [1].
        axes: Number of axes of the cell itself.
        counting: As for :func:`..devices.spread.variability.sample`.

    Raises:
        BeolithError: Another number of deviates, or an unknown way of counting.
    """
    wanted = DEVIATES * len(transistors)
    if z.shape[-1] != wanted:
        raise BeolithError(f"{len(transistors)} transistors have {wanted} deviates, not {z.shape[-1]}")
    apart = z.reshape(z.shape[0], *[1] * axes, len(transistors), DEVIATES)
    found = {}
    for k, name in enumerate(transistors):
        place = kind.transistors[name]
        own, size = device(place), (volts(place.width), volts(place.length))
        found[name] = sample(own.mismatch, own.tekv, *size, apart[..., k, :], counting)
    return found
