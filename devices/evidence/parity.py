"""The parity plot of the ledger: predicted against published, and their ratio topic by topic."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beolith import __version__, figure
from beolith.errors import BeolithError
from beolith.sources import all_sources

from . import predictions
from .ledger import Fact
from .validation import PASS, summary

STEM = "validation"
_MARK = {"": "o", "<": "v", ">": "^"}
_COLOUR = {"calibration": figure.OKABE_ITO[4], "prediction": figure.OKABE_ITO[0]}
_SPAN = 100.0


def draw(table: pd.DataFrame) -> Figure:
    """Left: predicted against published, each in the unit of its fact; right: their ratio by topic.

    Blue rows are predictions and orange ones calibrations; open marks do not lie within their tolerance; triangles are
    bounds and point to where the prediction may lie. Values without a common sign have no place in either.

    Raises:
        BeolithError: No row has a place.
    """
    rows = _shown(table)
    if rows.empty:
        raise BeolithError("parity plot: nothing in it can be drawn, as no row has a prediction of its sign")
    drawn = figure.new(2 * figure.COLUMN, 3.4)
    with figure.style():
        left, right = drawn.subplots(1, 2, gridspec_kw={"width_ratios": (1, 1.2)})
        _parity(left, rows)
        _ratios(right, rows)
    return drawn


def write(table: pd.DataFrame, folder: Path, facts: Iterable[Fact]) -> dict[str, Path]:
    """Table and figure of some facts in a folder; the files by their ending.

    Raises:
        BeolithError: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BeolithError(f"--out {folder}: cannot be made: {error.strerror}") from error
    cards = dict(pair for fact in facts if fact.tie for pair in predictions.digests(fact.tie.arguments))
    bibtex = all_sources().bibtex(table["source"])
    provenance = {"beolith_version": __version__, "summary": summary(table), "cards": cards, "bibtex": bibtex}
    named = {
        **{name: f"{name} [as unit]" for name in ("published_low", "published", "published_high", "prediction")},
        "error": "error [1]",
    }
    return figure.save(draw(table), folder / STEM, table.rename(columns=named), provenance)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Tied rows that a logarithmic axis can show."""
    rows = table[table["use"] != "untied"]
    ratio = rows["prediction"] / rows["published"]
    return rows.assign(ratio=ratio)[ratio > 0]


def _scatter(ax: Axes, rows: pd.DataFrame, x: pd.Series[float], y: pd.Series[float]) -> None:
    for use, colour in _COLOUR.items():
        for bound, mark in _MARK.items():
            for inside in (True, False):
                mine = (rows["use"] == use) & (rows["bound"] == bound) & ((rows["result"] == PASS) == inside)
                face = colour if inside else "none"
                ax.scatter(x[mine], y[mine], s=11, marker=mark, facecolors=face, edgecolors=colour, linewidths=0.7)


def _parity(ax: Axes, rows: pd.DataFrame) -> None:
    x, y = rows["published"].abs(), rows["prediction"].abs()
    ends = np.array([min(x.min(), y.min()) / 3, max(x.max(), y.max()) * 3])
    ax.fill_between(ends, ends / 2, ends * 2, color="0.9", linewidth=0)
    ax.plot(ends, ends, color="0.5", linewidth=0.6)
    _scatter(ax, rows, x, y)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    ax.set(xlabel="published, magnitude (unit of the row)", ylabel="predicted, magnitude (same unit)")
    for use, colour in _COLOUR.items():
        ax.scatter([], [], s=11, color=colour, label=use)
    ax.scatter([], [], s=11, facecolors="none", edgecolors="0.3", linewidths=0.7, label="not within tolerance")
    ax.scatter([], [], s=11, marker="^", color="0.3", label="bound")
    ax.legend(loc="upper left")


def _ratios(ax: Axes, rows: pd.DataFrame) -> None:
    topics = sorted(set(rows["topic"]), reverse=True)
    place = rows["topic"].map({topic: i for i, topic in enumerate(topics)})
    rank = rows.groupby("topic").cumcount()
    count = rows.groupby("topic")["id"].transform("size")
    y = place + 0.7 * ((rank + 0.5) / count - 0.5)
    ax.axvspan(0.5, 2.0, color="0.9", linewidth=0)
    ax.axvline(1.0, color="0.5", linewidth=0.6)
    _scatter(ax, rows, rows["ratio"].clip(1 / _SPAN, _SPAN), y)
    ax.set(xscale="log", xlim=(0.8 / _SPAN, 1.25 * _SPAN), xlabel=f"predicted / published (clipped at {_SPAN:g})")
    ax.set_yticks(range(len(topics)), [topic.replace("_", " ") for topic in topics])
    ax.grid(axis="y", visible=False)
