"""Spread of nominally equal transistors."""

from __future__ import annotations

from torch import Tensor

from ...library import Device
from .base import Predictor


def threshold_spread(device: Device, width: Tensor, length: Tensor) -> Tensor:
    """Three standard deviations of the threshold voltage [V]."""
    return 3.0 * device.threshold_sigma(width, length)


PREDICTORS = {"threshold_spread": Predictor(threshold_spread, "V", ("mismatch.*",))}
