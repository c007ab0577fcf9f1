"""A 2T0C gain cell of the macro through ngspice: a write and a hold, see :func:`.deck.hold`."""

from __future__ import annotations

import torch
from torch import Tensor

from . import deck
from .design import GainCellDesign
from .gain_node import Gain2T0C
from .gain_phases import held
from .netlist import Capacitor, Circuit, Fet, VoltageSource, pulse, pwl, volts


def gain_circuit(cell: Gain2T0C, d: GainCellDesign, bit_line: Tensor) -> tuple[Circuit, float]:
    """A cell that is written and then holds, and the time at which it has been written [s].

    Args:
        cell: The cell.
        d: Voltages and times.
        bit_line: WBL voltage during the write [V].
    """
    e, w, rest = d.edge_time, d.write_time, held(d)
    end = 3 * e + w
    elements = (
        VoltageSource("wwl", "wwl", "0", pulse(d.v_hold, d.v_write, start=0.0, width=w, edge=e)),
        VoltageSource("wbl", "wbl", "0", pwl([0.0, end - e, end], [bit_line, bit_line, rest["wbl"]])),
        VoltageSource("rwl", "rwl", "0", rest["rwl"]),
        VoltageSource("rbl", "rbl", "0", rest["rbl"]),
        Fet("write", "wwl", "wbl", "sn", cell.write),
        Fet("read", "sn", "rbl", "rwl", cell.read),
        Capacitor("storage", "sn", "0", cell.storage),
        Capacitor("couple_wwl", "sn", "wwl", cell.couple_wwl),
        Capacitor("couple_rwl", "sn", "rwl", cell.couple_rwl),
        Capacitor("couple_rbl", "sn", "rbl", cell.couple_rbl),
    )
    return Circuit("2T0C gain cell", elements, {"sn": 0.0 * bit_line}), end


def storage_node(
    cell: Gain2T0C, d: GainCellDesign, bit_line: float, *, join: float = 1e-9, decades: float = 12.0, points: int = 5
) -> tuple[Tensor, Tensor]:
    """Storage-node voltage of a write and a hold as ngspice finds it.

    Args:
        cell: One cell of two T-EKV transistors, no batch.
        d: Voltages and times.
        bit_line: WBL voltage during the write [V].
        join: First time to report, since the end of the write [s].
        decades: Decades that are reported from there [1].
        points: Reported times per decade [1].

    Returns:
        Times since the end of the write [s] and voltages [V], one-dimensional.

    Raises:
        BeolithError: ngspice is not installed, or does not finish.
    """
    circuit, end = gain_circuit(cell, d, volts(bit_line))
    times = join * 10.0 ** torch.arange(0.0, decades + 1e-9, 1.0 / points, dtype=torch.float64)
    found = deck.hold(circuit, end + times, d.write_time / 200.0, ["sn"], join=join)
    return times, found["sn"]
