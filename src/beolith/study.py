"""A study from its name to its figure: configure, sweep, assemble, keep, draw."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from . import __version__, figure, registry, store, sweep, units
from .canonical import plain
from .errors import BeolithError, StudyError, nearest
from .provenance import code_version, now, versions
from .sources import Sources, all_sources

if TYPE_CHECKING:
    from xarray import Dataset

    from beolith.studies.base import Study

PARTS = ("TITLE", "Config", "points", "context", "evaluate", "assemble", "plot", "table", "sources")
RESULT = "result.nc"


@dataclass(frozen=True)
class Run:
    """A finished study.

    Attributes:
        dataset: Its result.
        folder: Where it is kept.
        files: ``result``, ``pdf``, ``png``, ``csv`` and ``json``.
        failures: Messages of the points that failed.
    """

    dataset: Dataset
    folder: Path
    files: Mapping[str, Path]
    failures: tuple[str, ...]


def get(name: str) -> Study:
    """A study by its name or the path of its file.

    Raises:
        BeolithError: There is none, or it lacks a part that every study has.
    """
    module = registry.module("studies", name)
    missing = [part for part in PARTS if not hasattr(module, part)]
    if missing:
        raise StudyError(f"study {name!r} lacks {', '.join(missing)}; see beolith.studies.base.Study")
    return cast("Study", module)


def options(study: Study) -> list[dict[str, Any]]:
    """Options of a study: name, type, unit, default and meaning of each."""
    return [
        {
            "name": name,
            "type": inspect.formatannotation(_bare(field.annotation)),
            "unit": _extra(study, name).get("unit", ""),
            "default": None if field.is_required() else plain(field.get_default(call_default_factory=True)),
            "required": field.is_required(),
            "doc": field.description or "",
        }
        for name, field in study.Config.model_fields.items()
    ]


def configure(study: Study, settings: Mapping[str, Any]) -> BaseModel:
    """The configuration of a study.

    Args:
        study: From :func:`get`.
        settings: Values by option; physical ones may be text with a unit, such as ``85 degC``, alone or in lists.

    Raises:
        StudyError: Naming every fault.
    """
    known = study.Config.model_fields
    faults = [f"no option {name!r}; {nearest(name, known)}" for name in settings if name not in known]
    values = {}
    for name in filter(known.__contains__, settings):
        try:
            unit = _extra(study, name).get("unit")
            values[name] = settings[name] if unit is None else _si(settings[name], str(unit))
        except BeolithError as error:
            faults.append(f"{name}: {error}")
    try:
        config = study.Config(**values)
    except ValidationError as error:
        unheard = settings.keys() - values.keys()  # faulty already; not missing as well
        faults += [_rephrase(fault) for fault in error.errors() if not unheard.intersection(fault["loc"][:1])]
    if faults:
        raise StudyError(f"{study.TITLE}: {'; '.join(faults)}")
    return config


def run(
    name: str,
    settings: Mapping[str, Any] | None = None,
    *,
    out: Path | str = "results",
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = True,
    progress: sweep.Progress | None = None,
) -> Run:
    """Run a study and keep its result and figure in ``out/<study>/``.

    Args:
        name: Study, or the path of its file.
        settings: As for :func:`configure`.
        out: Folder for results.
        workers: Processes on this machine.
        scheduler: Address of a Dask cluster, used instead.
        resume: Keep the points that are already there.
        progress: Called with how many points are done and how many there are.

    Raises:
        BeolithError: Unknown study, wrong settings, unknown source, unwritable folder; all before anything is computed.
        StudyError: Every point failed.

    Example:
        >>> run("material_to_accuracy", {"images": 100}).dataset  # doctest: +SKIP
    """
    study = get(name)
    config = configure(study, settings or {})
    reference, file = _reference(name)
    cited = sorted(study.sources(config))
    bibtex = _bibliography(name, config).bibtex(cited)  # an unknown key is better found now than after the sweep
    folder = store.prepare(Path(out) / Path(name).stem)
    points = list(study.points(config))
    context = plain(study.context(config))
    code = code_version(*file)
    results = sweep.run(
        partial(_evaluate, reference, config.model_dump()),
        points,
        store.PointStore(folder),
        context={"config": _fixed(study, config), "context": context, "code": code},
        workers=workers,
        scheduler=scheduler,
        resume=resume,
        progress=progress,
    )
    failures = tuple(result["message"] for result in results if result["status"] != "ok")
    if points and len(failures) == len(points):
        raise StudyError(f"{study.TITLE}: all {len(points)} points failed, the first with {failures[0]}")
    ds = study.assemble(config, points, results).assign_attrs(
        title=study.TITLE,
        study=name,
        config=json.dumps(config.model_dump(mode="json")),
        context=json.dumps(context),
        versions=json.dumps({**versions(), "code": code}),
        sources=json.dumps(cited),
        bibtex=bibtex,
        beolith_version=__version__,
        created_at=now(),
    )
    path = store.save_dataset(ds, folder / RESULT)
    return Run(ds, folder, {"result": path, **draw(path)}, failures)


def draw(result: Path) -> dict[str, Path]:
    """Draw the figure of a kept result beside it, without computing anything again.

    Args:
        result: Result file, or the folder that holds it.

    Raises:
        BeolithError: No result there, or its study is gone.
    """
    path = result / RESULT if result.is_dir() else result
    ds = store.load_dataset(path)
    study = get(ds.attrs.get("study", ""))
    with figure.style():
        return figure.save(study.plot(ds), path.with_name("figure"), study.table(ds), provenance(ds))


def provenance(ds: Dataset) -> dict[str, Any]:
    """Where a result comes from: configuration, card digests, versions and the BibTeX of every source."""
    stored = {name: json.loads(ds.attrs.get(name, "null")) for name in ("config", "context", "sources", "versions")}
    return {
        "title": ds.attrs.get("title", ""),
        "study": ds.attrs.get("study", ""),
        **stored,
        "bibtex": cite(ds),
        "created_at": ds.attrs["created_at"],
    }


def cite(ds: Dataset) -> str:
    """BibTeX of every source of a result, as it was when the result was made."""
    return str(ds.attrs.get("bibtex", ""))


def _bibliography(name: str, config: BaseModel) -> Sources:
    """Every installed work, and those of a ``references.bib`` beside a study or a card of one's own."""
    own = [Path(text) for text in (name, *_texts(config.model_dump())) if text.endswith((".py", ".yaml"))]
    return all_sources(*dict.fromkeys(path.parent for path in own if path.is_file()))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a configuration, however deep."""
    match value:
        case str():
            yield value
        case Mapping():
            yield from _texts(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from _texts(item)


def _evaluate(reference: str, values: Mapping[str, Any], point: sweep.Point) -> Mapping[str, Any]:
    """One point, on whichever process: the study travels as its name, because a module cannot."""
    study = get(reference)
    return study.evaluate(dict(point), study.Config(**values))


def _reference(name: str) -> tuple[str, tuple[Path, ...]]:
    """A study's name, as a worker in another folder knows it, and its file."""
    file = registry.locate("studies", name)
    own = file is not None and name not in registry.names("studies")
    return (str(file.resolve()) if own and file else name), (file,) if file else ()


def _fixed(study: Study, config: BaseModel) -> dict[str, Any]:
    """The configuration without the fields that only choose points."""
    axes = {name for name in study.Config.model_fields if _extra(study, name).get("axis")}
    return config.model_dump(mode="json", exclude=axes)


def _bare(annotation: Any) -> Any:
    """A type without the ranges and checks that pydantic hangs on it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bare(inner[0])
    return origin[tuple(map(_bare, inner))] if origin in (list, tuple, dict) else annotation


def _extra(study: Study, name: str) -> Mapping[str, Any]:
    extra = study.Config.model_fields[name].json_schema_extra
    return extra if isinstance(extra, Mapping) else {}


def _rephrase(fault: Any) -> str:
    """A pydantic fault in our words."""
    message = f"{'.'.join(map(str, fault['loc'])) or 'options'}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return message if fault["type"] == "missing" else f"{message}, not {fault['input']!r:.60}"


def _si(value: Any, unit: str) -> Any:
    """The value with every text in it read as a quantity."""
    match value:
        case str():
            return units.parse(value, unit)
        case list() | tuple():
            return [_si(item, unit) for item in value]
        case Mapping():
            return {key: _si(item, unit) for key, item in value.items()}
    return value
