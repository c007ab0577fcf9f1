"""Published retention, and what the cell of a card and a geometry makes of it.

A memory is a row of ``memories.csv``. What is known of its cell stands under ``given``, what is not under ``assumed``,
as settings of a bitcell (``widths.write=70 nm``), numbers of its card (``tekv.leakage_density=3e-19 A/um``) or the loss
that ends a level (``drop=0.1 V``; half way to the next level if it is not there). An assumed number may carry a range
in brackets: the prediction is then a range too, over all its corners.

``predicts`` is ``>`` where the prediction is a lower bound, because the off current of the card is an upper one.
``use`` is ``calibration`` where the off current, or its temperature, was read from the retention that it is compared
with: such a row can be reproduced and predicts nothing. Word lines rest where the card has reached its floor, which no
abstract confirms.
"""

from __future__ import annotations

import csv
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from beolith import units
from beolith.errors import BeolithError, DataError, ExtrapolationWarning
from beolith.sources import all_sources

from ...devices import library
from ..cell import build, load
from ..cell_settings import GROUPS
from ..retention import retention

FILE = Path(__file__).with_name("memories.csv")
HALF_A_DECADE = math.sqrt(10.0)
"""Factor within which a retention counts as reproduced [1]."""
AGREES, OUTSIDE, OPEN = "agrees", "outside", "no statement"
COLUMNS = (
    *("memory", "ids", "bound", "value", "unit", "source", "where", "cell", "card", "temperature"),
    *("given", "assumed", "predicts", "use", "note"),
)
USES = ("calibration", "prediction")
_SETTING = re.compile(r"([\w.]+)\s*=\s*([^\[\];]+?)\s*(?:\[([^,\]]+),([^\]]+)\])?\s*")


@dataclass(frozen=True)
class Memory:
    """A published memory.

    Attributes:
        name: What it is.
        ids: Facts that it stands for.
        bound: ``>`` if only a lower bound of the retention is published.
        value: The retention [s].
        source: BibTeX key.
        where: Place of the work.
        cell: Bitcell that stands for it.
        card: Card of its oxide transistors.
        temperature: At which it was measured [K].
        given: Settings that the work states.
        assumed: Settings that it does not state, with ranges.
        predicts: ``>`` if the prediction is a lower bound.
        use: ``calibration`` or ``prediction``.
        note: Anything else worth knowing.
    """

    name: str
    ids: tuple[str, ...]
    bound: str
    value: float
    source: str
    where: str
    cell: str
    card: str
    temperature: float
    given: Mapping[str, str]
    assumed: Mapping[str, tuple[str, ...]]
    predicts: str
    use: str
    note: str


@dataclass(frozen=True)
class Prediction:
    """Retention of a memory as computed [s].

    Attributes:
        time: With every assumption at its middle.
        low: Least over the corners of the assumed ranges.
        high: Most.
        beyond: Whether the card warns that it does not reach there.
    """

    time: float
    low: float
    high: float
    beyond: bool


def memories(file: Path = FILE) -> tuple[Memory, ...]:
    """All published memories.

    Raises:
        DataError: With a line for every row that cannot be read.
    """
    lines = list(csv.reader(file.read_text(encoding="utf-8").splitlines(), strict=True))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise DataError(f"{file.name}: the first line must be {','.join(COLUMNS)}")
    bibliography, found, faults = all_sources(), list[Memory](), list[str]()
    for number, cells in enumerate(lines[1:], 2):
        try:
            if len(cells) != len(COLUMNS):
                raise BeolithError(f"{len(cells)} cells, but {len(COLUMNS)} columns")
            one = _memory(dict(zip(COLUMNS, map(str.strip, cells), strict=True)))
            if one.source not in bibliography:
                raise BeolithError(f"source: no reference {one.source!r}")
            found.append(one)
        except (BeolithError, ValueError) as error:
            faults.append(f"{file.name}:{number}: {error}")
    if faults:
        raise DataError("\n".join(faults))
    return tuple(found)


def predict(memory: Memory) -> Prediction:
    """Retention of the cell that stands for a memory, in closed form.

    Raises:
        BeolithError: A setting that the cell or the card does not have.
    """
    settings = {**{key: (text,) for key, text in memory.given.items()}, **memory.assumed}
    corners = list(product(*((text[0],) if len(text) == 1 else text for text in settings.values())))
    chosen = {key: [corner[i] for corner in corners] for i, key in enumerate(settings)}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ExtrapolationWarning)
        time = _retention(memory, chosen)
    beyond = any(issubclass(warning.category, ExtrapolationWarning) for warning in told)
    return Prediction(float(time[0]), float(time.min()), float(time.max()), beyond)


def judge(memory: Memory, prediction: Prediction) -> str:
    """What is to be said of a prediction: within half a decade, outside, or nothing because both are bounds."""
    least = memory.value / HALF_A_DECADE
    most = math.inf if memory.bound == ">" else memory.value * HALF_A_DECADE
    if memory.predicts == ">":
        if prediction.time > most:
            return OUTSIDE
        return AGREES if memory.bound == ">" and prediction.time >= least else OPEN
    return AGREES if least <= prediction.time <= most else OUTSIDE


def table(rows: Iterable[Memory]) -> list[dict[str, Any]]:
    """Prediction beside published value for every memory, times in s; what the command prints and the tests read."""
    found = []
    for memory in rows:
        p = predict(memory)
        found.append(
            {
                **{
                    "memory": memory.name,
                    "bound": memory.bound,
                    "published": memory.value,
                    "predicts": memory.predicts,
                },
                **{"prediction": p.time, "low": p.low, "high": p.high, "decades": math.log10(p.time / memory.value)},
                **{"result": judge(memory, p), "use": memory.use, "beyond": p.beyond, "card": memory.card},
                **{"given": dict(memory.given), "assumed": dict(memory.assumed), "source": memory.source},
                **{"cell": memory.cell, "temperature": memory.temperature, "note": memory.note},
            }
        )
    return found


def _retention(memory: Memory, chosen: Mapping[str, list[str]]) -> Tensor:
    """Retention at every corner, the first axis [s]."""
    kind = load(memory.cell)
    overrides = {key: texts[0] for key, texts in chosen.items() if key.startswith("tekv.")}
    device = library.load(memory.card, overrides)
    oxide = [n for n, place in kind.transistors.items() if not str(place.card).startswith("silicon")]
    changes: dict[str, Any] = {"cards": dict.fromkeys(oxide, device)}
    for key, texts in chosen.items():
        group, dot, part = key.partition(".")
        if dot and group in GROUPS:
            changes.setdefault(group, {})[part] = _numbers(texts, GROUPS[group])
        elif key == "levels":
            changes["levels"] = int(texts[0])
        elif key not in ("drop", *overrides):
            raise BeolithError(f"{memory.name}: a memory has no setting {key!r}")
    kind = kind.with_(**changes)
    cell = build(kind, memory.temperature)
    count = len(next(iter(chosen.values())))
    levels = cell.data.expand(kind.levels, count) if cell.data.ndim > 1 else cell.data[:, None].expand(-1, count)
    share = _numbers(chosen["drop"], "V") / (levels[1] - levels[0]) if "drop" in chosen else None
    return retention(cell, stored=levels, share=share).cell


def _numbers(texts: Iterable[str], unit: str) -> Tensor:
    return torch.tensor([units.parse(text, unit) for text in texts], dtype=torch.float64)


def _memory(row: Mapping[str, str]) -> Memory:
    if row["use"] not in USES:
        raise BeolithError(f"use: {row['use']!r}; allowed: {', '.join(USES)}")
    for column in ("bound", "predicts"):
        if row[column] not in ("", ">"):
            raise BeolithError(f"{column}: {row[column]!r}; write > or nothing")
    given = {key: middle for key, (middle, *_) in _settings(row["given"]).items()}
    return Memory(
        name=row["memory"],
        ids=tuple(row["ids"].split()),
        bound=row["bound"],
        value=float(row["value"]) * units.scale(row["unit"], "s"),
        source=row["source"],
        where=row["where"],
        cell=row["cell"],
        card=row["card"],
        temperature=units.parse(row["temperature"], "K"),
        given=given,
        assumed=_settings(row["assumed"]),
        predicts=row["predicts"],
        use=row["use"],
        note=row["note"],
    )


def _settings(text: str) -> dict[str, tuple[str, ...]]:
    """Settings with their middle and, if there is one, the ends of their range."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        match = _SETTING.fullmatch(part)
        if match is None:
            raise BeolithError(f"{part!r} is not like drop=0.1 V [0.05 V, 0.3 V]")
        key, middle, low, high = match.groups()
        found[key] = (middle,) if low is None else (middle, low.strip(), high.strip())
    return found
