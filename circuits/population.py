"""Cells that mismatch has made different, and the retention of each of them in closed form.

Every cell has the current of its own transistors, and the charge and the written voltages of the nominal cell, which
spread far less: that costs some 0.3 to 0.5 % of a retention, one standard deviation, against cells drawn whole. Only
transistors that carry current into a storage node are drawn, and only levels that something pulls towards a neighbour
are solved. The number of panels is the least that agrees with many of them, out to six sigma of any deviate.

References:
    edri2016_tcas1 (the threshold of the write transistor decides); panels: own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import torch
from torch import Tensor

from ..devices.base import DeviceState
from ..devices.spread.variability import DEVIATES
from ..devices.stress.mission import Mission, Profile
from .bitcells.base import Bitcell
from .cell import Cell, build
from .held_node import HeldNode, held_node
from .mismatch import deviates, device, drawn
from .netlist import Fet
from .retention import PANELS, at_levels, logarithmic_mean, must_float, must_leak, neighbours, panels, written

ACCURACY, MOST_PANELS, REACHES = 3e-3, 64, (-6.0, -4.0, -2.0, 2.0, 4.0, 6.0)
"""The closed form takes as few panels as come this near to many of them [1], at these distances of every deviate."""
PART = 1 << 17
"""Cells at a time, so that what is between the deviates and the time stays in the cache."""


@dataclass(frozen=True)
class Way:
    """Levels that may be lost in one direction, on one node.

    Attributes:
        node: The node of the nominal cell at these levels.
        levels: Their numbers, one axis.
        start: Voltage after a write, (level, 1, *batch) [V].
        end: Where they are mistaken for a neighbour [V].
        panels: Panels of the closed form.
    """

    node: HeldNode
    levels: Tensor
    start: Tensor
    end: Tensor
    panels: int = PANELS

    @cached_property
    def leaks(self) -> bool:
        """Whether gate dielectrics leak into the node."""
        return any(bool(self.node.through_gates(v).any()) for v in (self.start, self.end))

    @cached_property
    def voltages(self) -> Tensor:
        """Where it is solved, (panel, level, 1, *batch) [V]."""
        return panels(self.start, self.end, self.panels)

    @cached_property
    def charges(self) -> Tensor:
        """Charge of the nominal node there [C]."""
        return self.node.charge(self.voltages)

    def times(self, fets: Mapping[str, Fet]) -> Tensor:
        """Time to get there with the currents of other transistors, (level, count, *batch) [s]."""
        node = replace(self.node, fets=tuple(fets[fet.name] for fet in self.node.fets))
        current = node.current if self.leaks else node.through_channels
        return logarithmic_mean(self.charges, current(self.voltages), self.end - self.start)


@dataclass(frozen=True)
class Population:
    """Cells that differ by mismatch alone.

    Attributes:
        kind: What they are, devices in the place of the names of cards.
        nominal: The cell that they deviate from, batch (1, *batch).
        temperature: Its temperature, (1, *batch) [K].
        states: What the past has done, by transistor.
        ways: How levels may be lost.
        transistors: Those whose deviations count: they conduct into a storage node, or leak into it through their gate.
    """

    kind: Bitcell
    nominal: Cell
    temperature: Tensor
    states: Mapping[str, DeviceState] | None
    ways: tuple[Way, ...]
    transistors: tuple[str, ...]

    @property
    def batch(self) -> torch.Size:
        """Shape of the nominal cell: temperatures, states, voltages."""
        return self.nominal.shape[1:]

    @property
    def deviates(self) -> int:
        """Standard normal deviates of one cell."""
        return DEVIATES * len(self.transistors)

    def times(self, z: Tensor, counting: str = "poisson") -> Tensor:
        """Retention of every level of every cell, (level, count, *batch), infinite where a level is never lost [s].

        Args:
            z: Deviates of the cells, shape (count, :attr:`deviates`) [1].
            counting: As for :func:`..devices.spread.variability.sample`.
        """
        deviations = drawn(self.kind, self.transistors, z, len(self.batch), counting)
        varied = {f.name: f for f in build(self.kind, self.temperature, states=self.states, drawn=deviations).fets}
        found: list[list[Tensor]] = [[] for _ in range(self.kind.levels)]
        for way in self.ways:
            for level, time in zip(way.levels.tolist(), way.times(varied), strict=True):
                found[level].append(time)
        never = torch.full((z.shape[0], *self.batch), torch.inf, dtype=torch.float64)
        return torch.stack([reduce(torch.minimum, times, never) for times in found])

    def sample(self, count: int, *, method: str = "random", seed: int = 0) -> Tensor:
        """Retention of every level of cells drawn at random, (level, count, *batch) [s].

        Args:
            count: How many cells.
            method: ``random``, ``sobol`` or ``latin``.
            seed: Equal seeds give equal cells.
        """
        z = deviates(self.transistors, count, method=method, seed=seed)
        return torch.cat([self.times(part) for part in z.split(PART)], dim=1)


def population(
    kind: Bitcell,
    temperature: Tensor | float = 300.0,
    *,
    states: Mapping[str, DeviceState] | None = None,
    stored: Tensor | None = None,
    share: float | Tensor | None = None,
) -> Population:
    """Cells of one kind at temperatures and in states, which a batch may hold many of.

    Args:
        kind: What they are.
        temperature: Lattice temperature, any shape [K].
        states: What time, heat and hydrogen have done, by transistor; ``*`` is all that are not named.
        stored: Voltage of the first storage node after a write, (level, *batch); found by a transient if not given [V].
        share: Share of the way to the next level after which one is lost; that of the bitcell if not given [1].

    Raises:
        BeolithError: A static cell, or one in which nothing leaks.
    """
    kind = kind.with_(cards={name: device(place) for name, place in kind.transistors.items()})
    heat = torch.as_tensor(temperature, dtype=torch.float64)
    shape = build(kind, heat, states=states).shape
    heat = heat.expand(1, *shape)
    nominal = build(kind, heat, states=states)
    must_float(nominal)
    held = written(nominal) if stored is None else {kind.storage[0]: stored.expand(kind.levels, *shape).unsqueeze(1)}
    ways = tuple(_ways(nominal, held, share))
    counts = tuple(fet.name for fet in nominal.fets if any(_carries(way, fet) for way in ways))
    found = _settled(Population(kind, nominal, heat, states, ways, counts))
    must_leak(nominal, found.times(torch.zeros(1, found.deviates, dtype=torch.float64), "normal"))
    return found


def after(kind: Bitcell, missions: Mapping[str, Mission | Profile]) -> dict[str, DeviceState]:
    """States of the transistors of a cell after what each has gone through, for :func:`population`.

    Args:
        kind: The cell.
        missions: By transistor; ``*`` is all that are not named. One that is not mentioned stays fresh.

    Raises:
        BeolithError: No such transistor, or as :meth:`.library.Device.age`.
    """
    build(kind, states=dict.fromkeys(missions, DeviceState()))  # knows the names
    lived = {name: missions.get(name, missions.get("*")) for name in kind.transistors}
    return {name: device(kind.transistors[name]).age(one) for name, one in lived.items() if one is not None}


def _ways(cell: Cell, held: Mapping[str, Tensor], share: float | Tensor | None) -> Iterator[Way]:
    """How levels may be lost, without those that nothing pulls all the way."""
    for name, start in held.items():
        node = held_node(cell, name, at_levels(cell, held))
        for levels, end in neighbours(start, share, cell):
            every = (
                Way(node.only(k), k, start[k], goal) for k, goal in zip(levels[:, None], end[:, None], strict=True)
            )
            if reached := [way for way in every if _may_arrive(way)]:
                some = torch.cat([way.levels for way in reached])
                yield Way(node.only(some), some, start[some], torch.cat([way.end for way in reached]))


def _settled(cells: Population) -> Population:
    """The same with as few panels as agree with many, wherever one deviate at a time may lie."""
    unit = torch.eye(cells.deviates, dtype=torch.float64)
    z = torch.cat([0.0 * unit[:1], *(reach * unit for reach in REACHES)])
    with torch.no_grad():
        exact = replace(cells, ways=tuple(replace(way, panels=MOST_PANELS) for way in cells.ways)).times(z, "normal")
        for count in (2, 4, 8, 16):
            found = replace(cells, ways=tuple(replace(way, panels=count) for way in cells.ways))
            off = (found.times(z, "normal") / exact - 1.0).abs()
            if bool((off < ACCURACY).logical_or(torch.isinf(exact)).all()):
                return found
    return found


def _may_arrive(way: Way) -> bool:
    """Whether anything pulls a level all the way: the sign of a current is that of its voltage, whatever deviates."""
    distance = way.end - way.start
    for part in (0.0, 0.5, 1.0):
        v = way.start + part * distance
        pulls = (way.node.through_channels(v) * distance > 0) | (way.node.through_gates(v) * distance > 0)
        if not bool(pulls.any()):
            return False
    return True


def _carries(way: Way, fet: Fet) -> bool:
    """Whether a transistor carries current into a node, by its channel or through its gate."""
    alone = replace(way.node, fets=tuple(one for one in way.node.fets if one.name == fet.name))
    return any(one.gate != way.node.node or bool(alone.through_gates(way.start).any()) for one in alone.fets)
