"""What a card looks like beyond its table: curves of the model that it feeds, drawn by the room that has the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import registry
from .card import Card

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True)
class Portrait:
    """The curves of a card.

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


def of(card: Card) -> Portrait | None:
    """The portrait of a card, or None if no room knows how to draw its kind: ``portraits/<kind>.py`` of a room."""
    if card.kind not in registry.names("portraits"):
        return None
    found: Portrait = registry.module("portraits", card.kind).portrait(card.path)
    return found
