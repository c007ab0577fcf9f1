r"""Resistance of source and drain contacts, with the nodes inside them solved exactly.

    R = { R_min + R_b exp[E_c/E_0(T) - E_c/E_0(300 K)] exp(-N_H/H_c) / [1 + (n C phi/Q_r) ln(1 + e^u)] } f_c/W
    u = ln[(e^{v_S} + e^{v_D})/2],   v_x = (V_G - V_T - V_x)/(n phi)      at the metal of source and drain
    E_0 = E_00 coth(E_00/kT)                                  thermionic field emission; E_00 = 0 leaves kT

is the resistance of either contact. The barrier part falls with the charge n C phi ln(1 + e^u) that the gate
accumulates at the contacts, taken where there is more of it: a drain contact that the gate leaves alone is biased
forwards and holds nothing up. It falls also with the donors N_H that hydrogen has brought; f_c is the state's factor.
The channel ends then see V_x +- I R. With the normalised charges as unknowns everything is explicit, and two equations
remain,

    v(q_S) + I R/(n phi) = v_S + dibl,   v(q_D) - I R/(n phi) = v_D + dibl,   V_DS,inner = n phi [v(q_S) - v(q_D)]

solved by Newton's method in ln q (:mod:`.contact_nodes`), exactly and with an implicit gradient.

References:
    padovani1966 (E_0), lu2022_iedm (transfer-length resistances), shi2024_acsnano (hydrogen lowers the barrier a
    hundredfold); the form of the barrier part is own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy import constants
from torch import Tensor

from beolith.card import parameter

from .base import Charges, Conductances, DeviceState, Linearised
from .contact_nodes import Contacted, Ends, charge_slopes, ends, inner, look, pull, resistance_slopes
from .tekv import ROOM, Coefficients, capacitances
from .ward_dutton import partition_slopes, terminal_charges

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}

_OPEN = 40.0
"""Exponent of the barrier from which on a contact is open, e^40 times its resistance at room temperature."""


@dataclass(frozen=True)
class ContactParameters:
    """Contacts of one process (SI); resistances are times width."""

    # fmt: off
    minimum_resistance: Tensor = parameter("ohm*m", "R_min: what no gate voltage takes away", low=0, high=1e3,
                                           default=0.0, **_OFF)
    barrier_resistance: Tensor = parameter("ohm*m", "R_b: barrier part at 300 K without gate charge", low=0, high=1e6,
                                           default=0.0, **_OFF)
    barrier_activation: Tensor = parameter("J", "E_c: activation energy of the barrier part", low=-8e-20, high=1.6e-19,
                                           default=0.0, **_OFF)
    tunnelling_energy: Tensor = parameter("J", "E_00: tunnelling through the barrier, which ends its activation when "
                                          "cold", low=0, high=8e-21, default=0.0, **_OFF)
    charge_scale: Tensor = parameter("C/m**2", "Q_r: gate charge that halves the barrier part", low=1e-6,
                                     high=math.inf, default=math.inf, **_OFF)
    hydrogen_scale: Tensor = parameter("1/m**3", "H_c: added donors that take it down by e", low=1e20, high=math.inf,
                                       default=math.inf, **_OFF)
    # fmt: on

    @property
    def absent(self) -> bool:
        """Whether there is no resistance at all."""
        return not bool((self.minimum_resistance > 0).any() | (self.barrier_resistance > 0).any())


def contacted(
    p: ContactParameters, k: Coefficients, width: Tensor, length: Tensor, temperature: Tensor, state: DeviceState
) -> Contacted:
    """Bias-independent coefficients of a channel with contacts.

    Args:
        p: Contacts.
        k: Coefficients of the channel.
        width: Channel width W [m].
        length: Channel length L [m].
        temperature: Lattice temperature [K].
        state: What the past has done to the device.
    """
    room = _emission_energy(p.tunnelling_energy, torch.full_like(temperature, ROOM))
    cold = p.barrier_activation * (1.0 / _emission_energy(p.tunnelling_energy, temperature) - 1.0 / room)
    warm = torch.exp(cold.clamp(max=_OPEN))
    doped = torch.exp(-state.donor_density / p.hydrogen_scale)
    return Contacted(
        channel=k,
        minimum=p.minimum_resistance * state.contact_factor / width,
        barrier=p.barrier_resistance * warm * doped * state.contact_factor / width,
        control=k.charge / (width * length) / p.charge_scale,
    )


def _emission_energy(tunnelling: Tensor, temperature: Tensor) -> Tensor:
    """Energy E_0 = E_00 coth(E_00/kT) that carriers bring to the barrier, kT without tunnelling [J]."""
    thermal = constants.Boltzmann * temperature
    x = tunnelling / thermal
    return thermal * torch.where(x > 1e-6, x / torch.tanh(torch.where(x > 1e-6, x, 1.0)), 1.0 + x * x / 3.0)


def drain_current(k: Contacted, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
    """Current into the drain [A]."""
    e = ends(k, v_g, v_d, v_s)
    return _signed(e, inner(k, e).current)


def current_and_charges(k: Contacted, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
    """Drain current [A] and terminal charges [C]: the channel between its inner ends, overlaps at the metal."""
    c, e = k.channel, ends(k, v_g, v_d, v_s)
    found = inner(k, e)
    q = found.point.q
    parts = terminal_charges(torch.where(e.forward, q[1], q[0]), torch.where(e.forward, q[0], q[1]), c.a, c.s)
    drain = c.overlap * (v_d - v_g) - c.charge * parts[0]
    source = c.overlap * (v_s - v_g) - c.charge * parts[1]
    return _signed(e, found.current), Charges(-(drain + source), drain, source)


def current_and_conductances(k: Contacted, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Conductances]:
    """Drain current [A] and its exact derivatives by the three terminal voltages [A/V]."""
    e = ends(k, v_g, v_d, v_s)
    found = inner(k, e)
    at = look(k.channel, e, found.log_charge)
    pulls = pull(at)
    # both resistances move with either overdrive
    fall = found.current * (pulls[0] - pulls[1])
    by_overdrive = (pulls - fall * resistance_slopes(k, e)) / k.channel.n_phi
    gate = _signed(e, by_overdrive[0] + by_overdrive[1])
    drain = -torch.where(e.forward, by_overdrive[1], -by_overdrive[0])
    return _signed(e, found.current), Conductances(gate, drain, -gate - drain)


def linearised(k: Contacted, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
    """Drain current [A], terminal charges [C] and their derivatives by the terminal voltages, from one solve."""
    c, e = k.channel, ends(k, v_g, v_d, v_s)
    found = inner(k, e)
    at = look(c, e, found.log_charge)
    pulls = pull(at)
    slopes = resistance_slopes(k, e)
    fall = found.current * (pulls[0] - pulls[1])
    by_overdrive = (pulls - fall * slopes) / c.n_phi
    gate = _signed(e, by_overdrive[0] + by_overdrive[1])
    drain = -torch.where(e.forward, by_overdrive[1], -by_overdrive[0])
    # the higher end takes the place of the source until the two are told apart
    q = found.point.q
    p = partition_slopes(q[1], q[0], c.a, c.s)
    by_g = torch.stack((torch.stack((p.source_by_source, p.crossed)), torch.stack((p.crossed, p.drain_by_drain))))
    by_log = by_g * (q * at.width)
    # charge of an end (first axis) by the overdrive of an end (second axis)
    by_metal = (by_log[:, :, None] * charge_slopes(at, e, found.current, slopes)).sum(1) * (-c.charge / c.n_phi)
    forward = torch.where(e.forward, by_metal, by_metal.flip(0, 1))
    high, low = p.source, p.drain
    charge = torch.stack((torch.where(e.forward, high, low), torch.where(e.forward, low, high)))
    at_drain = c.overlap * (v_d - v_g) - c.charge * charge[1]
    at_source = c.overlap * (v_s - v_g) - c.charge * charge[0]
    return Linearised(
        _signed(e, found.current),
        Conductances(gate, drain, -gate - drain),
        Charges(-(at_drain + at_source), at_drain, at_source),
        capacitances(c, (forward[1, 0], forward[1, 1]), (forward[0, 0], forward[0, 1]), 0.0),
    )


def _signed(e: Ends, value: Tensor) -> Tensor:
    """A quantity of the current with the sign that source and drain give it."""
    return torch.where(e.forward, value, -value)
