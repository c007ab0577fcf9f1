"""A transistor as its tangent at a bias: what small signals see of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.errors import BeolithError

from ...devices.base import ByTerminal, Charges, Conductances, GateCurrent, Linearised, Transistor


@dataclass(frozen=True)
class Tangent:
    """A linear transistor with the slopes of another one at a bias, and its noise there.

    Its slopes can be differentiated, because they are those of :meth:`.Transistor.linearised`: a model that hides an
    inner solve records one derivative of what it returns, and the slopes of its currents would be that one.

    Attributes:
        model: The transistor.
        biases: Voltages of gate, drain and source at the bias [V].
        there: The transistor at the bias.
        leak: Slopes of the gate's leakage there, into drain and into source [S].
    """

    model: Transistor
    biases: Sequence[Tensor]
    there: Linearised
    leak: Sequence[ByTerminal]

    @property
    def sign(self) -> int:
        """That of the model."""
        return self.model.sign

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Linear part of the drain current [A]."""
        return _times(self.there.conductances, v_g, v_d, v_s)

    def conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Conductances:
        """The same at every voltage [S]."""
        return self.there.conductances

    def charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Charges:
        """Linear parts of the charges [C]."""
        return Charges(*(_times(row, v_g, v_d, v_s) for row in self.there.capacitances))

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Linear parts of drain current [A] and charges [C]."""
        return self.current(v_g, v_d, v_s), self.charges(v_g, v_d, v_s)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """Itself."""
        current, charges = self.current_and_charges(v_g, v_d, v_s)
        return self.there._replace(current=current, charges=charges)

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent:
        """Linear part of the gate's leakage [A]."""
        return GateCurrent(*(_times(row, v_g, v_d, v_s) for row in self.leak))

    def noise(self, frequency: Tensor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Noise of the model at the bias, whatever the voltages [A^2/Hz]."""
        return self.model.noise(frequency, *self.biases)


def tangent(model: Transistor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tangent:
    """The tangent of a transistor at a bias, differentiable if gradients are recorded.

    Args:
        model: Any transistor.
        v_g: Gate voltage, any shape [V].
        v_d: Drain voltage, the same shape [V].
        v_s: Source voltage, the same shape [V].

    Raises:
        BeolithError: Gradients are wanted of a model whose slopes record none.
    """
    there = model.linearised(v_g, v_d, v_s)
    if not there.conductances.gate.requires_grad and model.current(v_g, v_d, v_s).requires_grad:
        raise BeolithError(
            f"small signals of {type(model).__name__}: its slopes cannot be differentiated; allowed: torch.no_grad(), "
            "or a model with analytic slopes such as ThinFilmTransistor"
        )
    recorded = model.gate_current(v_g, v_d, v_s).drain.requires_grad
    with torch.enable_grad():
        biases = [v.clone() if v.requires_grad else v.detach().clone().requires_grad_() for v in (v_g, v_d, v_s)]
        gated = model.gate_current(*biases)
        leak = [ByTerminal(*slopes(current, biases, recorded)) for current in gated]
    return Tangent(model, (v_g, v_d, v_s), there, leak)


def slopes(value: Tensor, by: Sequence[Tensor], recorded: bool) -> Sequence[Tensor]:
    """Derivatives of an elementwise value, zero if it depends on nothing.

    Args:
        value: Any shape.
        by: Tensors that require gradients.
        recorded: Whether the derivatives are to be differentiable.
    """
    if not value.requires_grad:
        return [torch.zeros_like(x) for x in by]
    return torch.autograd.grad(
        value.sum(), by, retain_graph=True, create_graph=recorded, allow_unused=True, materialize_grads=True
    )


def _times(row: Sequence[Tensor], *v: Tensor) -> Tensor:
    return sum((a * b for a, b in zip(row[1:], v[1:], strict=True)), row[0] * v[0])
