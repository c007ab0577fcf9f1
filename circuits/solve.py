"""Element-wise roots of a batch of monotone scalar equations, with exact gradients.

The root is found without recording; one Newton step with the exact slope is then recorded at the root. That step is
zero in value and carries the implicit derivative dx/dp = -(dR/dp)/(dR/dx), whatever the iteration was.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from beolith.errors import ConvergenceError

Residual = Callable[[Tensor], Tensor]


def root(
    residual: Residual, start: Tensor, slope: Tensor, *, tolerance: float = 1e-10, most: int = 60, what: str = "root"
) -> tuple[Tensor, Tensor]:
    """Root of an element-wise residual that rises with its argument, by a safeguarded secant iteration.

    Args:
        residual: Maps x to R(x), same shape; R must rise with x.
        start: First guess, any shape.
        slope: Guess of dR/dx, positive, same shape; a good one saves iterations.
        tolerance: Largest last step, in the unit of x.
        most: Iterations before giving up.
        what: Name of the unknown, for the message.

    Returns:
        The root, differentiable in everything the residual depends on, and the last slope (not differentiable).

    Raises:
        ConvergenceError: Not converged after ``most`` iterations.
    """
    with torch.no_grad():
        x, r = start, residual(start)
        slope = slope.expand_as(r)
        x = x.expand_as(r)
        for _ in range(most):
            step = (-r / slope).clamp(-1.0, 1.0)
            moved = x + step
            after = residual(moved)
            secant = (after - r) / step
            # keep the old slope where the step has reached rounding: the difference is then noise
            usable = (step.abs() > 1e-12) & (secant > 0.0)
            slope = torch.where(usable, secant, slope)
            x, r = moved, after
            if bool((r.abs() <= tolerance * slope).all()):
                break
        else:
            worst = float((r / slope).abs().max())
            raise ConvergenceError(f"The solver for {what} stopped after {most} iterations, {worst:.3g} from its root.")
    if not torch.is_grad_enabled():
        return x, slope
    leaf = x.detach().requires_grad_()
    at_root = residual(leaf)
    if not at_root.requires_grad:
        return x, slope
    (exact,) = torch.autograd.grad(at_root.sum(), leaf, retain_graph=True)
    # d(at_root)/d(leaf) must not be recorded a second time, so the residual is evaluated at the detached root
    return x - residual(x.detach()) / exact.detach(), slope
