"""The main study, small: the physics it must show, resuming, and the figure from the kept file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from xarray import Dataset

from beolith import store, study
from beolith.errors import BeolithError

NAME = "material_to_accuracy"
SMALL = {
    "network": "mlp",
    "images": 200,
    "levels": 4,
    "temperatures": [300.0, 398.0],
    "hold_times": [1e-6, 1.0, 1e6],
    "ages": [0.0, 3e8],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> study.Run:
    return study.run(NAME, SMALL, out=tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def ds(finished: study.Run) -> Dataset:
    assert not finished.failures
    return finished.dataset


def test_best_material_right_after_refresh_is_near_the_float_network(ds: Dataset) -> None:
    start = ds.isel(hold_time=0, age=0, temperature=0)
    assert float(start["accuracy_float"].min()) > 0.95
    assert float(abs(start["accuracy_ideal"] - start["accuracy_float"]).max()) <= 0.01
    assert float(start["accuracy"].max()) >= float(start["accuracy_float"].max()) - 0.01


def test_accuracy_falls_with_time_because_the_storage_node_does(ds: Dataset) -> None:
    for material in ds["material"].to_numpy():
        part = ds.sel(material=material).isel(age=0, temperature=1)
        assert np.all(np.diff(part["storage_loss"]) > 0), material
        assert np.all(np.diff(part["restored_energy"]) > 0), material
        assert float(part["level_error"][-1]) > float(part["level_error"][0]), material
        assert float(part["accuracy"][-1]) < 0.5 < 0.85 < float(part["accuracy"][0]), material


def test_refresh_costs_more_when_hot_because_retention_is_shorter(ds: Dataset) -> None:
    cold, hot = ds.isel(temperature=0), ds.isel(temperature=1)
    assert bool((hot["retention_time"] < cold["retention_time"]).all())
    assert bool((hot["refresh_energy"] > cold["refresh_energy"]).all())


def test_materials_trade_off(ds: Dataset) -> None:
    retention = ds["retention_time"].isel(temperature=0, age=0, hold_time=0)
    order = ["belmonte2023_igzo", "liu2023_ito", "pandey2025_in2o3"]
    times = [float(retention.sel(material=m)) for m in order]
    assert times[0] > 100 * times[1] > 100 * 100 * times[2] / 10


def test_age_moves_the_threshold(ds: Dataset) -> None:
    shift = ds["threshold_shift"].isel(hold_time=0)
    assert float(abs(shift.isel(age=0)).max()) < 1e-9
    assert float(abs(shift.isel(age=1)).min()) > 1e-3


def test_energy_is_the_sum_that_it_says(ds: Dataset) -> None:
    assert bool((ds["energy"] > ds["refresh_energy"]).all())
    assert float(ds["latency"].min()) > 0
    assert float(ds["area"].min()) > 0


def test_the_result_file_is_whole_and_redraws(finished: study.Run) -> None:
    again = store.load_dataset(finished.files["result"])
    assert again["accuracy"].attrs == {"units": "1", "long_name": "Accuracy"}
    before = finished.files["csv"].read_text()
    finished.files["csv"].unlink()
    files = study.draw(finished.folder)
    assert files["csv"].read_text() == before
    facts = json.loads(files["json"].read_text())
    assert "cmos_45nm" in facts["context"]["cards"]
    assert all(len(str(digest)) == 64 for digest in again["card"].to_numpy())
    for key in ("belmonte2023_vlsi", "zhao2006_ptm", "horowitz2014_energy", "enz1995_ekv"):
        assert key in facts["bibtex"]


def test_a_longer_axis_keeps_finished_points(finished: study.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = study.get(NAME)
    seen: list[float] = []
    real = module.evaluate

    def count(point: dict[str, float], config: object) -> object:
        seen.append(point["hold_time"])
        return real(point, config)

    monkeypatch.setattr(module, "evaluate", count)
    longer = {**SMALL, "materials": ["liu2023_ito"], "hold_times": [1e-6, 1e-2, 1.0, 1e6]}
    run = study.run(NAME, longer, out=finished.folder.parent)
    assert set(seen) == {1e-2}
    assert not run.failures


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"temperature": 300}, "did you mean 'temperatures'"),
        ({"temperatures": ["300 V"]}, "temperatures"),
        ({"levels": 1}, "levels"),
        ({"images": 0}, "images"),
        ({"hold_times": [-1.0]}, "hold_times"),
        ({"temperatures": [-5.0]}, "temperatures"),
        ({"network": "lenet"}, "lenet5"),
        ({"dataset": "mnst"}, "mnist"),
    ],
)
def test_wrong_options(setting: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(BeolithError, match=message):
        study.run(NAME, setting, out=tmp_path)


def test_options_are_shown_without_their_checks() -> None:
    types = {option["name"]: option["type"] for option in study.options(study.get(NAME))}
    assert types["temperatures"] == "list[float]"
    assert types["network"] == "str"
    assert not any("Annotated" in text for text in types.values())
