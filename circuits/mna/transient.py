"""Transients of a batch of circuits: TR-BDF2 on charge, every element with its own steps, log-time holds.

    Q(t + g h) + (g h/2)[I(t + g h) + I(t)] = Q(t)                                          trapezoidal stage
    Q(t + h) + [(1 - g)/(2 - g)] h I(t + h) = [Q(t + g h) - (1 - g)^2 Q(t)]/[g (2 - g)]     BDF2 stage, L-stable

Steps grow freely, so a hold of fourteen decades costs some twenty. Between the ends of a step the unknowns run along
the parabola through both stages. An element of the batch takes the steps that it would take alone: its result does not
depend on its neighbours, it is left out when it is done, and one that fails is left behind with a status. Gradients are
recorded in a second pass over the steps that the first has found, one implicit derivative for each stage.

References:
    bank1985 (TR-BDF2); hosea1996 (error estimate, g = 2 - sqrt 2); the samples inside a step: own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from beolith.errors import BeolithError, nearest

from ...devices.parallel import spread
from .newton import Solution, divide, newton, part, record, solved_rows
from .operating_point import OperatingPoint, at_start
from .stages import ERROR, GAMMA, SHARE, Inside, Stages, State, behind, bend, delivered
from .system import System

_GROWTH, _SHRINK, _REJECT = 8.0, 0.2, 0.125
_FIRST, _LEAST = 2e-2, 1e-9
"""First step after a break point, and the shortest at all, over the shortest time between two targets."""
_CLOSE = 2e-4
"""Square of the last step of Newton's method over the tolerance: it leaves 1 % of that at an n phi of 10 mV [V]."""
_WIDE = 4096
"""Elements that walk together, those of a larger batch on every core; their tensors fit the cache."""
_CROWDED = 0.9
"""Share of a batch that is still under way from which on it goes on as it is."""

OK, NO_START, NO_STEP, TOO_LONG = range(4)
"""Status of an element: solved; no state at the start; a step became too short; too many steps."""
MEANING = ("ok", "no operating point at the start", "no step meets the tolerance", "too many steps")


class Step(NamedTuple):
    """One step that some elements took: how long (0 where it was not taken), and until when."""

    length: Tensor
    after: Tensor
    taken: Tensor


class Attempt(NamedTuple):
    """A step with both its stages."""

    step: Step
    middle: Solution
    end: Solution


@dataclass(frozen=True)
class Trajectory:
    """Voltages, energies and charges at the sample times.

    Attributes:
        system: What was solved.
        times: Sample times, (time,) [s].
        voltages: Of every row of the system at the samples, (time, row, batch) [V].
        given: Energy [J] and charge [C] delivered since the start by every held node and free source, (time, 2, source,
            batch).
        status: :data:`OK` or why not, (batch,).
        steps: Steps taken, (batch,).
        grid: The steps themselves, where gradients were recorded: another run may repeat them.
    """

    system: System
    times: Tensor
    voltages: Tensor
    given: Tensor
    status: Tensor
    steps: Tensor
    grid: tuple[Step, ...] = ()

    def __getitem__(self, node: str) -> Tensor:
        """Voltage of a node at the samples, (time, *batch) [V]."""
        return self.voltages[:, self.system.row_of(node)].reshape(len(self.times), *self.system.shape)

    def energy(self, source: str) -> Tensor:
        """Energy that a source has delivered since the start, (time, *batch) [J]."""
        return self._given(source, 0)

    def charge(self, source: str) -> Tensor:
        """Charge that a source has delivered since the start, (time, *batch) [C]."""
        return self._given(source, 1)

    def _given(self, source: str, what: int) -> Tensor:
        names = [s.name for s, _ in self.system.held.values()] + [s.name for s in self.system.free_sources]
        if source not in names:
            title = self.system.circuit.title
            raise BeolithError(f"circuit {title!r} has no voltage source {source!r}; {nearest(source, names)}")
        return self.given[:, what, names.index(source)].reshape(len(self.times), *self.system.shape)


def transient(
    system: System,
    samples: Sequence[float] | Tensor,
    *,
    start: float = 0.0,
    tolerance: float = 1e-4,
    most: int = 20000,
    like: Trajectory | None = None,
) -> Trajectory:
    """Voltages of a circuit in time, batched and differentiable.

    Args:
        system: The circuit; initial voltages hold at the start, the rest of it is at rest with them.
        samples: Times to report, rising, not before the start [s].
        start: When the circuit is let go [s].
        tolerance: Largest error of one step in any node [V].
        most: Attempts before the elements that are still under way are given up.
        like: A run whose steps are repeated, of the same batch or of one that broadcasts to it, so that a difference of
            two results is not one of two grids. The tolerance is then that of Newton's method alone.
    """
    times = torch.as_tensor(samples, dtype=torch.float64, device=system.device)
    begin = torch.full((system.batch,), start, dtype=torch.float64, device=system.device)
    with torch.no_grad():
        rest = at_start(system, begin)
    recorded = _differentiable(system, rest, begin)

    with torch.no_grad():
        if like is None and not recorded and system.device.type == "cpu" and system.batch > _WIDE and system.splits:
            parts = torch.arange(system.batch, device=system.device).split(_WIDE)
            walks = [_Walk(system.part(x), times, part(rest, x), start, tolerance, False) for x in parts]
            spread(lambda walk: walk.run(most), walks)
            return _joined(system, [walk.result() for walk in walks])
        only = _Walk(system, times, rest, start, tolerance, recorded)
        if like is None:
            only.run(most)
        else:
            only.repeat(like)
    return _again(only) if recorded else only.result()


def _differentiable(system: System, rest: OperatingPoint, begin: Tensor) -> bool:
    """Whether anything in the circuit asks for a gradient."""
    drive = system.drive(begin)
    flows = system.flows(rest.x, drive)
    return any(x.requires_grad for x in (*drive, *flows, *system.circuit.initial.values()))


class _Live(NamedTuple):
    """Elements that are still under way; batch last in everything.

    Attributes:
        who: Places in the flat batch.
        t: Time [s].
        h: Next step [s].
        target: Place of the next target, where a step must end.
        targets: Break points of the sources and the last sample, rising, (target, batch) [s].
        shortest: Shortest time between two of them or of the samples [s].
        status: See :data:`MEANING`.
        taken: Steps so far.
        state: Unknowns, flows, and so on.
    """

    who: Tensor
    t: Tensor
    h: Tensor
    target: Tensor
    targets: Tensor
    shortest: Tensor
    status: Tensor
    taken: Tensor
    state: State


class _Walk:
    """The first pass: finds the steps."""

    def __init__(
        self, system: System, times: Tensor, rest: OperatingPoint, start: float, tolerance: float, recorded: bool
    ):
        self.system, self.times, self.tolerance, self.recorded = system, times, tolerance, recorded
        self.close = (_CLOSE * tolerance) ** 0.5
        self.begin = torch.full((system.batch,), start, dtype=torch.float64, device=system.device)
        self.attempts: list[Attempt] = []
        x, drive = torch.nan_to_num(rest.x, nan=0.0), system.drive(self.begin)
        self.first = State.at_rest(system, x, drive)
        self.kept = Inside(system, times, self.first, self.begin)
        self.status = torch.where(rest.converged, OK, NO_START).clone()
        self.count = torch.zeros_like(self.status)

    def run(self, most: int) -> None:
        """Take steps until every element is at the end or given up."""
        system = self.system
        live, active = self._start(), self.status == OK
        for _ in range(most):
            under_way = int(active.count_nonzero())
            if not under_way:
                break
            if not self.recorded and under_way < _CROWDED * len(active):
                self._leave(live)
                left = active.nonzero()[:, 0]
                system, live, active = system.part(left), part(live, left), active[left]
            live = self._attempt(system, live, active)
            active = (live.target < len(live.targets)) & (live.status == OK)
        late = live.target < len(live.targets)
        self._leave(live._replace(status=torch.where(late & (live.status == OK), TOO_LONG, live.status)))

    def repeat(self, like: Trajectory) -> None:
        """Take the steps of another run."""
        system, s, t = self.system, self.first, self.begin
        who = torch.arange(system.batch, device=t.device)
        for step in like.grid:
            step = Step(*(x.reshape(like.system.shape).expand(system.shape).reshape(-1) for x in step))
            h = torch.where(step.taken, step.length, 1.0)
            both, new, _ = self._step(system, who, s, t, h, step.taken)
            if self.recorded:
                self.attempts.append(Attempt(step, both.middle, both.end))
            else:
                self.kept.store(who, s, both, t, h, step.after)
            failed = step.taken & ~(both.middle.converged & both.end.converged)
            self.status = torch.where(failed & (self.status == OK), NO_STEP, self.status)
            self.count = self.count + step.taken
            s, t = _choose(step.taken, new, s), step.after

    def _start(self) -> _Live:
        batch, (start, last) = self.begin.shape, (self.begin, self.times[-1])
        breaks = self.system.breaks.expand(-1, *batch)
        targets = torch.cat((breaks, last.expand(1, *batch))).clamp(start, last).sort(dim=0).values
        stops = torch.cat((start[None], targets, self.times[:, None].expand(-1, *batch))).sort(dim=0).values
        gaps = stops.diff(dim=0)
        shortest = torch.where(gaps > 0, gaps, torch.inf).amin(0)
        who = torch.arange(*batch, device=start.device)
        target = (targets <= start).sum(0)
        return _Live(who, start, _FIRST * shortest, target, targets, shortest, self.status, self.count, self.first)

    def _leave(self, live: _Live) -> None:
        """Write down what has become of the elements that are under way."""
        self.status = self.status.index_copy(0, live.who, live.status)
        self.count = self.count.index_copy(0, live.who, live.taken)

    def _attempt(self, system: System, live: _Live, active: Tensor) -> _Live:
        """One step of every element, taken where it meets the tolerance."""
        t, s, shortest = live.t, live.state, live.shortest
        last = len(live.targets) - 1
        goal = live.targets.gather(0, live.target.clamp(max=last)[None])[0]
        left = goal - t
        h = torch.where(live.h >= left, left, torch.minimum(live.h, 0.5 * left))
        h = torch.where(active, h, shortest)  # whatever, for those that rest
        both, new, error = self._step(system, live.who, s, t, h, active)
        solved = both.middle.converged & both.end.converged & torch.isfinite(error)
        fits = active & solved & (error <= self.tolerance)
        factor = (0.9 * (self.tolerance / error.clamp(min=1e-30)) ** (1.0 / 3.0)).clamp(_SHRINK, _GROWTH)
        following = torch.where(active, h * torch.where(solved, factor, _REJECT), live.h)
        reached = fits & (h >= left)
        after = torch.where(fits, torch.where(reached, goal, t + h), t)
        self.kept.store(live.who, s, both, t, h, after)
        if self.recorded:  # the second pass alone needs them
            self.attempts.append(Attempt(Step(torch.where(fits, h, 0.0), after, fits), both.middle, both.end))
        live = live._replace(
            t=after,
            h=following,
            taken=live.taken + fits,
            status=torch.where(active & ~fits & (h < _LEAST * shortest), NO_STEP, live.status),
            state=new if bool(fits.all()) else _choose(fits, new, s),
        )
        if not bool(reached.any()):
            return live
        # a source has a break point: forget the past and start small
        return live._replace(
            target=torch.maximum(live.target, (live.targets <= after).sum(0)),
            h=torch.where(reached, torch.minimum(following, _FIRST * shortest), following),
            state=live.state.forget(reached),
        )

    def _step(
        self, system: System, who: Tensor, s: State, t: Tensor, h: Tensor, active: Tensor
    ) -> tuple[Stages, State, Tensor]:
        """Both stages, the state at the end, and the error of the step [V]."""
        rows, nodes = solved_rows(system), len(system.free)
        drives, step = system.drives(torch.stack((t + GAMMA * h, t + h))), SHARE * h

        def stage(charge: Tensor, guess: Tensor, i: int) -> Solution:
            known = _sources_apart(system, charge[rows])
            return newton(system, guess, drives[i], known, 1.0, step, active=active, most=8, close=self.close)

        middle = stage(s.flows.charge - step * s.flows.current, s.x + GAMMA * h * s.rate, 0)
        end = stage(behind(s.flows.charge, middle.flows.charge), s.x + (middle.x - s.x) / GAMMA, 1)
        both = Stages(middle, end, drives[0], drives[1])
        third = s.flows.current[rows] / GAMMA - middle.flows.current[rows] / (GAMMA * (1.0 - GAMMA))
        third = third + end.flows.current[rows] / (1.0 - GAMMA)
        off = divide(end.jacobian.permute(2, 0, 1), _sources_apart(system, 2.0 * ERROR * h * third))[:nodes].abs()
        bent = bend(s, middle.x, end.x, h)[:nodes]
        off = torch.where(self.kept.within(who, t + h), torch.maximum(off, bent), off)
        error = off.amax(0) if nodes else torch.zeros_like(h)
        given = s.given + delivered(system, s, both, h)
        rate = (end.x - s.x) / h
        return both, State(end.x, end.flows, middle.x, (1.0 - GAMMA) * h, rate, given, drives[1]), error

    def result(self) -> Trajectory:
        """What was found, not a number where it was not."""
        bad = self.status != OK
        voltages, given = (torch.where(bad, torch.nan, x) for x in (self.kept.voltages, self.kept.given))
        grid = tuple(attempt.step for attempt in self.attempts)
        return Trajectory(self.system, self.times, voltages, given, self.status, self.count, grid)


def _again(walk: _Walk) -> Trajectory:
    """The second pass: the same steps, recorded."""
    system, rows = walk.system, solved_rows(walk.system)
    rest = at_start(system, walk.begin)
    s = State.at_rest(system, torch.nan_to_num(rest.x, nan=0.0), system.drive(walk.begin))
    walk.kept = Inside(system, walk.times, s, walk.begin)
    t, who = walk.begin, torch.arange(system.batch, device=system.device)
    for step, middle, end in walk.attempts:
        h = torch.where(step.taken, step.length, 1.0)
        drives, c = system.drives(torch.stack((t + GAMMA * step.length, t + step.length))), SHARE * h
        known = _sources_apart(system, (s.flows.charge - c * s.flows.current)[rows])
        one = Solution(*record(system, middle, drives[0], known, 1.0, c), *middle[2:])
        known = _sources_apart(system, behind(s.flows.charge, one.flows.charge)[rows])
        two = Solution(*record(system, end, drives[1], known, 1.0, c), *end[2:])
        both = Stages(one, two, drives[0], drives[1])
        walk.kept.store(who, s, both, t, h, step.after)
        given = s.given + delivered(system, s, both, h)
        s = _choose(step.taken, State(two.x, two.flows, s.past, s.ago, s.rate, given, drives[1]), s)
        t = step.after
    return walk.result()


def _sources_apart(system: System, known: Tensor) -> Tensor:
    """Known parts of the node equations alone: that of a free source has no past."""
    nodes = len(system.free)
    return torch.cat((known[:nodes], torch.zeros_like(known[nodes:]))) if system.free_sources else known


def _choose(mask: Tensor, new: State, old: State) -> State:
    """The new state where a mask says so."""
    chosen: State = pytree.tree_map(lambda a, b: torch.where(mask, a, b), new, old)
    return chosen


def _joined(system: System, parts: Sequence[Trajectory]) -> Trajectory:
    """One trajectory of the parts of a batch."""
    voltages, given, status, steps = (
        torch.cat([getattr(part, name) for part in parts], -1) for name in ("voltages", "given", "status", "steps")
    )
    return Trajectory(system, parts[0].times, voltages, given, status, steps)
