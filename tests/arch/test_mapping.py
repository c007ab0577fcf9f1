from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from beolith.arch.mapping import differential_levels, map_matrix, row_slices, slice_count, slice_weights
from beolith.errors import BeolithError


@given(
    levels=st.integers(2, 32),
    bits=st.integers(2, 8),
    rows=st.integers(1, 300),
    outputs=st.integers(1, 300),
    seed=st.integers(0, 2**32),
)
def test_cells_reconstruct_every_weight(levels: int, bits: int, rows: int, outputs: int, seed: int) -> None:
    top = 2 ** (bits - 1) - 1
    codes = torch.randint(-top, top + 1, (rows, outputs), generator=torch.Generator().manual_seed(seed))
    slices = slice_count(bits, levels)
    cells = differential_levels(codes, slices, levels)
    assert cells.shape == (2, slices, rows, outputs)
    assert int(cells.min()) >= 0
    assert int(cells.max()) < levels
    assert not (cells[0] * cells[1]).any()  # one of the pair always stores level 0
    assert torch.equal(torch.einsum("s,skn->kn", slice_weights(slices, levels, codes), cells[0] - cells[1]), codes)


@given(levels=st.integers(2, 300), bits=st.integers(2, 16))
def test_slices_are_as_few_as_possible(levels: int, bits: int) -> None:
    slices = slice_count(bits, levels)
    assert levels ** (slices - 1) <= 2 ** (bits - 1) - 1 < levels**slices or slices == 1


@given(
    levels=st.integers(2, 32),
    bits=st.integers(2, 8),
    rows=st.integers(1, 300),
    outputs=st.integers(1, 300),
    array_rows=st.integers(1, 1024),
    array_columns=st.integers(1, 1024),
)
def test_tiles_hold_every_cell_once(
    levels: int, bits: int, rows: int, outputs: int, array_rows: int, array_columns: int
) -> None:
    needed = 2 * slice_count(bits, levels)
    if array_columns < needed:
        with pytest.raises(BeolithError, match=r"conv1: one output needs .* columns"):
            map_matrix(
                rows, outputs, bits, levels=levels, array_rows=array_rows, array_columns=array_columns, path="conv1"
            )
        return
    mapping = map_matrix(rows, outputs, bits, levels=levels, array_rows=array_rows, array_columns=array_columns)
    assert mapping.arrays == math.ceil(rows / array_rows) * math.ceil(outputs / (array_columns // needed))
    cells = mapping.utilisation * mapping.arrays * array_rows * array_columns
    assert cells == pytest.approx(rows * outputs * needed, rel=1e-12)
    assert 0.0 < mapping.utilisation <= 1.0
    tiles = row_slices(rows, array_rows)
    assert len(tiles) == mapping.row_tiles
    assert [k for tile in tiles for k in range(tile.start, tile.stop)] == list(range(rows))


@pytest.mark.parametrize(("name", "value"), [("levels", 1), ("array_rows", 0)])
def test_impossible_arrays_are_refused(name: str, value: int) -> None:
    geometry = {"levels": 16, "array_rows": 128, "array_columns": 128, name: value}
    with pytest.raises(BeolithError, match=r"fc: macro\."):
        map_matrix(10, 10, 8, path="fc", **geometry)
