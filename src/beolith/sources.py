"""The published works that numbers come from, read from the ``references.bib`` of every room."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .errors import DataError, nearest

ROOMS = ("devices", "circuits", "arch", "workloads", "studies")
WITHOUT_ENTRY = frozenset({"own", "user"})  # our own derivation; set by whoever runs the program


@dataclass(frozen=True)
class Sources:
    """A bibliography.

    Attributes:
        entries: Fields of each work by its BibTeX key, as bibtexparser names them.
    """

    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, paths: Iterable[Path]) -> Sources:
        """The works of some BibTeX files; where two files hold a key, the first one counts.

        Raises:
            DataError: A file cannot be read, or an entry in it is malformed.
        """
        entries: dict[str, Mapping[str, str]] = {}
        for path in paths:
            entries = {**_read(path), **entries}
        return cls(entries)

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, sorted."""
        return tuple(sorted(self.entries))

    def __contains__(self, key: object) -> bool:
        return key in WITHOUT_ENTRY or key in self.entries

    def entry(self, key: str) -> Mapping[str, str]:
        """One work.

        Raises:
            DataError: There is no such key.
        """
        if key not in self.entries:
            raise DataError(f"no reference {key!r} in references.bib; {nearest(key, self.keys)}")
        return self.entries[key]

    def bibtex(self, keys: Iterable[str]) -> str:
        """BibTeX of some works, sorted by key; ``own`` and ``user`` have none.

        Raises:
            DataError: A key is unknown.
        """
        works = (self.entry(key) for key in sorted(set(keys) - WITHOUT_ENTRY))
        return "\n".join(map(_spell, works))


def _spell(work: Mapping[str, str]) -> str:
    fields = [f"  {name} = {{{text}}}," for name, text in work.items() if name not in ("ENTRYTYPE", "ID")]
    return "\n".join([f"@{work['ENTRYTYPE']}{{{work['ID']},", *sorted(fields), "}", ""])


def _read(path: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, DataError) as error:
        raise DataError(f"{path}: cannot read the references: {error}") from error


@cache
def _parse(text: str) -> Mapping[str, Mapping[str, str]]:
    """The entries of a BibTeX file; bibtexparser takes a tenth of a second and drops what it cannot read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bibtexparser 1.4 uses names that pyparsing has deprecated
        from bibtexparser.bparser import BibTexParser

        works = BibTexParser(common_strings=True, ignore_nonstandard_types=False).parse(text).entries
    found = [work["ID"] for work in works]
    lost = {*_announced(text)} - {*found} | {key for key in found if found.count(key) > 1}
    if lost:
        raise DataError(f"malformed or repeated entries: {', '.join(sorted(lost))}")
    return {work["ID"]: work for work in works}


def _announced(text: str) -> list[str]:
    """Keys of the entries that a file begins, whether or not they can be read."""
    heads = (line.lstrip().partition("{") for line in text.splitlines() if line.lstrip().startswith("@"))
    return [
        key.partition(",")[0].strip()
        for kind, _, key in heads
        if kind.strip().lower() not in ("@comment", "@string", "@preamble")
    ]


def all_sources(*folders: Path) -> Sources:
    """The bibliography of every installed room, and of some folders of one's own.

    Args:
        folders: Places that may hold a ``references.bib``, such as the folder of a user's card.
    """
    specs = (importlib.util.find_spec(f"beolith.{room}") for room in ROOMS)  # finds a room without importing it
    rooms = [Path(place) for spec in specs if spec for place in spec.submodule_search_locations or ()]
    return Sources.load(path for folder in (*rooms, *folders) if (path := folder / "references.bib").is_file())
