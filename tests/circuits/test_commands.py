"""The commands of the circuits: cells and spice."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from beolith.circuits.cell import load
from beolith.circuits.cell_settings import with_card
from beolith.circuits.summary import UNITS
from beolith.cli import app
from beolith.errors import BeolithError


def call(*arguments: str, code: int = 0) -> str:
    answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == code, answer.output
    return answer.stdout if code == 0 else answer.output


def test_cells_compares_a_cell_that_forgets_with_one_that_does_not():
    """Every number there is, with its unit; a warm oxide cell forgets sooner, and its worst one sooner still."""
    found = json.loads(call("cells", "dram_1t1c", "sram_6t", "--temperature", "358K", "--json"))
    assert found["temperature"] == 358.0
    assert found["units"] == UNITS
    dram, sram = found["cells"]["dram_1t1c"], found["cells"]["sram_6t"]
    for cell in (dram, sram):
        assert set(UNITS) < set(cell)
        times = [cell[key] for key in ("area", "write_time", "read_time", "write_energy", "read_energy", "hold_power")]
        assert all(value > 0 and math.isfinite(value) for value in times)
    assert 0 < dram["worst_retention"] < dram["retention"] < 1e7
    assert dram["hold_margin"] is None
    assert sram["retention"] is None
    assert 0 < sram["read_margin"] < sram["hold_margin"] < 0.5


def test_cells_with_another_card_and_other_settings():
    page = call("cells", "gain_2t0c", "--card", "write=liu2023_ito", "--set", "lengths.write=50 nm")
    assert "gain_2t0c" in page
    assert "retention" in page


def test_a_card_goes_where_it_fits():
    kinds = {name: load(name) for name in ("gain_2t0c_hybrid", "sram_6t")}
    changed = with_card(kinds, "liu2023_ito")
    cards = {name: place.card for name, place in changed["gain_2t0c_hybrid"].transistors.items()}
    assert cards == {"write": "liu2023_ito", "read": "silicon_45nm"}
    assert changed["sram_6t"] == kinds["sram_6t"]
    only = with_card(kinds, "pull_up_left=chiang2025_sno")["sram_6t"]
    assert only.transistors["pull_up_left"].card == "chiang2025_sno"
    assert only.transistors["pull_up_right"].card == "silicon_45nm_p"
    with pytest.raises(BeolithError, match=r"no transistor 'wright'|has a transistor 'wright'"):
        with_card(kinds, "wright=liu2023_ito")
    with pytest.raises(BeolithError, match="polarity"):
        with_card(kinds, "chiang2025_sno")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cells", "gain_2t0d"), "gain_2t0c"),
        (("cells", "gain_2t0c", "--temperature", "358 m"), "temperature|dimension|K"),
        (("cells", "gain_2t0c", "--set", "levels=64"), "allowed: 2 .. 32"),
        (("cells", "gain_2t0c", "--set", "capacitances.storrage=1 fF"), "storage"),
        (("spice", "gain_2t0c", "--level", "2"), "allowed: 0 .. 1"),
    ],
)
def test_bad_input_is_told_in_a_line(arguments: tuple[str, ...], said: str):
    page = call(*arguments, code=2)
    assert "Traceback" not in page
    assert any(part in page for part in said.split("|"))


def test_spice_writes_a_deck_once(tmp_path: Path):
    file = tmp_path / "cell.cir"
    call("spice", "gain_2t0c", "--out", str(file))
    text = file.read_text()
    assert text.startswith("* 2T0C gain cell")
    assert ".subckt" in text
    assert "x_write n_wbl n_wwl n_sn" in text
    assert "already there" in call("spice", "gain_2t0c", "--out", str(file), code=2)
    assert call("spice", "gain_2t0c").strip() == text.strip()


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
def test_spice_runs_ngspice_beside_the_engine():
    found = json.loads(call("spice", "dram_1t1c", "--run", "--json"))
    assert set(found["largest_difference"]) == {"wl", "bl", "sn"}
    assert max(found["largest_difference"].values()) < 1e-3
