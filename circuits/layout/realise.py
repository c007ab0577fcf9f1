"""Rectangles of one arrangement, in a box that is at least as large as the arrangement needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .candidates import BARE, BLANK, BREAK, Block
from .design_rules import TierRules
from .placement import Sized, begins, columns, heights, lone, merged
from .shapes import ACTIVE, CONTACT, GATE, WELL, Shape, box


def shapes(
    block: Block, sized: Sized, rules: TierRules, size: tuple[float, float], shared: frozenset[str]
) -> tuple[Shape, ...]:
    """All rectangles of a tier.

    Args:
        block: One arrangement.
        sized: Transistors.
        rules: Design rules.
        size: Width and height of the cell [m].
        shared: Nodes that a cell shares with its neighbours above and below.
    """
    return tuple(_Drawing(block, sized, rules, size, shared).all())


class _Drawing:
    """The numbers that all rectangles of one arrangement have in common."""

    def __init__(
        self, block: Block, sized: Sized, rules: TierRules, size: tuple[float, float], shared: frozenset[str]
    ) -> None:
        self.block, self.sized, self.rules, self.shared = block, sized, rules, shared
        self.width, self.height = size
        self.x = columns(block, sized, rules)[0][0]
        found = heights(block, sized, rules, shared)
        self.tall, self.up = found.rows[0], found.up[0]
        self.y = found.starts()
        self.joined = merged(block, sized)
        self.alone = lone(block.device != BLANK, self.joined)[0]

    def all(self) -> Iterator[Shape]:
        yield from self.wells()
        for r in range(len(self.y)):
            yield from self.row(r)
            for k in range(len(self.x)):
                if self.block.device[0, r, k] != BLANK:
                    yield from self.gate(r, k)

    def wells(self) -> Iterator[Shape]:
        rows = np.flatnonzero(self.block.p[0])
        if len(rows) and self.rules.well_width:
            low, high = self.y[rows[0]], self.y[rows[-1]] + self.tall[rows[-1]]
            bottom = 0.0 if rows[0] == 0 else low - self.rules.well_enclosure
            top = self.height if rows[-1] == len(self.y) - 1 else high + self.rules.well_enclosure
            yield Shape(WELL, "vdd", 0.0, bottom, self.width, top)

    def row(self, r: int) -> Iterator[Shape]:
        """Active areas and the contacts on them."""
        rules, sized, y = self.rules, self.sized, self.y[r]
        places = [(int(self.block.device[0, r, k]), k) for k in range(len(self.x)) if self.block.device[0, r, k] >= 0]
        left: float | None = None
        for n, (i, k) in enumerate(places):
            share, (node, _) = int(self.block.share[0, r, k]), self._ends(r, k)
            near = self.x[k] - sized.lengths[i] / 2
            if n == 0 or share == BREAK:
                left = 0.0 if n == 0 and share else near - rules.active_end
                at = 0.0 if n == 0 and share else near - rules.contact_to_gate - rules.contact / 2
                yield from self._contact(node, at, y, sized.widths[i])
            following = places[n + 1] if n + 1 < len(places) else None
            far = self.x[k] + sized.lengths[i] / 2
            node = self._ends(r, k)[1]
            if following and int(self.block.share[0, r, following[1]]) != BREAK:
                j, column = following
                start = self.x[column] - sized.lengths[j] / 2
                right = self._step(far, start, sized.widths[i], sized.widths[j])
                if int(self.block.share[0, r, column]) != BARE:
                    yield from self._contact(node, (far + start) / 2, y, min(sized.widths[i], sized.widths[j]))
            else:
                at_edge = not following and bool(self.block.last[0, r])
                right = self.width if at_edge else far + rules.active_end
                at = self.width if at_edge else far + rules.contact_to_gate + rules.contact / 2
                yield from self._contact(node, at, y, sized.widths[i])
            assert left is not None
            yield Shape(ACTIVE, sized.names[i], float(left), float(y), float(right), float(y + sized.widths[i]))
            left = right

    def gate(self, r: int, k: int) -> Iterator[Shape]:
        """The gate of one transistor, its pad if it has one, and the way to the row above or the edge."""
        rules, i = self.rules, int(self.block.device[0, r, k])
        net, x, length = self.sized.devices[i].gate, float(self.x[k]), self.sized.lengths[i]
        bottom, top = float(self.y[r]) - rules.gate_extension, float(self.y[r] + self.tall[r]) + rules.gate_extension
        low, high = float(self.y[r]), float(self.y[r] + self.tall[r])
        first, last = r == 0, r == len(self.y) - 1
        opened = net in self.shared
        if not last and self.joined[0, r, k]:
            j = int(self.block.device[0, r + 1, k])
            yield box(
                GATE, net, (x, (high + self.y[r + 1]) / 2), min(length, self.sized.lengths[j]), self.y[r + 1] - high
            )
            if begins(self.joined, r)[0, k]:
                yield from self._pad(net, x, (high + float(self.y[r + 1])) / 2)
        elif last and opened:
            top = self.height
        if first and opened:
            bottom = 0.0
        if self.alone[r, k]:
            up = bool(self.up[r])
            at_edge = opened and (last if up else first)
            if at_edge:
                centre = self.height if up else 0.0
            else:
                reach = rules.pad_reach + rules.gate_pad / 2
                centre = high + reach if up else low - reach
                bottom, top = min(bottom, centre), max(top, centre)
            yield from self._pad(net, x, centre)
        yield Shape(GATE, net, x - length / 2, bottom, x + length / 2, top)

    def _ends(self, r: int, k: int) -> tuple[str, str]:
        return self.sized.devices[int(self.block.device[0, r, k])].ends(bool(self.block.flipped[0, r, k]))

    def _step(self, far: float, start: float, width: float, next_width: float) -> float:
        """Where an active area changes its width: well beyond the wider gate, well away from the narrower one."""
        over = min(self.rules.active_overhang, start - far - self.rules.gate_to_active)
        return far + over if width >= next_width else start - over

    def _contact(self, node: str, x: float, y: float, width: float) -> Iterator[Shape]:
        """A contact, and the active area it needs where the transistors beside it are narrower."""
        pad = self.rules.contact + 2 * self.rules.active_enclosure
        middle = (float(x), float(y) + max(width, pad) / 2)
        if width < pad:
            yield box(ACTIVE, node, middle, pad, pad)
        yield box(CONTACT, node, middle, self.rules.contact, self.rules.contact)

    def _pad(self, net: str, x: float, y: float) -> Iterator[Shape]:
        yield box(GATE, net, (x, y), self.rules.gate_pad, self.rules.gate_pad)
        yield box(CONTACT, net, (x, y), self.rules.contact, self.rules.contact)
