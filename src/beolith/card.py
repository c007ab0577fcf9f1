"""A card is a published thing, written as YAML and read as validated numbers that know where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from . import entry as entries
from . import strict_yaml, units
from .canonical import digest
from .entry import Entry
from .errors import BeolithError, CardError, DataError, nearest
from .schema import Spec, parameter, specs
from .sources import WITHOUT_ENTRY, Sources

__all__ = ["Card", "Entry", "Spec", "load", "override", "parameter", "read", "specs"]

METADATA = ("title", "kind", "model", "polarity", "material", "summary")
Schemas = Mapping[str, type]


@dataclass(frozen=True)
class Card:
    """A published thing.

    Attributes:
        key: Name of the file without its ending, which is the name of the card everywhere.
        path: File it was read from.
        sections: Entries by section and parameter.
        title: What it is, in one line.
        kind: What sort of thing it is, such as ``transistor``.
        model: Model that its numbers are parameters of.
        polarity: ``n``, or ``p`` where the numbers are those of the device with all voltages and currents mirrored.
        material: Material, if that matters.
        summary: A paragraph.
    """

    key: str
    path: Path
    sections: Mapping[str, Mapping[str, Entry]]
    title: str = ""
    kind: str = ""
    model: str = ""
    polarity: str = "n"
    material: str = ""
    summary: str = ""

    @cached_property
    def digest(self) -> str:
        """Content address of everything that can change a result; wording and place of the file cannot."""
        sections = {
            section: {name: (given.value, given.sigma, given.prior) for name, given in content.items()}
            for section, content in self.sections.items()
        }
        return digest({"kind": self.kind, "model": self.model, "polarity": self.polarity, "sections": sections})

    @property
    def sources(self) -> tuple[str, ...]:
        """BibTeX keys of every number, sorted; our own and the user's numbers have none."""
        return tuple(sorted({given.source for _, given in self.items()} - WITHOUT_ENTRY))

    def values(self, section: str) -> dict[str, float]:
        """Parameters of a section in SI.

        Raises:
            CardError: The card has no such section.
        """
        if section not in self.sections:
            raise CardError(f"{self.path.name}: no section {section!r}; {nearest(section, self.sections)}")
        return {name: given.value for name, given in self.sections[section].items()}

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Section and entry of every number, in the order of the card."""
        return ((section, given) for section, content in self.sections.items() for given in content.values())


def load(path: Path, sections: Schemas, bibliography: Sources | None = None, *, kind: str | None = None) -> Card:
    """The card in a file, checked against the models that will use it.

    Args:
        path: YAML file.
        sections: Dataclass of :func:`parameter` fields for each section the card may have.
        bibliography: Works that may be cited; None leaves the keys unchecked.
        kind: What the card must say it is; None accepts any.

    Raises:
        CardError: With a line ``file: section.key: what; allowed; nearest`` for every fault of the file.
    """
    document, faults = _open(path)
    found = str(document.get("kind", ""))
    if kind is not None and found != kind:
        faults.append(f"kind: this is {found or 'nothing'!r}, but {kind!r} is wanted here")
    allowed = {name: specs(schema) for name, schema in sections.items()}
    for name in document:
        if name not in allowed and name not in METADATA:
            faults.append(f"{name}: unknown section or key; {nearest(name, [*METADATA, *allowed])}")
    content = {name: _section(document.get(name), name, spec, faults) for name, spec in allowed.items()}
    return _finish(path, document, content, faults, bibliography)


def read(path: Path) -> Card:
    """The card in a file as it stands, without a model to check names and ranges: enough to show and to cite.

    Raises:
        CardError: With a line for every fault of the file.
    """
    document, faults = _open(path)
    parts = {name: part for name, part in document.items() if name not in METADATA}
    content = {name: _section(part, name, _as_given(part), faults) for name, part in parts.items()}
    return _finish(path, document, content, faults, None)


def override(card: Card, changes: Mapping[str, str | float], sections: Schemas) -> Card:
    """The same card with some values replaced by the user's, under the same rules.

    Args:
        card: Card to start from.
        changes: New values by ``section.parameter``, such as ``{"tekv.mobility": "15 cm**2/(V*s)"}``; a bare
            number is SI.
        sections: As for :func:`load`.

    Raises:
        CardError: With a line for every fault.
    """
    allowed = {f"{name}.{key}": spec for name in card.sections for key, spec in specs(sections[name]).items()}
    content = {name: dict(part) for name, part in card.sections.items()}
    faults: list[str] = []

    def change(key: str, text: str | float) -> Entry:
        if key not in allowed:
            raise CardError(f"no such parameter; {nearest(key, allowed)}")
        value, unit = units.split(text)
        unit = allowed[key].unit if unit is None else unit
        si = entries.convert(value, unit, allowed[key])
        note = "set on the command line"
        return Entry(allowed[key].name, si, allowed[key].unit, value, unit, "user", "", "assumed", note=note)

    for key, text in changes.items():
        for given in _collect(faults, key, change, key, text):
            content[key.partition(".")[0]][given.name] = given
    if faults:
        raise CardError("\n".join(f"{card.key}: {fault}" for fault in faults))
    return replace(card, sections=content)


def _open(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Content of the file and what is already wrong with it."""
    try:
        document, faults = strict_yaml.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, DataError) as error:
        raise CardError(f"{path.name}: {error}") from error
    if not isinstance(document, dict):
        raise CardError(f"{path.name}: a card is a mapping of {', '.join(METADATA)} and its sections")
    faults += [
        f"{key}: {document[key]!r:.40} is not text" for key in METADATA if not isinstance(document.get(key, ""), str)
    ]
    return {str(key): item for key, item in document.items()}, faults


def _section(raw: Any, name: str, allowed: Mapping[str, Spec], faults: list[str]) -> dict[str, Entry]:
    """Entries of one section; what is wrong with it is added to the faults."""
    given = {} if raw is None else raw
    if not isinstance(given, Mapping):
        faults.append(f"{name}: a section is a mapping of parameters; allowed: {', '.join(allowed)}")
        return {}
    faults += [f"{name}.{key}: unknown parameter; {nearest(key, allowed)}" for key in given if key not in allowed]
    missing = [spec for key, spec in allowed.items() if key not in given and spec.default is None]
    if missing and not given:
        faults.append(f"{name}: section missing; it needs {', '.join(spec.name for spec in missing)}")
    else:
        faults += [f"{name}.{spec.name}: missing; {spec.doc} [{spec.unit or 1}]" for spec in missing]
    content = {key: entries.default(spec) for key, spec in allowed.items() if spec.default is not None}
    for key in filter(given.__contains__, allowed):
        for item in _collect(faults, f"{name}.{key}", entries.read, given[key], allowed[key]):
            content[key] = item
    return {key: content[key] for key in allowed if key in content}


def _as_given(raw: Any) -> dict[str, Spec]:
    """Specs that allow whatever a section holds, in the units it is given in."""
    items = raw.items() if isinstance(raw, Mapping) else ()
    return {
        key: Spec(str(key), str(item.get("unit", "")) if isinstance(item, Mapping) else "", "") for key, item in items
    }


def _collect(faults: list[str], where: str, make: Callable[..., Entry], *arguments: Any) -> Iterator[Entry]:
    """What a function makes, or nothing and its complaints, a line each."""
    try:
        yield make(*arguments)
    except BeolithError as error:
        faults += [f"{where}: {line}" for line in str(error).splitlines()]


def _finish(
    path: Path,
    document: Mapping[str, Any],
    content: Mapping[str, Mapping[str, Entry]],
    faults: list[str],
    bibliography: Sources | None,
) -> Card:
    """The card, if nothing is wrong with it."""
    if bibliography is not None:
        faults += [
            f"{section}.{name}: unknown source {given.source!r}; {nearest(given.source, bibliography.keys)}"
            for section, part in content.items()
            for name, given in part.items()
            if given.source not in bibliography
        ]
    if faults:
        raise CardError("\n".join(f"{path.name}: {fault}" for fault in faults))
    return Card(path.stem, path, content, **{key: document[key] for key in METADATA if key in document})
