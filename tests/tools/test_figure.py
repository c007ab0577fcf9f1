import json
import math

import matplotlib as mpl
import pandas as pd
import pytest
import xarray

from beolith import figure
from beolith.errors import BeolithError

TABLE = pd.DataFrame({"device": ["a", "b"], "i_d [A]": [1e-9, 2e-9]})


def drawn():
    fig = figure.new()
    fig.add_subplot(xlabel="v (V)").plot([1, 2], [3, 4])
    return fig


def test_a_figure_is_written_four_ways(tmp_path):
    files = figure.save(drawn(), tmp_path / "figure", TABLE, {"config": {"t": math.nan}})
    assert sorted(files) == ["csv", "json", "pdf", "png"]
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert files["csv"].read_text() == "device,i_d [A]\na,1e-09\nb,2e-09\n"
    assert json.loads(files["json"].read_text()) == {"config": {"t": None}}
    assert len(list(tmp_path.iterdir())) == 4


def test_equal_figures_are_equal_files(tmp_path):
    one, two = (figure.save(drawn(), tmp_path / name, TABLE, {}) for name in ("one", "two"))
    for ending in ("pdf", "png", "csv"):
        assert one[ending].read_bytes() == two[ending].read_bytes()


def test_a_stem_may_hold_a_dot(tmp_path):
    assert figure.save(drawn(), tmp_path / "fig.2", TABLE, {})["pdf"].name == "fig.2.pdf"


def test_a_number_without_unit_is_refused(tmp_path):
    with pytest.raises(BeolithError, match=r"need a unit in the header, as in 'i_d \[A\]': speed"):
        figure.save(drawn(), tmp_path / "figure", TABLE.assign(speed=[1, 2]), {})
    assert not list(tmp_path.iterdir())


def test_a_table_takes_its_headers_from_the_dataset():
    ds = xarray.Dataset(
        {"i_d": ("v_g", [1.0, 2.0], {"units": "A"}), "other": ("v_g", [0.0, 0.0], {"units": "1"})},
        coords={"v_g": ("v_g", [0.1, 0.2], {"units": "V"})},
    )
    assert list(figure.table(ds, "i_d").columns) == ["v_g [V]", "i_d [A]"]
    assert list(figure.table(ds).columns) == ["v_g [V]", "i_d [A]", "other [1]"]


def test_the_style_fits_a_column_and_ends_with_its_block():
    before = dict(mpl.rcParams)
    with figure.style():
        assert mpl.rcParams["figure.figsize"][0] == 3.5
        assert mpl.rcParams["font.size"] == 8
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(figure.OKABE_ITO)
    assert dict(mpl.rcParams) == before
