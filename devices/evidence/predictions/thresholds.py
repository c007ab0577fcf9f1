"""Where the transfer curve lies: gate voltages at a constant current, with length, temperature and donors."""

from __future__ import annotations

import torch
from torch import Tensor

from ...library import Device
from ...thin_film import ThinFilmTransistor
from .base import PLACE, ROOM, ZERO, Predictor, curve, transistor


def gate_voltage(device: Device, length: Tensor, current: Tensor, v_ds: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Gate voltage at a drain current per width [V].

    References:
        pandey2025_ted: -0.5976 V and -0.3959 V at 1 nA/um, 15 and 40 nm.
    """
    return _at(transistor(device, length, temperature), current, v_ds)


def gate_voltage_rise(
    device: Device, short: Tensor, length: Tensor, current: Tensor, v_ds: Tensor, temperature: Tensor = ROOM
) -> Tensor:
    """Roll-off: gate voltage of a long channel less that of a short one at equal I L/W, the first at a current [V]."""
    normalised = current * length / short
    return gate_voltage(device, length, current, v_ds, temperature) - gate_voltage(
        device, short, normalised, v_ds, temperature
    )


def gate_voltage_drift(
    device: Device, length: Tensor, current: Tensor, v_ds: Tensor, cold: Tensor, hot: Tensor
) -> Tensor:
    """Change of the gate voltage at a current from one temperature to a hotter one [V]."""
    ends = (gate_voltage(device, length, current, v_ds, x) for x in (hot, cold))
    return next(ends) - next(ends)


def gate_voltage_movement(
    device: Device, length: Tensor, current: Tensor, v_ds: Tensor, cold: Tensor, hot: Tensor
) -> Tensor:
    """The same without its sign [V]."""
    return gate_voltage_drift(device, length, current, v_ds, cold, hot).abs()


def confinement(device: Device, thickness: Tensor) -> Tensor:
    """Rise of the band edge in a thin film [J].

    References:
        iwotcaddft2026.
    """
    p = device.tekv
    return p.confinement_energy * (thickness / 1e-9) ** -p.confinement_exponent


def _at(t: ThinFilmTransistor, current: Tensor, v_ds: Tensor) -> Tensor:
    """Gate voltage at a current, by refining the step of a curve that holds it twice."""
    low, high = -5.0, 5.0
    for _ in range(3):
        v_gs = curve(t, low, high, 1001)
        found = torch.log(t.current(v_gs, v_ds, ZERO) / current)
        i = int(torch.searchsorted(found, ZERO).clamp(1, len(found) - 1))
        low, high = (float(v_gs[j] - t.coefficients.v_t) for j in (i - 1, i))
    share = found[i - 1] / (found[i - 1] - found[i])
    return v_gs[i - 1] + share * (v_gs[i] - v_gs[i - 1])


SHORT = ("tekv.threshold_rolloff", "tekv.drain_lowering", "tekv.slope_rolloff")
PREDICTORS = {
    "gate_voltage": Predictor(gate_voltage, "V", PLACE),
    "gate_voltage_rise": Predictor(gate_voltage_rise, "V", SHORT),
    "gate_voltage_drift": Predictor(gate_voltage_drift, "V", ("tekv.flat_band_slope",)),
    "gate_voltage_movement": Predictor(gate_voltage_movement, "V", ("tekv.flat_band_slope",)),
    "confinement": Predictor(confinement, "J", ("tekv.confinement_*",)),
}
