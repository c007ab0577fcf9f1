"""Figures fit for a column of a journal: readable, colour-blind safe, and never without their numbers and origin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .canonical import plain
from .errors import BeolithError
from .store import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from xarray import Dataset

COLUMN = 3.5  # width of a column of an IEEE journal [inch]
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.constrained_layout.use": True,
    "figure.figsize": (COLUMN, 2.6),
    "font.size": 8,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.4,
    "image.cmap": "cividis",
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "pdf.fonttype": 42,  # text stays text
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}
# no dates inside, so that equal figures are equal files
METADATA: Mapping[str, Mapping[str, str | None]] = {"pdf": {"CreationDate": None}, "png": {"Software": None}}


@contextmanager
def style() -> Iterator[None]:
    """The house style, while a figure is made."""
    import matplotlib
    from cycler import cycler

    with matplotlib.rc_context({**STYLE, "axes.prop_cycle": cycler(color=OKABE_ITO)}):
        yield


def new(width: float = COLUMN, height: float = 2.6) -> Figure:
    """An empty figure in the house style that belongs to no window and no global state.

    Args:
        width: Width [inch].
        height: Height [inch].
    """
    from matplotlib.figure import Figure

    with style():
        return Figure(figsize=(width, height))


def table(ds: Dataset, *variables: str) -> DataFrame:
    """Variables of a Dataset as a table whose headers carry their units, such as ``temperature [K]``.

    Args:
        ds: With ``units`` on every variable.
        variables: Names of those to show; none shows all.
    """
    frame = ds[list(variables) or list(map(str, ds.data_vars))].to_dataframe().reset_index()
    return frame.rename(columns=lambda name: f"{name} [{ds[name].attrs.get('units') or 1}]" if name in ds else name)


def save(figure: Figure, stem: Path, table: DataFrame, provenance: Mapping[str, Any]) -> dict[str, Path]:
    """Write a figure, what it shows and where that comes from.

    Args:
        figure: To be written as PDF and PNG.
        stem: Path without ending.
        table: Numbers shown; the header of a column of numbers ends in its unit, ``[K]`` or ``[1]``.
        provenance: Anything JSON-able.

    Returns:
        The files by their ending: ``pdf``, ``png``, ``csv``, ``json``.

    Raises:
        BeolithError: A column has no unit, or the disk says no.
    """
    numbers = map(str, table.select_dtypes("number").columns)
    bare = [name for name in numbers if not name.endswith("]")]
    if bare:
        raise BeolithError(f"columns of a figure's table need a unit in the header, as in 'i_d [A]': {', '.join(bare)}")
    files = {ending: stem.with_name(f"{stem.name}.{ending}") for ending in ("pdf", "png", "csv", "json")}
    with style():
        for ending, metadata in METADATA.items():
            with atomic(files[ending]) as draft:
                figure.savefig(draft, format=ending, dpi=300, metadata=dict(metadata))
    with atomic(files["csv"]) as draft:
        table.to_csv(draft, index=False)
    with atomic(files["json"]) as draft:
        draft.write_text(json.dumps(plain(provenance, strict=True), indent=1) + "\n", encoding="utf-8")
    return files
