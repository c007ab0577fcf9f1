"""Drawings of layouts: written with their numbers, and no text over another."""

import json
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from typer.testing import CliRunner

from beolith import registry
from beolith.circuits.cell import load
from beolith.circuits.layout.cell_layout import layout
from beolith.circuits.layout.drawing import draw, table
from beolith.cli import app


@pytest.mark.parametrize("name", registry.names("bitcells"))
def test_text_is_on_the_page_and_not_over_other_text(name):
    figure = draw(layout(load(name)))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    assert len(texts) >= 6
    places = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
    page = figure.bbox
    for text, place in places:
        assert page.x0 - 1 <= place.x0 < place.x1 <= page.x1 + 1, text
        assert page.y0 - 1 <= place.y0 < place.y1 <= page.y1 + 1, text
    clashes = [
        (a, b)
        for (a, one), (b, other) in combinations(places, 2)
        if one.shrunk(0.9, 0.9).overlaps(other.shrunk(0.9, 0.9))
    ]
    assert clashes == []


def test_show_writes_the_figure_of_a_bitcell(tmp_path):
    result = CliRunner().invoke(app, ["show", "gain_2t0c_hybrid", "--figure", str(tmp_path / "a.png"), "--json"])
    assert result.exit_code == 0, result.output
    assert {file.suffix for file in tmp_path.iterdir()} == {".pdf", ".png", ".csv", ".json"}
    found = layout(load("gain_2t0c_hybrid"))
    shown = json.loads(result.output)["portrait"]
    assert shown["area"] == pytest.approx(found.area)
    assert [tier["name"] for tier in shown["tiers"]] == ["silicon", "oxide"]
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[0] == "tier,layer,net,left [nm],bottom [nm],right [nm],top [nm]"
    assert len(rows) == 1 + sum(len(tier.shapes) for tier in found.tiers) == 1 + len(table(found))
    assert json.loads((tmp_path / "a.json").read_text())["bitcell"] == "gain_2t0c_hybrid"


def test_a_bitcell_of_ones_own_is_drawn(tmp_path):
    source = (
        registry.locate("bitcells", "dram_1t1c")
        .read_text()
        .replace("from .base", "from beolith.circuits.bitcells.base")
    )
    (tmp_path / "mine.py").write_text(source.replace("5e-15", "200e-15"))
    result = CliRunner().invoke(app, ["show", str(tmp_path / "mine.py"), "--kind", "bitcells"])
    assert result.exit_code == 0, result.output
    assert "Layout: " in result.output
