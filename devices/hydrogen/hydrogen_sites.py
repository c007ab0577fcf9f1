r"""What hydrogen in a film does to a transistor: donors, passivated interface states, mobility, contacts.

    f_+    = 1/(1 + exp[2(E_F - E_pm)/kT])                 proton against hydride, negative-U: no neutral state between
    N_D,H  = (2 f_+ - 1) C                                 free hydrogen only; the hydride takes an electron away
    n      = N_D + N_D,H(n),   n = N_c exp[(E_F - E_C)/kT] the film's own donors and the level it settles at
    D_it   = D_min + (D_0 - D_min) exp(-C_t/C_sat)         trapped hydrogen passivates
    mu    *= 1 + b_mu N_D,H/(N_mu + N_D,H),   R_c *= exp(-N_D,H/H_c)

Only the donor density, the interface traps, the mobility and the contact resistance of the compact model change; how
far that moves the threshold is the model's business.

References:
    shi2024_acsnano (hydrogen through palladium: contact resistance a hundredth, mobility 3.2 to 20 cm2/Vs),
    byun2026_jmcc (interface traps and swing after anneals), vandewalle2003 (negative-U hydrogen); the forms of the last
    two lines: own.
"""

from __future__ import annotations

import math

import torch
from scipy import constants
from torch import Tensor

from ..base import DeviceState
from ..parameters import TekvParameters
from ..tekv import coefficients

K = constants.Boltzmann
_ITERATIONS = 60


def proton_share(fermi_level: Tensor, transition_level: Tensor, temperature: Tensor) -> Tensor:
    """Share f_+ of the free hydrogen that is a proton; the rest is hydride [1].

    Args:
        fermi_level: E_F, above any reference [J].
        transition_level: E_pm above the same [J].
        temperature: [K].

    References:
        vandewalle2003.
    """
    return torch.sigmoid(-2.0 * (fermi_level - transition_level) / (K * temperature))


def hydrogen_donors(free: Tensor, fermi_level: Tensor, transition_level: Tensor, temperature: Tensor) -> Tensor:
    """Net donors of free hydrogen at a Fermi level, (2 f_+ - 1) C; negative where the hydride rules [m^-3]."""
    # tanh is 2 f_+ - 1 without the cancellation
    return free * torch.tanh(-(fermi_level - transition_level) / (K * temperature))


def settled_donors(
    free: Tensor, donors: Tensor, transition_level: Tensor, band_density: Tensor, temperature: Tensor
) -> Tensor:
    """Net donors of free hydrogen where the film is neutral, its Fermi level set by all of its donors [m^-3].

    Root of n = N_D + C (1 - r^2)/(1 + r^2), r = n/(N_c exp[(E_pm - E_C)/kT]); the right side falls with n, so there is
    one. Bisection in the bracket [0, N_D + C], then one Newton step, which carries the gradient.

    Args:
        free: Free hydrogen C [m^-3].
        donors: Donors N_D of the film without hydrogen [m^-3].
        transition_level: E_pm above the band edge [J].
        band_density: Effective density of states N_c, Boltzmann statistics [m^-3].
        temperature: [K].
    """
    scale = band_density * torch.exp(transition_level / (K * temperature))

    def excess(n: Tensor) -> tuple[Tensor, Tensor]:
        square = (n / scale) ** 2
        sign = (1.0 - square) / (1.0 + square)
        slope = 1.0 + free * 4.0 * (n / scale) / scale / (1.0 + square) ** 2
        return n - donors - free * sign, slope

    with torch.no_grad():
        high = (donors + free) * torch.ones_like(scale)
        low = torch.zeros_like(high)
        for _ in range(_ITERATIONS):
            middle = 0.5 * (low + high)
            above = excess(middle)[0] > 0
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        n = 0.5 * (low + high)
        slope = excess(n)[1]
    return n - excess(n)[0] / slope - donors


def passivated(traps: Tensor, trapped: Tensor, least: Tensor, scale: Tensor) -> Tensor:
    """Interface traps that trapped hydrogen leaves, D_min + (D_0 - D_min) exp(-C_t/C_sat) [m^-2 J^-1].

    Args:
        traps: D_0 before [m^-2 J^-1].
        trapped: Trapped hydrogen C_t next to the interface [m^-3].
        least: D_min; a film that has fewer keeps what it has [m^-2 J^-1].
        scale: C_sat [m^-3].
    """
    floor = torch.minimum(least, traps)
    return floor + (traps - floor) * torch.exp(-trapped / scale)


def mobility_factor(donors: Tensor, gain: Tensor, scale: Tensor) -> Tensor:
    """Mobility over that without hydrogen, 1 + b N/(N_mu + N); 1 where hydrogen takes electrons away [1].

    References:
        shi2024_acsnano: 3.2 to 20 cm2/Vs bounds b at 5.25.
    """
    n = donors.clamp(min=0.0)
    return 1.0 + gain * n / (scale + n)


def contact_factor(donors: Tensor, scale: Tensor) -> Tensor:
    """Contact resistance over that without hydrogen, exp(-N/H_c); 1 where hydrogen takes electrons away [1].

    References:
        shi2024_acsnano: a hundredth, hence N = 4.6 H_c, after 10 minutes at 150 C in 5 % H2.
    """
    return torch.exp(-donors.clamp(min=0.0) / scale)


def donors_for(reduction: Tensor, scale: Tensor) -> Tensor:
    """Donors at a contact that divide its resistance by a factor, H_c ln(factor) [m^-3]."""
    return scale * torch.log(reduction)


def swing(p: TekvParameters, interface_traps: Tensor, temperature: Tensor) -> Tensor:
    """Deep sub-threshold swing of a long T-EKV transistor with some interface traps, ln(10) n phi [V per decade].

    Args:
        p: The transistor; its own interface traps are replaced.
        interface_traps: D_it [m^-2 J^-1].
        temperature: [K].

    References:
        byun2026_jmcc: 168, 150, 115 and 75 mV/dec at 6.02, 4.98, 3.07 and 0.843e12 cm^-2 eV^-1, 30 nm IGZO on 15 nm
        Al2O3. Densities of traps are commonly read off the swing itself, so that agreement tests the capacitance and
        not the traps.
    """
    one = torch.ones((), dtype=torch.float64)
    k = coefficients(p.replace(interface_traps=interface_traps), one, one, temperature, DeviceState())
    return math.log(10.0) * k.n_phi


def passivation_dose(before: Tensor, after: Tensor, least: Tensor) -> Tensor:
    """Trapped hydrogen over C_sat that takes interface traps from one density to another, passivation inverted [1].

    Args:
        before: D_0 [m^-2 J^-1].
        after: D_it, above D_min [m^-2 J^-1].
        least: D_min [m^-2 J^-1].
    """
    return torch.log((before - least) / (after - least))
