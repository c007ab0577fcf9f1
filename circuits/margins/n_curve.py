"""Current that a storage node of a cell asks for while a source moves it: the N-curve, and what is read from it.

    A, B, C   voltages where the current vanishes: the stable state below, the unstable one, the stable one above
    SVNM      B - A, static voltage noise margin          SINM   highest current between A and B
    WTV       C - B, write-trip voltage                   WTI    highest current the other way between B and C

References:
    grossar2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..cell import Cell
from .bias import Condition, bias, loop
from .butterfly import POINTS, complement, sweep
from .rest import Rest, rest
from .sampled import Extreme, Sampled, highest, lowest, roots
from .snm import REFINE


@dataclass(frozen=True)
class NCurve:
    """The N-curve of one storage node; what does not exist, as in a cell with one state only, is not a number.

    Attributes:
        voltage: Of the node, (point, *batch) [V].
        current: Into the node, without gradients, (point, *batch) [A].
        zeros: A, B and C, (3, *batch) [V].
        peaks: Highest current between A and B and lowest between B and C, (2, *batch) [A].
    """

    voltage: Tensor
    current: Tensor
    zeros: Tensor
    peaks: Tensor

    @property
    def svnm(self) -> Tensor:
        """Static voltage noise margin, (*batch) [V]."""
        return self.zeros[1] - self.zeros[0]

    @property
    def sinm(self) -> Tensor:
        """Static current noise margin, (*batch) [A]."""
        return self.peaks[0]

    @property
    def wtv(self) -> Tensor:
        """Write-trip voltage, (*batch) [V]."""
        return self.zeros[2] - self.zeros[1]

    @property
    def wti(self) -> Tensor:
        """Write-trip current, positive where the cell keeps its state, (*batch) [A]."""
        return -self.peaks[1]


def n_curve(
    cell: Cell, condition: Condition = "read", *, level: int = 0, node: int = 0, points: int = POINTS
) -> NCurve:
    """N-curve of a cell with feedback; zeros and peaks are differentiable.

    Args:
        cell: The cell, one or a batch.
        condition: See :func:`.bias.bias`; ``read`` is that of the reference.
        level: What is written, where the condition is ``write``.
        node: Which of the two storage nodes the source moves.
        points: Points of the sweep.

    Raises:
        BeolithError: The cell has no feedback.

    References:
        grossar2006.
    """
    names, terminals = loop(cell), bias(cell, condition, level)
    moved, other = names[node], names[1 - node]

    def forced(v: Tensor, guess: Tensor) -> Rest:
        return rest(cell.fets, terminals, {other: guess}, swept={moved: v})

    with torch.no_grad():
        v = sweep(cell, points)
        found = forced(v, complement(cell, v))
        current, conductance = found.currents[moved], _given(found)
        curve, answer = Sampled(v, current, conductance), Sampled(v, found.voltages[other], found.slopes[other])
        rising = roots(curve, rising=True)
        zeros = torch.stack((rising[0], roots(curve, rising=False)[0], rising[1]))
        guesses = {moved: zeros, other: answer.at(zeros).y}
        ends = highest(curve), lowest(curve)
        peak = Extreme(*(torch.stack(x) for x in zip(*ends, strict=True)))
        place, guess = peak.x, answer.at(peak.x).y
        for _ in range(REFINE):
            near = forced(place, guess)
            place, guess = place - _given(near) / peak.curvature, near.voltages[other]
    peaks = forced(place, guess).currents[moved]
    lone = zeros.isnan().any(0)
    return NCurve(v, current, rest(cell.fets, terminals, guesses).voltages[moved], torch.where(lone, torch.nan, peaks))


def _given(found: Rest) -> Tensor:
    assert found.conductance is not None
    return found.conductance
