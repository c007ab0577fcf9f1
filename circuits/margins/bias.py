"""What the terminals of a cell are at while it is asked how far it is from failing."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from beolith.errors import BeolithError, nearest

from ..cell import Cell

Condition = Literal["hold", "read", "write", "half_select"]
CONDITIONS: tuple[Condition, ...] = ("hold", "read", "write", "half_select")


def bias(cell: Cell, condition: Condition, level: int = 0) -> dict[str, Tensor]:
    """Voltages of all terminals [V].

    Args:
        cell: The cell.
        condition: ``hold``; ``read``, the sensed lines still at their hold voltage; ``write``, everything at the
            voltages of the write; ``half_select``, the word of the write open over lines at rest.
        level: What is written.

    Raises:
        BeolithError: There is no such condition or level.
    """
    kind = cell.kind
    if not 0 <= level < kind.levels:
        raise BeolithError(f"bitcell {kind.title!r} has no level {level}; allowed: 0 .. {kind.levels - 1}")
    data = cell.data[level]
    match condition:
        case "hold":
            return cell.terminals(data)
        case "read":
            return cell.terminals(data, kind.read)
        case "write":
            return cell.terminals(data, kind.write)
        case "half_select":
            opened = cell.terminals(data, kind.write)[kind.write.word]
            return {**cell.terminals(data), kind.write.word: opened}
    raise BeolithError(f"there is no condition {condition!r}; {nearest(condition, CONDITIONS)}")


def loop(cell: Cell) -> tuple[str, str]:
    """The two nodes that hold each other.

    Raises:
        BeolithError: The cell has no feedback.
    """
    if not (cell.kind.static and len(cell.kind.storage) == 2):
        raise BeolithError(f"bitcell {cell.kind.title!r} has no feedback, so no noise margin; see margins.disturb")
    first, second = cell.kind.storage
    return first, second
