"""Rectangles of a layout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

ACTIVE, GATE, CONTACT, WELL = "active", "gate", "contact", "well"
CAPACITOR, BIT_LINE, WORD_LINE = "capacitor", "bit line", "word line"
LAYERS = (WELL, ACTIVE, GATE, CONTACT, CAPACITOR, BIT_LINE, WORD_LINE)


@dataclass(frozen=True)
class Shape:
    """A rectangle on a layer, x along the word lines and y along the bit lines once a cell is complete.

    Attributes:
        layer: One of :data:`LAYERS`.
        net: Node; that of an active area is the transistor it belongs to.
        left: Left edge [m].
        bottom: Lower edge [m].
        right: Right edge [m].
        top: Upper edge [m].
    """

    layer: str
    net: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """Along x [m]."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Along y [m]."""
        return self.top - self.bottom

    @property
    def centre(self) -> tuple[float, float]:
        """Middle [m]."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def transposed(self) -> Shape:
        """With x and y exchanged."""
        return replace(self, left=self.bottom, bottom=self.left, right=self.top, top=self.right)

    def mirrored(self, x: float | None = None, y: float | None = None, tag: str = "") -> Shape:
        """The image at the lines x = constant and y = constant, None for neither, with a tag added to its net."""
        left, right = (self.left, self.right) if x is None else (2 * x - self.right, 2 * x - self.left)
        bottom, top = (self.bottom, self.top) if y is None else (2 * y - self.top, 2 * y - self.bottom)
        return Shape(self.layer, self.net + tag, left, bottom, right, top)


def box(layer: str, net: str, centre: tuple[float, float], width: float, height: float) -> Shape:
    """A rectangle around its middle."""
    x, y = centre
    return Shape(layer, net, x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def covered(window: Shape, shapes: Iterable[Shape]) -> float:
    """Share of a window that lies under at least one rectangle [1]."""
    clipped = [
        (max(s.left, window.left), max(s.bottom, window.bottom), min(s.right, window.right), min(s.top, window.top))
        for s in shapes
        if s.right > window.left and s.top > window.bottom and s.left < window.right and s.bottom < window.top
    ]
    edges = sorted({x for left, _, right, _ in clipped for x in (left, right)})
    total = 0.0
    for low, high in pairwise(edges):
        reached = window.bottom
        for bottom, top in sorted((b, t) for left, b, right, t in clipped if left <= low and right >= high):
            total += (high - low) * max(top - max(bottom, reached), 0.0)
            reached = max(reached, top)
    return total / (window.width * window.height)
