"""Where the storage levels lie: equal steps of read current, and the bit-line voltages that reach them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .design import GainCellDesign
from .gain_node import Gain2T0C
from .gain_phases import held, rebalance, selected, write_and_hold
from .solve import root


class Programming(NamedTuple):
    """How a macro is written, fixed once on the fresh nominal cell at the reference temperature.

    Attributes:
        bit_line: WBL voltage of each level [V].
        storage: Storage-node voltage of each level while read [V].
        current: Read current of each level, equally spaced [A].
    """

    bit_line: Tensor
    storage: Tensor
    current: Tensor

    @property
    def unit_current(self) -> Tensor:
        """Step of read current between neighbouring levels [A]."""
        step: Tensor = (self.current[-1] - self.current[0]) / (self.current.shape[0] - 1)
        return step


def program(cell: Gain2T0C, d: GainCellDesign, *, passes: int = 2) -> Programming:
    """Levels equally spaced in read current, and the write voltages that land on them.

    The falling WWL edge pulls the storage node down through its coupling; the bit line is raised by as much, found by
    writing each level and correcting (``passes`` times; the kick hardly depends on the level).

    Args:
        cell: Nominal cell, fresh, at the temperature of calibration; no batch.
        d: Voltages and level count.
        passes: Corrections of the write voltage.

    Raises:
        ConvergenceError: A level cannot be reached.
    """
    v_read = torch.tensor(d.v_read, dtype=torch.float64)
    ends = torch.tensor([d.v_low, d.v_high], dtype=torch.float64)
    low, high = cell.read_current(ends, v_read).unbind()
    current = low + (high - low) * torch.linspace(0.0, 1.0, d.levels, dtype=torch.float64)
    slope = ((high - low) / (ends[1] - ends[0])).detach()

    def residual(v: Tensor) -> Tensor:
        return cell.read_current(v, v_read) - current

    guess = torch.linspace(d.v_low, d.v_high, d.levels, dtype=torch.float64)
    storage, _ = root(residual, guess, slope, what="the storage voltage of a level")
    target = rebalance(cell, storage, selected(d), held(d))
    bit_line = target
    for _ in range(passes):
        written = write_and_hold(cell, d, bit_line, torch.zeros_like(target), [0.0]).voltages[-1]
        bit_line = bit_line + target - written
    return Programming(bit_line, storage, current)
