"""What every layer on arrays does: quantise, multiply on columns, convert, shift and add."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from beolith.errors import BeolithError

from ..circuits.base import Macro
from .adc import calibrate, sum_histogram
from .bitserial import TileProduct, accumulator_dtype, bit_serial, chunks, column_sums
from .cells import chip_matrices, ideal_matrices
from .mapping import Mapping, map_matrix, row_slices, slice_weights
from .options import CimOptions
from .quantize import bit_planes, code_range, input_scale, plane_weights, quantise, quantise_weight, weight_scale


class CimLayer(nn.Module, ABC):
    """A matrix product on arrays of multi-level cells, bit-serial in the input; the base of the two final layers.

    It is made by `convert`, calibrated once, and programmed with a macro as often as wanted. In evaluation mode it
    uses the cells programmed last; in training mode it programs the same chip anew from the current weights and passes
    the gradient straight through their quantiser. Without gradients the column sums held at once are bounded
    by `bitserial.CHUNK_BYTES` or one sample.

    Attributes:
        mapping: Where the weights lie on arrays.
        options: Arithmetic of the chip.
        path: Name of the layer in its network.
        signed: Whether the input takes negative values, and is then two's complement.
        input_scale: Value of one input code, zero-dimensional.
        lsb: Least significant bit of the converter of each slice, shape (slices,) [unit currents].
        activity: Calibrated share of the input bits that are one, zero-dimensional, 0 .. 1.
        matrices: Differential cell currents, shape (slices, rows, outputs) [unit currents]; None until programmed.
        accumulator: Floating dtype that adds this layer's integers exactly.
    """

    input_scale: Tensor
    lsb: Tensor
    activity: Tensor
    matrices: Tensor | None

    def __init__(self, source: nn.Linear | nn.Conv2d, macro: Macro, options: CimOptions, path: str) -> None:
        super().__init__()
        self.weight, self.bias = source.weight, source.bias
        self.options, self.path, self.signed = options, path, False
        self.geometry = (macro.rows, macro.columns, macro.levels)
        outputs, rows = self.weight.flatten(1).shape
        self.mapping: Mapping = map_matrix(
            rows,
            outputs,
            options.weight_bits,
            levels=macro.levels,
            array_rows=macro.rows,
            array_columns=macro.columns,
            path=path,
        )
        self.register_buffer("input_scale", self.weight.new_ones(()).detach())
        self.register_buffer("lsb", self.weight.new_ones(self.mapping.slices).detach())
        self.register_buffer("activity", self.weight.new_full((), 0.5).detach())
        self.register_buffer("matrices", None, persistent=False)
        self.accumulator = self.weight.dtype
        self._chip: tuple[Macro, int | None] | None = None

    @abstractmethod
    def _batched(self, x: Tensor) -> Tensor:
        """Input with one batch dimension in front, padded, shape (batch, *input)."""

    @abstractmethod
    def _positions(self, codes: Tensor) -> tuple[int, ...]:
        """Output positions of one sample of `_batched`."""

    @abstractmethod
    def _restore(self, y: Tensor, x: Tensor) -> Tensor:
        """Output in the shape that the digital layer would give; y is (batch, outputs, *positions)."""

    @abstractmethod
    def _tile(self, rows: slice, matrix: Tensor) -> TileProduct:
        """Product of some rows with their cells, shape (len(rows), columns)."""

    def _tiles(self, matrices: Tensor, array_rows: int) -> list[TileProduct]:
        """Product of every row tile, all slices side by side; matrices is (slices, rows, outputs)."""
        columns = matrices.movedim(0, 1).flatten(1)
        return [self._tile(rows, columns[rows]) for rows in row_slices(self.mapping.rows, array_rows)]

    def _plane_weights(self) -> Tensor:
        return plane_weights(self.options.input_bits, self.signed, self.weight)

    def _bytes_per_sample(self, codes: Tensor) -> int:
        columns = self.mapping.slices * self.mapping.outputs * self.options.input_bits
        return int(columns * torch.Size(self._positions(codes)).numel() * self.weight.element_size())

    def weight_codes(self) -> tuple[Tensor, Tensor]:
        """Integer weights, shape (rows, outputs), and the value of one code, shape (outputs,) or ()."""
        scale = weight_scale(self.weight, self.options.weight_bits, self.options.per_channel)
        return quantise_weight(self.weight, scale, self.options.weight_bits).flatten(1).T, scale

    def input_codes(self, x: Tensor) -> Tensor:
        """Integer activations, padded, with one batch dimension in front.

        Args:
            x: Input of the layer, as the digital layer takes it.
        """
        return self._batched(quantise(x, self.input_scale, *code_range(self.options.input_bits, self.signed)))

    def accumulate(self, codes: Tensor, matrices: Tensor) -> Tensor:
        """Digital result in units of weight code times input code, shape (batch, outputs, positions).

        With exact columns everything after the bit planes is linear, and bits, slices and tiles fold into one product.
        Integers stay exact: the accumulator widens to float64 where float32 would round.

        Args:
            codes: From `input_codes`.
            matrices: Differential cell currents, shape (slices, rows, outputs) [unit currents].
        """
        options, mapping = self.options, self.mapping
        value = slice_weights(mapping.slices, self.geometry[2], self.weight)
        dtype = self.accumulator
        if options.adc_bits is None:
            folded = torch.einsum("s,skn->kn", value.to(dtype), matrices.to(dtype))
            return self._tile(slice(0, mapping.rows), folded)(codes.to(dtype))
        tiles = self._tiles(matrices / self.lsb.view(-1, 1, 1), self.geometry[0])
        weights, lsb = self._plane_weights(), (value * self.lsb).to(dtype)
        parts = [
            torch.einsum("s,bsnp->bnp", lsb, total.view(-1, mapping.slices, mapping.outputs, total.shape[2]))
            for total in (
                bit_serial(chunk, tiles, weights, options.adc_bits, dtype)
                for chunk in chunks(codes, self._bytes_per_sample(codes))
            )
        ]
        return torch.cat(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Output of the layer as the chip computes it, in the shape that the digital layer would give.

        Args:
            x: Input, as the digital layer takes it.

        Raises:
            BeolithError: If the layer has not been programmed.
        """
        matrices = self._trained_matrices() if self.training else self.matrices
        if matrices is None:
            raise BeolithError(f"{self.path}: no cells programmed; call reprogram(model, macro) after loading weights")
        codes = self.input_codes(x)
        total = self.accumulate(codes, matrices)
        scale = self.input_scale * self.weight_codes()[1].detach()
        y = total.to(x.dtype) * scale.reshape(-1, 1).to(x.dtype)
        if self.bias is not None:
            y = y + self.bias.unsqueeze(1)
        return self._restore(y.view(*y.shape[:2], *self._positions(codes)), x)

    def program(self, macro: Macro, seed: int | None) -> None:
        """Writes the weights into the cells of one chip; calibration stays as it is.

        Args:
            macro: Gives the cell currents; rows, columns and levels must be those calibrated for.
            seed: Names the cells; None makes every cell the nominal one.

        Raises:
            BeolithError: If the macro has another geometry.
        """
        geometry = (macro.rows, macro.columns, macro.levels)
        if geometry != self.geometry:
            raise BeolithError(
                f"{self.path}: macro has (rows, columns, levels) = {geometry}, but the layer was calibrated for "
                f"{self.geometry}; call convert again"
            )
        self._chip = (macro, seed)
        codes = self.weight_codes()[0].detach()
        largest = float(codes.abs().sum(0).amax()) * 2.0**self.options.input_bits
        self.accumulator = accumulator_dtype(largest, codes.dtype)
        self.matrices = chip_matrices(codes, macro, self.mapping.slices, seed)

    def _trained_matrices(self) -> Tensor | None:
        """Cells of the current weights, d G_s / d code = levels**s / sum(levels**2s): exact for the folded product."""
        if self._chip is None:
            return None
        macro, seed = self._chip
        codes, _ = self.weight_codes()
        value = slice_weights(self.mapping.slices, macro.levels, codes)
        share = (value / value.square().sum()).view(-1, 1, 1)
        return chip_matrices(codes.detach(), macro, self.mapping.slices, seed) + share * (codes - codes.detach())

    def set_input_range(self, peak: Tensor, signed: bool) -> None:
        """Fixes the value of one input code.

        Args:
            peak: Largest magnitude to represent, zero-dimensional, in the unit of the activation.
            signed: Whether the input takes negative values.

        Raises:
            BeolithError: If a signed input has a single bit.
        """
        if signed and self.options.input_bits < 2:
            raise BeolithError(f"{self.path}: its input takes negative values, which needs input_bits >= 2")
        self.signed = signed
        self.input_scale = input_scale(peak, self.options.input_bits, signed).to(self.weight)

    def ideal_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What ideal cells would show on a calibration batch.

        Args:
            x: Input of the layer, as the digital layer takes it.

        Returns:
            Histogram of the integer column sums of each slice, shape (slices, 2 * limit + 1), and the mean share of
            driven rows per bit, zero-dimensional.
        """
        levels, slices = self.geometry[2], self.mapping.slices
        array_rows = min(self.geometry[0], self.mapping.rows)
        limit = array_rows * (levels - 1)
        tiles = self._tiles(ideal_matrices(self.weight_codes()[0], slices, levels), self.geometry[0])
        codes, weights = self.input_codes(x), self._plane_weights()
        counts = torch.zeros(slices, 2 * limit + 1, dtype=torch.int64, device=codes.device)
        for chunk in chunks(codes, self._bytes_per_sample(codes)):
            for sums in column_sums(chunk, tiles, weights):
                for count, part in zip(counts, sums.chunk(slices, dim=2), strict=True):
                    count += sum_histogram(part, limit)
        ones = codes.new_ones(self.mapping.rows, 1)
        density = torch.stack([bit_planes(code, weights).mean(0) for code in codes]).mean(0, keepdim=True)
        driven = self._tile(slice(0, self.mapping.rows), ones)(density)
        return counts, driven.mean() / self.mapping.rows

    def set_converter(self, histograms: Tensor, activity: Tensor) -> None:
        """Fixes the converter ranges from what `ideal_statistics` has seen.

        Args:
            histograms: Shape (slices, 2 * limit + 1) [1].
            activity: Mean share of driven rows per bit, zero-dimensional [1].
        """
        lsb = [calibrate(histogram, self.options.adc_bits, self.options.adc_range) for histogram in histograms]
        self.lsb, self.activity = self.lsb.new_tensor(lsb), activity.to(self.activity)
