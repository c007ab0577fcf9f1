r"""How far the field of source and drain reaches into a film under a gate: the exact mode of Laplace's equation.

Between a gate and the plane where the vertical field vanishes the potential is sin(kappa y) in the dielectric and
cos(kappa (y - t_ox - d)) in the film, and it dies along the channel as exp(-kappa x). Continuity at the interface,

    eps_s tan(x delta) tan(x) = eps_ox,   x = kappa t_ox,   delta = d/t_ox,

is the generalised scale length. Where film and dielectric are thin against 1/kappa it is the square-root rule
kappa^2 = eps_ox/(eps_s d t_ox). With a vanishing film that rule lets 1/kappa vanish too, but it stays above
2 t_ox/pi, because the field also runs through the dielectric.

References:
    frank1998_edl (the equation); own: start and form for Newton's method.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_BETA = 4.0 / math.pi**2
_STEPS = 3
"""Of Newton's method, which leaves 5e-10 over two decades of every ratio."""


def decay(film: Tensor, per_oxide: Tensor, ratio: Tensor) -> Tensor:
    """Decay kappa of the slowest mode in a film under one gate [1/m].

    Solved as (1 + r) cos[(1 + delta) x] = (1 - r) cos[(1 - delta) x], r = eps_ox/eps_s, which has no poles, from
    tan(x) ~ x/(1 - 4 x^2/pi^2) in both factors.

    Args:
        film: Thickness d of the film that this gate controls, any shape [m].
        per_oxide: Inverse thickness 1/t_ox of its dielectric; zero is no gate, and then kappa is zero [1/m].
        ratio: Permittivity of the dielectric over that of the film, positive [1].

    References:
        frank1998_edl.
    """
    delta = film * per_oxide
    sum_ = _BETA * (1.0 + delta * delta) + delta / ratio
    x = torch.sqrt(2.0 / (sum_ + torch.sqrt(sum_ * sum_ - (2.0 * _BETA * delta) ** 2)))
    plus, minus = 1.0 + delta, 1.0 - delta
    for _ in range(_STEPS):
        error = (1.0 + ratio) * torch.cos(plus * x) - (1.0 - ratio) * torch.cos(minus * x)
        slope = (1.0 - ratio) * minus * torch.sin(minus * x) - (1.0 + ratio) * plus * torch.sin(plus * x)
        x = x - error / slope
    return x * per_oxide
