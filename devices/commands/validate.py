"""Compare the models with the published facts: prediction, published value, error, and which rows made the cards."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from beolith.terminal import Answer, grid, stack

COLUMNS = "id topic quantity published predicted unit error allowed result card"
TITLES = {
    "calibration": "Calibrations: these rows made the card or the function that they are compared with",
    "prediction": "Predictions: no number of the card that decides them comes from these rows",
}


def command(
    topic: Annotated[
        str | None, typer.Option(help="One table of the ledger, such as temperature; default all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the table and the parity plot; default none.")] = None,
) -> Answer:
    """Print prediction beside published value for every fact of the ledger; a calibration is never called validated."""
    from ..evidence import ledger
    from ..evidence.validation import summary, validate

    facts = ledger.load(topic)
    table = validate(facts)
    files: dict[str, Path] = {}
    if out is not None:
        from ..evidence import parity

        files = parity.write(table, out, facts)
    counts = summary(table)
    rows = table.to_dict("records")
    page = [
        grid(f"\n{title}\n", COLUMNS, [_cells(row) for row in rows if row["use"] == use])
        for use, title in TITLES.items()
        if (table["use"] == use).any()
    ]
    page.append(grid("", "what count", [(name, str(count)) for name, count in counts.items()]))
    if files:
        page.append(grid("", "what where", [(ending, str(file)) for ending, file in files.items()]))
    return Answer({"summary": counts, "rows": rows, "files": files}, stack(*page))


def _cells(row: dict[Any, Any]) -> tuple[str, ...]:
    """A row for human eyes."""
    low, high, error = row["published_low"], row["published_high"], row["error"]
    published = row["bound"] + (f"{low:g}" if low == high else f"{low:g} to {high:g}")
    shown = "" if math.isnan(error) else f"{100 * error:+.1f} %"
    middle = (published, f"{row['predicted_bound']}{row['prediction']:.4g}", row["unit"], shown, row["allowed"])
    card = f"{row['card']}, beyond its range" if row["beyond"] else row["card"]
    return (row["id"], row["topic"], row["quantity"], *middle, row["result"], card)
