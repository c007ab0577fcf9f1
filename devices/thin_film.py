"""A whole transistor: a T-EKV channel between its contacts, under its leaky gate, with its noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from . import contacts, gate_leakage, tekv
from .base import Charges, Conductances, DeviceState, GateCurrent, Linearised
from .contact_nodes import Contacted
from .contacts import ContactParameters, contacted
from .gate_leakage import GateLeakageParameters, Leakage, leakage
from .noise import NoiseParameters, spectrum
from .parallel import extent, in_chunks
from .parameters import TekvParameters
from .tekv import Coefficients, Tekv


@dataclass(frozen=True)
class ThinFilmTransistor:
    """One transistor, or a batch of them; see :class:`.base.Transistor`. A term that is None is switched off.

    Attributes:
        channel: Current and charge between the inner ends of the contacts.
        contacts: Resistance of source and drain.
        gate: Leakage of the gate dielectric.
        noise_parameters: Low-frequency noise; thermal noise is always there.
        sign: 1 for n-type, -1 where all this is the mirror image of a p-type transistor.
    """

    channel: Tekv
    contacts: ContactParameters | None = None
    gate: GateLeakageParameters | None = None
    noise_parameters: NoiseParameters | None = None
    sign: int = 1

    @property
    def parameters(self) -> TekvParameters:
        """Material and process of the channel."""
        return self.channel.parameters

    @property
    def coefficients(self) -> Coefficients:
        """Bias-independent coefficients of the channel."""
        return self.channel.coefficients

    @property
    def width(self) -> Tensor:
        """Channel width [m]."""
        return self.channel.width

    @property
    def length(self) -> Tensor:
        """Channel length [m]."""
        return self.channel.length

    @property
    def temperature(self) -> Tensor:
        """Lattice temperature [K]."""
        return self.channel.temperature

    @property
    def state(self) -> DeviceState:
        """What time, heat and hydrogen have done."""
        return self.channel.state

    @cached_property
    def inner(self) -> Coefficients | Contacted:
        """Bias-independent coefficients of the channel and, if there are any, its contacts; computed once."""
        c = self.channel
        if self.contacts is None:
            return c.coefficients
        return contacted(self.contacts, c.coefficients, c.width, c.length, c.temperature, c.state)

    @cached_property
    def reach(self) -> Tensor:
        """Broadcast shape of the coefficients, see :func:`.parallel.extent`."""
        return extent(self.inner)

    @property
    def _kernels(self) -> Any:
        """Where current, charges and conductances come from: both modules have the three."""
        return tekv if self.contacts is None else contacts

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""
        kernel: Callable[..., Tensor] = self._kernels.drain_current
        return in_chunks(kernel, self.inner, self.reach, v_g, v_d, v_s)

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """Analytic derivatives of :meth:`current` [A/V]."""
        return self.current_and_conductances(v_g, v_d, v_s)[1]

    def current_and_conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Conductances]:
        """Drain current [A] and its derivatives [A/V] at the price of one solve."""
        kernel: Callable[..., tuple[Tensor, Conductances]] = self._kernels.current_and_conductances
        return in_chunks(kernel, self.inner, self.reach, v_g, v_d, v_s)

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Terminal charges: channel by Ward-Dutton partition, plus overlaps [C]."""
        return self.current_and_charges(v_g, v_d, v_s)[1]

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C] at the price of one solve."""
        kernel: Callable[..., tuple[Tensor, Charges]] = self._kernels.current_and_charges
        return in_chunks(kernel, self.inner, self.reach, v_g, v_d, v_s)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """Current [A], charges [C] and their derivatives by the voltages [A/V], [F] at the price of one solve."""
        kernel: Callable[..., Linearised] = self._kernels.linearised
        return in_chunks(kernel, self.inner, self.reach, v_g, v_d, v_s)

    @cached_property
    def leakage(self) -> Leakage | None:
        """Bias-independent coefficients of the gate's leakage; computed once."""
        if self.gate is None:
            return None
        return leakage(self.gate, self.parameters.oxide_thickness, self.width, self.length, self.temperature)

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent:
        """Leakage of the gate dielectric, zero where the term is switched off [A]."""
        if self.leakage is None:  # a zero without storage: who adds it up pays next to nothing
            shape = torch.broadcast_shapes(v_g.shape, v_d.shape, v_s.shape, self.reach.shape)
            nothing = torch.zeros((), dtype=v_g.dtype, device=v_g.device).expand(shape)
            return GateCurrent(nothing, nothing)
        return gate_leakage.gate_current(self.leakage, v_g, v_d, v_s)

    def noise(self, frequency: Tensor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Spectral density of the drain current, thermal and flicker [A^2/Hz]."""
        size = self.width, self.length, self.temperature
        thermal, flicker, hooge = spectrum(self.noise_parameters, self.inner, *size, frequency, v_g, v_d, v_s)
        return thermal + flicker + hooge
