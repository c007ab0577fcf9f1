"""A p-type card: what says so, and who refuses to take it for an n-type one."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from beolith import registry
from beolith.cli import app
from beolith.devices import library
from beolith.devices.export import spice, veriloga
from beolith.devices.extraction import curves, fitted_card
from beolith.devices.extraction.extract import fit
from beolith.devices.library import Device
from beolith.devices.typical_curves import merit
from beolith.errors import BeolithError, CardError

P = "silicon_45nm_p"
P_TYPE = {name for name in registry.names("cards") if library.load(name).sign < 0}


def f64(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_a_card_says_its_polarity(device: Device):
    """Silent is n-type; its transistors know, those drawn at random too."""
    size = f64(1e-7), device.validity.shortest_length, f64(300.0)
    assert device.sign == (-1 if "\npolarity: p\n" in device.card.path.read_text(encoding="utf-8") else 1)
    assert device.transistor(*size).sign == device.sample(*size, count=2).sign == device.sign


def test_there_is_a_partner_for_the_silicon():
    assert P in P_TYPE
    assert "silicon_45nm" not in P_TYPE


def test_it_heats_up_as_what_it_is():
    device = library.load(P, {"thermal.boundary_conductance": 3e7})
    assert device.self_heated(f64(1e-6), f64(17.5e-9), f64(300.0)).sign == -1


@pytest.mark.parametrize("polarity", ["q", "pp", "N"])
def test_a_polarity_that_does_not_exist(polarity: str, tmp_path: Path):
    text = library.load(P).card.path.read_text(encoding="utf-8")
    card = tmp_path / "mine.yaml"
    card.write_text(text.replace("polarity: p", f"polarity: {polarity}").replace("model: tekv", "model: ekv"))
    with pytest.raises(CardError, match=rf"polarity: '{polarity}' is none; (allowed|did)") as caught:
        library.load(str(card))
    assert len(str(caught.value).splitlines()) == 2


def test_a_written_card_keeps_it(tmp_path: Path):
    card = library.load(P).card
    fitted_card.write(card, tmp_path / "again.yaml")
    again = library.load(str(tmp_path / "again.yaml"))
    assert again.sign == -1
    assert again.card.digest == card.digest


def test_no_curves_are_fitted_from_it():
    table = pd.DataFrame({"v_gs": [0.0, 0.5, 1.0], "v_ds": 1.0, "i_d": [1e-9, 1e-6, 1e-3], "width": 1e-6,
                          "length": 17.5e-9, "temperature": 300.0})  # fmt: skip
    with pytest.raises(BeolithError, match="silicon_45nm_p is p-type"):
        fit(curves.tidy("p.csv", table), library.load(P))


def test_the_list_and_the_page_show_it():
    found = json.loads(call("cards", "--json"))["cards"]
    assert {name for name, card in found.items() if card["polarity"] == "p"} == P_TYPE
    assert found[P]["typical"]["threshold"] == merit(library.load(P)).threshold < 0
    shown = json.loads(call("show", P, "--json"))
    assert shown["polarity"] == "p"
    for curve in shown["curves"]["transfer"], shown["curves"]["output"]:
        assert max(curve["v_g"]) <= 0 >= max(curve["v_d"])
        assert max(map(max, curve["i_d_per_width"])) <= 0
    page = call("show", P)
    for part in ("The p-type model at", "-I_D [A/um], -V_D = 0.05, 1 V", "-V_G [V]", "-V_D [V]"):
        assert part in page


def test_the_figure_counts_upwards(tmp_path: Path):
    call("show", P, "--figure", str(tmp_path / "p.png"))
    table = pd.read_csv(tmp_path / "p.csv")
    assert (table[["v_g [V]", "v_d [V]", "i_d [A/m]"]] <= 0).all().all()


def test_exports_say_it():
    for write in (veriloga.module, spice.netlist):
        assert "p-type: the parameters are those of its n-type mirror image" in write(library.load(P))
        assert "p-type" not in write(library.load("liu2023_ito"))
