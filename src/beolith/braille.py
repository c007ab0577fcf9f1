"""Curves in a terminal: two by four dots to a character, with axes that say their range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Curve = tuple[Sequence[float], Sequence[float]]
"""Abscissae and ordinates."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of the dot in row and column of a braille character."""


def plot(
    title: str, x_label: str, curves: Iterable[Curve], *, log: bool = False, width: int = 60, height: int = 14
) -> str:
    """Curves drawn with braille characters in a frame.

    Args:
        title: First line: what is drawn, with its unit.
        x_label: Last line: the abscissa, with its unit.
        curves: What is drawn; what is not finite, or not positive on a logarithmic axis, is left out.
        log: Whether the ordinate is logarithmic.
        width: Width of the frame [characters].
        height: Height of the frame [characters].
    """
    points = [
        [
            (x, math.log10(y) if log else y)
            for x, y in zip(*curve, strict=True)
            if math.isfinite(y) and (y > 0 or not log)
        ]
        for curve in curves
    ]
    flat = [point for curve in points for point in curve]
    if not flat:
        return f"{title}\n(nothing to draw)"
    left, right = _span(x for x, _ in flat)
    low, high = _span(y for _, y in flat)
    if log:
        low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
    canvas = [[0] * width for _ in range(height)]
    columns, rows = 2 * width - 1, 4 * height - 1
    for curve in points:
        places = [((x - left) / (right - left) * columns, (high - y) / (high - low) * rows) for x, y in curve]
        for start, end in zip(places, places[1:] or places, strict=False):
            for column, row in _line(start, end):
                canvas[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    names = [f"{10.0**y:.0e}" if log else f"{y:.3g}" for y in (high, (high + low) / 2, low)]
    margin = max(map(len, names))
    at = dict(zip((0, height // 2, height - 1), names, strict=True))
    frame = [
        f"{at.get(row, ''):>{margin}} |" + "".join(chr(0x2800 + cell) for cell in line)
        for row, line in enumerate(canvas)
    ]
    ends = f"{left:g}".ljust(width // 2 - len(x_label) // 2) + x_label
    axis = [" " * margin + " +" + "-" * width, " " * (margin + 2) + ends + f"{right:g}".rjust(width - len(ends))]
    return "\n".join([title, *frame, *axis])


def _span(values: Iterable[float]) -> tuple[float, float]:
    """Least and greatest of some values, never equal."""
    found = list(values)
    low, high = min(found), max(found)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _line(start: tuple[float, float], end: tuple[float, float]) -> Iterable[tuple[int, int]]:
    """Dots (column, row) on a straight line."""
    steps = max(1, math.ceil(max(abs(end[0] - start[0]), abs(end[1] - start[1]))))
    for step in range(steps + 1):
        share = step / steps
        yield round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share)
