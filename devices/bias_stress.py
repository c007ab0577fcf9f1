"""Positive-bias temperature instability: electrons caught by traps of the gate dielectric, a stretched exponential.

    f     = 1 - exp(-(theta)^beta),   theta = sum over segments of duty * duration / tau(T)
    tau   = tau_300 exp[(E_tau/k)(1/T - 1/300 K)]
    dV_T  = sum over segments of A (V_G - V_T) (f_after - f_before)

The state is the reduced time theta, so a segment may be cut into any number of pieces without changing the result.
First version: monotone, no recovery, no hydrogen feedback; those come with capture-emission-time maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import constants
from torch import Tensor

from beolith.card import parameter

from .mission import Mission

ROOM = 300.0
_TINY = 1e-30


@dataclass(frozen=True)
class TrappingParameters:
    """Electron trapping of one gate stack (SI)."""

    # fmt: off
    amplitude: Tensor = parameter("", "A: final threshold shift per volt of overdrive", low=0, high=2)
    time_constant: Tensor = parameter("s", "tau_300: time constant at 300 K", low=1e-6, high=1e15)
    activation: Tensor = parameter("J", "E_tau: activation energy of the time constant", low=0, high=3.3e-19)
    stretch: Tensor = parameter("", "beta: stretching exponent", low=0.05, high=1)
    # fmt: on


def arrhenius_time(time_constant: Tensor, activation: Tensor, temperature: Tensor) -> Tensor:
    """Time constant at a temperature from its value at 300 K, tau_300 exp[(E/k)(1/T - 1/300 K)] [s]."""
    return time_constant * torch.exp(activation / constants.Boltzmann * (1.0 / temperature - 1.0 / ROOM))


def trapping_shift(p: TrappingParameters, mission: Mission) -> Tensor:
    """Threshold shift after a mission, positive [V].

    Args:
        p: Trapping parameters of the gate stack.
        mission: What the transistor went through.

    References:
        lopes2009_apl: stretched exponential with tau = 3e5 s at room temperature and 0.68 eV.
    """
    reduced = torch.zeros((), dtype=torch.float64)
    filled = torch.zeros((), dtype=torch.float64)
    shift = torch.zeros((), dtype=torch.float64)
    for segment in mission:
        tau = arrhenius_time(p.time_constant, p.activation, segment.temperature)
        reduced = reduced + segment.duty * segment.duration / tau
        # the tiny offset keeps the derivative of reduced^beta finite for an unstressed device, and is taken off again
        after = -torch.expm1(_TINY**p.stretch - (reduced + _TINY) ** p.stretch)
        shift = shift + p.amplitude * segment.overdrive.clamp(min=0.0) * (after - filled)
        filled = after
    return shift
