"""How fast electrons move: thermally activated, percolating, rough, and limited at high charge.

    mu(T, q) = mu_b (1 - D_sr/t)^2 exp{-T_a B} [(1 + q/q_c)]^(T_g B + gamma_p) (1 + 1/q_c)^(-gamma_p) / (1 + theta q)
    B        = 1/(T + T_0) - 1/T_MN

Meyer-Neldel (T_MN), a low-temperature limit (T_0) and an activation energy that falls with charge (T_g) in one
mechanism-agnostic form.

References:
    chen2009_ted (Meyer-Neldel), januar2026_smallstr (thickness law), estrada2015_mr (activation falls with gate
    voltage); the combined form is own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .parallel import present
from .parameters import TekvParameters


class MobilityLaw(NamedTuple):
    """mu(q) at one temperature: ``scale (1 + q/q_c)^exponent / (1 + theta q)``."""

    scale: Tensor
    inverse_charge: Tensor
    exponent: Tensor
    theta: Tensor

    def __call__(self, q: Tensor) -> Tensor:
        """Mobility at the mean normalised charge ``q`` [m^2/(V s)]."""
        mobility = self.scale
        if present(self.exponent):
            mobility = mobility * torch.exp(self.exponent * torch.log1p(q * self.inverse_charge))
        return mobility / (1.0 + self.theta * q) if present(self.theta) else mobility

    @property
    def moves(self) -> bool:
        """Whether it depends on the charge."""
        return present(self.exponent) or present(self.theta)

    def log_slope(self, q: Tensor) -> Tensor:
        """Derivative of the logarithm of the mobility by the normalised charge [1]."""
        percolation = self.exponent * self.inverse_charge / (1.0 + q * self.inverse_charge)
        return percolation - self.theta / (1.0 + self.theta * q)


def mobility_law(p: TekvParameters, temperature: Tensor) -> MobilityLaw:
    """The mobility law of a film at a temperature [K]."""
    b = 1.0 / (temperature + p.tunnelling_temperature) - 1.0 / p.meyer_neldel_temperature
    rough = (1.0 - p.roughness_depth / p.channel_thickness) ** 2
    normal = (1.0 + 1.0 / p.percolation_charge) ** (-p.percolation_exponent)
    return MobilityLaw(
        scale=p.mobility * rough * torch.exp(-p.mobility_activation * b) * normal,
        inverse_charge=1.0 / p.percolation_charge,
        exponent=p.activation_slope * b + p.percolation_exponent,
        theta=p.mobility_degradation,
    )
