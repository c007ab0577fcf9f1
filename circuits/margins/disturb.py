"""What operations on a cell, or on its neighbours, do to what it stores.

    read          its own read, beyond coupling, which passes
    half select   the word of the write opens over lines at rest, because a neighbour is written
    line          a neighbour on its lines is written with the other extreme while its own word is closed

Cells that float lose voltage. Where the word stays closed, the loss is that of the extra current, which a pulse does
not change: dv = -(I - I_hold) t_pulse/C. Where it opens, a transient tells. Cells with feedback lose nothing, but come
nearer to losing all: their low node is lifted while the word is open, and the noise margin is that of the read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..bitcells.base import Operation
from ..cell import Cell
from ..mna.system import system
from ..mna.transient import transient
from ..netlist import Capacitor, Fet
from ..stimuli import stimulus
from .bias import bias, loop
from .coupling import floating, jump
from .rest import rest
from .snm import snm

_PROBE = 1e-21
"""Charge that tells the capacitance of a node: a leak in a pulse is so small that the voltage would not show it [C]."""


@dataclass(frozen=True)
class Disturb:
    """Change of the first storage node by one operation, (level, *batch) [V].

    Attributes:
        read: By a read of the cell; of a cell that shares its charge with the line, what is left to restore.
        half_select: By the word alone.
        line: By a neighbour on the same lines.
    """

    read: Tensor
    half_select: Tensor
    line: Tensor


@dataclass(frozen=True)
class FeedbackDisturb:
    """What the open word does to a cell with feedback.

    Attributes:
        bump: How far the read lifts the node that is low, stored level first, (level, *batch) [V].
        half_select: Static noise margin under the word of the write, lines at rest, (*batch) [V].
    """

    bump: Tensor
    half_select: Tensor


def disturb(cell: Cell, *, pulse: float = 10e-9, edge: float = 0.1e-9, tolerance: float = 1e-4) -> Disturb:
    """Change of what a floating cell stores, by operation; differentiable.

    Args:
        cell: The cell, one or a batch, with the levels as they are asked for.
        pulse: How long the word of an operation stands [s].
        edge: Rise and fall time, where the cell opens [s].
        tolerance: Error of one time step, where the cell opens [V].

    Raises:
        BeolithError: The cell has feedback.
    """
    floating(cell)
    kind = cell.kind
    word = kind.write.word
    alone = Operation(word, {word: kind.write.voltages[word]})
    if kind.read.word == word:
        read = _opened(cell, kind.read, pulse, edge, tolerance)
    else:
        read = _closed(cell, cell.terminals(cell.data, kind.read), pulse)
    line = _closed(cell, cell.terminals(cell.data.flip(0), kind.write, word=False), pulse)
    return Disturb(read, _opened(cell, alone, pulse, edge, tolerance), line)


def feedback_disturb(cell: Cell) -> FeedbackDisturb:
    """What the open word does to a cell with feedback; differentiable.

    Args:
        cell: The cell, one or a batch.

    Raises:
        BeolithError: The cell has no feedback.
    """
    nodes = loop(cell)
    states = [cell.stored(data) for data in cell.data]
    bumps = []
    for low, state in zip(nodes, states, strict=True):
        at_rest, reading = (rest(cell.fets, bias(cell, which), state).voltages[low] for which in ("hold", "read"))
        bumps.append(reading - at_rest)
    return FeedbackDisturb(torch.stack(bumps), snm(cell, "half_select").margin)


def _closed(cell: Cell, moved: dict[str, Tensor], pulse: float) -> Tensor:
    """Change while the terminals are elsewhere for a pulse and the word stays closed [V]."""
    elements: tuple[Fet | Capacitor, ...] = (*cell.fets, *cell.capacitors)
    hold, stored, node = cell.terminals(cell.data), cell.stored(cell.data), cell.kind.storage[0]
    at_rest = rest(elements, hold, {}, swept=stored, charged=True)
    pushed = jump(cell, stored, hold, moved).voltages
    there = rest(elements, moved, {}, swept={name: pushed[name] for name in stored})
    lost = pulse * (there.currents[node] - at_rest.currents[node])
    charges = {name: at_rest.charges[name] for name in stored}
    after = rest(elements, hold, stored, charges={**charges, node: charges[node] - _PROBE})
    return lost * (after.voltages[node] - stored[node]) / _PROBE


def _opened(cell: Cell, operation: Operation, pulse: float, edge: float, tolerance: float) -> Tensor:
    """Change by an operation that opens the cell [V]."""
    s = stimulus(cell, [operation], cell.data, pulse=pulse, edge=edge)
    found = transient(system(s.circuit(**cell.stored(cell.data))), [0.0, s.end], tolerance=tolerance)
    node = found[cell.kind.storage[0]]
    return node[-1] - node[0]
