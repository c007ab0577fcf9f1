"""What a bitcell says of itself: its transistors and capacitors, where it stores, and the voltages of its life.

A bitcell is one table, no code. A file of this folder holds one, as ``CELL``::

    hold   every terminal and its voltage while nothing happens
    write  the terminals that move: lines first, then the word, which comes back before the lines do
    read   the same; the lines that are sensed were charged to their hold voltage and are let go

Voltages have names, so that a user may change one; ``data`` is what a level asks for, ``data_bar`` its complement.
Sizes, voltages and capacitances are the choices of a designer and claim nothing about a published chip; devices come
from their cards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ...devices.library import Device
from ..netlist import GROUND

Number = float | Tensor
DATA = ("data", "data_bar")
"""Voltages that depend on the level: v_low ... v_high in equal steps, and v_low + v_high less that."""


@dataclass(frozen=True)
class Place:
    """A transistor of a cell.

    Attributes:
        gate: Node of the gate.
        drain: Node of the drain.
        source: Node of the source.
        card: Name of its card, or the device itself.
        width: Channel width [m].
        length: Channel length [m].
    """

    gate: str
    drain: str
    source: str
    card: str | Device
    width: Number
    length: Number


@dataclass(frozen=True)
class Between:
    """A capacitance between two nodes.

    Attributes:
        a: One node.
        b: The other.
        capacitance: Beside what the transistors have of their own [F].
        wiring: Whether the wires between the transistors make it, so that the layout holds no capacitor.
    """

    a: str
    b: str
    capacitance: Number
    wiring: bool = False


@dataclass(frozen=True)
class Operation:
    """What moves in an operation.

    Attributes:
        word: The terminal that opens the cell: it moves last and comes back first.
        voltages: Names of the voltages of all terminals that leave their hold voltage, the word among them.
    """

    word: str
    voltages: Mapping[str, str]


@dataclass(frozen=True)
class Bitcell:
    """A cell before it is built.

    Attributes:
        title: What it is.
        transistors: By name.
        capacitors: By name; what the transistors have of their own is not repeated.
        storage: Nodes that keep the level; a second one keeps its complement.
        hold: Names of the voltages of all terminals at rest.
        write: How a level gets in.
        read: How it is looked at.
        sense: Terminals that are let go in a read, one, or two whose difference counts.
        voltages: By name; ``v_low`` and ``v_high`` are the ends of the data [V].
        line_capacitance: Of each line that is sensed or carries data [F].
        sense_signal: What the sense amplifier needs: half of what two neighbouring levels differ by [V].
        lost_share: Share of the way to the next level after which a stored level is mistaken for it [1].
        static: Whether feedback keeps the level, so that it never needs refreshing.
        pulse: How long the word stands, in a write and in a read [s].
        edge: Rise and fall time of everything that moves [s].
        levels: Stored levels.
        most_levels: Most that the cell can store.
    """

    title: str
    transistors: Mapping[str, Place]
    storage: tuple[str, ...]
    hold: Mapping[str, str]
    write: Operation
    read: Operation
    sense: tuple[str, ...]
    voltages: Mapping[str, Number]
    capacitors: Mapping[str, Between] = field(default_factory=dict)
    line_capacitance: Number = 10e-15
    sense_signal: Number = 0.1
    lost_share: Number = 0.5
    static: bool = False
    pulse: float = 10e-9
    edge: float = 0.1e-9
    levels: int = 2
    most_levels: int = 2

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise BeolithError("\n".join(f"bitcell {self.title!r}: {fault}" for fault in faults))

    @property
    def terminals(self) -> tuple[str, ...]:
        """Nodes that are driven from outside."""
        return tuple(self.hold)

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes but ground, in order of appearance."""
        found = dict.fromkeys((*self.terminals, *self.storage, *_touched(self)))
        return tuple(node for node in found if node != GROUND)

    @property
    def lines(self) -> tuple[str, ...]:
        """Terminals that are sensed or carry data: the bit lines."""
        written = (terminal for terminal, name in self.write.voltages.items() if name in DATA)
        return tuple(dict.fromkeys((*written, *self.sense)))

    def with_(
        self,
        *,
        cards: Mapping[str, str | Device] | None = None,
        widths: Mapping[str, Number] | None = None,
        lengths: Mapping[str, Number] | None = None,
        capacitances: Mapping[str, Number] | None = None,
        voltages: Mapping[str, Number] | None = None,
        **fields: Any,
    ) -> Bitcell:
        """The same cell with other devices, sizes, capacitances and voltages, by name, or with other fields.

        Raises:
            BeolithError: There is no such part, or the cell is impossible.
        """
        transistors, capacitors = dict(self.transistors), dict(self.capacitors)
        changes: dict[str, Mapping[str, Any]] = {"card": cards or {}, "width": widths or {}, "length": lengths or {}}
        for change, by_name in changes.items():
            for name, value in by_name.items():
                self._known("transistor", name, transistors)
                transistors[name] = replace(transistors[name], **{change: value})
        for name, value in (capacitances or {}).items():
            self._known("capacitor", name, capacitors)
            capacitors[name] = replace(capacitors[name], capacitance=value)
        for name in voltages or {}:
            self._known("voltage", name, self.voltages)
        together = {**self.voltages, **(voltages or {})}
        return replace(self, transistors=transistors, capacitors=capacitors, voltages=together, **fields)

    def _known(self, what: str, name: str, names: Iterable[str]) -> None:
        if name not in names:
            raise BeolithError(f"bitcell {self.title!r} has no {what} {name!r}; {nearest(name, names)}")


def _touched(cell: Bitcell) -> Iterator[str]:
    for place in cell.transistors.values():
        yield from (place.gate, place.drain, place.source)
    for between in cell.capacitors.values():
        yield from (between.a, between.b)


def _faults(cell: Bitcell) -> Iterator[str]:
    for label, operation in (("write", cell.write), ("read", cell.read)):
        for terminal in (operation.word, *operation.voltages):
            if terminal not in cell.hold:
                yield f"{label}: there is no terminal {terminal!r}; {nearest(terminal, cell.hold)}"
        if operation.word not in operation.voltages:
            yield f"{label}: the word {operation.word!r} has no voltage"
    for terminal in cell.sense:
        if terminal not in cell.hold:
            yield f"sense: there is no terminal {terminal!r}; {nearest(terminal, cell.hold)}"
    named = (*cell.hold.values(), *cell.write.voltages.values(), *cell.read.voltages.values(), "v_low", "v_high")
    for name in dict.fromkeys(named):
        if name not in cell.voltages and name not in DATA:
            yield f"there is no voltage {name!r}; {nearest(name, cell.voltages)}"
    yield from _sizes(cell)
    touched = set(_touched(cell))
    for node in cell.storage:
        if node not in touched:
            yield f"nothing touches the storage node {node!r}; {nearest(node, touched)}"
        elif not _keeps(cell, node):
            yield f"nothing stores on {node!r}: no gate, and no capacitance above 0 F"
    if not 2 <= cell.levels <= cell.most_levels:
        yield f"{cell.levels} levels; allowed: 2 .. {cell.most_levels}"


def _sizes(cell: Bitcell) -> Iterator[str]:
    for name, place in cell.transistors.items():
        for what in ("width", "length"):
            if not _above(getattr(place, what), 0.0):
                yield f"transistor {name!r}: {what} must be above 0 m"
        if place.drain == place.source:
            yield f"transistor {name!r} is shorted: drain and source are both {place.drain!r}"
    for name, between in cell.capacitors.items():
        if not (_above(between.capacitance, 0.0) or _zero(between.capacitance)):
            yield f"capacitor {name!r}: allowed: 0 F and above"
        if between.a == between.b:
            yield f"capacitor {name!r} is shorted: both ends are {between.a!r}"
    for what in ("line_capacitance", "sense_signal", "pulse", "edge"):
        if not _above(getattr(cell, what), 0.0):
            yield f"{what} must be above 0"
    if not (_above(cell.lost_share, 0.0) and _above(1.0, cell.lost_share)):
        yield "lost_share; allowed: between 0 and 1"
    low, high = (cell.voltages.get(name) for name in ("v_low", "v_high"))
    if low is not None and high is not None and not _above(high, low):
        yield "v_high must lie above v_low"


def _keeps(cell: Bitcell, node: str) -> bool:
    gated = any(node == place.gate for place in cell.transistors.values())
    return gated or any(node in (x.a, x.b) and _above(x.capacitance, 0.0) for x in cell.capacitors.values())


def _above(value: Number, limit: Number) -> bool:
    return bool((torch.as_tensor(value) > torch.as_tensor(limit)).all())  # false for what is not a number


def _zero(value: Number) -> bool:
    return bool((torch.as_tensor(value) >= 0).all())
