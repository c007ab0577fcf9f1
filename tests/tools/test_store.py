import json
import math
import os

import numpy as np
import pytest
import xarray

from beolith import store
from beolith.errors import BeolithError, DataError

ATTRS = {"config": "{}", "sources": "[]", "beolith_version": "0", "created_at": "2025-01-01T00:00:00+00:00"}


def dataset():
    return xarray.Dataset(
        {
            "retention_time": (
                ("device", "days"),
                [[1.0, math.nan], [math.inf, 1e-300]],
                {"units": "s", "long_name": "t"},
            ),
            "status": ("device", ["ok", "failed: µ"], {"units": "1", "long_name": "status"}),
            "fits": ("device", [True, False], {"units": "1", "long_name": "fits"}),
            "cells": ("device", np.array([3, -4]), {"units": "1", "long_name": "cells"}),
        },
        coords={
            "device": ("device", ["a", "bb"], {"units": "1", "long_name": "device"}),
            "days": ("days", [1.0, 2.0], {"units": "days", "long_name": "time"}),
        },
        attrs=ATTRS,
    )


def test_a_record_survives_with_nan_and_the_last_bit(tmp_path):
    points = store.PointStore(tmp_path)
    record = {"result": {"x": 0.1 + 0.2, "y": math.inf, "z": "text"}}
    points.save("k", {**record, "n": math.nan})
    found = points.load("k")
    assert math.isnan(found.pop("n"))
    assert found == record
    assert "k" in points
    assert [p.name for p in (tmp_path / "points").iterdir()] == ["k.json"]


@pytest.mark.parametrize("damage", ["", "{", '{"result": {"x": 1', "[1]", "null", "\x00\x00"])
def test_a_damaged_record_counts_as_missing(tmp_path, damage, caplog):
    points = store.PointStore(tmp_path)
    points.save("k", {"result": {"x": 1}})
    (tmp_path / "points" / "k.json").write_text(damage)
    assert "k" not in points
    assert "k.json is damaged" in caplog.text
    points.save("k", {"result": {"x": 2}})
    assert points.load("k") == {"result": {"x": 2}}


def test_a_write_that_dies_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def die():
        with store.atomic(path) as draft:
            draft.write_text("ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]  # noqa: PTH208


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(BeolithError, match=r"cannot write to the output folder .*file"):
            store.prepare(place)


def test_prepare_leaves_nothing_behind(tmp_path):
    assert list(store.prepare(tmp_path / "a" / "b").iterdir()) == []


def test_a_dataset_survives(tmp_path):
    path = store.save_dataset(dataset(), tmp_path / "result.nc")
    found = store.load_dataset(path)
    xarray.testing.assert_identical(
        found.drop_vars(["cells", "status", "device"]), dataset().drop_vars(["cells", "status", "device"])
    )
    assert found["status"].values.tolist() == ["ok", "failed: µ"]
    assert found["cells"].values.tolist() == [3, -4]
    assert found.sel(device="bb")["fits"].item() is False


@pytest.mark.parametrize("missing", store.ATTRIBUTES)
def test_a_dataset_without_provenance_is_refused(tmp_path, missing):
    ds = dataset()
    del ds.attrs[missing]
    with pytest.raises(BeolithError, match=f"attribute '{missing}' is missing"):
        store.save_dataset(ds, tmp_path / "result.nc")


@pytest.mark.parametrize("missing", store.VARIABLE_ATTRIBUTES)
@pytest.mark.parametrize("variable", ["fits", "days"])
def test_a_variable_without_units_or_name_is_refused(tmp_path, variable, missing):
    ds = dataset()
    del ds[variable].attrs[missing]
    with pytest.raises(BeolithError, match=f"variable '{variable}' has no '{missing}'"):
        store.save_dataset(ds, tmp_path / "result.nc")
    assert not list(tmp_path.iterdir())


def test_what_netcdf_cannot_hold_is_refused(tmp_path):
    ds = dataset()
    ds["cells"] = ("device", [2**40, 1], ds["cells"].attrs)
    with pytest.raises(BeolithError, match="NetCDF cannot hold"):
        store.save_dataset(ds, tmp_path / "result.nc")


def test_a_result_that_is_missing_cut_or_foreign_is_refused(tmp_path):
    with pytest.raises(DataError, match="run the study first"):
        store.load_dataset(tmp_path / "none.nc")
    path = store.save_dataset(dataset(), tmp_path / "result.nc")
    whole = path.read_bytes()
    for size in range(0, len(whole) - 8, 101):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match="is damaged or no result of beolith"):
            store.load_dataset(path)
    xarray.Dataset({"x": 1.0}).to_netcdf(path, engine="scipy")
    with pytest.raises(DataError, match="attribute 'config' is missing"):
        store.load_dataset(path)


def test_a_point_file_is_readable_json(tmp_path):
    store.PointStore(tmp_path).save("k", {"a": np.float64(1)})
    assert json.loads((tmp_path / "points" / "k.json").read_text()) == {"a": 1.0}
