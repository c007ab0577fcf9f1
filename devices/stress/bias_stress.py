r"""Bias-temperature instability: electrons caught by traps of the gate dielectric, and what negative bias does.

    dV_T    = +-A sum_i w_i s_i,    s_i: overdrive up to which bin i of the traps is filled, see :mod:`.cet`
    tau_c,i = 10^x_i tau_300 exp[(E_tau/k)(1/T - 1/300 K)] exp(-gamma V_ov)        V_ov > 0
    tau_e,i = 10^x_i tau_300 r exp[(E_e/k)(1/T - 1/300 K)] exp(+gamma V_ov)        V_ov < 0, else without gamma

From fresh and at constant stress this is A V_ov {1 - exp[-(t/tau)^beta]}, the stretched exponential, within 1e-3 of
its end. Traps below the overdrive capture, traps above it emit, each bin r times slower (at 300 K) than it captures.
No card states r yet: it is infinite unless set, and then nothing recovers, whatever the duty.

Limits: capture and emission times are tied to one another by r, where a full map has a second dimension; all bins have
the same activation energies. An overdrive that rises fills the newly reached traps from empty.

References:
    lopes2009_apl: stretched exponential with tau = 3e5 s at room temperature and 0.68 eV.
    lee2015_scirep: 0.53 eV for the detrapping of electrons, 0.85 to 1.38 eV for the recovery of oxygen defects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy import constants
from torch import Tensor

from beolith.card import parameter

from .cet import Phase, Spectrum, expansion
from .mechanism import after_first, final
from .mission import Mission, Profile, Segment

ROOM = 300.0
_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}
_IDLE = {"source": "own", "how": "assumed", "note": "Without effect as long as the amplitude is zero."}


@dataclass(frozen=True)
class TrappingParameters:
    """Electron trapping of one gate stack under positive bias (SI)."""

    # fmt: off
    amplitude: Tensor = parameter("", "A: final threshold shift per volt of overdrive", low=0, high=2)
    time_constant: Tensor = parameter("s", "tau_300: time constant at 300 K", low=1e-6, high=1e15)
    activation: Tensor = parameter("J", "E_tau: activation energy of the time constant", low=0, high=3.3e-19)
    stretch: Tensor = parameter("", "beta: stretching exponent", low=0.05, high=1)
    field_acceleration: Tensor = parameter("1/V", "gamma: logarithm of the speed-up by a volt of overdrive", low=0,
                                           high=20, default=0.0, **_OFF)
    emission_ratio: Tensor = parameter("", "r: emission time over capture time at 300 K", low=1e-9, high=math.inf,
                                       default=math.inf, **_OFF)
    emission_activation: Tensor = parameter("J", "E_e: activation energy of the emission time", low=0, high=3.3e-19,
                                            default=0.53 * constants.e, source="lee2015_scirep", how="measured",
                                            note="Detrapping of electrons in a-IGZO; acts only with a finite r.")
    # fmt: on


@dataclass(frozen=True)
class NegativeBiasParameters:
    """The same under negative bias, with the opposite sign; off unless a card gives it an amplitude (SI)."""

    # fmt: off
    amplitude: Tensor = parameter("", "A: final threshold shift per volt below threshold", low=0, high=2,
                                  default=0.0, **_OFF)
    time_constant: Tensor = parameter("s", "tau_300: time constant at 300 K", low=1e-6, high=1e15,
                                      default=1e9, **_IDLE)
    activation: Tensor = parameter("J", "E_tau: activation energy of the time constant", low=0, high=3.3e-19,
                                   default=0.0, **_IDLE)
    stretch: Tensor = parameter("", "beta: stretching exponent", low=0.05, high=1, default=0.5, **_IDLE)
    field_acceleration: Tensor = parameter("1/V", "gamma: logarithm of the speed-up by a volt", low=0, high=20,
                                           default=0.0, **_OFF)
    emission_ratio: Tensor = parameter("", "r: recovery time over stress time at 300 K", low=1e-9, high=math.inf,
                                       default=math.inf, **_OFF)
    emission_activation: Tensor = parameter("J", "E_e: activation energy of the recovery", low=0, high=3.3e-19,
                                            default=0.85 * constants.e, source="lee2015_scirep", how="measured",
                                            note="Lower end of 0.85 to 1.38 eV, oxygen defects of a-IGZO after light.")
    # fmt: on

    @property
    def absent(self) -> bool:
        """Whether it can be left out: the amplitude is zero and nobody wants its derivative."""
        return not (self.amplitude.requires_grad or bool(self.amplitude.any()))


@dataclass(frozen=True)
class Trapping:
    """Traps of one polarity as a :class:`.mechanism.Mechanism`.

    Attributes:
        parameters: Amplitude and times.
        spectrum: Bins that expand the stretched exponential.
        polarity: 1 for positive bias and electrons, -1 for negative bias.
    """

    parameters: TrappingParameters | NegativeBiasParameters
    spectrum: Spectrum
    polarity: float = 1.0

    @property
    def rates(self) -> Tensor:
        """Rates of the bins."""
        return self.spectrum.rates

    def phases(self, s: Segment) -> tuple[Phase, Phase]:
        """Levels and exponents under stress and during the rest."""
        p = self.parameters
        # rates, not times, so that an infinite r has a derivative
        capture = s.duration / arrhenius_time(p.time_constant, p.activation, s.temperature)
        emission = s.duration / arrhenius_time(p.time_constant, p.emission_activation, s.temperature)
        emission = emission * (1.0 / p.emission_ratio)

        def phase(v: Tensor, share: Tensor) -> Phase:
            level, reverse = v.clamp(min=0.0), (-v).clamp(min=0.0)
            g = p.field_acceleration
            return Phase(level, share * capture * torch.exp(g * level), share * emission * torch.exp(g * reverse))

        return phase(self.polarity * s.overdrive, s.duty), phase(self.polarity * s.rest, 1.0 - s.duty)

    def shift(self, state: Tensor) -> Tensor:
        """Threshold shift of filled bins, positive for electrons [V]."""
        filled = (after_first(self.spectrum.weights, state.ndim) * state).sum(0)
        return self.polarity * self.parameters.amplitude * filled


def trapping(p: TrappingParameters | NegativeBiasParameters) -> Trapping:
    """The mechanism that parameters describe; its polarity is that of their class."""
    return Trapping(p, expansion(p.stretch), 1.0 if isinstance(p, TrappingParameters) else -1.0)


def arrhenius_time(time_constant: Tensor, activation: Tensor, temperature: Tensor) -> Tensor:
    """Time constant at a temperature from its value at 300 K, tau_300 exp[(E/k)(1/T - 1/300 K)] [s]."""
    return time_constant * torch.exp(activation / constants.Boltzmann * (1.0 / temperature - 1.0 / ROOM))


def trapping_shift(p: TrappingParameters | NegativeBiasParameters, mission: Mission | Profile) -> Tensor:
    """Threshold shift by traps alone after a mission; positive under positive bias [V].

    Args:
        p: Trapping parameters of the gate stack.
        mission: What the transistor went through.
    """
    m = trapping(p)
    (last,) = final([m], mission)
    return m.shift(last)
