"""From integer weights to cells: base-`levels` slices, differential columns, and tiles over arrays."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.errors import BeolithError

from .quantize import code_range


@dataclass(frozen=True)
class Mapping:
    """Where one weight matrix lies on arrays.

    Attributes:
        rows: Inputs of the matrix, one word line each.
        outputs: Outputs of the matrix.
        slices: Cells per weight and polarity.
        row_tiles: Arrays that an output's analogue sum is split over.
        column_tiles: Arrays that the outputs are spread over.
        arrays: Arrays in all, row_tiles * column_tiles.
        utilisation: Share of their cells that hold weights, 0 .. 1.
    """

    rows: int
    outputs: int
    slices: int
    row_tiles: int
    column_tiles: int
    arrays: int
    utilisation: float


def slice_count(bits: int, levels: int) -> int:
    """Fewest base-`levels` digits that hold the magnitude of a signed weight, 2**(bits - 1) - 1."""
    slices, capacity = 1, levels
    while capacity <= code_range(bits, signed=True)[1]:
        slices, capacity = slices + 1, capacity * levels
    return slices


def slice_weights(slices: int, levels: int, like: Tensor) -> Tensor:
    """What one level of each slice counts, levels**s, least significant first, shape (slices,)."""
    return torch.tensor([levels**s for s in range(slices)], dtype=like.dtype, device=like.device)


def differential_levels(codes: Tensor, slices: int, levels: int) -> Tensor:
    """Level of every cell: base-`levels` digits of |code| on the column of its sign, level 0 on the other.

    code = sum over s of levels**s * (level[0, s] - level[1, s])

    Args:
        codes: Signed integer weights in any dtype, any shape [1].
        slices: Digits per weight, from `slice_count` [1].
        levels: Storage levels of a cell [1].

    Returns:
        Positive then negative cells, shape (2, slices, *codes.shape), int64.
    """
    parts = codes.detach().to(torch.int64)
    magnitude = torch.stack([parts.clamp(min=0), (-parts).clamp(min=0)])
    digits = [magnitude.div(levels**s, rounding_mode="floor").remainder(levels) for s in range(slices)]
    return torch.stack(digits, dim=1)


def row_slices(rows: int, array_rows: int) -> list[slice]:
    """Rows of the matrix that each row tile holds, in order; the last tile may be short."""
    return [slice(first, min(first + array_rows, rows)) for first in range(0, rows, array_rows)]


def map_matrix(
    rows: int, outputs: int, weight_bits: int, *, levels: int, array_rows: int, array_columns: int, path: str = "layer"
) -> Mapping:
    """Tiling of a signed weight matrix over arrays of differential multi-level cells.

    One output takes 2 * slices neighbouring columns of one array; outputs that do not fit go to the next column tile.

    Args:
        rows: Inputs of the matrix [1].
        outputs: Outputs of the matrix [1].
        weight_bits: Bits of a signed weight [1].
        levels: Storage levels of a cell, at least 2 [1].
        array_rows: Rows of one array, at least 1 [1].
        array_columns: Columns of one array [1].
        path: Name of the layer, for messages.

    Raises:
        BeolithError: If a cell has fewer than two levels, an array no row, or an array too few columns for one output.
    """
    if levels < 2:
        raise BeolithError(f"{path}: macro.levels = {levels}; a cell needs at least 2 levels to store a weight")
    if array_rows < 1:
        raise BeolithError(f"{path}: macro.rows = {array_rows}; an array needs at least 1 row")
    slices = slice_count(weight_bits, levels)
    outputs_per_tile = array_columns // (2 * slices)
    if outputs_per_tile < 1:
        raise BeolithError(
            f"{path}: one output needs {2 * slices} columns (2 polarities x {slices} slices of a {weight_bits}-bit "
            f"weight on {levels}-level cells), but macro.columns = {array_columns}; "
            "use a wider array, cells with more levels, or fewer weight_bits"
        )
    row_tiles, column_tiles = -(-rows // array_rows), -(-outputs // outputs_per_tile)
    arrays = row_tiles * column_tiles
    return Mapping(
        rows=rows,
        outputs=outputs,
        slices=slices,
        row_tiles=row_tiles,
        column_tiles=column_tiles,
        arrays=arrays,
        utilisation=rows * outputs * 2 * slices / (arrays * array_rows * array_columns),
    )
