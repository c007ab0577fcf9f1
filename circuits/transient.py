"""Transient of one floating node for a whole batch of cells: TR-BDF2 on charge, one shared step, log-time holds.

The unknown is the node voltage, the conserved quantity its charge: d/dt Q(V, u(t)) = I(V, u(t)). Each step is a
trapezoidal stage to t + gamma h and a BDF2 stage to t + h (L-stable, second order), both of the form

    Q(V, u) - c h I(V, u) = known,

solved element by element. The embedded third-order difference sets the step, the same for the whole batch; steps grow
freely, so a hold of fourteen decades costs some hundred steps. Gradients run through the accepted steps.

References:
    bank1985 (TR-BDF2); hosea1996 (error estimate, gamma = 2 - sqrt 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from beolith.errors import ConvergenceError

from .solve import root
from .waveform import Voltages, Waveform

NodeEquation = Callable[[Tensor, Voltages], tuple[Tensor, Tensor]]
"""Maps the node voltage [V] and the terminal voltages to the node's charge [C] and the current into it [A]."""

_GAMMA = 2.0 - math.sqrt(2.0)
_ERROR = (-3.0 * _GAMMA**2 + 4.0 * _GAMMA - 2.0) / (12.0 * (2.0 - _GAMMA))
_GROWTH, _SHRINK, _MOST_STEPS = 4.0, 0.2, 20000
_SLOPE = 1e-15
"""First guess of a node's capacitance [F]; corrected in the first iteration."""


class Trajectory(NamedTuple):
    """Node voltage at the sample times, and how it was found.

    Attributes:
        times: Sample times, one-dimensional [s].
        voltages: Node voltage, time first, then the batch [V].
        steps: End of every accepted step; pass it back as ``steps`` to repeat the same grid [s].
        error: Largest estimated error of one step [V].
    """

    times: Tensor
    voltages: Tensor
    steps: tuple[float, ...]
    error: float


class _State(NamedTuple):
    voltage: Tensor
    charge: Tensor
    current: Tensor
    slope: Tensor
    rate: Tensor


def _stage(
    node: NodeEquation, u: Voltages, known: Tensor, ch: float, guess: Tensor, slope: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Solve Q(V, u) - ch I(V, u) = known: voltage, charge, current and dR/dV."""
    last: list[Tensor] = []

    def residual(v: Tensor) -> Tensor:
        last[:] = node(v, u)
        return last[0] - ch * last[1] - known

    v, slope = root(residual, guess, slope, what="the storage-node voltage")
    if torch.is_grad_enabled():
        last[:] = node(v, u)  # at the recorded root; without a gradient the last residual was at the root already
    return v, last[0], last[1], slope


def _step(node: NodeEquation, w: Waveform, segment: int, t: float, h: float, s: _State) -> tuple[_State, Tensor]:
    """One TR-BDF2 step from ``s`` at ``t``; the new state and the error estimate per element [V]."""
    g = _GAMMA
    ahead = s.voltage.detach() + g * h * s.rate
    v, charge, current, slope = _stage(
        node, w.at(segment, t + g * h), s.charge + 0.5 * g * h * s.current, 0.5 * g * h, ahead, s.slope
    )
    known = (charge - (1.0 - g) ** 2 * s.charge) / (g * (2.0 - g))
    ahead = (s.voltage + (v - s.voltage) / g).detach()
    v1, q1, i1, slope = _stage(node, w.at(segment, t + h), known, (1.0 - g) / (2.0 - g) * h, ahead, slope)
    third = s.current / g - current / (g * (1.0 - g)) + i1 / (1.0 - g)
    # dividing by dR/dV = C + c h g instead of C keeps the estimate bounded for stiff elements
    error = 2.0 * _ERROR * h * third / slope
    return _State(v1, q1, i1, slope, ((v1 - s.voltage) / h).detach()), error.detach()


def transient(
    node: NodeEquation,
    waveform: Waveform,
    start: Tensor,
    *,
    samples: Sequence[float] = (),
    tolerance: float = 1e-4,
    steps: Sequence[float] | None = None,
) -> Trajectory:
    """Voltage of a floating node under a waveform, batched and differentiable.

    Args:
        node: Charge and current of the node.
        waveform: Terminal voltages; a step always ends at a break point.
        start: Node voltage at the first break point, shape of the batch [V].
        samples: Times to report, inside the waveform [s]; a step ends at each. Default: every accepted step.
        tolerance: Largest error of one step, over the batch [V].
        steps: Ends of the steps to take, as returned by an earlier call; turns step control off [s].

    Raises:
        ConvergenceError: The step became too small, or too many steps were taken.
    """
    still = torch.zeros_like(start)
    charge, current = node(start, waveform.at(0, waveform.times[0]))
    s = _State(start, charge, current, torch.full_like(start, _SLOPE), still)
    shortest = min(b - a for a, b in pairwise(waveform.times))
    forced = sorted(steps) if steps is not None else []
    wanted = sorted(samples)
    kept = {waveform.times[0]: start}
    ends: list[float] = []
    worst, t = 0.0, waveform.times[0]
    for segment, stop in enumerate(waveform.times[1:]):
        # terminals change slope at a break point: forget the past and start small
        s, h = s._replace(rate=still), 1e-3 * shortest
        for target in [x for x in (forced or wanted) if t < x < stop] + [stop]:
            while t < target:
                left = target - t
                size = left if forced or h >= left else min(h, 0.5 * left)
                new, error = _step(node, waveform, segment, t, size, s)
                estimate = float(error.abs().max())
                if not forced:
                    h = size * min(_GROWTH, max(_SHRINK, 0.9 * (tolerance / max(estimate, 1e-30)) ** (1.0 / 3.0)))
                    if estimate > tolerance:
                        if size < 1e-9 * shortest or len(ends) > _MOST_STEPS:
                            raise ConvergenceError(f"Transient: no step meets {tolerance:g} V at t = {t:g} s.")
                        continue
                t = target if size == left else t + size
                s, worst = new, max(worst, estimate)
                ends.append(t)
                if not wanted or t in samples:
                    kept[t] = s.voltage
    times = wanted or list(kept)
    return Trajectory(torch.tensor(times, dtype=start.dtype), torch.stack([kept[x] for x in times]), tuple(ends), worst)
