"""A card of one's own: the card a fit started from with what was fitted, written so that it reads back without loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from beolith import units
from beolith.card import METADATA, Card, Entry, specs
from beolith.schema import How
from beolith.store import atomic

from .. import library
from .curves import Curves

_DIGITS = 12
"""Digits of uncertainties and prior ranges, whose way through SI and back would otherwise show."""


def fitted(card: Card, curves: Curves, names: Sequence[str], value: Sequence[float], sigma: Sequence[float]) -> Card:
    """The card with the fitted numbers in it, valid at the lengths that were measured.

    Args:
        card: What the fit started from.
        curves: What was fitted.
        names: Parameters fitted, ``section.name``.
        value: Their values [SI].
        sigma: Their standard deviations [SI].
    """
    sections = {name: dict(part) for name, part in card.sections.items()}
    known = {name: specs(schema) for name, schema in library.SECTIONS.items()}

    def put(section: str, key: str, si: float, how: How, note: str, error: float | None = None) -> None:
        si_unit, unit = known[section][key].unit, sections[section][key].given_unit
        given = _round(units.to_si(si, si_unit, unit))
        value = units.to_si(given, unit, si_unit)
        sections[section][key] = Entry(
            key, value, si_unit, given, unit, "user", curves.name, how, sigma=error, note=note
        )

    for name, si, error in zip(names, value, sigma, strict=True):
        section, _, key = name.partition(".")
        put(section, key, si, "fitted", f"Uncertain by {error / abs(si) if si else error:.2g} of its value.", error)
    for key, si, note in _span(curves, sections["validity"]):
        put("validity", key, si, "measured", note)
    return dataclasses.replace(
        card,
        key=Path(curves.name).stem,
        sections=sections,
        title=f"{card.title or card.key}, fitted to {curves.name}",
        summary=f"Fitted to {len(curves.table)} measured points: {', '.join(names)}. Every other number is that of the "
        f"card {card.key} and keeps its source.",
    )


def _span(curves: Curves, validity: dict[str, Entry]) -> Iterator[tuple[str, float, str]]:
    """The lengths measured, and temperatures beyond those of the card."""
    length, temperature = curves.table["length"], curves.table["temperature"]
    yield "shortest_length", float(length.min()), "Shortest channel among the curves."
    yield "longest_length", float(length.max()), "Longest channel among the curves."
    if temperature.min() < validity["lowest_temperature"].value:
        yield "lowest_temperature", float(temperature.min()), "Coldest of the curves."
    if temperature.max() > validity["highest_temperature"].value:
        yield "highest_temperature", float(temperature.max()), "Hottest of the curves."


def write(card: Card, path: Path) -> None:
    """Write a card as YAML, an entry a line; values that the model supplies by itself are left to it.

    Works that the card cites and only the folder of its first version knows are copied beside it.

    Raises:
        BeolithError: The disk says no.
    """
    head = {key: text for key in METADATA if (text := getattr(card, key))}
    lines = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=110).splitlines()
    for section, part in card.sections.items():
        given = [entry for entry in part.values() if not entry.default]
        lines += [f"{section}:"] * bool(given)
        lines += [f"  {entry.name}: {_line(_raw(entry))}" for entry in given]
    with atomic(path) as draft:
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    works = card.path.parent / "references.bib"
    if works.is_file() and works.parent.resolve() != path.parent.resolve():
        with atomic(path.with_name(works.name)) as draft:
            draft.write_bytes(works.read_bytes())


def _raw(entry: Entry) -> dict[str, Any]:
    """An entry as a card spells it."""
    raw: dict[str, Any] = {"value": entry.given_value, "unit": entry.given_unit, "source": entry.source}
    raw |= {"where": entry.where or "-", "how": entry.how}
    if entry.sigma is not None:
        raw["sigma"] = _round(entry.sigma / units.scale(entry.given_unit, entry.unit))
    if entry.prior is not None:
        raw["prior"] = [_round(units.to_si(bound, entry.unit, entry.given_unit)) for bound in entry.prior]
    return raw | ({"note": entry.note} if entry.note else {})


def _round(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _line(raw: dict[str, Any]) -> str:
    return str(yaml.safe_dump(raw, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)).strip()
