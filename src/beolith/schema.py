"""How a model declares its parameters: unit, meaning, allowed range and default travel with the dataclass field."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

How = Literal["measured", "fitted", "derived", "assumed"]
_KEY = "beolith"


@dataclass(frozen=True)
class Spec:
    """What a card may say about one parameter; numbers in SI.

    Attributes:
        name: Name of the field, which is its key in a card.
        unit: SI unit; ``""`` is dimensionless.
        doc: Meaning, in the field's words.
        low: Smallest value allowed.
        high: Largest value allowed.
        default: Value when a card does not set it; None makes it required.
        source: BibTeX key of the default, or ``own``.
        how: How the default was come by.
        note: What else there is to say about the default.
    """

    name: str
    unit: str
    doc: str
    low: float = -math.inf
    high: float = math.inf
    default: float | None = None
    source: str = "own"
    how: How = "assumed"
    note: str = ""


def parameter(
    unit: str,
    doc: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    default: float | None = None,
    source: str = "",
    how: str = "",
    note: str = "",
) -> Any:
    """A dataclass field that knows its unit, range and meaning; what it holds is up to the model.

    The default is what a *card* may leave out; the dataclass itself asks for every value, so that none is silent.

    Args:
        unit: SI unit.
        doc: Meaning.
        low: Smallest value allowed [unit].
        high: Largest value allowed [unit].
        default: Value when a card does not set it; None makes it required [unit].
        source: BibTeX key of the default, or ``own``.
        how: ``measured``, ``fitted``, ``derived`` or ``assumed``.
        note: Why; an assumed default needs it.

    Raises:
        ValueError: A default outside its range, or one that does not say where it comes from.
    """
    if default is not None:
        if not low <= default <= high:
            raise ValueError(f"default {default} of {doc!r} is outside {low} .. {high}")
        if not source or how not in get_args(How) or (how == "assumed" and not note):
            raise ValueError(f"default of {doc!r} needs a source, how it was come by and, if assumed, a note")
    spec = Spec("", unit, doc, low, high, default, source, how or "assumed", note)  # type: ignore[arg-type]
    return dataclasses.field(metadata={_KEY: spec})


def specs(schema: type) -> Mapping[str, Spec]:
    """The parameters that a dataclass declares, by name; fields not made by :func:`parameter` are none of ours."""
    fields = (field for field in dataclasses.fields(schema) if _KEY in field.metadata)
    return {field.name: dataclasses.replace(field.metadata[_KEY], name=field.name) for field in fields}
