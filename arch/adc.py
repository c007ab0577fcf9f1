"""The column converter: an ideal mid-tread quantiser of the differential column current of one row tile.

All currents here are in units of the macro's unit current: one level of one cell.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .quantize import code_range, round_through

STEPS_PER_OCTAVE = 4


def digitise(sums: Tensor, bits: int | None) -> Tensor:
    """Converter codes of column sums; exactly 2**bits codes, -2**(bits - 1) .. 2**(bits - 1) - 1, ties to even.

    Where no gradient flows the input is overwritten; else the gradient is the identity inside the range, zero outside.

    Args:
        sums: Differential column currents, any shape [least significant bits].
        bits: Resolution [1]; None passes the sums through.
    """
    if bits is None:
        return sums
    low, high = code_range(bits, signed=True)
    if torch.is_grad_enabled() and sums.requires_grad:
        return round_through(sums).clamp(low, high)
    return sums.round_().clamp_(low, high)


def sum_histogram(sums: Tensor, limit: int) -> Tensor:
    """How often each integer column sum -limit .. limit occurs, shape (2 * limit + 1,), int64.

    Args:
        sums: Ideal column sums, integers in a floating dtype, any shape [unit currents].
        limit: Largest magnitude that can occur: driven rows times the highest level [1].
    """
    return torch.bincount(sums.flatten().to(torch.int64) + limit, minlength=2 * limit + 1)


def _candidates(values: Tensor, bits: int) -> list[float]:
    """Least significant bits from one unit current up to the one at which no value clips, a quarter octave apart."""
    low, high = code_range(bits, signed=True)
    needed = max(float(values.min()) / low, float(values.max()) / max(high, 1), 1.0)
    candidates = [1.0]
    while candidates[-1] < needed:
        candidates.append(2.0 ** (len(candidates) / STEPS_PER_OCTAVE))
    return candidates


def _largest(values: Tensor, counts: Tensor, bits: int) -> float:
    return _candidates(values, bits)[-1]


def _least_squared_error(values: Tensor, counts: Tensor, bits: int) -> float:
    def error(lsb: float) -> float:
        return float((counts * (digitise(values / lsb, bits) * lsb - values).square()).sum())

    return min(_candidates(values, bits), key=error)


RANGE_RULES: dict[str, Callable[[Tensor, Tensor, int], float]] = {"mse": _least_squared_error, "max": _largest}


def calibrate(histogram: Tensor, bits: int | None, rule: str) -> float:
    """Least significant bit of a converter, in unit currents, from the column sums it will meet.

    It is 2**(k / 4), k = 0, 1, ...: never finer than one unit current, so that a range that fits is converted without
    loss, and exact in floating point at every octave. "mse" weighs clipping against resolution by the squared error
    over the histogram; "max" clips nothing.

    Args:
        histogram: Occurrences of the sums -limit .. limit, shape (2 * limit + 1,) [1].
        bits: Resolution of the converter [1]; None needs no range and answers one unit.
        rule: Name of a range rule: "mse" or "max".
    """
    seen = histogram.nonzero().squeeze(1)
    if bits is None or not len(seen):
        return 1.0
    values = (seen - len(histogram) // 2).to(torch.float64)
    return RANGE_RULES[rule](values, histogram[seen].to(torch.float64), bits)
