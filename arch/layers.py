"""Linear and convolution layers that compute on the columns of compute-in-memory arrays."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from beolith.errors import BeolithError

from ..circuits.base import Macro
from .base import CimLayer
from .bitserial import TileProduct
from .options import CimOptions


class CimLinear(CimLayer):
    """A fully connected layer on arrays."""

    def _batched(self, x: Tensor) -> Tensor:
        return x.reshape(-1, x.shape[-1])

    def _positions(self, codes: Tensor) -> tuple[int, ...]:
        return (1,)

    def _restore(self, y: Tensor, x: Tensor) -> Tensor:
        return y.reshape(*x.shape[:-1], self.mapping.outputs)

    def _tile(self, rows: slice, matrix: Tensor) -> TileProduct:
        return lambda codes: (codes[:, rows] @ matrix).unsqueeze(2)


class CimConv2d(CimLayer):
    """A two-dimensional convolution on arrays; rows run over input channels, then kernel rows, then kernel columns.

    Raises:
        BeolithError: If the convolution is grouped.
    """

    def __init__(self, source: nn.Conv2d, macro: Macro, options: CimOptions, path: str) -> None:
        if source.groups != 1:
            raise BeolithError(
                f"{path}: Conv2d has groups = {source.groups}; only groups = 1 maps onto arrays; "
                "use a full convolution or keep this layer out of the converted model"
            )
        super().__init__(source, macro, options, path)
        self.stride, self.dilation = _pair(source.stride), _pair(source.dilation)
        self.kernel_size = _pair(source.kernel_size)
        self.padding = _edges(source.padding, self.kernel_size, self.dilation)
        self.padding_mode = "constant" if source.padding_mode == "zeros" else source.padding_mode

    def _batched(self, x: Tensor) -> Tensor:
        return functional.pad(x.reshape(-1, *x.shape[-3:]), self.padding, mode=self.padding_mode)

    def _positions(self, codes: Tensor) -> tuple[int, ...]:
        spatial = zip(codes.shape[2:], self.kernel_size, self.stride, self.dilation, strict=True)
        return tuple((size - dilation * (kernel - 1) - 1) // stride + 1 for size, kernel, stride, dilation in spatial)

    def _restore(self, y: Tensor, x: Tensor) -> Tensor:
        return y.reshape(*x.shape[:-3], *y.shape[1:])

    def _tile(self, rows: slice, matrix: Tensor) -> TileProduct:
        area = self.kernel_size[0] * self.kernel_size[1]
        first, last = rows.start // area, -(-rows.stop // area)
        whole = functional.pad(matrix, (0, 0, rows.start - first * area, last * area - rows.stop))
        kernel = whole.T.reshape(-1, last - first, *self.kernel_size)
        return lambda codes: functional.conv2d(
            codes[:, first:last], kernel, stride=self.stride, dilation=self.dilation
        ).flatten(2)


def _pair(value: Sequence[int] | int) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _edges(padding: str | tuple[int, ...], kernel: tuple[int, int], dilation: tuple[int, int]) -> list[int]:
    """Padding as left, right, top, bottom; "same" puts the odd pixel right and below, as torch does."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if isinstance(padding, str):
        pairs = {"valid": [(0, 0), (0, 0)], "same": [(t // 2, t - t // 2) for t in totals]}[padding]
    else:
        pairs = [(p, p) for p in _pair(padding)]
    return [*pairs[1], *pairs[0]]
