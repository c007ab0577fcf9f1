r"""A front and a back gate driven apart, and a back gate at a fixed voltage.

    V_G   = V_F + beta (V_B - V_F),   beta = C_b/(C_f + C_b)                 what the channel feels
    Q_F   = (1 - beta) Q + C_s (V_F - V_B + V_TB - V_TF) W L,   Q_B = beta Q - the same,   C_s = C_f C_b/(C_f + C_b)

Both plates see the channel's potential psi: Q_F = C_f (V_F - psi) W L and Q_B = C_b (V_B - psi + V_TF - V_TB) W L, each
up to a constant, with Q = Q_F + Q_B all that the channel and the film mirror; eliminating psi gives the lines above.
Each gate overlaps source and drain with its share of the overlap capacitance. The five charges are those of four
terminals and sum to zero; with both gates tied, current and charges are those of the transistor itself.

References:
    own: electrostatics of two capacitors; :mod:`.geometry` for the offset of the back gate, which is in V_T.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from torch import Tensor

from .base import Charges, Conductances, GateCurrent, Linearised
from .geometry import back_share, front_capacitance
from .linear import by_autograd
from .thin_film import ThinFilmTransistor


class DualCharges(NamedTuple):
    """Terminal charges of a transistor with two gates; they sum to zero [C]."""

    front: Tensor
    back: Tensor
    drain: Tensor
    source: Tensor


class DualConductances(NamedTuple):
    """Derivatives of the drain current by each terminal voltage; they sum to zero [A/V]."""

    front: Tensor
    back: Tensor
    drain: Tensor
    source: Tensor


@dataclass(frozen=True)
class DualGate:
    """A transistor whose two gates are two terminals; every tensor broadcasts.

    Attributes:
        transistor: The same transistor with its gates tied.
    """

    transistor: ThinFilmTransistor

    @cached_property
    def share(self) -> Tensor:
        """Share beta of the back gate in the control of the channel, 0 without one [1]."""
        return back_share(self.transistor.parameters)

    @cached_property
    def coupling(self) -> Tensor:
        """Capacitance from gate to gate, C_s W L with a floating film between them [F]."""
        t = self.transistor
        return self.share * front_capacitance(t.parameters) * t.width * t.length

    def gate_voltage(self, v_f: Tensor, v_b: Tensor) -> Tensor:
        """Voltage on tied gates that would do the same to the channel [V]."""
        return v_f + self.share * (v_b - v_f)

    def current(self, v_f: Tensor, v_b: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""
        return self.transistor.current(self.gate_voltage(v_f, v_b), v_d, v_s)

    def conductances(self, v_f: Tensor, v_b: Tensor, v_d: Tensor, v_s: Tensor) -> DualConductances:
        """Analytic derivatives of :meth:`current` [A/V]."""
        tied = self.transistor.conductances(self.gate_voltage(v_f, v_b), v_d, v_s)
        return DualConductances((1.0 - self.share) * tied.gate, self.share * tied.gate, tied.drain, tied.source)

    def charges(self, v_f: Tensor, v_b: Tensor, v_d: Tensor, v_s: Tensor) -> DualCharges:
        """Charge on each terminal [C]."""
        return self.current_and_charges(v_f, v_b, v_d, v_s)[1]

    def current_and_charges(self, v_f: Tensor, v_b: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, DualCharges]:
        """Drain current [A] and terminal charges [C] at the price of one solve."""
        t = self.transistor
        current, tied = t.current_and_charges(self.gate_voltage(v_f, v_b), v_d, v_s)
        apart = v_f - v_b
        # the overlaps of a gate see that gate alone, its plate above the channel sees half of the other's voltage too
        across = self.coupling * (apart + t.parameters.back_threshold)
        edges = 2.0 * t.coefficients.overlap * self.share * (1.0 - self.share) * apart
        back = self.share * tied.gate - across - edges
        return current, DualCharges(tied.gate - back, back, tied.drain, tied.source)

    def with_back_gate(self, v_b: Tensor) -> BackBiased:
        """The three-terminal transistor that is left when the back gate sits at a voltage [V]."""
        return BackBiased(self, v_b)


@dataclass(frozen=True)
class BackBiased:
    """A transistor with its back gate at a fixed voltage; see :class:`.base.Transistor`.

    Its three voltages count from the reference of the back gate, so that a common shift of them is none of the back
    gate, and its three charges sum to the opposite of the charge on the back gate.

    Attributes:
        gates: The transistor with both gates free.
        v_b: Voltage of the back gate [V].
    """

    gates: DualGate
    v_b: Tensor

    @property
    def sign(self) -> int:
        """That of the transistor."""
        return self.gates.transistor.sign

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current, broadcast shape of the biases and parameters [A]."""
        return self.gates.current(v_g, self.v_b, v_d, v_s)

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """Analytic derivatives of :meth:`current`; with that by the back gate they sum to zero [A/V]."""
        found = self.gates.conductances(v_g, self.v_b, v_d, v_s)
        return Conductances(found.front, found.drain, found.source)

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Charge on each terminal [C]."""
        return self.current_and_charges(v_g, v_d, v_s)[1]

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C] at the price of one solve."""
        current, found = self.gates.current_and_charges(v_g, self.v_b, v_d, v_s)
        return current, Charges(found.front, found.drain, found.source)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """Current, charges and their slopes by automatic differentiation, see :func:`.linear.by_autograd`."""
        return by_autograd(self, v_g, v_d, v_s)

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent:
        """Leakage of the front dielectric, zero where the term is switched off [A]."""
        return self.gates.transistor.gate_current(v_g, v_d, v_s)

    def noise(self, frequency: Tensor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Spectral density of the drain current, thermal and flicker [A^2/Hz]."""
        return self.gates.transistor.noise(frequency, self.gates.gate_voltage(v_g, self.v_b), v_d, v_s)
