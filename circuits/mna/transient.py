"""Transients of a batch of circuits: TR-BDF2 on charge, every element with its own steps, log-time holds.

    Q(t + g h) + (g h/2)[I(t + g h) + I(t)] = Q(t)                                          trapezoidal stage
    Q(t + h) + [(1 - g)/(2 - g)] h I(t + h) = [Q(t + g h) - (1 - g)^2 Q(t)]/[g (2 - g)]     BDF2 stage, L-stable

Steps grow freely, so a hold of fourteen decades costs some fifty. An element of the batch takes the steps that it would
take alone: its result does not depend on its neighbours, and one that fails is left behind with a status. Gradients
are recorded in a second pass over the steps that the first has found, one implicit derivative for each stage.

References:
    bank1985 (TR-BDF2); hosea1996 (error estimate, g = 2 - sqrt 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from .newton import Solution, divide, newton, record, solved_rows
from .operating_point import at_start
from .system import Drive, Flows, System

GAMMA = 2.0 - math.sqrt(2.0)
SHARE = 0.5 * GAMMA
"""Of a step in either stage: g/2 = (1 - g)/(2 - g)."""
WEIGHTS = (math.sqrt(2.0) / 4.0, math.sqrt(2.0) / 4.0, SHARE)
"""Of the rates at the start, the middle and the end of a step in its integral."""
_ERROR = (-3.0 * GAMMA**2 + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA))
_GROWTH, _SHRINK, _REJECT = 4.0, 0.2, 0.125
_FIRST, _LEAST = 1e-3, 1e-9
"""First step after a break point, and the shortest at all, over the shortest time between two targets."""

OK, NO_START, NO_STEP, TOO_LONG = range(4)
"""Status of an element: solved; no state at the start; a step became too short; too many steps."""
MEANING = ("ok", "no operating point at the start", "no step meets the tolerance", "too many steps")


class State(NamedTuple):
    """An element of the batch in time: unknowns, flows, rate of the unknowns [V/s], energy of the sources [J]."""

    x: Tensor
    flows: Flows
    rate: Tensor
    energy: Tensor


class Attempt(NamedTuple):
    """One step that some elements took: how long (0 where it was not taken), until when, and both its stages."""

    step: Tensor
    after: Tensor
    taken: Tensor
    middle: Solution
    end: Solution


@dataclass(frozen=True)
class Trajectory:
    """Voltages and energies at the sample times.

    Attributes:
        system: What was solved.
        times: Sample times, (time,) [s].
        voltages: Of every row of the system at the samples, (time, row, batch) [V].
        energies: Delivered since the start by every held node and free source, (time, source, batch) [J].
        status: :data:`OK` or why not, (batch,).
        steps: Steps taken, (batch,).
    """

    system: System
    times: Tensor
    voltages: Tensor
    energies: Tensor
    status: Tensor
    steps: Tensor

    def __getitem__(self, node: str) -> Tensor:
        """Voltage of a node at the samples, (time, *batch) [V]."""
        return self.voltages[:, self.system.row_of(node)].reshape(len(self.times), *self.system.shape)

    def energy(self, source: str) -> Tensor:
        """Energy that a source has delivered since the start, (time, *batch) [J]."""
        names = [s.name for s, _ in self.system.held.values()] + [s.name for s in self.system.free_sources]
        return self.energies[:, names.index(source)].reshape(len(self.times), *self.system.shape)


def transient(
    system: System, samples: Sequence[float] | Tensor, *, start: float = 0.0, tolerance: float = 1e-4, most: int = 20000
) -> Trajectory:
    """Voltages of a circuit in time, batched and differentiable.

    Args:
        system: The circuit; initial voltages hold at the start, the rest of it is at rest with them.
        samples: Times to report, rising, not before the start; a step ends at each [s].
        start: When the circuit is let go [s].
        tolerance: Largest error of one step in any node [V].
        most: Attempts before the elements that are still under way are given up.
    """
    times = torch.as_tensor(samples, dtype=torch.float64)
    with torch.no_grad():
        walk = _Walk(system, times, start, tolerance)
        walk.run(most)
        if not walk.differentiable:
            return walk.result()
    return _again(walk)


class _Walk:
    """The first pass: finds the steps."""

    def __init__(self, system: System, times: Tensor, start: float, tolerance: float):
        self.system, self.times, self.tolerance = system, times, tolerance
        self.begin = torch.full((system.batch,), start, dtype=torch.float64)
        self.targets = _targets(system, times, start)
        self.attempts: list[Attempt] = []
        self.rows = solved_rows(system)

    @property
    def differentiable(self) -> bool:
        """Whether anything in the circuit asks for a gradient."""
        with torch.enable_grad():
            drive = self.system.drive(self.begin)
            flows = self.system.flows(self.first.x, drive)
        given = self.system.circuit.initial.values()
        return any(x.requires_grad for x in (*drive, *flows, *given))

    def run(self, most: int) -> None:
        system, batch = self.system, self.system.batch
        rest = at_start(system, self.begin)
        self.status = torch.where(rest.converged, OK, NO_START)
        drive = system.drive(self.begin)
        x = torch.nan_to_num(rest.x, nan=0.0)
        energy = torch.zeros((len(system.held) + len(system.free_sources), batch), dtype=torch.float64)
        s = self.first = State(x, system.flows(x, drive), torch.zeros_like(x), energy)
        self.kept, recorded = _Kept(system, self.times), self.differentiable
        self.kept.store(s, drive, self.begin, torch.ones(batch, dtype=torch.bool))
        gaps = self.targets.diff(dim=0, prepend=self.begin[None])
        shortest = torch.where(gaps > 0, gaps, torch.inf).amin(0)
        t, h = self.begin.clone(), _FIRST * shortest
        target = self._ahead(torch.zeros(batch, dtype=torch.long), t)
        self.count = torch.zeros(batch, dtype=torch.long)
        last = len(self.targets)
        for _ in range(most):
            active = (target < last) & (self.status == OK)
            if not bool(active.any()):
                break
            goal = self._goal(target)
            left = (goal - t).clamp(min=0.0)
            size = torch.where(h >= left, left, torch.minimum(h, 0.5 * left))
            size = torch.where(active & (size > 0), size, shortest)  # whatever, for those that rest
            attempt, new, error = self._step(s, t, size, active)
            solved = attempt.middle.converged & attempt.end.converged & torch.isfinite(error)
            fits = active & solved & (error <= self.tolerance)
            factor = 0.9 * (self.tolerance / error.clamp(min=1e-30)) ** (1.0 / 3.0)
            h = torch.where(active, size * torch.where(solved, factor.clamp(_SHRINK, _GROWTH), _REJECT), h)
            self.status = torch.where(active & ~fits & (size < _LEAST * shortest), NO_STEP, self.status)
            reached = fits & (size >= left)
            t = torch.where(fits, torch.where(reached, goal, t + size), t)
            s = _choose(fits, new, s)
            self.count += fits
            if recorded and bool(fits.any()):  # the second pass alone needs them
                self.attempts.append(attempt._replace(step=torch.where(fits, size, 0.0), after=t, taken=fits))
            if bool(reached.any()):
                self.kept.store(s, system.drive(t), t, reached)
                bent = reached & self._bends(goal)
                h = torch.where(bent, torch.minimum(h, _FIRST * shortest), h)
                s = s._replace(rate=torch.where(bent, 0.0, s.rate))
                target = self._ahead(target, t)
        self.status = torch.where((target < last) & (self.status == OK), TOO_LONG, self.status)

    def _goal(self, target: Tensor) -> Tensor:
        return self.targets.gather(0, target.clamp(max=len(self.targets) - 1)[None])[0]

    def _ahead(self, target: Tensor, t: Tensor) -> Tensor:
        """The next target that lies in the future."""
        return torch.maximum(target, (self.targets <= t).sum(0))

    def _bends(self, goal: Tensor) -> Tensor:
        """Whether a source has a break point there."""
        return (self.system.breaks == goal).any(0)

    def _step(self, s: State, t: Tensor, h: Tensor, active: Tensor) -> tuple[Attempt, State, Tensor]:
        system, rows = self.system, self.rows
        drives = system.drive(t + GAMMA * h), system.drive(t + h)
        step = SHARE * h
        known = (s.flows.charge - step * s.flows.current)[rows]
        known = _sources_apart(system, known)
        middle = newton(system, s.x + GAMMA * h * s.rate, drives[0], known, 1.0, step, active=active, most=8)
        known = _sources_apart(system, _behind(s.flows.charge, middle.flows.charge)[rows])
        ahead = s.x + (middle.x - s.x) / GAMMA
        end = newton(system, ahead, drives[1], known, 1.0, step, active=active, most=8)
        third = s.flows.current / GAMMA - middle.flows.current / (GAMMA * (1.0 - GAMMA))
        third = (third + end.flows.current / (1.0 - GAMMA))[rows]
        amount = _sources_apart(system, 2.0 * _ERROR * h * third)
        nodes = len(system.free)
        off = divide(end.jacobian, amount)[:nodes].abs()
        error = off.amax(0) if nodes else torch.zeros_like(h)
        energy = s.energy + delivered(system, s, middle, end, (system.drive(t), *drives), h)
        new = State(end.x, end.flows, (end.x - s.x) / h, energy)
        return Attempt(h, t, active, middle, end), new, error

    def result(self) -> Trajectory:
        """What was found, not a number where it was not."""
        bad = self.status != OK
        return Trajectory(
            self.system,
            self.times,
            torch.where(bad, torch.nan, self.kept.voltages),
            torch.where(bad, torch.nan, self.kept.energies),
            self.status,
            self.count,
        )


class _Kept:
    """Voltages and energies where they are asked for."""

    def __init__(self, system: System, times: Tensor):
        self.system, self.times = system, times
        rows = len(system.place) + len(system.free_sources)
        sources = len(system.held) + len(system.free_sources)
        self.voltages = torch.zeros((len(times), rows, system.batch), dtype=torch.float64)
        self.energies = torch.zeros((len(times), sources, system.batch), dtype=torch.float64)

    def store(self, s: State, drive: Drive, t: Tensor, reached: Tensor) -> None:
        now = (self.times[:, None] == t) & reached
        which = now.any(1).nonzero()[:, 0].tolist()
        v = self.system.all_voltages(s.x, drive)
        for i in which:
            self.voltages[i] = torch.where(now[i], v, self.voltages[i])
            self.energies[i] = torch.where(now[i], s.energy, self.energies[i])


def _again(walk: _Walk) -> Trajectory:
    """The second pass: the same steps, recorded."""
    system, rows = walk.system, walk.rows
    rest = at_start(system, walk.begin)
    drive = system.drive(walk.begin)
    x = torch.nan_to_num(rest.x, nan=0.0)
    s = State(x, system.flows(x, drive), walk.first.rate, walk.first.energy)
    kept = _Kept(system, walk.times)
    kept.store(s, drive, walk.begin, torch.ones(system.batch, dtype=torch.bool))
    t = walk.begin
    for attempt in walk.attempts:
        h, taken = attempt.step, attempt.taken
        drives = system.drive(t + GAMMA * h), system.drive(t + h)
        step = SHARE * torch.where(taken, h, 1.0)
        known = _sources_apart(system, (s.flows.charge - step * s.flows.current)[rows])
        one = Solution(*record(system, attempt.middle, drives[0], known, 1.0, step), *attempt.middle[2:])
        known = _sources_apart(system, _behind(s.flows.charge, one.flows.charge)[rows])
        two = Solution(*record(system, attempt.end, drives[1], known, 1.0, step), *attempt.end[2:])
        energy = s.energy + delivered(system, s, one, two, (drive, *drives), h)
        new = State(two.x, two.flows, s.rate, energy)
        s = _choose(taken, new, s)
        t = attempt.after
        drive = system.drive(t)
        kept.store(s, drive, t, taken)
    walk.kept = kept
    return walk.result()


def _sources_apart(system: System, known: Tensor) -> Tensor:
    """Known parts of the node equations alone: that of a free source has no past."""
    nodes = len(system.free)
    return torch.cat((known[:nodes], torch.zeros_like(known[nodes:]))) if system.free_sources else known


def _behind(start: Tensor, middle: Tensor) -> Tensor:
    """What the BDF2 stage knows of the charges [C]."""
    return (middle - (1.0 - GAMMA) ** 2 * start) / (GAMMA * (2.0 - GAMMA))


def delivered(
    system: System, s: State, middle: Solution, end: Solution, drives: tuple[Drive, Drive, Drive], h: Tensor
) -> Tensor:
    """Energy that the sources deliver in one step: int v (dQ/dt + I) dt, with v straight inside it [J]."""
    first = len(system.free)
    held = slice(first, first + len(system.held))
    charges = [f.charge[held] for f in (s.flows, middle.flows, end.flows)]
    currents = [f.current[held] for f in (s.flows, middle.flows, end.flows)]
    v = [drive.held.expand_as(charges[0]) for drive in drives]
    turn = v[2] - v[0]
    held_energy = v[2] * charges[2] - v[0] * charges[0]
    for w, q, i, u in zip(WEIGHTS, charges, currents, v, strict=True):
        held_energy = held_energy + w * (h * u * i - turn * q)
    if not system.free_sources:
        return held_energy
    x = [value[first:] for value in (s.x, middle.x, end.x)]
    free = sum(
        (-w * h * drive.free * i for w, drive, i in zip(WEIGHTS, drives, x, strict=True)), torch.zeros_like(x[0])
    )
    return torch.cat((held_energy, free))


def _choose(mask: Tensor, new: State, old: State) -> State:
    """The new state where a mask says so."""
    chosen: State = pytree.tree_map(lambda a, b: torch.where(mask, a, b), new, old)
    return chosen


def _targets(system: System, times: Tensor, start: float) -> Tensor:
    """Where a step must end, rising, (target, batch): samples and break points, from the start to the last sample."""
    breaks = system.breaks.expand(-1, system.batch)
    together = torch.cat((breaks, times[:, None].expand(-1, system.batch))).clamp(start, float(times[-1]))
    return together.sort(dim=0).values
