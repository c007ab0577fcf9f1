"""Fit a transistor card to measured curves."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from beolith import units
from beolith.errors import BeolithError
from beolith.terminal import Answer, grid, stack

START = "belmonte2023_igzo"


def command(
    curves: Annotated[Path, typer.Argument(help="Text with columns such as 'V_GS [V]', 'V_DS [V]', 'I_D [A]'.")],
    start: Annotated[
        str, typer.Option(help="Card for every number that is not fitted; a name or a .yaml file.")
    ] = START,
    free: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Fit this parameter, such as mobility; may be repeated.")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Set a parameter: tekv.oxide_thickness='65 nm'.")
    ] = None,
    width: Annotated[str | None, typer.Option(help="Channel width, if no column says so: '10 um'.")] = None,
    length: Annotated[str | None, typer.Option(help="Channel length likewise.")] = None,
    temperature: Annotated[str | None, typer.Option(help="Temperature likewise: '27 degC'.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the card and the figure.")] = Path("fit"),
) -> Answer:
    """Fit a transistor card to measured transfer, output and C-V curves, with uncertainties and a figure."""
    fixed = dict(_pairs(fix or []))
    sizes = {
        key: _size(key, text) for key, text in (("width", width), ("length", length), ("temperature", temperature))
    }

    from .. import library
    from ..extraction import curves as measured
    from ..extraction import fit_report, free_parameters
    from ..extraction.extract import fit

    device = library.load(start, fixed)
    with _collected() as complaints:
        found = measured.read(curves, **sizes)
        names = [name for name in free_parameters.chosen(free or (), found.table) if name not in fixed]
        if not names:
            raise BeolithError("nothing is left to fit; name a parameter with --free that --fix does not set")
        result = fit(found, device, names)
    if start == START and not {"tekv.oxide_thickness", "tekv.oxide_permittivity"} & {*fixed, *names}:
        complaints.append(
            f"the gate capacitance is that of the card {START}: mobility and traps scale with it; set "
            "--fix tekv.oxide_thickness='..' or --start"
        )
    files = fit_report.write(result, out, curves.stem, complaints)
    table = grid(f"{found.name}: {len(result.table)} points", "parameter value sigma tied_to", fit_report.rows(result))
    facts = fit_report.facts(result)
    rms, offset, drift = facts["decades_rms"], facts["largest_offset"], facts["largest_drift"]
    notes = [
        *([f"currents above the floor are met within {rms:.3f} decades rms"] if rms is not None else []),
        f"fitted with them: offsets of the instrument up to {units.pretty(**offset)}, drift of the threshold between "
        f"sweeps up to {units.pretty(**drift)} against the last one",
        *(f"warning: {text}" for text in complaints),
    ]
    page = stack(table, "\n".join(notes), grid("", "what where", [(k, str(f)) for k, f in files.items()]))
    return Answer({**facts, "warnings": complaints, "files": files}, page)


@contextmanager
def _collected() -> Iterator[list[str]]:
    """Messages of the warnings given meanwhile, complete after it."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        yield messages
    messages += dict.fromkeys(str(warning.message) for warning in given)


def _pairs(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not value.strip():
            raise BeolithError(f"--fix {text!r}: write key=value, as in --fix tekv.oxide_thickness='65 nm'")
        yield key.strip(), value.strip()


def _size(key: str, text: str | None) -> float | None:
    """A size or temperature in SI; a bare number would be a guess."""
    if text is None:
        return None
    if units.split(text)[1] is None:
        raise BeolithError(f"--{key} {text}: say the unit, as in --{key} {'300K' if key == 'temperature' else '10um'}")
    return units.parse(text, "K" if key == "temperature" else "m")
