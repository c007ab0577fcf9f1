"""What every transistor model promises, and what time, heat and hydrogen do to one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


def _zero() -> Tensor:
    return torch.zeros((), dtype=torch.float64)


@dataclass(frozen=True)
class DeviceState:
    """Change of a transistor since it left the fab, as made by :mod:`.aging` and read by any :class:`Transistor`.

    Attributes:
        threshold_shift: Rigid shift of the transfer curve by trapped charge, positive to the right [V].
        donor_density: Donors added to the channel, by hydrogen for example [m^-3].
        interface_traps: Interface-trap density added [m^-2 J^-1].
    """

    threshold_shift: Tensor = field(default_factory=_zero)
    donor_density: Tensor = field(default_factory=_zero)
    interface_traps: Tensor = field(default_factory=_zero)


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


class Transistor(Protocol):
    """A three-terminal transistor at one temperature and state; every tensor broadcasts against the biases.

    All voltages share one arbitrary reference: adding a constant to the three changes nothing. Swapping source
    and drain changes the sign of the current and swaps the charges. Currents [A] flow into the drain.
    """

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """Analytic derivatives of :meth:`current` [A/V]."""

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Charge on each terminal [C]."""

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C] at the price of one solve."""
