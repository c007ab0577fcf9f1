"""Mobility and effective mass of a film."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...library import Device
from ...mobility import mobility_law
from .base import ON, ROOM, ZERO, Predictor, curve, threshold, transistor
from .capacitances import dielectric_capacitance


def mobility(device: Device, temperature: Tensor = ROOM) -> Tensor:
    """Mobility of the film of a card at one thermal charge [m^2/(V s)]."""
    return mobility_law(device.tekv, temperature)(torch.ones_like(temperature))


def field_effect_mobility(device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor) -> Tensor:
    """Largest mobility that the transconductance shows up to an overdrive, g_m L/(W C V_DS) [m^2/(V s)]."""
    t = transistor(device, length, ROOM)
    g_m = t.conductances(curve(t, 0.0, float(overdrive), 401), v_ds, ZERO).gate.max()
    return g_m * length / (dielectric_capacitance(device) * v_ds)


def saturation_mobility(device: Device, length: Tensor, overdrive: Tensor) -> Tensor:
    """Mobility read from the slope of the root of the saturation current, 2 L (d sqrt I/dV_G)^2/(W C) [m^2/(V s)]."""
    t = transistor(device, length, ROOM)
    biases = (threshold(t) + overdrive, overdrive, ZERO)
    root = 0.5 * t.conductances(*biases).gate / torch.sqrt(t.current(*biases))
    return 2.0 * length * root**2 / dielectric_capacitance(device)


def mobility_ratio(device: Device, thickness: Tensor, reference_thickness: Tensor) -> Tensor:
    """Mobility of a thin film over that of a thicker one of the same material, [(1 - D_sr/t)/(1 - D_sr/t')]^2 [1].

    References:
        januar2026_smallstr, eq. 6.
    """
    thin, thick = (
        mobility(dataclasses.replace(device, tekv=device.tekv.replace(channel_thickness=t)))
        for t in (thickness, reference_thickness)
    )
    return thin / thick


def effective_mass(device: Device, thickness: Tensor) -> Tensor:
    """Effective mass in a thin film, m* (1 + l_m/t), in electron masses [1].

    References:
        iwotcaddft2026.
    """
    return device.tekv.effective_mass * (1.0 + device.tekv.mass_confinement / thickness)


PREDICTORS = {
    "mobility": Predictor(mobility, "m**2/(V*s)", ("tekv.mobility*", "tekv.roughness_depth", "tekv.percolation_*")),
    "field_effect_mobility": Predictor(field_effect_mobility, "m**2/(V*s)", ON),
    "saturation_mobility": Predictor(saturation_mobility, "m**2/(V*s)", ON),
    "mobility_ratio": Predictor(mobility_ratio, "", ("tekv.roughness_depth",)),
    "effective_mass": Predictor(effective_mass, "", ("tekv.effective_mass", "tekv.mass_confinement")),
}
