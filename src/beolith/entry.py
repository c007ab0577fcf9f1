"""One number of a card: its value in SI, what was published, by whom, where in the work, and how it was come by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from . import units
from .errors import BeolithError, CardError, nearest
from .schema import How, Spec
from .sources import WITHOUT_ENTRY

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
UnitText = Annotated[str, BeforeValidator(lambda unit: "1" if unit == 1 and not isinstance(unit, bool) else unit)]


@dataclass(frozen=True)
class Entry:
    """One number of a card.

    Attributes:
        name: Parameter.
        value: Value in SI.
        unit: SI unit; ``""`` is dimensionless.
        given_value: Value as published.
        given_unit: Unit as published.
        source: BibTeX key, ``own`` or ``user``.
        where: Figure, table or sentence of the source.
        how: ``measured``, ``fitted``, ``derived`` or ``assumed``.
        sigma: Standard deviation in SI, or None.
        prior: Range in SI in which the number may lie where no work states it, or None.
        note: Anything else worth knowing.
        default: True if the card is silent and the model speaks.
    """

    name: str
    value: float
    unit: str
    given_value: float
    given_unit: str
    source: str
    where: str
    how: How
    sigma: float | None = None
    note: str = ""
    default: bool = False
    prior: tuple[float, float] | None = None


class _Given(BaseModel):
    """The keys of an entry in YAML."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Number
    unit: UnitText
    source: str = Field(min_length=1)
    where: str = ""
    how: How
    sigma: Annotated[Number, Field(ge=0)] | None = None
    prior: tuple[Number, Number] | None = None
    note: str = ""


def default(spec: Spec) -> Entry:
    """The entry of a parameter that a card does not set."""
    assert spec.default is not None, f"{spec.name} has no default"
    value = float(spec.default)
    return Entry(spec.name, value, spec.unit, value, spec.unit, spec.source, "", spec.how, note=spec.note, default=True)


def read(raw: Any, spec: Spec) -> Entry:
    """The entry that a piece of YAML describes.

    Args:
        raw: Content of the entry.
        spec: What the model allows.

    Raises:
        CardError: With one line for each fault.
    """
    try:
        given = _Given.model_validate(raw)
    except ValidationError as error:
        raise CardError("\n".join(map(_rephrase, error.errors()))) from None
    faults = []
    if given.how == "assumed" and len(given.note.split()) < 3:
        faults.append("how is 'assumed', which needs a sentence in note that says why")
    if not given.where and given.source not in WITHOUT_ENTRY:
        faults.append(f"where is missing; name the figure, table or sentence of {given.source}")
    try:
        value = convert(given.value, given.unit, spec)
        sigma = None if given.sigma is None else given.sigma * units.scale(given.unit, spec.unit)
        prior = None if given.prior is None else _prior(given, spec)
    except BeolithError as error:
        faults.append(str(error))
    if faults:
        raise CardError("\n".join(faults))
    rest = given.model_dump(include={"source", "where", "how", "note"})
    return Entry(spec.name, value, spec.unit, given.value, given.unit, sigma=sigma, prior=prior, **rest)


def convert(value: float, unit: str, spec: Spec) -> float:
    """A published number in SI, if the model allows it.

    Raises:
        BeolithError: Wrong dimension, or out of range.
    """
    si = units.to_si(value, unit, spec.unit)
    if spec.low <= si <= spec.high and not math.isnan(si):
        return si
    raise BeolithError(f"{value:g} {unit} is out of range; allowed: {_range(spec, unit)}".replace("  ", " "))


def _prior(given: _Given, spec: Spec) -> tuple[float, float]:
    """The prior range of an entry in SI; it must hold the value, and the model must allow all of it."""
    assert given.prior is not None
    low, high = given.prior
    if not low <= given.value <= high or low == high:
        raise BeolithError(f"prior {low:g} to {high:g} {given.unit} does not hold the value {given.value:g}")
    return convert(low, given.unit, spec), convert(high, given.unit, spec)


def _range(spec: Spec, unit: str) -> str:
    low, high = (
        f"{units.to_si(bound, spec.unit, unit):.6g} {unit}".strip() if math.isfinite(bound) else ""
        for bound in (spec.low, spec.high)
    )
    return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"


def _rephrase(fault: Any) -> str:
    """A pydantic fault in our words."""
    keys = tuple(_Given.model_fields)
    key = ".".join(str(part) for part in fault["loc"]) or "entry"
    match fault["type"]:
        case "extra_forbidden":
            return f"unknown key {key!r}; {nearest(key, keys)}"
        case "missing":
            return f"{key} is missing; an entry has {', '.join(keys)}"
        case "model_type" | "model_attributes_type":
            return "not an entry; write {value: 12, unit: nm, source: ..., where: ..., how: ...}"
    return f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r:.40}"
