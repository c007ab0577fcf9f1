"""The phases of a gain cell's life: write, hold, read. Each is a waveform or a charge balance on the storage node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .design import GainCellDesign
from .gain_node import Gain2T0C
from .retention import quadrature
from .solve import root
from .transient import Trajectory, transient
from .waveform import Voltages, Waveform

_FIRST = 1e-10
"""First sample after the write: the end of the WWL edge plus this settling time [s]."""


def _volts(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def held(d: GainCellDesign) -> Voltages:
    """Terminal voltages while the cell holds: word line low, bit line at 0 V (the worst case for a high level)."""
    return {"wwl": _volts(d.v_hold), "wbl": _volts(0.0), "rwl": _volts(d.v_read), "rbl": _volts(d.v_read)}


def selected(d: GainCellDesign) -> Voltages:
    """Terminal voltages while the cell is read: RWL at 0 V."""
    return {**held(d), "rwl": _volts(0.0)}


def write_and_hold(
    cell: Gain2T0C,
    d: GainCellDesign,
    bit_line: Tensor,
    start: Tensor,
    times: Sequence[float] = (),
    *,
    tolerance: float = 1e-4,
    steps: Sequence[float] | None = None,
) -> Trajectory:
    """Storage-node voltage from a write pulse through a hold.

    WWL rises, stays for the write time, falls; then the bit line returns to 0 V and the cell holds.

    Args:
        cell: The cell or a batch of cells.
        d: Voltages and times.
        bit_line: WBL voltage during the write, any batch shape [V].
        start: Storage-node voltage before the write, shape of the whole batch [V].
        times: Times since the end of the write to report; 0 is taken right after the falling edge [s].
        tolerance: Error of one step [V].
        steps: Step ends of an earlier run, to repeat its grid [s].

    Returns:
        The trajectory; its times count from the start of the WWL rise.
    """
    written = d.edge_time + d.write_time
    closed = written + d.edge_time
    settled = closed + d.edge_time
    end = settled + _FIRST + max([*times, 0.0]) * 1.01
    rest, off, on = held(d), _volts(d.v_hold), _volts(d.v_write)
    wave = Waveform(
        (0.0, d.edge_time, written, closed, settled, end),
        {
            "wwl": [off, on, on, off, off, off],
            "wbl": [bit_line, bit_line, bit_line, bit_line, rest["wbl"], rest["wbl"]],
            "rwl": [rest["rwl"]] * 6,
            "rbl": [rest["rbl"]] * 6,
        },
    )
    samples = [settled + max(t, _FIRST) for t in times] or [end]
    return transient(cell.node, wave, start, samples=samples, tolerance=tolerance, steps=steps)


def rebalance(cell: Gain2T0C, v_sn: Tensor, before: Voltages, after: Voltages) -> Tensor:
    """Storage-node voltage after the terminals have jumped and before anything has leaked [V].

    Args:
        cell: The cell.
        v_sn: Storage-node voltage before [V].
        before: Terminal voltages before [V].
        after: Terminal voltages after [V].
    """
    charge, _ = cell.node(v_sn, before)

    def residual(v: Tensor) -> Tensor:
        return cell.node(v, after)[0] - charge

    return root(residual, v_sn.detach(), torch.full_like(charge, 1e-15), what="the storage node after a jump")[0]


@dataclass(frozen=True)
class _Resting:
    """The storage node among terminals that stand still."""

    cell: Gain2T0C
    terminals: Voltages

    def charge(self, v: Tensor) -> Tensor:
        return self.cell.node(v, self.terminals)[0]

    def current(self, v: Tensor) -> Tensor:
        return self.cell.node(v, self.terminals)[1]


def hold_time(cell: Gain2T0C, terminals: Voltages, v_start: Tensor, v_end: Tensor) -> Tensor:
    """Time for a held storage node to move from one voltage to another; infinite where it does not get there [s].

    Args:
        cell: The cell or a batch of cells.
        terminals: Constant terminal voltages while it holds [V].
        v_start: Voltage at the start, any shape [V].
        v_end: Voltage at the end, broadcastable [V].
    """
    every = (cell.node(v_start, terminals)[0] + v_end).shape
    return quadrature(_Resting(cell, terminals), v_start.expand(every), v_end.expand(every))
