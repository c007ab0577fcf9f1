"""What the terminals of a cell do in time: frames of voltages, one after another, joined by straight edges.

An operation is four frames and the rest after it: rest, lines, lines and word, lines. In a read the sensed lines hang
on switches, which let go of them once they stand at their hold voltage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from .bitcells.base import Operation
from .cell import Cell
from .netlist import Capacitor, Circuit, Element, Pwl, Switch, VoltageSource, volts

DRIVER = 1e-3
"""Conductance of a closed line switch; 1 kohm charges 10 fF in 10 ps [S]."""
OPEN = 1e-16
"""Conductance of an open one; a nanosecond of it is below an electron [S]."""
FRAMES = 4
"""Frames of an operation; the rest after it is the first frame of the next."""
_HALF, _SOFT = 0.5, 0.02
"""Threshold and softness of the switches, whose control runs from 0 to 1 V [V]."""


class Frame(NamedTuple):
    """Terminal voltages [V] that stay for a while [s]; ``let_go`` says whether the sensed lines float."""

    voltages: Mapping[str, Tensor]
    stay: float
    let_go: bool = False


class Window(NamedTuple):
    """When the word of an operation begins to move, stands, begins to go back, and is back [s]."""

    begin: float
    opened: float
    closing: float
    closed: float


@dataclass(frozen=True)
class Stimulus:
    """Frames in a row.

    Attributes:
        cell: The cell that they are for.
        frames: One after another.
        edge: Time from one frame to the next [s].
    """

    cell: Cell
    frames: Sequence[Frame]
    edge: float

    @property
    def times(self) -> list[float]:
        """Begin and end of every frame [s]."""
        spans = [x for frame in self.frames for x in (frame.stay, self.edge)]
        return list(accumulate(spans[:-1], initial=0.0))

    def window(self, operation: int) -> Window:
        """When the word of an operation moves; operations count from 0."""
        t, first = self.times, 2 * FRAMES * operation + 3
        return Window(t[first], t[first + 1], t[first + 2], t[first + 3])

    @property
    def ends(self) -> list[float]:
        """End of every frame; its rails supply what moves since the end of the one before it [s]."""
        return self.times[1::2]

    @property
    def end(self) -> float:
        """End of the last frame [s]."""
        return self.times[-1]

    @property
    def rails(self) -> dict[str, list[Tensor]]:
        """Voltages of every source in the frames, by its name [V]."""
        rails = {terminal: [frame.voltages[terminal] for frame in self.frames] for terminal in self.cell.kind.terminals}
        if any(frame.let_go for frame in self.frames):
            rails["held"] = [volts(0.0 if frame.let_go else 1.0) for frame in self.frames]
        return rails

    def circuit(self, **initial: Tensor) -> Circuit:
        """The cell with everything that drives it."""
        cell, times, rails = self.cell, self.times, self.rails
        elements: list[Element] = [*cell.fets, *cell.capacitors]
        for name, values in rails.items():
            floats = name in cell.kind.sense and "held" in rails
            node = f"{name}_drive" if floats else name
            elements.append(VoltageSource(name, node, "0", _wave(times, [v for v in values for _ in range(2)])))
            if name in cell.kind.lines:
                elements.append(Capacitor(f"{name}_line", name, "0", volts(cell.kind.line_capacitance)))
            if floats:
                numbers = [volts(x) for x in (_HALF, DRIVER, OPEN, _SOFT)]
                elements.append(Switch(f"{name}_switch", node, name, "held", "0", *numbers))
        return Circuit(cell.kind.title, tuple(elements), initial)


def frames(cell: Cell, operation: Operation, data: Tensor, pulse: float, settle: float, *, sensed: bool) -> list[Frame]:
    """The four frames of an operation; the rest after it is the first frame of the next.

    Args:
        cell: The cell.
        operation: What moves.
        data: Voltage of the level, (level, *batch) [V].
        pulse: How long the word stands [s].
        settle: How long the lines stand before and after it [s].
        sensed: Whether the sensed lines are let go.
    """
    rest, lines = cell.terminals(data), cell.terminals(data, operation, word=False)
    opened = cell.terminals(data, operation)
    return [
        Frame(rest, settle),
        Frame(lines, settle, sensed),
        Frame(opened, pulse, sensed),
        Frame(lines, settle, sensed),
    ]


def stimulus(
    cell: Cell,
    operations: Sequence[Operation],
    data: Tensor,
    *,
    pulse: float | None = None,
    edge: float | None = None,
) -> Stimulus:
    """Operations on a cell, one after another, and a rest at the end.

    Lines stand for four edges before and after the word; the sensed lines of the cell's own read are let go.

    Args:
        cell: The cell.
        operations: What is done.
        data: Voltage of the level that is written, (level, *batch) [V].
        pulse: How long the word stands; that of the bitcell if not given [s].
        edge: Rise and fall time of everything; that of the bitcell if not given [s].
    """
    kind = cell.kind
    pulse, edge = kind.pulse if pulse is None else pulse, kind.edge if edge is None else edge
    still = 4.0 * edge
    found = [
        frame
        for operation in operations
        for frame in frames(cell, operation, data, pulse, still, sensed=operation is kind.read)
    ]
    return Stimulus(cell, [*found, Frame(cell.terminals(data), still)], edge)


def _wave(times: Sequence[float], values: Sequence[Tensor]) -> Pwl:
    together = torch.stack(torch.broadcast_tensors(*values))
    return Pwl(torch.tensor(times, dtype=together.dtype, device=together.device), together)
