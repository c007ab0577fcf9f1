"""One spelling of every value: plain JSON for people and programs, and a content address for caches."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

from .errors import DataError


def plain(value: Any, *, strict: bool = False) -> Any:
    """The same value made of dict, list, str, int, float, bool and None only.

    Args:
        value: Mappings, sequences, sets, paths, numpy or torch scalars and arrays, in any nesting.
        strict: Replace NaN and the infinities by None, as JSON proper knows neither.

    Raises:
        DataError: Something in it has no plain spelling.
    """
    match value:
        case float() if strict and not math.isfinite(value):
            return None
        case None | bool() | int():
            return value
        case float() | str():
            return getattr(value, "item", lambda: value)()  # those of numpy are floats and texts too
        case Mapping():
            return {str(key): plain(item, strict=strict) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, strict=strict) for item in value]
        case set() | frozenset():
            return sorted(plain(item, strict=strict) for item in value)
        case PathLike():
            return fspath(value)
        case _ if hasattr(value, "tolist"):  # numpy and torch, without importing either
            return plain(value.tolist(), strict=strict)
    raise DataError(
        f"a {type(value).__name__} cannot be written as JSON; use numbers, text, lists and mappings of them"
    )


def spell(value: Any) -> str:
    """Canonical JSON: sorted keys, no blanks, floats by their exact ``repr``."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """Content address of a value: equal content has an equal address, on every machine and in every year."""
    return hashlib.sha256(spell(value).encode()).hexdigest()
