"""The figure of :mod:`.material_to_accuracy`: accuracy against time since refresh, and what refresh costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from beolith import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from xarray import DataArray, Dataset

_LINES = ("-", "--", ":", "-.")
_LEVEL: dict[str, Any] = {"color": "0.6", "linewidth": 0.8, "zorder": 0}
_MARKERS = ("o", "s", "^", "D", "v", "P")


def draw(ds: Dataset) -> Figure:
    """Accuracy (top) and refresh energy per inference (bottom), one colour for each material.

    The top panel shows the youngest age; its line style tells the temperature. The bottom panel shows every age.

    Args:
        ds: Result of the study.
    """
    canvas = figure.new(height=4.6)
    top, bottom = canvas.subplots(2, 1)
    _accuracy(top, ds)
    _refresh(bottom, ds)
    return canvas


def _label(name: Any) -> str:
    """``belmonte2023_igzo`` as ``IGZO (belmonte2023)``."""
    paper, _, material = str(name).rpartition("_")
    return f"{_FORMULAS.get(material, material)} ({paper})" if paper else str(name)


_FORMULAS = {"igzo": "IGZO", "ito": "ITO", "in2o3": r"In$_2$O$_3$", "iwo": "IWO"}


def _accuracy(axes: Axes, ds: Dataset) -> None:
    percent = 100.0 * ds["accuracy"].isel(age=0)
    hold = ds["hold_time"].to_numpy()
    for i, material in enumerate(ds["material"].to_numpy()):
        for j, temperature in enumerate(ds["temperature"].to_numpy()):
            line = percent.sel(material=material, temperature=temperature)
            axes.plot(
                hold,
                line,
                color=f"C{i}",
                linestyle=_LINES[j % len(_LINES)],
                marker=_MARKERS[i % len(_MARKERS)],
                label=_label(material) if j == 0 else None,
            )
    axes.axhline(100.0 * float(ds["accuracy_float"].mean()), label="float network", **_LEVEL)
    for j, temperature in enumerate(ds["temperature"].to_numpy()):
        axes.plot([], [], color="0.3", linestyle=_LINES[j % len(_LINES)], label=f"{temperature:g} K")
    if (hold > 0).all():
        axes.set_xscale("log")
    axes.set(xlabel="Time since refresh (s)", ylabel="Accuracy (%)", ylim=(0, 102))
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, handlelength=2.2, frameon=False)


def _refresh(axes: Axes, ds: Dataset) -> None:
    energy = ds["refresh_energy"].isel(hold_time=0)
    for i, material in enumerate(ds["material"].to_numpy()):
        for j, age in enumerate(ds["age"].to_numpy()):
            line = energy.sel(material=material, age=age)
            axes.plot(
                ds["temperature"],
                line,
                color=f"C{i}",
                linestyle=_LINES[j % len(_LINES)],
                marker=_MARKERS[i % len(_MARKERS)],
            )
    for j, age in enumerate(ds["age"].to_numpy()):
        axes.plot([], [], color="0.3", linestyle=_LINES[j % len(_LINES)], label=_age(age))
    axes.axhline(_rest(ds), label="all other energy", **_LEVEL)
    axes.set_yscale("log")
    axes.set(xlabel="Temperature (K)", ylabel="Refresh energy\nper inference (J)")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, columnspacing=1.0, handlelength=2.0, frameon=False
    )


def _rest(ds: Dataset) -> float:
    rest: DataArray = ds["energy"] - ds["refresh_energy"]
    return float(np.nanmedian(rest))


def _age(seconds: float) -> str:
    return "fresh" if seconds == 0 else f"{seconds / 31557600.0:.3g} years"
