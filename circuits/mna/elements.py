"""Elements of a circuit in groups: each gives numbers, and says where in the equations they belong.

A number is a current [A], a charge [C], or the derivative of either by a voltage. Its places are rows of the equations
(for a derivative rows and columns) with a factor; a sparse matrix of all places puts the numbers of all groups where
they belong in one product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from ...devices.bank import Bank, Single, banks
from ...devices.base import GateCurrent
from ..netlist import Capacitor, Fet, Resistor, Switch

CURRENT, CHARGE, CONDUCTANCE, CAPACITANCE = "current", "charge", "conductance", "capacitance"
Numbers = dict[str, list[Tensor]]
"""By kind: each (element, batch), or (element, 1)."""
Place = tuple[int, int, float]
"""Row, column (0 for a current or a charge) and factor."""
Places = dict[str, list[list[list[Place]]]]
"""By kind, then for each number and each element."""
_SWITCH = ("threshold", "on", "off", "softness")


class Group(Protocol):
    """Elements of one kind."""

    @property
    def places(self) -> Places:
        """Where the numbers belong."""

    def flows(self, v: Tensor, charged: bool) -> Numbers:
        """Currents and, if wanted, charges at the voltages of all nodes (row, batch); differentiable."""

    def slopes(self, v: Tensor, charged: bool) -> Numbers:
        """The same with derivatives, not differentiable."""

    def part(self, which: Tensor) -> Group:
        """The same for some elements of the batch."""


def some(value: Tensor, which: Tensor) -> Tensor:
    """Elements of a flat last batch axis; one number for all stays so."""
    return value if value.shape[-1] == 1 else value.index_select(-1, which)


@dataclass(frozen=True)
class Linear:
    """Resistors or capacitors: a number times the voltage between two nodes.

    Attributes:
        value: Conductances [S] or capacitances [F], (element, 1 or batch).
        rows: Nodes at both ends, (2, element).
        kinds: What value times voltage is, and what the value is.
    """

    value: Tensor
    rows: Tensor
    kinds: tuple[str, str]

    @property
    def places(self) -> Places:
        """Out of one end into the other."""
        ends = self.rows.T.tolist()
        through = [[(a, 0, 1.0), (b, 0, -1.0)] for a, b in ends]
        slopes = [[(a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)] for a, b in ends]
        return {self.kinds[0]: [through], self.kinds[1]: [slopes]}

    def flows(self, v: Tensor, charged: bool) -> Numbers:
        """Currents or charges."""
        if self.kinds[0] == CHARGE and not charged:
            return {}
        a, b = self.rows
        return {self.kinds[0]: [self.value * (v[a] - v[b])]}

    def slopes(self, v: Tensor, charged: bool) -> Numbers:
        """The same and the value."""
        found = self.flows(v, charged)
        return {**found, self.kinds[1]: [self.value]} if found else {}

    def part(self, which: Tensor) -> Linear:
        """The same for some elements of the batch."""
        return replace(self, value=some(self.value, which))


@dataclass(frozen=True)
class FreeSources:
    """Voltage sources between two nodes: their currents are unknowns, their voltages equations.

    Attributes:
        nodes: Rows of plus and minus of each source.
        first: Row of the first source.
    """

    nodes: tuple[tuple[int, int], ...]
    first: int

    @property
    def places(self) -> Places:
        """The current leaves plus through the source; the equation is V_plus - V_minus."""
        rows = [(*pair, self.first + i) for i, pair in enumerate(self.nodes)]
        current = [[(a, 0, 1.0), (b, 0, -1.0)] for a, b, _ in rows]
        equation = [[(i, 0, 1.0)] for _, _, i in rows]
        slopes = [[(a, i, 1.0), (b, i, -1.0), (i, a, 1.0), (i, b, -1.0)] for a, b, i in rows]
        return {CURRENT: [current, equation], CONDUCTANCE: [slopes]}

    def flows(self, v: Tensor, charged: bool) -> Numbers:
        """Currents and voltages of the sources."""
        plus, minus = zip(*self.nodes, strict=True)
        return {CURRENT: [v[self.first :], v[list(plus)] - v[list(minus)]]}

    def slopes(self, v: Tensor, charged: bool) -> Numbers:
        """The same and ones."""
        ones = torch.ones((len(self.nodes), 1), dtype=v.dtype, device=v.device)
        return {**self.flows(v, charged), CONDUCTANCE: [ones]}

    def part(self, which: Tensor) -> FreeSources:
        """Nothing here is batched."""
        return self


@dataclass(frozen=True)
class Switches:
    """Smooth switches.

    Attributes:
        threshold: Control voltage half-way, (element, 1 or batch) [V].
        on: Conductance when on [S].
        off: Conductance when off [S].
        softness: Width of the step [V].
        rows: Nodes of both ends and of the control, (4, element).
    """

    threshold: Tensor
    on: Tensor
    off: Tensor
    softness: Tensor
    rows: Tensor

    @property
    def places(self) -> Places:
        """Out of one end into the other; slopes by the ends and by the control."""
        ends = self.rows.T.tolist()
        through = [[(a, 0, 1.0), (b, 0, -1.0)] for a, b, _, _ in ends]
        by_ends = [[(a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)] for a, b, _, _ in ends]
        by_control = [[(a, p, 1.0), (b, m, 1.0), (a, m, -1.0), (b, p, -1.0)] for a, b, p, m in ends]
        return {CURRENT: [through], CONDUCTANCE: [by_ends, by_control]}

    def _at(self, v: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        a, b, plus, minus = v[self.rows]
        control = torch.sigmoid((plus - minus - self.threshold) / self.softness)
        span = torch.log(self.on / self.off)
        conductance = self.off * torch.exp(span * control)
        return control, span, conductance, conductance * (a - b)

    def flows(self, v: Tensor, charged: bool) -> Numbers:
        """Currents."""
        return {CURRENT: [self._at(v)[3]]}

    def slopes(self, v: Tensor, charged: bool) -> Numbers:
        """The same and slopes."""
        control, span, conductance, through = self._at(v)
        by_control = through * span * control * (1.0 - control) / self.softness
        return {CURRENT: [through], CONDUCTANCE: [conductance, by_control]}

    def part(self, which: Tensor) -> Switches:
        """The same for some elements of the batch."""
        return replace(self, **{name: some(getattr(self, name), which) for name in _SWITCH})


@dataclass(frozen=True)
class Fets:
    """Transistors that are evaluated together.

    Attributes:
        bank: The transistors.
        rows: Nodes of gates, drains and sources, (3, transistor).
        signs: Of n-type and p-type ones, (transistor, 1); None if all are n-type.
    """

    bank: Bank | Single
    rows: Tensor
    signs: Tensor | None

    @cached_property
    def places(self) -> Places:
        """Currents and charges of p-type ones change their signs, slopes do not."""
        ends = self.rows.T.tolist()
        signs = [1.0] * len(ends) if self.signs is None else self.signs[:, 0].tolist()
        all_ends = list(zip(ends, signs, strict=True))
        found: Places = {
            CURRENT: [[[(d, 0, n), (s, 0, -n)] for (_, d, s), n in all_ends]],
            CHARGE: [[[(e[i], 0, n)] for e, n in all_ends] for i in range(3)],
            CONDUCTANCE: [[[(e[1], e[i], 1.0), (e[2], e[i], -1.0)] for e in ends] for i in range(3)],
            CAPACITANCE: [[[(e[i], e[j], 1.0)] for e in ends] for i in range(3) for j in range(3)],
        }
        if self.bank.leaks:  # from the gate into drain and source
            for i in (1, 2):
                found[CURRENT].append([[(e[0], 0, n), (e[i], 0, -n)] for e, n in all_ends])
                found[CONDUCTANCE].append(
                    [[(e[i], e[i], -1.0), (e[i], e[0], 1.0), (e[0], e[i], 1.0), (e[0], e[0], -1.0)] for e in ends]
                )
        return found

    def _biases(self, v: Tensor) -> Tensor:
        return v[self.rows] if self.signs is None else v[self.rows] * self.signs

    def flows(self, v: Tensor, charged: bool) -> Numbers:
        """Currents and charges of the terminals."""
        at = self._biases(v)
        if charged:
            current, charges = self.bank.current_and_charges(*at)
            found = {CURRENT: [current], CHARGE: list(charges)}
        else:
            found = {CURRENT: [self.bank.current(*at)]}
        found[CURRENT] += self.bank.gate_current(*at) or ()
        return found

    def slopes(self, v: Tensor, charged: bool) -> Numbers:
        """The same with derivatives by the voltages."""
        at = self._biases(v)
        if charged:
            current, conductances, charges, capacitances = self.bank.linearised(*at)
            rows = [x for row in capacitances for x in row]
            found = {CURRENT: [current], CHARGE: [*charges], CONDUCTANCE: [*conductances], CAPACITANCE: rows}
        else:
            current, conductances = self.bank.current_and_conductances(*at)
            found = {CURRENT: [current], CONDUCTANCE: [*conductances]}
        if self.bank.leaks:
            gated, slopes = _gate_slopes(self.bank, at)
            found[CURRENT] += gated
            found[CONDUCTANCE] += slopes
        return found

    def part(self, which: Tensor) -> Fets:
        """The same for some elements of the batch."""
        return replace(self, bank=self.bank.part(which))


def _gate_slopes(bank: Bank | Single, biases: Iterable[Tensor]) -> tuple[GateCurrent, list[Tensor]]:
    """Gate currents of a bank, and the slope of that into drain and source by the voltage there."""
    with torch.enable_grad():
        leaves = [v.detach().requires_grad_() for v in biases]
        gated = bank.gate_current(*leaves)
        assert gated is not None
        # I_x depends on V_G - V_x alone
        slopes = [
            torch.autograd.grad(current.sum(), leaf, retain_graph=True)[0]
            if current.requires_grad
            else torch.zeros_like(leaf)
            for current, leaf in zip(gated, leaves[1:], strict=True)
        ]
    return GateCurrent(*(x.detach() for x in gated)), slopes


def group(elements: Sequence[object], place: Mapping[str, int], shape: torch.Size, device: torch.device) -> list[Group]:
    """Elements of a circuit in groups, without its sources.

    Args:
        elements: Elements of a circuit.
        place: Row of every node.
        shape: Batch of the circuit.
        device: Where its tensors live.
    """
    found: list[Group] = []
    resistors = [x for x in elements if isinstance(x, Resistor)]
    capacitors = [x for x in elements if isinstance(x, Capacitor)]
    switches = [x for x in elements if isinstance(x, Switch)]
    fets = [x for x in elements if isinstance(x, Fet)]

    def rows(some: Sequence[object], *terminals: str) -> Tensor:
        return torch.tensor([[place[getattr(x, end)] for x in some] for end in terminals], device=device)

    def stack(values: Iterable[Tensor]) -> Tensor:
        return torch.stack(torch.broadcast_tensors(*(flat(x, shape) for x in values))).to(device)

    if resistors:
        value = 1.0 / stack(x.resistance for x in resistors)
        found.append(Linear(value, rows(resistors, "a", "b"), (CURRENT, CONDUCTANCE)))
    if capacitors:
        value = stack(x.capacitance for x in capacitors)
        found.append(Linear(value, rows(capacitors, "a", "b"), (CHARGE, CAPACITANCE)))
    if switches:
        values = {name: stack(getattr(x, name) for x in switches) for name in _SWITCH}
        found.append(Switches(rows=rows(switches, "a", "b", "plus", "minus"), **values))
    for bank in banks([x.model for x in fets], shape, device):
        members = [fets[i] for i in bank.members]
        signs = torch.tensor([[float(x.sign)] for x in members], dtype=torch.float64, device=device)
        mixed = any(x.sign < 0 for x in members)
        found.append(Fets(bank, rows(members, "gate", "drain", "source"), signs if mixed else None))
    return found


def flat(value: Tensor, shape: torch.Size) -> Tensor:
    """A value as one row, (1,) or (batch,)."""
    return value.reshape(1) if value.numel() == 1 else value.expand(shape).reshape(-1)


def stamp(
    groups: Sequence[Group],
    extra: list[list[Place]],
    kinds: Sequence[str],
    size: int,
    columns: Sequence[int],
    like: Tensor,
) -> Tensor:
    """The sparse matrix that puts numbers where they belong.

    Args:
        groups: Groups, whose numbers come one after the other, each by the kinds in order.
        extra: Places of currents behind them, one list for each.
        kinds: Kinds of number, which are also the blocks of the rows.
        size: Rows of one block of currents or charges.
        columns: Rows that are unknowns; a block of derivatives has a row for each pair of row and unknown.
        like: For its dtype and device.
    """
    order = {row: i for i, row in enumerate(columns)}
    starts, end = {}, 0
    for kind in kinds:
        starts[kind] = end
        end += size if kind in (CURRENT, CHARGE) else size * len(columns)
    rows, at, factors, number = list[int](), list[int](), list[float](), 0
    for kind, places in _in_order(groups, extra, kinds):
        for row, column, factor in places:
            if kind in (CURRENT, CHARGE):
                rows.append(starts[kind] + row)
            elif column in order:
                rows.append(starts[kind] + row * len(columns) + order[column])
            else:
                continue
            at.append(number)
            factors.append(factor)
        number += 1
    where = torch.tensor([rows, at], device=like.device, dtype=torch.long)
    values = torch.tensor(factors, dtype=like.dtype, device=like.device)
    return torch.sparse_coo_tensor(where, values, (end, number), device=like.device, check_invariants=False).coalesce()


def _in_order(
    groups: Sequence[Group], extra: list[list[Place]], kinds: Sequence[str]
) -> Iterator[tuple[str, list[Place]]]:
    for one in groups:
        for kind in kinds:
            for number in one.places.get(kind, ()):
                yield from ((kind, places) for places in number)
    yield from ((CURRENT, places) for places in extra)
