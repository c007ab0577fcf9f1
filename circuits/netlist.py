"""Circuits as data: named elements between named nodes. Nothing here solves anything; every value may be a batch.

    Circuit("inverter", (Fet("n", "in", "out", "0", nmos), Fet("p", "in", "out", "vdd", pmos), ...))

The node ``0`` is ground. Tensors of all elements broadcast to one batch shape, so that a thousand variants are one
circuit. :mod:`.topology` says what is wrong with a circuit, :mod:`.mna` solves it, :mod:`.deck` writes it for ngspice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.base import Transistor

GROUND = "0"


def volts(value: float | Tensor | Sequence[float]) -> Tensor:
    """A value as a float64 tensor of the processor, a tensor as it is."""
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64, device="cpu")


@dataclass(frozen=True)
class Pwl:
    """A value that runs straight from break point to break point, and stays before the first and after the last.

    Attributes:
        times: Break points, rising along the first axis, batched behind it [s].
        values: Value at each break point, batched behind the first axis [V] or [A].
    """

    times: Tensor
    values: Tensor


def pwl(times: Sequence[float | Tensor], values: Sequence[float | Tensor]) -> Pwl:
    """Break points and values from sequences, each entry a number or a batch; where the batches are."""
    places = [x.device for x in (*times, *values) if isinstance(x, Tensor) and x.device.type != "cpu"]
    entries = ([volts(x).to(places[0]) if places else volts(x) for x in row] for row in (times, values))
    return Pwl(*(torch.stack(torch.broadcast_tensors(*row)) for row in entries))


def pulse(
    low: float | Tensor,
    high: float | Tensor,
    *,
    start: float | Tensor,
    width: float | Tensor,
    edge: float | Tensor,
) -> Pwl:
    """One pulse from ``low`` to ``high`` and back.

    Args:
        low: Value before and after [V] or [A].
        high: Value in between [V] or [A].
        start: Where the first edge begins [s].
        width: Time at ``high`` [s].
        edge: Duration of either edge, positive [s].
    """
    ends = [volts(start), volts(edge), volts(width), volts(edge)]
    times = [sum(ends[1:i], ends[0]) for i in range(1, 5)]
    return pwl(times, [low, high, high, low])


@dataclass(frozen=True)
class Resistor:
    """A resistance [ohm] between two nodes."""

    name: str
    a: str
    b: str
    resistance: Tensor


@dataclass(frozen=True)
class Capacitor:
    """A capacitance [F] between two nodes."""

    name: str
    a: str
    b: str
    capacitance: Tensor


@dataclass(frozen=True)
class VoltageSource:
    """A voltage [V] of ``plus`` over ``minus``, constant or a :class:`Pwl`."""

    name: str
    plus: str
    minus: str
    value: Tensor | Pwl


@dataclass(frozen=True)
class CurrentSource:
    """A current [A] that flows through the source out of ``minus`` into ``plus``, constant or a :class:`Pwl`."""

    name: str
    plus: str
    minus: str
    value: Tensor | Pwl


@dataclass(frozen=True)
class Switch:
    """A conductance between ``a`` and ``b`` that the voltage of ``plus`` over ``minus`` turns on, smoothly.

    ln g runs from that of ``off`` to that of ``on`` as a logistic step of width ``softness`` about ``threshold``.

    Attributes:
        name: Name of the element.
        a: One end.
        b: Other end.
        plus: Control node.
        minus: Node that the control is counted from.
        threshold: Control voltage half-way [V].
        on: Conductance when on [S].
        off: Conductance when off [S].
        softness: Width of the step [V].
    """

    name: str
    a: str
    b: str
    plus: str
    minus: str
    threshold: Tensor
    on: Tensor
    off: Tensor
    softness: Tensor


@dataclass(frozen=True)
class Fet:
    """A transistor; a p-type one is its n-type mirror image with all voltages and currents mirrored back.

    Attributes:
        name: Name of the element.
        gate: Gate node.
        drain: Drain node.
        source: Source node.
        model: The transistor at its size, temperature and state.
        sign: 1 for n-type, -1 for p-type; left out, what the model is. -1 makes a p-type one of an n-type model.

    Raises:
        BeolithError: The sign is another number, or the model is p-type and the sign says n-type.
    """

    name: str
    gate: str
    drain: str
    source: str
    model: Transistor
    sign: int = 0

    def __post_init__(self) -> None:
        sign = self.sign or self.model.sign
        if sign not in (1, -1) or sign > self.model.sign:
            kind = "n" if self.model.sign > 0 else "p"
            raise BeolithError(
                f"transistor {self.name!r}: sign {sign} for a {kind}-type model; allowed: {'1 or ' * (kind == 'n')}-1"
            )
        object.__setattr__(self, "sign", sign)


Element = Resistor | Capacitor | VoltageSource | CurrentSource | Switch | Fet
TERMINALS: dict[type, tuple[str, ...]] = {
    Resistor: ("a", "b"),
    Capacitor: ("a", "b"),
    VoltageSource: ("plus", "minus"),
    CurrentSource: ("plus", "minus"),
    Switch: ("a", "b", "plus", "minus"),
    Fet: ("gate", "drain", "source"),
}
"""Attributes of an element that name nodes."""


@dataclass(frozen=True)
class Circuit:
    """Elements between nodes.

    Attributes:
        title: What it is.
        elements: Everything in it.
        initial: Voltages at the start of a transient, by node; nodes that are left out are solved for [V].
    """

    title: str
    elements: tuple[Element, ...]
    initial: Mapping[str, Tensor] = field(default_factory=dict)

    def with_(self, *elements: Element, **initial: Tensor) -> Circuit:
        """The same circuit with more elements, and with initial voltages."""
        return replace(self, elements=(*self.elements, *elements), initial={**self.initial, **initial})

    def of(self, *kinds: type) -> Iterator[Element]:
        """The elements of some kinds, in order."""
        return (x for x in self.elements if isinstance(x, kinds))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes but ground, in order of appearance."""
        named = dict.fromkeys(node for x in self.elements for node in nodes_of(x))
        return tuple(node for node in named if node != GROUND)


def nodes_of(element: Element) -> tuple[str, ...]:
    """Nodes that an element touches, in the order of its terminals."""
    return tuple(getattr(element, terminal) for terminal in TERMINALS[type(element)])
