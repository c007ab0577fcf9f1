"""Ways to arrange the transistors of a tier in rows and columns, from who is connected to whom alone.

A row is one height of active areas, its transistors in series where neighbours share a node; a column is one vertical
line of gates. Rows of one polarity lie together. Sizes play no part here, so that a larger transistor is never laid
out in a way that a smaller one was denied: areas grow with sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations, product

import numpy as np
from numpy.typing import NDArray

MOST_ROWS, MOST_COLUMNS, BLANK = 5, 4, -1
BREAK, CONTACT, BARE = 0, 1, 2
"""Between two neighbours of a row, or a row and the edge of the cell: nothing shared, a contact, a bare active area."""

Ints = NDArray[np.int8]
_Row = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]


@dataclass(frozen=True)
class Device:
    """A transistor as the arrangement sees it: its gate, its two ends, and whether it is p-type."""

    gate: str
    drain: str
    source: str
    p: bool = False

    def ends(self, flipped: bool) -> tuple[str, str]:
        """Node on the left and node on the right."""
        return (self.source, self.drain) if flipped else (self.drain, self.source)


@dataclass(frozen=True)
class Block:
    """Arrangements with one number of rows R and columns K, C of them.

    Attributes:
        device: Index of the transistor at each place, or BLANK, (C, R, K).
        flipped: Whether it stands the other way round, (C, R, K).
        share: What it shares with the neighbour before it, blanks left out; the first with the edge, (C, R, K).
        last: What the last one of a row shares with the other edge, (C, R).
        p: Whether a row is p-type, (C, R).
    """

    device: Ints
    flipped: Ints
    share: Ints
    last: Ints
    p: Ints

    def take(self, which: NDArray[np.intp]) -> Block:
        """Some of the arrangements."""
        return Block(*(getattr(self, name)[which] for name in ("device", "flipped", "share", "last", "p")))


@cache
def blocks(devices: tuple[Device, ...], shared: frozenset[str], bare: frozenset[str]) -> tuple[Block, ...]:
    """All arrangements of the family, mirror images left out.

    Args:
        devices: Transistors of the tier.
        shared: Nodes that a cell shares with its neighbours to the left and right.
        bare: Nodes that need no contact where two transistors meet.
    """
    groups = [[i for i, d in enumerate(devices) if d.p == p] for p in (False, True)]
    main, other = sorted(groups, key=len, reverse=True)
    found = (_block(devices, main, other, shape, shared, bare) for shape in _shapes(len(main), len(other)))
    return tuple(block for block in found if len(block.device))


def _shapes(main: int, other: int) -> Iterator[tuple[int, int, int]]:
    """Rows of the larger group, rows of the smaller one, and columns."""
    for rows in range(1, main + 1):
        columns = -(-main // rows)
        if columns > MOST_COLUMNS or -(-main // columns) != rows:
            continue
        for others in range(min(1, other), min(other, 2 if columns <= 2 else 1) + 1):
            if rows + others <= MOST_ROWS and other <= others * columns:
                yield rows, others, columns


def _block(
    devices: tuple[Device, ...],
    main: list[int],
    other: list[int],
    shape: tuple[int, int, int],
    shared: frozenset[str],
    bare: frozenset[str],
) -> Block:
    rows, others, columns = shape
    table: list[_Row] = []

    @cache
    def turned(row: tuple[int, ...]) -> range:
        """Where the table holds the ways to turn a row."""
        start = len(table)
        table.extend(_turned(devices, row, shared, bare))
        return range(start, len(table))

    found: list[tuple[int, ...]] = []
    seconds = list(_fillings(other, others, columns))
    for first in _fillings(main, rows, columns):
        if not _leads(first, main[0], columns, alone=not other):
            continue
        for second in seconds:
            for position in range(rows // 2 + 1) if other else (0,):
                found += product(*map(turned, (*first[:position], *second, *first[position:])))
    chosen = np.array(found, np.intp).reshape(-1, rows + others)
    device, flipped, share = (np.array([row[part] for row in table], np.int8)[chosen] for part in (0, 1, 2))
    last = np.array([row[3] for row in table], np.int8)[chosen]
    kinds = np.array([d.p for d in devices], bool)
    return Block(device, flipped, share, last, (kinds[device] & (device != BLANK)).any(-1).astype(np.int8))


def _fillings(group: list[int], rows: int, columns: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Rows of a group's transistors, in all orders, none of the rows empty."""
    if not group:
        yield ()
        return
    for places in permutations(range(rows * columns), len(group)):
        slots = [BLANK] * (rows * columns)
        for index, place in zip(group, places, strict=True):
            slots[place] = index
        found = tuple(tuple(slots[r * columns : (r + 1) * columns]) for r in range(rows))
        if all(any(i != BLANK for i in row) for row in found):
            yield found


def _leads(rows: tuple[tuple[int, ...], ...], first: int, columns: int, *, alone: bool) -> bool:
    """Whether this one of four mirror images is kept: the first transistor at the left, and at the bottom."""
    row = next(r for r, content in enumerate(rows) if first in content)
    left = 2 * rows[row].index(first) <= columns - 1
    return left and (not alone or 2 * row <= len(rows) - 1)


@cache
def _turned(
    devices: tuple[Device, ...], row: tuple[int, ...], shared: frozenset[str], bare: frozenset[str]
) -> tuple[_Row, ...]:
    """Ways to turn the transistors of a row: the row, flips, shares, last share; those that share less are left out."""
    present = [(column, i) for column, i in enumerate(row) if i != BLANK]
    found: dict[tuple[int, ...], tuple[bool, ...]] = {}
    for flips in product((False, True), repeat=len(present)):
        ends = [devices[i].ends(flip) for (_, i), flip in zip(present, flips, strict=True)]
        inner = [
            (BREAK if left[1] != right[0] else BARE if left[1] in bare else CONTACT) for left, right in pairwise(ends)
        ]
        shares = (int(ends[0][0] in shared), *inner, int(ends[-1][1] in shared))
        found.setdefault(shares, flips)
    best = [s for s in found if not any(t != s and all(a >= b for a, b in zip(t, s, strict=True)) for t in found)]
    ways: list[_Row] = []
    for shares in sorted(best, reverse=True):
        flipped, share = [0] * len(row), [BREAK] * len(row)
        for (column, _), flip, given in zip(present, found[shares], shares[:-1], strict=True):
            flipped[column], share[column] = int(flip), given
        ways.append((row, tuple(flipped), tuple(share), shares[-1]))
    return tuple(ways)
