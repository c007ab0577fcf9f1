"""The parameters of the T-EKV model: name, unit, physical range, meaning and, for optional terms, the neutral value.

Symbols are those of the docstring of :mod:`.tekv`. A term whose parameters keep their defaults is switched off; the
defaults are therefore statements about the model, not about a material.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.card import parameter

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}


@dataclass(frozen=True)
class TekvParameters:
    """Material, process and film parameters of one transistor; tensors that broadcast against each other (SI)."""

    # fmt: off
    channel_thickness: Tensor = parameter("m", "t: thickness of the oxide-semiconductor film", low=0.3e-9, high=200e-9)
    channel_permittivity: Tensor = parameter("", "eps_s: relative permittivity of the film", low=2, high=40)
    oxide_thickness: Tensor = parameter("m", "t_ox: physical thickness of the gate dielectric", low=0.3e-9, high=1e-6)
    oxide_permittivity: Tensor = parameter("", "eps_ox: relative permittivity of the gate dielectric", low=2, high=100)
    core_radius: Tensor = parameter("m", "r: radius of the gate core of a channel-all-around device; none is planar",
                                    low=1e-9, high=math.inf, default=math.inf, **_OFF)
    back_oxide_thickness: Tensor = parameter("m", "t_b: physical thickness of the back-gate dielectric; none is no "
                                             "back gate", low=0.3e-9, high=math.inf, default=math.inf, **_OFF)
    back_oxide_permittivity: Tensor = parameter("", "eps_b: relative permittivity of that dielectric", low=1, high=100,
                                                default=3.9, source="own", how="assumed",
                                                note="Without effect unless the card has a back gate.")
    back_threshold: Tensor = parameter("V", "V_TB - V_TF: threshold of the back gate above that of the front gate",
                                       low=-50, high=50, default=0.0, **_OFF)
    effective_mass: Tensor = parameter("", "m*: effective mass of a thick film in electron masses; sets C_Q",
                                       low=0.02, high=5)
    mass_confinement: Tensor = parameter("m", "l_m: film thickness where confinement doubles the mass", low=0,
                                         high=10e-9, default=0.0, **_OFF)
    confinement_energy: Tensor = parameter("J", "E_q: rise of the band edge in a film of 1 nm", low=0, high=4e-19,
                                           default=0.0, **_OFF)
    confinement_exponent: Tensor = parameter("", "p_q: its power of the inverse thickness", low=0.5, high=3,
                                             default=1.382, source="iwotcaddft2026", how="fitted",
                                             note="In2O3 slabs, density-functional gaps at 0.95 to 1.98 nm (fact F180);"
                                             " without effect while the energy is zero.")
    charge_centroid: Tensor = parameter("m", "t_c: mean distance of the electrons from the dielectric",
                                        low=0, high=50e-9, default=0.0, **_OFF)
    conduction_band_density: Tensor = parameter("1/m**3", "N_c: effective density of states", low=1e23, high=1e27)
    band_tail_width: Tensor = parameter("J", "W_m: floor of the thermal energy at low temperature", low=0, high=8.1e-21)
    floor_exponent: Tensor = parameter("", "m: sharpness of the crossover to that floor", low=2, high=20, default=12.0,
                                       source="vansetten2025_cryo", how="fitted",
                                       note="With 16.5 meV and n = 1.02 the swing is 60.9, 42.2, 39.1 and "
                                       "38.8 mV/dec at 300, 200, 150 and 100 K, published 61 and around 40. The exact "
                                       "filling of a band with an exponential tail gives 11 to 13 (own, tested).")
    tail_density: Tensor = parameter("1/(m**3*J)", "N_t: density of the exponential tail at the band edge; the range "
                                     "ends at 1e21 cm^-3 eV^-1", low=0, high=6.3e45)
    tail_temperature: Tensor = parameter("K", "T_t: decay of that tail over k", low=350, high=1500)
    interface_traps: Tensor = parameter("1/(m**2*J)", "D_it: interface traps; the range ends at 1e14 cm^-2 eV^-1",
                                        low=0, high=6.3e36)
    threshold_voltage: Tensor = parameter("V", "V_T0: threshold at 300 K of the long, donor-free film",
                                          low=-50, high=50)
    flat_band_slope: Tensor = parameter("V/K", "dV_FB/dT", low=-0.01, high=0.01, default=0.0, **_OFF)
    donor_density: Tensor = parameter("1/m**3", "N_D: ionised donors in the film", low=0, high=1e27)
    mobility: Tensor = parameter("m**2/(V*s)", "mu_b: mobility at T = T_MN - T_0 before thickness loss",
                                 low=1e-6, high=0.1)
    roughness_depth: Tensor = parameter("m", "D_sr: film depth lost to surface roughness", low=0, high=2e-9,
                                        default=0.0, **_OFF)
    mobility_activation: Tensor = parameter("K", "T_a: activation energy of the mobility over k", low=-3000,
                                            high=8000, default=0.0, **_OFF)
    activation_slope: Tensor = parameter("K", "T_g: fall of that energy with the logarithm of the charge",
                                         low=0, high=3000, default=0.0, **_OFF)
    meyer_neldel_temperature: Tensor = parameter("K", "T_MN: temperature + T_0 where the activation drops out",
                                                 low=100, high=5000, default=300.0, source="own", how="derived",
                                                 note="With T_0 = 0 this makes mu_b the room-temperature mobility.")
    tunnelling_temperature: Tensor = parameter("K", "T_0: low-temperature saturation of the activation", low=0,
                                               high=500, default=0.0, **_OFF)
    percolation_charge: Tensor = parameter("", "q_c: charge scale of the percolation power law", low=1e-3, high=1e3,
                                           default=1.0, **_OFF)
    percolation_exponent: Tensor = parameter("", "gamma_p: exponent of that law", low=0, high=3,
                                             default=0.0, **_OFF)
    mobility_degradation: Tensor = parameter("", "theta: loss of mobility with charge", low=0, high=1,
                                             default=0.0, **_OFF)
    saturation_velocity: Tensor = parameter("m/s", "v_sat", low=1e3, high=math.inf, default=math.inf, **_OFF)
    length_modulation: Tensor = parameter("m/V", "l_clm: channel-length modulation", low=0, high=1e-6, default=0.0,
                                          **_OFF)
    threshold_rolloff: Tensor = parameter("V", "eta_0: short-channel roll-off at V_DS = 0", low=0, high=10, default=0.0,
                                          **_OFF)
    drain_lowering: Tensor = parameter("", "eta_D: drain-induced barrier lowering", low=0, high=10, default=0.0, **_OFF)
    slope_rolloff: Tensor = parameter("", "eta_n: short-channel loss of slope", low=0, high=10, default=0.0, **_OFF)
    leakage_density: Tensor = parameter("A/m", "J_0: off current per width at T_ref", low=0, high=1e3)
    leakage_activation: Tensor = parameter("J", "E_A: activation energy of the off current", low=0, high=3.3e-19)
    leakage_temperature: Tensor = parameter("K", "T_ref: temperature where the off current is J_0", low=200, high=500,
                                            default=300.0, source="own", how="derived",
                                            note="Off currents are quoted at room temperature unless a card says so.")
    leakage_field: Tensor = parameter("1/V", "gamma_D: growth of the off current with drain voltage", low=0, high=20,
                                      default=0.0, **_OFF)
    overlap_capacitance: Tensor = parameter("F/m", "C_ov: gate overlap on each side, per width", low=0, high=1e-8)
    fringe_capacitance: Tensor = parameter("F/m", "C_fr: fringe of the gate edge on each side, per width", low=0,
                                           high=1e-9, default=0.0, **_OFF)
    # fmt: on

    @classmethod
    def of(cls, values: Mapping[str, float | Tensor], device: torch.device | str | None = None) -> TekvParameters:
        """Parameters from plain numbers or tensors, as float64.

        Args:
            values: One entry per parameter, SI.
            device: Where the tensors live; default the CPU.
        """
        return cls(**{k: torch.as_tensor(v, dtype=torch.float64, device=device) for k, v in values.items()})

    def replace(self, **changes: Tensor) -> TekvParameters:
        """The same parameters with some replaced, by tensors of any broadcastable shape."""
        return dataclasses.replace(self, **changes)
