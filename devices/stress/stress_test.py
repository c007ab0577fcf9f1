"""Published stress tests as a device predicts them: one shift after one stress, and ratios of such shifts.

References:
    yoon2018_rscadv (shifts at two temperatures), kang2025_nanomaterials (shifts at three rise times).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .aging import Aging
from .edges import EdgeParameters, Edges
from .mechanism import final
from .mission import constant, from_arrays


def stress_shift(
    aging: Aging,
    duration: Tensor | float,
    temperature: Tensor | float,
    overdrive: Tensor | float,
    duty: Tensor | float = 1.0,
    *,
    feedback: bool = False,
) -> Tensor:
    """Threshold shift, donors included, after one stress of a fresh device [V].

    Args:
        aging: What ages, such as ``library.load(card).aging``.
        duration: Of the stress [s].
        temperature: Of the stress [K].
        overdrive: Of the stress on the fresh device [V].
        duty: Fraction of the time under stress [1].
        feedback: Whether the shift takes away from the overdrive.
    """
    *_, states = aging.march(constant(duration, temperature, overdrive, duty), feedback=feedback)
    return aging.shift(states)


def pulse_over_constant(aging: Aging, on_time: float, temperature: float, overdrive: float, duty: float) -> Tensor:
    """Shift by fast pulses over that by constant stress of the same on-time; above one only with edges [1]."""
    pulsed = stress_shift(aging, on_time / duty, temperature, overdrive, duty)
    return pulsed / stress_shift(aging, on_time, temperature, overdrive)


def rise_time_shift(p: EdgeParameters, rise_times: Tensor, swing: float, edges: float) -> Tensor:
    """Threshold shift by a number of edges of some rise times [V].

    Args:
        p: Trapping by edges.
        rise_times: Durations of an edge, any shape [s].
        swing: Voltage between rest and stress [V].
        edges: Number of edges.
    """
    row = rise_times.unsqueeze(0)
    frequency = torch.ones_like(row)
    pulses = from_arrays(0.5 * edges * frequency, 300.0 * frequency, swing * frequency, 0.5, 0.0, frequency, row)
    m = Edges(p)
    (states,) = final([m], pulses)
    return m.shift(states)
