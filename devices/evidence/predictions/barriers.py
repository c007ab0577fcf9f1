"""Hydrogen in the layers of a stack."""

from __future__ import annotations

from scipy import constants
from torch import Tensor

from ...hydrogen import hydrogen_media as media
from ...hydrogen.hydrogen_media import Medium
from .base import Predictor


def slow_down(medium: Medium, thickness: Tensor, temperature: Tensor) -> Tensor:
    """Flux of hydrogen without a barrier over that with it [1].

    References:
        wu2026_alumina.
    """
    return media.slow_down(thickness, temperature, medium.barrier)


def attenuation_length(medium: Medium, temperature: Tensor) -> Tensor:
    """Thickness of a barrier that takes the flux down by e [m]."""
    return media.attenuation_length(medium.barrier, temperature)


def attenuation_activation(medium: Medium, cold: Tensor, hot: Tensor) -> Tensor:
    """Activation energy of that length between two temperatures [J]."""
    ends = [media.attenuation_length(medium.barrier, t) for t in (cold, hot)]
    return constants.Boltzmann * (ends[1] / ends[0]).log() / (1.0 / cold - 1.0 / hot)


def arrival_time(medium: Medium, thickness: Tensor, temperature: Tensor) -> Tensor:
    """Time in which free hydrogen crosses a film, t^2/4D at the middle of the prior ranges [s].

    References:
        cho2025_arxiv.
    """
    return thickness**2 / (4.0 * media.diffusivity(medium.transport, temperature))


def diffusion_activation(medium: Medium, cold: Tensor, hot: Tensor) -> Tensor:
    """Activation energy of the effective, trap-limited diffusivity of dilute hydrogen [J].

    References:
        johansen2008_apl.
    """
    ends = [media.effective_diffusivity(medium.transport, t) for t in (cold, hot)]
    return constants.Boltzmann * (ends[1] / ends[0]).log() / (1.0 / cold - 1.0 / hot)


BARRIER = ("barrier.attenuation_*",)
PREDICTORS = {
    "slow_down": Predictor(slow_down, "", BARRIER),
    "attenuation_length": Predictor(attenuation_length, "m", BARRIER),
    "attenuation_activation": Predictor(attenuation_activation, "J", ("barrier.attenuation_activation",)),
    "arrival_time": Predictor(arrival_time, "s", ("transport.*", "floor.*")),
    "diffusion_activation": Predictor(diffusion_activation, "J", ("transport.*",)),
}
