"""A bitcell in one row: area, speed, energy, leakage, retention of the median and of the worst cell, noise margins."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .bitcells.base import Bitcell
from .cell import build
from .layout.cell_layout import layout
from .margins.snm import snm
from .performance import performance
from .population import population
from .retention import hold_power
from .retention_statistics import worst

SIGMA = 6.0
"""Standard deviations of the worst cell: one of 1e9."""
UNITS = {
    "area": "m**2",
    "area_in_f2": "1",
    "write_time": "s",
    "read_time": "s",
    "write_energy": "J",
    "read_energy": "J",
    "hold_power": "W",
    "retention": "s",
    "worst_retention": "s",
    "hold_margin": "V",
    "read_margin": "V",
}
"""Unit of every number of a summary."""


@dataclass(frozen=True)
class Summary:
    """What a cell is worth (SI); None where the question does not arise, not a number where the cell fails.

    Attributes:
        area: Footprint of the cell, the largest of its tiers [m^2].
        area_in_f2: The same over the square of the feature size [1].
        write_time: Of the slowest level [s].
        read_time: Until neighbouring levels differ by twice the sense signal [s].
        write_energy: Of the level that takes most [J].
        read_energy: The same for a read [J].
        hold_power: Leakage at rest, mean over levels [W].
        retention: Median cell; none for one that feedback keeps [s].
        worst_retention: The cell at 6 sigma [s].
        hold_margin: Static noise margin at rest; none for a cell without feedback [V].
        read_margin: The same in a read [V].
    """

    area: float
    area_in_f2: float
    write_time: float
    read_time: float
    write_energy: float
    read_energy: float
    hold_power: float
    retention: float | None
    worst_retention: float | None
    hold_margin: float | None
    read_margin: float | None


def summary(kind: Bitcell, temperature: float = 300.0) -> Summary:
    """Everything about the nominal cell at a temperature [K], and about the worst of 1e9."""
    with torch.no_grad():
        cell = build(kind, temperature)
        p, _, _ = performance(cell)
        place = layout(kind)
        known = {} if kind.static else {kind.storage[0]: p.held}
        speed = (p.write_time, p.read_time, p.write_energy, p.read_energy, hold_power(cell, known))
    if kind.static:
        margins = [snm(cell, condition).margin for condition in ("hold", "read")]
        kept = (None, None, *map(float, margins))
    else:
        cells = population(kind, temperature, stored=p.held)
        beyond = float(torch.special.ndtr(torch.tensor(-SIGMA, dtype=torch.float64)))
        nominal = cells.times(torch.zeros(1, cells.deviates, dtype=torch.float64), "normal").amin()
        kept = (float(nominal), worst(cells, beyond).time, None, None)
    return Summary(place.area, place.area_in_f2, *map(float, speed), *kept)
