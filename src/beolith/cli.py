"""The command line: list, show, run, plot and cite, and a command for each file in a room's folder ``commands``."""

from __future__ import annotations

import inspect
import os
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
import yaml

from . import __version__, portrait, registry, store, study
from . import card as cards
from . import figure as figures
from .errors import BeolithError, StudyError
from .sources import all_sources
from .terminal import BUG, Answer, answering, grid, hush_broken_pipe, progress, raw, stack

app = typer.Typer(name="beolith", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Argument(help="Name from 'beolith list', or the path of a .yaml or .py file of your own.")]
KindOption = Annotated[str | None, typer.Option("--kind", help="Kind of part, where a name is ambiguous.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"beolith {__version__}")
        raise typer.Exit


@app.callback()
def beolith(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What a choice of oxide transistor does to the accuracy and energy of a compute-in-memory chip."""


@app.command("list")
@answering
def list_(
    kind: Annotated[str | None, typer.Argument(help="cards, nodes, bitcells, networks or studies.")] = None,
) -> Answer:
    """List everything that is registered, or one kind of it."""
    kinds = [kind] if kind else list(registry.KINDS)
    found = {label: {name: registry.title(label, name) for name in registry.names(label)} for label in kinds}
    rows = [(label, name, title) for label, parts in found.items() for name, title in parts.items()]
    return Answer(found, grid("", "kind name title", rows))


@app.command()
@answering
def show(
    name: Name,
    kind: KindOption = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw a card or a bitcell as a figure too: PDF, PNG, CSV and JSON.")
    ] = None,
) -> Answer:
    """Show a card with its numbers and curves, a bitcell with its layout, a study's options, what a module says."""
    kind = kind or registry.find(name)
    part = registry.get(kind, name)
    if isinstance(part, Path):
        return _show_card(kind, cards.read(part), figure)
    if kind != "studies":
        return _show_module(kind, name, part, figure)
    if figure is not None:
        raise BeolithError("--figure: a study is drawn by running it")
    return _show_study(name)


@app.command()
@answering
def run(
    name: Name,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Option, such as temperature='85 degC'.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of data sets.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results; the study gets a folder in it.")] = Path("results"),
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Dask cluster to use instead, as in tcp://host:8786.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--fresh", help="Keep the points that are already there.")] = True,
) -> Answer:
    """Run a study: sweep, keep the result, draw the figure."""
    if data is not None:
        if not data.is_dir():
            raise BeolithError(f"--data {data}: no such folder")
        os.environ["BEOLITH_DATA"] = str(data.resolve())
    chosen = _settings(settings or [])
    with progress(name) as report:
        done = study.run(name, chosen, out=out, workers=workers, scheduler=scheduler, resume=resume, progress=report)
    ds = done.dataset
    variables = {
        label: {"dims": array.dims, "units": array.attrs["units"], "values": array.values}
        for label, array in ds.variables.items()
    }
    facts = {"study": name, "title": ds.attrs["title"], "folder": done.folder, "files": done.files}
    failed = [(f"{count} failed", message) for message, count in Counter(done.failures).items()]
    page = grid(ds.attrs["title"], "what where", [*((key, str(file)) for key, file in done.files.items()), *failed])
    return Answer({**facts, "failures": done.failures, "variables": variables}, page)


@app.command()
@answering
def plot(result: Annotated[Path, typer.Argument(help="Result file, or the folder of a study's results.")]) -> Answer:
    """Draw the figure of a kept result again, without computing anything."""
    files = study.draw(result)
    return Answer({"files": files}, grid("", "what where", [(key, str(file)) for key, file in files.items()]))


@app.command()
@answering
def cite(
    name: Annotated[str, typer.Argument(help="Name or file of a part, or a result.")], kind: KindOption = None
) -> Answer:
    """Print the BibTeX of every work that a card, a study or a result draws on."""
    place = Path(name)
    if place.suffix == ".nc" or place.is_dir():
        ds = store.load_dataset(place / study.RESULT if place.is_dir() else place)
        text = study.cite(ds)
    else:
        text = all_sources(place.parent).bibtex(_cited(kind or registry.find(name), name))
    return Answer({"bibtex": text}, raw(text or "no published sources"))


def _add_commands() -> None:
    """Commands of the rooms: a module each, whose function ``command`` answers; what is slow it imports when called."""
    for name in registry.names("commands"):
        found = registry.module("commands", name)
        app.command(name.replace("_", "-"))(answering(found.command))


_add_commands()


def main() -> None:
    """Entry point of the ``beolith`` command."""
    # threads that wait should not spin: on a busy machine that costs more than the second core brings
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # typer leaves by SystemExit, and what is still buffered would fail after us
    except BrokenPipeError:
        hush_broken_pipe()
        sys.exit(BUG)


def _settings(pairs: list[str]) -> dict[str, Any]:
    """Options from ``key=value``, values as in YAML."""
    settings = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.strip():
            raise StudyError(f"--set {pair!r}: write key=value, as in --set temperature='85 degC'")
        try:
            settings[key.strip()] = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:
            raise StudyError(f"--set {pair!r}: {text!r} is not YAML: {' '.join(str(error).split())}") from error
    return settings


def _cited(kind: str, name: str) -> list[str]:
    """BibTeX keys of a part."""
    part = registry.get(kind, name)
    if isinstance(part, Path):
        return list(cards.read(part).sources)
    if kind == "studies":
        chosen = study.get(name)
        return list(chosen.sources(study.configure(chosen, {})))
    return list(getattr(part, "SOURCES", ()))


def _show_card(kind: str, card: cards.Card, target: Path | None) -> Answer:
    rows = [
        (section, given.name, f"{given.given_value:g} {given.given_unit}", given.how, given.source, given.where)
        for section, given in card.items()
    ]
    drawn = portrait.of(card.kind, card.path)
    if target is not None and drawn is None:
        raise BeolithError(f"--figure: {card.key} has no curves; no room draws cards of the kind {card.kind!r}")
    data = {
        "kind": kind,
        "name": card.key,
        **{
            key: getattr(card, key)
            for key in ("title", "model", "polarity", "material", "summary", "digest", "sources")
        },
        "sections": {
            section: {name: vars(given) for name, given in content.items()}
            for section, content in card.sections.items()
        },
    }
    page: list[Any] = [card.summary, grid(card.title, "section parameter value how source where", rows)]
    if drawn is not None:
        data["curves"] = drawn.data
        page += _drawn(drawn, data, target)
    return Answer(data, stack(*page))


def _drawn(drawn: portrait.Portrait, data: dict[str, Any], target: Path | None) -> list[Any]:
    """What a portrait adds to a page; its figure is written if it has a target, with the data for provenance."""
    if target is None:
        return [raw("\n" + drawn.text)]
    provenance = {str(data["kind"]).removesuffix("s"): data["name"], **data}
    data["files"] = figures.save(drawn.figure(), target.with_suffix(""), drawn.table, provenance)
    return [
        raw("\n" + drawn.text),
        grid("", "what where", [(label, str(file)) for label, file in data["files"].items()]),
    ]


def _show_study(name: str) -> Answer:
    chosen = study.get(name)
    options = study.options(chosen)
    rows = [
        (o["name"], o["type"], o["unit"], "required" if o["required"] else str(o["default"]), o["doc"]) for o in options
    ]
    page = grid(chosen.TITLE, "option type unit default meaning", rows)
    return Answer({"kind": "studies", "name": name, "title": chosen.TITLE, "options": options}, page)


def _show_module(kind: str, name: str, module: ModuleType, target: Path | None) -> Answer:
    path = registry.locate(kind, name)
    drawn = portrait.of(kind.removesuffix("s"), path) if path is not None else None
    if target is not None and drawn is None:
        raise BeolithError(f"--figure: no room draws {kind}")
    text = inspect.getdoc(module) or ""
    data: dict[str, Any] = {"kind": kind, "name": name, "doc": text}
    page: list[Any] = [raw(f"{name}\n\n{text}")]
    if drawn is not None:
        data["portrait"] = drawn.data
        page += _drawn(drawn, data, target)
    return Answer(data, stack(*page))
