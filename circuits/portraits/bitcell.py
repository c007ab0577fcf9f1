"""A bitcell, drawn: its layout under the usual rules, tier by tier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beolith import registry
from beolith.portrait import Portrait

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def portrait(path: Path) -> Portrait:
    """Layout of the bitcell in a file.

    Args:
        path: Python file that holds it as ``CELL``.
    """
    from ..cell import load
    from ..layout.cell_layout import layout
    from ..layout.drawing import draw, table

    registered = path.stem in registry.names("bitcells") and registry.locate("bitcells", path.stem) == path
    found = layout(load(path.stem if registered else str(path)))
    rows = [
        f"  {tier.name}: {1e9 * tier.own_width:.4g} nm x {1e9 * tier.own_height:.4g} nm alone, "
        f"{100 * tier.utilisation:.0f} % of the cell used, rules {tier.rules}"
        for tier in found.tiers
    ]
    text = "\n".join(
        (
            f"Layout: {1e9 * found.width:.4g} nm along word lines, {1e9 * found.height:.4g} nm along bit lines, "
            f"{1e12 * found.area:.4g} um^2 = {found.area_in_f2:.4g} F^2 (F = {1e9 * found.feature_size:.4g} nm)",
            *rows,
        )
    )
    data = {
        "width": found.width,
        "height": found.height,
        "area": found.area,
        "area_in_f2": found.area_in_f2,
        "feature_size": found.feature_size,
        "unit": "SI",
        "tiers": [
            {
                "name": tier.name,
                "rules": tier.rules,
                "own_width": tier.own_width,
                "own_height": tier.own_height,
                "own_area": tier.own_area,
                "utilisation": tier.utilisation,
            }
            for tier in found.tiers
        ],
    }

    def figure() -> Figure:
        return draw(found)

    return Portrait(data, text, table(found), figure)
