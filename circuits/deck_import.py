"""Simple SPICE decks as circuits: a subset that is read in full or refused with every fault, never in part.

    title                           the first line, whatever it says; * and ; begin comments, + continues a line
    r<name> a b <ohm>               c<name> a b <farad>
    v<name> plus minus <source>     i<name> plus minus <source>, whose current flows from plus to minus inside
    x<name> d g s <model> [w= l= t=]      m<name> d g s bulk <model> [w= l= t=]
    .ic v(<node>)=<volt> ...        .end

A source is ``[dc] <value>``, ``pwl(t v t v ...)`` or ``pulse(low high delay rise fall width [period])``; a constant
before a wave does not count. Numbers are SPICE's: f p n u m k meg g t, in either case, and a unit behind. Names become
lower case, ground is ``0`` or ``gnd``. Models are transistors at their size: w, l and t may repeat it, not change it.
They have no bulk, so that one must be the source, ground or a node that a constant source holds, and is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import torch

from beolith.errors import BeolithError, nearest

from ..devices.base import Transistor
from .netlist import (
    GROUND,
    Capacitor,
    Circuit,
    CurrentSource,
    Element,
    Fet,
    Pwl,
    Resistor,
    VoltageSource,
    volts,
)

SUFFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "k": 3, "meg": 6, "g": 9, "t": 12}
"""Powers of ten. ``a`` is left out: it is atto to some programs and ampere to others."""
IGNORED = {
    ".options": "tolerances are arguments of the solvers",
    ".option": "tolerances are arguments of the solvers",
    ".temp": "a transistor has its own temperature",
    ".nodeset": "a first guess is an argument of the operating point",
    **dict.fromkeys((".tran", ".op", ".dc", ".ac"), "what is to be solved is asked of the circuit"),
    **dict.fromkeys((".print", ".plot", ".save", ".probe"), "results have every node"),
    ".control": "commands to another program, up to .endc",
    ".subckt": "one of a given name, up to .ends: the given transistor stands for it",
    ".model": "one of a given name: the given transistor stands for it",
}
"""Cards that are passed over, and why."""
MOST_PERIODS = 10_000
"""Periods of a pulse that are written out."""
_BLOCKS = {".control": ".endc", ".subckt": ".ends"}

_NODE = r"[\w.+\-#!/\[\]<>:]+"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,4})?[a-z]*"
_VALUE = re.compile(r"(.*?[0-9.])(?:(meg|[fpnumkgt])(?:v|a|s|f|m|ohms?|hz)?|v|s|ohms?|hz)?")
_WAVE = rf"(?:(?:dc )?({_NUMBER})|(?:(?:dc )?{_NUMBER} )?(pwl|pulse)\(({_NUMBER}(?: {_NUMBER})*)\))"
_SIZES = rf"((?: [wlt]={_NUMBER})*)"
_HEAD = rf"({_NODE}) ({_NODE}) ({_NODE})"
_START = re.compile(rf"v\(({_NODE})\)=({_NUMBER})", re.ASCII)
_SIZE_NAMES = {"w": "width", "l": "length", "t": "temperature"}


class LineError(ValueError):
    """What is wrong with one line."""


class Line(NamedTuple):
    """A line with its continuations, and the number of the first."""

    number: int
    text: str


@dataclass
class _Reader:
    """What has been read so far.

    Attributes:
        transistors: By model name, lower case.
        stop: Until when periodic pulses are written out [s].
        lines: Where each element stands, by name.
        elements: By name.
        initial: Lines of initial voltages with node and value [V].
        bulks: Bulk nodes that are not the source, by element.
    """

    transistors: Mapping[str, Transistor]
    stop: float | None
    lines: dict[str, Line] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    initial: list[tuple[Line, str, float]] = field(default_factory=list)
    bulks: dict[str, str] = field(default_factory=dict)

    def card(self, line: Line) -> None:
        """Take in one line.

        Raises:
            LineError: It is none of those that are allowed.
        """
        first = line.text.split(" ")[0]
        if first == ".ic":
            self._initial(line)
        elif first in (".subckt", ".model"):
            self._model(line.text.split(" ")[1] if " " in line.text else "")
        elif first in IGNORED:
            return
        elif first.startswith("."):
            raise LineError(f"allowed: .ic, .end and, passed over, {', '.join(IGNORED)}")
        else:
            self._element(line)

    def _element(self, line: Line) -> None:
        if line.text[0] not in CARDS:
            raise LineError(f"elements begin with one of {', '.join(CARDS)}")
        card = CARDS[line.text[0]]
        found = card.pattern.fullmatch(line.text)
        if found is None:
            raise LineError(f"allowed: {card.form}")
        name = found[1]
        if name in self.lines:
            raise LineError(f"line {self.lines[name].number} has an element {name!r} already")
        self.lines[name] = line
        self.elements[name] = card.make(self, *found.groups(default=""))

    def _initial(self, line: Line) -> None:
        parts = [_START.fullmatch(part) for part in line.text.split(" ")[1:]]
        if not parts or None in parts:
            raise LineError("allowed: .ic v(<node>)=<volt> ...")
        self.initial += [(line, _node(part[1]), number(part[2])) for part in parts if part]

    def _model(self, name: str) -> Transistor:
        if name not in self.transistors:
            raise LineError(f"no transistor was given for the model {name!r}; {nearest(name, self.transistors)}")
        return self.transistors[name]

    # ------------------------------------------------------------------------------------------------ elements

    def resistor(self, name: str, a: str, b: str, value: str) -> Element:
        return Resistor(name, _node(a), _node(b), volts(number(value)))

    def capacitor(self, name: str, a: str, b: str, value: str) -> Element:
        return Capacitor(name, _node(a), _node(b), volts(number(value)))

    def voltage(self, name: str, plus: str, minus: str, value: str, kind: str, wave: str) -> Element:
        return VoltageSource(name, _node(plus), _node(minus), _source(value, kind, wave, self.stop))

    def current(self, name: str, plus: str, minus: str, value: str, kind: str, wave: str) -> Element:
        return CurrentSource(name, _node(minus), _node(plus), _source(value, kind, wave, self.stop))

    def subcircuit(self, name: str, d: str, g: str, s: str, model: str, sizes: str) -> Element:
        transistor = self._model(model)
        for size in sizes.split():
            _agree(model, transistor, _SIZE_NAMES[size[0]], number(size[2:]))
        return Fet(name, _node(g), _node(d), _node(s), transistor)

    def mosfet(self, name: str, d: str, g: str, s: str, bulk: str, model: str, sizes: str) -> Element:
        if _node(bulk) != _node(s):
            self.bulks[name] = _node(bulk)
        return self.subcircuit(name, d, g, s, model, sizes)

    # ------------------------------------------------------------------------------------------- the whole deck

    def late_faults(self, title: str) -> Iterator[tuple[Line, str]]:
        """What shows only once all lines are read."""
        circuit = Circuit(title, tuple(self.elements.values()))
        for line, node, _ in self.initial:
            if node not in circuit.nodes:
                yield line, f"nothing touches node {node!r}; {nearest(node, circuit.nodes)}"
        held = {GROUND}
        for x in circuit.elements:
            if isinstance(x, VoltageSource) and not isinstance(x.value, Pwl) and GROUND in (x.plus, x.minus):
                held |= {x.plus, x.minus}
        for name, bulk in self.bulks.items():
            if bulk not in held:
                yield (
                    self.lines[name],
                    f"the bulk {bulk!r} is not the source, nor ground, nor held by a constant source",
                )


class _Card(NamedTuple):
    """How a kind of element is written, and what makes it of the groups of the pattern."""

    form: str
    pattern: re.Pattern[str]
    make: Callable[..., Element]


def _card(form: str, pattern: str, make: Callable[..., Element]) -> _Card:
    return _Card(form, re.compile(pattern, re.ASCII), make)


_SOURCE_FORM = "plus minus and [dc] <value>, pwl(t v ...) or pulse(low high delay rise fall width [period])"
CARDS = {
    "r": _card("r<name> a b <ohm>", rf"{_HEAD} ({_NUMBER})", _Reader.resistor),
    "c": _card("c<name> a b <farad>", rf"{_HEAD} ({_NUMBER})", _Reader.capacitor),
    "v": _card(f"v<name> {_SOURCE_FORM}", rf"{_HEAD} {_WAVE}", _Reader.voltage),
    "i": _card(f"i<name> {_SOURCE_FORM}", rf"{_HEAD} {_WAVE}", _Reader.current),
    "x": _card("x<name> d g s <model> [w= l= t=]", rf"{_HEAD} ({_NODE}) ({_NODE}){_SIZES}", _Reader.subcircuit),
    "m": _card(
        "m<name> d g s bulk <model> [w= l= t=]", rf"{_HEAD} ({_NODE}) ({_NODE}) ({_NODE}){_SIZES}", _Reader.mosfet
    ),
}
"""Elements by their first letter."""


def read(text: str, transistors: Mapping[str, Transistor], *, stop: float | None = None) -> Circuit:
    """The circuit that a deck describes.

    Args:
        text: The deck; see the head of this file for what it may hold.
        transistors: What the models of ``x`` and ``m`` lines are, by name in either case.
        stop: Periodic pulses are written out for every period that begins before; one period if not given [s].

    Raises:
        BeolithError: Something else is in the deck, or it is empty; the message names every such line.
    """
    title, *rest = text.split("\n")
    title = title.strip().removeprefix("*").strip() or "untitled"
    reader = _Reader({name.lower(): x for name, x in transistors.items()}, stop)
    faults: list[tuple[Line, str]] = []
    for line in _cards(_lines(rest, faults), faults):
        try:
            reader.card(line)
        except LineError as fault:
            faults.append((line, str(fault)))
    faults += reader.late_faults(title)
    said = [f"line {line.number} {line.text[:60]!r}: {fault}" for line, fault in sorted(faults)]
    if not reader.elements and not said:
        said = ["it has no elements"]
    if said:
        raise BeolithError("\n".join(f"deck {title!r}: {x}" for x in said))
    initial = {node: volts(value) for _, node, value in reader.initial}
    return Circuit(title, tuple(reader.elements.values()), initial)


def number(text: str) -> float:
    """A number as SPICE writes it, such as 10, 1.5k, 2meg, 3e-9 or 10pF; 1F is a femto, as it is there.

    Raises:
        LineError: It is none, or not finite.
    """
    found = _VALUE.fullmatch(text.lower()) if re.fullmatch(_NUMBER, text.lower(), re.ASCII) else None
    value = _scaled(found[1], SUFFIXES.get(found[2], 0)) if found else math.nan
    if not math.isfinite(value):
        raise LineError(f"{text!r} is no number; allowed behind it: {' '.join(SUFFIXES)} and V, A, s, F, m, ohm or Hz")
    return value


def _scaled(digits: str, power: int) -> float:
    """Digits with a power of ten put into their exponent, so that 10p is 1e-11 to the last bit."""
    mantissa, _, exponent = digits.partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + power}")


def _lines(raw: list[str], faults: list[tuple[Line, str]]) -> list[Line]:
    """Lines without comments, joined to their continuations, in lower case with single blanks."""
    found: list[Line] = []
    for i, text in enumerate(raw, 2):
        code = re.split(r";|\s\$\s", f"{text} ", maxsplit=1)[0].strip().lower()
        if not code or code.startswith("*"):
            continue
        if not code.startswith("+"):
            found.append(Line(i, code))
        elif found:
            found[-1] = Line(found[-1].number, f"{found[-1].text} {code[1:]}")
        else:
            faults.append((Line(i, code), "there is no line to continue"))
    return [line for line in (Line(number, _tidy(text)) for number, text in found) if line.text]


def _tidy(text: str) -> str:
    """Single blanks, and none about brackets and equals signs but behind a closed bracket."""
    tight = re.sub(r" ?([=()]) ?", r"\1", " ".join(text.replace(",", " ").split()))
    return re.sub(r"\)(?=[^=)])", ") ", tight)


def _cards(lines: list[Line], faults: list[tuple[Line, str]]) -> Iterator[Line]:
    """Lines up to the end, without what is inside blocks."""
    block: Line | None = None
    for line in lines:
        first = line.text.split(" ")[0]
        if block is not None:
            block = None if first == _BLOCKS[block.text.split(" ")[0]] else block
            continue
        if first == ".end":
            return
        yield line
        block = line if first in _BLOCKS else None
    if block is not None:
        faults.append((block, f"the block has no {_BLOCKS[block.text.split(' ')[0]]}"))


def _node(name: str) -> str:
    return GROUND if name == "gnd" else name


def _agree(model: str, transistor: Transistor, what: str, value: float) -> None:
    """Refuse a size that is not that of the transistor."""
    own = getattr(transistor, what, None)
    if own is None or not torch.allclose(own, torch.full_like(own, value), rtol=1e-6, atol=0.0):
        has = "none" if own is None else ", ".join(f"{x:g}" for x in own.detach().reshape(-1)[:3].tolist())
        raise LineError(
            f"{what} {value:g}, but that of the transistor given for {model!r} is {has}; give one of that size"
        )


def _source(value: str, kind: str, wave: str, stop: float | None) -> torch.Tensor | Pwl:
    if not kind:
        return volts(number(value))
    numbers = [number(x) for x in wave.split(" ")]
    times, levels = _POINTS[kind](numbers, stop)
    if not math.isfinite(times[-1]) or times[0] < 0 or any(b <= a for a, b in pairwise(times)):
        raise LineError("break points must rise from 0 s or later; an edge takes longer than 0 s")
    return Pwl(volts(times), volts(levels)) if len(times) > 1 else volts(levels[0])


def _line(numbers: list[float], stop: float | None) -> tuple[list[float], list[float]]:
    if len(numbers) % 2:
        raise LineError("allowed: pwl(t v t v ...), a value for every time")
    return numbers[::2], numbers[1::2]


def _pulses(numbers: list[float], stop: float | None) -> tuple[list[float], list[float]]:
    """Break points of all periods that begin before ``stop``; where two coincide there is one."""
    if len(numbers) not in (6, 7):
        raise LineError("allowed: pulse(low high delay rise fall width [period])")
    low, high, delay, rise, fall, width = numbers[:6]
    once = [0.0, rise, rise + width, rise + width + fall]
    period = numbers[6] if len(numbers) > 6 else math.inf
    if period < once[-1] * (1.0 - 1e-9) or period <= 0:
        raise LineError(f"a period of {period:g} s is shorter than the pulse, {once[-1]:g} s")
    end = delay if stop is None else stop
    count = 1 if math.isinf(period) else max(1.0, (end - delay) / period)
    if count > MOST_PERIODS:
        raise LineError(f"{count:g} periods until {end:g} s; allowed: up to {MOST_PERIODS}")
    begins = [delay, *(delay + k * period for k in range(1, math.ceil(count)))]
    joined = once[-1] > period * (1.0 - 1e-9)
    ends = once[:-1] if joined else once
    times = [begin + t for begin in begins for t in ends] + [begins[-1] + once[-1]] * joined
    return times, [low, high, high, low][: len(ends)] * len(begins) + [low] * joined


_POINTS = {"pwl": _line, "pulse": _pulses}
