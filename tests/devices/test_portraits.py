"""``beolith show`` and ``beolith cards``: curves and figures of merit of a card, as text, as JSON and in print."""

import json

import pytest
import torch
from typer.testing import CliRunner

from beolith import registry
from beolith.cli import app
from beolith.devices import library
from beolith.devices.typical_curves import merit

from .conftest import tensor


def call(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


def test_the_page_has_table_and_curves():
    page = call("show", "huang2022_igzo")
    for part in ("abstract: 32.8 uA/um", "Transfer, I_D [A/um]", "Output, I_D [uA/um]", "SS 91.9 mV/dec", "V_G [V]"):
        assert part in page
    assert any(0x2800 < ord(character) <= 0x28FF for character in page)


def test_json_holds_the_curves_of_the_model():
    found = json.loads(call("show", "belmonte2023_igzo", "--json"))["curves"]
    device = library.load("belmonte2023_igzo")
    transistor = device.transistor(tensor(found["width"]), tensor(found["length"]), tensor(found["temperature"]))
    curve = found["transfer"]
    v_d = torch.tensor(curve["v_d"], dtype=torch.float64).unsqueeze(-1)
    expected = transistor.current(torch.tensor(curve["v_g"], dtype=torch.float64), v_d, tensor(0.0)) / found["width"]
    assert torch.allclose(torch.tensor(curve["i_d_per_width"], dtype=torch.float64), expected, rtol=1e-12, atol=0.0)


def test_a_figure_is_written_with_its_numbers(tmp_path):
    call("show", "belmonte2023_igzo", "--figure", str(tmp_path / "igzo.png"))
    assert {file.suffix for file in tmp_path.iterdir()} == {".pdf", ".png", ".csv", ".json"}
    header, first = (tmp_path / "igzo.csv").read_text().splitlines()[:2]
    assert header == "curve,v_g [V],v_d [V],i_d [A/m]"
    assert first.startswith("transfer,-0.8,")
    assert json.loads((tmp_path / "igzo.json").read_text())["card"] == "belmonte2023_igzo"


def test_what_has_no_curves_has_no_figure(tmp_path):
    assert "no room draws networks" in call("show", "lenet5", "--figure", str(tmp_path / "a.png"), code=2)
    assert "running it" in call("show", "material_to_accuracy", "--figure", str(tmp_path / "a.png"), code=2)
    node = registry.names("nodes")[0]
    assert "has no curves" in call("show", node, "--kind", "nodes", "--figure", str(tmp_path / "a.png"), code=2)
    assert not list(tmp_path.iterdir())


def test_the_list_says_what_the_model_says():
    found = json.loads(call("cards", "--json"))["cards"]
    assert list(found) == list(registry.names("cards"))
    expected = merit(library.load("huang2022_igzo"))
    assert found["huang2022_igzo"]["typical"]["on_current"] == pytest.approx(expected.on_current)
    assert found["huang2022_igzo"]["numbers"]["measured"] >= 5
    assert "channel-all-around" in call("cards")


def test_figures_of_merit_are_those_of_the_definition(gate_voltage_at):
    """On and off at the typical gates; the threshold is where 100 nA W/L flow."""
    device = library.load("lu2022_igzo")
    found, t = merit(device), device.typical
    transistor = device.transistor(t.width, t.length, tensor(300.0))
    on = float(transistor.current(t.gate_on, t.drain, tensor(0.0)) / t.width)
    assert found.on_current == pytest.approx(on, rel=1e-9)
    level = 1e-7 * float(t.width / t.length)
    assert found.threshold == pytest.approx(gate_voltage_at(transistor, level, float(t.drain)), abs=2e-3)
