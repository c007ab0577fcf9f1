"""Parameters that may be fitted: where each may lie, and which curves it takes to fix it.

A free parameter is a logistic function of an unbounded one, of its logarithm where it may span decades. Every value in
its range counts as about equally likely before the measurement, so that a parameter the curves say nothing about keeps
its range as uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from scipy import constants
from torch import Tensor

from beolith.errors import BeolithError, nearest

from .curve_checks import varies

PER_EV = 1.0 / constants.electron_volt
PRECISION = 3.0 / math.pi**2
"""Of the logistic distribution: the unbounded parameter of one that is evenly distributed over its range [1]."""


class Range(NamedTuple):
    """Where a free parameter may lie [SI], and whether that is a matter of decades."""

    low: float
    high: float
    decades: bool = False

    def value(self, x: Tensor) -> Tensor:
        """The parameter of an unbounded one."""
        low, high = (math.log(self.low), math.log(self.high)) if self.decades else (self.low, self.high)
        inside = low + (high - low) * torch.sigmoid(x)
        return torch.exp(inside) if self.decades else inside

    def inverse(self, value: float) -> float:
        """The unbounded one; the middle if the value is not inside."""
        if not self.low < value < self.high:
            return 0.0
        low, high, at = map(math.log, (self.low, self.high, value)) if self.decades else (*self[:2], value)
        return math.log((at - low) / (high - at))


RANGES: Mapping[str, Range] = {
    "tekv.threshold_voltage": Range(-50, 50),
    "tekv.mobility": Range(1e-6, 0.1, True),
    "tekv.tail_density": Range(1e22 * PER_EV, 1e27 * PER_EV, True),
    "tekv.interface_traps": Range(1e13 * PER_EV, 1e18 * PER_EV, True),
    "tekv.tail_temperature": Range(350, 1500),
    "tekv.length_modulation": Range(1e-11, 1e-6, True),
    "tekv.mobility_activation": Range(-3000, 8000),
    "tekv.mobility_degradation": Range(1e-5, 1, True),
    "tekv.percolation_exponent": Range(0, 3),
    "tekv.flat_band_slope": Range(-0.01, 0.01),
    "tekv.saturation_velocity": Range(1e3, 1e6, True),
    "tekv.threshold_rolloff": Range(1e-3, 10, True),
    "tekv.drain_lowering": Range(1e-4, 10, True),
    "tekv.slope_rolloff": Range(1e-3, 10, True),
    "tekv.leakage_density": Range(1e-18, 1e2, True),
    "tekv.leakage_activation": Range(0, 3.3e-19),
    "tekv.oxide_thickness": Range(0.3e-9, 1e-6, True),
    "tekv.oxide_permittivity": Range(2, 100, True),
    "tekv.channel_thickness": Range(0.3e-9, 200e-9, True),
    "tekv.charge_centroid": Range(1e-11, 5e-8, True),
    "tekv.overlap_capacitance": Range(1e-13, 1e-8, True),
    "contacts.minimum_resistance": Range(1e-6, 1e3, True),
    "contacts.barrier_resistance": Range(1e-6, 1e6, True),
    "contacts.charge_scale": Range(1e-6, 1, True),
}
"""Inside what :mod:`.parameters` allows; where that begins at zero, from what no longer shows."""


def _several(column: str) -> Callable[[pd.DataFrame], bool]:
    return lambda table: varies(table[column])


def _currents_at_several(column: str) -> Callable[[pd.DataFrame], bool]:
    return lambda table: varies(table[column][table["i_d"].notna()])


def _measured(column: str) -> Callable[[pd.DataFrame], bool]:
    return lambda table: bool(table[column].notna().any())


def _always(_: pd.DataFrame) -> bool:
    return True


WHEN: Mapping[str, Callable[[pd.DataFrame], bool]] = {
    "tekv.threshold_voltage": _always,
    "tekv.mobility": _measured("i_d"),
    "tekv.tail_density": _always,
    "tekv.interface_traps": _always,
    "tekv.length_modulation": _currents_at_several("v_ds"),
    "tekv.tail_temperature": _several("temperature"),
    "tekv.flat_band_slope": _several("temperature"),
    "tekv.mobility_activation": _currents_at_several("temperature"),
    "contacts.minimum_resistance": _currents_at_several("length"),
    "tekv.overlap_capacitance": _measured("c_g"),
}
"""Parameters that are free by themselves, and the curves that it takes."""


def chosen(free: Sequence[str], table: pd.DataFrame) -> tuple[str, ...]:
    """Full names of the parameters to fit; those that the curves call for if none is named.

    Args:
        free: Such as ``tekv.mobility``, or ``mobility``.
        table: The curves.

    Raises:
        BeolithError: A parameter that cannot be fitted.
    """
    if not free:
        return tuple(name for name, when in WHEN.items() if when(table))
    short = {name.partition(".")[2]: name for name in RANGES}
    unknown = [name for name in free if name not in RANGES and name not in short]
    if unknown:
        raise BeolithError(f"{unknown[0]!r} cannot be fitted; {nearest(unknown[0], [*RANGES, *short])}")
    return tuple(dict.fromkeys(short.get(name, name) for name in free))
