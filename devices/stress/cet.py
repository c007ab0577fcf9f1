r"""Trapping on a capture-emission-time grid: every bin fills and empties with its own pair of time constants.

    s_i -> L_i + (s_i - L_i) exp(-t / tau_x,i)      x = c (capture) where s_i < L, e (emission) where s_i > L

The state s_i [V] of a bin says up to which overdrive its traps are filled; L = max(V_G - V_T, 0) is how far the gate
drives them. Traps below the drive capture, those above it emit, so that one law makes stress, duty and relaxation, and
a bin that is never driven further never overshoots. For constant L the law is a flow: a stretch of time may be cut
anywhere. Time constants of all bins are multiples 10^x_i of one, on a grid of equal steps in log time.

:func:`expansion` finds the weights with which such bins follow a stretched exponential, by non-negative least squares;
:func:`relax` takes bins through constant stress, or through pulses faster than every trap; :func:`cycles` takes them
through N resolved pulses in one evaluation, N = 1e15 included.

References:
    lopes2009_apl (the stretched exponential that is expanded); grid, flow and cycle jump are own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

ERROR = 1e-3  # largest error of an expansion, in parts of the final shift
_DENSITIES = (2, 4, 8, 16)  # bins per decade, the first that meets ERROR
_ENDS = 1e-4  # share of the shift before the first and after the last bin
_TINY = 1e-150
_SLOW = 1e-100  # exponent of what does not move, so that shares of it stay defined
_LOG2_E = math.log2(math.e)
_FLAT = 600.0  # exponent at which a cycle has forgotten where it began


class Spectrum(NamedTuple):
    """Bins of a trap spectrum: weights sum to one, time constants are multiples of that of the stretched exponential.

    Attributes:
        weights: Share of the final shift in each bin, shape (bins, ...) [1].
        rates: Inverse of the multiples, as many dimensions, (bins, 1, ...) [1].
    """

    weights: Tensor
    rates: Tensor


class _Fit(NamedTuple):
    """A solved expansion: w[active] = solution @ [f(times), 1], linear in f as long as the active bins stay."""

    exponents: np.ndarray
    active: np.ndarray
    times: np.ndarray
    solution: np.ndarray
    error: float


def stretched(time: Tensor, stretch: Tensor) -> Tensor:
    """Stretched exponential 1 - exp(-t^beta) of a time over its time constant [1]."""
    return -torch.expm1(-(time**stretch))


def expansion(stretch: Tensor) -> Spectrum:
    """Bins that follow 1 - exp(-(t/tau)^beta) within :data:`ERROR` of its end, at every time.

    Two bins per decade suffice up to beta = 0.6, four up to 0.85; beta = 1 is one bin. The weights are differentiable
    in beta: on the active bins they solve an ordinary least-squares problem.

    Args:
        stretch: Exponent beta, any shape [1].
    """
    betas, which = torch.unique(stretch.detach(), return_inverse=True)
    known = betas.tolist()
    density = max(_density(beta) for beta in known)
    exponents = _fit(known[0], density).exponents  # the smallest beta spans the most decades
    flat = stretch.flatten()
    rows = [_weights(flat[(which == i).flatten()], beta, density, exponents) for i, beta in enumerate(known)]
    order = torch.cat([(which == i).flatten().nonzero().flatten() for i in range(len(known))])
    weights = torch.cat(rows)[torch.argsort(order)]
    used = (weights != 0).any(0)
    rates = torch.as_tensor(10.0**-exponents)[used]
    return Spectrum(weights[:, used].T.reshape(-1, *stretch.shape), rates.reshape(-1, *(1,) * stretch.ndim))


def _weights(stretch: Tensor, beta: float, density: int, exponents: np.ndarray) -> Tensor:
    """Weights of equal betas on a grid that holds their own, shape (betas, bins)."""
    fit = _fit(beta, density)
    curve = torch.cat([stretched(torch.as_tensor(fit.times), stretch.unsqueeze(-1)), torch.ones(len(stretch), 1)], 1)
    found = curve @ torch.as_tensor(fit.solution).T
    place = torch.as_tensor(np.rint((fit.exponents[fit.active] - exponents[0]) * density).astype(int))
    wide = stretch.new_zeros(len(stretch), len(exponents))
    return wide.index_copy(1, place, found / found.sum(1, keepdim=True))


def error(stretch: float) -> float:
    """Largest error of the expansion over all times, in parts of the final shift [1]."""
    return _fit(stretch, _density(stretch)).error


@cache
def _density(stretch: float) -> int:
    """Bins per decade, the fewest that meet the error."""
    return next((n for n in _DENSITIES if _fit(stretch, n).error <= ERROR), _DENSITIES[-1])


@cache
def _fit(stretch: float, density: int) -> _Fit:
    # whole decades, so that the grid stays when beta moves a little; the odd margin keeps round betas off the jumps
    first = math.floor(math.log10(_ENDS) / stretch - 0.37)
    last = math.ceil(math.log10(-math.log(_ENDS)) / stretch + 0.37)
    exponents = np.arange(first * density, last * density + 1) / density
    times = np.logspace(first - 1, last + 1, 8 * (last - first + 2) + 1)
    curve = -np.expm1(-(times**stretch))
    # a heavy last row holds the sum of the weights at one
    matrix = np.vstack([-np.expm1(-times[:, None] / 10**exponents), np.full(len(exponents), 1e3)])
    weights, _ = nnls(matrix, np.append(curve, 1e3), maxiter=50 * len(exponents))
    active = np.flatnonzero(weights > 1e-12)
    fine = np.logspace(first - 6, last + 3, 4000)
    found = -np.expm1(-fine[:, None] / 10 ** exponents[active]) @ (weights[active] / weights.sum())
    worst = float(np.abs(found + np.expm1(-(fine**stretch))).max())
    solution = np.linalg.pinv(matrix[:, active])
    solution[:, -1] *= 1e3
    return _Fit(exponents, active, times, solution, worst)


class Phase(NamedTuple):
    """Constant drive of bins; every tensor has the shape of the batch.

    Attributes:
        level: Overdrive up to which traps are driven, L >= 0 [V].
        capture: Duration over the capture time of a bin of multiple one [1].
        emission: Duration over its emission time [1].
    """

    level: Tensor
    capture: Tensor
    emission: Tensor

    def at(self, index: int) -> Phase:
        """One segment of a stack of them."""
        return Phase(self.level[index], self.capture[index], self.emission[index])


class Branch(NamedTuple):
    """One piece of a flow: bins head for a target with an exponent of two, as exp2 costs half of exp."""

    target: Tensor
    pull: Tensor


class Drive(NamedTuple):
    """Two phases that alternate faster than every trap, as one flow; tensors have the shape of the batch.

    Attributes:
        low: The lower level [V].
        high: The higher level [V].
        below: Below both levels bins capture in both phases.
        between: Between the levels they capture in one phase and emit in the other.
        above: Above both levels they emit in both.
    """

    low: Tensor
    high: Tensor
    below: Branch
    between: Branch
    above: Branch

    @property
    def straight(self) -> bool:
        """Whether bins move alike on all branches, as those do that fill and empty at one rate."""
        return self.below is self.between is self.above

    def unbind(self) -> list[Drive]:
        """The segments of a stack of them."""
        rows = zip(self.low, self.high, *(map(Branch, b.target, b.pull) for b in self[2:]), strict=True)
        if self.straight:
            return [Drive(low, high, b, b, b) for low, high, b, _, _ in rows]
        return [Drive(*row) for row in rows]


def drive(one: Phase, other: Phase) -> Drive:
    """The flow of two phases that alternate fast; each phase holds its share of the whole duration."""
    swap = other.level > one.level
    high, low = one, other
    if bool(swap.any()):
        high, low = (Phase(*map(torch.where, (swap,) * 3, a, b)) for a, b in ((other, one), (one, other)))

    def branch(up: Tensor, down: Tensor) -> Branch:
        pull = up + down
        target = (up * high.level + down * low.level) / torch.where(pull > 0, pull, 1.0)
        return Branch(target, pull.clamp(min=_SLOW) * _LOG2_E)

    between = branch(high.capture, low.emission)
    if one.capture is one.emission and other.capture is other.emission:
        return Drive(low.level, high.level, between, between, between)
    below, above = branch(high.capture, low.capture), branch(high.emission, low.emission)
    return Drive(low.level, high.level, below, between, above)


def relax(state: Tensor, rates: Tensor, d: Drive) -> Tensor:
    """Bins after constant stress or fast pulses, exact: along an outer branch first, and what time is left, between.

    Args:
        state: Overdrive up to which the bins are filled, shape (bins, ...) [V].
        rates: Inverse multiples of the bins, shape (bins, ...) [1].
        d: Drive, shape (...).
    """
    goal = -d.between.pull * rates
    if not d.straight:
        state, left = _to_edge(state, rates, d.above, d.high)
        goal = goal * left
        if bool((d.low > 0).any()):  # nothing lies below an empty bin
            mirrored = Branch(-d.below.target, d.below.pull)
            state, left = _to_edge(-state, rates, mirrored, -d.low)
            state, goal = -state, goal * left
    return torch.addcmul(d.between.target, state - d.between.target, torch.exp2(goal))


def _to_edge(state: Tensor, rates: Tensor, b: Branch, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Bins above an edge taken along their branch until they meet it, and the share of the time that is then left."""
    gap = (edge - b.target).clamp(min=_TINY)
    distance = torch.maximum(state - b.target, gap)  # the gap itself for bins that are not above
    goal = -b.pull * rates
    reached = torch.maximum(torch.log2(gap / distance), goal)
    left = 1.0 - reached / goal
    if left.requires_grad:  # the value is one already, but its derivative would be a difference of huge numbers
        left = torch.where(reached < 0, left, 1.0)
    return torch.addcmul(state - distance, distance, torch.exp2(reached)), left


def cycles(state: Tensor, rates: Tensor, phases: Sequence[Phase], count: Tensor) -> Tensor:
    """Bins after N cycles of some phases in one evaluation, as seen at the end of a cycle.

    A cycle maps a bin by a monotone function of straight pieces, f -> a f + b, and N cycles on one piece make
    a^N f + b (1 - a^N)/(1 - a), written around the fixed point with a = exp(-kappa) so that nothing is lost for
    kappa = 1e-15 or N = 1e15. A bin passes over the pieces in one direction, each of them at most once.

    Args:
        state: Overdrive up to which the bins are filled at the start of a cycle, shape (bins, ...) [V].
        rates: Inverse multiples of the bins, shape (bins, ...) [1].
        phases: What makes up one cycle, oldest first; exponents are those of one cycle, shape (...).
        count: Number of cycles N, shape (...) [1].
    """
    left = count
    pieces = 2 * len(phases) + 1
    for piece in range(pieces):
        kappa, fixed, low, high = _piece(state, rates, phases)
        edge = torch.where(fixed > state, high, low)
        with torch.no_grad():  # a whole number of cycles has no gradient
            way = ((state - fixed) / (edge - fixed)).clamp(min=1.0)
            needed = torch.ceil(torch.log(way) / kappa.clamp(min=_TINY)).clamp(min=1.0)
            stays = (fixed >= low) & (fixed <= high)
            needed = torch.where(stays | (piece == pieces - 1), math.inf, needed)
        now = torch.minimum(needed, left)
        state = state + (state - fixed) * torch.expm1(-kappa * now)
        left = left - now
    return state


def _piece(state: Tensor, rates: Tensor, phases: Sequence[Phase]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The straight piece of a cycle's map on which a state lies: -ln slope, fixed point, and both ends of the piece."""
    kappa, offset = torch.zeros_like(state), torch.zeros_like(state)
    low, high = torch.full_like(state, -math.inf), torch.full_like(state, math.inf)
    for level, capture, emission in phases:
        rising = state < level
        # the state at the start of the cycle that meets the level here
        edge = (level - offset) * torch.exp(kappa.clamp(max=_FLAT))
        high = torch.where(rising, torch.minimum(high, edge), high)
        low = torch.where(rising, low, torch.maximum(low, edge))
        exponent = torch.where(rising, capture, emission) * rates
        lost = -torch.expm1(-exponent)
        state = state + (level - state) * lost
        offset = offset + (level - offset) * lost
        kappa = kappa + exponent
    fixed = offset / (-torch.expm1(-kappa)).clamp(min=_TINY)  # a bin that does not move has its fixed point anywhere
    return kappa, fixed, low, high
