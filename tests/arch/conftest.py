"""A macro without a transistor: ideal by default, and noisy, non-linear or decayed on request."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from beolith.circuits.base import Cost, Operation

PRICES = {  # energy [J], latency [s], area [m^2]; all different, so that no two can be mistaken for each other
    "write_row": (3e-12, 20e-9, 0.0),
    "refresh_row": (5e-12, 30e-9, 0.0),
    "read_row": (7e-13, 2e-9, 1.1e-9),
    "convert": (11e-14, 1e-9, 1.3e-10),
    "shift_add": (13e-15, 0.5e-9, 1.7e-11),
}


@dataclass(frozen=True)
class FakeMacro:
    rows: int = 128
    columns: int = 128
    levels: int = 16
    unit_current: Tensor = field(default_factory=lambda: torch.tensor(1.3e-7, dtype=torch.float64))
    columns_per_converter: int = 8
    offset: float = 2e-9  # current of level 0 [A]
    noise: float = 0.0  # spread of a cell current [unit currents]
    bend: Tensor | float = 1.0  # exponent of the level
    kept: Tensor | float = 1.0  # share of the stored level that is left
    retention: float = 10.0
    price_scale: Tensor | float = 1.0

    def currents(self, level: Tensor, z_write: Tensor, z_read: Tensor) -> Tensor:
        assert level.shape == z_write.shape == z_read.shape
        top = max(self.levels - 1, 1)
        share = level.to(self.unit_current.dtype) / top
        stored = level if self.bend == 1.0 else top * share.clamp(min=1e-12) ** self.bend
        return self.offset + self.unit_current * (stored * self.kept + self.noise * (z_write + 0.5 * z_read))

    def retention_time(self) -> Tensor:
        return torch.tensor(self.retention, dtype=torch.float64)

    def cost(self, operation: Operation) -> Cost:
        return Cost(*(torch.tensor(x, dtype=torch.float64) * self.price_scale for x in PRICES[operation]))


@pytest.fixture(scope="session")
def fake_macro() -> type[FakeMacro]:
    return FakeMacro


@pytest.fixture(scope="session")
def small_network() -> nn.Module:
    """LeNet in small, with random weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.Dropout(), nn.Linear(24, 10),
    )  # fmt: skip


@pytest.fixture(scope="session")
def images() -> Tensor:
    return torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
