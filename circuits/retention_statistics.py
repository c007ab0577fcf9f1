r"""Retention of many cells that mismatch has made different: their spread, and the worst of them.

Every cell is solved in closed form (:func:`.retention.closed_form`), with the current of its own transistors and with
the charge and the written voltages of the nominal cell, which spread far less. The ideal cell, whose write transistor
conducts by diffusion alone, has a log-normal retention of

    sigma(ln t) = sigma_VT/(n phi)

What departs from it is reported beside it: the share that diffusion, the leakage floor and the gate dielectrics have in
ending the level. These shares are time averages over the fall, hence -d ln t/d ln I of each current, and the first is
the factor by which the spread falls short of the ideal one, to first order.

A level counts as lost, and with it the cell, when the cell of its worst level is read wrongly. Tails are found by
importance sampling (:mod:`..devices.spread.rare_events`), in the logarithm of the time.

References:
    edri2016_tcas1 (log-normal retention, the threshold of the write transistor decides); shares: own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.base import DeviceState
from ..devices.spread.failure_points import Margin
from ..devices.spread.rare_events import RareEvent, failure_probability, quantile
from ..devices.spread.variability import DEVIATES
from ..devices.stress.mission import Mission, Profile
from .bitcells.base import Bitcell
from .cell import Cell, build
from .held_node import HeldNode, held_node
from .mismatch import deviates, device, drawn
from .netlist import Fet, volts
from .retention import CELLS, PANELS, at_levels, logarithmic_mean, must_float, must_leak, neighbours, panels, written

DEVIATIONS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Where quantiles are compared with the log-normal distribution, in its standard deviations."""
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


@dataclass(frozen=True)
class Spread:
    """How the retention of cells spreads; every tensor but the quantiles has the batch of the nominal cell.

    Attributes:
        median: Of the retention [s].
        sigma: Standard deviation of ln t [1].
        skewness: Of ln t [1].
        endless: Share of cells that never lose a level, left out of the last two [1].
        ideal: sigma_VT/(n phi), the spread if diffusion alone conducted [1].
        diffusion: Share of diffusion in ending the level that goes first in the nominal cell [1].
        floor: Share of the leakage floor [1].
        gate: Share of the gate dielectrics [1].
        quantiles: At :data:`DEVIATIONS`, first axis [s].
        lognormal: What they would be with the same median and the ideal spread [s].
    """

    median: Tensor
    sigma: Tensor
    skewness: Tensor
    endless: Tensor
    ideal: Tensor
    diffusion: Tensor
    floor: Tensor
    gate: Tensor
    quantiles: Tensor
    lognormal: Tensor


@dataclass(frozen=True)
class Worst:
    """Retention that cells fall short of with a small probability.

    Attributes:
        time: The retention [s].
        relative_error: Its standard error over itself [1].
        event: The event that a cell keeps its levels no longer than this.
    """

    time: float
    relative_error: float
    event: RareEvent


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


def spread(cells: Population, count: int = 100_000, *, method: str = "sobol", seed: int = 0) -> Spread:
    """Summary of the retention of many cells, beside what the ideal cell would do.

    Args:
        cells: The population.
        count: Cells to draw.
        method: As for :meth:`Population.sample`.
        seed: Equal seeds give equal cells.
    """
    time = cells.sample(count, method=method, seed=seed).amin(0)
    ends_once = torch.isfinite(time)
    many = ends_once.sum(0)
    log_time = torch.where(ends_once, time, 1.0).log()
    mean = (log_time * ends_once).sum(0) / many
    about = torch.where(ends_once, log_time - mean, 0.0)
    sigma = (about.square().sum(0) / many).sqrt()
    z = torch.tensor(DEVIATIONS, dtype=torch.float64)
    ordered = time.sort(dim=0).values
    place = torch.special.ndtr(z) * (count - 1)
    quantiles = torch.stack([_between(ordered, p) for p in place.tolist()])
    median, ideal = quantiles[len(z) // 2], ideal_sigma(cells)
    diffusion, floor, gate = limits(cells)
    return Spread(
        median=median,
        sigma=sigma,
        skewness=about.pow(3).sum(0) / many / sigma**3,
        endless=1.0 - many / count,
        ideal=ideal,
        diffusion=diffusion,
        floor=floor,
        gate=gate,
        quantiles=quantiles,
        lognormal=median * torch.exp(z.reshape(-1, *[1] * median.ndim) * ideal),
    )


def worst(cells: Population, probability: float, *, samples: int = 4096, seed: int = 0) -> Worst:
    """Retention that a cell falls short of with a small probability, such as that of the worst of 1e9.

    Args:
        cells: A population without batch.
        probability: Probability of a shorter retention, below one half; ``sigma`` standard deviations are ndtr(-sigma).
        samples: Points of the estimate; the search takes more.
        seed: Equal seeds give equal results.

    Raises:
        BeolithError: A batch of cells, or as :func:`..devices.spread.rare_events.quantile`.
    """
    found = quantile(_log_time(cells), cells.deviates, probability, samples=samples, seed=seed)
    return Worst(math.exp(found.value), found.standard_error, found.event)


def lost_after(cells: Population, time: float, *, samples: int = 4096, seed: int = 0) -> RareEvent:
    """Probability that a cell has lost a level after a time [s]; arguments as for :func:`worst`."""
    log_time, limit = _log_time(cells), math.log(time)
    return failure_probability(lambda z: log_time(z) - limit, cells.deviates, samples=samples, seed=seed)


def refresh_period(
    cells: Population,
    *,
    error_rate: float | None = None,
    array: int | None = None,
    errors: float = 1.0,
    samples: int = 4096,
    seed: int = 0,
) -> Worst:
    """How long an array may wait for its refresh.

    Args:
        cells: A population without batch.
        error_rate: Share of cells that may lose a level [1]; or
        array: number of cells, of which
        errors: may lose one, as expected for the worst pattern of levels.
        samples: As for :func:`worst`.
        seed: As for :func:`worst`.

    Raises:
        BeolithError: Neither or both of ``error_rate`` and ``array``, or as :func:`worst`.
    """
    if (error_rate is None) == (array is None):
        raise BeolithError("a refresh period needs either error_rate, or array and errors")
    rate = errors / array if array is not None else error_rate
    assert rate is not None
    return worst(cells, rate, samples=samples, seed=seed)


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


def ideal_sigma(cells: Population) -> Tensor:
    """sigma_VT/(n phi) of the transistor whose channel ends on the storage node, shape of the batch [1].

    References:
        edri2016_tcas1.
    """
    kind = cells.kind
    way = cells.ways[0]
    name = next(fet.name for fet in way.node.fets if fet.gate != way.node.node)
    place, state = kind.transistors[name], (cells.states or {}).get(name, (cells.states or {}).get("*"))
    size = volts(place.width), volts(place.length)
    own = device(place)
    sigma = own.threshold_sigma(*size) / own.transistor(*size, cells.temperature, state).coefficients.n_phi
    return sigma.expand(cells.nominal.shape)[0]


def limits(cells: Population) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of diffusion, floor and gate dielectrics in ending the level of the nominal cell that goes first [1].

    A share is the mean of I_x/I over the time of the fall, -d ln t/d ln I_x; the shape is that of the batch.
    """
    quiet = {
        name: replace(own, tekv=own.tekv.replace(leakage_density=torch.zeros_like(own.tekv.leakage_density)))
        for name, place in cells.kind.transistors.items()
        for own in (device(place),)
    }
    silent = {f.name: f for f in build(cells.kind.with_(cards=quiet), cells.temperature, states=cells.states).fets}
    times, shares = [], []
    for way in cells.ways:
        node, diffusing = way.node, replace(way.node, fets=tuple(silent[fet.name] for fet in way.node.fets))
        v = panels(way.start, way.end, 2 * CELLS)
        charge, at = node.charge(v[::2]), v[1::2]
        channels, gates, diffusion = node.through_channels(at), node.through_gates(at), diffusing.through_channels(at)
        total = channels + gates
        lasts = (charge[1:] - charge[:-1]) / total
        there = (total * (way.end - way.start) > 0).all(0)
        times.append(torch.where(there, lasts.sum(0), torch.inf))
        parts = torch.stack((diffusion, channels - diffusion, gates))
        shares.append((parts / total * lasts).sum(1) / lasts.sum(0))
    first = torch.cat(times).argmin(0, keepdim=True)
    one, two, three = torch.cat(shares, dim=1).gather(1, first.expand(3, *first.shape))[:, 0, 0]
    return one, two, three


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
        for panels_ in (2, 4, 8, 16):
            found = replace(cells, ways=tuple(replace(way, panels=panels_) for way in cells.ways))
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


def _between(ordered: Tensor, place: float) -> Tensor:
    """Value at a place between two of a sorted sample."""
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return torch.lerp(ordered[low], ordered[high], place - low)


def _log_time(cells: Population) -> Margin:
    """Logarithm of the retention as a function of the deviates."""
    if cells.batch:
        raise BeolithError(f"the tail is found for one cell at a time, not for a batch of {tuple(cells.batch)}")
    return lambda z: cells.times(z).amin(0).log()
