"""What the models predict of the published facts, beside what was published.

Every tied row of the ledger is evaluated and judged by its own tolerance; a bound is judged on its own side only. A row
that made the card it is compared with can be *reproduced*, never predicted: :func:`makers` finds the numbers of a card
that decide the prediction and come from that fact, and a row that has any must say ``calibration``.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from beolith import units
from beolith.entry import Entry
from beolith.errors import BeolithError, DataError, ExtrapolationWarning

from . import predictions
from .ledger import Fact, Tie, Tolerance

IDS = re.compile(r"\b[FM]\d{3}[a-z]?\b|\b[a-z][A-Za-z0-9_]*@[\d.]+")
PASS, OUTSIDE, NONE = "pass", "outside", "no statement"


def validate(facts: Iterable[Fact]) -> pd.DataFrame:
    """Prediction beside published value for every fact, in the unit of the fact.

    ``error`` is the distance from the published value or range, positive above it, as a part of it [1]; ``allowed`` the
    tolerance in words; ``beyond`` says that the card itself warns of the size or temperature. Rows without a prediction
    stay, with nan and ``no statement``.

    Raises:
        DataError: With a line for every row that cannot be evaluated, or that calls a calibration a prediction.
    """
    rows, faults = [], []
    for fact in facts:
        try:
            if fact.use == "prediction" and (made := makers(fact)):
                raise BeolithError(f"it made {', '.join(made)}, so its use is calibration")
            rows.append(_row(fact, *_prediction(fact)))
        except BeolithError as error:
            faults.append(f"{fact.topic}.csv: {fact.id}: {error}")
    if faults:
        raise DataError("\n".join(faults))
    return pd.DataFrame(rows)


def makers(fact: Fact) -> tuple[str, ...]:
    """Numbers of its card, ``section.parameter``, that decide the prediction of a fact and come from that fact.

    A number comes from a fact if its entry names the fact; or if it has the source of the fact and names no other fact.
    One that the row itself replaces has been taken from elsewhere, and then decides as well.
    """
    if fact.tie is None:
        return ()

    def made(key: str, entry: Entry) -> bool:
        named = IDS.findall(f"{entry.where} {entry.note}")
        return key in replaced or (fact.id in named if named else entry.source == fact.source)

    name, replaced = fact.tie.name, fact.tie.arguments
    numbers = [key for key, entry in predictions.deciding(name, replaced) if made(key, entry)]
    return (*numbers, *([name] if fact.id in predictions.predictor(name).made_by else []))


def judge(fact: Fact, prediction: float) -> str:
    """What is to be said of a prediction in the unit of the fact.

    ``pass`` if all that is predicted agrees with what is published, ``outside`` if nothing of it does, else ``no
    statement``: a prediction that is a bound may leave both open.
    """
    bound = fact.tie.bound if fact.tie else ""
    low, high = _allowed(fact)
    least, most = (-math.inf if bound == "<" else prediction), (math.inf if bound == ">" else prediction)
    if low <= least and most <= high:
        return PASS
    return OUTSIDE if most < low or high < least else NONE


def summary(table: pd.DataFrame) -> dict[str, int]:
    """How many predictions hold and fail, how many calibrations are reproduced or not, and how many rows are untied."""
    count = Counter(zip(table["use"], table["result"], strict=True))
    tied = table["use"] != "untied"
    held = (table["use"] == "prediction") & (table["result"] == PASS)
    failed = (table["use"] == "prediction") & (table["result"] == OUTSIDE)
    return {
        "rows": len(table),
        "tied": int(tied.sum()),
        "predictions within tolerance": count["prediction", PASS],
        "of which bounds": int((held & (table["bound"] != "")).sum()),
        "predictions outside": count["prediction", OUTSIDE],
        "of which beyond the range of the card": int((failed & table["beyond"]).sum()),
        "calibrations reproduced": count["calibration", PASS],
        "calibrations not reproduced": count["calibration", OUTSIDE],
        "tied, but both known as bounds that say nothing": int((tied & (table["result"] == NONE)).sum()),
        "untied": int((~tied).sum()),
    }


def _prediction(fact: Fact) -> tuple[float, bool]:
    """Prediction in the unit of the fact, and whether it lies beyond the range of its card."""
    if fact.tie is None:
        return math.nan, False
    unit = predictions.predictor(fact.tie.name).unit
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", ExtrapolationWarning)
        found = predictions.predict(fact.tie.name, fact.tie.arguments)
    if not math.isfinite(found):
        raise BeolithError(f"{fact.tie.name} predicts {found}")
    beyond = any(issubclass(warning.category, ExtrapolationWarning) for warning in given)
    return units.to_si(found, unit, fact.unit or "1"), beyond


def _allowed(fact: Fact) -> tuple[float, float]:
    """Interval in which a prediction agrees [unit of the fact]."""
    if fact.bound:
        return (fact.low, math.inf) if fact.bound == ">" else (-math.inf, fact.high)
    if fact.tolerance is None:
        return -math.inf, math.inf
    return _shift(fact.low, fact.tolerance, -1), _shift(fact.high, fact.tolerance, 1)


def _shift(value: float, tolerance: Tolerance, side: int) -> float:
    """A published end moved outwards by a tolerance."""
    kind, size = tolerance
    if kind == "factor":
        return value * math.pow(size, side * math.copysign(1.0, value))
    return value + side * (size if kind == "difference" else size * abs(value))


def _row(fact: Fact, prediction: float, beyond: bool) -> dict[str, object]:
    tie = fact.tie or Tie("")
    near = min(max(prediction, fact.low), fact.high)
    known = near and not fact.bound and not tie.bound
    return {
        **{name: getattr(fact, name) for name in ("id", "topic", "material", "quantity", "bound")},
        **{"published_low": fact.low, "published": fact.value, "published_high": fact.high},
        **{"predicted_bound": tie.bound, "prediction": prediction, "unit": fact.unit or "1"},
        **{"error": (prediction - near) / abs(near) if known else math.nan, "allowed": allowed(fact)},
        **{"result": judge(fact, prediction), "beyond": beyond, "use": fact.use, "predictor": tie.name},
        "card": next((tie.arguments[key] for key in predictions.SUBJECTS if key in tie.arguments), ""),
        **{name: getattr(fact, name) for name in ("conditions", "source", "note")},
    }


def allowed(fact: Fact) -> str:
    """The tolerance of a fact in words."""
    if fact.bound:
        return f"{'at most' if fact.bound == '<' else 'at least'} {fact.value:g}"
    if fact.tolerance is None:
        return ""
    kind, size = fact.tolerance
    return {"factor": f"x{size:g}", "part": f"{100 * size:g} %", "difference": f"{size:g} {fact.unit}"}[kind]
