"""A bitcell with changes that are written as text: ``voltages.v_hold='-0.5 V'``, ``cards.write=liu2023_ito``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from beolith import units
from beolith.errors import BeolithError, nearest

from .bitcells.base import Bitcell

GROUPS = {"cards": "", "widths": "m", "lengths": "m", "capacitances": "F", "voltages": "V"}
"""What is changed part by part, and its unit; a card has none."""
FIELDS = {"line_capacitance": "F", "sense_signal": "V", "lost_share": "", "pulse": "s", "edge": "s", "levels": "1"}
"""What is changed as a whole."""


def configured(kind: Bitcell, settings: Sequence[str]) -> Bitcell:
    """The cell with changes.

    Args:
        kind: The cell.
        settings: Each ``key=value``; a key is a field, or a group, a dot and the name of a part.

    Raises:
        BeolithError: No such key or part, a wrong dimension, or a cell that cannot be.
    """
    changes: dict[str, Any] = {}
    for setting in settings:
        key, sign, text = (part.strip() for part in setting.partition("="))
        if not sign or not text:
            raise BeolithError(f"--set {setting!r}: write key=value, as in --set voltages.v_hold='-0.5 V'")
        group, dot, part = key.partition(".")
        if dot and group in GROUPS:
            value = text if group == "cards" else units.parse(text, GROUPS[group])
            changes.setdefault(group, {})[part] = value
        elif key in FIELDS:
            changes[key] = _count(key, text) if key == "levels" else units.parse(text, FIELDS[key])
        else:
            allowed = [*FIELDS, *(f"{name}.<part>" for name in GROUPS)]
            raise BeolithError(f"--set {setting!r}: a cell has no {key!r}; {nearest(key, allowed)}")
    return kind.with_(**changes)


def _count(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BeolithError(f"--set {key}={text}: write a whole number") from None
