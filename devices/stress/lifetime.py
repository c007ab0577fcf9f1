"""Lifetime: when the threshold has shifted by so much, under constant stress or a mission that repeats for ever."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from beolith.errors import BeolithError

from .aging import Aging
from .mechanism import States
from .mission import NAMES, Mission, Profile, Segment, profile

SHORTEST, LONGEST = 1e-6, 1e12  # the times between which a lifetime is looked for [s]
_PER_DECADE = 8
_HALVINGS = 44
_GROWTH = 4  # periods that are jumped over at once, as a part of those already passed


def time_to(
    aging: Aging, mission: Mission | Profile, limit: Tensor, *, longest: float = LONGEST, feedback: bool = False
) -> Tensor:
    """Time until the threshold, donors included, first shifts by a limit either way; infinite if it never does [s].

    A mission of one segment is constant stress: its duration is without meaning, the time is a root in log time and
    has the implicit derivative -(d shift/d parameter)/(d shift/d t). A longer mission is repeated; periods are jumped
    over by continuing each bin along the geometric series of two periods. The first period is searched segment by
    segment; later the shift is read once a period, where it was largest in the first, and the root found in fractions
    of a period.

    Args:
        aging: What ages.
        mission: One segment of constant stress, or one period.
        limit: Shift at which life ends, any shape that broadcasts with the batch [V].
        longest: Time after which nobody looks any more [s].
        feedback: Whether the shift takes away from the overdrive, see :func:`.aging.age`.

    Raises:
        BeolithError: The limit is not positive, or a period lasts no time.
    """
    if not bool((limit > 0).all()):
        raise BeolithError(f"lifetime: limit {float(limit.min()):g} V is not above zero")
    whole = profile(mission).merged()
    if len(whole) == 1:
        return _constant(aging, whole, limit, longest, feedback)
    with torch.no_grad():
        return _periodic(aging, whole, limit, longest, feedback)


def _constant(aging: Aging, stress: Profile, limit: Tensor, longest: float, feedback: bool) -> Tensor:
    row = stress.rows(0, 1)

    def excess(time: Tensor) -> Tensor:
        once = Profile(row.replace(duration=_as_row(time, row)), stress.pulsed)
        *_, states = aging.march(once, feedback=feedback)
        return aging.shift(states).abs() - limit

    with torch.no_grad():
        shape = torch.broadcast_shapes(excess(torch.ones((), dtype=torch.float64)).shape, limit.shape)
        count = int(_PER_DECADE * math.log10(longest / SHORTEST)) + 1
        low = torch.full(shape, math.log(SHORTEST), dtype=torch.float64)
        high = torch.full(shape, math.inf, dtype=torch.float64)
        for x in torch.linspace(math.log(SHORTEST), math.log(longest), count, dtype=torch.float64):
            reached = excess(x.exp()) >= 0
            high = torch.where(reached & high.isinf(), x, high)
            low = torch.where(high.isinf(), x, low)
            if bool(high.isfinite().all()):
                break
        found = high.isfinite()
        high = torch.where(found, high, low)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            reached = excess(middle.exp()) >= 0
            low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
        time = high.exp()
    return torch.where(found, _with_gradient(excess, time), math.inf)


def _with_gradient(excess: Callable[[Tensor], Tensor], time: Tensor) -> Tensor:
    """The same root with its implicit derivative: one step of Newton's method whose slope is held."""
    at = excess(time)
    if not at.requires_grad:
        return time
    probe = time.clone().requires_grad_()
    (slope,) = torch.autograd.grad(excess(probe).sum(), probe)
    return time - torch.where(slope != 0, (at - at.detach()) / torch.where(slope != 0, slope, 1.0), 0.0)


def _periodic(aging: Aging, period: Profile, limit: Tensor, longest: float, feedback: bool) -> Tensor:
    length = period.segments.duration.sum(0)
    if not bool((length > 0).all()):
        raise BeolithError("lifetime: a period of the mission lasts no time")

    def after(states: States) -> States:
        *_, states = aging.march(period, states, feedback=feedback)
        return states

    life, states, start, last = _first_period(aging, period, limit, feedback)
    order = [(last + 1 + i) % len(period) for i in range(len(period))]
    rows = Segment.unchecked(*(getattr(period.segments, name)[order] for name in NAMES))
    period, passed = Profile(rows, tuple(period.pulsed[i] for i in order)), 0
    while passed * float(length.min()) < longest and bool(life.isinf().any()):
        one = after(states)
        ratio = [_ratio(a, b, c) for a, b, c in zip(states, one, after(one), strict=True)]
        jump = max(1, passed // _GROWTH)

        def ahead(periods: Tensor, states: States = states, one: States = one, ratio: list[Tensor] = ratio) -> States:
            return tuple(a + (b - a) * _series(r, periods) for a, b, r in zip(states, one, ratio, strict=True))

        end = torch.full_like(life + limit, float(jump))
        reached = aging.shift(ahead(end)).abs() >= limit
        high = _bisect(lambda x: aging.shift(ahead(x)).abs() >= limit, end)
        life = torch.where(life.isinf() & reached, start + (passed + high) * length, life)
        states, passed = ahead(torch.tensor(float(jump), dtype=torch.float64)), passed + jump
    return torch.where(life <= longest, life, math.inf)


def _first_period(aging: Aging, period: Profile, limit: Tensor, feedback: bool) -> tuple[Tensor, States, Tensor, int]:
    """Lifetimes that end in the first period, the others infinite; states, time and segment of its largest shift."""
    life = torch.tensor(math.inf, dtype=torch.float64)
    passed = torch.zeros((), dtype=torch.float64)
    states = aging.fresh()
    largest, peak = -1.0, (states, passed, 0)
    for i in range(len(period)):
        row, pulsed = period.rows(i, i + 1), period.pulsed[i : i + 1]

        def after(share: Tensor, start: States = states, row: Segment = row, pulsed: Any = pulsed) -> States:
            once = Profile(row.replace(duration=row.duration * _as_row(share, row)), pulsed)
            *_, then = aging.march(once, start, feedback=feedback)
            return then

        then = after(torch.ones((), dtype=torch.float64))
        shift = aging.shift(then).abs()
        reached = life.isinf() & (shift >= limit)
        if bool(reached.any()):
            share = _bisect(
                lambda x: aging.shift(after(x)).abs() >= limit, torch.ones_like(reached, dtype=torch.float64)
            )
            life = torch.where(reached, passed + share * row.duration[0], life)
        states, passed = then, passed + row.duration[0]
        if float(shift.max()) > largest:
            largest, peak = float(shift.max()), (states, passed, i)
    return life, *peak


def _bisect(reached: Callable[[Tensor], Tensor], end: Tensor) -> Tensor:
    """Where between zero and an end something is reached first."""
    low, high = torch.zeros_like(end), end
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        beyond = reached(middle)
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return high


def _ratio(start: Tensor, one: Tensor, two: Tensor) -> Tensor:
    """How much less a bin moves in the next period than in this one."""
    step = one - start
    return torch.where(step != 0, (two - one) / torch.where(step != 0, step, 1.0), 0.0).clamp(0.0, 1.0)


def _series(ratio: Tensor, count: Tensor) -> Tensor:
    """Sum of the first terms of a geometric series, 1 + r + r^2 + ... = (1 - r^n)/(1 - r), n itself for r = 1."""
    lost = 1.0 - ratio
    near = lost < 1e-14
    safe = torch.where(near, 0.5, lost)
    power = -torch.expm1(count * torch.log1p(-safe.clamp(max=1.0 - 1e-300)))
    return torch.where(
        near, count, torch.where(lost == 1.0, torch.minimum(count, torch.ones_like(count)), power / safe)
    )


def _as_row(time: Tensor, row: Segment) -> Tensor:
    """A time of the shape of the batch as the duration of one stacked segment."""
    return time.reshape((1,) * (1 + max(0, row.duration.ndim - 1 - time.ndim)) + tuple(time.shape))
