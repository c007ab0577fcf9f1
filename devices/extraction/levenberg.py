r"""Levenberg-Marquardt for models that are element-wise in their data points, from many starts at once, robustly.

    minimise  sum_i (c^2/2) ln[1 + (r_i/c)^2] + sigma^2/2 sum_j k_j (x_j - m_j)^2,   w_i = 1/[1 + (r_i/c)^2]
    step      [H + lambda diag H] dx = -[J^T W r + sigma^2 K (x - m)],   H = J^T W J + sigma^2 K

A residual that depends on the parameters of its own point alone needs no p passes for its p derivatives: each point
gets a copy of the parameters, and one backward pass through the sum of the residuals returns the whole Jacobian.
Starts are a batch dimension and share every call.

References:
    marquardt1963 (the step), cauchy weights and their constant: holland1977; covariance of a robust fit: street1988.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

EFFICIENT = 2.385
"""c over the scatter of good points: 95 % efficiency where there are no outliers (holland1977)."""
LARGEST = 12.0
"""Parameters are scaled to be of the order of one; this far out a bounded one is at its bound."""
_EASY, _HARD, _LEAST, _MOST = 0.2, 5.0, 1e-12, 1e12
Residual = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Prior:
    """What is known before: normally distributed parameters.

    Attributes:
        mean: Mean m, shape (p,).
        precision: Inverse variance k, shape (p,); zero knows nothing.
    """

    mean: Tensor
    precision: Tensor


@dataclass(frozen=True)
class Solution:
    """Where a fit ended, one row for each start.

    Attributes:
        x: Parameters, shape (starts, p).
        cost: Robust cost, shape (starts,); infinite where the model gave no numbers.
        residual: Residuals, shape (starts, points).
        jacobian: Their derivatives, shape (starts, points, p).
        converged: Whether the last step was negligible, shape (starts,).
    """

    x: Tensor
    cost: Tensor
    residual: Tensor
    jacobian: Tensor
    converged: Tensor

    def best(self) -> Solution:
        """The start that ended lowest, alone."""
        i = int(self.cost.argmin())
        one = slice(i, i + 1)
        return Solution(self.x[one], self.cost[one], self.residual[one], self.jacobian[one], self.converged[one])


def jacobian(residual: Residual, x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Residuals and their derivatives by one backward pass.

    Args:
        residual: From quantities of shape (starts, quantities, points) to residuals (starts, points), point by point.
        x: Parameters, shape (starts, p).
        index: Which parameter each quantity is at each point, shape (quantities, points).

    Returns:
        Residuals, shape (starts, points), and the Jacobian, shape (starts, points, p).
    """
    quantities = x.detach()[:, index].requires_grad_()
    with torch.enable_grad():
        r = residual(quantities)
        (slopes,) = torch.autograd.grad(r.sum(), quantities)
    j = x.new_zeros(*r.shape, x.shape[-1])
    columns = index.T.expand(len(x), *index.T.shape)
    return r.detach(), j.scatter_add_(-1, columns, slopes.transpose(-1, -2))


def minimise(
    residual: Residual,
    start: Tensor,
    index: Tensor,
    prior: Prior,
    scale: float,
    steps: int = 100,
    tolerance: float = 1e-7,
) -> Solution:
    """Parameters that minimise the robust sum of residuals, from every start.

    Args:
        residual: See :func:`jacobian`.
        start: Shape (starts, p).
        index: See :func:`jacobian`.
        prior: What is known before.
        scale: Scatter sigma of good points: residuals far beyond it count ever less.
        steps: Steps at most.
        tolerance: Relative fall of the cost below which a step is negligible.
    """

    def cost_of(r: Tensor, x: Tensor) -> Tensor:
        c = EFFICIENT * scale
        data = 0.5 * c**2 * torch.log1p((r / c).square()).sum(-1)
        known = 0.5 * scale**2 * (prior.precision * (x - prior.mean).square()).sum(-1)
        return torch.where(data.isfinite(), data + known, torch.inf)

    x, damping = start.clone(), start.new_full((len(start),), 1e-2)
    r, j = jacobian(residual, x, index)
    cost = cost_of(r, x)
    converged = torch.zeros_like(cost, dtype=torch.bool)
    for _ in range(steps):
        trial = (x + _step(r, j, x, prior, scale, damping)).clamp(-LARGEST, LARGEST)
        r_trial, j_trial = jacobian(residual, trial, index)
        cost_trial = cost_of(r_trial, trial)
        better = (cost_trial < cost) & j_trial.isfinite().all(-1).all(-1)
        small = (cost - cost_trial).abs() <= tolerance * cost
        # a step that is refused although it is damped to nothing has found the minimum as well
        converged |= small | (~better & (damping >= _MOST))
        x, cost = torch.where(better[:, None], trial, x), torch.where(better, cost_trial, cost)
        r, j = torch.where(better[:, None], r_trial, r), torch.where(better[:, None, None], j_trial, j)
        damping = torch.where(better, damping * _EASY, damping * _HARD).clamp(_LEAST, _MOST)
        if bool((converged | ~cost.isfinite()).all()):
            break
    return Solution(x, cost, r, j, converged)


def scatter(residual: Tensor) -> float:
    """Standard deviation of the good residuals: 1.4826 times the median of their size."""
    return float(1.4826 * residual.abs().median())


def covariance(solution: Solution, prior: Prior, scale: float, memory: float = 1.0) -> Tensor:
    """Covariance of the parameters of one robust fit, shape (p, p).

    cov = [J^T J/V + K]^-1,   V = memory [sum psi^2/(m - p)]/[mean psi']^2,   psi = w r

    Args:
        solution: Of one start.
        prior: As in :func:`minimise`.
        scale: Likewise.
        memory: Number of points that tell as much as one, where neighbours err alike.

    References:
        street1988.
    """
    r, j = solution.residual[0], solution.jacobian[0]
    w = _weight(r, scale)
    slope = (w * (2.0 * w - 1.0)).mean()
    spread = memory * (w * r).square().sum() / max(1, len(r) - j.shape[-1]) / slope.square()
    information = j.mT @ j / spread + torch.diag(prior.precision)
    size = information.diagonal().sqrt()
    units = torch.outer(size, size)
    inverse: Tensor = torch.linalg.pinv(information / units, hermitian=True, rtol=1e-14) / units
    return inverse


def _weight(r: Tensor, scale: float) -> Tensor:
    return 1.0 / (1.0 + (r / (EFFICIENT * scale)).square())


def _step(r: Tensor, j: Tensor, x: Tensor, prior: Prior, scale: float, damping: Tensor) -> Tensor:
    weighted = j * _weight(r, scale).unsqueeze(-1)
    known = scale**2 * prior.precision
    hessian = weighted.mT @ j + torch.diag(known)
    gradient = (weighted.mT @ r.unsqueeze(-1)).squeeze(-1) + known * (x - prior.mean)
    diagonal = hessian.diagonal(dim1=-2, dim2=-1)
    # a parameter without influence must not make the matrix singular
    ridge = damping.unsqueeze(-1) * diagonal + 1e-12 * diagonal.amax(-1, keepdim=True) + torch.finfo(r.dtype).tiny
    factor, _ = torch.linalg.cholesky_ex(hessian + torch.diag_embed(ridge))
    step: Tensor = -torch.cholesky_solve(gradient.unsqueeze(-1), factor).squeeze(-1)
    return step.nan_to_num(0.0, 0.0, 0.0)
