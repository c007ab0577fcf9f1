"""A layout, drawn: one panel for each tier, all to one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beolith import figure as figures

from ..netlist import GROUND
from .cell_layout import Layout, Tier
from .shapes import ACTIVE, BIT_LINE, CAPACITOR, CONTACT, GATE, LAYERS, WELL, WORD_LINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

NM = 1e9
LEFT, RIGHT, BOTTOM, GAP, HEAD, TITLE, LEGEND = 0.5, 0.3, 0.35, 0.35, 0.42, 0.38, 0.42
"""Room around and between the panels [inch]."""
TALLEST = 2.2
"""Of a panel [inch]."""
STYLES: dict[str, dict[str, Any]] = {
    WELL: {"facecolor": "#FBF6B8", "edgecolor": "none", "zorder": 1},
    ACTIVE: {"facecolor": "#66C2A5", "edgecolor": "none", "zorder": 2},
    GATE: {"facecolor": "#D55E00", "edgecolor": "none", "zorder": 3},
    CONTACT: {"facecolor": "#222222", "edgecolor": "none", "zorder": 4},
    CAPACITOR: {"facecolor": "#CC79A7", "edgecolor": "none", "zorder": 2},
    BIT_LINE: {"facecolor": "#56B4E940", "edgecolor": "#0072B2", "linewidth": 0.5, "zorder": 5},
    WORD_LINE: {"facecolor": "#99999940", "edgecolor": "#555555", "linewidth": 0.5, "zorder": 6},
}


def table(layout: Layout) -> DataFrame:
    """All rectangles of a layout, a row each."""
    import pandas as pd

    rows = [
        (
            tier.name,
            shape.layer,
            shape.net,
            *(round(NM * x, 4) for x in (shape.left, shape.bottom, shape.right, shape.top)),
        )
        for tier in layout.tiers
        for shape in tier.shapes
    ]
    sides = ("left [nm]", "bottom [nm]", "right [nm]", "top [nm]")
    return pd.DataFrame(rows, columns=["tier", "layer", "net", *sides])


def draw(layout: Layout) -> Figure:
    """Panels of all tiers with the sides of the cell in nm and F; bit lines run upwards, word lines to the right.

    Args:
        layout: What to draw.
    """
    from matplotlib.patches import Patch

    beyond = _beyond(layout)
    count = len(layout.tiers)
    stacked = layout.width > 1.3 * layout.height
    rows, columns = (count, 1) if stacked else (1, count)
    room = figures.COLUMN - LEFT - RIGHT - GAP * (columns - 1)
    wide, high = layout.width + 2 * beyond, layout.height + 2 * beyond
    scale = min(room / (columns * wide), TALLEST / high)
    height = TITLE + rows * (scale * high + HEAD) + BOTTOM + LEGEND
    start = LEFT + (room - scale * columns * wide) / 2
    drawn = figures.new(height=height)
    with figures.style():
        drawn.set_layout_engine("none")
        for n, tier in enumerate(layout.tiers):
            column, row = (0, n) if stacked else (n, 0)
            corner = start + column * (scale * wide + GAP), LEGEND + BOTTOM + row * (scale * high + HEAD)
            size = (scale * wide / figures.COLUMN, scale * high / height)
            axes = drawn.add_axes((corner[0] / figures.COLUMN, corner[1] / height, *size))
            _panel(axes, tier, layout, beyond)
            if n == 0:
                _sides(drawn, axes, layout, beyond)
        present = {shape.layer for tier in layout.tiers for shape in tier.shapes}
        marks = [Patch(label=layer, **STYLES[layer]) for layer in LAYERS if layer in present]
        drawn.legend(handles=marks, loc="lower center", ncols=4, columnspacing=1.2, handlelength=1.4)
        area = f"{layout.area_in_f2:.0f} F$^2$ = {1e12 * layout.area:.3g} µm$^2$, F = {NM * layout.feature_size:.4g} nm"
        drawn.suptitle(f"{layout.title}\n{area}", fontsize=8, y=1 - 0.05 / height, va="top")
    return drawn


def _beyond(layout: Layout) -> float:
    """How far contacts that neighbours share reach over the edge of the cell [m]."""
    shapes = [shape for tier in layout.tiers for shape in tier.shapes]
    over = max(max(-s.left, -s.bottom, s.right - layout.width, s.top - layout.height) for s in shapes)
    return max(over, 0.0) + 0.02 * max(layout.width, layout.height)


def _panel(axes: Axes, tier: Tier, layout: Layout, beyond: float) -> None:
    from matplotlib.patches import Rectangle

    for s in tier.shapes:
        axes.add_patch(Rectangle((NM * s.left, NM * s.bottom), NM * s.width, NM * s.height, **STYLES[s.layer]))
    edge: dict[str, Any] = {"facecolor": "none", "edgecolor": "black", "linewidth": 0.8, "zorder": 7}
    axes.add_patch(Rectangle((0.0, 0.0), NM * layout.width, NM * layout.height, **edge))
    right, top = NM * (layout.width + beyond), NM * (layout.height + beyond)
    axes.set(xlim=(-NM * beyond, right), ylim=(-NM * beyond, top), aspect="equal", xticks=[], yticks=[])
    axes.set_axis_off()
    used = f"{100 * tier.utilisation:.0f} % used"
    axes.set_title(
        f"{tier.name}\n{used}" if layout.width < 1.3 * layout.height else f"{tier.name}, {used}", size=7, pad=9
    )
    for s in tier.shapes:
        x, y = (NM * z for z in s.centre)
        name = "gnd" if s.net == GROUND else s.net
        if s.layer == WORD_LINE:
            axes.text(right, y, name, fontsize=6, va="center", ha="left")
        elif s.layer == BIT_LINE:
            axes.text(x, top, name, fontsize=6, va="bottom", ha="center")


def _sides(figure: Figure, axes: Axes, layout: Layout, beyond: float) -> None:
    """Arrows along the sides of the cell, with their lengths."""
    from matplotlib.transforms import offset_copy

    style = {"arrowstyle": "<->", "lw": 0.6, "shrinkA": 0, "shrinkB": 0}
    width, height, away = NM * layout.width, NM * layout.height, -NM * beyond
    across, along = (
        f"{NM * side:.4g} nm ({side / layout.feature_size:.3g} F)" for side in (layout.width, layout.height)
    )
    for end, offset in (((width, away), (0, -4)), ((away, height), (-4, 0))):
        start = (0.0, away) if end[1] == away else (away, 0.0)
        moved = offset_copy(axes.transData, figure, *offset, units="points")
        axes.annotate("", end, start, xycoords=moved, textcoords=moved, arrowprops=style, annotation_clip=False)
    text: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7}
    axes.annotate(across, (width / 2, away), (0, -7), ha="center", va="top", **text)
    axes.annotate(along.replace(" (", "\n("), (away, height / 2), (-7, 0), ha="right", va="center", rotation=90, **text)
