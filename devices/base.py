"""What every transistor model promises, and what time, heat and hydrogen do to one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


def _zero() -> Tensor:
    return torch.zeros((), dtype=torch.float64)


def _one() -> Tensor:
    return torch.ones((), dtype=torch.float64)


@dataclass(frozen=True)
class DeviceState:
    """Change of a transistor since it left the fab, as made by :mod:`.aging` and read by any :class:`Transistor`.

    Attributes:
        threshold_shift: Rigid shift of the transfer curve by trapped charge, positive to the right [V].
        donor_density: Donors added to the channel, by hydrogen for example [m^-3].
        interface_traps: Interface-trap density added [m^-2 J^-1].
        tail_density: Density of the band tail added at the band edge [m^-3 J^-1].
        tail_temperature: Widening of the band tail, energy over k [K].
        mobility_factor: Mobility over that of the fresh film [1].
        contact_factor: Contact resistance over that of the fresh contact [1].
    """

    threshold_shift: Tensor = field(default_factory=_zero)
    donor_density: Tensor = field(default_factory=_zero)
    interface_traps: Tensor = field(default_factory=_zero)
    tail_density: Tensor = field(default_factory=_zero)
    tail_temperature: Tensor = field(default_factory=_zero)
    mobility_factor: Tensor = field(default_factory=_one)
    contact_factor: Tensor = field(default_factory=_one)

    def map(self, change: Callable[[Tensor], Tensor]) -> DeviceState:
        """The same state with every tensor changed alike, to reshape or to pick from a batch."""
        return DeviceState(**{f.name: change(getattr(self, f.name)) for f in fields(self)})

    def replace(self, **changes: Tensor) -> DeviceState:
        """The same state with some of its tensors replaced."""
        return replace(self, **changes)


class Charges(NamedTuple):
    """Terminal charges; they sum to zero [C]."""

    gate: Tensor
    drain: Tensor
    source: Tensor


class Conductances(NamedTuple):
    """Derivatives of the drain current with respect to each terminal voltage; they sum to zero [A/V]."""

    gate: Tensor
    drain: Tensor
    source: Tensor


class ByTerminal(NamedTuple):
    """Derivatives of one quantity with respect to each terminal voltage."""

    gate: Tensor
    drain: Tensor
    source: Tensor


class Capacitances(NamedTuple):
    """Derivatives of the charge on each terminal with respect to the terminal voltages [F]."""

    gate: ByTerminal
    drain: ByTerminal
    source: ByTerminal


class Linearised(NamedTuple):
    """A transistor about a bias: current [A] and charges [C] with their slopes by the voltages [A/V], [F]."""

    current: Tensor
    conductances: Conductances
    charges: Charges
    capacitances: Capacitances


class GateCurrent(NamedTuple):
    """Current through the gate dielectric, from the gate into the drain and into the source [A]."""

    drain: Tensor
    source: Tensor


class Transistor(Protocol):
    """A three-terminal transistor at one temperature and state; every tensor broadcasts against the biases.

    All voltages share one arbitrary reference: adding a constant to the three changes nothing. Swapping source
    and drain changes the sign of the current and swaps the charges. Currents [A] flow into the drain.
    A p-type transistor is that of its n-type mirror image: all voltages, currents and charges with their signs changed.
    """

    @property
    def sign(self) -> int:
        """1 for an n-type transistor, -1 for the mirror image of a p-type one."""

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """Analytic derivatives of :meth:`current` [A/V]."""

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Charge on each terminal [C]."""

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C] at the price of one solve."""

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """Current, charges and the slopes of both, for Newton's method; :func:`.linear.by_autograd` makes them too."""

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent:
        """Leakage of the gate dielectric, zero where the term is switched off [A]."""

    def noise(self, frequency: Tensor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Spectral density of the drain current, thermal and flicker [A^2/Hz]."""
