"""The evidence ledger: published facts about devices, each with its source and, where it can be, what predicts it.

A fact is a row of a table in ``evidence/``, whose name is its topic. Numbers stand in the unit of the work; a tolerance
says how far from it a prediction may lie and is decided before the prediction is looked at: ``3 mV`` is a difference,
``10 %`` a part of the value, ``x2`` a factor either way. A fact that is a bound has none.

    tied = swing(card=belmonte2023_igzo; temperature=200 K; tekv.oxide_thickness=15 nm)

names a function of :mod:`.predictions`, the card it reads, the conditions and, with a dot in it, what replaces a number
of the card. A ``<`` or ``>`` before it says that the prediction is itself a bound, because it rests on one: an off
current that is known from above makes a retention that is known from below. ``use`` says whether the row made the card
(calibration) or not (prediction); :mod:`.validation` checks it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from beolith import units
from beolith.errors import BeolithError, DataError, nearest
from beolith.sources import Sources, all_sources

FOLDER = Path(__file__).parent
COLUMNS = (
    *("id", "material", "conditions", "quantity", "bound", "value", "low", "high", "unit"),
    *("source", "where", "tolerance", "tied", "use", "note"),
)
USES = ("calibration", "prediction", "untied")
BOUNDS = ("", "<", ">")
_NEEDED = ("id", "material", "quantity", "source", "where", "use")
_ID = re.compile(r"[FM]\d{3}[a-z]?|[a-z][A-Za-z0-9_]*@[\d.]+")
_CALL = re.compile(r"([<>]?)\s*([a-z_]+)\((.*)\)", re.DOTALL)


class Tolerance(NamedTuple):
    """How far a prediction may lie from the published value.

    Attributes:
        kind: ``difference``, ``part`` or ``factor``.
        size: In the unit of the fact, as a part of its value, or the factor itself.
    """

    kind: str
    size: float


@dataclass(frozen=True)
class Tie:
    """What predicts a fact.

    Attributes:
        name: Function of :mod:`.predictions`.
        arguments: As written, by name.
        bound: ``<`` or ``>`` if the prediction is a bound.
    """

    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    bound: str = ""


@dataclass(frozen=True)
class Fact:
    """A published number.

    Attributes:
        id: Its name, such as ``F001``, or a curve and its abscissa, such as ``igzo_ss_vs_T@200``.
        topic: Table that it stands in.
        material: What it was measured on.
        conditions: Under which circumstances.
        quantity: What was measured.
        bound: ``<`` or ``>`` if only a bound is published.
        low: Lower end of what is published, the value itself if it is one number [unit].
        high: Upper end [unit].
        unit: As published.
        source: BibTeX key.
        where: Place of the work, or address where it was seen.
        tolerance: None if it is a bound or tied to nothing.
        tie: What predicts it, or None.
        use: ``calibration``, ``prediction`` or ``untied``.
        note: Anything else worth knowing.
    """

    id: str
    topic: str
    material: str
    conditions: str
    quantity: str
    bound: str
    low: float
    high: float
    unit: str
    source: str
    where: str
    tolerance: Tolerance | None
    tie: Tie | None
    use: str
    note: str

    @property
    def value(self) -> float:
        """What is published, the middle of a range [unit]."""
        return 0.5 * (self.low + self.high)


def topics(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of all tables, sorted."""
    return tuple(sorted(file.stem for file in folder.glob("*.csv")))


def load(topic: str | None = None, folder: Path = FOLDER) -> tuple[Fact, ...]:
    """The facts of one topic, or all.

    Raises:
        BeolithError: There is no such topic.
        DataError: With a line ``file:line: column: what; allowed; nearest`` for every fault of every table.
    """
    names = topics(folder)
    if topic is not None and topic not in names:
        raise BeolithError(f"no topic of evidence is called {topic!r}; {nearest(topic, names)}")
    bibliography, faults, seen = all_sources(folder.parent), list[str](), dict[str, str]()
    facts = []
    for name in names if topic is None else (topic,):
        for place, row in _rows(folder / f"{name}.csv", faults):
            found = [f"{place}: {fault}" for fault in _faults(row, bibliography)]
            if row["id"] in seen:
                found.append(f"{place}: id: {row['id']!r} stands in {seen[row['id']]} already")
            seen.setdefault(row["id"], place)
            faults += found
            if not found:
                facts.append(_fact(name, row))
    if faults:
        raise DataError("\n".join(faults))
    return tuple(facts)


def _rows(path: Path, faults: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and cells of each row of a table."""
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{path.name}: cannot be read: {error}")
        return
    if not lines or tuple(lines[0]) != COLUMNS:
        faults.append(f"{path.name}: the first line must be {','.join(COLUMNS)}")
        return
    for number, cells in enumerate(lines[1:], 2):
        place = f"{path.name}:{number}"
        if len(cells) == len(COLUMNS):
            yield place, dict(zip(COLUMNS, map(str.strip, cells), strict=True))
        elif cells:
            faults.append(f"{place}: {len(cells)} cells, but {len(COLUMNS)} columns")


def _faults(row: Mapping[str, str], bibliography: Sources) -> Iterator[str]:
    """Everything that is wrong with a row on its own."""
    yield from (f"{column}: missing" for column in _NEEDED if not row[column])
    if row["id"] and not _ID.fullmatch(row["id"]):
        yield f"id: {row['id']!r} is neither like F001 nor like curve_name@200"
    if row["use"] and row["use"] not in USES:
        yield f"use: {row['use']!r} is none; {nearest(row['use'], USES)}"
    if row["bound"] not in BOUNDS:
        yield f"bound: {row['bound']!r} is none; write < or > or nothing"
    if row["source"] and (row["source"] in ("own", "user") or row["source"] not in bibliography):
        yield f"source: no reference {row['source']!r}; {nearest(row['source'], bibliography.keys)}"
    given = [column for column in ("value", "low", "high") if row[column]]
    if given not in (["value"], ["low", "high"]) and not (not given and row["use"] == "untied"):
        yield "value: give either value, or low and high"
    for part in (_numbers, _tolerance, _tie):
        try:
            part(row)
        except BeolithError as error:
            yield str(error)
    if (row["use"] == "untied") != (not row["tied"]):
        yield "tied: a row that is not untied needs what predicts it, and an untied one has none"
    if row["tied"] and bool(row["bound"]) == bool(row["tolerance"]):
        yield "tolerance: a tied row needs a tolerance or is a bound, not both"
    if row["use"] == "untied" and not row["note"]:
        yield "note: an untied row must say why nothing predicts it"


def _numbers(row: Mapping[str, str]) -> tuple[float, float]:
    """Lower and upper end of what is published; nan where a row only says something in words."""
    for column in ("value", "low", "high"):
        try:
            float(row[column] or "0")
        except ValueError:
            raise BeolithError(f"{column}: {row[column]!r} is no number") from None
    if row["unit"]:
        units.scale(row["unit"], row["unit"])
    low, high = float(row["low"] or row["value"] or "nan"), float(row["high"] or row["value"] or "nan")
    if low > high:
        raise BeolithError(f"low: {row['low']} is above high, {row['high']}")
    return low, high


def _tolerance(row: Mapping[str, str]) -> Tolerance | None:
    text = row["tolerance"]
    if not text:
        return None
    try:
        if text.startswith("x"):
            kind, size = "factor", float(text[1:])
        elif text.endswith("%"):
            kind, size = "part", float(text[:-1]) / 100.0
        else:
            number, unit = units.split(text)
            kind, size = "difference", number * units.scale(unit or row["unit"], row["unit"])
    except (ValueError, BeolithError) as error:
        raise BeolithError(f"tolerance: {text!r} is none ({error}); write '3 mV', '10 %' or 'x2'") from None
    if not size > (1.0 if kind == "factor" else 0.0):
        raise BeolithError(f"tolerance: {text!r} allows nothing")
    return Tolerance(kind, size)


def _tie(row: Mapping[str, str]) -> Tie | None:
    if not row["tied"]:
        return None
    call = _CALL.fullmatch(row["tied"])
    pairs = [pair.partition("=") for pair in call[3].split(";")] if call and call[3].strip() else []
    if not call or not all(sign and key.strip() and text.strip() for key, sign, text in pairs):
        raise BeolithError(f"tied: {row['tied']!r} is not like swing(card=belmonte2023_igzo; temperature=200 K)")
    names = [key.strip() for key, _, _ in pairs]
    if len(set(names)) < len(names):
        raise BeolithError(f"tied: {row['tied']!r} gives an argument twice")
    return Tie(call[2], {key.strip(): text.strip() for key, _, text in pairs}, call[1])


def _fact(topic: str, row: Mapping[str, str]) -> Fact:
    text = {column: row[column] for column in COLUMNS if column not in ("value", "low", "high", "tolerance", "tied")}
    low, high = _numbers(row)
    return Fact(topic=topic, low=low, high=high, tolerance=_tolerance(row), tie=_tie(row), **text)
