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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ..devices.export.spice import subcircuit
from ..devices.export.text import wrap
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
"""Factor of all currents and charges, unless a circuit has currents too large for it."""
STRONG = 0.1
"""Largest current of a transistor in a deck [A]; ngspice loses its way among larger ones."""
NANO = 1e-9
"""Length of one second of the deck [s]."""
PATIENCE = 60.0
"""How long one run may take [s]."""
_ALWAYS = "trtol=1 method=gear itl1=500 itl4=200"
OPTIONS = f".options reltol=1e-5 abstol=1e-7 vntol=1e-7 chgtol=1e-10 gmin=1e-15 {_ALWAYS}"
HOLD_OPTIONS = f".options reltol=1e-6 abstol=1e-9 vntol=1e-9 chgtol=1e-15 gmin=1e-18 {_ALWAYS}"


@dataclass(frozen=True)
class Waveforms:
    """What ngspice makes of a circuit.

    Attributes:
        times: Its own points, (time,) [s].
        voltages: By node, (time,) [V].
        energies: Delivered since the start, by source, (time,) [J].
    """

    times: Tensor
    voltages: Mapping[str, Tensor]
    energies: Mapping[str, Tensor]

    def __getitem__(self, node: str) -> Tensor:
        """Voltage of a node at its own points [V]."""
        return self.voltages[node]

    def at(self, node: str, times: Tensor) -> Tensor:
        """Voltage of a node at other times, straight between the points [V]."""
        return torch.as_tensor(np.interp(times.numpy(), self.times.numpy(), self.voltages[node].numpy()))


class _Clock(NamedTuple):
    """How a deck counts: how much faster than a second its time runs, as text, and the factor of its currents."""

    rate: str
    scale: float


def deck(
    circuit: Circuit, stop: float, step: float, nodes: Sequence[str], *, sources: Sequence[str] = (), index: int = 0
) -> str:
    """A transient of a circuit as text for ngspice; it writes time, voltages and currents to ``out.txt``.

    Args:
        circuit: The circuit.
        stop: End of the transient [s].
        step: Longest step [s].
        nodes: Nodes to report.
        sources: Voltage sources whose currents are reported too.
        index: Which element of the flat batch.

    Raises:
        BeolithError: The circuit has no solution, no such node or source, or a transistor that cannot be exported.
    """
    s = system(circuit)
    start = {node: _value(value, s, index) for node, value in circuit.initial.items()}
    times = f"tran {step / NANO!r} {stop / NANO!r} 0 {step / NANO!r}"
    return _deck(s, _Clock(repr(NANO), _scale(s, index)), start, times, nodes, sources, index, OPTIONS)


def simulate(
    circuit: Circuit, stop: float, step: float, nodes: Sequence[str], *, sources: Sequence[str] = (), index: int = 0
) -> Waveforms:
    """Waveforms of a circuit as ngspice finds them; arguments as of :func:`deck`.

    Raises:
        BeolithError: As :func:`deck`, or ngspice is not installed or does not finish.
    """
    text = deck(circuit, stop, step, nodes, sources=sources, index=index)
    table = torch.as_tensor(run(text))
    s = system(circuit)
    times, voltages = table[:, 0] * NANO, dict(zip(nodes, table[:, 1:].T, strict=False))
    energies, scale = {}, _scale(s, index)
    for name, current in zip(sources, table[:, 1 + len(nodes) :].T, strict=True):
        power = -current * _wave_at(s, name, times, index) / (scale * NANO)
        energies[name] = torch.cat((power.new_zeros(1), torch.cumulative_trapezoid(power, times)))
    return Waveforms(times, voltages, energies)


def dc(
    circuit: Circuit, source: str, values: tuple[float, float, float], nodes: Sequence[str], *, index: int = 0
) -> dict[str, Tensor]:
    """Operating points over a voltage source as ngspice finds them, each from its neighbour, by node, (point,) [V].

    Args:
        circuit: The circuit.
        source: A voltage source.
        values: First value, last value, and step [V].
        nodes: Nodes to report.
        index: Which element of the flat batch.

    Raises:
        BeolithError: As :func:`simulate`.
    """
    s = system(circuit)
    _source(s, source)
    analysis = f"dc v_{source} {' '.join(map(repr, values))}"
    table = torch.as_tensor(
        run(_deck(s, _Clock(repr(NANO), _scale(s, index)), {}, analysis, nodes, (), index, OPTIONS))
    )
    return dict(zip(nodes, table[:, 1:].T, strict=True))


def hold(
    circuit: Circuit, samples: Tensor, step: float, nodes: Sequence[str], *, index: int = 0, join: float = NANO
) -> dict[str, Tensor]:
    """Voltages over many decades of time, as ngspice finds them, by node, (sample,) [V].

    A linear run over eleven decades never ends, so there are two: one until shortly after the last break point, and one
    in logarithmic time t = t_last + t_join 10^tau, in which all currents are multiplied by dt/dtau.

    Args:
        circuit: The circuit; nothing drives it after its last break point.
        samples: Times to report, rising [s].
        step: Longest step of the first run [s].
        nodes: Nodes to report.
        index: Which element of the flat batch.
        join: When the second run takes over, since the last break point [s].

    Raises:
        BeolithError: As :func:`simulate`.
    """
    s = system(circuit)
    last = float(s.breaks.max())
    every = list(s.free)
    first = simulate(circuit, last + join, step, every, index=index)
    decades = math.log10((float(samples[-1]) - last) / join)
    start = {node: float(first[node][-1]) for node in every}
    clock = _Clock(f"{join * math.log(10.0)!r}*exp({math.log(10.0)!r}*time)", SCALE)
    times = f"tran {_TAU!r} {max(decades, _TAU) + _TAU!r} 0 {_TAU!r}"
    table = run(_deck(s, clock, start, times, nodes, (), index, HOLD_OPTIONS))
    early = samples < last + join
    tau = torch.log10(((samples - last) / join).clamp(min=1.0)).numpy()
    late = {node: torch.as_tensor(np.interp(tau, table[:, 0], table[:, i + 1])) for i, node in enumerate(nodes)}
    return {node: torch.where(early, first.at(node, samples), late[node]) for node in nodes}


_TAU = 0.02
"""Longest step of a run in logarithmic time [decades]."""


def _deck(
    s: System,
    clock: _Clock,
    start: Mapping[str, float],
    analysis: str,
    nodes: Sequence[str],
    sources: Sequence[str],
    index: int,
    options: str,
) -> str:
    for node in nodes:
        s.row_of(node)
    for name in sources:
        _source(s, name)
    names: dict[tuple[int, int], str] = {}
    models, lines = list[str](), list[str]()
    for element in s.circuit.elements:
        if isinstance(element, Fet) and _kind(element) not in names:
            names[_kind(element)] = name = f"m{len(names) + 1}"
            models.append(_model(name, element, s, index, clock))
        lines += _lines(element, s, index, names, clock)
    begin = " ".join(f"v(n_{node})={value!r}" for node, value in start.items())
    wanted = (*(f"v(n_{node})" for node in nodes), *(f"i(v_{name})" for name in sources))
    return "\n".join(
        [
            f"* {s.circuit.title}, written by beolith",
            *models,
            *(part for line in lines for part in wrap(line, "", "+ ")),
            *([f".ic {begin}"] if begin else []),
            options,
            ".control",
            "set wr_singlescale",
            "set numdgt=12",
            analysis,
            f"wrdata out.txt {' '.join(wanted)}",
            "quit",
            ".endc",
            ".end",
            "",
        ]
    )


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


def _lines(x: Element, s: System, index: int, names: dict[tuple[int, int], str], clock: _Clock) -> Iterator[str]:
    """An element in the language of ngspice."""
    n = {"0": "0"} | {node: f"n_{node}" for node in s.circuit.nodes}
    linear = clock.rate == repr(NANO)
    factor = f"{clock.scale!r}*({clock.rate})"
    match x:
        case Resistor(name, a, b, value) if linear:
            yield f"r_{name} {n[a]} {n[b]} {_value(value, s, index) / clock.scale / NANO!r}"
        case Resistor(name, a, b, value):
            yield f"b_{name} {n[a]} {n[b]} i={factor}*v({n[a]},{n[b]})/{_value(value, s, index)!r}"
        case Capacitor(name, a, b, value) if _value(value, s, index) > 0:
            yield f"c_{name} {n[a]} {n[b]} {_value(value, s, index) * clock.scale!r}"
        case VoltageSource(name, plus, minus, value):
            wave = _wave(value, s, index, 1.0) if linear else repr(_last(value, s, index))
            yield f"v_{name} {n[plus]} {n[minus]} {wave}"
        case CurrentSource(name, plus, minus, value) if linear:
            yield f"i_{name} {n[minus]} {n[plus]} {_wave(value, s, index, clock.scale * NANO)}"
        case CurrentSource(name, plus, minus, value):
            yield f"b_{name} {n[minus]} {n[plus]} i={factor}*{_last(value, s, index)!r}"
        case Switch(name, a, b, plus, minus, threshold, on, off, softness):
            t, g, low, soft = (_value(y, s, index) for y in (threshold, on, off, softness))
            control = f"1/(1+exp(-(v({n[plus]},{n[minus]})-{t!r})/{soft!r}))"
            conductance = f"{low!r}*exp({math.log(g / low)!r}*{control})"
            yield f"b_{name} {n[a]} {n[b]} i={factor}*{conductance}*v({n[a]},{n[b]})"
        case Fet(name, gate, drain, source):
            yield f"x_{name} {n[drain]} {n[gate]} {n[source]} {names[_kind(x)]}"


def _model(name: str, x: Fet, s: System, index: int, clock: _Clock) -> str:
    if not isinstance(x.model, ThinFilmTransistor):
        raise BeolithError(f"circuit {s.circuit.title!r}: transistor {x.name!r} is no T-EKV one and cannot be exported")
    model = dataclasses.replace(_one(x.model, s, index), sign=x.sign)
    return subcircuit(name, model, rate=clock.rate, scale=clock.scale)


def _scale(s: System, index: int) -> float:
    """Factor that makes the largest current of any transistor of the circuit moderate."""
    sources = (x for x in s.circuit.elements if isinstance(x, VoltageSource))
    levels = [_value(v, s, index) for x in sources for v in _levels(x.value)]
    high, low = (torch.tensor(f(levels, default=0.0), dtype=torch.float64) for f in (max, min))
    fets = (x.model for x in s.circuit.elements if isinstance(x, Fet))
    largest = max((_value(model.current(high, high, low), s, index) for model in fets), default=0.0)
    return min(SCALE, STRONG / (NANO * largest)) if largest > 0 else SCALE


def _levels(value: Tensor | Pwl) -> Sequence[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value.values)


def _source(s: System, name: str) -> VoltageSource:
    found = {x.name: x for x in s.circuit.elements if isinstance(x, VoltageSource)}
    if name not in found:
        raise BeolithError(f"circuit {s.circuit.title!r} has no voltage source {name!r}; {nearest(name, found)}")
    return found[name]


def _wave_at(s: System, name: str, times: Tensor, index: int) -> Tensor:
    """Voltage of a source at some times [V]."""
    value = _source(s, name).value
    if isinstance(value, Tensor):
        return torch.full_like(times, _value(value, s, index))
    points, levels = ([_value(x, s, index) for x in row] for row in (value.times, value.values))
    return torch.as_tensor(np.interp(times.numpy(), points, levels))


def _last(value: Tensor | Pwl, s: System, index: int) -> float:
    return _value(_levels(value)[-1], s, index)


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
