"""The equations of a circuit: currents out of every node, charges on it, and their slopes, for a flat batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ...devices.bank import Single
from ..netlist import GROUND, Circuit, CurrentSource, Fet, Pwl, VoltageSource
from ..topology import check
from .elements import (
    CAPACITANCE,
    CHARGE,
    CONDUCTANCE,
    CURRENT,
    Fets,
    FreeSources,
    Group,
    Numbers,
    Place,
    flat,
    group,
    some,
    stamp,
)

_FLOWS, _ALL, _STILL = (CURRENT, CHARGE), (CURRENT, CHARGE, CONDUCTANCE, CAPACITANCE), (CURRENT, CONDUCTANCE)


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

    @cached_property
    def device(self) -> torch.device:
        """Where the circuit lives: on the accelerator, if any of its tensors does."""
        places = (x.device for x in _tensors(self.circuit))
        return next((x for x in places if x.type != "cpu"), torch.device("cpu"))

    # ------------------------------------------------------------------------------------------------ sources

    @cached_property
    def breaks(self) -> Tensor:
        """Break points of all sources, rising along the first axis, (time, 1) or (time, batch) [s]."""
        times = [self._flat(x.value.times) for x in self._driving if isinstance(x.value, Pwl)]
        if not times:
            return torch.zeros((1, 1), dtype=torch.float64, device=self.device)
        wide = max(t.shape[1] for t in times)
        return torch.cat([t.expand(-1, wide) for t in times]).sort(dim=0).values

    @cached_property
    def _levels(self) -> Tensor:
        """Values of all sources at the break points, of held nodes with their signs, (time, source, 1 or batch)."""
        signs = [float(sign) for _, sign in self.held.values()]
        signs += [1.0] * (len(self._driving) - len(signs))
        levels = [self._at_breaks(x.value) * sign for x, sign in zip(self._driving, signs, strict=True)]
        if not levels:
            return self.breaks.new_zeros(len(self.breaks), 0, 1)
        return torch.stack(torch.broadcast_tensors(*levels), 1)

    @cached_property
    def _driving(self) -> tuple[VoltageSource | CurrentSource, ...]:
        currents = (x for x in self.circuit.elements if isinstance(x, CurrentSource))
        return (*(source for source, _ in self.held.values()), *self.free_sources, *currents)

    def _at_breaks(self, value: Tensor | Pwl) -> Tensor:
        if isinstance(value, Tensor):
            return flat(value, self.shape).to(self.device).expand(self.breaks.shape[0], -1)
        times, values = self._flat(value.times), self._flat(value.values)
        wide = max(times.shape[1], values.shape[1], self.breaks.shape[1])
        times, values, wanted = times.expand(-1, wide), values.expand(-1, wide), self.breaks.expand(-1, wide)
        after = (wanted[:, None] >= times).sum(1).clamp(1, times.shape[0] - 1)
        t = [times.gather(0, after - i) for i in (1, 0)]
        v = [values.gather(0, after - i) for i in (1, 0)]
        return torch.lerp(v[0], v[1], ((wanted - t[0]) / (t[1] - t[0])).clamp(0.0, 1.0))

    def _flat(self, value: Tensor) -> Tensor:
        """A value with a first axis of its own, (n, 1) or (n, batch)."""
        return torch.stack([flat(x, self.shape) for x in value]).to(self.device)

    def drive(self, time: Tensor) -> Drive:
        """What the sources do at a time for each element of the batch, (batch,) [s]."""
        return self.drives(time[None])[0]

    def drives(self, times: Tensor) -> list[Drive]:
        """The same at several times, (time, batch) [s]."""
        last, batch = self.breaks.shape[0] - 1, times.shape[1]
        levels = self._levels.expand(-1, -1, batch)
        if last == 0:  # nothing moves
            value = levels.expand(len(times), -1, -1)
        else:
            after = (times[:, None] >= self.breaks).sum(1).clamp_(max=last)
            places = after.sub(1).clamp_(min=0), after
            wide = self.breaks.expand(-1, batch)
            t = [wide.gather(0, i) for i in places]
            # before the first and after the last break point both ends are one or lie to one side
            weight = torch.where(t[1] > t[0], (times - t[0]) / (t[1] - t[0]), 1.0).clamp_(0.0, 1.0)
            shape = (len(times), levels.shape[1], batch)
            v = [levels.expand(-1, -1, batch).gather(0, i[:, None].expand(shape)) for i in places]
            value = torch.lerp(v[0], v[1], weight[:, None])
        some = len(self.held), len(self.free_sources)
        return [Drive(x[: some[0]], x[some[0] : sum(some)], x[sum(some) :]) for x in value]

    def prepare(self) -> None:
        """Compute what does not depend on the unknowns now, while gradients are recorded if they are to be."""
        _ = self._levels, self._groups, [self._stamp(kinds) for kinds in (_FLOWS, _ALL, _STILL)]

    def part(self, which: Tensor) -> System:
        """The same circuit for some elements of the flat batch, of which it has copies.

        Args:
            which: Places in the flat batch, (n,).
        """
        self.prepare()
        found = System(self.circuit, which.shape)
        groups = [x.part(which) for x in self._groups]
        own = {"breaks": some(self.breaks, which), "_levels": some(self._levels, which), "_groups": groups}
        vars(found).update(vars(self) | own | {"shape": which.shape})
        return found

    # ----------------------------------------------------------------------------------------------- equations

    @property
    def splits(self) -> bool:
        """Whether :meth:`part` is cheaper to evaluate than the whole: not with foreign transistor models."""
        return not any(isinstance(x, Fets) and isinstance(x.bank, Single) for x in self._groups)

    @cached_property
    def _groups(self) -> list[Group]:
        found = group(self.circuit.elements, self.place, self.shape, self.device)
        if self.free_sources:
            nodes = tuple((self.place[x.plus], self.place[x.minus]) for x in self.free_sources)
            found.append(FreeSources(nodes, len(self.place)))
        return found

    @cached_property
    def _stamps(self) -> dict[tuple[str, ...], Tensor]:
        return {}

    def _stamp(self, kinds: tuple[str, ...]) -> Tensor:
        """The matrix that puts numbers of some kinds into rows; what sources drive comes last."""
        if kinds not in self._stamps:
            total, free = len(self.place), len(self.free)
            extra: list[list[Place]] = [[(total + i, 0, -1.0)] for i in range(len(self.free_sources))]
            for x in self._driving:
                if isinstance(x, CurrentSource):
                    extra.append([(self.place[x.plus], 0, -1.0), (self.place[x.minus], 0, 1.0)])
            size = total + len(self.free_sources)
            columns = [*range(free), *range(total, size)]
            self._stamps[kinds] = stamp(self._groups, extra, kinds, size, columns, self._levels)
        return self._stamps[kinds]

    def all_voltages(self, x: Tensor, drive: Drive) -> Tensor:
        """Voltages of the free nodes, the held nodes and ground, then the currents of free sources, (row, batch)."""
        nodes = len(self.free)
        ground = torch.zeros((1, x.shape[1]), dtype=x.dtype, device=x.device)
        return torch.cat((x[:nodes], drive.held.expand(-1, x.shape[1]), ground, x[nodes:]))

    def flows(self, x: Tensor, drive: Drive) -> Flows:
        """Currents and charges of all rows; differentiable in everything."""
        v = self.all_voltages(x, drive)
        current, charge = self._placed([g.flows(v, True) for g in self._groups], _FLOWS, drive, v)
        return Flows(current, charge)

    def slopes(self, x: Tensor, drive: Drive, *, charged: bool = True) -> Slopes:
        """The same with derivatives by the unknowns; not differentiable.

        Args:
            x: Unknowns, (unknown, batch).
            drive: What the sources do.
            charged: Whether charges and capacitances are wanted; without them they are zero, at half the price.
        """
        with torch.no_grad():
            v = self.all_voltages(x, drive)
            numbers = [g.slopes(v, charged) for g in self._groups]
            if charged:
                current, charge, g, c = self._placed(numbers, _ALL, drive, v)
            else:
                current, g = self._placed(numbers, _STILL, drive, v)
                charge, c = (torch.zeros((), dtype=v.dtype, device=v.device).expand_as(y) for y in (current, g))
            matrix = (v.shape[0], -1, v.shape[1])
            return Slopes(Flows(current, charge), g.reshape(matrix), c.reshape(matrix))

    def _placed(
        self, numbers: Sequence[Numbers], kinds: tuple[str, ...], drive: Drive, v: Tensor
    ) -> tuple[Tensor, ...]:
        """Numbers of all groups where they belong, one block of rows for each kind."""
        batch, size = v.shape[1], v.shape[0]
        found = [x for one in numbers for kind in kinds for x in one.get(kind, ())]
        found += [x for x in (drive.free, drive.injected) if len(x)]
        if not found:
            found = [v[:0]]
        placed = torch.sparse.mm(self._stamp(kinds), torch.cat([x.expand(-1, batch) for x in found]))
        lengths = [size if kind in _FLOWS else size * self.unknowns for kind in kinds]
        blocks: tuple[Tensor, ...] = placed.split(lengths)
        return blocks

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
    zero = torch.zeros((), dtype=torch.float64, device=System(circuit, shapes[0]).device)
    for element in circuit.elements:
        for value in vars(element).values():
            if isinstance(value, Pwl):
                shapes += [value.times.shape[1:], value.values.shape[1:]]
            elif isinstance(value, Tensor):
                shapes.append(value.shape)
        if isinstance(element, Fet):
            shapes.append(element.model.current(zero, zero, zero).shape)
    shapes += [value.shape for value in circuit.initial.values()]
    # not broadcast_shapes, which imports a computer algebra system
    found = System(circuit, torch.broadcast_tensors(*(zero.expand(x) for x in shapes))[0].shape)
    found.prepare()
    return found


def _tensors(tree: Any) -> Iterator[Tensor]:
    """All tensors in nested dataclasses, tuples and mappings."""
    if isinstance(tree, Tensor):
        yield tree
    elif is_dataclass(tree):
        for field in fields(tree):
            yield from _tensors(getattr(tree, field.name))
    elif isinstance(tree, tuple | list | Mapping):
        for x in tree.values() if isinstance(tree, Mapping) else tree:
            yield from _tensors(x)
