"""Cells of the published devices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import gain_cell
from beolith.circuits.gain_node import Gain2T0C
from beolith.devices import library
from beolith.devices.base import DeviceState


def f64(*x: float) -> Tensor:
    """A float64 tensor of one or more numbers; one alone is zero-dimensional."""
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


@pytest.fixture
def design() -> GainCellDesign:
    return GainCellDesign()


@pytest.fixture
def make_cell(design: GainCellDesign) -> Callable[..., Gain2T0C]:
    def make(card: str = "belmonte2023_igzo", temperature: float = 300.0, shift: Tensor | None = None) -> Gain2T0C:
        write = DeviceState() if shift is None else DeviceState(threshold_shift=shift)
        return gain_cell(library.load(card), design, f64(temperature), write, DeviceState())

    return make
