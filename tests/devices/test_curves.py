"""Reading measured curves: every way to write a header, and bad files through the real command line."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from beolith.cli import app
from beolith.devices import library
from beolith.devices.extraction import curves
from beolith.devices.extraction.curves import CurveWarning
from beolith.errors import DataError

SIZES = ("--width", "10 um", "--length", "1 um", "--temperature", "300 K")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BEOLITH_DEBUG", raising=False)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Two transfer curves of a published card, 10 um wide and 1 um long."""
    size = torch.tensor([1e-5, 1e-6, 300.0], dtype=torch.float64)
    v_d, v_g = (torch.tensor(g.ravel()) for g in np.meshgrid((0.1, 1.0), np.linspace(-1, 2, 31), indexing="ij"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transistor = library.load("belmonte2023_igzo").transistor(*size)
    i_d = transistor.current(v_g, v_d, torch.zeros((), dtype=torch.float64)).numpy() + 1e-13
    return pd.DataFrame({"V_GS [V]": v_g.numpy(), "V_DS [V]": v_d.numpy(), "I_D [A]": i_d})


def save(table: pd.DataFrame, **kwargs: object) -> Path:
    table.to_csv("curves.csv", index=False, **kwargs)  # type: ignore[call-overload]
    return Path("curves.csv")


def read(path: Path) -> pd.DataFrame:
    return curves.read(path, width=1e-5, length=1e-6, temperature=300.0).table


def refused(*arguments: str) -> str:
    """The message of a fit that is refused; given to people and to programs alike."""
    result = CliRunner().invoke(app, ["fit", "curves.csv", *arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "\n\n" not in result.stderr.strip(), "more than one paragraph"
    again = CliRunner().invoke(app, ["fit", "curves.csv", *arguments, "--json"])
    message: str = json.loads(again.stdout)["error"]["message"]
    assert result.stderr == f"beolith: {message}\n"
    assert not Path("fit").exists(), "a card was written"
    return message


@pytest.mark.parametrize(
    "names",
    [
        ("VGS [V]", "VDS [V]", "ID [A]"),
        ("Vg (V)", "Vd (V)", "Id (A)"),
        ("v_g/V", "v_d/V", "Id/A"),
        ("V_GS [mV]", "VDS (mV)", "I_D [uA]"),
        ("Gate Voltage [V]", "Drain Voltage [V]", "Drain Current [nA]"),
        ("Ug/V", "Uds/V", "Ids/µA"),
        ("VG [V]", "VD [V]", "ID [uA/um]"),
        ("VG [V]", "VD [V]", "ID (A/m)"),
    ],
)
def test_names_and_units(table: pd.DataFrame, names: tuple[str, str, str]):
    scale = {"mV": 1e3, "uA": 1e6, "µA": 1e6, "nA": 1e9, "uA/um": 1e6 / 10, "A/m": 1e5}
    given = table.set_axis(names, axis=1)
    for name in names:
        unit = name.partition("/")[2] if "/" in name and "[" not in name and "(" not in name else name[:-1]
        given[name] *= scale.get(unit.split("[")[-1].split("(")[-1], 1.0)
    found = read(save(given))
    np.testing.assert_allclose(found[["v_gs", "v_ds", "i_d"]].to_numpy(), table.to_numpy(), rtol=1e-12)
    assert list(found["sweep"].unique()) == [0, 1]
    assert set(found.columns) == {*curves.COLUMNS, "kind", "sweep"}


@pytest.mark.parametrize("sep", [",", ";", "\t", " "])
def test_separators(table: pd.DataFrame, sep: str):
    given = table.set_axis(["VG/V", "VD/V", "ID/A"], axis=1)
    found = read(save(given, sep=sep, decimal="," if sep == ";" else "."))
    np.testing.assert_allclose(found["i_d"], table["I_D [A]"], rtol=1e-12)


def test_sizes_and_temperatures_may_be_columns_and_units_a_line_of_their_own():
    text = "# a comment\nVG,VD,ID,L,W,T,IG,time\nV,V,nA,um,um,degC,A,s\n1,0.1,5,2,10,25,0,0\n2,0.1,9,2,10,85,0,1\n"
    Path("curves.csv").write_text(text, encoding="utf-8")
    found = curves.read(Path("curves.csv")).table
    assert list(found["temperature"]) == pytest.approx([298.15, 358.15])
    assert list(found["i_d"]) == pytest.approx([5e-9, 9e-9])
    assert list(found["length"]) == pytest.approx([2e-6, 2e-6])


def test_capacitance_per_area():
    Path("curves.csv").write_text("VG [V],C [uF/cm^2]\n0,0.1\n1,0.3\n2,0.31\n", encoding="utf-8")
    assert list(read(Path("curves.csv"))["c_g"]) == pytest.approx([1e-14, 3e-14, 3.1e-14])


def test_transfer_output_and_return_sweeps_are_told_apart():
    v = np.linspace(-1, 2, 7)
    there_and_back = pd.DataFrame({"v_gs": [*v, *v[::-1]], "v_ds": 0.1, "i_d": 1e-9 * np.exp([*v, *(v[::-1] - 0.1)])})
    output = pd.DataFrame({"v_gs": 1.5, "v_ds": np.linspace(0.2, 2.0, 10), "i_d": 1e-6 * np.linspace(0.2, 2.0, 10)})
    whole = pd.concat((there_and_back, output)).assign(width=1e-5, length=1e-6, temperature=300.0)
    found = curves.tidy("both", whole).table["sweep"]
    assert list(found[:7]) == [0] * 7
    assert set(found[7:14]) == {1}
    assert set(found[14:]) == {2}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.rename(columns={"V_GS [V]": "VSG [V]"}), "unknown column 'VSG [V]'; did you mean 'vg'"),
        (lambda t: t.rename(columns={"V_GS [V]": "V_GS [W]"}), "v_gs: unit 'W' measures"),
        (lambda t: t.rename(columns={"I_D [A]": "I_D [uAmp]"}), "i_d: unknown unit"),
        (lambda t: t.drop(columns="I_D [A]"), "neither a current (I_D) nor a capacitance (C_G)"),
        (lambda t: t.drop(columns="V_DS [V]"), "no column for v_ds"),
        (lambda t: t.assign(**{"ID [uA]": 1.0}), "columns 'I_D [A]' and 'ID [uA]' are both i_d"),
        (lambda t: t.set_axis(["I_D [A]", "V_DS [V]", "V_GS [V]"], axis=1), "are V_GS and I_D exchanged?"),
        (lambda t: t.set_axis(["V_DS [V]", "V_GS [V]", "I_D [A]"], axis=1), "are V_GS and V_DS exchanged?"),
        (lambda t: t * [1, 1, -1], "drain currents are negative at positive V_DS"),
        (lambda t: t * [-1, 1, 1], "the current falls with V_GS: p-type"),
        (lambda t: t * [1, 1, 1e6], "i_d of"),
        (lambda t: t.assign(**{"I_D [A]": t["I_D [A]"] * np.where(t["V_DS [V]"] > 0.5, 1.0, 1e-6)}), "in one unit?"),
        (lambda t: t * [1, 1, 0], "every current is zero"),
        (lambda t: t.assign(**{"I_D [A]": np.nan}), "not one complete point"),
        (lambda t: t.iloc[:4], "4 points are too few for 4 parameters"),
        (lambda t: t.iloc[:0], "no points; a line of names"),
        (lambda t: t.astype(object).replace(t.iloc[3, 2], "1.2 uA"), "i_d of point 4 is '1.2 uA', which is no number"),
        (lambda t: t.assign(**{"T [K]": 300}), "the temperature is a column of the file and an option"),
        (lambda t: t.assign(**{"T": 25}), "temperatures of 25 without a unit; write T [K] or T [degC]"),
    ],
)
def test_bad_curves(table: pd.DataFrame, spoil: Callable[[pd.DataFrame], pd.DataFrame], says: str):
    save(spoil(table))
    assert says in refused(*SIZES)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no points; a line of names"),
        ("VG [V],ID [µA]\n1,2\n".encode("latin-1"), "is not UTF-8 (byte 11)"),
        (b"VG [V],VD [V],ID [A]\n1,2,3,4,5\n1,2\n", "curves.csv: "),
        (b"\x00\x01\x02", "curves.csv"),
    ],
)
def test_bad_files(content: bytes, says: str):
    Path("curves.csv").write_bytes(content)
    assert says in refused(*SIZES)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "no column for width, length, temperature"),
        ((*SIZES, "--width", "10"), "--width 10: say the unit"),
        ((*SIZES, "--length", "1 V"), "unit 'V' measures"),
        ((*SIZES, "--free", "mobilty"), "'mobilty' cannot be fitted; did you mean 'mobility'?"),
        ((*SIZES, "--fix", "tekv.mobility"), "write key=value"),
        ((*SIZES, "--fix", "tekv.mobilty=1"), "tekv.mobilty: no such parameter"),
        ((*SIZES, "--free", "mobility", "--fix", "tekv.mobility=1e-3"), "nothing is left to fit"),
        ((*SIZES, "--start", "belmonte2023"), "did you mean 'belmonte2023_igzo'?"),
    ],
)
def test_bad_options(table: pd.DataFrame, options: tuple[str, ...], says: str):
    save(table)
    assert says in refused(*options)


def test_no_such_file():
    assert "curves.csv: No such file" in refused(*SIZES)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.assign(**{"I_D [A]": t["I_D [A]"].where(t.index != 4)}), "1 of 62 points are without a number"),
        (lambda t: pd.concat((t, t.iloc[:5])), "5 of 67 points are repeated and left out"),
        (
            lambda t: t.assign(**{"I_D [A]": np.tanh(3 * (t["V_GS [V]"] + 1.0)) * 1e-6 * t["V_DS [V]"]}),
            "the current hardly grows with V_GS",
        ),
        (lambda t: t.set_axis(["VGS", "VDS", "ID"], axis=1), "without a unit are read as SI: v_gs in V, v_ds in V"),
    ],
)
def test_doubtful_curves_are_fitted_with_a_warning(
    table: pd.DataFrame, spoil: Callable[[pd.DataFrame], pd.DataFrame], says: str
):
    save(spoil(table))
    result = CliRunner().invoke(app, ["fit", "curves.csv", *SIZES, "--free", "mobility", "--free", "threshold_voltage"])
    assert result.exit_code == 0, result.output
    assert says in " ".join(result.stdout.split())
    with pytest.warns(CurveWarning, match=says.split(":")[0]):
        read(Path("curves.csv"))


def test_the_command_writes_a_card_that_carries_the_current(table: pd.DataFrame):
    save(table)
    result = CliRunner().invoke(app, ["fit", "curves.csv", *SIZES, "--fix", "tekv.oxide_thickness=10 nm", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    truth = library.load("belmonte2023_igzo")
    for name in ("tekv.mobility", "tekv.threshold_voltage"):
        found = answer["parameters"][name]
        wanted = truth.card.values("tekv")[name.partition(".")[2]]
        assert abs(found["value"] - wanted) < max(4.0 * found["sigma"], 0.02 * abs(wanted))
    assert {"card", "png", "pdf", "csv", "json"} == {*answer["files"]}
    assert any("cannot tell" in text for text in answer["warnings"])
    shown = CliRunner().invoke(app, ["show", answer["files"]["card"], "--kind", "cards", "--json"])
    assert json.loads(shown.stdout)["sections"]["tekv"]["mobility"]["how"] == "fitted"
    device = library.load(answer["files"]["card"])
    size = torch.tensor([1e-5, 1e-6, 300.0], dtype=torch.float64)
    v_g, v_d, i_d = torch.tensor(table.to_numpy()).T
    current = device.transistor(*size).current(v_g, v_d, torch.zeros((), dtype=torch.float64))
    on = i_d > 1e-9
    torch.testing.assert_close(current[on], i_d[on], rtol=0.02, atol=0.0)


def test_a_current_per_width_needs_no_width():
    Path("curves.csv").write_text("VG [V],VD [V],ID [uA/um]\n0,1,1e-3\n1,1,0.5\n", encoding="utf-8")
    found = curves.read(Path("curves.csv"), length=1e-6, temperature=300.0).table
    assert list(found["i_d"] / found["width"]) == pytest.approx([1e-3, 0.5])


def test_a_capacitance_per_area_needs_both_sizes():
    Path("curves.csv").write_text("VG [V],C [uF/cm**2]\n0,0.1\n1,0.3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"c_g is given in uF/cm\*\*2; a column or an option for the width is missing"):
        curves.read(Path("curves.csv"), temperature=300.0)
