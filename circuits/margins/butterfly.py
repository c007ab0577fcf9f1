"""Both transfer curves of a cell with feedback: one storage node is driven, the other answers.

The loop is cut by a source on the driven node. All points of the sweep and all variants of the cell are one batch; only
transistors that carry current to the answering node are solved for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..cell import Cell
from ..netlist import GROUND, Fet
from .bias import Condition, bias, loop
from .rest import rest

POINTS = 41
"""Points of a sweep."""


@dataclass(frozen=True)
class Butterfly:
    """Transfer curves, (point, *batch).

    Attributes:
        swept: Voltage of the driven node [V].
        second: Voltage of the second storage node while the first is driven [V].
        second_gain: Slope of that curve [1].
        first: Voltage of the first storage node while the second is driven [V].
        first_gain: Slope of that curve [1].
    """

    swept: Tensor
    second: Tensor
    second_gain: Tensor
    first: Tensor
    first_gain: Tensor


def butterfly(cell: Cell, condition: Condition = "hold", *, level: int = 0, points: int = POINTS) -> Butterfly:
    """Transfer curves from v_low to v_high; differentiable, but for the gains.

    Args:
        cell: A cell with feedback, one or a batch.
        condition: See :func:`.bias.bias`.
        level: What is written, where the condition is ``write``.
        points: Points of the sweep, evenly spaced.

    Raises:
        BeolithError: The cell has no feedback.
    """
    ends, terminals = loop(cell), bias(cell, condition, level)
    swept = sweep(cell, points)
    second, second_gain = answer(cell, terminals, ends[0], ends[1], swept)
    first, first_gain = answer(cell, terminals, ends[1], ends[0], swept)
    return Butterfly(swept, second, second_gain, first, first_gain)


def sweep(cell: Cell, points: int) -> Tensor:
    """Voltages from v_low to v_high, (point, *batch) [V]."""
    share = torch.linspace(0.0, 1.0, points, dtype=torch.float64).reshape(-1, *[1] * len(cell.shape))
    low, high = (cell.voltages[name].expand(cell.shape) for name in ("v_low", "v_high"))
    return low + share * (high - low)


def complement(cell: Cell, voltage: Tensor) -> Tensor:
    """What the other storage node is at, roughly, while one is at a voltage [V]."""
    return cell.voltages["v_low"] + cell.voltages["v_high"] - voltage


def answer(
    cell: Cell,
    terminals: Mapping[str, Tensor],
    driven: str,
    answering: str,
    voltage: Tensor,
    guess: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Voltage of one storage node while the other is driven [V], and its slope [1].

    Args:
        cell: The cell.
        terminals: Voltages of its terminals [V].
        driven: Node that a source drives.
        answering: Node that answers.
        voltage: Of the source, any shape that broadcasts against the batch [V].
        guess: Of the answer; the complement of the source unless given [V].
    """
    given = {*terminals, driven, GROUND}
    start = {answering: complement(cell, voltage) if guess is None else guess}
    found = rest(_around(cell.fets, answering, given), terminals, start, swept={driven: voltage})
    return found.voltages[answering], found.slopes[answering]


def _around(fets: Sequence[Fet], node: str, given: set[str]) -> tuple[Fet, ...]:
    """Transistors that carry current to a node, or to nodes that those depend on."""
    reached = {node}
    while True:
        kept = [x for x in fets if {x.drain, x.source} & reached or (x.gate in reached and _leaks(x))]
        wider = reached | {end for x in kept for end in (x.gate, x.drain, x.source)} - given
        if wider == reached:
            return tuple(kept)
        reached = wider


def _leaks(x: Fet) -> bool:
    """Whether current passes the gate."""
    zero = torch.zeros((), dtype=torch.float64)
    return bool((x.model.gate_current(zero + 1.0, zero, zero).drain != 0.0).any())
