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
_STRIDE = 1.0
"""Longest step while the root is not bracketed, in the unit of x; a volt for a node."""
_NEAR = 1e-3
"""Only over so short a distance is a secant a slope, in the unit of x."""
_PROBE = 1e-6


def root(
    residual: Residual, start: Tensor, slope: Tensor, *, tolerance: float = 1e-10, most: int = 60, what: str = "root"
) -> tuple[Tensor, Tensor]:
    """Root of an element-wise residual that rises with its argument, by a bracketed secant iteration.

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
        r = residual(start)
        x, slope = start.expand_as(r), slope.expand_as(r)
        low, high = torch.full_like(r, -torch.inf), torch.full_like(r, torch.inf)
        slow = torch.zeros_like(r, dtype=torch.bool)
        local, done = ~slow, r == 0.0
        for _ in range(most):
            low, high = torch.where(r < 0.0, x, low), torch.where(r > 0.0, x, high)
            moved = x + (-r / slope).clamp(-_STRIDE, _STRIDE)
            # where the secant leaves the bracket or crawls, as down an exponential: halve, or stride to find a bracket
            middle = 0.5 * (low + high)
            rescue = torch.where(torch.isfinite(middle), middle, x - _STRIDE * torch.sign(r))
            rescued = (moved <= low) | (moved >= high) | slow
            moved = torch.where(rescued, rescue, moved)
            # a root by a slope from afar may be none: look beside it before it is believed
            moved = torch.where((r.abs() <= tolerance * slope) & ~local, x + _PROBE, moved)
            moved = torch.where(done, x, moved)
            after = residual(moved)
            step = moved - x
            secant = (after - r) / step
            # below the first bound the difference is rounding, above the second the secant is no slope
            usable = (step.abs() > 1e-12) & (secant > 0.0)
            slope = torch.where(usable, secant, slope)
            local = torch.where(usable, step.abs() <= _NEAR, local)
            slow = (after.abs() > 0.5 * r.abs()) & ~rescued
            x, r = moved, after
            done = ((r.abs() <= tolerance * slope) & local) | (r == 0.0)
            if bool(done.all()):
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
