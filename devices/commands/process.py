"""What a process makes of a published transistor: donors, threshold, traps, mobility and contacts as intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from beolith.errors import BeolithError
from beolith.terminal import Answer, grid, stack

# quantities, factors and units in which the page shows them
SHOWN = {
    "hydrogen": ("N_H free", 1e-6, "cm^-3"),
    "donor_density": ("N_D,H", 1e-6, "cm^-3"),
    "threshold_shift": ("V_T shift", 1.0, "V"),
    "interface_traps": ("D_it", 1.602176634e-23, "cm^-2 eV^-1"),
    "swing": ("SS", 1e3, "mV/dec"),
    "mobility": ("mobility", 1e4, "cm^2/Vs"),
    "contact_factor": ("barrier R_c over fresh", 1.0, ""),
    "contact_resistance": ("R_c W", 1e3, "kohm um"),
}
MATTERS = 0.2


def command(
    card: Annotated[
        str, typer.Argument(help="Transistor before hydrogen: a name from 'beolith cards' or a .yaml file.")
    ],
    recipe: Annotated[Path, typer.Argument(help="Stack and thermal budget, a .yaml file.")],
    length: Annotated[str, typer.Option(help="Channel length, such as '45 nm'.")] = "1 um",
    count: Annotated[int, typer.Option(min=1, help="Points of the sample.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Keep the result as NetCDF in this file.")] = None,
) -> Answer:
    """Run hydrogen through a stack over a thermal budget and say what it does to a transistor, as an interval."""
    from beolith import store, units

    from .. import library
    from ..hydrogen import process_result
    from ..hydrogen import recipe as recipes

    if recipe.suffix != ".yaml":
        raise BeolithError(f"{recipe}: a process is a .yaml file")
    device = library.load(card)
    ds = process_result.summary(recipes.load(recipe), device, units.parse(length, "m"), count=count, seed=seed)
    if out is not None:
        store.save_dataset(ds, out)
    share = f"{100 * ds.attrs['acceptance']:.3g} % of the points obey the bounds on the diffusivity"
    return Answer(_data(ds), stack(share, _intervals(ds), _sensitivity(ds)))


def _data(ds: Any) -> dict[str, Any]:
    levels = [float(level) for level in ds["level"]]
    quantities = {
        name: {"unit": ds[name].attrs["units"], "meaning": ds[name].attrs["long_name"], "quantiles": ds[name].values}
        for name in ds.data_vars
        if name != "sensitivity"
    }
    sensitivity = {
        str(q): {str(p): float(ds["sensitivity"].loc[q, p]) for p in ds["prior"].values} for q in ds["quantity"].values
    }
    rest = {key: json.loads(ds.attrs[key]) for key in ("config", "priors", "sources")}
    return {
        "title": ds.attrs["title"],
        "levels": levels,
        "quantities": quantities,
        "acceptance": ds.attrs["acceptance"],
        "sensitivity": sensitivity,
        **rest,
    }


def _intervals(ds: Any) -> Any:
    rows = [
        (label, *(f"{scale * float(value):.4g}" for value in ds[name].values), unit)
        for name, (label, scale, unit) in SHOWN.items()
        if name != "contact_resistance" or float(ds[name].max()) > 0
    ]
    columns = " ".join(["quantity", *(f"{100 * float(level):.3g}%" for level in ds["level"]), "unit"])
    return grid(ds.attrs["title"], columns, rows)


def _sensitivity(ds: Any) -> Any:
    """Priors that matter for a quantity, the strongest first."""
    rows = []
    for name, (label, _, _) in SHOWN.items():
        row = ds["sensitivity"].sel(quantity=name)
        strong = sorted(((float(row.sel(prior=p)), str(p)) for p in ds["prior"].values), key=lambda item: -abs(item[0]))
        said = ", ".join(f"{p} {r:+.2f}" for r, p in strong if abs(r) >= MATTERS)
        if said:
            rows.append((label, said))
    return grid("Rank correlation with what is known as a range only", "quantity priors", rows)
