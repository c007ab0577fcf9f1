r"""Static noise margin: side of the largest square between the transfer curves of a cell, in the smaller lobe.

    D = V_1 - V_2,   S = V_1 + V_2                 the axes turned by 45 degrees, times sqrt 2
    side = extreme over D of [S_r(D) - S_l(D)]/2   maximum where node 1 is low, minus the minimum in the other lobe

At the extreme the loop gain is one. Its place comes from cubics through a sweep, and Newton's method on the cell itself
refines it; the cell is then solved once more there, with gradients, which by the envelope theorem need not move it.

References:
    seevinck1987 (definition by squares, and the turned axes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..cell import Cell
from .bias import Condition, bias, loop
from .butterfly import answer, sweep
from .sampled import Sampled, highest, lowest

PLACES = 21
"""Points of the sweep that tells where the squares are, not how large they are."""
REFINE = 2
"""Newton steps on the cell itself: a sweep leaves millivolts, and every step squares the error."""


@dataclass(frozen=True)
class NoiseMargin:
    """Largest squares between the transfer curves.

    A side below zero belongs to a lobe that is closed: noise of as much, the other way round, would open it. Where a
    lobe leaves no trace, because the loop gain is below one all along, its side is not a number.

    Attributes:
        sides: Of the square where the first storage node is low, and of that where it is high, (lobe, *batch) [V].
        corners: Lower left corners of both, first and second storage node, (lobe, node, *batch) [V].
    """

    sides: Tensor
    corners: Tensor

    @property
    def margin(self) -> Tensor:
        """Static noise margin: the smaller side, (*batch) [V]."""
        return self.sides.amin(0)


class _Turned(NamedTuple):
    """Points of a transfer curve on turned axes: D, S [V] and dS/dD [1]."""

    d: Tensor
    s: Tensor
    slope: Tensor


def snm(cell: Cell, condition: Condition = "hold", *, level: int = 0, points: int = PLACES) -> NoiseMargin:
    """Static noise margin of a cell with feedback; differentiable.

    Args:
        cell: The cell, one or a batch.
        condition: ``hold`` or ``read``, or another of :func:`.bias.bias`.
        level: What is written, where the condition is ``write``.
        points: Points of the sweep that the places are taken from.

    Raises:
        BeolithError: The cell has no feedback.

    References:
        seevinck1987.
    """
    first, second = loop(cell)
    terminals = bias(cell, condition, level)

    def right(v: Tensor, guess: Tensor | None = None) -> _Turned:
        y, gain = answer(cell, terminals, first, second, v, guess)
        return _Turned(v - y, v + y, (1.0 + gain) / (1.0 - gain))

    def left(v: Tensor, guess: Tensor | None = None) -> _Turned:
        x, gain = answer(cell, terminals, second, first, v, guess)
        return _Turned(x - v, x + v, (gain + 1.0) / (gain - 1.0))

    with torch.no_grad():
        on_right, on_left = _places(cell, right, left, points)
    r, l = right(*on_right), left(*on_left)  # noqa: E741
    sign = torch.tensor([0.5, -0.5], dtype=torch.float64).reshape(-1, *[1] * len(cell.shape))
    slope = 0.5 * (r.slope + l.slope)
    sides = sign * (r.s - l.s - slope * (r.d - l.d))
    low = torch.stack((l.s[0] + l.d[0], r.s[1] + r.d[1])), torch.stack((l.s[0] - l.d[0], r.s[1] - r.d[1]))
    return NoiseMargin(sides, 0.5 * torch.stack(low, 1))


class _Corner(NamedTuple):
    """A point of a curve: what its node is driven to, and what may come back [V]."""

    driven: Tensor
    guess: Tensor

    def moved(self, at: _Turned, d: Tensor, sign: float) -> _Corner:
        """The corner where D is another, by the slope of the curve; ``sign`` is that of the driven voltage in D."""
        step = 0.5 * (d - at.d)
        guess = 0.5 * (at.s - sign * at.d) + step * (at.slope - sign)
        return _Corner(self.driven + step * (at.slope + sign), guess)


def _places(
    cell: Cell, right: Callable[..., _Turned], left: Callable[..., _Turned], points: int
) -> tuple[_Corner, _Corner]:
    """The corners of both squares on the right and on the left curve, (lobe, *batch) [V]."""
    v = sweep(cell, points)
    r, l = Sampled(*right(v)), Sampled(*(x.flip(0) for x in left(v)))  # noqa: E741
    low, high = torch.maximum(r.x[0], l.x[0]), torch.minimum(r.x[-1], l.x[-1])
    share = torch.linspace(0.0, 1.0, 2 * points, dtype=torch.float64).reshape(-1, *[1] * len(cell.shape))
    grid = low + share * (high - low)
    above, below = r.at(grid), l.at(grid)
    gap = Sampled(grid, above.y - below.y, above.slope - below.slope)
    d, _, curvature = (torch.stack(x) for x in zip(highest(gap), lowest(gap), strict=True))
    s1, s2 = r.at(d).y, l.at(d).y
    one, two = _Corner(0.5 * (s1 + d), 0.5 * (s1 - d)), _Corner(0.5 * (s2 - d), 0.5 * (s2 + d))
    for _ in range(REFINE):
        at_one, at_two = right(*one), left(*two)
        d = 0.5 * (at_one.d + at_two.d) - (at_one.slope - at_two.slope) / curvature
        one, two = one.moved(at_one, d, 1.0), two.moved(at_two, d, -1.0)
    return one, two
