r"""How seldom is seldom: probabilities and quantiles far out in the tail, by importance sampling in normal space.

A device, or a cell of several, is a point z of independent standard normal deviates (:func:`.variability.sample`). It
fails where a margin g(z) is not positive. The most probable failure points z_k (:mod:`.failure_points`) become the
centres of a mixture, to which a wide normal is added so that no weight can grow without bound:

    q(z) = a_0 N(0, s^2 I) + sum_k a_k N(z_k, I),   P = sum_i 1[g(z_i) <= 0] phi(z_i)/q(z_i) / n

Each component is drawn as a scrambled Sobol net whose first axis points at its centre. Independent scramblings give the
standard error. From failures of the wide normal, and from one with an outsize weight, the search starts again, until no
new region turns up. What is still doubtful then carries a :class:`~beolith.errors.ConvergenceWarning`; no failure at
all is an error. No sampling can find a region that neither the searches nor the wide normal ever touch.

References:
    kanj2006_dac (mixture for rare cell failures), owen2000_jasa (defensive component, weights of the whole mixture),
    owen1998_jcom (scrambling); restarts: own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from beolith.errors import BeolithError, ConvergenceError, ConvergenceWarning

from .failure_points import REACH, STARTS, Margin, design_points, distinct, norm, starts_around, worst_on_sphere
from .sampling import Seed, normal, parts

REPLICATES = 16
"""Independent scramblings; their spread is the standard error."""
SHARE, EFFECTIVE = 0.05, 100.0
"""Largest share of the result that one sample may have, and fewest effective samples, without a warning."""
_WIDE_SHARE = 0.15
_ROUNDS = 5


@dataclass(frozen=True)
class RareEvent:
    """Probability of failure, and how far to trust it.

    Attributes:
        probability: Probability of failure [1].
        standard_error: Its standard error [1].
        effective_samples: (sum w)^2/sum w^2 over the failures: the number of equal weights worth as much [1].
        largest_share: Share of the heaviest failure in the result [1].
        centres: Most probable failure points, nearest first, shape (modes, dimension) [1].
        evaluations: Times a margin was computed.
    """

    probability: float
    standard_error: float
    effective_samples: float
    largest_share: float
    centres: Tensor
    evaluations: int

    @property
    def sigma(self) -> float:
        """Distance at which a normal variable is as rare, -Phi^-1(P) [1]."""
        return -float(torch.special.ndtri(torch.tensor(self.probability, dtype=torch.float64)))

    @property
    def reliable(self) -> bool:
        """Whether many failures share the result."""
        return self.effective_samples >= EFFECTIVE and self.largest_share <= SHARE


@dataclass(frozen=True)
class Quantile:
    """Value that a metric falls short of with a given probability.

    Attributes:
        value: The value, in the unit of the metric.
        standard_error: Its standard error, in that unit.
        event: The event that the metric is at most this value.
    """

    value: float
    standard_error: float
    event: RareEvent


class _Weighed(NamedTuple):
    """Points (replicate, sample, dimension), their margins and phi/q over the number of samples (replicate, sample).

    The first ``wide`` samples of every replicate come from the wide normal.
    """

    z: Tensor
    margin: Tensor
    weight: Tensor
    centres: Tensor
    wide: int


def crude(margin: Margin, dimension: int, samples: int, *, seed: int = 0, size: int = 1 << 18) -> RareEvent:
    """Probability of failure by counting failures among random points, in parts that fit the memory.

    Args:
        margin: Failure where it is not positive.
        dimension: Number of deviates.
        samples: Number of points.
        seed: Equal seeds give equal points, whatever the size of the parts.
        size: Points at a time.
    """
    drawn = parts(samples, dimension, "random", seed, size)
    with torch.no_grad():
        failed = sum(int((margin(torch.special.ndtri(part)) <= 0.0).sum()) for part in drawn)
    p = failed / samples
    error = math.sqrt(p * (1.0 - p) / samples)
    nowhere = torch.empty(0, dimension, dtype=torch.float64)
    return RareEvent(p, error, float(failed), 1.0 / max(failed, 1), nowhere, samples)


def failure_probability(
    margin: Margin, dimension: int, *, samples: int = 4096, seed: int = 0, centres: Tensor | None = None
) -> RareEvent:
    """Probability of failure by importance sampling around the most probable failure points.

    Args:
        margin: Differentiable; failure where it is not positive.
        dimension: Number of deviates.
        samples: Points of the estimate; the search takes more.
        seed: Equal seeds give equal results.
        centres: Failure points already known, shape (modes, dimension), instead of a search [1].

    Raises:
        BeolithError: Too few samples, or a margin of another shape or that is not a number.
        ConvergenceError: No failure was found.

    Warns:
        ConvergenceWarning: Few failures carry the result, see :attr:`RareEvent.reliable`.

    Example:
        >>> event = failure_probability(lambda z: 6.0 - z[:, 0], dimension=3)
        >>> round(event.sigma, 2)
        6.0
    """
    counted = _Counted(margin)
    event = _event(_adapt(counted, dimension, samples, seed, centres), counted.count)
    _warn_if_doubtful(event)
    return event


def quantile(metric: Margin, dimension: int, probability: float, *, samples: int = 4096, seed: int = 0) -> Quantile:
    """Value that a metric falls short of with a small probability, such as the retention of the worst cell of 1e9.

    Args:
        metric: Differentiable, of shape (n,) for deviates of shape (n, dimension); failure is a small value. Take the
            logarithm of what spreads over decades.
        dimension: Number of deviates.
        probability: Probability of a smaller value, below one half [1].
        samples: Points of the estimate; the search takes more.
        seed: Equal seeds give equal results.

    Raises:
        BeolithError: A probability outside (0, 1/2), too few samples, or a metric that is not a number.
        ConvergenceError: No point as bad as the level sought was found.

    Warns:
        ConvergenceWarning: Few samples carry the result, or the level has not settled.
    """
    if not 0.0 < probability < 0.5:
        raise BeolithError(f"probability {probability!r} of a quantile; allowed: above 0 and below 0.5")
    counted = _Counted(metric)
    level = worst_on_sphere(counted, starts_around(dimension, seed), -_deviate(probability))
    for attempt in range(_ROUNDS):
        found = _adapt(_above(counted, level), dimension, samples, [seed, attempt], None)
        pooled = _weighted_quantile(found.margin.flatten(), found.weight.flatten() / REPLICATES, probability)
        each = [_weighted_quantile(*pair, probability) for pair in zip(found.margin, found.weight, strict=True)]
        settled = abs(math.log(_event(found, 0).probability / probability)) < 1.0  # the points lie where the level is
        event = _event(found._replace(margin=found.margin - pooled), counted.count)
        level += float(pooled)
        if settled:
            break
    else:
        warnings.warn(f"the level of probability {probability:g} has not settled", ConvergenceWarning, stacklevel=2)
    _warn_if_doubtful(event)
    return Quantile(level, float(torch.stack(each).std()) / math.sqrt(REPLICATES), event)


class _Counted:
    """A margin that counts its evaluations and refuses what is not a number."""

    def __init__(self, margin: Margin) -> None:
        self.margin, self.count = margin, 0

    def __call__(self, z: Tensor) -> Tensor:
        self.count += z.shape[0]
        value = self.margin(z)
        if value.shape != z.shape[:1]:
            raise BeolithError(f"a margin of {z.shape[0]} points must have that one axis, not {tuple(value.shape)}")
        if bool(value.isnan().any()):
            at = [round(x, 3) for x in z[value.isnan()][0].tolist()]
            raise BeolithError(f"the margin is not a number at the deviates {at}")
        return value


def _above(metric: Margin, level: float) -> Margin:
    return lambda z: metric(z) - level


def _deviate(p: float) -> float:
    return float(torch.special.ndtri(torch.tensor(p, dtype=torch.float64)))


def _adapt(margin: Margin, dimension: int, samples: int, seed: Seed, centres: Tensor | None) -> _Weighed:
    """Weighed points of a mixture that explains every failure in it, as far as it gets."""
    if samples < 16 * REPLICATES:
        raise BeolithError(f"{samples} samples are too few; at least {16 * REPLICATES}")
    if centres is None:
        centres = design_points(margin, starts_around(dimension, int(np.sum(seed))))
    for attempt in range(_ROUNDS):
        found = _weigh(margin, centres, dimension, samples, [*np.atleast_1d(seed), attempt])
        failed = torch.where(found.margin <= 0.0, found.weight, 0.0)
        fresh = distinct(design_points(margin, _suspects(found, failed)), centres)
        if len(fresh) == len(centres) and float(failed.max()) > SHARE * float(failed.sum()):
            fresh = distinct(found.z[failed == failed.max()][:1], centres)  # no search leads there: take it as it is
        if len(fresh) == len(centres):
            break
        centres = fresh
    if not float(failed.sum()) > 0.0:
        raise ConvergenceError(
            f"no failure among {samples} samples around {len(centres)} failure points: either there is none within "
            f"{REACH:g} sigma or the margin has no gradient that leads to it; give the centres"
        )
    return found


def _suspects(found: _Weighed, failed: Tensor) -> Tensor:
    """Points from which another region of failure may be found: failures of the wide normal and the heaviest one."""
    wide = found.z[:, : found.wide].flatten(0, 1)
    if not float(failed.sum()) > 0.0:
        return wide[found.margin[:, : found.wide].flatten().argsort()[:STARTS]]
    lost = wide[failed[:, : found.wide].flatten() > 0.0]
    return torch.cat((lost[norm(lost)[:, 0].argsort()[:STARTS]], found.z[failed == failed.max()][:1]))


def _weigh(margin: Margin, centres: Tensor, dimension: int, samples: int, seed: Sequence[int]) -> _Weighed:
    """Points drawn from the mixture around some centres, each with its margin and weight."""
    each = samples // REPLICATES
    wide = each if len(centres) == 0 else max(1, round(_WIDE_SHARE * each))
    share = [(each - wide) // max(len(centres), 1)] * len(centres)
    wide = each - sum(share)
    reach = float(norm(centres).min()) if len(centres) else 6.0
    spread = max(1.5, (reach + 1.0) / math.sqrt(dimension))
    middle = torch.zeros(1, dimension, dtype=torch.float64)
    components = [(middle[0], spread, wide), *((centre, 1.0, n) for centre, n in zip(centres, share, strict=True))]
    drawn = [
        torch.cat([_component(*component, [*seed, replicate, k]) for k, component in enumerate(components)])
        for replicate in range(REPLICATES)
    ]
    z = torch.stack(drawn)
    log_q = torch.stack(
        [
            math.log(n / each) - 0.5 * ((z - centre) / s).square().sum(-1) - dimension * math.log(s)
            for centre, s, n in components
            if n > 0
        ]
    ).logsumexp(dim=0)
    with torch.no_grad():
        value = margin(z.flatten(0, 1)).reshape(z.shape[:2])
    return _Weighed(z, value, torch.exp(-0.5 * z.square().sum(-1) - log_q) / each, centres, wide)


def _component(centre: Tensor, spread: float, count: int, seed: Sequence[int]) -> Tensor:
    """Points about a centre, shape (count, dimension), the first axis of the Sobol net turned towards it."""
    z = spread * normal(count, len(centre), "sobol", seed)
    axis = torch.zeros_like(centre)
    axis[0] = 1.0
    mirror = axis - centre / norm(centre).clamp(min=1e-12)
    length = mirror.square().sum()
    if float(length) > 1e-12 and float(norm(centre)) > 1e-6:  # Householder
        z = z - 2.0 * (z @ mirror)[:, None] * mirror / length
    return centre + z


def _event(found: _Weighed, evaluations: int) -> RareEvent:
    failed = torch.where(found.margin <= 0.0, found.weight, 0.0)
    p = failed.sum(dim=-1)
    total = float(failed.sum())
    return RareEvent(
        float(p.mean()),
        float(p.std()) / math.sqrt(REPLICATES),
        total**2 / float(failed.square().sum()),
        float(failed.max()) / total,
        found.centres,
        evaluations,
    )


def _weighted_quantile(value: Tensor, weight: Tensor, probability: float) -> Tensor:
    """Smallest value at which the weights of all smaller ones sum up to a probability."""
    value, order = value.sort()
    return value[(weight[order].cumsum(0) < probability).sum().clamp(max=len(value) - 1)]


def _warn_if_doubtful(event: RareEvent) -> None:
    if not event.reliable:
        warnings.warn(
            f"a probability of {event.probability:.3g} rests on {event.effective_samples:.0f} effective samples, the "
            f"heaviest of which is {event.largest_share:.0%} of it; take more samples or give the failure points",
            ConvergenceWarning,
            stacklevel=3,
        )
