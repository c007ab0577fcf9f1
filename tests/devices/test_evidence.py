"""The evidence ledger: what a row must be, how it is judged, and what the models say to each."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import constants
from typer.testing import CliRunner

from beolith import units
from beolith.cli import app
from beolith.devices.evidence import ledger as evidence
from beolith.devices.evidence import parity, predictions, validation
from beolith.devices.evidence.ledger import COLUMNS, Fact, Tie, Tolerance
from beolith.devices.evidence.predictions.base import CONDITIONS
from beolith.errors import BeolithError, DataError
from beolith.sources import all_sources

FACTS = evidence.load()
TIED = [fact for fact in FACTS if fact.tie]
OUTSIDE = {
    "prediction": "F007 F009 F032 F040 F053 F223 F227 F228 M057 M081 M082 M082a M098 M137 in2o3_ss_vs_tch_L15@3",
    "calibration": "F148a F149a F162a F222",
}
"""Rows that the models miss. One that leaves or enters is a changed result and belongs in the changelog."""
MUST_HOLD = (
    "F001 igzo_ss_vs_T@200 F003 F197 al2o3_h_barrier_450C@2.7 F199 F100 F102 igzo_SS_vs_anneal_D2@300 "
    "igzo_SS_vs_anneal_D2@350 F072 F073 F073a F155 F156 F207 F208 F209 F082 F083"
)
"""Swing by temperature, alumina, anneals, and amplitude, temperature and rise time of bias stress."""
GOOD = {
    **{"id": "F001", "material": "a-IGZO", "conditions": "300 K", "quantity": "swing", "value": "61", "unit": "mV"},
    **{"source": "vansetten2025_cryo", "where": "abstract", "tolerance": "3 mV", "use": "calibration"},
    "tied": "swing(card=belmonte2023_igzo; length=1 um; v_ds=0.1 V)",
}


@pytest.fixture(scope="module")
def table():
    return validation.validate(FACTS).set_index("id")


@pytest.fixture
def ledger(tmp_path):
    """A ledger of one table with the given rows."""

    def write(*rows):
        folder = tmp_path / "evidence"
        folder.mkdir(exist_ok=True)
        lines = [",".join(COLUMNS), *(",".join(f'"{row.get(c, "")}"' for c in COLUMNS) for row in rows)]
        (folder / "some.csv").write_text("\n".join(lines), encoding="utf-8")
        return folder

    return write


def fact(**changes) -> Fact:
    """A fact that nothing is wrong with, changed."""
    given = {"low": 61.0, "high": 61.0, "tolerance": Tolerance("difference", 3.0), "tie": None, "topic": "some"}
    text = {key: GOOD.get(key, "") for key in COLUMNS if key not in ("value", "low", "high", "tolerance", "tied")}
    return dataclasses.replace(Fact(**{**text, **given}), **changes)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- the ledger itself


def test_there_is_enough_of_it():
    assert len(TIED) >= 40
    assert len(evidence.topics()) >= 8
    assert len({f.source for f in FACTS}) >= 50


def test_every_source_exists():
    assert {f.source for f in FACTS} <= set(all_sources().keys)


@pytest.mark.parametrize("fact", TIED, ids=lambda f: f.id)
def test_a_tied_row_reads_a_card_and_has_its_unit(fact):
    predictor = predictions.predictor(fact.tie.name)
    units.to_si(1.0, fact.unit or "1", predictor.unit or "1")
    assert set(inspect.signature(predictor.function).parameters) - set(CONDITIONS) <= {"device", "medium"}
    assert all(math.isfinite(x) for x in (fact.low, fact.high))


def test_every_predictor_is_used_and_tied_to_what_it_says():
    assert {f.tie.name for f in TIED} == set(predictions.PREDICTORS)


# -------------------------------------------------------------------------------------- calibration and prediction


def test_no_row_is_called_a_prediction_of_what_it_made():
    assert [f.id for f in TIED if f.use == "prediction" and validation.makers(f)] == []


def test_makers_are_found_by_source_by_name_and_by_what_is_replaced():
    def tied(name, **arguments):
        return Tie(name, {"card": "belmonte2023_igzo", "v_ds": "1 V", **arguments})

    off = fact(id="F025", source="belmonte2023_vlsi", tie=tied("off_current"), use="prediction", unit="A/m")
    assert validation.makers(off) == ("tekv.leakage_density",)
    with pytest.raises(DataError, match=r"F025: it made tekv.leakage_density, so its use is calibration"):
        validation.validate([off])
    assert validation.makers(dataclasses.replace(off, source="oota2019_iedm")) == ()
    assert validation.makers(dataclasses.replace(off, source="oota2019_iedm", tie=tied("swing", length="1 um"))) == ()
    replaced = tied("off_current", **{"tekv.leakage_density": "3e-19 A/um"})
    assert validation.makers(dataclasses.replace(off, source="oota2019_iedm", tie=replaced)) == (
        "tekv.leakage_density",
    )


def test_an_entry_that_names_its_facts_is_made_of_no_others():
    """The plate of F119 made the permittivity of the card; F123, of the same work, did not."""
    tie = Tie("dielectric_capacitance", {"card": "tftpdk2024_igzo"})
    plate = fact(id="F119", source="tftpdk2024", tie=tie)
    assert validation.makers(plate) == ("tekv.oxide_permittivity",)
    assert validation.makers(dataclasses.replace(plate, id="F123")) == ()


def test_a_function_that_was_fitted_says_to_what():
    edge = fact(id="F207", tie=Tie("edge_shift", {"rise_time": "400 ns"}))
    assert validation.makers(edge) == ("edge_shift",)


# ------------------------------------------------------------------------------------------------------ judgement


@pytest.mark.parametrize(
    ("changes", "inside", "outside"),
    [
        ({}, (58.0, 64.0), (57.9, 64.1)),
        ({"tolerance": Tolerance("part", 0.1)}, (55.0, 67.0), (54.8, 67.2)),
        ({"tolerance": Tolerance("factor", 2.0)}, (30.5, 122.0), (30.4, 122.1)),
        ({"tolerance": Tolerance("factor", 2.0), "low": -4.0, "high": -4.0}, (-8.0, -2.0), (-8.1, -1.9, 4.0)),
        ({"low": 60.0, "high": 70.0}, (57.0, 73.0), (56.9, 73.1)),
        ({"bound": "<", "tolerance": None}, (-1e9, 61.0), (61.1,)),
        ({"bound": ">", "tolerance": None}, (61.0, 1e30), (60.9,)),
    ],
)
def test_judgement(changes, inside, outside):
    given = fact(**changes)
    assert {validation.judge(given, x) for x in inside} == {"pass"}
    assert {validation.judge(given, x) for x in outside} == {"outside"}
    assert validation.judge(given, math.nan) == "no statement"


@pytest.mark.parametrize(
    ("published", "predicted", "low", "high"),
    [
        (">", ">", "no statement", "pass"),
        (">", "<", "outside", "no statement"),
        ("<", "<", "pass", "no statement"),
        ("<", ">", "no statement", "outside"),
        ("", ">", "no statement", "outside"),
        ("", "<", "outside", "no statement"),
    ],
)
def test_a_prediction_that_is_a_bound(published, predicted, low, high):
    """Agrees if all that it leaves open agrees, fails if nothing of it does."""
    tolerance = None if published else Tolerance("difference", 3.0)
    given = fact(bound=published, tolerance=tolerance, tie=Tie("retention", {}, predicted))
    assert validation.judge(given, 10.0) == low
    assert validation.judge(given, 100.0) == high


def test_the_table_keeps_every_row_and_counts_it(table):
    counts = validation.summary(table.reset_index())
    assert len(table) == len(FACTS) == counts["rows"]
    assert counts["tied"] == len(TIED)
    judged = ("predictions within", "predictions outside", "calibrations", "tied, but")
    assert sum(n for name, n in counts.items() if name.startswith(judged)) == counts["tied"]
    assert counts["untied"] == len(FACTS) - len(TIED)
    untied = table[table["use"] == "untied"]
    assert set(untied["result"]) == {"no statement"}
    assert untied["prediction"].isna().all()
    assert np.isfinite(table[table["use"] != "untied"]["prediction"]).all()


@pytest.mark.parametrize("use", OUTSIDE)
def test_what_the_models_miss(table, use):
    missed = table[(table["use"] == use) & (table["result"] == "outside")]
    assert set(missed.index) == set(OUTSIDE[use].split())


@pytest.mark.parametrize("name", MUST_HOLD.split())
def test_rows_that_must_hold(table, name):
    assert table.loc[name, "result"] == "pass"


def test_a_prediction_beyond_the_range_of_its_card_says_so(table):
    assert table.loc["F053", "beyond"]  # 8 nm, and the card begins at 40 nm
    assert not table.loc["F141", "beyond"]


def test_error_is_the_distance_from_what_is_published(table):
    row = table.loc["F001"]
    assert row["error"] == pytest.approx(row["prediction"] / 61.0 - 1.0, rel=1e-12)


# ------------------------------------------------------------------------------------- independent of the program


def test_swings_after_anneals_follow_from_the_capacitance(table):
    """ln 10 kT/q (1 + q D_it/C) with the published trap densities and 15 nm of Al2O3, by hand."""
    capacitance = constants.epsilon_0 * 8.83 / 15e-9
    for name, traps in (("F100", 6.02e16), ("igzo_SS_vs_anneal_D2@350", 8.43e15)):
        by_hand = math.log(10) * 0.0258520 * (1 + constants.e * traps / capacitance) * 1e3
        assert table.loc[name, "prediction"] == pytest.approx(by_hand, rel=0.15)


def test_alumina_by_hand(table):
    assert table.loc["F199", "prediction"] == pytest.approx(math.exp(4.2 / 0.48), rel=1e-9)


def test_retention_by_hand(table):
    """0.1 fF and 0.1 V against 3e-19 A/um of 70 nm."""
    assert table.loc["M001", "prediction"] == pytest.approx(1e-16 * 0.1 / (3e-13 * 70e-9), rel=1e-6)


def test_floor_of_the_swing_is_that_of_a_band_with_a_tail():
    """Fermi-Dirac occupation of an exponential tail below a constant band, 0.3 eV above the Fermi level.

    The form of :func:`beolith.devices.tekv.thermal_voltage` with exponent 12 meets d ln n/d E_F within 1 %.
    """
    import torch

    from beolith.devices.tekv import thermal_voltage

    width, level, k = 16.5e-3, -0.3, constants.k / constants.e
    energy = np.linspace(-0.9, 0.4, 52001)
    states = np.where(energy < 0, np.exp(np.minimum(energy, 0) / width), 1.0)

    def log_density(at, temperature):
        occupied = 1 / (1 + np.exp(np.clip((energy - at) / (k * temperature), -700, 700)))
        return math.log(np.trapezoid(states * occupied, energy))

    for temperature in (100.0, 150.0, 200.0, 250.0, 300.0):
        exact = 2e-3 / (log_density(level + 1e-3, temperature) - log_density(level - 1e-3, temperature))
        one = torch.ones((), dtype=torch.float64)
        found = thermal_voltage(temperature * one, width * constants.e * one, 12.0 * one)
        assert float(found) == pytest.approx(exact, rel=0.01)


# ------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "nobody2020"}, "source: no reference 'nobody2020'"),
        ({"source": "own"}, "source: no reference 'own'"),
        ({"source": ""}, "source: missing"),
        ({"value": "many"}, "value: 'many' is no number"),
        ({"value": ""}, "give either value, or low and high"),
        ({"low": "1"}, "give either value, or low and high"),
        ({"value": "", "low": "3", "high": "2"}, "low: 3 is above high, 2"),
        ({"unit": "millivolts_per_decade"}, "unknown unit"),
        ({"bound": "<="}, "bound: '<=' is none"),
        ({"bound": "<"}, "needs a tolerance or is a bound, not both"),
        ({"tolerance": ""}, "needs a tolerance or is a bound, not both"),
        ({"tolerance": "about 3"}, "tolerance: 'about 3' is none"),
        ({"tolerance": "3 kg"}, "tolerance: '3 kg' is none"),
        ({"tolerance": "x0.5"}, "allows nothing"),
        ({"tolerance": "-3 %"}, "allows nothing"),
        ({"tied": "swing"}, "is not like swing"),
        ({"tied": "swing(card)"}, "is not like swing"),
        ({"tied": "swing(card=a; card=b)"}, "gives an argument twice"),
        ({"use": "validated"}, "use: 'validated' is none"),
        ({"use": "untied"}, "an untied one has none"),
        ({"id": "1"}, "id: '1' is neither"),
    ],
)
def test_a_faulty_row(ledger, changes, message):
    with pytest.raises(DataError, match=f"some.csv:2: .*{re.escape(message)}"):
        evidence.load(folder=ledger({**GOOD, **changes}))


def test_all_faults_are_reported_together(ledger):
    with pytest.raises(DataError) as error:
        evidence.load(folder=ledger(GOOD, {**GOOD, "source": "", "unit": "zz"}, {**GOOD, "id": "F002", "use": "x"}))
    lines = str(error.value).splitlines()
    assert len(lines) >= 4
    assert any("F001' stands in some.csv:2 already" in line for line in lines)
    assert any(line.startswith("some.csv:4: use") for line in lines)


def test_a_broken_table(ledger):
    folder = ledger(GOOD)
    (folder / "some.csv").write_text("id,material\nF001,IGZO", encoding="utf-8")
    with pytest.raises(DataError, match="the first line must be id,material"):
        evidence.load(folder=folder)
    (folder / "some.csv").write_text(",".join(COLUMNS) + "\nF001,IGZO", encoding="utf-8")
    with pytest.raises(DataError, match=r"some.csv:2: 2 cells, but 15 columns"):
        evidence.load(folder=folder)
    (folder / "some.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        evidence.load(folder=folder)
    with pytest.raises(BeolithError, match="no topic of evidence is called 'temperatures'; did you mean 'temperature'"):
        evidence.load("temperatures")


@pytest.mark.parametrize(
    ("tie", "message"),
    [
        (Tie("swinge", {}), "nothing called 'swinge' predicts; did you mean 'swing'"),
        (Tie("swing", {"card": "belmonte2023_igzo"}), "swing needs length, v_ds"),
        (Tie("swing", {"length": "1 um", "v_ds": "1 V"}), "swing is about one card or one medium"),
        (Tie("swing", {"card": "nobody", "length": "1 um", "v_ds": "1 V"}), "cards have no 'nobody'"),
        (Tie("swing", {"card": "belmonte2023_igzo", "lengths": "1 um", "v_ds": "1 V"}), "no argument 'lengths'"),
        (Tie("swing", {"card": "belmonte2023_igzo", "length": "1 V", "v_ds": "1 V"}), "unit 'V' measures"),
        (Tie("edge_shift", {"card": "belmonte2023_igzo", "rise_time": "1 ns"}), "edge_shift is about nothing"),
        (Tie("attenuation_length", {"medium": "al2o3", "temperature": "300 K", "a.b": "1"}), "cannot be replaced: a.b"),
    ],
)
def test_a_faulty_tie(tie, message):
    with pytest.raises(BeolithError, match=re.escape(message)):
        predictions.predict(tie.name, tie.arguments)


# ----------------------------------------------------------------------------------------------------- the command


def test_a_table_without_a_prediction_is_not_drawn(tmp_path):
    table = validation.validate([fact(use="untied")])
    with pytest.raises(BeolithError, match="nothing in it can be drawn"):
        parity.write(table, tmp_path, [])


def test_the_command_prints_and_writes(tmp_path: Path):
    done = CliRunner().invoke(app, ["validate", "--topic", "diffusion", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "calibrations reproduced" in done.output
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {f"validation.{ending}" for ending in ("pdf", "png", "csv", "json")}
    wrong = CliRunner().invoke(app, ["validate", "--topic", "diffusions"])
    assert wrong.exit_code == 2
