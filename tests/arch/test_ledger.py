from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from beolith.arch import CimOptions, convert, ledger, price, totals
from beolith.arch.counts import count_inference


@pytest.fixture(scope="module")
def chip(small_network: nn.Module, images: Tensor, fake_macro: Any) -> nn.Module:
    return convert(small_network, fake_macro(), CimOptions(), images)


def test_every_variable_says_what_it_is(chip: nn.Module, fake_macro: Any) -> None:
    book = ledger(chip, fake_macro(), (1, 8, 8))
    assert all({"units", "long_name"} <= set(variable.attrs) for variable in book.data_vars.values())
    assert {"config", "sources", "beolith_version", "created_at"} <= set(book.attrs)
    assert book["energy"].attrs["units"] == "J"


def test_totals_are_the_sums_of_their_parts(chip: nn.Module, fake_macro: Any) -> None:
    book = ledger(chip, fake_macro(), (1, 8, 8))
    for name, total in totals(book).data_vars.items():
        parts = book[name].values.ravel()
        assert float(total) == pytest.approx(sum(parts), rel=1e-12)
        assert total.attrs["units"] == book[name].attrs["units"]
        if "component" in book[name].dims:
            assert float(book[name].sum("layer").sum()) == pytest.approx(float(total), rel=1e-12)
            assert float(book[name].sum("component").sum()) == pytest.approx(float(total), rel=1e-12)


@given(
    channels=st.integers(1, 3), outputs=st.integers(1, 12), kernel=st.integers(1, 3), stride=st.integers(1, 3),
    padding=st.integers(0, 2), dilation=st.integers(1, 2), size=st.integers(5, 9), rows=st.integers(1, 30),
    columns=st.integers(4, 40), input_bits=st.integers(1, 8), sharing=st.integers(1, 20),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_counts_equal_brute_force(
    fake_macro: Any, channels: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int, size: int,
    rows: int, columns: int, input_bits: int, sharing: int,
) -> None:  # fmt: skip
    torch.manual_seed(0)
    net = nn.Conv2d(channels, outputs, kernel, stride=stride, padding=padding, dilation=dilation)
    macro = fake_macro(rows=rows, columns=columns, columns_per_converter=sharing)
    x = (torch.rand(2, channels, size, size) * (2**input_bits - 1)).round()
    x[0, 0, 0, 0] = 2**input_bits - 1  # so that one code is one unit
    chip = convert(net, macro, CimOptions(input_bits=input_bits), x)
    (counts,) = count_inference(chip, macro, (channels, size, size)).values()

    padded = np.pad(x.numpy().astype(int), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    reach = dilation * (kernel - 1)
    corners = list(product(range(0, padded.shape[2] - reach, stride), range(0, padded.shape[3] - reach, stride)))
    matrix_rows = list(product(range(channels), range(kernel), range(kernel)))
    row_tiles = [matrix_rows[i : i + rows] for i in range(0, len(matrix_rows), rows)]
    per_array = columns // 4  # two slices of two polarities
    column_tiles = [range(outputs)[i : i + per_array] for i in range(0, outputs, per_array)]
    driven = conversions = 0
    for (y, x_), bit, tile, outs in product(corners, range(input_bits), row_tiles, column_tiles):
        conversions += 2 * len(outs)
        for c, i, j in tile:
            driven += int(((padded[:, c, y + i * dilation, x_ + j * dilation] >> bit) & 1).sum())
    assert counts.positions == len(corners)
    assert counts.conversions == counts.accumulations == conversions
    assert counts.row_reads == pytest.approx(driven / len(padded), rel=1e-5)
    assert counts.rows_written == len(matrix_rows) * len(column_tiles)
    assert counts.arrays == len(row_tiles) * len(column_tiles)
    served = [range(columns // 2)[i : i + -(-sharing // 2)] for i in range(0, columns // 2, -(-sharing // 2))]
    assert counts.converters == counts.arrays * len(served)
    occupied = range(2 * len(column_tiles[0]))
    assert counts.serial_conversions == len(corners) * input_bits * max(len(set(s) & set(occupied)) for s in served)


def test_energies_follow_the_price_list(chip: nn.Module, fake_macro: Any) -> None:
    book = ledger(chip, fake_macro(), (1, 8, 8), inference_rate=1000.0)
    np.testing.assert_allclose(book["energy"].sel(component="converter"), book["conversions"] * 11e-14)
    np.testing.assert_allclose(book["energy"].sel(component="array"), book["row_reads"] * 7e-13)
    np.testing.assert_allclose(book["refresh_power"], 5e-12 * 128 * book["arrays"] / 10.0)
    np.testing.assert_allclose(book["energy"].sel(component="refresh"), book["refresh_power"] / 1000.0)
    np.testing.assert_allclose(book["write_energy"], 3e-12 * book["rows_written"])
    np.testing.assert_allclose(book["area"].sel(component="array"), 1.1e-9 * book["arrays"])
    assert float(totals(book)["latency"]) > 0


def test_cells_that_never_forget_need_no_refresh(chip: nn.Module, fake_macro: Any) -> None:
    book = ledger(chip, fake_macro(retention=float("inf")), (1, 8, 8))
    assert float(book["refresh_power"].sum()) == 0.0
    assert float(book["energy"].sel(component="refresh").sum()) == 0.0


def test_price_is_differentiable_and_batched(chip: nn.Module, fake_macro: Any) -> None:
    scale = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    macro = fake_macro(price_scale=scale)
    counts = count_inference(chip, macro, (1, 8, 8))
    energy = price(counts, macro, inference_rate=10.0)["energy"].sum((-2, -1))
    (gradient,) = torch.autograd.grad(energy.sum(), scale)
    torch.testing.assert_close(gradient, energy.detach() / scale.detach())
    book = ledger(chip, macro, (1, 8, 8))
    assert book["energy"].dims == ("point_0", "layer", "component")
    assert totals(book)["energy"].sizes == {"point_0": 3}


def test_a_shared_layer_counts_every_call_but_one_array(fake_macro: Any) -> None:
    shared = nn.Linear(5, 5)
    chip = convert(nn.Sequential(shared, nn.ReLU(), shared), fake_macro(), CimOptions(), torch.rand(4, 5))
    (counts,) = count_inference(chip, fake_macro(), (5,)).values()
    assert (counts.positions, counts.arrays) == (2, 1)
