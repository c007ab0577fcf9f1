"""How long a level lasts: charge lost over current leaked, integrated exactly along the fall.

With constant terminals the storage node obeys dQ/dt = I(V), so the time from V_0 to V_1 is the integral of dQ/I. No
retention time is ever an input.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .gain_node import Gain2T0C
from .waveform import Voltages

_CELLS = 64


def hold_time(cell: Gain2T0C, terminals: Voltages, v_start: Tensor, v_end: Tensor) -> Tensor:
    """Time for a held storage node to move from one voltage to another, t = int dQ/I [s].

    Midpoint rule over 64 intervals of voltage, second order; checked against the transient in the tests.

    Args:
        cell: The cell or a batch of cells.
        terminals: Constant terminal voltages while it holds [V].
        v_start: Voltage at the start, any shape [V].
        v_end: Voltage at the end, broadcastable [V].

    Returns:
        The time; negative where the node moves the other way, so that it never arrives.
    """
    batch = (cell.node(v_start, terminals)[0] + v_end).ndim
    grid = torch.linspace(0.0, 1.0, 2 * _CELLS + 1, dtype=torch.float64).reshape(-1, *[1] * batch)
    charge, current = cell.node(v_start + (v_end - v_start) * grid, terminals)
    return ((charge[2::2] - charge[:-2:2]) / current[1::2]).sum(0)
