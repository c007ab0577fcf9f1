"""Where rows and columns of an arrangement come to lie when every distance is as small as the rules allow.

All arrangements of a block at once. Along a row, a transistor stands as far from its neighbour as what they share
demands, and gates of one column have one centre. Between rows, gates of one column either are one line, if they are
one node, or end facing each other; every gate line needs one pad for its contact, above, below, or between the rows
that it joins. Cells are tiled as mirror images, so an edge is half of what lies between a row and its image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .candidates import BLANK, CONTACT, Block, Device
from .design_rules import TierRules

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
UP = (False, True)
TIE = 1e-15  # heights as good as equal [m]: the first way to lay the pads stays


@dataclass(frozen=True)
class Sized:
    """The transistors of a tier with their drawn sizes.

    Attributes:
        names: Their names in the cell.
        devices: How they are connected.
        widths: Drawn channel widths, no smaller than the rules allow [m].
        lengths: Drawn gate lengths, no smaller than the rules allow [m].
    """

    names: tuple[str, ...]
    devices: tuple[Device, ...]
    widths: tuple[float, ...]
    lengths: tuple[float, ...]


@dataclass(frozen=True)
class Heights:
    """Rows and what lies between them.

    Attributes:
        total: Height of the cell, (C,) [m].
        rows: Height of the active areas, (C, R) [m].
        up: Whether the pads of gates that stand alone lie above their row and not below it, (C, R).
        spaces: Below the lowest row, between rows and above the highest one, each for every way to lay those pads [m].
    """

    total: Floats
    rows: Floats
    up: Bools
    spaces: tuple[list[Floats], list[dict[tuple[bool, bool], Floats]], list[Floats]]

    def starts(self, index: int = 0) -> list[float]:
        """Where the rows of one arrangement begin [m]."""
        up = [bool(x) for x in self.up[index]]
        below, inner, _ = self.spaces
        found = [float(below[up[0]][index])]
        for r, between in enumerate(inner):
            found.append(found[-1] + float(self.rows[index, r]) + float(between[up[r], up[r + 1]][index]))
        return found


def columns(block: Block, sized: Sized, rules: TierRules) -> tuple[Floats, Floats]:
    """Centres of the gate columns from the left edge, (C, K) [m], and width of the cell, (C,) [m]."""
    count, height, width = block.device.shape
    half = np.append(np.array(sized.lengths) / 2, 0.0)[block.device]
    wide = np.maximum(half, rules.gate_pad / 2) + rules.gate_end_spacing / 2
    between = np.array([2 * rules.active_end + rules.active_gap, rules.contacted, rules.gate_spacing])
    edge = np.array([rules.active_end + rules.active_gap / 2, rules.contacted / 2, np.inf])
    centre = np.zeros((count, width))
    for k in range(width):
        there = block.device[:, :, k] != BLANK
        need = np.zeros((count, height))
        free = there.copy()
        for j in range(k - 1, -1, -1):
            pair = free & (block.device[:, :, j] != BLANK)
            free &= ~pair
            apart = np.maximum(
                half[:, :, j] + half[:, :, k] + between[block.share[:, :, k]], wide[:, :, j] + wide[:, :, k]
            )
            need = np.where(pair, centre[:, None, j] + apart, need)
        first = np.maximum(half[:, :, k] + edge[np.minimum(block.share[:, :, k], CONTACT)], wide[:, :, k])
        need = np.where(free, first, need)
        centre[:, k] = need.max(1)
    rest = np.zeros((count, height))
    for k in range(width):
        end = centre[:, None, k] + np.maximum(half[:, :, k] + edge[block.last], wide[:, :, k])
        rest = np.where(block.device[:, :, k] != BLANK, end, rest)
    return centre, rest.max(1)


def heights(block: Block, sized: Sized, rules: TierRules, shared: Iterable[str]) -> Heights:
    """Heights of rows and gaps, the pads of lone gates above or below so that the sum is smallest.

    Args:
        block: Arrangements.
        sized: Sizes.
        rules: Design rules.
        shared: Nodes that a cell shares with its neighbours above and below.
    """
    _, height, _ = block.device.shape
    tall = np.append(np.maximum(sized.widths, rules.active_pad), 0.0)[block.device].max(2)
    there = block.device != BLANK
    joined = merged(block, sized)
    alone = lone(there, joined)
    open_below, open_above = (_open(block, sized, row, shared) for row in (0, -1))
    below = [_edge(there[:, 0], alone[:, 0], open_below, padded=not up, rules=rules) for up in (False, True)]
    above = [_edge(there[:, -1], alone[:, -1], open_above, padded=up, rules=rules) for up in (False, True)]
    inner = [
        {(low, high): _gap(block, there, joined, alone, r, (low, not high), rules) for low in UP for high in UP}
        for r in range(height - 1)
    ]
    ways = list(product(UP, repeat=height))
    total = np.full(len(tall), np.inf)
    chosen = np.zeros(len(tall), np.intp)
    for n, way in enumerate(ways):
        gaps = below[way[0]] + above[way[-1]]
        for r, between in enumerate(inner):
            gaps = gaps + between[way[r], way[r + 1]]
        better = gaps < total - TIE
        total[better], chosen[better] = gaps[better], n
    up = np.array(ways)[chosen]
    return Heights(total + tall.sum(1), tall, up, (below, inner, above))


def merged(block: Block, sized: Sized) -> Bools:
    """Whether a gate goes on into the row above as one line, (C, R - 1, K)."""
    nets = {node: i for i, node in enumerate(dict.fromkeys(d.gate for d in sized.devices))}
    gate = np.array([*(nets[d.gate] for d in sized.devices), -1])[block.device]
    return np.asarray((gate[:, :-1] == gate[:, 1:]) & (gate[:, 1:] >= 0))


def lone(there: Bools, joined: Bools) -> Bools:
    """Whether a gate stands in its row alone, (C, R, K)."""
    tied = np.zeros_like(there)
    tied[:, :-1] |= joined
    tied[:, 1:] |= joined
    return there & ~tied


def begins(joined: Bools, r: int) -> Bools:
    """Whether a line of several rows begins in row r and so has its pad in the gap above it, (C, K)."""
    return joined[:, r] if r == 0 else joined[:, r] & ~joined[:, r - 1]


def _open(block: Block, sized: Sized, row: int, shared: Iterable[str]) -> Bools:
    """Whether the gates of a row at an edge are those of the neighbour's too, (C, K)."""
    lines = frozenset(shared)
    return np.array([*(d.gate in lines for d in sized.devices), False])[block.device[:, row]]


def _edge(there: Bools, alone: Bools, opened: Bools, *, padded: bool, rules: TierRules) -> Floats:
    """Half of what lies between a row at the edge and its mirror image."""
    ends = rules.gate_end_spacing / 2
    pad = rules.pad_reach + np.where(opened, rules.gate_pad / 2, rules.gate_pad + ends)
    bare = np.where(opened, 0.0, rules.gate_extension + ends)
    need = np.where(alone & padded, pad, np.where(there, bare, 0.0))
    return np.asarray(np.maximum(need.max(1), rules.row_spacing(other_polarity=False) / 2))


def _gap(
    block: Block, there: Bools, joined: Bools, alone: Bools, r: int, pads: tuple[bool, bool], rules: TierRules
) -> Floats:
    """What lies between rows r and r + 1 if pads of the lower one's, or the upper one's, lone gates lie there."""
    padded = rules.pad_reach + rules.gate_pad
    low, high = (
        np.where(alone[:, row] & pad, padded, np.where(there[:, row], rules.gate_extension, 0.0))
        for row, pad in zip((r, r + 1), pads, strict=True)
    )
    facing = low + rules.gate_end_spacing + high
    past = np.maximum(
        low + np.where(alone[:, r] & pads[0], rules.pad_reach, rules.gate_to_active),
        high + np.where(alone[:, r + 1] & pads[1], rules.pad_reach, rules.gate_to_active),
    )
    line = np.where(begins(joined, r), padded + rules.pad_reach, 0.0)
    need = np.where(joined[:, r], line, np.where(there[:, r] & there[:, r + 1], facing, past))
    between = np.where(block.p[:, r] == block.p[:, r + 1], rules.row_spacing(False), rules.row_spacing(True))
    return np.asarray(np.maximum(need.max(1), between))
