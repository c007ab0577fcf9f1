"""The charge-voltage law of a film with an exponential band tail, solved for the charge.

    v = 2 q + ln q + a q^s

q is the free charge over 2 n C phi, v the local overdrive over n phi, a and s the weight and exponent of the trapped
charge. With a = 0 this is the unified charge control model of EKV. It is solved for x = ln q by a guarded Halley
iteration from a start no less than the root: four steps leave a residual of a few ulp for the tails of real films, a
few more for s in 0.02 .. 0.95, a up to 1e3 and v in -300 .. 1500 (tests/devices/test_uccm.py).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

_LEAST, _MOST = 4, 20
_ENOUGH = 5e-5
"""Convergence is cubic: after a step as small as this one, what is left is rounding."""
LOWEST = -600.0
"""Floor of ln q: e^-600 is still a normal number, so that q^2 and its square root stay away from zero."""


def log_charge(v: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """Logarithm of the normalised charge; differentiable to any order in all three arguments.

    Args:
        v: Normalised local overdrive, any shape [1].
        a: Weight of the trapped charge, broadcastable, >= 0 [1].
        s: Exponent of the trapped charge phi/(k T_t/q), broadcastable, in (0, 1) [1].

    Returns:
        x = ln q, the broadcast shape [1].

    References:
        enz1995_ekv for a = 0; leenathan2011 for the exponential tail; implicit derivative: own.
    """
    if has_torch_function((v, a, s)):  # something that only looks like a tensor, such as a trace in .export
        return handle_torch_function(log_charge, (v, a, s), v, a, s)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (v, a, s)):
        result: Tensor = _Uccm.apply(*torch.broadcast_tensors(v, a, s))  # type: ignore[no-untyped-call]
        return result
    return _halley(v, a, s)


def bound(v: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """A logarithm of the charge that is no less than the root: v >= x, v >= 2 q and v >= a q^s each are one [1]."""
    above = v.clamp(min=0.0)
    # log of one and more: a bound needs no digits near zero, and log1p costs twice as much
    tail = torch.log(1.0 + above / a.clamp(min=1e-12)) / s
    return torch.minimum(torch.minimum(torch.log(1.0 + above * 0.5), tail), v).clamp(min=LOWEST)


def _halley(v: Tensor, a: Tensor, s: Tensor) -> Tensor:
    x = bound(v, a, s)
    for taken in range(1, _MOST + 1):
        free = torch.exp(x).mul_(2.0)
        slope = torch.exp(x * s).mul_(a)
        step = (x - v).add_(free).add_(slope)
        slope.mul_(s)
        curvature = torch.addcmul(free, slope, s)
        slope.add_(free).add_(1.0)
        step.div_(slope)
        curvature.mul_(step).div_(slope).clamp_(max=1.0).mul_(-0.5).add_(1.0)
        x.sub_(step.div_(curvature))
        if taken >= _LEAST and bool((step.abs_() < _ENOUGH).all()):
            break
    return x.clamp_(min=LOWEST)


class _Uccm(torch.autograd.Function):
    """Halley forward, implicit derivative backward (written in terms of the output, so it differentiates again)."""

    @staticmethod
    def forward(v: Tensor, a: Tensor, s: Tensor) -> Tensor:
        return _halley(v, a, s)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, a, s = inputs
        ctx.save_for_backward(output, a, s)

    @staticmethod
    def _partials(ctx: Any) -> tuple[Tensor, Tensor, Tensor]:
        x, a, s = ctx.saved_tensors
        power = torch.exp(x * s)
        dv = 1.0 / (1.0 + 2.0 * torch.exp(x) + a * s * power)
        return dv, -power * dv, -a * x * power * dv

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        return tuple(grads[0] * d for d in _Uccm._partials(ctx))
