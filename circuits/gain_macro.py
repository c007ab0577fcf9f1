"""A gain-cell compute macro at one temperature, age and time since refresh, as the architecture sees it.

What was fixed at design time (levels, write voltages) comes from the fresh nominal cell at the reference temperature;
what happens afterwards (incomplete writes, leakage, drift, spread) is solved on the actual cell for every level and
every mismatch, then read through the actual read transistor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.base import DeviceState, Transistor
from ..devices.library import Device
from .base import Cost, Operation
from .gain_node import Gain2T0C
from .design import GainCellDesign
from .gain_cost import costs
from .gain_phases import held, rebalance, selected, write_and_hold
from .node import Node
from .programming import Programming, program
from .retention import hold_time
from .transient import Trajectory

REFERENCE_TEMPERATURE = 300.0
"""Temperature at which the write voltages and the converter range are fixed [K]."""
_NODES = 17
_REACH = 4.0
_TOLERANCE = 3e-4
"""Error of one time step [V]; a level step is some 50 mV and the accumulated error stays below the tolerance."""


@dataclass(frozen=True)
class Condition:
    """Where, when and how old: one-dimensional tensors of one length, a batch of conditions.

    Attributes:
        temperature: Lattice temperature [K].
        write_state: State of the write transistor.
        read_state: State of the read transistor.
    """

    temperature: Tensor
    write_state: DeviceState
    read_state: DeviceState

    def at(self, index: int) -> tuple[Tensor, DeviceState, DeviceState]:
        """One condition of the batch, without its axis."""

        def pick(x: Tensor) -> Tensor:
            return x[index] if x.ndim else x

        return self.temperature[index], self.write_state.map(pick), self.read_state.map(pick)


@dataclass(frozen=True)
class GainCellMacro:
    """See :class:`.base.Macro`; built by :func:`build`.

    Attributes:
        rows: Cells on one bit line.
        columns: Cells on one word line.
        levels: Storage levels of one cell.
        columns_per_converter: Columns that share one converter.
        unit_current: Read current of one level step, by which the converter counts [A].
        read: Read transistor at this temperature and age.
        v_read: RBL voltage [V].
        storage: Storage-node voltage while read, level by mismatch node [V].
        mismatch: Mismatch nodes of the write transistor, in standard deviations [1].
        read_sigma: Standard deviation of the read transistor's threshold [V].
        retention: Time until the weakest cell has lost half a level [s].
        restored: Charge that a refresh puts back into a cell, mean over levels and mismatch [C].
        prices: Cost of every operation.
    """

    rows: int
    columns: int
    levels: int
    columns_per_converter: int
    unit_current: Tensor
    read: Transistor
    v_read: float
    storage: Tensor
    mismatch: Tensor
    read_sigma: Tensor
    retention: Tensor
    restored: Tensor
    prices: Mapping[Operation, Cost]

    def currents(self, level: Tensor, z_write: Tensor, z_read: Tensor) -> Tensor:
        """Read current of cells, see :meth:`.base.Macro.currents`; write mismatch beyond 4 sigma counts as 4 [A]."""
        z = z_write.to(torch.float64).clamp(-_REACH, _REACH)
        last = self.mismatch.shape[0] - 1
        place = (z + _REACH) * (last / (2.0 * _REACH))
        left = place.floor().clamp(0, last - 1).long()
        w = place - left
        v_sn = torch.lerp(self.storage[level, left], self.storage[level, left + 1], w)
        # a threshold that is high by sigma z is a gate voltage that is low by as much
        v_gate = v_sn - self.read_sigma * z_read.to(torch.float64)
        return self.read.current(v_gate, torch.full_like(v_gate, self.v_read), torch.zeros_like(v_gate))

    def retention_time(self) -> Tensor:
        """Time until the weakest cell has lost half a level [s]."""
        return self.retention

    def cost(self, operation: Operation) -> Cost:
        """Cost of one operation."""
        return self.prices[operation]


def gain_cell(
    device: Device, d: GainCellDesign, temperature: Tensor, write: DeviceState, read: DeviceState
) -> Gain2T0C:
    """The cell of a design in a device technology, at a temperature and state.

    Raises:
        BeolithError: The device is p-type.
    """
    if device.sign < 0:
        raise BeolithError(f"{device.card.key}: a p-type transistor; the gain cell is made of n-type ones")
    return Gain2T0C(
        device.transistor(_f64(d.write_width), _f64(d.write_length), temperature, write),
        device.transistor(_f64(d.read_width), _f64(d.read_length), temperature, read),
        storage=_f64(d.storage),
        couple_wwl=_f64(0.0),
        couple_rwl=_f64(d.couple_rwl),
        couple_rbl=_f64(d.couple_rbl),
    )


def calibrate(device: Device, d: GainCellDesign) -> Programming:
    """Write voltages and level currents of the fresh nominal cell at the reference temperature."""
    room = torch.tensor(REFERENCE_TEMPERATURE, dtype=torch.float64)
    return program(gain_cell(device, d, room, DeviceState(), DeviceState()), d)


def fall(
    device: Device,
    d: GainCellDesign,
    condition: Condition,
    times: Sequence[float],
    plan: Programming,
    *,
    steps: Sequence[float] | None = None,
) -> tuple[Gain2T0C, Trajectory]:
    """The cells of a macro, written and left alone: the cells and the storage-node voltage.

    Args:
        device: Oxide technology of the cell.
        d: Design choices.
        condition: Temperatures and states.
        times: Times since the last refresh [s].
        plan: From :func:`calibrate`.
        steps: Time steps of an earlier call, so that a difference of two results is not one of two grids [s].

    Returns:
        The cells, and their trajectory at 0 and the times, each (condition, level, mismatch node).
    """
    temperature = _column(condition.temperature)
    write_sigma = device.threshold_sigma(_f64(d.write_width), _f64(d.write_length))
    write = _aged(condition.write_state, write_sigma * _mismatch())
    cell = gain_cell(device, d, temperature, write, _aged(condition.read_state))
    start = torch.zeros((temperature.shape[0], d.levels, _NODES), dtype=torch.float64)
    moments = [0.0, *times]
    return cell, write_and_hold(cell, d, plan.bit_line[:, None], start, moments, tolerance=_TOLERANCE, steps=steps)


def build(
    device: Device,
    d: GainCellDesign,
    node: Node,
    condition: Condition,
    times: Sequence[float],
    plan: Programming,
    *,
    steps: Sequence[float] | None = None,
) -> list[list[GainCellMacro]]:
    """Macros at every condition and every time since refresh, solved as one batch.

    Args:
        device: Oxide technology of the cell.
        d: Design choices.
        node: CMOS node of the periphery.
        condition: Temperatures and states.
        times: Times since the last refresh [s].
        plan: From :func:`calibrate`.
        steps: As for :func:`fall`.

    Returns:
        ``macros[condition][time]``.
    """
    cell, trajectory = fall(device, d, condition, times, plan, steps=steps)
    v_held, moments = trajectory.voltages, sorted([0.0, *times])
    v_sn = rebalance(cell, v_held, held(d), selected(d))
    z, v_read = _mismatch(), _f64(d.v_read)
    read_sigma = device.threshold_sigma(_f64(d.read_width), _f64(d.read_length))

    retention = _retention(cell, d, v_held[0], z, plan)
    mean_current = cell.read_current(v_sn, v_read).mean(dim=(-2, -1))
    charge = cell.node(v_held, held(d))[0]
    lost = (charge[0] - charge).abs().mean(dim=(-2, -1))
    swing = [cell.write.charges(_f64(v), _f64(0.0), _f64(0.0)).gate.mean(dim=(-2, -1)) for v in (d.v_hold, d.v_write)]
    gate_write = (swing[1] - swing[0]) / (d.v_write - d.v_hold)

    def macro(i: int, time: float) -> GainCellMacro:
        j = moments.index(time)
        actual = gain_cell(device, d, *condition.at(i))
        driven = actual.read_current(plan.storage[[0, -1]], v_read)
        tracking = (driven[1] - driven[0]) / (d.levels - 1)
        return GainCellMacro(
            rows=d.rows,
            columns=d.columns,
            levels=d.levels,
            columns_per_converter=d.columns_per_converter,
            unit_current=tracking if d.reference == "tracking" else plan.unit_current,
            read=actual.read,
            v_read=d.v_read,
            storage=v_sn[j, i],
            mismatch=z,
            read_sigma=read_sigma,
            retention=retention[i],
            restored=lost[j, i],
            prices=costs(d, node.values, mean_current[j, i], gate_write[i], lost[j, i]),
        )

    return [[macro(i, time) for time in times] for i in range(len(condition.temperature))]


def _retention(cell: Gain2T0C, d: GainCellDesign, v_held: Tensor, z: Tensor, plan: Programming) -> Tensor:
    """Time until the fastest level of the weakest cell has fallen half way to the level below, per condition [s]."""
    weak = int((z + d.weak_sigma).abs().argmin())
    half_gap = 0.5 * (plan.storage[1:] - plan.storage[:-1])[:, None]
    top = v_held[:, 1:]
    time = hold_time(cell, held(d), top, top - half_gap)[..., weak]
    return torch.where(time > 0.0, time, torch.inf).amin(dim=-1)


def _mismatch() -> Tensor:
    """Mismatch nodes of the write transistor, in standard deviations [1]."""
    return torch.linspace(-_REACH, _REACH, _NODES, dtype=torch.float64)


def _f64(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def _column(x: Tensor) -> Tensor:
    """One value per condition, broadcastable against (condition, level, mismatch)."""
    return x.reshape(-1, 1, 1)


def _aged(state: DeviceState, mismatch: Tensor | None = None) -> DeviceState:
    aged = state.map(_column)
    return aged if mismatch is None else aged.replace(threshold_shift=aged.threshold_shift + mismatch)
