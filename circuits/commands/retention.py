"""Compare the retention that cells of published cards have with that of published memories."""

from __future__ import annotations

from typing import Any

from beolith.terminal import Answer, grid, stack

COLUMNS = "memory published predicted range decades result card"
TITLES = {
    "calibration": "Calibrations: the off current, or its temperature, was read from these",
    "prediction": "Predictions: card and cell know nothing of these",
}


def command() -> Answer:
    """Print predicted beside published retention of every known memory, with what was given and what was assumed.

    A level counts as lost after the voltage loss that stands among the assumptions; the range is that of all assumed
    ranges. Agreement is half a decade. What rests on an upper bound of the off current is a lower bound, >.
    """
    from ..evidence.memories import memories, table

    rows = table(memories())
    page = [
        grid(f"\n{title}\n", COLUMNS, [_cells(row) for row in rows if row["use"] == use])
        for use, title in TITLES.items()
    ]
    inputs = [(row["memory"], _given(row), _assumed(row)) for row in rows]
    page.append(grid("\nInputs\n", "memory given assumed", inputs))
    return Answer({"unit": "s, K", "rows": rows}, stack(*page))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    published = f"{row['bound']}{row['published']:.3g} s"
    predicted = f"{row['predicts']}{row['prediction']:.2g} s"
    spread = f"{row['low']:.1g} to {row['high']:.1g} s"
    card = f"{row['card']}, beyond its range" if row["beyond"] else row["card"]
    return (row["memory"], published, predicted, spread, f"{row['decades']:+.1f}", row["result"], card)


def _given(row: dict[str, Any]) -> str:
    return "; ".join(f"{key}={text}" for key, text in row["given"].items()) or "nothing"


def _assumed(row: dict[str, Any]) -> str:
    ranges = ((key, middle, ends) for key, (middle, *ends) in row["assumed"].items())
    return "; ".join(f"{key}={middle}" + (f" [{', '.join(ends)}]" if ends else "") for key, middle, ends in ranges)
