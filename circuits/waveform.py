"""Piecewise-linear terminal voltages: what drives a cell through write, hold and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.errors import BeolithError

Voltages = dict[str, Tensor]


@dataclass(frozen=True)
class Waveform:
    """Voltages of named terminals, linear between shared break points.

    Attributes:
        times: Break points, rising [s].
        levels: For each terminal, its voltage at each break point; every voltage may be batched [V].
    """

    times: tuple[float, ...]
    levels: Mapping[str, Sequence[Tensor]]

    def __post_init__(self) -> None:
        if any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise BeolithError(f"Waveform: break points must rise, got {self.times}.")
        for terminal, values in self.levels.items():
            if len(values) != len(self.times):
                raise BeolithError(
                    f"Waveform: terminal {terminal!r} has {len(values)} voltages for {len(self.times)} break points."
                )

    def at(self, segment: int, time: float) -> Voltages:
        """Voltages inside a segment (between break points ``segment`` and ``segment + 1``) [V]."""
        start, end = self.times[segment], self.times[segment + 1]
        w = (time - start) / (end - start)
        return {name: torch.lerp(v[segment], v[segment + 1], w) for name, v in self.levels.items()}
