r"""Self-heating: a transistor at the temperature that its own power keeps.

    T       = T_0 + R_th P(T),   P = I_D(T) V_DS                            steady state, the coldest there is
    R_th    = (1/h + d/kappa_d)/(W L) + 1/(2 kappa_s sqrt(W L))             boundary, layer beneath, spreading
    C_th dT/dt = P(T) - (T - T_0)/R_th                                      C_th = c_A W L

Heat leaves straight down through the boundary and the layer, then spreads in the half-space beneath as from a square;
none leaves through the contacts or the gate, which overstates the heating of a short channel. The temperature is one
number per transistor. A device whose power outruns its cooling has no steady state below the temperature where it
fails: NaN, with a warning. The steady state is found in a bracket and its gradient is implicit, in everything.

References:
    su2025_arxiv (boundary conductances of ITO on SiO2 and HfO2, temperatures of failure), pop2010_nanores (resistances
    in series); bracket, implicit gradient and step: own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from beolith.card import parameter
from beolith.errors import ConvergenceWarning

from .base import Charges, Conductances, GateCurrent, Linearised
from .linear import by_autograd
from .thin_film import ThinFilmTransistor

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}
_RUNGS, _HALVINGS, _CLOSE = 24, 60, 1e-10
"""Temperatures where a bracket is looked for, most steps inside it, and when they end [K]."""

Power = Callable[[Tensor], Tensor]
"""Dissipated power [W] at a lattice temperature [K], elementwise."""


@dataclass(frozen=True)
class ThermalParameters:
    """How the heat of one process leaves (SI)."""

    # fmt: off
    boundary_conductance: Tensor = parameter("W/(m**2*K)", "h: thermal conductance of the film's boundary", low=1e5,
                                             high=math.inf, default=math.inf, **_OFF)
    layer_thickness: Tensor = parameter("m", "d: thickness of the layer beneath", low=0, high=1e-4, default=0.0, **_OFF)
    layer_conductivity: Tensor = parameter("W/(m*K)", "kappa_d: its thermal conductivity", low=1e-2, high=math.inf,
                                           default=math.inf, **_OFF)
    substrate_conductivity: Tensor = parameter("W/(m*K)", "kappa_s: conductivity of what lies under that", low=1e-2,
                                               high=math.inf, default=math.inf, **_OFF)
    heat_capacity: Tensor = parameter("J/(m**2*K)", "c_A: heat capacity per area of all that warms", low=0, high=1e3,
                                      default=0.0, **_OFF)
    failure_temperature: Tensor = parameter("K", "T_f: where the device fails, and the search for a steady state ends",
                                            low=310, high=2000, default=613.15, source="su2025_arxiv", how="measured",
                                            note="ITO on HfO2, 340 C (fact F017); on SiO2 180 C (F016).")
    # fmt: on

    @property
    def absent(self) -> bool:
        """Whether no power warms the device."""
        perfect = torch.isinf(self.boundary_conductance) & torch.isinf(self.substrate_conductivity)
        return bool((perfect & (self.layer_thickness / self.layer_conductivity == 0)).all())

    def resistance(self, width: Tensor, length: Tensor) -> Tensor:
        """Thermal resistance R_th of a channel of a width [m] and a length [m], broadcast shape [K/W]."""
        area = width * length
        down = 1.0 / self.boundary_conductance + self.layer_thickness / self.layer_conductivity
        return down / area + 0.5 / (self.substrate_conductivity * torch.sqrt(area))

    def capacity(self, width: Tensor, length: Tensor) -> Tensor:
        """Heat capacity C_th of a channel of a width [m] and a length [m], broadcast shape [J/K]."""
        return self.heat_capacity * width * length


def steady_temperature(power: Power, ambient: Tensor, resistance: Tensor, highest: Tensor) -> Tensor:
    """The lowest temperature T >= T_0 with T = T_0 + R_th P(T), differentiable in all that these depend on [K].

    Args:
        power: Dissipated power by temperature; its result must be of the broadcast shape of everything.
        ambient: Temperature T_0 without power, any shape [K].
        resistance: Thermal resistance R_th, broadcastable [K/W].
        highest: Temperature where the search ends [K].

    Returns:
        The temperature; NaN where there is none up to the highest one.

    Warns:
        ConvergenceWarning: Some have none.
    """
    with torch.no_grad():
        start = ambient + torch.zeros_like(resistance * power(ambient))
        found = _first_root(power, start, resistance, highest)
        lost = torch.isnan(found)
        at = torch.where(lost, start, found)
    if bool(lost.any()):
        warnings.warn(
            f"self-heating: {int(lost.sum())} of {lost.numel()} biases have no steady temperature up to "
            f"{float(highest.max()):g} K; their result is NaN",
            ConvergenceWarning,
            stacklevel=2,
        )
    slope = 1.0 - (resistance * _power_slope(power, at)).detach()
    # one step of Newton's at the solution: no change of the value, and the implicit derivative
    excess = at - ambient - resistance * power(at)
    return torch.where(lost, torch.nan, at - excess / slope)


def _power_slope(power: Power, temperature: Tensor) -> Tensor:
    """dP/dT at a temperature [W/K]."""
    with torch.enable_grad():
        at = temperature.detach().requires_grad_()
        (slope,) = torch.autograd.grad(power(at).sum(), at)
    return slope


def _first_root(power: Power, start: Tensor, resistance: Tensor, highest: Tensor) -> Tensor:
    """The lowest root: rungs up to the highest temperature for a bracket, then regula falsi (Illinois) inside it."""

    def excess(t: Tensor) -> Tensor:
        return t - start - resistance * power(t)

    rungs = torch.linspace(0.0, 1.0, _RUNGS + 1, dtype=start.dtype)[1:] ** 2
    low, f_low = start, excess(start)
    high, f_high = torch.full_like(start, torch.nan), torch.full_like(start, torch.nan)
    open_ = torch.ones_like(start, dtype=torch.bool)
    for rung in rungs:
        t = start + (highest - start) * rung
        f = excess(t)
        crossed = open_ & (f >= 0.0)
        high, f_high = torch.where(crossed, t, high), torch.where(crossed, f, f_high)
        open_ = open_ & ~crossed
        low, f_low = torch.where(open_, t, low), torch.where(open_, f, f_low)
        if not bool(open_.any()):
            break
    for _ in range(_HALVINGS):
        t = torch.where(f_high - f_low > 0.0, low - f_low * (high - low) / (f_high - f_low), low)
        f = excess(t)
        below = f < 0.0
        # Illinois: an end that stays counts half, so that neither stays for good
        f_low, f_high = torch.where(below, f, 0.5 * f_low), torch.where(below, 0.5 * f_high, f)
        done = (f.abs() < _CLOSE) | torch.isnan(t)
        low, high = torch.where(below | done, t, low), torch.where(below & ~done, high, t)
        if bool(done.all()):
            break
    return torch.where(open_, torch.nan, t)


def warming(
    power: Power, times: Sequence[float], ambient: Tensor, resistance: Tensor, capacity: Tensor, steps: int = 64
) -> Tensor:
    """Temperature after the power is switched on, C_th dT/dt = P(T) - (T - T_0)/R_th, differentiable.

    Each step is exact for a constant power, T <- T_P + (T - T_P) exp(-dt/(R_th C_th)) with T_P = T_0 + R_th P; the
    power is that half-way through the step, which makes it second order. A runaway shows as a temperature without end.

    Args:
        power: As for :func:`steady_temperature`.
        times: Times to report, rising, > 0 [s].
        ambient: Temperature at the start [K].
        resistance: Thermal resistance [K/W].
        capacity: Heat capacity [J/K].
        steps: Steps between two reported times.

    Returns:
        Temperatures, time first [K].
    """
    t = ambient + torch.zeros_like(resistance * capacity * power(ambient))
    last, kept = 0.0, []
    for time in times:
        step = (time - last) / steps
        whole = torch.exp(-step / (resistance * capacity))
        half = torch.sqrt(whole)
        for _ in range(steps):
            t_p = ambient + resistance * power(t)
            t_p = ambient + resistance * power(t_p + (t - t_p) * half)
            t = t_p + (t - t_p) * whole
        last = time
        kept.append(t)
    return torch.stack(kept)


@dataclass(frozen=True)
class SelfHeated:
    """A transistor warmed by its own current; see :class:`.base.Transistor`. Every result is the steady state's.

    Attributes:
        transistor: The transistor; its temperature is that of the surroundings.
        thermal: How its heat leaves.
    """

    transistor: ThinFilmTransistor
    thermal: ThermalParameters

    @property
    def sign(self) -> int:
        """That of the transistor."""
        return self.transistor.sign

    @cached_property
    def resistance(self) -> Tensor:
        """Thermal resistance [K/W]."""
        return self.thermal.resistance(self.transistor.width, self.transistor.length)

    def at(self, temperature: Tensor) -> ThinFilmTransistor:
        """The transistor at a lattice temperature [K]."""
        return replace(self.transistor, channel=replace(self.transistor.channel, temperature=temperature))

    def temperature(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Lattice temperature, see :func:`steady_temperature` [K]."""
        v_g, v_d, v_s = torch.broadcast_tensors(v_g, v_d, v_s)

        def power(t: Tensor) -> Tensor:
            return self.at(t).current(v_g, v_d, v_s) * (v_d - v_s)

        return steady_temperature(power, self.transistor.temperature, self.resistance, self.thermal.failure_temperature)

    def _warm(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> ThinFilmTransistor:
        return self.at(self.temperature(v_g, v_d, v_s))

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""
        return self._warm(v_g, v_d, v_s).current(v_g, v_d, v_s)

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """Derivatives of :meth:`current`: I = I(V, T) and T = T_0 + R_th I V_DS give both at once [A/V].

        dI/dV_i = (I_i + I_T R_th I d_i)/(1 - R_th V_DS I_T), d = (0, 1, -1) for gate, drain and source.
        """
        t, v_ds = self.temperature(v_g, v_d, v_s), v_d - v_s
        current = self.at(t).current(v_g, v_d, v_s)
        isothermal = self.at(t).conductances(v_g, v_d, v_s)
        by_temperature = _power_slope(lambda x: self.at(x).current(v_g, v_d, v_s), t)
        loop = 1.0 - self.resistance * v_ds * by_temperature
        heat = self.resistance * current * by_temperature
        gate, drain = isothermal.gate / loop, (isothermal.drain + heat) / loop
        return Conductances(gate, drain, -gate - drain)

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Terminal charges [C]."""
        return self._warm(v_g, v_d, v_s).charges(v_g, v_d, v_s)

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C] at the price of one steady state."""
        return self._warm(v_g, v_d, v_s).current_and_charges(v_g, v_d, v_s)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """Current, charges and their slopes by automatic differentiation, see :func:`.linear.by_autograd`."""
        return by_autograd(self, v_g, v_d, v_s)

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent:
        """Leakage of the gate dielectric, zero where the term is switched off [A]."""
        return self._warm(v_g, v_d, v_s).gate_current(v_g, v_d, v_s)

    def noise(self, frequency: Tensor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Spectral density of the drain current, thermal and flicker [A^2/Hz]."""
        return self._warm(v_g, v_d, v_s).noise(frequency, v_g, v_d, v_s)
