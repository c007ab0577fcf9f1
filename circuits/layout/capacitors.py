"""Storage capacitors on a tier of their own: how large they are and how a cell finds room for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from ..bitcells.base import Bitcell
from .design_rules import CapacitorRules
from .shapes import CAPACITOR, Shape, box


def plates(cell: Bitcell, rules: CapacitorRules) -> dict[str, float]:
    """Footprint of every capacitor that is more than wiring, with its share of the spacing around it [m^2]."""
    values = {
        name: float(torch.as_tensor(x.capacitance, dtype=torch.float64).max())
        for name, x in cell.capacitors.items()
        if not x.wiring
    }
    return {
        name: max(value / rules.areal_capacitance, rules.pitch**2)
        for name, value in values.items()
        if value > rules.wiring
    }


def room(
    areas: Mapping[str, float], rules: CapacitorRules, width: float, height: float
) -> Iterator[tuple[float, float]]:
    """Sizes of a cell, at least the given one, that hold the capacitors beside each other; wider, or higher [m]."""
    if not areas:
        yield width, height
        return
    high = max(height, rules.pitch)
    yield max(width, sum(max(area / high, rules.pitch) for area in areas.values())), high
    wide = max(width, len(areas) * rules.pitch)
    yield wide, max(high, _height(areas, rules, wide))


def place_plates(areas: Mapping[str, float], rules: CapacitorRules, width: float, height: float) -> tuple[Shape, ...]:
    """The capacitors as squares if they fit, otherwise as high as the cell allows, in the middle of the cell."""
    slots = {name: (math.sqrt(area), math.sqrt(area)) for name, area in areas.items()}
    if sum(w for w, _ in slots.values()) > width or max(h for _, h in slots.values()) > height:
        wide = {name: max(area / height, rules.pitch) for name, area in areas.items()}
        slots = {name: (w, areas[name] / w) for name, w in wide.items()}
    left = (width - sum(w for w, _ in slots.values())) / 2
    found = []
    for name, (w, h) in slots.items():
        found.append(box(CAPACITOR, name, (left + w / 2, height / 2), w - rules.spacing, h - rules.spacing))
        left += w
    return tuple(found)


def _height(areas: Mapping[str, float], rules: CapacitorRules, width: float) -> float:
    """Height of the lowest cell of some width in which the row of capacitors fits [m]."""
    free, rest = width, sorted(areas.values())
    while rest:
        high = sum(rest) / free
        if rest[0] / high >= rules.pitch * (1 - 1e-12):
            return high
        free, rest = free - rules.pitch, rest[1:]
    return rules.pitch
