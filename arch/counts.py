"""How often every operation of the chip happens in one inference; exact integers, but for the activity of the input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..circuits.base import Macro
from .base import CimLayer
from .convert import cim_layers


@dataclass(frozen=True)
class Counts:
    """Operations of one layer in one inference, and the hardware that executes them.

    Attributes:
        positions: Output positions: 1 for a linear layer, output pixels for a convolution.
        read_cycles: Array accesses one after the other, positions * input bits.
        row_reads: Rows driven, in all arrays, weighted by the calibrated share of input bits that are one.
        conversions: Converter operations, one per differential column pair and access.
        accumulations: Shift-and-add operations, one per conversion.
        serial_conversions: Conversions one after the other on the busiest converter.
        arrays: Arrays of the layer.
        array_rows: Rows of one array.
        converters: Converters of all arrays of the layer.
        rows_written: Rows that hold weights, over all arrays.
        rows_per_array: Rows that hold weights in the fullest array.
    """

    positions: int
    read_cycles: int
    row_reads: float
    conversions: int
    accumulations: int
    serial_conversions: int
    arrays: int
    array_rows: int
    converters: int
    rows_written: int
    rows_per_array: int


def count_layer(layer: CimLayer, positions: int, columns_per_converter: int) -> Counts:
    """Operations of one layer in one inference.

    A converter digitises the difference of two neighbouring columns, so that one which serves c columns converts
    ceil(c / 2) times per access, or as often as there are occupied pairs.

    Args:
        layer: A converted layer.
        positions: Output positions of one inference [1].
        columns_per_converter: Columns that share one converter [1].
    """
    mapping = layer.mapping
    array_rows, array_columns, _ = layer.geometry
    pairs_per_converter = -(-columns_per_converter // 2)
    pairs = min(array_columns // (2 * mapping.slices), mapping.outputs) * mapping.slices
    cycles = positions * layer.options.input_bits
    conversions = cycles * mapping.row_tiles * mapping.slices * mapping.outputs
    return Counts(
        positions=positions,
        read_cycles=cycles,
        row_reads=cycles * mapping.rows * mapping.column_tiles * float(layer.activity),
        conversions=conversions,
        accumulations=conversions,
        serial_conversions=cycles * min(pairs_per_converter, pairs),
        arrays=mapping.arrays,
        array_rows=array_rows,
        converters=mapping.arrays * -(-(array_columns // 2) // pairs_per_converter),
        rows_written=mapping.rows * mapping.column_tiles,
        rows_per_array=min(mapping.rows, array_rows),
    )


def count_inference(model: nn.Module, macro: Macro, input_shape: tuple[int, ...]) -> dict[str, Counts]:
    """Operations of every layer on arrays, by path; the positions come from one run of the network.

    Args:
        model: From `convert`.
        macro: Tells how many columns share a converter.
        input_shape: Shape of one input of the network, without the batch dimension.

    Raises:
        BeolithError: If the network has no layer on arrays.
    """
    layers = cim_layers(model)
    positions = dict.fromkeys(layers, 0)

    def hook(layer: CimLayer, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        positions[layer.path] += math.prod(output.shape) // layer.mapping.outputs

    handles = [layer.register_forward_hook(hook) for layer in layers.values()]
    like = next(iter(layers.values())).weight
    try:
        with torch.no_grad():
            model(like.new_zeros(1, *input_shape))
    finally:
        for handle in handles:
            handle.remove()
    return {path: count_layer(layer, positions[path], macro.columns_per_converter) for path, layer in layers.items()}
