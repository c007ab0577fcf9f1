r"""Leakage through the gate dielectric: Poole-Frenkel conduction by traps and direct tunnelling through the barrier.

From the gate to x in {S, D}, each through half of the channel's area:

    I_x  = (W L/2) [J_PF(V_Gx) + f_t J_DT(V_Gx)]
    J_PF = sigma E exp(-E_b/kT),   E = V/t_ox,   E_b = softplus of E_t - beta sqrt(|E|),   beta = sqrt(q^3/(pi eps_opt))
    J_DT = (q m/(2 pi^2 hbar^3)) eps^2 e^(-S) (1 - e^(-q|V|/eps)) sign V                     eps = 1/(dS/d phi)
    S    = (4 sqrt(2 m) t_ox/(3 hbar q|V|)) [phi^(3/2) - (phi - q|V|)_+^(3/2)]                 WKB, trapezoidal barrier

Without the last bracket, which is the current that tunnels back, J_DT is the direct-tunnelling formula of Schuegraf
and Hu, and for q|V| > phi that of Fowler and Nordheim; with it, J_DT is the integral of the tunnelling probability over
a cold Fermi sea when ln of that probability is linear in energy (within 25 % of the integral for a barrier of 1.5 eV),
and it vanishes with the voltage. (x)_+ is x rounded over 0.5 % of the barrier, |V| and |E| are rounded over 10 mV and
1e5 V/m, and E_b ends softly at zero, so that the current is odd and has every derivative at every voltage and
temperature.

The field is that of V_Gx over the whole dielectric: what the channel and the flat band take of it is left out, which
overstates the leakage of a depleted channel. Tunnelling is that of a cold emitter, which understates it by some 5 % at
300 K; image forces are left out.

References:
    izukashi2025_edl (which mechanism limits which transistor of a 2T0C cell), frenkel1938 (J_PF), simmons1963 and
    schuegraf1994_ted (J_DT); the returning current and the rounding: own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy import constants
from torch import Tensor

from beolith.card import parameter

from .base import GateCurrent

Q, K, HBAR = constants.elementary_charge, constants.Boltzmann, constants.hbar
_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}
_IDLE = {"source": "own", "how": "assumed", "note": "Without effect while the mechanism is switched off."}
_LEAST_VOLTAGE, _LEAST_FIELD, _TRAP_END, _BARRIER_END = 0.01, 1e5, 0.02, 0.005
"""Rounding of |V| [V], of |E| in the lowering of the traps [V/m], and of the ends of a trap and of the barrier, over
depth and height [1]."""


@dataclass(frozen=True)
class GateLeakageParameters:
    """Leakage of the gate dielectric of one process (SI)."""

    # fmt: off
    conductivity: Tensor = parameter("S/m", "sigma: Poole-Frenkel conductivity of empty traps, E_b = 0", low=0,
                                     high=1e6, default=0.0, **_OFF)
    trap_depth: Tensor = parameter("J", "E_t: depth of the traps below the dielectric's conduction band", low=8e-21,
                                   high=6.4e-19, default=1.6e-19, **_IDLE)
    optical_permittivity: Tensor = parameter("", "eps_opt: high-frequency relative permittivity of the dielectric",
                                             low=1, high=40, default=4.0, **_IDLE)
    tunnelling: Tensor = parameter("", "f_t: direct tunnelling over that of the WKB formula; 1 is the formula", low=0,
                                   high=1e6, default=0.0, **_OFF)
    barrier_height: Tensor = parameter("J", "phi: tunnelling barrier above the Fermi levels at zero bias", low=1.6e-20,
                                       high=9.7e-19, default=1.6e-19, **_IDLE)
    tunnelling_mass: Tensor = parameter("", "m: tunnelling mass in electron masses", low=0.01, high=5, default=1.0,
                                        **_IDLE)
    # fmt: on

    @property
    def absent(self) -> bool:
        """Whether the gate does not leak at all."""
        return not bool((self.conductivity > 0).any() | (self.tunnelling > 0).any())


class Leakage(NamedTuple):
    """Bias-independent coefficients of the leakage; :func:`gate_current` reads nothing else (SI, broadcastable)."""

    conductance: Tensor
    depth: Tensor
    lowering: Tensor
    least: Tensor
    thermal: Tensor
    supply: Tensor
    barrier: Tensor
    decay: Tensor


def leakage(
    p: GateLeakageParameters, oxide_thickness: Tensor, width: Tensor, length: Tensor, temperature: Tensor
) -> Leakage:
    """Coefficients of the leakage of one transistor.

    Args:
        p: Dielectric.
        oxide_thickness: Physical thickness t_ox of the dielectric [m].
        width: Channel width W [m].
        length: Channel length L [m].
        temperature: Lattice temperature [K].
    """
    half = 0.5 * width * length
    mass = p.tunnelling_mass * constants.electron_mass
    return Leakage(
        conductance=half * p.conductivity / oxide_thickness,
        depth=p.trap_depth / Q,
        lowering=torch.sqrt(Q / (torch.pi * constants.epsilon_0 * p.optical_permittivity * oxide_thickness)),
        least=_LEAST_FIELD * oxide_thickness,
        thermal=K * temperature / Q,
        supply=half * p.tunnelling * Q**3 * mass / (2.0 * torch.pi**2 * HBAR**3),
        barrier=p.barrier_height / Q,
        decay=2.0 * torch.sqrt(2.0 * mass * Q) * oxide_thickness / HBAR,
    )


def gate_current(k: Leakage, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent:
    """Current from the gate into drain and source, of the sign of V_GD and V_GS, broadcast shape [A]."""
    return GateCurrent(_path(k, v_g - v_d), _path(k, v_g - v_s))


def _path(k: Leakage, v: Tensor) -> Tensor:
    return v * (_trap_conductance(k, v) + _tunnel_conductance(k, v))


def _trap_conductance(k: Leakage, v: Tensor) -> Tensor:
    """Poole-Frenkel current over voltage [A/V]."""
    room = _TRAP_END * k.depth
    excess = k.depth - k.lowering * (v * v + k.least * k.least) ** 0.25
    return k.conductance * torch.exp(-room / k.thermal * torch.logaddexp(excess / room, torch.zeros_like(excess)))


def _tunnel_conductance(k: Leakage, v: Tensor) -> Tensor:
    """Tunnelling current over voltage [A/V]; its differences of powers are divided by |V| exactly."""
    u = torch.sqrt(v * v + _LEAST_VOLTAGE**2)
    room = _BARRIER_END * k.barrier
    near, near_root = _rounded(k.barrier, room)
    far, far_root = _rounded(k.barrier - u, room)
    fall = 0.5 * (1.0 + (2.0 * k.barrier - u) / (near_root + far_root))  # (near - far)/|V|
    width = 1.0 / (k.decay * fall / (torch.sqrt(near) + torch.sqrt(far)))
    action = k.decay * (2.0 / 3.0) * fall * (near * near + near * far + far * far) / (near**1.5 + far**1.5)
    return k.supply * width * width * torch.exp(-action) * -torch.expm1(-u / width) / u


def _rounded(x: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """The positive part of a barrier, rounded: half of x + root, without cancellation; and the root."""
    root = torch.sqrt(x * x + room * room)
    positive = x > 0
    below = 0.5 * room * room / (root + torch.where(positive, 0.0, -x))
    return torch.where(positive, 0.5 * (x + root), below), root
