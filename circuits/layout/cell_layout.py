"""The smallest layout of a bitcell under stated rules, tier by tier.

    found = layout(load("gain_2t0c_hybrid"))
    found.area, found.area_in_f2, found.tiers[0].own_area

Silicon lies in the front end; any other semiconductor on one tier of the back end; capacitors stand over both. Tiers
share one cell, whose width and height hold each of them, so a cell is at least as large as its largest tier.

Not drawn: wells' contacts, which an array has every so many cells, and the wires inside the cell, which are taken to
find room above it. Bit, word and supply lines are counted against the sides of the cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch

from beolith import card as cards
from beolith import registry
from beolith.errors import BeolithError

from ..bitcells.base import Bitcell, Number, Place
from .candidates import Block, Device, blocks
from .capacitors import place_plates, plates, room
from .design_rules import CapacitorRules, Rules, TierRules, load, load_capacitors
from .lines import Lines, lines_of, tracks
from .placement import Floats, Sized, columns, heights
from .realise import shapes
from .shapes import ACTIVE, CONTACT, GATE, Shape, covered

SILICON, OXIDE, CAPACITORS = "silicon", "oxide", "capacitors"
MOST = 8
"""Transistors of a tier; the arrangements of more are too many to look at all of them."""
TRIED = 512
"""Arrangements of one shape that are tried at the sizes of a cell, the most compact ones at the smallest sizes."""


@dataclass(frozen=True)
class Tier:
    """What lies on one tier of a cell.

    Attributes:
        name: ``silicon``, ``oxide`` or ``capacitors``.
        rules: Name of its card of rules.
        own_width: Along the word lines, what it would need alone [m].
        own_height: Along the bit lines [m].
        shapes: Rectangles.
        utilisation: Share of the cell under any of them but lines and wells [1].
    """

    name: str
    rules: str
    own_width: float
    own_height: float
    shapes: tuple[Shape, ...]
    utilisation: float

    @property
    def own_area(self) -> float:
        """Footprint of this tier alone [m^2]."""
        return self.own_width * self.own_height


@dataclass(frozen=True)
class Layout:
    """A cell.

    Attributes:
        title: What it is of.
        width: Pitch along the word lines [m].
        height: Pitch along the bit lines [m].
        feature_size: F [m].
        tiers: From the bottom.
        lines: Nodes that leave the cell.
    """

    title: str
    width: float
    height: float
    feature_size: float
    tiers: tuple[Tier, ...]
    lines: Lines

    @property
    def area(self) -> float:
        """Footprint of the cell [m^2]."""
        return self.width * self.height

    @property
    def area_in_f2(self) -> float:
        """Footprint of the cell [F^2]."""
        return self.area / self.feature_size**2


@dataclass(frozen=True)
class _Option:
    """An arrangement of one tier that no other beats in width and height."""

    block: Block
    width: float
    height: float
    turned: bool
    shared: frozenset[str]


def layout(
    cell: Bitcell,
    *,
    silicon: str = "freepdk45",
    oxide: str = "oxide_beol_45nm",
    capacitor: str = "trench_45nm",
) -> Layout:
    """The smallest layout of a cell among the arrangements that are tried; of a batch, that of its largest sizes.

    Args:
        cell: Which.
        silicon: Rules of silicon transistors, a name or a path.
        oxide: Rules of all other transistors.
        capacitor: Rules of capacitors.

    Raises:
        BeolithError: Unknown rules or cards, or more than eight transistors on a tier.
    """
    rules = {SILICON: load(silicon), OXIDE: load(oxide)}
    store = load_capacitors(capacitor)
    sized = {name: found for name in rules if (found := _sized(cell, name, rules[name].values))}
    areas, lines = plates(cell, store.values), lines_of(cell)
    options = [_options(found, rules[name].values, lines) for name, found in sized.items()]
    best: tuple[float, float, float, tuple[_Option, ...], bool] | None = None
    for along_bits in (True, False):
        least = _least(sized, rules, lines, along_bits=along_bits)
        for choice in product(*options):
            width = max(least[0], *(option.width for option in choice))
            height = max(least[1], *(option.height for option in choice))
            for w, h in room(areas, store.values, width, height):
                if best is None or w * h < best[0] * (1 - 1e-12):
                    best = w * h, w, h, choice, along_bits
    assert best is not None
    _, width, height, choice, along_bits = best
    tiers = [
        _tier(name, found, rules[name], option, (width, height), lines, along_bits=along_bits)
        for (name, found), option in zip(sized.items(), choice, strict=True)
    ]
    if areas:
        tiers.append(_capacitors(areas, store.card.key, store.values, width, height))
    first = next(iter(sized))
    return Layout(cell.title, width, height, rules[first].values.feature_size, tuple(tiers), lines)


def _sized(cell: Bitcell, tier: str, rules: TierRules) -> Sized | None:
    """The transistors of a tier as they are drawn: nothing narrower or shorter than the rules allow."""
    found = {name: place for name, place in cell.transistors.items() if _facts(place)[0] == tier}
    if len(found) > MOST:
        raise BeolithError(f"bitcell {cell.title!r}: {len(found)} transistors of {tier}; allowed: up to {MOST}")
    if not found:
        return None
    return Sized(
        tuple(found),
        tuple(Device(x.gate, x.drain, x.source, _facts(x)[1]) for x in found.values()),
        tuple(max(_largest(x.width), rules.active_width) for x in found.values()),
        tuple(max(_largest(x.length), rules.gate_length) for x in found.values()),
    )


def _facts(place: Place) -> tuple[str, bool]:
    """The tier a transistor lies on, and whether it is p-type."""
    if isinstance(place.card, str):
        path = registry.path("cards", place.card)
        card = _read(path, path.stat().st_mtime_ns)
    else:
        card = place.card.card
    return SILICON if card.material.split()[:1] == ["Si"] else OXIDE, card.polarity == "p"


@cache
def _read(path: Path, changed: int) -> cards.Card:
    """A card, read again if its file has changed."""
    return cards.read(path)


def _largest(value: Number) -> float:
    return float(torch.as_tensor(value, dtype=torch.float64).max())


def _least(
    sized: Mapping[str, Sized], rules: Mapping[str, Rules], lines: Lines, *, along_bits: bool
) -> tuple[float, float]:
    """Width and height that the lines of the fullest tier need [m]."""
    counts = [(lines.on(found, along_bits=along_bits), rules[name].values.line_pitch) for name, found in sized.items()]
    return max(len(bits) * pitch for (_, bits), pitch in counts), max(
        len(words) * pitch for (words, _), pitch in counts
    )


def _options(sized: Sized, rules: TierRules, lines: Lines) -> list[_Option]:
    """Arrangements of a tier, its rows along the word lines or along the bit lines, that no other beats both ways."""
    found: list[tuple[float, float, Block, int, bool, frozenset[str]]] = []
    for turned in (False, True):
        ahead, across = (lines.bits, lines.words) if turned else (lines.words, lines.bits)
        ahead, across = ahead | lines.supplies, across | lines.supplies
        for block in _tried(sized.devices, rules, lines, ahead, across):
            wide, high = columns(block, sized, rules)[1], heights(block, sized, rules, across).total
            for n in _front(wide, high):
                size = (float(high[n]), float(wide[n])) if turned else (float(wide[n]), float(high[n]))
                found.append((*size, block, n, turned, across))
    kept = _front(np.array([x[0] for x in found]), np.array([x[1] for x in found]))
    return [
        _Option(block.take(np.array([n])), width, height, turned, across)
        for width, height, block, n, turned, across in (found[k] for k in kept)
    ]


@cache
def _tried(
    devices: tuple[Device, ...], rules: TierRules, lines: Lines, ahead: frozenset[str], across: frozenset[str]
) -> tuple[Block, ...]:
    """The arrangements that are compact with the smallest transistors: the same ones, whatever the sizes."""
    smallest = Sized((), devices, (rules.active_width,) * len(devices), (rules.gate_length,) * len(devices))
    found = blocks(devices, ahead, lines.bare)
    areas = [columns(b, smallest, rules)[1] * heights(b, smallest, rules, across).total for b in found]
    return tuple(b.take(np.argsort(a, kind="stable")[:TRIED]) for b, a in zip(found, areas, strict=True))


def _front(widths: Floats, heights: Floats) -> Iterator[int]:
    """Indices of what nothing else beats in both directions, from narrow to wide."""
    lowest = np.inf
    for n in np.lexsort((heights, widths)):
        if heights[n] < lowest - 1e-15:
            lowest = heights[n]
            yield int(n)


def _tier(
    name: str,
    sized: Sized,
    rules: Rules,
    option: _Option,
    size: tuple[float, float],
    lines: Lines,
    *,
    along_bits: bool,
) -> Tier:
    box = size[::-1] if option.turned else size
    drawn = shapes(option.block, sized, rules.values, box, option.shared)
    placed = tuple(shape.transposed() for shape in drawn) if option.turned else drawn
    solid = tuple(shape for shape in placed if shape.layer in (ACTIVE, GATE, CONTACT))
    wires = tracks(*lines.on(sized, along_bits=along_bits), size, rules.values.line_width)
    return Tier(name, rules.card.key, option.width, option.height, (*placed, *wires), _share(solid, *size))


def _capacitors(areas: Mapping[str, float], key: str, rules: CapacitorRules, width: float, height: float) -> Tier:
    drawn = place_plates(areas, rules, width, height)
    own = sum(s.width + rules.spacing for s in drawn), max(s.height + rules.spacing for s in drawn)
    return Tier(CAPACITORS, key, *own, drawn, _share(drawn, width, height))


def _share(shapes: tuple[Shape, ...], width: float, height: float) -> float:
    return covered(Shape("", "", 0.0, 0.0, width, height), shapes)
