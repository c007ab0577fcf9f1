"""What a transistor goes through between the fab and now: a list of segments of constant heat and bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.errors import BeolithError


@dataclass(frozen=True)
class Segment:
    """A stretch of constant stress; tensors broadcast, so one mission may describe a whole batch.

    Attributes:
        duration: How long it lasts [s].
        temperature: Lattice temperature [K].
        overdrive: Gate overdrive V_G - V_T while stressed [V].
        duty: Fraction of the time under stress [1].
    """

    duration: Tensor
    temperature: Tensor
    overdrive: Tensor
    duty: Tensor

    def __post_init__(self) -> None:
        for name, low, high in (("duration", 0.0, float("inf")), ("temperature", 1.0, 2000.0), ("duty", 0.0, 1.0)):
            value = getattr(self, name)
            if not bool(torch.all((value >= low) & (value <= high))):
                raise BeolithError(f"Mission segment: {name} = {value.tolist()} is outside {low:g} .. {high:g} (SI).")


Mission = Sequence[Segment]


def constant(
    duration: Tensor | float, temperature: Tensor | float, overdrive: Tensor | float, duty: Tensor | float = 1.0
) -> Mission:
    """A mission of one segment, from numbers or tensors (SI)."""
    parts = (torch.as_tensor(x, dtype=torch.float64) for x in (duration, temperature, overdrive, duty))
    return [Segment(*parts)]
