r"""What shape does to a channel: planar or wrapped around a gate core, one gate or two, thick or quantum-thin.

    C_f    = eps_ox/t_eq,   t_eq = r ln(1 + t_ox/r)            film around a gate core of radius r; t_ox if planar
    1/C    = 1/(C_f + C_b) + 1/C_Q + t_c/eps_s                 C_b = eps_b/t_b, zero without a back gate
    C_Q    = q^2 m/(pi hbar^2),   m = m* (1 + l_m/t)
    V_eff  = V_F + beta (V_B - V_F - (V_TB - V_TF)),   beta = C_b/(C_f + C_b)
    1/lambda = (1 - beta) kappa_f + beta kappa_b               :mod:`.scale_length`; each gate has its share of the film
    dV_T   = (E_q/q)(t/1 nm)^-p_q                              confinement lifts the band edge of a thin film

References:
    frank1998_edl (lambda), iwotcaddft2026 (E_q, p_q and the masses of thin In2O3, from density-functional theory);
    the coaxial capacitor and the two gates are electrostatics. Sharing the film in the ratio of the capacitances is
    own: exact for one gate, two equal gates and thin dielectrics, where lambda = sqrt(eps_s t/(C_f + C_b)); a sixth
    shorter than the slowest mode with 5 and 10 nm of one dielectric, for that mode lives in the thicker one.
"""

from __future__ import annotations

import torch
from scipy import constants
from torch import Tensor

from .parameters import TekvParameters
from .scale_length import decay

EPS0 = constants.epsilon_0


def front_capacitance(p: TekvParameters) -> Tensor:
    """Capacitance of the front dielectric per area of channel [F/m^2]."""
    ratio = p.oxide_thickness / p.core_radius
    # ln(1 + x)/x with its limit at x = 0, where the derivative must not see the division
    bent = torch.where(ratio > 0, torch.log1p(ratio) / torch.where(ratio > 0, ratio, 1.0), 1.0)
    return EPS0 * p.oxide_permittivity / (p.oxide_thickness * bent)


def back_capacitance(p: TekvParameters) -> Tensor:
    """Capacitance of the back dielectric per area of channel, zero without a back gate [F/m^2]."""
    return EPS0 * p.back_oxide_permittivity / p.back_oxide_thickness


def back_share(p: TekvParameters) -> Tensor:
    """Share beta of the back gate in the control of the channel [1]."""
    back = back_capacitance(p)
    return back / (front_capacitance(p) + back)


def gate_capacitance(p: TekvParameters) -> Tensor:
    """Capacitance per area from the gates to the channel: dielectrics, quantum and centroid in series [F/m^2]."""
    oxide = front_capacitance(p) + back_capacitance(p)
    mass = p.effective_mass * (1.0 + p.mass_confinement / p.channel_thickness) * constants.electron_mass
    quantum = constants.elementary_charge**2 * mass / (torch.pi * constants.hbar**2)
    return 1.0 / (1.0 / oxide + 1.0 / quantum + p.charge_centroid / (EPS0 * p.channel_permittivity))


def natural_length(p: TekvParameters) -> Tensor:
    """Length lambda over which the field of source and drain dies in the channel [m]."""
    beta, film = back_share(p), p.channel_thickness
    front = front_capacitance(p) / (EPS0 * p.oxide_permittivity)
    back = 1.0 / p.back_oxide_thickness
    by_front = decay((1.0 - beta) * film, front, p.oxide_permittivity / p.channel_permittivity)
    by_back = decay(beta * film, back, p.back_oxide_permittivity / p.channel_permittivity)
    return 1.0 / ((1.0 - beta) * by_front + beta * by_back)


def confinement_shift(p: TekvParameters) -> Tensor:
    """Threshold shift by quantum confinement in the film, (E_q/q)(t/1 nm)^-p_q [V]."""
    thin = (p.channel_thickness / 1e-9) ** -p.confinement_exponent
    return p.confinement_energy / constants.elementary_charge * thin
