"""The same cell as an ngspice deck, from behavioural sources: an independent solver for the equations of T-EKV.

Nothing but the coefficients is shared with :mod:`..devices.tekv`: ngspice solves the charge-voltage law on a node of
its own, evaluates the quadrature of the charges in its own arithmetic and integrates in its own way. Currents and
charges are multiplied by one factor, so that femtofarads look like farads to its tolerances; the write runs in
nanoseconds. A long hold runs in logarithmic time t = t_0 10^tau, where the leakage is multiplied by dt/dtau, because a
linear run over eleven decades never ends.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.tekv import Tekv
from ..devices.thin_film import ThinFilmTransistor
from ..devices.ward_dutton import rule
from .bitcells.gain_2t0c import Gain2T0C
from .design import GainCellDesign
from .gain_phases import held

SCALE = 1e15
NANO = 1e-9
_PATIENCE = 60.0
"""How long one run may take [s]."""
_OPTIONS = ".options reltol=1e-6 abstol=1e-12 vntol=1e-9 chgtol=1e-15 trtol=1 method=gear itl1=500 itl4=200 gmin=1e-18"


def subcircuit(name: str, transistor: Tekv | ThinFilmTransistor, rate: str = "1") -> str:
    """A T-EKV transistor as an ngspice subcircuit with terminals d, g, s; currents and charges are times `SCALE`.

    Args:
        name: Name of the subcircuit.
        transistor: One transistor, no batch.
        rate: Expression that multiplies the current, dt/dtau in logarithmic time.

    Raises:
        BeolithError: The transistor is a batch.
    """
    k = {n: _number(v) for n, v in transistor.coefficients._asdict().items() if n != "mobility"}
    m = {n: _number(v) for n, v in transistor.coefficients.mobility._asdict().items()}
    nodes, weights, matrix = (x.numpy() for x in rule(torch.device("cpu"), torch.float64))
    smooth = f"sqrt((v(d)-v(s))*(v(d)-v(s))+{4 * k['phi'] ** 2!r})"
    two_phi = f"{2 * k['phi']!r}"
    mean = "0.5*(exp(v(xs))+exp(v(xd)))"  # no node of its own: an iterate below zero would end in the logarithm
    lines = [f".subckt {name} d g s"]
    for end in "sd":
        drive = f"(v(g)-({k['v_t']!r})+{k['dibl']!r}*({smooth}-{two_phi})-v({end}))/{k['n_phi']!r}"
        x = f"v(x{end})"
        lines.append(f"bx{end} x{end} 0 i={x}+2*exp({x})+{k['a']!r}*exp({k['s']!r}*{x})-({drive})")
        g = f"exp({x})*(exp({x})+1+{k['a'] * k['s'] / (k['s'] + 1)!r}*exp({k['s']!r}*{x}))"
        lines.append(f"bg{end} g{end} 0 v={g}")
    lines += [
        f"bmu mu 0 v={m['scale']!r}*exp({m['exponent']!r}*ln(1+{mean}*{m['inverse_charge']!r}))"
        f"/(1+{m['theta']!r}*{mean})",
        *_velocity(k["velocity"]),
        f"bi d s i={SCALE!r}*({rate})*({k['gain']!r}*v(mu)*(v(gs)-v(gd))/v(slow)"
        f"*(1+{k['clm']!r}*({smooth}-{two_phi}))+{k['leakage']!r}*exp({k['leakage_field']!r}*({smooth}-{two_phi}))*tanh((v(d)-v(s))/{two_phi}))",
    ]
    for i, place in enumerate(nodes):
        r = f"(exp(0.5*v(xd))+(exp(0.5*v(xs))-exp(0.5*v(xd)))*{float(place)!r})"
        lines += [
            f"br{i} r{i} 0 v={r}",
            f"bt{i} t{i} 0 v={k['a']!r}*exp({2 * k['s']!r}*ln({r}))",
            f"bw{i} w{i} 0 v=v(r{i})*(2*v(r{i})*v(r{i})+1+{k['s']!r}*v(t{i}))",
        ]
    lines.append("bsum sum 0 v=" + _dot(weights, "w"))
    share = [f"{float(w)!r}*v(w{i})*(2*v(r{i})*v(r{i})+v(t{i}))/v(sum)" for i, w in enumerate(weights)]
    drain = "+".join(f"{part}*({_dot(row, 'w')})/v(sum)" for part, row in zip(share, matrix, strict=True))
    scale = SCALE * k["charge"]
    lines += [
        f"bqd qd 0 v={drain}",
        f"cd d g q='{SCALE * k['overlap']!r}*(v(d)-v(g))-{scale!r}*v(qd)'",
        f"cs s g q='{SCALE * k['overlap']!r}*(v(s)-v(g))-{scale!r}*({'+'.join(share)}-v(qd))'",
        ".ends",
    ]
    return "\n".join(lines)


def _velocity(velocity: float) -> list[str]:
    """Node ``slow``, the square root of 1 + u^2; a constant where the velocity does not saturate."""
    if velocity == 0.0:
        return ["vslow slow 0 1"]
    maximum = "0.5*(exp(v(xs))*(1+tanh(4*(v(xs)-v(xd))))+exp(v(xd))*(1-tanh(4*(v(xs)-v(xd)))))"
    return [
        f"bu u 0 v={velocity!r}*v(mu)*(v(gs)-v(gd))/(1+{maximum})",
        "bslow slow 0 v=sqrt(1+v(u)*v(u))",
    ]


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
    start = float(_run(write)[-1, 1])
    rate = f"{join * math.log(10.0)!r}*exp({math.log(10.0)!r}*time)"
    step = 1.0 / (8 * points)
    hold = _deck(cell, rest, repr(d.v_hold), repr(rest["wbl"]), rate, start, f"{step!r} {decades!r} 0 {step!r}", d)
    run = _run(hold)
    tau = np.arange(0.0, decades + 1e-9, 1.0 / points)
    return torch.tensor(join * 10.0**tau), torch.tensor(np.interp(tau, run[:, 0], run[:, 1]))


def _deck(
    cell: Gain2T0C, rest: dict[str, float], wwl: str, wbl: str, rate: str, start: float, tran: str, d: GainCellDesign
) -> str:
    if not all(isinstance(t, Tekv | ThinFilmTransistor) for t in (cell.write, cell.read)):
        raise BeolithError("A SPICE deck can be written for cells of T-EKV transistors only.")
    wires = {"0": cell.storage, "wwl": cell.couple_wwl, "rwl": cell.couple_rwl, "rbl": cell.couple_rbl}
    capacitors = [f"c{i} sn {to} {SCALE * float(c)!r}" for i, (to, c) in enumerate(wires.items()) if float(c) > 0]
    return "\n".join(
        [
            "beolith 2T0C gain cell",
            subcircuit("write", cell.write, rate),
            subcircuit("read", cell.read, "0"),
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


def _run(deck: str) -> np.ndarray:
    """Time and storage-node voltage of a deck, two columns."""
    program = shutil.which("ngspice")
    if program is None:
        raise BeolithError("ngspice is not installed; it is the Debian package 'ngspice'.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cell.cir"
        path.write_text(deck)
        done = subprocess.run(
            [program, "-b", path.name], cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
        out = Path(folder) / "out.txt"
        if not out.exists():
            raise BeolithError(f"ngspice wrote no result: {(done.stdout + done.stderr)[-800:]}")
        return np.loadtxt(out)


def _dot(weights: np.ndarray, node: str) -> str:
    return "+".join(f"({float(w)!r})*v({node}{i})" for i, w in enumerate(weights))


def _number(value: Tensor) -> float:
    if value.numel() != 1:
        raise BeolithError(f"A SPICE deck describes one transistor, not a batch of shape {tuple(value.shape)}.")
    return float(value)
