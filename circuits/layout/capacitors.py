"""Storage capacitors on a tier of their own: how large they are and how a cell finds room for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from ..bitcells.base import Bitcell
from .design_rules import CapacitorRules
from .shapes import CAPACITOR, Shape, box


def plates(cell: Bitcell, rules: CapacitorRules) -> dict[str, float]:
    """Footprint of every capacitor that is more than wiring, no smaller than the shortest side squared [m^2]."""
    values = {name: float(torch.as_tensor(x.capacitance).max()) for name, x in cell.capacitors.items()}
    return {
        name: max(value / rules.areal_capacitance, rules.side**2)
        for name, value in values.items()
        if value > rules.wiring
    }


def room(
    areas: Mapping[str, float], rules: CapacitorRules, width: float, height: float
) -> Iterator[tuple[float, float]]:
    """Sizes of a cell, at least the given one, in which the capacitors stand beside each other; wider, or higher [m]."""
    if not areas:
        yield width, height
        return
    high = max(height, rules.side + rules.spacing)
    yield max(width, _needed(areas, rules, high)), high
    wide = max(width, len(areas) * (rules.side + rules.spacing))
    yield wide, max(high, _height(areas, rules, wide))


def place_plates(areas: Mapping[str, float], rules: CapacitorRules, width: float, height: float) -> tuple[Shape, ...]:
    """The capacitors as squares if they fit, otherwise as high as the cell allows, from the left."""
    sides = {name: (math.sqrt(area), math.sqrt(area)) for name, area in areas.items()}
    if sum(w + rules.spacing for w, _ in sides.values()) > width or max(h for _, h in sides.values()) > height - rules.spacing:
        high = height - rules.spacing
        sides = {name: (max(area / high, rules.side), min(high, area / rules.side)) for name, area in areas.items()}
    free = width - sum(w + rules.spacing for w, _ in sides.values())
    left = free / 2 + rules.spacing / 2
    found = []
    for name, (w, h) in sides.items():
        found.append(box(CAPACITOR, name, (left + w / 2, height / 2), w, h))
        left += w + rules.spacing
    return tuple(found)


def _needed(areas: Mapping[str, float], rules: CapacitorRules, height: float) -> float:
    """Width of a row of capacitors in a cell of some height [m]."""
    high = height - rules.spacing
    return sum(max(area / high, rules.side) + rules.spacing for area in areas.values())


def _height(areas: Mapping[str, float], rules: CapacitorRules, width: float) -> float:
    """Height of the lowest cell of some width in which the row fits [m]; infinite if none does."""
    free, open_ = width - len(areas) * rules.spacing, sorted(areas.values())
    while open_ and free > 0:
        high = sum(open_) / free
        if open_[0] / high >= rules.side * (1 - 1e-12):
            return high + rules.spacing
        free, open_ = free - rules.side, open_[1:]
    return rules.side + rules.spacing if not open_ else math.inf
