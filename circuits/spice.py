"""The same cell as an ngspice deck, of the subcircuits that :mod:`..devices.export` writes: an independent solver.

The equations are those of the model, traced; ngspice solves the charge-voltage law on nodes of its own, and integrates
in its own way. Currents and charges are multiplied by one factor, so that femtofarads look like farads to its
tolerances; the write runs in nanoseconds. A long hold runs in logarithmic time t = t_0 10^tau, where the leakage is
multiplied by dt/dtau, because a linear run over eleven decades never ends.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.export.spice import subcircuit
from ..devices.thin_film import ThinFilmTransistor
from .deck import NANO, SCALE, run
from .design import GainCellDesign
from .gain_node import Gain2T0C
from .gain_phases import held

_OPTIONS = ".options reltol=1e-6 abstol=1e-9 vntol=1e-9 chgtol=1e-15 trtol=1 method=gear itl1=500 itl4=200 gmin=1e-18"


def storage_node(
    cell: Gain2T0C, d: GainCellDesign, bit_line: float, *, join: float = 1e-9, decades: float = 12.0, points: int = 5
) -> tuple[Tensor, Tensor]:
    """Storage-node voltage of a write and a hold as ngspice finds it.

    Args:
        cell: One cell of two T-EKV transistors, no batch.
        d: Voltages and times.
        bit_line: WBL voltage during the write [V].
        join: Time since the end of the write at which the run changes to logarithmic time [s].
        decades: Length of the logarithmic part [1].
        points: Reported times per decade [1].

    Returns:
        Times since the end of the write [s] and voltages [V], one-dimensional.

    Raises:
        BeolithError: ngspice is not installed, or does not finish.
    """
    rest = {name: float(v) for name, v in held(d).items()}
    e, w = d.edge_time / NANO, d.write_time / NANO
    end = 3 * e + w + join / NANO
    wwl = f"pwl(0 {d.v_hold!r} {e!r} {d.v_write!r} {e + w!r} {d.v_write!r} {2 * e + w!r} {d.v_hold!r})"
    wbl = f"pwl(0 {bit_line!r} {2 * e + w!r} {bit_line!r} {3 * e + w!r} {rest['wbl']!r})"
    write = _deck(cell, rest, wwl, wbl, repr(NANO), 0.0, f"{w / 200!r} {end!r} 0 {w / 200!r}", d)
    start = float(run(write)[-1, 1])
    rate = f"{join * math.log(10.0)!r}*exp({math.log(10.0)!r}*time)"
    step = 1.0 / (8 * points)
    hold = _deck(cell, rest, repr(d.v_hold), repr(rest["wbl"]), rate, start, f"{step!r} {decades!r} 0 {step!r}", d)
    found = run(hold)
    tau = np.arange(0.0, decades + 1e-9, 1.0 / points)
    return torch.tensor(join * 10.0**tau), torch.tensor(np.interp(tau, found[:, 0], found[:, 1]))


def _deck(
    cell: Gain2T0C, rest: dict[str, float], wwl: str, wbl: str, rate: str, start: float, tran: str, d: GainCellDesign
) -> str:
    if not (isinstance(cell.write, ThinFilmTransistor) and isinstance(cell.read, ThinFilmTransistor)):
        raise BeolithError("A SPICE deck can be written for cells of T-EKV transistors only.")
    wires = {"0": cell.storage, "wwl": cell.couple_wwl, "rwl": cell.couple_rwl, "rbl": cell.couple_rbl}
    capacitors = [f"c{i} sn {to} {SCALE * float(c)!r}" for i, (to, c) in enumerate(wires.items()) if float(c) > 0]
    return "\n".join(
        [
            "beolith 2T0C gain cell",
            subcircuit("write", cell.write, rate=rate, scale=SCALE),
            subcircuit("read", cell.read, rate="0", scale=SCALE),
            f"vwwl wwl 0 {wwl}",
            f"vwbl wbl 0 {wbl}",
            f"vrwl rwl 0 {rest['rwl']!r}",
            f"vrbl rbl 0 {rest['rbl']!r}",
            "xw wbl wwl sn write",
            "xr rbl sn rwl read",
            *capacitors,
            f".ic v(sn)={start!r}",
            _OPTIONS,
            ".control",
            "set wr_singlescale",
            "set numdgt=12",
            f"tran {tran}",
            "wrdata out.txt v(sn)",
            "quit",
            ".endc",
            ".end",
            "",
        ]
    )
