"""Ward-Dutton partition of the channel charge, by an eight-point Gauss rule that is regular at V_DS = 0.

With Q(q) = 2 q + a q^s (free and trapped), w = dv/d(ln q) = 2 q + 1 + a s q^s and position x/L = (G_S - G)/(G_S - G_D),

    Q_I = int Q w dq / int w dq,   Q_D = int (x/L) Q w dq / int w dq,   Q_S = Q_I - Q_D      (units of n C phi W L)

The integrals run over r = sqrt(q), linearly from drain to source, so the interval cancels from every ratio and nothing
is divided by V_DS. Source-drain symmetry is exact by construction. The error of the rule is 1e-13 of the channel charge
without a tail, 2e-7 for s above 0.5, and 8e-6 at worst for s below 0.3 (tests/devices).

References:
    warddutton1978; the quadrature in sqrt(q) with a collocation matrix for the position is own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_POINTS = 8
_BLOCK = 4096
"""Elements at a time: eight points each still fit the cache."""
_FEW = 64
"""Elements that are not worth being told apart."""


@lru_cache
def rule(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes and weights on (0, 1), and the matrix that integrates from each node to 1."""
    x, w = np.polynomial.legendre.leggauss(_POINTS)
    nodes, weights = (x + 1) / 2, w / 2
    powers = np.arange(_POINTS)
    moments = (1 - nodes[:, None] ** (powers + 1)) / (powers + 1)
    matrix = np.linalg.solve((nodes[:, None] ** powers).T, moments.T).T
    make = [torch.as_tensor(array, dtype=dtype, device=device) for array in (nodes, weights, matrix)]
    return make[0], make[1], make[2]


def terminal_charges(q_d: Tensor, q_s: Tensor, a: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Electron charge assigned to drain and to source, in units of n C phi W L, both positive.

    Args:
        q_d: Normalised free charge at the drain, any shape [1].
        q_s: The same at the source, same shape [1].
        a: Weight of the trapped charge, broadcastable [1].
        s: Exponent of the trapped charge, broadcastable [1].
    """
    given = (q_d, q_s, a, s)
    traced = not all(isinstance(x, Tensor) for x in given)  # something that only looks like a tensor, in .export
    drain, source = _partition(*given) if traced else _in_blocks(_partition, given)
    return drain, source


def _in_blocks(kernel: Callable[..., tuple[Tensor, ...]], given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A kernel of flat tensors on tensors of any shape; in blocks, unless a gradient is wanted of the whole."""
    shape = torch.broadcast_tensors(*given)[0].shape
    flat = [x.reshape(-1) if x.numel() == 1 else x.expand(shape).reshape(-1) for x in given]
    whole = torch.is_grad_enabled() and any(x.requires_grad for x in given)
    if whole or shape.numel() <= _BLOCK or given[0].device.type != "cpu":
        return tuple(x.expand(shape.numel()).reshape(shape) for x in kernel(*flat))
    blocks = (x.expand(shape.numel()).split(_BLOCK) if len(x) > 1 else repeat(x) for x in flat)
    parts = zip(*map(kernel, *blocks), strict=True)
    return tuple(torch.cat(part).reshape(shape) for part in parts)


class Partition(NamedTuple):
    """Electron charges at drain and source [n C phi W L], and their derivatives by G at the two ends.

    The charge of the drain by G at the source is that of the source by G at the drain.
    """

    drain: Tensor
    source: Tensor
    drain_by_drain: Tensor
    crossed: Tensor
    source_by_source: Tensor


def partition_slopes(q_d: Tensor, q_s: Tensor, a: Tensor, s: Tensor) -> Partition:
    """Terminal charges with their slopes, dQ_i/dG_j = int y_i y_j (dQ/dG) dy, y_S = (G - G_D)/(G_S - G_D) = 1 - y_D.

    The integrals are those of :func:`terminal_charges` by parts, taken at the same points. dG = q dv at either end.

    Args:
        q_d: Normalised free charge at the drain, any shape [1].
        q_s: The same at the source, same shape [1].
        a: Weight of the trapped charge, broadcastable [1].
        s: Exponent of the trapped charge, broadcastable [1].

    References:
        own.
    """
    return Partition(*_in_blocks(_sloped, (q_d, q_s, a, s)))


def _sloped(q_d: Tensor, q_s: Tensor, a: Tensor, s: Tensor) -> tuple[Tensor, ...]:
    """Charges and slopes; the points are left out where both ends are equal, which cells at rest have many of."""
    same = q_d == q_s
    count = int(same.count_nonzero())
    if count < max(_FEW, same.numel() // 8):
        return _sloped_between(q_d, q_s, a, s)
    if count == same.numel():
        return _sloped_level(q_d, a, s)
    level, rest = same.nonzero()[:, 0], (~same).nonzero()[:, 0]
    one, two = ([x if x.numel() == 1 else x[where] for x in (q_d, q_s, a, s)] for where in (level, rest))
    parts = zip(_sloped_level(one[0], *one[2:]), _sloped_between(*two), strict=True)
    place = torch.cat((level, rest)).argsort()
    return tuple(torch.cat(part)[place] for part in parts)


def _sloped_level(q: Tensor, a: Tensor, s: Tensor) -> tuple[Tensor, ...]:
    """The limit of equal ends: the integrals of y_i and y_i y_j alone."""
    trapped = a * torch.exp(s * torch.log(q))
    half = q + 0.5 * trapped
    third = (2.0 + s * trapped / q) / (3.0 * (2.0 * q + 1.0 + s * trapped))
    return half, half, third, 0.5 * third, third


def _sloped_between(q_d: Tensor, q_s: Tensor, a: Tensor, s: Tensor) -> tuple[Tensor, ...]:
    nodes, weights, to_source = rule(q_d.device, q_d.dtype)
    r_d, r_s = torch.sqrt(q_d), torch.sqrt(q_s)
    r = torch.addcmul(r_d, nodes.unsqueeze(-1), r_s - r_d)
    trapped = a * torch.exp((2.0 * s) * torch.log(r))
    moved = s * trapped
    density = torch.addcmul(moved + 1.0, r, r, value=2.0) * r
    total = weights @ density
    position = (to_source @ density) / total
    share = density * torch.addcmul(trapped, r, r, value=2.0)
    slope = torch.add(moved / r, r, alpha=2.0)  # dQ/dG times density
    by_drain = slope * position
    parts = (share, share * position, slope, by_drain, by_drain * position)
    whole, drain, every, one, two = ((weights @ x) / total for x in parts)
    return drain, whole - drain, two, one - two, every - 2.0 * one + two


def _partition(q_d: Tensor, q_s: Tensor, a: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    _, free, trapped, density, position = _points(q_d, q_s, a, s)
    weights = rule(q_d.device, q_d.dtype)[1]
    total = weights @ density
    share = density * (free + trapped)
    drain = weights @ (share * position) / total
    return drain, weights @ share / total - drain


def _points(q_d: Tensor, q_s: Tensor, a: Tensor, s: Tensor) -> tuple[Tensor, ...]:
    """At the points of the rule, first axis: r, 2 q, a q^s, dG over 2 dr, and the position x/L.

    Args:
        q_d: Flat, or one number [1].
        q_s: The same [1].
        a: Flat or one number [1].
        s: The same [1].
    """
    nodes, weights, to_source = rule(q_d.device, q_d.dtype)
    r_d, r_s = torch.sqrt(q_d), torch.sqrt(q_s)
    r = r_d + (r_s - r_d) * (nodes if q_d.ndim == 0 else nodes.unsqueeze(-1))
    q = r * r
    trapped = a * torch.exp(s * torch.log(q))
    free = 2.0 * q
    density = r * (free + 1.0 + s * trapped)
    return r, free, trapped, density, (to_source @ density) / (weights @ density)
