"""What a part looks like beyond its text, drawn by the room that knows it: curves of a card, the layout of a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True)
class Portrait:
    """The picture of a part.

    Attributes:
        data: For programs.
        text: For terminals.
        table: The numbers drawn; headers carry units.
        figure: Draws them for print.
    """

    data: Mapping[str, Any]
    text: str
    table: DataFrame
    figure: Callable[[], Figure]


def of(kind: str, path: Path) -> Portrait | None:
    """The portrait of a part, or None if no room knows how to draw its kind: ``portraits/<kind>.py`` of a room.

    Args:
        kind: What it is, such as ``transistor`` or ``bitcell``.
        path: Its file.
    """
    if kind not in registry.names("portraits"):
        return None
    found: Portrait = registry.module("portraits", kind).portrait(path)
    return found
