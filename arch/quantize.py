"""Quantisers of weights and activations, with straight-through gradients and rounding half to even."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def round_through(x: Tensor) -> Tensor:
    """Nearest integer, ties to even, with the gradient of the identity.

    x + (round(x) - x) is exact in floating point, so the value is the integer itself.

    Args:
        x: Any shape [1].
    """
    if torch.is_grad_enabled() and x.requires_grad:
        return x + (x.round() - x).detach()
    return x.round()


def code_range(bits: int, signed: bool) -> tuple[int, int]:
    """Lowest and highest of the exactly 2**bits codes: two's complement if signed, else from zero."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def quantise(x: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
    """Integer codes of x, in x's floating dtype; clipped values have zero gradient.

    code = clip(round(x / scale), low, high)

    Args:
        x: Values, any shape.
        scale: Value of one code, broadcastable, in the unit of x.
        low: Lowest code [1].
        high: Highest code [1].
    """
    return round_through(x / scale).clamp(low, high)


def weight_scale(weight: Tensor, bits: int, per_channel: bool = False) -> Tensor:
    """Value of one weight code: the largest magnitude maps to 2**(bits - 1) - 1, symmetrically about zero.

    Args:
        weight: Output channels first, shape (outputs, ...).
        bits: Bits of a signed weight [1].
        per_channel: One scale per output instead of one for all.

    Returns:
        Shape (outputs,), or () when not per channel; 1 where all weights are zero.
    """
    magnitude = weight.detach().abs()
    peak = magnitude.flatten(1).amax(1) if per_channel else magnitude.amax()
    return torch.where(peak > 0, peak / code_range(bits, signed=True)[1], torch.ones_like(peak))


def quantise_weight(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Weight codes -(2**(bits - 1) - 1) .. 2**(bits - 1) - 1, same shape and dtype as the weight.

    Args:
        weight: Output channels first, shape (outputs, ...).
        scale: From `weight_scale`, shape (outputs,) or ().
        bits: Bits of a signed weight [1].
    """
    high = code_range(bits, signed=True)[1]
    aligned = scale.reshape(scale.shape + (1,) * (weight.ndim - 1)) if scale.ndim else scale
    return quantise(weight, aligned, -high, high)


def input_scale(peak: Tensor, bits: int, signed: bool) -> Tensor:
    """Value of one activation code: the calibrated peak maps to the highest code.

    Activations that are never negative are unsigned. All others are two's complement: the last bit plane counts
    -2**(bits - 1), which is exact, needs no correction term and no extra cycle, and keeps zero at code zero.

    Args:
        peak: Largest magnitude to represent, any shape, in the unit of the activation.
        bits: Bits of an activation, at least 2 if signed [1].
        signed: Whether the activation takes negative values.
    """
    return torch.where(peak > 0, peak / code_range(bits, signed)[1], torch.ones_like(peak))


def percentile(x: Tensor, percent: float) -> Tensor:
    """Smallest element that at least `percent` of all elements do not exceed, zero-dimensional; any tensor size.

    Args:
        x: Any shape.
        percent: Above 0, up to 100 [%].
    """
    rank = min(max(math.ceil(x.numel() * percent / 100.0), 1), x.numel())
    return x.amax() if rank == x.numel() else x.flatten().kthvalue(rank).values


def plane_weights(bits: int, signed: bool, like: Tensor) -> Tensor:
    """What each bit plane counts, least significant first, shape (bits,); the last is negative if signed."""
    weights = torch.exp2(torch.arange(bits, dtype=like.dtype, device=like.device))
    if signed:
        weights[-1].neg_()
    return weights


def bit_planes(codes: Tensor, weights: Tensor) -> Tensor:
    """Bits of integer codes, least significant first, shape (bits, *codes.shape).

    The gradient spreads over the planes as the least-norm solution, d plane_b / d code = w_b / sum(w^2), so that any
    downstream map that is linear in the planes passes its exact gradient to the codes.

    Args:
        codes: Integers in a floating dtype, any shape [1].
        weights: From `plane_weights`, shape (bits,) [1].
    """
    aligned = (-1,) + (1,) * codes.ndim
    shifts = torch.arange(len(weights), dtype=torch.int32, device=codes.device).view(aligned)
    planes = codes.detach().to(torch.int32).bitwise_right_shift(shifts).bitwise_and_(1).to(codes.dtype)
    if torch.is_grad_enabled() and codes.requires_grad:
        planes = planes + (weights / weights.square().sum()).view(aligned) * (codes - codes.detach())
    return planes
