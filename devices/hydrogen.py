"""Hydrogen that turns into donors: a first-order release from a finite reservoir, thermally activated.

    dN_D = N_H [1 - exp(-sum over segments of duration / tau_H(T))],   tau_H = tau_300 exp[(E_H/k)(1/T - 1/300 K)]

First version: one well-mixed film. Diffusion through barriers, the donor/hydride equilibrium and passivation of
interface states are their own module later; the state they move is already here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.card import parameter

from .bias_stress import arrhenius_time
from .mission import Mission


@dataclass(frozen=True)
class HydrogenParameters:
    """Hydrogen available to one film (SI)."""

    # fmt: off
    reservoir: Tensor = parameter("1/m**3", "N_H: donors that hydrogen can still make", low=0, high=1e28)
    release_time: Tensor = parameter("s", "tau_300: release time at 300 K", low=1e-3, high=1e30)
    activation: Tensor = parameter("J", "E_H: activation energy of the release", low=0, high=4.8e-19)
    # fmt: on


def donors_released(p: HydrogenParameters, mission: Mission) -> Tensor:
    """Donors that hydrogen has added to the film after a mission [m^-3].

    References:
        yoon2018_rscadv: donor generation under positive bias, -0.5 V at 40 C and -6.9 V at 80 C after 1e4 s.
    """
    reduced = torch.zeros((), dtype=torch.float64)
    for segment in mission:
        reduced = reduced + segment.duration / arrhenius_time(p.release_time, p.activation, segment.temperature)
    return -p.reservoir * torch.expm1(-reduced)
