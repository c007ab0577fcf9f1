"""Where failure is most probable: the points of a limit state nearest the origin of standard normal space.

References:
    rackwitz1978 (HL-RF); the line search, the choice of starts and of distinct points: own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .sampling import normal

Margin = Callable[[Tensor], Tensor]
"""From deviates of shape (n, dimension) to something of shape (n,) that is not positive where a device fails."""
STARTS = 48
"""Points from which the search for failure points starts."""
REACH = 12.0
"""Distance from the origin beyond which nothing is worth a search [1]."""
_STEPS = 30
_FRACTIONS = (1.0, 0.5, 0.2, 0.05)
_NEAR = 0.3  # sigma, from a failure point to the linearised limit
_APART = 1.0  # sigma, between distinct points
_NEGLIGIBLE = 9.0  # in the exponent: a region that adds e^-9 of the nearest
_MOST = 24


def design_points(margin: Margin, starts: Tensor) -> Tensor:
    """Points of failure nearest the origin that searches from several starts end at, nearest first.

    HL-RF, z' = [(grad g . z - g)/|grad g|^2] grad g, with the step that lowers |z|^2/2 + c |g| most.

    Args:
        margin: Differentiable.
        starts: Where to start, shape (n, dimension) [1].

    Returns:
        Distinct points, shape (modes, dimension); none where every search failed [1].

    References:
        rackwitz1978.
    """
    z, penalty = starts, torch.zeros_like(starts[:, :1])
    fractions = torch.tensor(_FRACTIONS, dtype=starts.dtype)[:, None, None]
    for _ in range(_STEPS):
        value, slope = _with_gradient(margin, z)
        steep = slope.square().sum(-1, keepdim=True).clamp(min=1e-200)
        target = ((slope * z).sum(-1, keepdim=True) - value[:, None]) / steep * slope
        target = target * (REACH / norm(target).clamp(min=REACH))
        target = torch.where(target.isfinite(), target, z)  # an infinite margin leads nowhere
        penalty = torch.maximum(penalty, 2.0 * norm(z).maximum(norm(target)) / steep.sqrt())
        tried = z + fractions * (target - z)
        with torch.no_grad():
            excess = margin(tried.flatten(0, 1)).reshape(tried.shape[:2])
        best = (0.5 * tried.square().sum(-1) + penalty[:, 0] * excess.abs()).argmin(dim=0)
        last, z = z, tried[best, torch.arange(len(z))]
        if not bool((norm(z - last) > 1e-3).any()):
            break
    value, slope = _with_gradient(margin, z)
    close = (value.abs() <= _NEAR * norm(slope)[:, 0]) & (norm(z)[:, 0] < REACH) & (norm(slope)[:, 0] > 0.0)
    return distinct(z[close])


def worst_on_sphere(metric: Margin, z: Tensor, radius: float) -> float:
    """Smallest value met while every point walks down the gradient on a sphere: the level to first order."""
    worst = math.inf
    for _ in range(_STEPS):
        slope = _with_gradient(metric, z)[1]
        down = torch.where(norm(slope) > 0.0, -slope, z)
        z = radius * down / norm(down).clamp(min=1e-200)
        with torch.no_grad():
            worst = min(worst, float(metric(z).min()))
    return worst


def starts_around(dimension: int, seed: int) -> Tensor:
    """Directions all around, three sigma out, and the origin."""
    z = normal(STARTS, dimension, "sobol", [seed, 1])
    return torch.cat((torch.zeros_like(z[:1]), 3.0 * z / norm(z)))


def distinct(points: Tensor, known: Tensor | None = None) -> Tensor:
    """The points worth a component of a mixture, nearest first: apart from each other, and not too far behind.

    Args:
        points: Candidates, shape (n, dimension) [1].
        known: Points to keep in any case, shape (m, dimension) [1].
    """
    kept: list[Tensor] = [] if known is None else list(known)
    for z in points[norm(points)[:, 0].argsort()]:
        nearest = min((float(norm(other)) for other in kept), default=math.inf)
        counts = 0.5 * float(norm(z)) ** 2 < 0.5 * nearest**2 + _NEGLIGIBLE
        if counts and len(kept) < _MOST and all(float(norm(z - other)) > _APART for other in kept):
            kept.append(z)
    return torch.stack(sorted(kept, key=lambda z: float(norm(z)))) if kept else points[:0]


def norm(z: Tensor) -> Tensor:
    """Distance of points from the origin, shape (..., 1) [1]."""
    distance: Tensor = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    return distance


def _with_gradient(margin: Margin, z: Tensor) -> tuple[Tensor, Tensor]:
    """Margin (n,) and its gradient (n, dimension), zero where it has none."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        value = margin(z)
        if not value.requires_grad:
            return value, torch.zeros_like(z)
        (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope.nan_to_num(0.0, 0.0, 0.0)
