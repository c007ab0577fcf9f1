r"""Hydrogen that bias and heat turn into donors: first-order release from a finite reservoir, and recapture.

    dh/dt = (1 - h)/tau_r - h/tau_b,    dN_D = N_H h
    tau_r = tau_300 exp[(E_H/k)(1/T - 1/300 K)] exp(-g V_ov),    tau_b = tau_b,300 exp[(E_b/k)(1/T - 1/300 K)]

The donors shift the threshold to the left, the more the thinner the gate capacitance. Where the mission feeds the shift
back, V_ov grows with it and the release runs faster. The same donors may widen the band tail and add interface states;
as all of them follow h, all recover together, as observed.

One well-mixed film: the diffusion of hydrogen through a stack during the process is another matter and another module.

References:
    yoon2018_rscadv: -0.5 V at 40 C and -6.9 V at 80 C after 1e4 s of positive bias.
    hbti2026_arxiv: negative shift, tail broadening and hydrogen doping under positive bias and heat, fully reversible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.card import parameter

from .bias_stress import arrhenius_time
from .cet import Phase
from .mechanism import final
from .mission import Mission, Profile, Segment

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}


@dataclass(frozen=True)
class HydrogenParameters:
    """Hydrogen available to one film (SI)."""

    # fmt: off
    reservoir: Tensor = parameter("1/m**3", "N_H: donors that hydrogen can still make", low=0, high=1e28)
    release_time: Tensor = parameter("s", "tau_300: release time at 300 K", low=1e-3, high=1e30)
    activation: Tensor = parameter("J", "E_H: activation energy of the release", low=0, high=4.8e-19)
    bias_acceleration: Tensor = parameter("1/V", "g: logarithm of the speed-up by a volt of overdrive", low=0, high=20,
                                          default=0.0, **_OFF)
    recapture_time: Tensor = parameter("s", "tau_b: recapture time at 300 K", low=1e-3, high=math.inf,
                                       default=math.inf, **_OFF)
    recapture_activation: Tensor = parameter("J", "E_b: activation energy of the recapture", low=0, high=4.8e-19,
                                             default=0.0, **_OFF)
    tail_per_donor: Tensor = parameter("1/J", "k_n: band-tail density that comes with a donor", low=0, high=1e22,
                                       default=0.0, **_OFF)
    widening_per_donor: Tensor = parameter("K*m**3", "k_T: rise of the tail temperature with donors", low=0, high=1e-20,
                                           default=0.0, **_OFF)
    traps_per_donor: Tensor = parameter("m/J", "k_it: interface traps that come with donors", low=0, high=1e14,
                                        default=0.0, **_OFF)
    # fmt: on


@dataclass(frozen=True)
class Release:
    """Release and recapture as a :class:`.mechanism.Mechanism` of one bin, the released share h."""

    parameters: HydrogenParameters

    @property
    def rates(self) -> Tensor:
        """One bin."""
        return torch.ones(1, dtype=torch.float64)

    def phases(self, s: Segment) -> tuple[Phase, Phase]:
        """Equilibrium share and exponents under stress and during the rest; the same up and down."""
        p = self.parameters
        release = s.duration / arrhenius_time(p.release_time, p.activation, s.temperature)
        back = 1.0 / p.recapture_time * s.duration
        back = back / arrhenius_time(torch.ones_like(p.activation), p.recapture_activation, s.temperature)

        def phase(v: Tensor, share: Tensor) -> Phase:
            out = release * torch.exp(p.bias_acceleration * v)
            both = out + back
            # a segment of no duration has no equilibrium, and needs none
            level, both = out / torch.where(both > 0, both, 1.0), share * both
            return Phase(level, both, both)

        return phase(s.overdrive, s.duty), phase(s.rest, 1.0 - s.duty)

    def donors(self, state: Tensor) -> Tensor:
        """Donors added to the film [m^-3]."""
        return self.parameters.reservoir * state.sum(0)


def donors_released(p: HydrogenParameters, mission: Mission | Profile) -> Tensor:
    """Donors that hydrogen has added to the film after a mission [m^-3].

    Args:
        p: Hydrogen of the film.
        mission: What the transistor went through.
    """
    m = Release(p)
    (last,) = final([m], mission)
    return m.donors(last)
