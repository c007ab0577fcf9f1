"""What a fit leaves behind: a card, a figure of curves and residuals with its numbers, and a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beolith import figure, provenance
from beolith.card import specs
from beolith.units import pretty, scale

from ..library import SECTIONS
from . import fitted_card
from .curve_checks import varies
from .extract import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series

UNITS = {"v_gs": "V", "v_ds": "V", "i_d": "A", "c_g": "F", "width": "m", "length": "m", "temperature": "K",
         "fitted": "A", "offset": "A", "drift": "V", "floor": "A", "residual": "1", "sweep": "1"}  # fmt: skip
_SHOWN = 5.0
"""Residuals beyond this many standard deviations are drawn at the edge [1]."""
_CURVES = 24
"""More curves than this are drawn by every so-manieth one."""


def write(fit: Fit, folder: Path, name: str, complaints: Sequence[str] = ()) -> dict[str, Path]:
    """The card ``name.yaml`` and the figure ``name.png`` with its PDF, CSV and JSON, in a folder.

    Args:
        fit: To be reported.
        folder: Made if need be.
        name: Of the files.
        complaints: Warnings to keep with the figure.

    Returns:
        The files by what they hold.
    """
    card = folder / f"{name}.yaml"
    fitted_card.write(fit.card, card)
    origin = {**facts(fit), "start": fit.start.card.key, "start_digest": fit.start.card.digest,
              "digest": fit.card.digest, "warnings": list(complaints), "versions": provenance.versions(),
              "created_at": provenance.now()}  # fmt: skip
    return {"card": card, **figure.save(plot(fit), folder / name, numbers(fit), origin)}


def facts(fit: Fit) -> dict[str, Any]:
    """The result for programs, SI."""
    parameters = {
        name: {"value": value, "sigma": sigma, "unit": unit_of(name)}
        for name, value, sigma in zip(fit.names, fit.value, fit.sigma, strict=True)
    }
    return {
        "curves": fit.curves.name,
        "points": len(fit.table),
        "sweeps": int(fit.table["sweep"].nunique()),
        "parameters": parameters,
        "correlation": {"names": list(fit.names), "matrix": fit.correlation.tolist()},
        "decades_rms": fit.decades() if len(fit.above_floor()) else None,
        "largest_offset": {"value": _largest(fit.table["offset"]), "unit": "A"},
        "largest_drift": {"value": _largest(fit.table["drift"]), "unit": "V"},
        "converged": fit.converged,
    }


def _largest(values: Series[float]) -> float:
    return float(values.iloc[int(values.abs().argmax())])


def unit_of(name: str) -> str:
    """SI unit of a parameter."""
    section, _, key = name.partition(".")
    return specs(SECTIONS[section])[key].unit


def rows(fit: Fit) -> list[tuple[str, str, str, str]]:
    """Parameter, value, standard deviation and the parameter it is tied to most, as text."""
    found = []
    for i, (name, sigma) in enumerate(zip(fit.names, fit.sigma, strict=True)):
        others = np.abs(fit.correlation[i]) * (np.arange(len(fit.names)) != i)
        j = int(others.argmax())
        tied = f"{fit.names[j]} ({fit.correlation[i, j]:+.2f})" if len(fit.names) > 1 else ""
        given = fit.card.sections[name.partition(".")[0]][name.partition(".")[2]]
        error = sigma / scale(given.given_unit, given.unit)
        found.append((name, f"{given.given_value:.5g} {given.given_unit}", f"{error:.2g} {given.given_unit}", tied))
    return found


def numbers(fit: Fit) -> DataFrame:
    """Points, fit and residuals, units in the headers; for a capacitance ``fitted`` and ``floor`` are in farad."""
    columns = [name for name in UNITS if fit.table[name].notna().any()]
    return fit.table[columns].rename(columns=lambda name: f"{name} [{UNITS[name]}]")


def plot(fit: Fit) -> Figure:
    """Measured points and fitted curves over their residuals, a column for each kind of curve."""
    t = fit.table
    kinds = {kind: part for kind in _LOOKS if len(part := t[t["kind"] == kind])}
    page = figure.new(figure.COLUMN * len(kinds), 3.6)
    with figure.style():
        axes = page.subplots(2, len(kinds), sharex="col", squeeze=False, height_ratios=(2, 1))
        for (kind, part), (above, below) in zip(kinds.items(), axes.T, strict=True):
            _draw(above, below, part, kind)
        axes[0, 0].set_title(f"{fit.curves.name}: {len(t)} points", loc="left")
    return page


_LOOKS: Mapping[str, tuple[str, str, str, str, str]] = {
    "transfer": ("v_gs", "i_d", "$V_{GS}$ [V]", "$|I_D|$ [A]", "v_ds"),
    "output": ("v_ds", "i_d", "$V_{DS}$ [V]", "$I_D$ [A]", "v_gs"),
    "capacitance": ("v_gs", "c_g", "$V_{GS}$ [V]", "$C_G$ [F]", "v_ds"),
}


def _draw(above: Axes, below: Axes, part: DataFrame, kind: str) -> None:
    x, y, x_label, y_label, step = _LOOKS[kind]
    size = np.abs if kind == "transfer" else np.asarray
    numbers = part["sweep"].unique()
    for i, number in enumerate(numbers[:: 1 + len(numbers) // _CURVES]):
        sweep = part[part["sweep"] == number].sort_values(x)
        color = figure.OKABE_ITO[i % len(figure.OKABE_ITO)]
        label = " ".join(
            [pretty(float(sweep[step].iloc[0]), "V")]
            + [pretty(float(sweep[key].iloc[0]), UNITS[key]) for key in ("length", "temperature") if varies(part[key])]
        )
        above.plot(sweep[x], size(sweep[y]), ".", color=color, ms=2.5)
        above.plot(sweep[x], size(sweep["fitted"]), "-", color=color, lw=0.9, label=label if i < 8 else None)
        below.plot(sweep[x], sweep["residual"].clip(-_SHOWN, _SHOWN), ".", color=color, ms=2.5)
    if kind == "transfer":
        above.set_yscale("log")
    else:
        above.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    above.legend(title=f"${step[0].upper()}_{{{step[2:].upper()}}}$", fontsize=6, title_fontsize=6)
    above.set_ylabel(y_label)
    below.axhline(0.0, color="black", lw=0.6)
    below.set(xlabel=x_label, ylabel=r"residual [$\sigma$]", ylim=(-1.1 * _SHOWN, 1.1 * _SHOWN))
