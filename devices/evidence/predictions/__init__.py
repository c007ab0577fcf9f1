"""What the models predict of published facts: small functions by name, each with its unit and what decides it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache

import torch

from beolith import units
from beolith.card import Card, Entry
from beolith.errors import BeolithError, nearest

from ... import library
from ...hydrogen import hydrogen_media
from . import barriers, bias, capacitances, currents, hold, metal, mobilities, noises, slopes, spread, thresholds
from .base import CONDITIONS, Predictor

PREDICTORS: dict[str, Predictor] = {
    name: predictor
    for part in (currents, slopes, thresholds, mobilities, capacitances, metal, hold, bias, barriers, noises, spread)
    for name, predictor in part.PREDICTORS.items()
}
"""Everything that may stand in the column ``tied`` of the ledger."""
SUBJECTS = ("card", "medium")
"""What a prediction is about: a transistor, or a material of a stack."""


def predict(name: str, arguments: Mapping[str, str]) -> float:
    """A prediction from the text of the ledger [unit of the predictor].

    Args:
        name: A key of :data:`PREDICTORS`.
        arguments: As text: ``card`` or ``medium``, conditions with their units, and numbers of the card to replace.

    Raises:
        BeolithError: Unknown predictor, argument or card, a missing argument, or a number without the right unit.
    """
    function = predictor(name).function
    parameters = inspect.signature(function).parameters
    subjects = [key for key in SUBJECTS if key in arguments]
    conditions = [key for key in parameters if key in CONDITIONS]
    changes = {key: text for key, text in arguments.items() if "." in key}
    if len(subjects) != len(parameters) - len(conditions):
        raise BeolithError(f"{name} is about {'nothing' if subjects else 'one card or one medium'}; see {SUBJECTS}")
    for key in arguments:
        if key not in (*SUBJECTS, *conditions, *changes):
            raise BeolithError(f"{name} has no argument {key!r}; {nearest(key, [*SUBJECTS, *conditions])}")
    empty = inspect.Parameter.empty
    if missing := [key for key in conditions if key not in arguments and parameters[key].default is empty]:
        raise BeolithError(f"{name} needs {', '.join(missing)}")
    numbers = {key: units.parse(arguments[key], CONDITIONS[key]) for key in conditions if key in arguments}
    given = {key: torch.tensor(value, dtype=torch.float64) for key, value in numbers.items()}
    return float(function(*(_subject(key, arguments[key], changes) for key in subjects), **given))


def predictor(name: str) -> Predictor:
    """A predictor by its name.

    Raises:
        BeolithError: There is none.
    """
    if name not in PREDICTORS:
        raise BeolithError(f"nothing called {name!r} predicts; {nearest(name, PREDICTORS)}")
    return PREDICTORS[name]


def digests(arguments: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and content address of the card that a prediction reads, without what replaces its numbers."""
    yield from ((arguments[kind], _CARDS[kind](arguments[kind]).digest) for kind in SUBJECTS if kind in arguments)


def deciding(name: str, arguments: Mapping[str, str]) -> Iterator[tuple[str, Entry]]:
    """Numbers of its card, ``section.parameter``, that decide a prediction, as the card itself has them."""
    patterns = predictor(name).decided_by
    for subject in set(SUBJECTS) & set(arguments):
        for section, entry in _CARDS[subject](arguments[subject]).items():
            if any(fnmatchcase(f"{section}.{entry.name}", pattern) for pattern in patterns):
                yield f"{section}.{entry.name}", entry


def _subject(kind: str, name: str, changes: Mapping[str, str]) -> library.Device | hydrogen_media.Medium:
    if kind == "card":
        return _device(name, tuple(sorted(changes.items())))
    if changes:
        raise BeolithError(f"numbers of a medium cannot be replaced: {', '.join(changes)}")
    return hydrogen_media.medium(name)


@cache
def _device(name: str, changes: tuple[tuple[str, str], ...] = ()) -> library.Device:
    return library.load(name, dict(changes))


_CARDS: Mapping[str, Callable[[str], Card]] = {
    "card": lambda name: _device(name).card,
    "medium": hydrogen_media.card,
}
