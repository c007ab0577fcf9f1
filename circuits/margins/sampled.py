"""A smooth curve known by samples and slopes: between two of them it is the cubic that meets both, Hermite's.

No gradients are recorded here: margins take a place from a curve and solve the cell again at it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Sampled(NamedTuple):
    """Samples of a curve; ``x`` rises along the first axis, all are (point, *batch).

    Attributes:
        x: Where.
        y: How much.
        slope: dy/dx.
    """

    x: Tensor
    y: Tensor
    slope: Tensor

    def at(self, x: Tensor) -> Sampled:
        """The curve at other places, (place, *batch); beyond its ends the outermost cubics go on."""
        rows = self.x.movedim(0, -1).contiguous()
        right = torch.searchsorted(rows, x.movedim(0, -1).contiguous()).movedim(-1, 0)
        right = right.clamp(1, self.x.shape[0] - 1)
        (x0, y0, m0), (x1, y1, m1) = (tuple(v.gather(0, right - i) for v in self) for i in (1, 0))
        h = x1 - x0
        t, rise = (x - x0) / h, (y1 - y0) / h
        bend, twist = 3.0 * rise - 2.0 * m0 - m1, m0 + m1 - 2.0 * rise
        y = y0 + h * t * (m0 + t * (bend + t * twist))
        return Sampled(x, y, m0 + t * (2.0 * bend + 3.0 * t * twist))


class Extreme(NamedTuple):
    """Where a curve turns, not a number where it does not, (*batch).

    Attributes:
        x: Where.
        y: How far it got.
        curvature: d2y/dx2 there.
    """

    x: Tensor
    y: Tensor
    curvature: Tensor


def highest(curve: Sampled) -> Extreme:
    """The highest of the maxima inside a curve; samples that are not a number bound none."""
    m0, m1 = curve.slope[:-1], curve.slope[1:]
    turns = (m0 > 0.0) & (m1 <= 0.0)
    height = torch.where(turns, torch.maximum(curve.y[:-1], curve.y[1:]), -torch.inf)
    (x0, y0, m0), (x1, y1, m1) = _ends(curve, height.argmax(0))
    h = x1 - x0
    rise = (y1 - y0) / h
    # dy/dx = m0 + 2 bend t + 3 twist t^2 falls through zero once in 0 < t < 1
    bend, twist = 3.0 * rise - 2.0 * m0 - m1, m0 + m1 - 2.0 * rise
    root = (bend.square() - 3.0 * twist * m0).clamp(min=0.0).sqrt()
    t = m0 / (root - bend)
    y = y0 + h * t * (m0 + t * (bend + t * twist))
    there = turns.any(0)
    return Extreme(*(torch.where(there, value, torch.nan) for value in (x0 + t * h, y, -2.0 * root / h)))


def lowest(curve: Sampled) -> Extreme:
    """The lowest of the minima inside a curve."""
    found = highest(Sampled(curve.x, -curve.y, -curve.slope))
    return Extreme(found.x, -found.y, -found.curvature)


def roots(curve: Sampled, *, rising: bool) -> tuple[Tensor, Tensor]:
    """First and last place where a curve passes zero, upwards or downwards, not a number where it never does, (*batch).

    A place is that of the secant between two samples.
    """
    y = curve.y if rising else -curve.y
    passes = (y[:-1] < 0.0) & (y[1:] >= 0.0)
    there, last = passes.any(0), passes.shape[0] - 1
    found = []
    for which in (passes.int().argmax(0), last - passes.flip(0).int().argmax(0)):
        (x0, y0, _), (x1, y1, _) = _ends(curve, which)
        found.append(torch.where(there, x0 + (x1 - x0) * y0 / (y0 - y1), torch.nan))
    return found[0], found[1]


def _ends(curve: Sampled, left: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Samples at the left and at the right of one interval of each batch."""
    one, two = (tuple(v.gather(0, (left + i)[None])[0] for v in curve) for i in (0, 1))
    return one, two
