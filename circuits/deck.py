"""Any circuit as an ngspice deck of behavioural transistors, and what ngspice makes of it: an independent solver.

The transistors are the subcircuits that :mod:`..devices.export` writes. Time runs in nanoseconds, and currents and
charges are multiplied by one factor, so that femtofarads look like farads to the tolerances of ngspice.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.export.spice import subcircuit
from ..devices.thin_film import ThinFilmTransistor
from .mna.system import System, system
from .netlist import (
    Capacitor,
    Circuit,
    CurrentSource,
    Element,
    Fet,
    Pwl,
    Resistor,
    Switch,
    VoltageSource,
)

SCALE = 1e15
"""Factor of all currents and charges."""
NANO = 1e-9
"""Length of one second of the deck [s]."""
PATIENCE = 60.0
"""How long one run may take [s]."""
OPTIONS = ".options reltol=1e-5 abstol=1e-7 vntol=1e-7 chgtol=1e-10 trtol=1 method=gear itl1=500 itl4=200 gmin=1e-15"


def deck(circuit: Circuit, stop: float, step: float, nodes: Sequence[str], *, index: int = 0) -> str:
    """A transient of a circuit as text for ngspice; it writes time and voltages to ``out.txt``.

    Args:
        circuit: The circuit.
        stop: End of the transient [s].
        step: Longest step and distance of the printed points [s].
        nodes: Nodes to report.
        index: Which element of the flat batch.

    Raises:
        BeolithError: The circuit has no solution, no such node, or a transistor that cannot be exported.
    """
    s = system(circuit)
    for node in nodes:
        s.row_of(node)
    names: dict[tuple[int, int], str] = {}
    models, lines = list[str](), list[str]()
    for element in circuit.elements:
        if isinstance(element, Fet) and _kind(element) not in names:
            names[_kind(element)] = name = f"m{len(names) + 1}"
            models.append(_model(name, element, s, index))
        lines += _lines(element, s, index, names)
    start = " ".join(f"v(n_{node})={_value(value, s, index)!r}" for node, value in circuit.initial.items())
    times = f"{step / NANO!r} {stop / NANO!r} 0 {step / NANO!r}"
    return "\n".join(
        [
            f"* {circuit.title}, written by beolith",
            *models,
            *lines,
            *([f".ic {start}"] if start else []),
            OPTIONS,
            ".control",
            "set wr_singlescale",
            "set numdgt=12",
            f"tran {times}",
            f"wrdata out.txt {' '.join(f'v(n_{node})' for node in nodes)}",
            "quit",
            ".endc",
            ".end",
            "",
        ]
    )


def simulate(
    circuit: Circuit, stop: float, step: float, nodes: Sequence[str], *, index: int = 0
) -> tuple[Tensor, Tensor]:
    """Voltages of some nodes as ngspice finds them; arguments as of :func:`deck`.

    Returns:
        Times (point,) [s] and voltages (point, node) [V].

    Raises:
        BeolithError: As :func:`deck`, or ngspice is not installed or does not finish.
    """
    table = run(deck(circuit, stop, step, nodes, index=index))
    return torch.tensor(table[:, 0] * NANO), torch.tensor(table[:, 1:])


def run(text: str) -> np.ndarray:
    """What a deck writes to ``out.txt``: time and columns.

    Raises:
        BeolithError: ngspice is not installed, does not finish, or writes nothing.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise BeolithError("ngspice is not installed; it is the Debian package 'ngspice'.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(text)
        try:
            done = subprocess.run(
                [program, "-b", path.name], cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired as error:
            raise BeolithError(f"ngspice did not finish within {PATIENCE:g} s.") from error
        out = Path(folder) / "out.txt"
        said = done.stdout + done.stderr
        if not out.exists() or "aborted" in said:
            raise BeolithError(f"ngspice did not finish the run: {said[-800:]}")
        return np.loadtxt(out)


def _kind(x: Fet) -> tuple[int, int]:
    """What transistors of one subcircuit have in common."""
    return id(x.model), x.sign


def _lines(x: Element, s: System, index: int, names: dict[tuple[int, int], str]) -> Iterator[str]:
    """An element in the language of ngspice."""
    n = {"0": "0"} | {node: f"n_{node}" for node in s.circuit.nodes}
    match x:
        case Resistor(name, a, b, value):
            yield f"r_{name} {n[a]} {n[b]} {_value(value, s, index) / SCALE / NANO!r}"
        case Capacitor(name, a, b, value) if _value(value, s, index) > 0:
            yield f"c_{name} {n[a]} {n[b]} {_value(value, s, index) * SCALE!r}"
        case VoltageSource(name, plus, minus, value):
            yield f"v_{name} {n[plus]} {n[minus]} {_wave(value, s, index, 1.0)}"
        case CurrentSource(name, plus, minus, value):
            yield f"i_{name} {n[minus]} {n[plus]} {_wave(value, s, index, SCALE * NANO)}"
        case Switch(name, a, b, plus, minus, threshold, on, off, softness):
            t, g, low, soft = (_value(y, s, index) for y in (threshold, on, off, softness))
            control = f"1/(1+exp(-(v({n[plus]},{n[minus]})-{t!r})/{soft!r}))"
            conductance = f"{low * SCALE * NANO!r}*exp({math.log(g / low)!r}*{control})"
            yield f"b_{name} {n[a]} {n[b]} i={conductance}*v({n[a]},{n[b]})"
        case Fet(name, gate, drain, source):
            yield f"x_{name} {n[drain]} {n[gate]} {n[source]} {names[_kind(x)]}"


def _model(name: str, x: Fet, s: System, index: int) -> str:
    if not isinstance(x.model, ThinFilmTransistor):
        raise BeolithError(f"circuit {s.circuit.title!r}: transistor {x.name!r} is no T-EKV one and cannot be exported")
    model = dataclasses.replace(_one(x.model, s, index), sign=x.sign)
    return subcircuit(name, model, rate=repr(NANO), scale=SCALE)


def _one(tree: Any, s: System, index: int) -> Any:
    """One element of the batch of a nested dataclass of tensors."""
    if isinstance(tree, Tensor):
        return torch.tensor(_value(tree, s, index), dtype=torch.float64)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return dataclasses.replace(
            tree, **{f.name: _one(getattr(tree, f.name), s, index) for f in dataclasses.fields(tree) if f.init}
        )
    return tree


def _wave(value: Tensor | Pwl, s: System, index: int, scale: float) -> str:
    if isinstance(value, Tensor):
        return repr(_value(value, s, index) * scale)
    rows = zip(value.times, value.values, strict=True)
    points = " ".join(f"{_value(t, s, index) / NANO!r} {_value(v, s, index) * scale!r}" for t, v in rows)
    return f"pwl({points})"


def _value(value: Tensor, s: System, index: int) -> float:
    flat = value.detach().reshape(-1) if value.numel() == 1 else value.detach().expand(s.shape).reshape(-1)
    return float(flat[index if len(flat) > 1 else 0])
