"""What happens to a transistor in the fab: a stack of layers and a list of thermal-budget steps, read from YAML.

    title: Forming-gas anneal under an alumina cap
    channel: igzo                    # the layer of the stack that carries the current
    gate: below                      # on which side of it the gate dielectric lies
    contacts: 1e19 1/cm**3           # hydrogen at the ends of the channel; without it none comes from there
    stack:                           # from the ambient down; what lies below the last layer is sealed
      - {medium: sio2, thickness: 50 nm, hydrogen: {prior: [1e18, 1e20], unit: 1/cm**3}}
      - {medium: al2o3, thickness: 3 nm}
      - {medium: igzo, thickness: 8 nm}
    steps:
      - {duration: 30 min, temperature: 350 degC, ambient: 1e18 1/cm**3}
      - {duration: 1 h, temperature: 400 degC}       # without ambient the top is sealed

A quantity is a number with its unit, or a range that is known no better. Concentrations are in the scale of the
semiconductor: what it would hold in equilibrium with that ambient or contact; ``hydrogen`` of a layer is its own. The
contacts hold the ends of the channel at their value: a film that has more loses hydrogen to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beolith import strict_yaml, units
from beolith.errors import BeolithError, DataError, nearest

from . import hydrogen_media
from .priors import Prior

_KEYS = ("title", "channel", "gate", "contacts", "stack", "steps")
_LAYER = {"thickness": "m", "hydrogen": "1/m**3"}
_STEP = {"duration": "s", "temperature": "K", "ambient": "1/m**3"}
_LIMITS = {"s": (0.0, 1e12), "K": (1.0, 3000.0), "m": (1e-10, 1e-2), "1/m**3": (0.0, 1e30)}
_SHOWN = {"s": "s", "K": "K", "m": "nm", "1/m**3": "1/cm**3"}


@dataclass(frozen=True)
class Quantity:
    """A number, or the range in which it lies (SI).

    Attributes:
        value: The number; of a range its middle.
        prior: The range, or None.
    """

    value: float
    prior: Prior | None = None


@dataclass(frozen=True)
class Layer:
    """A layer of the stack: its medium, its thickness [m] and the free hydrogen it starts with [m^-3]."""

    medium: str
    thickness: Quantity
    hydrogen: Quantity


@dataclass(frozen=True)
class Step:
    """A stretch of constant heat: duration [s], temperature [K], concentration outside [m^-3] or None if sealed."""

    duration: Quantity
    temperature: Quantity
    ambient: Quantity | None


@dataclass(frozen=True)
class Recipe:
    """A process.

    Attributes:
        title: What it is, in one line.
        stack: Layers from the ambient down.
        steps: Thermal budget, oldest first.
        channel: Place of the channel in the stack.
        gate_below: Whether the gate dielectric lies below the channel.
        contacts: Hydrogen that the contacts hold the ends of the channel at [m^-3], or None.
    """

    title: str
    stack: tuple[Layer, ...]
    steps: tuple[Step, ...]
    channel: int
    gate_below: bool = True
    contacts: Quantity | None = None

    def __post_init__(self) -> None:
        if faults := list(_impossible(self)):
            raise BeolithError("\n".join(faults))

    def quantities(self) -> dict[str, Quantity]:
        """Every number of the recipe by name, such as ``stack[0].thickness``."""
        found = {f"stack[{i}].{k}": getattr(layer, k) for i, layer in enumerate(self.stack) for k in _LAYER}
        found |= {f"steps[{i}].{k}": getattr(step, k) for i, step in enumerate(self.steps) for k in _STEP}
        found["contacts"] = self.contacts
        return {name: quantity for name, quantity in found.items() if quantity is not None}


def load(path: Path) -> Recipe:
    """The process that a YAML file describes.

    Raises:
        DataError: With a line ``file: where: what; allowed; nearest`` for every fault of the file.
    """
    try:
        document, faults = strict_yaml.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, DataError) as error:
        raise DataError(f"{path.name}: {error}") from error
    try:
        return read(document, faults)
    except BeolithError as error:
        raise DataError("\n".join(f"{path.name}: {line}" for line in str(error).splitlines())) from None


def read(document: Any, faults: list[str] | None = None) -> Recipe:
    """The process that the content of a YAML file describes.

    Args:
        document: Mapping with the keys of the module docstring.
        faults: What is already known to be wrong.

    Raises:
        BeolithError: With a line for each fault.
    """
    if not isinstance(document, Mapping):
        raise BeolithError(f"a process is a mapping of {', '.join(_KEYS)}")
    faults = [*(faults or []), *(f"{key}: unknown key; {nearest(key, _KEYS)}" for key in document if key not in _KEYS)]
    stack = [_layer(f"stack[{i}]", raw, faults) for i, raw in enumerate(_items(document, "stack", faults))]
    steps = [_step(f"steps[{i}]", raw, faults) for i, raw in enumerate(_items(document, "steps", faults))]
    contacts = _quantity("contacts", document, "1/m**3", faults)
    media = [layer.medium for layer in stack]
    channel = str(document.get("channel", ""))
    if media and media.count(channel) != 1:
        found = "in no layer" if channel not in media else f"in {media.count(channel)} layers"
        faults.append(f"channel: {channel!r} is {found} of the stack, but one must carry the current; it has {media}")
    gate = document.get("gate", "below")
    if gate not in ("above", "below"):
        faults.append(f"gate: {gate!r:.40} is no side; {nearest(gate, ('above', 'below'))}")
    if faults:
        raise BeolithError("\n".join(faults))
    title = str(document.get("title", ""))
    return Recipe(title, tuple(stack), tuple(steps), media.index(channel), gate == "below", contacts)


def _items(document: Mapping[str, Any], key: str, faults: list[str]) -> list[Any]:
    raw = document.get(key)
    if isinstance(raw, list) and raw:
        return raw
    faults.append(f"{key}: give at least one, as a list")
    return []


def _layer(where: str, raw: Any, faults: list[str]) -> Layer:
    raw = _mapping(where, raw, ("medium", *_LAYER), faults)
    name = str(raw.get("medium", ""))
    try:
        hydrogen_media.card(name)
    except BeolithError as error:
        faults += [f"{where}.medium: {line}" for line in str(error).splitlines()]
    thickness = _quantity(f"{where}.thickness", raw, "m", faults, needed=True)
    return Layer(
        name, thickness or Quantity(1.0), _quantity(f"{where}.hydrogen", raw, "1/m**3", faults) or Quantity(0.0)
    )


def _step(where: str, raw: Any, faults: list[str]) -> Step:
    raw = _mapping(where, raw, _STEP, faults)
    duration = _quantity(f"{where}.duration", raw, "s", faults, needed=True)
    temperature = _quantity(f"{where}.temperature", raw, "K", faults, needed=True)
    ambient = _quantity(f"{where}.ambient", raw, "1/m**3", faults)
    return Step(duration or Quantity(0.0), temperature or Quantity(300.0), ambient)


def _mapping(where: str, raw: Any, keys: Any, faults: list[str]) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        faults.append(f"{where}: {raw!r:.40} is not a mapping of {', '.join(keys)}")
        return {}
    faults += [f"{where}.{key}: unknown key; {nearest(key, keys)}" for key in raw if key not in keys]
    return raw


def _quantity(
    where: str, raw: Mapping[str, Any], unit: str, faults: list[str], *, needed: bool = False
) -> Quantity | None:
    """The number or range that a mapping holds under the last part of a name; what is wrong is added to the faults."""
    given = raw.get(where.rpartition(".")[2])
    if given is None:
        if needed:
            faults.append(f"{where}: missing; write a number with its unit, such as {units.EXAMPLES[unit]}")
        return None
    try:
        if isinstance(given, Mapping):
            return _range(given, unit)
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise BeolithError(f"{given!r:.40} is not a number with its unit")
        return Quantity(_within(units.parse(given, unit), unit))
    except BeolithError as error:
        faults.append(f"{where}: {error}")
        return None


def _range(given: Mapping[str, Any], unit: str) -> Quantity:
    ends = given.get("prior")
    numbers = isinstance(ends, list) and len(ends) == 2 and all(type(x) in (int, float) for x in ends)
    if set(given) - {"prior", "unit"} or not numbers:
        raise BeolithError("a range is {prior: [low, high], unit: ...}")
    low, high = (_within(units.to_si(x, str(given.get("unit", unit)), unit), unit) for x in ends)  # type: ignore[union-attr]
    prior = Prior(low, high)
    middle = (low * high) ** 0.5 if prior.logarithmic else 0.5 * (low + high)
    return Quantity(middle, prior)


def _within(value: float, unit: str) -> float:
    low, high = _LIMITS[unit]
    if low <= value <= high:  # false for nan, too
        return value
    shown = [f"{units.to_si(x, unit, _SHOWN[unit]):g}" for x in (value, low, high)]
    raise BeolithError(f"{shown[0]} {_SHOWN[unit]} is out of range; allowed: {shown[1]} to {shown[2]} {_SHOWN[unit]}")


def _impossible(recipe: Recipe) -> Iterator[str]:
    """What no process can be, however it was written."""
    if not recipe.stack:
        yield "stack: no layer in it; give at least one"
        return
    if not recipe.steps:
        yield "steps: none; give at least one"
    for name, quantity in recipe.quantities().items():
        unit = {**_LAYER, **_STEP, "contacts": "1/m**3"}[name.rpartition(".")[2]]
        for value in (quantity.value, *((quantity.prior.low, quantity.prior.high) if quantity.prior else ())):
            try:
                _within(value, unit)
            except BeolithError as error:
                yield f"{name}: {error}"
    media = [hydrogen_media.medium(layer.medium) for layer in recipe.stack]
    if media[recipe.channel].is_barrier:
        yield f"channel: {media[recipe.channel].name} is a barrier, which stores no hydrogen"
    for i, layer in enumerate(recipe.stack):
        if media[i].is_barrier and layer.hydrogen.value > 0:
            yield f"stack[{i}].hydrogen: {media[i].name} is a barrier, which stores no hydrogen; put it into a layer"
    for i, step in enumerate(recipe.steps):
        hottest = step.temperature.prior.high if step.temperature.prior else step.temperature.value
        for m in {m.name: m for m in media}.values():
            if hottest > (limit := float(m.limits.stability)):
                yield (
                    f"steps[{i}].temperature: {hottest - 273.15:.4g} degC is above the stability limit of {m.name}, "
                    f"{limit - 273.15:.4g} degC"
                )
