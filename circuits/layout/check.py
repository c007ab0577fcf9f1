"""A rule check of finished rectangles that knows nothing of how they were placed.

The cell is tiled as in an array, every neighbour the mirror image of the cell at their common edge, and every pair of
rectangles of the cell and its eight neighbours is measured. What touches is one piece. The only nodes that may go on
into a neighbour are those that have a line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product

from .cell_layout import CAPACITORS, Layout, Tier
from .design_rules import CapacitorRules, TierRules, load, load_capacitors
from .shapes import ACTIVE, BIT_LINE, CAPACITOR, CONTACT, GATE, WELL, WORD_LINE, Shape, box, covered

TOLERANCE = 1e-13
"""Of a distance [m]: a ten-thousandth of a nanometre."""


def faults(layout: Layout) -> list[str]:
    """What breaks the rules, a sentence each; nothing if all is well.

    Args:
        layout: A cell.

    Raises:
        BeolithError: A card of its rules cannot be found.
    """
    found: list[str] = []
    for tier in layout.tiers:
        shapes = tiled(tier, layout)
        if tier.name == CAPACITORS:
            given = list(_of_capacitors(shapes, load_capacitors(tier.rules).values))
        else:
            given = list(_of_transistors(tier, shapes, load(tier.rules).values))
        found += dict.fromkeys(f"{tier.name}: {text}" for text in given)
    return found


def tiled(tier: Tier, layout: Layout) -> list[Shape]:
    """The cell, and its images in the eight neighbours; a net that a neighbour does not share has a mark for it."""
    lines, found = layout.lines, []
    for (i, y), (j, x) in product(enumerate((None, 0.0, layout.height)), enumerate((None, 0.0, layout.width))):
        for shape in tier.shapes:
            across = "" if shape.net in lines.supplies | lines.words else "'" * j
            along = "" if shape.net in lines.supplies | lines.bits else '"' * i
            found.append(shape.mirrored(x, y, across + along))
    return found


def distance(a: Shape, b: Shape) -> float:
    """Shortest way between two rectangles, 0 if they touch or overlap [m]."""
    across = max(a.left - b.right, b.left - a.right, 0.0)
    along = max(a.bottom - b.top, b.bottom - a.top, 0.0)
    return math.hypot(across, along)


def pieces(shapes: Sequence[Shape]) -> list[list[Shape]]:
    """Rectangles that hang together."""
    owner = list(range(len(shapes)))
    for i, j in combinations(range(len(shapes)), 2):
        if owner[i] != owner[j] and distance(shapes[i], shapes[j]) <= TOLERANCE:
            old, new = owner[j], owner[i]
            owner = [new if o == old else o for o in owner]
    return [[s for s, o in zip(shapes, owner, strict=True) if o == number] for number in dict.fromkeys(owner)]


def _of_transistors(tier: Tier, shapes: Sequence[Shape], rules: TierRules) -> Iterator[str]:
    active, gate, contact, well, words, bits = (
        [s for s in shapes if s.layer == layer] for layer in (ACTIVE, GATE, CONTACT, WELL, WORD_LINE, BIT_LINE)
    )
    yield from _apart(active, rules.active_spacing)
    yield from _apart(contact, rules.contact_spacing)
    yield from _apart(words, rules.line_spacing)
    yield from _apart(bits, rules.line_spacing)
    yield from _apart(gate, rules.gate_end_spacing)
    for piece in (*pieces(gate), *pieces(contact)):
        if len(nets := {shape.net for shape in piece}) > 1:
            yield f"{piece[0].layer}: {' and '.join(sorted(nets))} touch"
    own = set(tier.shapes)
    for piece in pieces(gate):
        for a in active:
            if a in own:
                yield from _gate_over(piece, a, rules)
    for island in pieces(active):
        yield from _channels(island, [a for a in island if a in own], gate, rules)
    for c in contact:
        if c in own:
            yield from _contact(c, active, gate, rules)
    for a in active:
        if a in own:
            yield from _well(a, well, rules)
    yield from (
        f"a well is narrower than {_nm(rules.well_width)}"
        for w in pieces(well)
        if _thin(w) < rules.well_width - TOLERANCE
    )
    for shape in (*active, *gate):
        least = rules.active_width if shape.layer == ACTIVE else rules.gate_length
        if min(shape.width, shape.height) < min(least, rules.contact) - TOLERANCE:
            yield f"{shape.layer} {shape.net!r} is too narrow"


def _gate_over(piece: Sequence[Shape], a: Shape, rules: TierRules) -> Iterator[str]:
    """A gate either crosses an active area and ends well beyond it, or stays away from it."""
    crossing = [g for g in piece if _overlap(g, a) > 0]
    for g in crossing:
        upright = g.bottom < a.bottom - TOLERANCE and g.top > a.top + TOLERANCE
        flat = g.left < a.left - TOLERANCE and g.right > a.right + TOLERANCE
        if upright == flat:
            yield f"gate {g.net!r} does not cross active area {a.net!r}"
            continue
        over = rules.gate_extension
        beyond = (
            Shape(GATE, g.net, g.left, a.bottom - over, g.right, a.top + over)
            if upright
            else Shape(GATE, g.net, a.left - over, g.bottom, a.right + over, g.top)
        )
        if covered(beyond, piece) < 1 - 1e-6:
            yield f"gate {g.net!r} ends less than {_nm(over)} beyond active area {a.net!r}"
    for g in piece:
        near = distance(g, a)
        if not _overlap(g, a) and near < rules.gate_to_active - TOLERANCE and not any(_along(g, c) for c in crossing):
            yield f"gate {g.net!r} is {_nm(near)} from active area {a.net!r}; allowed: {_nm(rules.gate_to_active)}"


def _channels(island: Sequence[Shape], own: Sequence[Shape], gate: Sequence[Shape], rules: TierRules) -> Iterator[str]:
    """Gates over one active area keep their spacing, and the area goes on beyond the last of them."""
    crossing = [g for g in gate if any(_overlap(g, a) > 0 for a in island)]
    yield from _apart(crossing, rules.gate_spacing)
    for g, a in product(crossing, own):
        if _overlap(g, a) > 0:
            upright = g.bottom < a.bottom
            x, y = (rules.active_overhang, 0.0) if upright else (0.0, rules.active_overhang)
            left, right = max(g.left, a.left) - x, min(g.right, a.right) + x
            wide = Shape("", "", left, max(g.bottom, a.bottom) - y, right, min(g.top, a.top) + y)
            if covered(wide, island) < 1 - 1e-6:
                yield f"active area {a.net!r} ends less than {_nm(rules.active_overhang)} beyond gate {g.net!r}"


def _contact(c: Shape, active: Sequence[Shape], gate: Sequence[Shape], rules: TierRules) -> Iterator[str]:
    """A contact lies either on an active area, away from gates, or on a gate; and either encloses it."""
    on_active, on_gate = any(_overlap(c, a) > 0 for a in active), any(_overlap(c, g) > 0 for g in gate)
    if on_active == on_gate:
        yield f"contact {c.net!r} lies on {'both an active area and a gate' if on_active else 'nothing'}"
        return
    layer, room = (active, rules.active_enclosure) if on_active else (gate, rules.gate_enclosure)
    if covered(box("", "", c.centre, c.width + 2 * room, c.height + 2 * room), layer) < 1 - 1e-6:
        yield f"contact {c.net!r} is not enclosed by {_nm(room)}"
    near = min(distance(c, g) for g in gate)
    if on_active and near < rules.contact_to_gate - TOLERANCE:
        yield f"contact {c.net!r} is {_nm(near)} from a gate; allowed: {_nm(rules.contact_to_gate)}"


def _well(a: Shape, well: Sequence[Shape], rules: TierRules) -> Iterator[str]:
    room = rules.well_enclosure - TOLERANCE
    around = box("", "", a.centre, a.width + 2 * room, a.height + 2 * room)
    if 1e-6 < covered(around, well) < 1 - 1e-6:
        yield f"active area {a.net!r} is too near the edge of a well"


def _of_capacitors(shapes: Sequence[Shape], rules: CapacitorRules) -> Iterator[str]:
    yield from _apart([s for s in shapes if s.layer == CAPACITOR], rules.spacing)
    yield from (f"{s.net!r} is too narrow" for s in shapes if min(s.width, s.height) < rules.side - TOLERANCE)


def _apart(shapes: Sequence[Shape], spacing: float) -> list[str]:
    """Pairs of pieces that are too close."""
    found = []
    for one, other in combinations(pieces(shapes), 2):
        near, a, b = min(((distance(a, b), a, b) for a in one for b in other), key=lambda found: found[0])
        if near < spacing - TOLERANCE:
            found.append(f"{a.layer} {a.net!r} is {_nm(near)} from {b.net!r}; allowed: {_nm(spacing)}")
    return found


def _overlap(a: Shape, b: Shape) -> float:
    """Area that two rectangles share [m^2]."""
    across = min(a.right, b.right) - max(a.left, b.left)
    along = min(a.top, b.top) - max(a.bottom, b.bottom)
    return across * along if across > TOLERANCE and along > TOLERANCE else 0.0


def _along(g: Shape, other: Shape) -> bool:
    """Whether a rectangle only prolongs another one."""
    upright = other.left <= g.left + TOLERANCE and g.right <= other.right + TOLERANCE
    flat = other.bottom <= g.bottom + TOLERANCE and g.top <= other.top + TOLERANCE
    return upright or flat


def _thin(piece: Iterable[Shape]) -> float:
    """Shorter side of what encloses a piece [m]."""
    shapes = list(piece)
    wide = max(s.right for s in shapes) - min(s.left for s in shapes)
    return min(wide, max(s.top for s in shapes) - min(s.bottom for s in shapes))


def _nm(length: float) -> str:
    return f"{1e9 * length:.4g} nm"
