"""What takes a device through its mission: mechanisms whose bins fill and empty, segment by segment.

Without feedback every segment is one exact update. With feedback the overdrive falls as the threshold rises, V_ov(t)
= V_ov - dV_T(t); a segment is then taken in jumps, over each of which the shift is a straight line in time, first
predicted and then corrected. How many jumps there are follows the error, from the start of each segment: neighbours
of equal stress are one segment, so that a cut changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from beolith.errors import ConvergenceError

from .cet import Phase, cycles, drive, relax
from .mission import NAMES, Mission, Profile, Segment, profile

CHUNK = 128  # segments whose drives are worked out at once
SHORTEST = 1e-18  # jump below which feedback gives up, in parts of a segment

States = tuple[Tensor, ...]
Shift = Callable[[States], Tensor]
Plan = Callable[[int, Tensor], Tensor]
Advance = Callable[[States, Segment, Tensor, Tensor], States]


class Mechanism(Protocol):
    """Something that ages: bins, and what a segment of a mission does to them."""

    @property
    def rates(self) -> Tensor:
        """Rates of the bins, parts of that of the mechanism, shape (bins, 1, ...) [1]."""

    def phases(self, s: Segment) -> tuple[Phase, Phase]:
        """What the bins see under stress and during the rest; exponents are those of the segment's whole duration."""


def fresh(mechanisms: Sequence[Mechanism]) -> States:
    """Empty bins."""
    return tuple(torch.zeros_like(m.rates) for m in mechanisms)


def final(mechanisms: Sequence[Mechanism], mission: Mission | Profile) -> States:
    """States after a whole mission; without a segment in it they are fresh."""
    if not len(mission):
        return fresh(mechanisms)
    *_, last = march(mechanisms, mission)
    return last


def march(
    mechanisms: Sequence[Mechanism],
    mission: Mission | Profile,
    states: States | None = None,
    shift: Shift | None = None,
    tolerance: float = 1e-3,
) -> Iterator[States]:
    """States after each segment of a mission; neighbours of equal stress count as one segment.

    Args:
        mechanisms: What ages.
        mission: Segments, oldest first.
        states: Bins at the start, shape (bins, ...) each; None starts fresh.
        shift: Threshold shift of given states [V]; None keeps the overdrive of the mission whatever the shift.
        tolerance: Largest error of the shift before a jump is corrected, where there is feedback; what is left after
            the correction is some ten times less [V].

    Raises:
        ConvergenceError: Feedback runs away.
    """
    states = fresh(mechanisms) if states is None else states
    whole = profile(mission).merged()
    depth = max(whole.segments.duration.ndim, *(m.rates.ndim for m in mechanisms), *(x.ndim for x in states))
    rates = [after_first(m.rates, depth) for m in mechanisms]
    states = tuple(after_first(x, depth) for x in states)

    def advance(now: States, s: Segment, start: Tensor, end: Tensor) -> States:
        """States after a segment over which the shift goes from a start to an end."""
        shifted = (_shifted(m, s, r, start, end) for m, r in zip(mechanisms, rates, strict=True))
        plans = [_plan(m, s, r) for m, s, r in zip(mechanisms, shifted, rates, strict=True)]
        return tuple(plan(0, x) for plan, x in zip(plans, now, strict=True))

    for run in whole.runs(CHUNK if shift is None else 1):
        s = Segment.unchecked(*(after_first(getattr(run, name), depth) for name in NAMES))
        if shift is not None:
            states = _jumps(advance, states, s, shift, tolerance)
            yield states
            continue
        plans = [_plan(m, s, r) for m, r in zip(mechanisms, rates, strict=True)]
        for i in range(len(s.duration)):
            states = tuple(plan(i, x) for plan, x in zip(plans, states, strict=True))
            yield states


def after_first(x: Tensor, depth: int) -> Tensor:
    """The same tensor with dimensions of one put in after its first, up to a depth."""
    return x if x.ndim >= depth else x.reshape(x.shape[:1] + (1,) * (depth - x.ndim) + x.shape[1:])


def _plan(m: Mechanism, s: Segment, rates: Tensor) -> Plan:
    """What each of some stacked segments, alike in being pulsed or not, does to the bins of a mechanism."""
    if not bool(torch.isfinite(s.frequency).all()):
        flows = drive(*m.phases(s)).unbind()
        return lambda i, x: relax(x, rates, flows[i])
    cycle = m.phases(s.replace(duration=1.0 / s.frequency))
    count = s.frequency * s.duration
    return lambda i, x: cycles(x, rates, [p.at(i) for p in cycle], count[i])


def _shifted(m: Mechanism, s: Segment, rates: Tensor, start: Tensor, end: Tensor) -> Segment:
    """The segment with the overdrive that each bin feels while the shift goes linearly from a start to an end.

    A bin of exponent x weighs the shift by 1/(1 - e^-x) - 1/x towards its end: a slow one feels the mean, a fast one
    the last value.
    """
    stress, rest = m.phases(s.replace(overdrive=s.overdrive - start, rest=s.rest - start))
    x = ((stress.capture + rest.emission) * rates).clamp(min=1e-3)
    felt = start + (end - start) * (-1.0 / torch.expm1(-x) - 1.0 / x)
    return s.replace(overdrive=s.overdrive - felt, rest=s.rest - felt)


def _jumps(advance: Advance, states: States, s: Segment, shift: Shift, tolerance: float) -> States:
    """States after a segment whose overdrive falls by the threshold shift, in jumps as long as the error allows."""
    done, part = 0.0, 1.0
    while done < 1.0:
        part = min(part, 1.0 - done)
        piece = s.replace(duration=s.duration * part)
        before = shift(states)
        predicted = shift(advance(states, piece, before, before))
        found = advance(states, piece, before, predicted)
        error = float((shift(found) - predicted).detach().abs().max()) / tolerance
        room = 0.7 / max(error, 1e-9)
        if error <= 1.0:
            states, done, part = found, done + part, part * min(room, 10.0)
        else:  # the shift starts as a power of time, near 0.4
            part *= max(room**2.0, 1e-3)
        if part < SHORTEST:
            raise ConvergenceError(f"Mission: the threshold shift feeds itself; a jump of {part:g} is still too long")
    return states
