r"""The nodes inside the contacts of a channel, found by Newton's method in the logarithms of the charges.

    v(q_x) +- I R_x/(n phi) = v_x + dibl(V_DS,inner),   V_DS,inner = n phi [v(q_S) - v(q_D)],   x in {S, D}

The end with more charge comes first here, so that the current is never negative; source and drain are told apart at
the end, which keeps their exchange exact. The higher end starts at the larger of two charges: that of a saturated
channel behind its contact, where I = K (q^2 + q) leaves one equation, and that of a channel whose drain voltage drops
in the contacts alone. A step of Newton's goes no further than the charge of the overdrive that it leads to, because
every equation is convex in ln q. Some six steps suffice, whatever the resistance; what is left open after twelve is
bracketed in the share of the voltage that the contacts take.

References:
    own: start, bound of the step and implicit derivative.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from .parallel import present
from .tekv import Coefficients, Point, current_at, flow
from .uccm import LOWEST, bound, log_charge

_TOGETHER, _ALONE = 4, 12
"""Steps of a whole batch, and of those in it that need more."""
_ENOUGH = 3e-7
"""Last step in ln q: the solution is linear over so short a way, to 1e-13 of the current."""
_TRUSTED = 1e-4
"""Last step that is taken at all."""
_COLLAPSED = 1e6
"""Resistance of the contacts over that of the channel from which on the channel is a short."""
_LN_2 = math.log(2.0)
_HALVINGS, _FAR = 60, 90.0
"""Of the logarithm of contact over channel voltage, between plus and minus what a double can tell apart."""


class Contacted(NamedTuple):
    """Coefficients of a channel and its contacts; the kernels read nothing else (SI, broadcastable)."""

    channel: Coefficients
    minimum: Tensor
    barrier: Tensor
    control: Tensor


class Ends(NamedTuple):
    """The metal ends, the higher first: overdrive [1] and resistance [n phi/A]; is it the source?"""

    overdrive: Tensor
    resistance: Tensor
    forward: Tensor


class Inner(NamedTuple):
    """The channel between its contacts, the higher end first; the current is not negative."""

    log_charge: Tensor
    point: Point
    current: Tensor


class Step(NamedTuple):
    """One look at the equations: what Newton's method needs, and where it leads."""

    log_charge: Tensor
    overdrive: Tensor
    width: Tensor
    current: Tensor
    by_log_charge: Tensor
    bare: Tensor
    barrier: Tensor
    determinant: Tensor
    step: Tensor


def ends(k: Contacted, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Ends:
    """Overdrives and resistances at the metal."""
    c = k.channel
    drive = v_g - c.v_t
    source, drain = torch.broadcast_tensors((drive - v_s) / c.n_phi, (drive - v_d) / c.n_phi)
    forward = source >= drain
    # chosen, not maximum and minimum: those share the derivative where both are equal
    u = torch.stack((torch.where(forward, source, drain), torch.where(forward, drain, source)))
    # one charge for both contacts, that of the end with more of it: smooth, and never less for more drain voltage
    metal = torch.logaddexp(u[0], u[1]) - _LN_2
    falloff = 1.0 + k.control * torch.logaddexp(metal, torch.zeros_like(metal))
    barrier = k.barrier / (c.n_phi * falloff)
    resistance = k.minimum / c.n_phi + barrier
    return Ends(u, torch.stack((resistance, resistance)), forward)


def resistance_slopes(k: Contacted, e: Ends) -> Tensor:
    """Derivatives of the resistance of either contact by the overdrives of both ends, stacked [n phi/A]."""
    metal = torch.logaddexp(e.overdrive[0], e.overdrive[1]) - _LN_2
    falloff = 1.0 + k.control * torch.logaddexp(metal, torch.zeros_like(metal))
    slope = -k.barrier * k.control * torch.sigmoid(metal) / (k.channel.n_phi * falloff * falloff)
    share = torch.sigmoid(e.overdrive[0] - e.overdrive[1])
    return torch.stack((slope * share, slope * (1.0 - share)))


def inner(k: Contacted, e: Ends) -> Inner:
    """The channel between its contacts; differentiable in everything, by one step of Newton's at the solution."""
    c = k.channel
    with torch.no_grad():
        found = _solve(c, e)
        step = torch.where(found.step.abs().amax(0) < _TRUSTED, found.step, 0.0)  # a bracketed root may be too steep
        x = found.log_charge - step
        x = torch.where(e.overdrive[0] > e.overdrive[1], x, x[:1])  # equal ends hold equal charges, to the last bit
    if not (torch.is_grad_enabled() and any(leaf.requires_grad for leaf in pytree.tree_leaves((k, e)))):
        point, v, _ = _at(c, x)
        return Inner(x, point, _current(e, found, v, found.current - (found.by_log_charge * step).sum(0)))
    with torch.no_grad():
        found = look(c, e, x)
    point, v, _ = _at(c, x)
    current = current_at(c, point)
    missing = _residual(c, e, point, v, current)
    x = x - _divide(found, e.resistance, missing)
    point, v, _ = _at(c, x)
    return Inner(x, point, _current(e, found, v, current - (pull(found) * missing).sum(0)))


def pull(at: Step) -> Tensor:
    """Change of the current for a change of either equation, both ends at their solution [A]."""
    s = at.by_log_charge
    return (s * at.bare.flip(0) + s.flip(0) * at.barrier) / at.determinant


def charge_slopes(at: Step, e: Ends, current: Tensor, slopes: Tensor) -> Tensor:
    """Derivatives of ln q at either end (first axis) by the overdrive at either metal end (second axis) [1].

    Args:
        at: The equations at their solution.
        e: Metal ends.
        current: Current of the channel [A].
        slopes: From :func:`resistance_slopes`.
    """
    one, none = torch.ones_like(current), torch.zeros_like(current)
    falls = current * slopes
    by = (torch.stack((one - falls[0], falls[0])), torch.stack((none - falls[1], one + falls[1])))
    return torch.stack([_divide(at, e.resistance, x) for x in by], 1)


def _current(e: Ends, found: Step, v: Tensor, by_channel: Tensor) -> Tensor:
    """The current as the channel knows it; as the contacts do where next to no voltage is left for the channel [A]."""
    total, apart = e.resistance.sum(0), e.overdrive[0] - e.overdrive[1]
    by_contacts = (apart - (v[0] - v[1])).clamp(min=0.0) / (total + 1e-300)
    collapsed = (found.by_log_charge[0] * total).abs() > _COLLAPSED * found.width[0]
    # between equal ends there is no current, but there is a slope
    nothing = by_channel - by_channel.detach()
    return torch.where(apart > 0.0, torch.where(collapsed, by_contacts, by_channel), nothing)


def look(k: Coefficients, e: Ends, x: Tensor) -> Step:
    """The equations at ln q = x, and the step that Newton's method would take."""
    point, v, w = _at(k, x)
    f = flow(k, point, w)
    r = e.resistance
    # V_DS moves with both charges, and with it the current and the barrier
    swing = k.n_phi * f.by_voltage * w
    slopes = f.by_log_charge + torch.stack((swing[0], -swing[1]))
    # the product of both falls, which is in both products of the determinant, is left out: it would drown the rest
    if present(k.dibl):
        lowered = (k.dibl * point.v_ds / point.smooth) * w
        barrier = torch.stack((lowered[0], -lowered[1]))
        bare = w - barrier
        determinant = bare[0] * bare[1] - barrier[0] * barrier[1]
        determinant = determinant + slopes[0] * (bare[1] * r[0] - barrier[1] * r[1])
        determinant = determinant + slopes[1] * (barrier[0] * r[0] - bare[0] * r[1])
    else:
        barrier, bare = torch.zeros_like(w), w
        across = torch.stack((slopes[0] * w[1], slopes[1] * w[0])) * r
        determinant = torch.addcmul(across[0] - across[1], w[0], w[1])
    at = Step(x, v, w, f.current, slopes, bare, barrier, determinant, x)
    return at._replace(step=_divide(at, r, _residual(k, e, point, v, f.current)))


def _at(k: Coefficients, x: Tensor) -> tuple[Point, Tensor, Tensor]:
    """Charges and drain voltage of a channel, its overdrives v(q) and their slopes dv/d(ln q)."""
    floor = x.clamp(min=LOWEST)  # of the charge, not of the overdrive, which the leakage still needs
    q, trapped = torch.exp(floor), k.a * torch.exp(k.s * floor)
    double = 2.0 * q
    v = double + x + trapped
    v_ds = k.n_phi * (v[0] - v[1])
    smooth = torch.sqrt(v_ds * v_ds + 4.0 * k.phi * k.phi)
    return Point(q, trapped, v_ds, smooth), v, torch.addcmul(double + 1.0, trapped, k.s)


def _residual(k: Coefficients, e: Ends, point: Point, v: Tensor, current: Tensor) -> Tensor:
    """Overdrive too much at each end [1]."""
    fall = current * e.resistance
    missing = v - e.overdrive + torch.stack((fall[0], -fall[1]))
    return missing - k.dibl * (point.smooth - 2.0 * k.phi) / k.n_phi if present(k.dibl) else missing


def _divide(at: Step, r: Tensor, by: Tensor) -> Tensor:
    """Change of ln q at both ends that changes the equations by ``by``."""
    s, b = at.by_log_charge, at.barrier
    high = torch.addcmul(at.bare[0], s[0], r[0]), torch.addcmul(-b[1], s[1], r[0])
    low = -torch.addcmul(b[0], s[0], r[1]), torch.addcmul(at.bare[1], s[1], r[1], value=-1.0)
    rows = low[1] * by[0] - high[1] * by[1], high[0] * by[1] - low[0] * by[0]
    return torch.stack(rows) / at.determinant


def _start(k: Coefficients, e: Ends) -> Tensor:
    """Where Newton's method begins."""
    u, r = e.overdrive, e.resistance
    apart = u[0] - u[1]
    share = r[0] / (r[0] + r[1] + 1e-300)
    gain = k.gain * k.mobility.scale  # of an empty channel
    # x + (2 + rho) q + rho q^2 + a q^s = u: a saturated channel behind the contact, and one without drain voltage
    first = gain * r[0]
    rho = torch.stack((first, torch.zeros_like(first)))
    goal = torch.stack((u[0], u[0] - apart * share))
    x = torch.minimum(bound(goal, k.a, k.s), 0.5 * torch.log1p(goal.clamp(min=0.0) / rho.clamp(min=1e-12)))
    higher = torch.maximum(x[0], x[1])
    charge = torch.exp(higher)
    fall = gain * (r[0] + r[1]) * (charge * charge + charge)
    lower = u[1] + (1.0 - share) * apart * fall / (apart + fall + 1e-300)
    return torch.stack((higher, torch.minimum(x[1], bound(lower, k.a, k.s))))


def _next(k: Coefficients, at: Step) -> Tensor:
    """Newton's next x, or a bound of the charge at the overdrive that its step leads to, where that is less."""
    to = at.overdrive - at.width * at.step
    return torch.minimum(at.log_charge - at.step, bound(to, k.a, k.s))


def _solve(k: Coefficients, e: Ends) -> Step:
    """The equations where they hold, to a last step of Newton's."""
    x = _start(k, e)
    for _ in range(_TOGETHER):
        x = _next(k, look(k, e, x))
    at = look(k, e, x)
    left = ~(at.step.abs().amax(0) < _ENOUGH)
    if not bool(left.any()):
        return at
    if not left.ndim:
        return _finish(k, e, _next(k, at))
    where: Any = (..., *left.nonzero(as_tuple=True))
    rest = _finish(_pick(k, where, left.shape), _pick(e, where, left.shape), _next(k, at)[where])
    for whole, part in zip(at, rest, strict=True):
        whole[where] = part
    return at


def _finish(k: Coefficients, e: Ends, x: Tensor) -> Step:
    """The same for the few that need more steps, or a bracket."""
    for _ in range(_ALONE):
        at = look(k, e, x)
        left = ~(at.step.abs().amax(0) < _ENOUGH)
        if not bool(left.any()):
            return at
        x = torch.where(left, _next(k, at), x)
    if not left.ndim:
        return look(k, e, _bracket(k, e))
    where: Any = (..., *left.nonzero(as_tuple=True))
    x[where] = _bracket(_pick(k, where, left.shape), _pick(e, where, left.shape))
    return look(k, e, x)


def _bracket(k: Coefficients, e: Ends) -> Tensor:
    """Both ln q by halving: the current of a channel falls with the voltage that its contacts take, theirs rises."""
    u, total = e.overdrive, e.resistance.sum(0)
    apart = u[0] - u[1]
    share = e.resistance[0] / total
    low, high = torch.full_like(apart, -_FAR), torch.full_like(apart, _FAR)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        fall, v_ds = apart * torch.sigmoid(middle), k.n_phi * apart * torch.sigmoid(-middle)
        smooth = torch.sqrt(v_ds * v_ds + 4.0 * k.phi * k.phi)
        lowered = k.dibl * (smooth - 2.0 * k.phi) / k.n_phi
        v = torch.stack((u[0] - share * fall, u[1] + (1.0 - share) * fall)) + lowered
        x = log_charge(v, k.a, k.s)
        more = current_at(k, Point(torch.exp(x), k.a * torch.exp(k.s * x), v_ds, smooth)) * total > fall
        low, high = torch.where(more, middle, low), torch.where(more, high, middle)
    return x


def _pick(tree: Any, where: Any, shape: torch.Size) -> Any:
    """Elements of a tree of tensors of a batch shape; what is one number for all stays so."""

    def pick(leaf: Tensor) -> Tensor:
        if leaf.numel() == 1 and leaf.ndim <= len(shape):
            return leaf.reshape(())
        lead = leaf.shape[: max(leaf.ndim - len(shape), 0)]
        return leaf.expand(*lead, *shape)[where]

    return pytree.tree_map(pick, tree)
