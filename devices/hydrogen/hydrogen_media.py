r"""What hydrogen does in each material of a stack: how fast it moves, how well it is held back, what it changes.

    D(T)    = D_0 exp(-E_a/kT) in the plane, D/r through the film               transport
    k_t     = 4 pi R D,   k_d = k_t N_s exp(-E_b/kT)                             capture by traps and escape from them
    P(T, d) = P_0 exp(-d/l(T)),   l(T) = l_0 exp[-(E_l/k)(1/T - 1/T_0)]          barrier: flux J = P (C_out - C_in)

A material is a card in ``media/``; one with an attenuation length is a barrier, in which hydrogen is not stored.
Numbers that no work states carry a prior range there. In equilibrium the traps hold C_t = N_tr C/(C + k_d/k_t).
Concentrations of different media balance where C/S is equal; S is 1 for the semiconductor.

References:
    wu2026_alumina (attenuation length and its activation energy), mcnabb1963 (capture and escape), oriani1970 (their
    equilibrium), heidary2015_rscadv (hafnia fails on crystallisation), shang2009_gca (silica, temperatures only),
    cho2025_arxiv (bound on the diffusivity in a-IGZO).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from scipy import constants
from torch import Tensor

from beolith import card as cards
from beolith.card import Card, parameter
from beolith.errors import BeolithError, nearest
from beolith.sources import all_sources

K = constants.Boltzmann
_TIGHT = 600.0
FOLDER = Path(__file__).parent.parent / "media"
_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}


@dataclass(frozen=True)
class Transport:
    """Motion and trapping (SI)."""

    # fmt: off
    prefactor: Tensor = parameter("m**2/s", "D_0: diffusivity at infinite temperature, in the plane", low=0, high=1,
                                  default=0.0, **_OFF)
    activation: Tensor = parameter("J", "E_a: activation energy of the diffusivity", low=0, high=8e-19, default=0.0,
                                   **_OFF)
    anisotropy: Tensor = parameter("", "r: diffusivity in the plane over that through the film", low=1e-12, high=1e12,
                                   default=1.0, **_OFF)
    solubility: Tensor = parameter("", "S: concentration over that of the semiconductor in equilibrium with it",
                                   low=1e-12, high=1e12, default=1.0, **_OFF)
    trap_density: Tensor = parameter("1/m**3", "N_tr: sites that trap hydrogen", low=0, high=1e29, default=0.0, **_OFF)
    trap_binding: Tensor = parameter("J", "E_b: binding energy of a trap", low=0, high=5e-19, default=0.0, **_OFF)
    capture_radius: Tensor = parameter("m", "R: distance from which a trap captures", low=1e-11, high=1e-8,
                                       default=3e-10, source="own", how="assumed",
                                       note="A bond length; it sets how fast traps fill and not how far.")
    site_density: Tensor = parameter("1/m**3", "N_s: sites on which free hydrogen sits", low=1e25, high=1e30,
                                     default=5e28, source="own", how="assumed",
                                     note="One for each oxygen of a dense oxide; it only shifts the binding energy.")
    # fmt: on


@dataclass(frozen=True)
class Barrier:
    """Permeation of a layer that stores nothing (SI); an infinite attenuation length is no barrier."""

    # fmt: off
    attenuation_length: Tensor = parameter("m", "l_0: thickness that takes the flux down by e, at T_0", low=1e-12,
                                           high=math.inf, default=math.inf, **_OFF)
    attenuation_activation: Tensor = parameter("J", "E_l: activation energy of that length", low=0, high=4e-19,
                                               default=0.0, **_OFF)
    reference_temperature: Tensor = parameter("K", "T_0: temperature of l_0", low=100, high=2000, default=723.15,
                                              source="wu2026_alumina", how="measured", note="450 C")
    permeability: Tensor = parameter("m/s", "P_0: permeability without attenuation", low=0, high=math.inf,
                                     default=math.inf, **_OFF)
    crystallisation: Tensor = parameter("K", "T_c: temperature where the layer crystallises and holds back no more",
                                        low=200, high=math.inf, default=math.inf, **_OFF)
    # fmt: on


@dataclass(frozen=True)
class Floor:
    """A lower bound on the diffusivity at one temperature (SI); zero is none."""

    diffusivity: Tensor = parameter("m**2/s", "D_min: least diffusivity in the plane", low=0, high=1, default=0, **_OFF)
    temperature: Tensor = parameter("K", "temperature of that bound", low=1, high=2000, default=300.0, **_OFF)


@dataclass(frozen=True)
class Limits:
    """Where the material is still itself (SI)."""

    stability: Tensor = parameter("K", "highest temperature that the material survives", low=200, high=5000)


@dataclass(frozen=True)
class Sites:
    """What hydrogen changes in a semiconductor (SI); see :mod:`.hydrogen_sites`."""

    # fmt: off
    transition_level: Tensor = parameter("J", "E_pm - E_C: level above the band edge where proton and hydride are "
                                         "equally likely", low=-8e-19, high=8e-19, default=8e-19, **_OFF)
    mobility_gain: Tensor = parameter("", "b_mu: relative gain of mobility in a heavily doped film", low=0, high=100,
                                      default=0.0, **_OFF)
    mobility_scale: Tensor = parameter("1/m**3", "N_mu: donors that make half of that gain", low=1e18, high=1e30,
                                       default=1e24, **_OFF)
    contact_scale: Tensor = parameter("1/m**3", "H_c: donors at the contact that take its resistance down by e",
                                      low=1e20, high=math.inf, default=math.inf, **_OFF)
    passivation_scale: Tensor = parameter("1/m**3", "C_sat: trapped hydrogen that takes the interface traps down by e",
                                          low=1e18, high=math.inf, default=math.inf, **_OFF)
    passivated_traps: Tensor = parameter("1/(m**2*J)", "D_it,min: interface traps that hydrogen leaves", low=0,
                                         high=6.3e36, default=0.0, **_OFF)
    # fmt: on


SECTIONS: dict[str, type] = {
    "transport": Transport,
    "barrier": Barrier,
    "floor": Floor,
    "limits": Limits,
    "sites": Sites,
}


@dataclass(frozen=True)
class Medium:
    """A material of a stack, as tensors that broadcast against each other."""

    name: str
    transport: Transport
    barrier: Barrier
    floor: Floor
    limits: Limits
    sites: Sites

    @property
    def is_barrier(self) -> bool:
        """Whether hydrogen crosses it without being stored."""
        return bool(torch.isfinite(self.barrier.attenuation_length).any())


def names() -> tuple[str, ...]:
    """Names of the media that come with the program, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


@cache
def card(name: str) -> Card:
    """The card of a medium, by its name or by the path of a ``.yaml`` file of one's own.

    Raises:
        BeolithError: There is no such medium.
        CardError: Faults in the card, all of them.
    """
    own = Path(name)
    path = own if own.suffix == ".yaml" else FOLDER / f"{name}.yaml"
    if not path.is_file() or (own.suffix != ".yaml" and name not in names()):
        raise BeolithError(f"no medium is called {name!r}, and no file of that name exists; {nearest(name, names())}")
    found = cards.load(path, SECTIONS, all_sources(path.parent), kind="medium")
    if found.values("transport")["prefactor"] == 0.0 and math.isinf(found.values("barrier")["attenuation_length"]):
        raise BeolithError(f"{path.name}: hydrogen can neither move nor permeate; set transport.prefactor or barrier")
    return found


def medium(name: str, values: Mapping[str, Tensor] | None = None) -> Medium:
    """A medium with the numbers of its card, some of them replaced.

    Args:
        name: As for :func:`card`.
        values: Tensors by ``section.parameter``, such as a sample of the priors.
    """
    found, given = card(name), values or {}

    def build(section: str) -> Any:
        plain = found.values(section)
        return SECTIONS[section](
            **{k: given.get(f"{section}.{k}", torch.tensor(v, dtype=torch.float64)) for k, v in plain.items()}
        )

    return Medium(found.key, **{section: build(section) for section in SECTIONS})


def diffusivity(p: Transport, temperature: Tensor) -> Tensor:
    """Diffusivity of free hydrogen in the plane of the film, D_0 exp(-E_a/kT) [m^2/s]."""
    return p.prefactor * torch.exp(-p.activation / (K * temperature))


def capture_rate(p: Transport, temperature: Tensor) -> Tensor:
    """Rate k_t at which a trap captures, per free concentration, 4 pi R D [m^3/s].

    References:
        mcnabb1963; the diffusion-limited rate is Smoluchowski's.
    """
    return 4.0 * torch.pi * p.capture_radius * diffusivity(p, temperature)


def half_filling(p: Transport, temperature: Tensor) -> Tensor:
    """Free concentration that half fills the traps, k_d/k_t = N_s exp(-E_b/kT) [m^-3].

    References:
        oriani1970.
    """
    return p.site_density * torch.exp(-p.trap_binding / (K * temperature))


def trapped_in_equilibrium(p: Transport, free: Tensor, temperature: Tensor) -> Tensor:
    """Trapped hydrogen beside a free concentration [m^-3], N_tr C/(C + k_d/k_t) [m^-3]."""
    return p.trap_density * free / (free + half_filling(p, temperature))


def effective_diffusivity(p: Transport, temperature: Tensor, free: Tensor | float = 0.0) -> Tensor:
    """Diffusivity in the plane slowed by traps, D/(1 + C_t/C); dilute at C = 0: D/(1 + k_t N_tr/k_d) [m^2/s]."""
    held = p.trap_density / (free + half_filling(p, temperature))
    return diffusivity(p, temperature) / (1.0 + held)


def attenuation_length(p: Barrier, temperature: Tensor) -> Tensor:
    """Thickness that takes the flux through a barrier down by e [m].

    Example:
        >>> float(1e9 * attenuation_length(medium("al2o3").barrier, torch.tensor(623.15)))
        0.110...

    References:
        wu2026_alumina: 0.48 nm at 450 C, 0.57 eV.
    """
    arrhenius = p.attenuation_activation / K * (1.0 / temperature - 1.0 / p.reference_temperature)
    return p.attenuation_length * torch.exp(-arrhenius)


def permeability(p: Barrier, thickness: Tensor, temperature: Tensor, hottest: Tensor | None = None) -> Tensor:
    """Permeability P_0 exp(-d/l) of a barrier; once it has crystallised only P_0 is left [m/s].

    Args:
        p: Barrier.
        thickness: [m].
        temperature: [K].
        hottest: Highest temperature so far, that of now if None [K].
    """
    return 1.0 / resistance(p, thickness, temperature, hottest)


def resistance(p: Barrier, thickness: Tensor, temperature: Tensor, hottest: Tensor | None = None) -> Tensor:
    """Resistance 1/P of a barrier; arguments as for :func:`permeability` [s/m]."""
    held = thickness / attenuation_length(p, temperature)
    past = temperature if hottest is None else hottest
    # a cold barrier is tighter than a float can say
    return torch.exp(torch.where(past > p.crystallisation, 0.0, held).clamp(max=_TIGHT)) / p.permeability


def slow_down(thickness: Tensor, temperature: Tensor, barrier: Barrier | None = None) -> Tensor:
    """Flux without a barrier over the flux with it, exp(d/l(T)) [1].

    Args:
        thickness: Of the barrier [m].
        temperature: [K].
        barrier: Alumina if None.

    References:
        wu2026_alumina: 48, 514 and 4751 at 1.8, 2.7 and 4.2 nm, 450 C; with the 0.48 nm of its other method this law
        gives 43, 277 and 6310, each within a factor of two.
    """
    return torch.exp(thickness / attenuation_length(barrier or medium("al2o3").barrier, temperature))


def possible(medium: Medium) -> Tensor:
    """Whether the diffusivity obeys the bound of the medium, the shape of its parameters."""
    return diffusivity(medium.transport, medium.floor.temperature) >= medium.floor.diffusivity
