"""Capacitance of the gate."""

from __future__ import annotations

from torch import Tensor

from ...geometry import front_capacitance
from ...library import Device
from .base import Predictor


def dielectric_capacitance(device: Device) -> Tensor:
    """Capacitance of the gate dielectric per area [F/m^2]."""
    return front_capacitance(device.tekv)


PREDICTORS = {
    "dielectric_capacitance": Predictor(dielectric_capacitance, "F/m**2", ("tekv.oxide_permittivity",)),
}
