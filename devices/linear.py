"""Slopes of a transistor by automatic differentiation, for models that do not offer analytic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .base import ByTerminal, Capacitances, Conductances, Linearised

if TYPE_CHECKING:
    from .base import Transistor


def by_autograd(transistor: Transistor, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
    """A transistor about a bias; what it returns is not differentiable.

    Args:
        transistor: Any, elementwise in its biases.
        v_g: Gate voltage [V].
        v_d: Drain voltage [V].
        v_s: Source voltage [V].
    """
    with torch.no_grad():
        shape = transistor.current(v_g, v_d, v_s).shape  # of biases and parameters together
    with torch.enable_grad():
        biases = [v.detach().expand(shape).clone().requires_grad_() for v in (v_g, v_d, v_s)]
        current, charges = transistor.current_and_charges(*biases)
        slopes = [
            torch.autograd.grad(x.sum(), biases, retain_graph=True, materialize_grads=True) for x in (current, *charges)
        ]
    return Linearised(
        current.detach(),
        Conductances(*slopes[0]),
        type(charges)(*(q.detach() for q in charges)),
        Capacitances(*(ByTerminal(*row) for row in slopes[1:])),
    )
