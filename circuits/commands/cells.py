"""Compare bitcells: area, speed, energy, leakage, retention and noise margins, computed from their transistors."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from beolith import registry, units
from beolith.errors import BeolithError
from beolith.terminal import Answer, grid, stack

COLUMNS = {
    "area": ("area[um2]", 1e12, ".4f"),
    "area_in_f2": ("F2", 1.0, ".0f"),
    "write_time": ("write[ns]", 1e9, ".3f"),
    "read_time": ("read[ns]", 1e9, ".3f"),
    "write_energy": ("E_write[fJ]", 1e15, ".2f"),
    "read_energy": ("E_read[fJ]", 1e15, ".2f"),
    "hold_power": ("hold[W]", 1.0, ".1e"),
    "retention": ("retention[s]", 1.0, ".3g"),
    "worst_retention": ("6-sigma[s]", 1.0, ".3g"),
    "hold_margin": ("SNM_hold[mV]", 1e3, ".0f"),
    "read_margin": ("SNM_read[mV]", 1e3, ".0f"),
}
"""Heading, factor and format of a column."""


def command(
    cells: Annotated[list[str] | None, typer.Argument(help="Bitcells; all of them if none is named.")] = None,
    temperature: Annotated[str, typer.Option(help="Lattice temperature.")] = "300 K",
    card: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[TRANSISTOR=]CARD", help="Another device, for one transistor or for all that are like it."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As in voltages.v_hold='-0.5 V' or levels=4.")
    ] = None,
) -> Answer:
    """Compare bitcells by area, speed, energy, leakage, retention (median and 6 sigma) and static noise margins.

    Everything is computed from the transistors of the cell. A time that is not a number (null with --json) is that of a
    cell that is not written, or whose levels the sense amplifier does not tell apart, while the word stands; a dash
    means that the question does not arise. A cell that cannot be solved is named below the table with the reason.
    """
    from ..cell import load
    from ..cell_settings import configured, with_card
    from ..summary import UNITS, Summary, summary

    heat = units.parse(temperature, "K")
    kinds = {name: load(name) for name in cells or registry.names("bitcells")}
    for choice in card or []:
        kinds = with_card(kinds, choice)
    rows, data, faults = [], dict[str, Any](), []
    for name, kind in kinds.items():
        kind = configured(kind, settings or [])
        try:
            found: Summary = summary(kind, heat)
        except BeolithError as error:
            if len(kinds) == 1:
                raise
            faults.append((name, str(error)))
            data[name] = {"title": kind.title, "error": str(error)}
        else:
            data[name] = {"title": kind.title, "levels": kind.levels, **vars(found)}
            rows.append(
                (name, *(_shown(getattr(found, key), scale, form) for key, (_, scale, form) in COLUMNS.items()))
            )
    headings = " ".join(("cell", *(heading for heading, *_ in COLUMNS.values())))
    page = [grid(f"bitcells at {heat:g} K", headings, rows)]
    if faults:
        page.append(grid("", "failed why", faults))
    return Answer({"temperature": heat, "units": UNITS, "cells": data}, stack(*page))


def _shown(value: float | None, factor: float, form: str) -> str:
    return "-" if value is None else format(factor * value, form)
