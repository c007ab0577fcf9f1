"""A bitcell with changes that are written as text: ``voltages.v_hold='-0.5 V'``, ``cards.write=liu2023_ito``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beolith import units
from beolith.errors import BeolithError, nearest

from ..devices import library
from ..devices.library import Device
from . import mismatch
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


def with_card(kinds: Mapping[str, Bitcell], choice: str) -> dict[str, Bitcell]:
    """Cells with another device in some places: in one transistor, or in all whose device is like it.

    Alike are devices of one polarity that are both silicon or both not.

    Args:
        kinds: Cells by name.
        choice: ``transistor=card``, or a card.

    Raises:
        BeolithError: No such card, or no cell has such a transistor.
    """
    place, named, card = choice.rpartition("=")
    new = library.load(card)

    def fits(name: str, kind: Bitcell) -> bool:
        old = mismatch.device(kind.transistors[name])
        return name == place if named else (old.sign, _silicon(old)) == (new.sign, _silicon(new))

    chosen = {key: {n: card for n in kind.transistors if fits(n, kind)} for key, kind in kinds.items()}
    if not any(chosen.values()):
        known = {n for kind in kinds.values() for n in kind.transistors}
        raise BeolithError(
            f"--card {choice!r}: no cell has a transistor {place!r}; {nearest(place, known)}"
            if named
            else f"--card {choice!r}: no cell has a transistor of this polarity and kind"
        )
    return {key: kind.with_(cards=chosen[key]) for key, kind in kinds.items()}


def _silicon(device: Device) -> bool:
    return device.card.material.split(" ")[0] == "Si"
