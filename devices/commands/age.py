"""Take a device through a mission: threshold, donors and traps after each segment, and its lifetime."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beolith import units
from beolith.errors import BeolithError
from beolith.terminal import Answer, grid, stack

if TYPE_CHECKING:
    from pandas import DataFrame

SHOWN = 16  # rows of the table; the last one is always among them
COLUMNS = {
    "time": "s",
    "temperature": "K",
    "overdrive": "V",
    "shift": "V",
    "trapped": "V",
    "donor_density": "1/m**3",
    "interface_traps": "1/(m**2*J)",
}


def command(
    card: Annotated[str, typer.Argument(help="Card from 'beolith cards', or the path of a card of your own.")],
    mission: Annotated[Path, typer.Argument(help="Mission as YAML.")],
    limit: Annotated[str, typer.Option(help="Threshold shift at which life ends.")] = "50 mV",
    length: Annotated[str | None, typer.Option(help="Channel length; the shortest of the card if not given.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the shift over time: path without ending.")] = None,
) -> Answer:
    """Age a device: threshold shift, donors and interface traps over a mission, and the time until a limit."""
    import torch

    from .. import library
    from ..stress import lifetime, mission_file
    from ..stress.aging import history
    from ..tekv import donor_shift

    end = units.parse(limit, "V")
    if not (end > 0 and math.isfinite(end)):
        raise BeolithError(f"--limit {limit}: give a shift above zero, such as '50 mV'")
    device = library.load(card)
    size = device.validity.shortest_length if length is None else torch.tensor(units.parse(length, "m")).double()

    def threshold(temperature: torch.Tensor) -> torch.Tensor:
        return device.transistor(size, size, temperature, without=("contacts",)).coefficients.v_t

    plan = mission_file.read(mission, threshold)
    whole = plan.profile.merged()
    device.check_mission(whole)
    with torch.no_grad():
        states = history(device.aging, whole, feedback=plan.feedback)
        donors = donor_shift(device.tekv, states.donor_density)
        life = lifetime.time_to(device.aging, plan.period, torch.tensor(end).double(), feedback=plan.feedback)
    found = {
        "time": whole.segments.duration.cumsum(0),
        "temperature": whole.segments.temperature,
        "overdrive": torch.where(whole.segments.duty > 0, whole.segments.overdrive, 0.0),
        "shift": states.threshold_shift + donors,
        "trapped": states.threshold_shift,
        "donor_density": states.donor_density,
        "interface_traps": states.interface_traps,
    }
    rows = {name: values.expand(len(whole)).tolist() for name, values in found.items()}
    table = _shown(rows)
    data: dict[str, Any] = {
        "card": device.card.key,
        "mission": plan.title,
        "feedback": plan.feedback,
        "units": COLUMNS,
        "segments": table,
        "limit": end,
        "lifetime": float(life),
    }
    if figure is not None:
        data["files"] = _draw(figure, rows, f"{device.card.key}: {plan.title}", list(device.card.sources))
    lines = [[units.pretty(table[name][i], unit) for name, unit in COLUMNS.items()] for i in range(len(table["time"]))]
    years = "never" if math.isinf(float(life)) else units.pretty(float(life), "s")
    page = stack(
        grid(f"{device.card.key}: {plan.title}", " ".join(COLUMNS), lines), f"{limit} is reached after: {years}"
    )
    return Answer(data, page)


def _shown(rows: dict[str, list[float]]) -> dict[str, list[float]]:
    """Rows spread evenly over the logarithm of their number."""
    count = len(rows["time"])
    step = math.log(count) / max(SHOWN - 1, 1)
    picked = sorted({min(count, round(math.exp(step * i))) - 1 for i in range(SHOWN)} | {count - 1})
    return {name: [values[i] for i in picked] for name, values in rows.items()}


def _draw(stem: Path, rows: dict[str, list[float]], title: str, sources: list[str]) -> dict[str, Path]:
    import pandas as pd

    from beolith import figure as figures

    picture = figures.new()
    axes = picture.subplots()
    axes.plot(rows["time"], [1e3 * x for x in rows["shift"]], label="all")
    axes.plot(rows["time"], [1e3 * x for x in rows["trapped"]], label="trapped electrons", linestyle="--")
    axes.set(xscale="log", xlabel="time (s)", ylabel="threshold shift (mV)", title=title)
    axes.legend()
    table: DataFrame = pd.DataFrame({f"{name} [{unit}]": rows[name] for name, unit in COLUMNS.items()})
    return figures.save(picture, stem, table, {"title": title, "sources": sources})
