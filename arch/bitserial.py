"""The bit-serial product: bit planes -> column sums of every row tile -> converter codes -> shift and add."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from .adc import digitise
from .quantize import bit_planes

TileProduct = Callable[[Tensor], Tensor]
"""The rows of one tile times their cells: (batch, *input) -> (batch, columns, positions)."""

CHUNK_BYTES = 4 * 2**20
"""Bound on the column sums held at once without gradients [byte]; they fit a core's cache (one sample is the least)."""


def column_sums(codes: Tensor, tiles: Sequence[TileProduct], weights: Tensor) -> Iterator[Tensor]:
    """Column sums of one row tile after the other, each of shape (bits, batch, columns, positions).

    Args:
        codes: Integer activations in a floating dtype, shape (batch, *input) [1].
        tiles: Product of each row tile.
        weights: What each bit plane counts, shape (bits,) [1].
    """
    planes = bit_planes(codes, weights).flatten(0, 1)
    for tile in tiles:
        sums = tile(planes)
        yield sums.view(len(weights), -1, *sums.shape[1:])


def bit_serial(
    codes: Tensor, tiles: Sequence[TileProduct], weights: Tensor, adc_bits: int | None, dtype: torch.dtype
) -> Tensor:
    """Sum over bits and row tiles of the converter codes, shape (batch, columns, positions).

    y = sum over tiles t and bits b of w_b * ADC(plane_b @ G_t)

    Args:
        codes: Integer activations in a floating dtype, shape (batch, *input) [1].
        tiles: Product of each row tile, in least significant bits of the converter.
        weights: What each bit plane counts, shape (bits,) [1].
        adc_bits: Converter resolution, None for exact columns [1].
        dtype: Of the digital accumulator.
    """
    scale = weights.to(dtype)
    parts: Iterator[Tensor] = (
        torch.tensordot(scale, digitise(sums, adc_bits).to(dtype), dims=1)
        for sums in column_sums(codes, tiles, weights)
    )
    return functools.reduce(torch.add, parts)


def chunks(codes: Tensor, bytes_per_sample: int) -> Iterator[Tensor]:
    """Views of the batch, each so small that its column sums stay within CHUNK_BYTES.

    Args:
        codes: Shape (batch, *input).
        bytes_per_sample: Column sums of one sample over all bits [byte].
    """
    size = max(1, CHUNK_BYTES // max(bytes_per_sample, 1))
    return (codes[first : first + size] for first in range(0, max(len(codes), 1), size))


def accumulator_dtype(bound: float, dtype: torch.dtype) -> torch.dtype:
    """Narrowest floating dtype, not below `dtype`, that adds integers up to `bound` exactly."""
    return dtype if bound * torch.finfo(dtype).eps < 2.0 else torch.promote_types(dtype, torch.float64)
