"""When a sampled curve reaches a value: between the samples it is the cubic through its four nearest points."""

from __future__ import annotations

import torch
from torch import Tensor


def crossing(times: Tensor, values: Tensor, level: Tensor | float) -> Tensor:
    """First time at which a curve rises to a level, differentiable; not a number where it does not [s].

    The bracket is found in the samples; in it, time is interpolated as a cubic of Hermite's in the value, whose end
    slopes are those of the parabolas through neighbouring samples, limited so that it stays in the bracket.

    Args:
        times: Sample times, rising, (time,) [s].
        values: Curve, (time, *batch).
        level: What it is to reach, broadcastable against the batch.
    """
    wanted = torch.as_tensor(level, dtype=values.dtype, device=values.device).expand(values.shape[1:])
    above = values >= wanted
    risen = above[1:] & ~above[:-1]
    first = risen.to(torch.int8).argmax(0)
    t = times.reshape(-1, *[1] * (values.ndim - 1)).expand_as(values)

    def at(offset: int, x: Tensor) -> Tensor:
        place = (first + offset).clamp(0, len(times) - 1)
        return x.gather(0, place[None])[0]

    t0, t1, v0, v1 = at(0, t), at(1, t), at(0, values), at(1, values)
    there = risen.any(0)
    rise = torch.where(there, v1 - v0, 1.0)
    slope = (t1 - t0) / rise
    start, end = (_slope(at(i - 1, t), at(i + 1, t), at(i - 1, values), at(i + 1, values), slope) for i in (0, 1))
    s = (wanted - v0) / rise
    share = s * s * (3.0 - 2.0 * s)
    found = t0 + (t1 - t0) * share + rise * s * (1.0 - s) * ((1.0 - s) * start - s * end)
    return torch.where(there, found, torch.nan)


def _slope(t0: Tensor, t1: Tensor, v0: Tensor, v1: Tensor, secant: Tensor) -> Tensor:
    """dt/dv across a sample, between zero and three times the secant of the bracket, so that the cubic is monotone."""
    rises = (v1 > v0) & (t1 > t0)
    across = (t1 - t0) / torch.where(rises, v1 - v0, 1.0)
    return torch.where(rises, torch.minimum(across, 3.0 * secant), secant)
