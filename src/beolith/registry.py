"""Extension points: a part is a file in a folder, its name is the name of the file, and nothing else knows of it."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from . import strict_yaml
from .canonical import digest
from .errors import BeolithError, nearest

OWN_FILES = {".yaml": "cards", ".py": "studies"}  # what a file of one's own is taken for
ROOMS = tuple(f"beolith.{room}" for room in ("devices", "circuits", "arch", "workloads", "studies"))
NOT_PARTS = frozenset({"base"})  # contracts, beside the parts that obey them


@dataclass(frozen=True)
class Kind:
    """Where the parts of a kind live.

    Attributes:
        rooms: Packages of the rooms that may have some.
        folder: Folder in a room; ``""`` is the room itself.
        suffix: ``.yaml`` for data, ``.py`` for modules.
        group: Entry points through which other distributions add parts.
    """

    rooms: tuple[str, ...]
    folder: str
    suffix: str
    group: str


KINDS = {
    "cards": Kind(("beolith.devices",), "cards", ".yaml", "beolith.devices.cards"),
    "media": Kind(("beolith.devices",), "media", ".yaml", "beolith.devices.media"),
    "nodes": Kind(("beolith.circuits",), "nodes", ".yaml", "beolith.circuits.nodes"),
    "rules": Kind(("beolith.circuits",), "layout/rules", ".yaml", "beolith.circuits.rules"),
    "bitcells": Kind(("beolith.circuits",), "bitcells", ".py", "beolith.circuits.bitcells"),
    "networks": Kind(("beolith.workloads",), "networks", ".py", "beolith.workloads.networks"),
    "studies": Kind(("beolith.studies",), "", ".py", "beolith.studies"),
    "portraits": Kind(ROOMS, "portraits", ".py", "beolith.portraits"),
    "commands": Kind(ROOMS, "commands", ".py", "beolith.commands"),
}


def kind(name: str) -> Kind:
    """The kind of a name.

    Raises:
        BeolithError: There is no such kind.
    """
    if name not in KINDS:
        raise BeolithError(f"no kind of parts is called {name!r}; {nearest(name, KINDS)}")
    return KINDS[name]


def names(kind_name: str) -> tuple[str, ...]:
    """Names of all parts of a kind, sorted; nothing is imported to find them.

    Args:
        kind_name: A key of :data:`KINDS`, such as ``cards``.
    """
    return tuple(sorted({*_files(kind_name), *_added(kind_name)}))


def get(kind_name: str, name: str) -> Path | ModuleType:
    """A part by its name: the path of a YAML part, the module of any other.

    Args:
        kind_name: As for :func:`names`.
        name: Registered name, or the path of a file of one's own.

    Raises:
        BeolithError: There is no such part, or a file of one's own cannot be imported.
    """
    path = locate(kind_name, name)
    if kind(kind_name).suffix == ".yaml":
        return path or Path(_added(kind_name)[name].load())
    if path is None:
        return _added(kind_name)[name].load()  # type: ignore[no-any-return]  # what others register is theirs
    for room, folder in _folders(kind_name):
        if path.is_relative_to(folder) and path == _files(kind_name).get(name):
            return importlib.import_module(".".join(filter(None, (room, kind(kind_name).folder, name))))
    return _import_file(path.resolve())


def path(kind_name: str, name: str) -> Path:
    """The file of a YAML part; :func:`get` with the type that cards want."""
    found = get(kind_name, name)
    assert isinstance(found, Path), f"{kind_name} are modules"
    return found


def module(kind_name: str, name: str) -> ModuleType:
    """The module of a part; :func:`get` with the type that studies want."""
    found = get(kind_name, name)
    assert isinstance(found, ModuleType), f"{kind_name} are files"
    return found


def locate(kind_name: str, name: str) -> Path | None:
    """The file of a part without importing it; None for one that another distribution adds.

    Raises:
        BeolithError: There is no such part.
    """
    files = _files(kind_name)
    if name in files or name in _added(kind_name):
        return files.get(name)
    own = Path(name)
    if own.suffix == kind(kind_name).suffix and own.is_file():
        return own
    raise BeolithError(
        f"{kind_name} have no {name!r}, and no file of that name exists; {nearest(name, names(kind_name))}"
    )


def find(name: str) -> str:
    """The kind that has a part of this name.

    Raises:
        BeolithError: No kind has it, or more than one.
    """
    kinds = [label for label in KINDS if name in names(label)]
    if not kinds and Path(name).is_file() and Path(name).suffix in OWN_FILES:
        return OWN_FILES[Path(name).suffix]
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        raise BeolithError(f"{name!r} is the name of several parts; say which with --kind: {', '.join(kinds)}")
    raise BeolithError(f"nothing is called {name!r}; {nearest(name, {n for label in KINDS for n in names(label)})}")


def title(kind_name: str, name: str) -> str:
    """What a part says it is, in one line: the title of a card, the first line of a module's docstring."""
    file = locate(kind_name, name)
    if file is None:
        return ""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yaml":
        document, _ = strict_yaml.parse(text)
        return str(document.get("title", "")) if isinstance(document, dict) else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _folders(kind_name: str) -> Iterator[tuple[str, Path]]:
    """Rooms and the folders in them that hold the parts of a kind."""
    for room in kind(kind_name).rooms:
        spec = importlib.util.find_spec(room)  # finds the room without importing it
        places = spec.submodule_search_locations if spec else None
        yield from ((room, Path(place) / kind(kind_name).folder) for place in places or ())


def _files(kind_name: str) -> dict[str, Path]:
    """The parts that lie in the folder of their kind."""
    suffix = kind(kind_name).suffix
    if suffix == ".yaml":
        return {file.stem: file for _, folder in _folders(kind_name) for file in folder.glob("*.yaml")}
    return {
        found.name: folder / found.name / "__init__.py" if found.ispkg else folder / f"{found.name}.py"
        for _, folder in _folders(kind_name)
        for found in pkgutil.iter_modules([str(folder)])
        if found.name not in NOT_PARTS and not found.name.startswith("_")
    }


def _added(kind_name: str) -> dict[str, EntryPoint]:
    """The parts that other distributions add."""
    return {entry.name: entry for entry in entry_points(group=kind(kind_name).group)}


@cache
def _import_file(file: Path) -> ModuleType:
    """The module in a file that belongs to no package."""
    name = f"_beolith_{file.stem}_{digest(file)[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None, f"{file} is no Python file"
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found  # pydantic and dataclasses look their own module up
    try:
        spec.loader.exec_module(found)
    except Exception as error:
        del sys.modules[name]
        raise BeolithError(f"{file.name} cannot be imported: {type(error).__name__}: {error}") from error
    return found
