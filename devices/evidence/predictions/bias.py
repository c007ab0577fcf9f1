"""Threshold shifts under bias and heat."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import DeviceState
from ...library import Device
from ...stress.aging import age
from ...stress.bias_stress import arrhenius_time
from ...stress.edges import Edges, itgzo_edges
from ...stress.mission import Segment, constant
from ...tekv import donor_shift
from .base import ROOM, Predictor

TRAPS = ("pbti.amplitude", "pbti.time_constant", "pbti.field_acceleration", "pbti.stretch")
DONORS = ("hydrogen.reservoir", "hydrogen.release_time", "hydrogen.activation", "hydrogen.bias_acceleration")


def aged(device: Device, duration: Tensor, overdrive: Tensor, temperature: Tensor) -> DeviceState:
    """State of a device after constant bias."""
    return age(device.aging, constant(duration, temperature, overdrive))


def stress_shift(device: Device, duration: Tensor, overdrive: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Threshold shift after constant bias, trapped electrons and released donors together [V]."""
    state = aged(device, duration, overdrive, temperature)
    return state.threshold_shift + donor_shift(device.tekv, state.donor_density)


def stress_movement(device: Device, duration: Tensor, overdrive: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """The same without its sign [V]."""
    return stress_shift(device, duration, overdrive, temperature).abs()


def stress_shift_ratio(device: Device, duration: Tensor, overdrive: Tensor, cold: Tensor, hot: Tensor) -> Tensor:
    """Threshold shift of the hot device over that of the cold one [1].

    References:
        yoon2018_rscadv: -6.9 V over -0.5 V between 80 and 40 C.
    """
    found = stress_shift(device, duration, overdrive, torch.stack((hot, cold)))
    return found[0] / found[1]


def trapping_time(device: Device, temperature: Tensor) -> Tensor:
    """Time constant of electron trapping [s].

    References:
        lopes2009_apl.
    """
    p = device.trapping
    return arrhenius_time(p.time_constant, p.activation, temperature)


def trapping_activation(device: Device) -> Tensor:
    """Activation energy of that time constant [J]."""
    return device.trapping.activation


def donor_stress_shift(device: Device, duration: Tensor, overdrive: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Threshold shift after constant bias by released donors alone [V]."""
    return donor_shift(device.tekv, aged(device, duration, overdrive, temperature).donor_density)


def safe_overdrive(device: Device, duration: Tensor, temperature: Tensor, drop: Tensor) -> Tensor:
    """Overdrive at which trapped electrons shift the threshold by a criterion in a lifetime [V].

    References:
        imec2025_roadmap.
    """
    low, high = torch.zeros_like(drop), torch.full_like(drop, 100.0)
    for _ in range(50):
        middle = 0.5 * (low + high)
        over = aged(device, duration, middle, temperature).threshold_shift > drop
        low, high = torch.where(over, low, middle), torch.where(over, middle, high)
    return high


def edge_shift(rise_time: Tensor) -> Tensor:
    """Threshold shift of a-ITGZO by pulses, by the duration of an edge [V].

    Number and swing of the edges drop out: the law was set to shifts at three durations.

    References:
        kang2025_nanomaterials.
    """
    one = torch.ones_like(rise_time)
    pulse = Segment(one, 300.0 * one, one, 0.5 * one, frequency=one, rise_time=rise_time)
    edges = Edges(itgzo_edges(1.0, 1.0))
    return edges.shift(-torch.expm1(-edges.phases(pulse)[0].capture))


PREDICTORS = {
    "stress_shift": Predictor(stress_shift, "V", (*TRAPS, *DONORS, "nbti.*", "edges.*")),
    "stress_movement": Predictor(stress_movement, "V", (*TRAPS, *DONORS, "nbti.*", "edges.*")),
    "donor_stress_shift": Predictor(donor_stress_shift, "V", DONORS),
    "safe_overdrive": Predictor(safe_overdrive, "V", TRAPS),
    "edge_shift": Predictor(edge_shift, "V", (), made_by=("F207", "F208", "F209")),
    "stress_shift_ratio": Predictor(stress_shift_ratio, "", ("pbti.activation", "hydrogen.activation")),
    "trapping_time": Predictor(trapping_time, "s", ("pbti.time_constant", "pbti.activation")),
    "trapping_activation": Predictor(trapping_activation, "J", ("pbti.activation",)),
}
