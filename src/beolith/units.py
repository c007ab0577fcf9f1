"""Units at the edge: text goes in, plain SI numbers come out, and nothing inside ever sees a unit."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import BeolithError, nearest

if TYPE_CHECKING:
    from pint import Unit, UnitRegistry

DEFINITIONS = ("dec = 1", "square = 1 = sq")  # mV/dec reads as V, ohm/sq as ohm
PREFIXES = ("y", "z", "a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y")
EXAMPLES = {
    "": "'1', '%'",
    "1": "'1', '%'",
    "A": "'A', 'uA'",
    "A/m": "'A/m', 'uA/um'",
    "F/m**2": "'F/m**2', 'uF/cm**2'",
    "J": "'J', 'eV'",
    "K": "'K', 'degC'",
    "V": "'V', 'mV'",
    "m": "'m', 'nm'",
    "m**2/(V*s)": "'m**2/(V*s)', 'cm**2/(V*s)'",
    "1/m**2": "'1/m**2', '1/cm**2'",
    "1/m**3": "'1/m**3', '1/cm**3'",
    "1/(m**2*J)": "'1/(m**2*J)', '1/(cm**2*eV)'",
    "1/(m**3*J)": "'1/(m**3*J)', '1/(cm**3*eV)'",
    "s": "'s', 'ns', 'year'",
}
COMMON = "nm um mm cm mV uA nA pA fA fF pF nF uF mW uW nW fJ pJ ns us ms kHz MHz GHz meV kohm degC MPa"
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*", re.DOTALL)
_POWER = re.compile(r"(\*\*|\^)\s*(\(\s*-?\d{1,2}(\.\d)?\s*\)|-?\d{1,2}(\.\d)?)(?![\d.]|\s*(\*\*|\^))")
_PRODUCT = re.compile(r"(?:1|[^\W\d]+|[\s*/()%°·])*")
_SYMBOL = re.compile(r"([A-Za-z]+)((?:/|\*(?!\*)|\s).*)?", re.DOTALL)
_NEVER_LARGE = frozenset({"s", "K", "m"})  # nobody says megaseconds


@cache
def _registry() -> UnitRegistry[Any]:
    import pint

    registry: UnitRegistry[Any] = pint.UnitRegistry(cache_folder=None)
    for definition in DEFINITIONS:
        registry.define(definition)
    return registry


@cache
def _unit(text: str) -> Unit:
    """The unit that a text names; products of powers only, because pint would evaluate 9**9**9 for ever."""
    import pint

    if len(text) > 60 or not _PRODUCT.fullmatch(_POWER.sub(" ", text)):
        raise BeolithError(f"unit {text[:60]!r} is not a product of units such as 'cm**2/(V*s)'")
    try:
        return _registry().parse_units(text)
    except pint.UndefinedUnitError as error:
        names = (error.unit_names,) if isinstance(error.unit_names, str) else tuple(error.unit_names)
        # a registry lists a thousand units: say the one that was nearly written, never all of them
        hint = nearest(names[0], [*COMMON.split(), *_registry()])
        hint = hint if hint.startswith("did") else "write it in SI, for example 'm', 'V', 'A/m', 'm**2/(V*s)'"
        raise BeolithError(f"unknown unit {names[0]!r} in {text!r}; {hint}") from None
    except Exception as error:  # pint lets its tokenizer's and its own assertions through
        raise BeolithError(f"unit {text!r} cannot be read; write a product of units such as 'cm**2/(V*s)'") from error


def to_si(value: float, unit: str, si_unit: str) -> float:
    """A value in SI units.

    Args:
        value: Number as published.
        unit: Its unit, such as ``nm``, ``degC`` or ``1/(cm**2*eV)``.
        si_unit: Unit to convert to; any unit of the same dimension will do.

    Raises:
        BeolithError: The unit is unknown or of another dimension.

    Example:
        >>> to_si(85, "degC", "K")
        358.15
    """
    import pint

    given, wanted = _unit(unit), _unit(si_unit)
    try:
        return float(_registry().Quantity(float(value), given).to(wanted).magnitude)
    except pint.DimensionalityError:
        examples = EXAMPLES.get(si_unit, repr(si_unit))
        raise BeolithError(
            f"unit {unit!r} measures {_dimension(given)}, but {_dimension(wanted)} is wanted here: {examples}"
        ) from None
    except (pint.PintError, ArithmeticError, ValueError) as error:
        raise BeolithError(f"{value!r} {unit} cannot be expressed in {si_unit!r}: {error}") from error


def _dimension(unit: Unit) -> str:
    text = str(unit.dimensionality)
    return "a plain number" if text == "dimensionless" else text


def scale(unit: str, si_unit: str) -> float:
    """Length of one step of a unit in SI: what an uncertainty is multiplied by, where 0 degC is not 0 K."""
    return to_si(1.0, unit, si_unit) - to_si(0.0, unit, si_unit)


def split(text: str | float) -> tuple[float, str | None]:
    """Number and unit of a text such as ``85 degC``; the unit is None for a bare number.

    Raises:
        BeolithError: The text does not begin with a number.
    """
    try:
        return float(text), None
    except ValueError:
        match = _NUMBER.fullmatch(str(text))
    if match is None:
        raise BeolithError(f"{text!r} is not a number with a unit such as '358 K' or '10 ns'")
    return float(match[1]), match[2]


def parse(text: str | float, si_unit: str) -> float:
    """A quantity as people write it, in SI; a bare number is SI already.

    Args:
        text: Such as ``358 K``, ``85 degC``, ``10 ns``, ``1e3`` or a number.
        si_unit: Unit of the result.

    Raises:
        BeolithError: No number, unknown unit or wrong dimension.

    Example:
        >>> parse("85 degC", "K")
        358.15
    """
    value, unit = split(text)
    return value if unit is None else to_si(value, unit, si_unit)


def pretty(value: float, unit: str) -> str:
    """A quantity for human eyes, five digits and an SI prefix where the unit can carry one.

    Args:
        value: Number in ``unit``.
        unit: Unit as in cards and Datasets; ``""`` and ``1`` are dimensionless.

    Example:
        >>> pretty(3e-21, "A/m")
        '3 zA/m'
    """
    bare = "" if unit == "1" else unit
    symbol = _SYMBOL.fullmatch(bare)
    if not symbol or symbol[1] in ("kg", "degC") or value == 0 or not math.isfinite(value):
        return f"{value:.5g} {bare}".strip()
    decade = math.floor(math.log10(abs(float(f"{value:.5g}"))) + 1e-12)
    step = decade // 3
    if abs(step) > len(PREFIXES) // 2 or (step > 0 and symbol[1] in _NEVER_LARGE):
        return f"{value:.5g} {bare}"
    return f"{value / 1000.0**step:.5g} {PREFIXES[step + len(PREFIXES) // 2]}{bare}"
