"""The equations of a circuit: currents out of every node, charges on it, and their slopes, for a flat batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ...devices.bank import Bank, Single, banks
from ...devices.base import GateCurrent
from ..netlist import (
    GROUND,
    Capacitor,
    Circuit,
    CurrentSource,
    Fet,
    Pwl,
    Resistor,
    Switch,
    VoltageSource,
)
from ..topology import check


class Flows(NamedTuple):
    """What leaves every node and what sits on it, rows in the order of :attr:`System.rows`.

    Attributes:
        current: Current out of each node into its elements; last rows are equations of free sources [A], [V].
        charge: Charge of the elements at each node; zero in the last rows [C].
    """

    current: Tensor
    charge: Tensor


class Slopes(NamedTuple):
    """Flows and their derivatives by the unknowns, (row, unknown, batch)."""

    flows: Flows
    conductance: Tensor
    capacitance: Tensor


class Drive(NamedTuple):
    """What the sources do at one time: held nodes [V], free voltage sources [V], current sources [A]; batch last."""

    held: Tensor
    free: Tensor
    injected: Tensor


@dataclass(frozen=True)
class System:
    """A circuit ready to be solved.

    The unknowns are the voltages of the free nodes and the currents of the sources that are not tied to ground. Rows
    are the free nodes, the held nodes, and the free sources.

    Attributes:
        circuit: The circuit.
        shape: Batch shape of all its values.
    """

    circuit: Circuit
    shape: torch.Size

    @cached_property
    def held(self) -> dict[str, tuple[VoltageSource, int]]:
        """Nodes that a grounded source holds, with the sign of the source."""
        found: dict[str, tuple[VoltageSource, int]] = {}
        for source in self._sources:
            if source.minus == GROUND:
                found[source.plus] = (source, 1)
            elif source.plus == GROUND:
                found[source.minus] = (source, -1)
        return found

    @cached_property
    def _sources(self) -> tuple[VoltageSource, ...]:
        return tuple(x for x in self.circuit.elements if isinstance(x, VoltageSource))

    @cached_property
    def free_sources(self) -> tuple[VoltageSource, ...]:
        """Voltage sources between two nodes; their currents are unknowns."""
        return tuple(x for x in self._sources if GROUND not in (x.plus, x.minus))

    @cached_property
    def free(self) -> tuple[str, ...]:
        """Nodes whose voltages are unknown."""
        return tuple(node for node in self.circuit.nodes if node not in self.held)

    @cached_property
    def place(self) -> dict[str, int]:
        """Row of every node, ground last."""
        return {node: i for i, node in enumerate((*self.free, *self.held, GROUND))}

    @property
    def unknowns(self) -> int:
        """Length of the vector of unknowns."""
        return len(self.free) + len(self.free_sources)

    @property
    def batch(self) -> int:
        """Elements of the flat batch."""
        return self.shape.numel()

    # ------------------------------------------------------------------------------------------------ sources

    @cached_property
    def breaks(self) -> Tensor:
        """Break points of all sources, rising along the first axis, (time, 1) or (time, batch) [s]."""
        times = [x.value.times for x in self.circuit.elements if _moves(x)]  # type: ignore[union-attr]
        if not times:
            return torch.zeros((1, 1), dtype=torch.float64)
        wide = max(flat.shape[1] for flat in (self._flat(t) for t in times))
        together = torch.cat([self._flat(t).expand(-1, wide) for t in times])
        return together.sort(dim=0).values

    @cached_property
    def _levels(self) -> Tensor:
        """Values of all sources at the break points, (time, source, 1 or batch)."""
        levels = [self._at_breaks(x.value) for x in self._driving]
        return (
            torch.stack(torch.broadcast_tensors(*levels), 1)
            if levels
            else self.breaks.new_zeros(len(self.breaks), 0, 1)
        )

    @cached_property
    def _driving(self) -> tuple[VoltageSource | CurrentSource, ...]:
        currents = (x for x in self.circuit.elements if isinstance(x, CurrentSource))
        return (*(source for source, _ in self.held.values()), *self.free_sources, *currents)

    def _at_breaks(self, value: Tensor | Pwl) -> Tensor:
        if isinstance(value, Tensor):
            return self._row(value).expand(self.breaks.shape[0], -1)
        times, values = self._flat(value.times), self._flat(value.values)
        wide = max(times.shape[1], values.shape[1], self.breaks.shape[1])
        times, values, wanted = times.expand(-1, wide), values.expand(-1, wide), self.breaks.expand(-1, wide)
        after = (wanted[:, None] >= times).sum(1).clamp(1, times.shape[0] - 1)
        t = [times.gather(0, after - i) for i in (1, 0)]
        v = [values.gather(0, after - i) for i in (1, 0)]
        return torch.lerp(v[0], v[1], ((wanted - t[0]) / (t[1] - t[0])).clamp(0.0, 1.0))

    def drive(self, time: Tensor) -> Drive:
        """What the sources do at a time for each element of the batch, (batch,) [s]."""
        after = (time >= self.breaks).sum(0).clamp(max=self.breaks.shape[0] - 1)
        before = (after - 1).clamp(min=0)
        wide = self.breaks.expand(-1, time.shape[0])
        t = [wide.gather(0, i[None])[0] for i in (before, after)]
        weight = torch.where(t[1] > t[0], (time - t[0]) / (t[1] - t[0]), 1.0).clamp(0.0, 1.0)
        levels = self._levels.expand(-1, -1, time.shape[0])
        v = [levels.gather(0, i.expand(1, *levels.shape[1:]))[0] for i in (before, after)]
        value = torch.lerp(v[0], v[1], weight)
        some = len(self.held), len(self.free_sources)
        signs = torch.tensor([sign for _, sign in self.held.values()], dtype=value.dtype, device=value.device)
        held = value[: some[0]] * signs[:, None]
        return Drive(held, value[some[0] : sum(some)], value[sum(some) :])

    def prepare(self) -> None:
        """Compute what does not depend on the unknowns now, while gradients are recorded if they are to be."""
        _ = self._levels, self._banks, self._conductances, self._capacitances

    # ----------------------------------------------------------------------------------------------- elements

    @cached_property
    def _fets(self) -> tuple[Fet, ...]:
        return tuple(x for x in self.circuit.elements if isinstance(x, Fet))

    @cached_property
    def _banks(self) -> list[tuple[Bank | Single, Tensor, Tensor]]:
        """Banks with the rows of their terminals, (gate/drain/source, member), and their signs, (member, 1)."""
        found = []
        for bank in banks([x.model for x in self._fets], self.shape):
            some = [self._fets[i] for i in bank.members]
            rows = [[self.place[getattr(x, end)] for x in some] for end in ("gate", "drain", "source")]
            signs = torch.tensor([[float(x.sign)] for x in some], dtype=torch.float64)
            found.append((bank, torch.tensor(rows), signs))
        return found

    @cached_property
    def _conductances(self) -> Tensor | None:
        """Linear conductances and the equations of free sources, (row, column, 1 or batch), columns as the rows."""
        entries: list[tuple[int, int, Tensor]] = []
        for x in self.circuit.elements:
            if isinstance(x, Resistor):
                entries += self._pair(x.a, x.b, 1.0 / self._row(x.resistance))
        one, total = torch.ones(1, dtype=torch.float64), len(self.place)
        for i, source in enumerate(self.free_sources):
            for node, sign in ((source.plus, 1.0), (source.minus, -1.0)):
                entries += [(self.place[node], total + i, sign * one), (total + i, self.place[node], sign * one)]
        return self._matrix(entries)

    @cached_property
    def _capacitances(self) -> Tensor | None:
        entries: list[tuple[int, int, Tensor]] = []
        for x in self.circuit.elements:
            if isinstance(x, Capacitor):
                entries += self._pair(x.a, x.b, self._row(x.capacitance))
        return self._matrix(entries)

    def _pair(self, a: str, b: str, value: Tensor) -> list[tuple[int, int, Tensor]]:
        i, j = self.place[a], self.place[b]
        return [(i, i, value), (j, j, value), (i, j, -value), (j, i, -value)]

    def _matrix(self, entries: Sequence[tuple[int, int, Tensor]]) -> Tensor | None:
        if not entries:
            return None
        size = len(self.place) + len(self.free_sources)
        values = torch.stack(torch.broadcast_tensors(*(value for _, _, value in entries)))
        flat = torch.zeros((size * size, values.shape[1]), dtype=values.dtype, device=values.device)
        where = torch.tensor([i * size + j for i, j, _ in entries], device=values.device)
        return flat.index_add(0, where, values).reshape(size, size, -1)

    # ----------------------------------------------------------------------------------------------- equations

    def all_voltages(self, x: Tensor, drive: Drive) -> Tensor:
        """Voltages of the free nodes, the held nodes and ground, then the currents of free sources, (row, batch)."""
        nodes = len(self.free)
        ground = torch.zeros((1, x.shape[1]), dtype=x.dtype, device=x.device)
        return torch.cat((x[:nodes], drive.held.expand(-1, x.shape[1]), ground, x[nodes:]))

    def flows(self, x: Tensor, drive: Drive) -> Flows:
        """Currents and charges of all rows; differentiable in everything."""
        v = self.all_voltages(x, drive)
        current, charge = self._linear(v, drive)
        for bank, rows, signs in self._banks:
            biases = [signs * v[row] for row in rows]
            i_d, charges = bank.current_and_charges(*biases)
            into = self._terminal_currents(i_d, bank.gate_current(*biases))
            current = _add(current, rows, [signs * i for i in into])
            charge = _add(charge, rows, [signs * q for q in charges])
        for switch in self._switches:
            current, _ = self._switched(switch, v, current)
        return Flows(current, charge)

    def slopes(self, x: Tensor, drive: Drive) -> Slopes:
        """The same with derivatives by the unknowns; not differentiable."""
        with torch.no_grad():
            v = self.all_voltages(x, drive)
            current, charge = self._linear(v, drive)
            size = v.shape[0]
            g, c = (_spread(m, size, x) for m in (self._conductances, self._capacitances))
            for bank, rows, signs in self._banks:
                biases = [signs * v[row] for row in rows]
                found = bank.linearised(*biases)
                gated, gate_slopes = _gate_slopes(bank, biases)
                current = _add(current, rows, [signs * i for i in self._terminal_currents(found.current, gated)])
                charge = _add(charge, rows, [signs * q for q in found.charges])
                by = torch.stack(found.conductances)
                matrix = torch.stack((torch.zeros_like(by), by, -by))
                g = _add_matrix(g, rows, matrix if gate_slopes is None else matrix + gate_slopes)
                c = _add_matrix(c, rows, torch.stack([torch.stack(row) for row in found.capacitances]))
            for switch in self._switches:
                current, by = self._switched(switch, v, current)
                g = g + by
            keep = [*range(len(self.free)), *range(len(self.place), size)]
            return Slopes(Flows(current, charge), g[:, keep], c[:, keep])

    def _linear(self, v: Tensor, drive: Drive) -> tuple[Tensor, Tensor]:
        current = torch.zeros_like(v) if self._conductances is None else _times(self._conductances, v)
        charge = torch.zeros_like(v) if self._capacitances is None else _times(self._capacitances, v)
        total = len(self.place)
        if self.free_sources:
            current = torch.cat((current[:total], current[total:] - drive.free))
        injecting = [x for x in self._driving if isinstance(x, CurrentSource)]
        for x, value in zip(injecting, drive.injected, strict=True):
            rows = torch.tensor([[self.place[x.plus]], [self.place[x.minus]]])
            current = _add(current, rows, [-value[None], value[None]])
        return current, charge

    @staticmethod
    def _terminal_currents(i_d: Tensor, gated: GateCurrent | None) -> list[Tensor]:
        """Currents into gate, drain and source."""
        if gated is None:
            return [torch.zeros_like(i_d), i_d, -i_d]
        into_drain, into_source = gated
        return [into_drain + into_source, i_d - into_drain, -i_d - into_source]

    @cached_property
    def _switches(self) -> tuple[Switch, ...]:
        return tuple(x for x in self.circuit.elements if isinstance(x, Switch))

    def _switched(self, x: Switch, v: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
        """Currents with that of a switch added, and its slopes, (row, column, batch)."""
        a, b, plus, minus = (self.place[node] for node in (x.a, x.b, x.plus, x.minus))
        threshold, on, off, soft = (self._row(y) for y in (x.threshold, x.on, x.off, x.softness))
        control = torch.sigmoid((v[plus] - v[minus] - threshold) / soft)
        span = torch.log(on / off)
        conductance = off * torch.exp(span * control)
        through = conductance * (v[a] - v[b])
        rows = torch.tensor([[a], [b]])
        current = _add(current, rows, [through[None], -through[None]])
        by_control = through * span * control * (1.0 - control) / soft
        by = torch.stack(torch.broadcast_tensors(conductance, -conductance, by_control, -by_control))[:, None]
        places = torch.tensor([[a], [b], [plus], [minus]])
        return current, _add_matrix(_spread(None, v.shape[0], v), rows, torch.stack((by, -by)), places)

    # ---------------------------------------------------------------------------------------------- flat batch

    def _row(self, value: Tensor) -> Tensor:
        """A value as one row, (1,) or (batch,)."""
        return value.reshape(1) if value.numel() == 1 else value.expand(self.shape).reshape(-1)

    def _flat(self, value: Tensor) -> Tensor:
        """A value with a first axis of its own, (n, 1) or (n, batch)."""
        return torch.stack([self._row(x) for x in value]) if value.shape[1:].numel() > 1 else value.reshape(-1, 1)

    def row_of(self, node: str) -> int:
        """Row of a node.

        Raises:
            BeolithError: The circuit has no such node.
        """
        if node not in self.place:
            raise BeolithError(
                f"circuit {self.circuit.title!r} has no node {node!r}; {nearest(node, self.circuit.nodes)}"
            )
        return self.place[node]


def system(circuit: Circuit) -> System:
    """The equations of a circuit.

    Raises:
        BeolithError: The circuit has no solution; the message names every fault.
    """
    check(circuit)
    shapes = [torch.Size(())]
    for element in circuit.elements:
        for value in vars(element).values():
            if isinstance(value, Pwl):
                shapes += [value.times.shape[1:], value.values.shape[1:]]
            elif isinstance(value, Tensor):
                shapes.append(value.shape)
        if isinstance(element, Fet):
            zero = torch.zeros((), dtype=torch.float64)
            shapes.append(element.model.current(zero, zero, zero).shape)
    shapes += [value.shape for value in circuit.initial.values()]
    found = System(circuit, torch.broadcast_shapes(*shapes))
    found.prepare()
    return found


def _moves(element: object) -> bool:
    return isinstance(element, VoltageSource | CurrentSource) and isinstance(element.value, Pwl)


def _times(matrix: Tensor, v: Tensor) -> Tensor:
    """(row, column, 1 or batch) times (column, batch)."""
    return matrix[..., 0] @ v if matrix.shape[-1] == 1 else (matrix * v).sum(1)


def _add(to: Tensor, rows: Tensor, parts: Sequence[Tensor]) -> Tensor:
    """Sums of parts (terminal, member, batch) into rows (terminal, member)."""
    return to.index_add(0, rows.reshape(-1), torch.cat([part.expand(-1, to.shape[1]) for part in parts]))


def _add_matrix(to: Tensor, rows: Tensor, parts: Tensor, columns: Tensor | None = None) -> Tensor:
    """Sums of parts (terminal, terminal, member, batch) into a matrix (row, column, batch)."""
    columns = rows if columns is None else columns
    size = to.shape[1]
    where = (rows[:, None] * size + columns[None]).reshape(-1)
    flat = parts.reshape(where.shape[0], -1).expand(-1, to.shape[2])
    return to.reshape(-1, to.shape[2]).index_add(0, where, flat).reshape(to.shape)


def _spread(matrix: Tensor | None, size: int, x: Tensor) -> Tensor:
    """A constant matrix for every element of a batch, zero where there is none."""
    if matrix is None:
        return torch.zeros((size, size, x.shape[1]), dtype=x.dtype, device=x.device)
    return matrix.detach().expand(-1, -1, x.shape[1]).clone()


def _gate_slopes(bank: Bank | Single, biases: Sequence[Tensor]) -> tuple[GateCurrent | None, Tensor | None]:
    """Gate currents of a bank and the slopes of its terminal currents, (terminal, voltage, member, batch)."""
    with torch.enable_grad():
        leaves = [v.detach().requires_grad_() for v in biases]
        gated = bank.gate_current(*leaves)
        if gated is None or not gated[0].requires_grad:
            return gated, None
        by_drain, by_source = (
            torch.autograd.grad(current.sum(), leaf, retain_graph=True)[0]
            for current, leaf in zip(gated, leaves[1:], strict=True)
        )
    # I_x depends on V_G - V_x alone: by_x is its slope by V_x, -by_x that by V_G
    zero = torch.zeros_like(by_drain)
    gate = (-by_drain - by_source, by_drain, by_source)
    drain, source = (by_drain, -by_drain, zero), (by_source, zero, -by_source)
    matrix = torch.stack([torch.stack(row) for row in (gate, drain, source)])
    return GateCurrent(gated.drain.detach(), gated.source.detach()), matrix
