"""Cells without physics, what all else is held against: every level exactly its number of units, for ever, for free."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..circuits.base import Cost, Operation


@dataclass(frozen=True)
class IdealMacro:
    """See :class:`..circuits.base.Macro`.

    Attributes:
        rows: Cells on one bit line.
        columns: Cells on one word line.
        levels: Storage levels of one cell.
        columns_per_converter: Columns that share one converter.
    """

    rows: int
    columns: int
    levels: int
    columns_per_converter: int = 1

    @property
    def unit_current(self) -> Tensor:
        """One [A]."""
        return torch.ones((), dtype=torch.float64)

    def currents(self, level: Tensor, z_write: Tensor, z_read: Tensor) -> Tensor:
        """The level itself, whatever the mismatch [A]."""
        return level.to(torch.float64)

    def retention_time(self) -> Tensor:
        """Infinite [s]."""
        return torch.full((), torch.inf, dtype=torch.float64)

    def cost(self, operation: Operation) -> Cost:
        """Nothing."""
        nothing = torch.zeros((), dtype=torch.float64)
        return Cost(nothing, nothing, nothing)
