"""Where a line or a word line just flips a cell, and how far that is from what the write gives it.

On the way the stored state meets an unstable one and both vanish: det J = 0. Followed by the voltage v of the storage
node that is to fall, both states are one smooth curve, the line u(v) that holds the node there; the cell flips at the
extreme of u. Its place needs no gradient, by the envelope theorem.

    bit line    the lowest u: from there down the cell is written
    word line   the highest u: from there up the cell is written

References:
    wang2008 (both margins, beside others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ..bitcells.base import DATA
from ..cell import Cell
from .bias import bias, loop
from .butterfly import complement, sweep
from .rest import Rest, rest
from .sampled import Sampled, highest, lowest
from .snm import PLACES, REFINE

Line = Literal["bit_line", "word_line"]
LINES: tuple[Line, ...] = ("bit_line", "word_line")
_MOST = 15
"""Iterations of the sweep: where a line would have to go far, or nowhere holds the node, it need not be found."""


@dataclass(frozen=True)
class WriteMargin:
    """Static write margin, written level first; not a number where the cell does not flip but slides.

    Attributes:
        flip: Voltage of the line at which the cell flips, (level, *batch) [V].
        margins: How far beyond it the write takes the line, negative where the write fails, (level, *batch) [V].
    """

    flip: Tensor
    margins: Tensor

    @property
    def margin(self) -> Tensor:
        """That of the level that is harder to write, (*batch) [V]."""
        return self.margins.amin(0)


def write_margin(cell: Cell, line: Line = "bit_line", *, points: int = PLACES) -> WriteMargin:
    """Static write margin of a cell with feedback; differentiable.

    Args:
        cell: The cell, one or a batch, whose pass transistors are n-type.
        line: What moves while all else is as in the write: the bit line that falls, or the word line.
        points: Points of the sweep.

    Raises:
        BeolithError: The cell has no feedback, or there is no such line.

    References:
        wang2008.
    """
    if line not in LINES:
        raise BeolithError(f"there is no line {line!r}; {nearest(line, LINES)}")
    found = [_flip(cell, line, level, points) for level in range(2)]
    flip, margins = (torch.stack(x) for x in zip(*found, strict=True))
    return WriteMargin(flip, margins)


def _flip(cell: Cell, line: Line, level: int, points: int) -> tuple[Tensor, Tensor]:
    """Voltage at which a level is written, and how far beyond it the write goes, (*batch) [V]."""
    write = cell.kind.write
    falls, other = loop(cell)[:: 1 - 2 * level]
    by_name = {name: terminal for terminal, name in write.voltages.items()}
    moved = write.word if line == "word_line" else by_name[DATA[level]]
    held = bias(cell, "write", level)
    written = held.pop(moved)
    upwards = line == "word_line"

    def holding(v: Tensor, guess: Tensor, start: Tensor) -> Rest:
        """The cell with its node at v, and the line at what holds it there."""
        return rest(cell.fets, held, {other: guess, moved: start}, swept={falls: v}, loose=(moved,), most=_MOST)

    with torch.no_grad():
        v = sweep(cell, points)
        found = holding(v, complement(cell, v), written.expand_as(v) if upwards else v)
        curve = Sampled(v, found.voltages[moved], found.slopes[moved])
        turn = highest(curve) if upwards else lowest(curve)
        answer = Sampled(v, found.voltages[other], found.slopes[other]).at(turn.x[None])
        place, guess = turn.x, answer.y[0]
        start = turn.y
        for _ in range(REFINE):
            near = holding(place, guess, start)
            place = place - near.slopes[moved] / turn.curvature
            guess, start = near.voltages[other], near.voltages[moved]
    flip = holding(place, guess, start).voltages[moved]
    return flip, written - flip if upwards else flip - written
