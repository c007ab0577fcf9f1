"""One step of TR-BDF2: its stages, what the sources deliver, and samples inside it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from .newton import Solution
from .system import Drive, Flows, System

GAMMA = 2.0 - math.sqrt(2.0)
SHARE = 0.5 * GAMMA
"""Of a step in either stage: g/2 = (1 - g)/(2 - g)."""
WEIGHTS = (math.sqrt(2.0) / 4.0, math.sqrt(2.0) / 4.0, SHARE)
"""Of the rates at the start, the middle and the end of a step in its integral."""
ERROR = (-3.0 * GAMMA**2 + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA))
"""Of the third divided difference of the rates in the error of a step."""
_BULGE = 0.0631
"""Largest |x (x - g) (x - 1)| for x in 0 .. 1."""


class State(NamedTuple):
    """Elements of the batch at one time; batch last.

    Attributes:
        x: Unknowns.
        flows: Currents and charges there.
        past: Unknowns in the middle of the last step.
        ago: How long ago that was, infinite after a break point [s].
        rate: Of the unknowns, as the last step saw it [V/s].
        given: Energy [J] and charge [C] that the sources have delivered since the start, (2, source, batch).
        drive: What the sources do.
    """

    x: Tensor
    flows: Flows
    past: Tensor
    ago: Tensor
    rate: Tensor
    given: Tensor
    drive: Drive

    @classmethod
    def at_rest(cls, system: System, x: Tensor, drive: Drive) -> State:
        """A state without a past."""
        nothing = x.new_zeros((2, len(system.held) + len(system.free_sources), x.shape[1]))
        forever = torch.full_like(x[0], torch.inf)
        return cls(x, system.flows(x, drive), x, forever, torch.zeros_like(x), nothing, drive)

    def forget(self, where: Tensor) -> State:
        """The same without a past, where a source has a break point."""
        return self._replace(ago=torch.where(where, torch.inf, self.ago), rate=torch.where(where, 0.0, self.rate))


class Stages(NamedTuple):
    """Both stages of a step and what the sources do there."""

    middle: Solution
    end: Solution
    drive_middle: Drive
    drive_end: Drive


def behind(start: Tensor, middle: Tensor) -> Tensor:
    """What the BDF2 stage knows of the charges [C]."""
    return (middle - (1.0 - GAMMA) ** 2 * start) / (GAMMA * (2.0 - GAMMA))


def parabola(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of the start, the middle and the end of a step in the parabola through them, at a share of the step."""
    one = at * (1.0 - at)
    return (1.0 - at) * (GAMMA - at) / GAMMA, one / (GAMMA * (1.0 - GAMMA)), at * (at - GAMMA) / (1.0 - GAMMA)


def bend(s: State, middle: Tensor, end: Tensor, h: Tensor) -> Tensor:
    """What the parabola is off by at most, from a cubic that also passes through the middle of the step before [V].

    A step may be exact in the charges, and their voltages may still curve inside it.
    """
    first = (middle - s.x) / (GAMMA * h)
    before = (first - (s.x - s.past) / s.ago) / (GAMMA * h + s.ago)
    now = ((end - middle) / ((1.0 - GAMMA) * h) - first) / h
    return _BULGE * h**3 * (now - before).abs() / (h + s.ago)


def integrals(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of the rates in their integral up to a share of the step, :data:`WEIGHTS` at the end of it."""
    two, three = at * at / 2.0, at * at * at / 3.0
    start = (GAMMA * at - (1.0 + GAMMA) * two + three) / GAMMA
    middle = (two - three) / (GAMMA * (1.0 - GAMMA))
    end = (three - GAMMA * two) / (1.0 - GAMMA)
    whole = ((3.0 * GAMMA - 1.0) / (6.0 * GAMMA), 1.0 / (6.0 * GAMMA * (1.0 - GAMMA)))
    missing = [w - x for w, x in zip(WEIGHTS, (*whole, 1.0 - sum(whole)), strict=True)]
    cubes = [3.0 * three * x for x in missing]
    return start + cubes[0], middle + cubes[1], end + cubes[2]


def delivered(system: System, s: State, both: Stages, h: Tensor, at: Tensor | None = None) -> Tensor:
    """Energy and charge that the sources deliver in one step, (2, source, batch) [J], [C].

        energy = int v (dQ/dt + I) dt,   charge = int (dQ/dt + I) dt,   v straight inside the step

    Args:
        system: The circuit.
        s: State at the start.
        both: Stages.
        h: Length of the step [s].
        at: Share of the step after which to stop, (batch,); None for all of it.
    """
    first = len(system.free)
    held = slice(first, first + len(system.held))
    ends = (both.middle, both.end)
    drives = (s.drive, both.drive_middle, both.drive_end)
    charges = [f.charge[held] for f in (s.flows, both.middle.flows, both.end.flows)]
    currents = [f.current[held] for f in (s.flows, both.middle.flows, both.end.flows)]
    v = [drive.held for drive in drives]
    turn = v[2] - v[0]
    if at is None:
        weights: tuple[float | Tensor, ...] = WEIGHTS
        until, last = charges[2], v[2]
    else:
        weights = integrals(at)
        a, b, c = parabola(at)
        until, last = a * charges[0] + b * charges[1] + c * charges[2], v[0] + at * turn
    energy, charge = last * until - v[0] * charges[0], until - charges[0]
    for w, q, i, u in zip(weights, charges, currents, v, strict=True):
        energy = energy + w * (h * u * i - turn * q)
        charge = charge + w * h * i
    if not system.free_sources:
        return torch.stack((energy, charge))
    x = [value[first:] for value in (s.x, *(end.x for end in ends))]
    free = torch.zeros_like(x[0])
    moved = torch.zeros_like(x[0])
    for w, drive, i in zip(weights, drives, x, strict=True):
        free = free - w * h * drive.free * i
        moved = moved - w * h * i
    return torch.stack((torch.cat((energy, free)), torch.cat((charge, moved))))


class Inside:
    """Voltages, energies and charges at the times that are asked for, each on the parabola of the step around it."""

    def __init__(self, system: System, times: Tensor, s: State, begin: Tensor):
        self.system, self.times = system, times
        v = system.all_voltages(s.x, s.drive)
        self.voltages = v.new_zeros((len(times), *v.shape))
        self.given = v.new_zeros((len(times), *s.given.shape))
        self.voltages = torch.where((times[:, None] <= begin)[:, None], v, self.voltages)
        self.due = torch.searchsorted(times, begin, right=True)

    def within(self, who: Tensor, until: Tensor) -> Tensor:
        """Whether the next sample of each element lies before a time, at which its step ends [s]."""
        due = self.due[who]
        return (due < len(self.times)) & (self.times[due.clamp(max=len(self.times) - 1)] < until)

    def store(self, who: Tensor, s: State, both: Stages, t: Tensor, h: Tensor, after: Tensor) -> None:
        """Keep the samples inside a step.

        Args:
            who: Places of its elements in the flat batch.
            s: Start of the step.
            both: Its stages.
            t: When it starts [s].
            h: How long it is [s].
            after: When it ends; where it starts, where it was not taken [s].
        """
        first = self.due[who]
        last = torch.searchsorted(self.times, after, right=True)
        counts = last - first
        total = int(counts.sum())
        if not total:
            return
        self.due[who] = last
        which = torch.arange(len(who), device=who.device).repeat_interleave(counts, output_size=total)
        before = (counts.cumsum(0) - counts - first)[which]
        sample = torch.arange(total, device=who.device) - before
        if len(who) > 1 or total > 1:
            s, both = pytree.tree_map(lambda x: x.index_select(-1, which), (s, both))
        t, h = t[which], h[which]
        at = ((self.times[sample] - t) / h).clamp(max=1.0)
        weights = parabola(at)
        x = weights[0] * s.x + weights[1] * both.middle.x + weights[2] * both.end.x
        drive = Drive(*(torch.lerp(a, b, at) for a, b in zip(s.drive, both.drive_end, strict=True)))
        where = (sample, slice(None), who[which])
        self.voltages[where] = self.system.all_voltages(x, drive).T
        self.given[sample, :, :, who[which]] = (s.given + delivered(self.system, s, both, h, at)).permute(2, 0, 1)
