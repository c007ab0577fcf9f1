"""Off currents, and how long a storage node keeps its charge against them."""

from __future__ import annotations

import torch
from torch import Tensor

from ...library import Device
from .base import ONE_MICRON, ROOM, ZERO, Predictor, curve, transistor

OFF = ("tekv.leakage_*", "gate.*")


def off_current(device: Device, v_ds: Tensor, length: Tensor = ONE_MICRON, temperature: Tensor = ROOM) -> Tensor:
    """Drain current per width three volts below threshold [A/m]."""
    t = transistor(device, length, temperature)
    return t.current(curve(t, -3.0, -3.0, 1)[0], v_ds, ZERO)


def cell_leakage(device: Device, width: Tensor, length: Tensor, v_ds: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Off current of one transistor [A]."""
    return width * off_current(device, v_ds, length, temperature)


def retention(
    device: Device, capacitance: Tensor, drop: Tensor, width: Tensor, length: Tensor, temperature: Tensor = ROOM
) -> Tensor:
    """Time in which the off current takes a voltage from a storage node, t = C dV/I_off [s].

    A closed form for a constant current; :mod:`beolith.circuits` integrates the whole cell.
    """
    return capacitance * drop / (width * off_current(device, torch.ones_like(ROOM), length, temperature))


def storage_drift(device: Device, capacitance: Tensor, duration: Tensor, width: Tensor, length: Tensor) -> Tensor:
    """Voltage that a storage node loses in a time, I_off t/C [V]."""
    return duration * width * off_current(device, torch.ones_like(ROOM), length) / capacitance


PREDICTORS = {
    "off_current": Predictor(off_current, "A/m", OFF),
    "cell_leakage": Predictor(cell_leakage, "A", OFF),
    "retention": Predictor(retention, "s", OFF),
    "storage_drift": Predictor(storage_drift, "V", OFF),
}
