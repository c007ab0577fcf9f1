r"""Trap-limited diffusion of hydrogen through a stack of layers, and sideways from its contacts.

    dC/dt + dC_t/dt = div(D grad C),   dC_t/dt = k_t C (N_tr - C_t) - k_d C_t

in finite volumes. The flux through the face between two cells is J = (C/S above - C/S below)/R with the resistance
R = h/2DS of either half cell plus 1/P of a barrier between them. Time goes in steps of equal ratio by a stiffly
accurate L-stable Runge-Kutta method of second order, so that each sample of a batch meets its own diffusion time
whatever the decade. The unknowns of a stage are the *fluxes*: a face without resistance is then as harmless as a tight
one, and what leaves one cell enters the next, so that hydrogen is conserved to rounding. Filling of traps is concave in
C, so that Newton's method converges from below; the last of its steps alone carries the gradient.

References:
    mcnabb1963 (equations), crank1975 (series of the slab), alexander1977 (Runge-Kutta method); fluxes as unknowns: own,
    as in mixed finite elements.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from beolith.errors import ConvergenceWarning

_GAMMA = 1.0 - 1.0 / math.sqrt(2.0)
_CARRY = (1.0 - _GAMMA) / _GAMMA
_MOST_ITERATIONS = 60
_TOLERANCE = 1e-7  # squared by the last Newton step
_TERMS = 12


class Film(NamedTuple):
    """Cells from the ambient down, along the first dimension, at one temperature; the others are the batch (SI).

    Attributes:
        width: Width of each cell [m].
        solubility: Concentration over that of the semiconductor in equilibrium [1].
        resistance: Of the face above each cell, the first towards the ambient; C/S difference over flux [s/m].
        capture: Rate k_t [m^3/s].
        escape: Rate k_d [1/s].
        traps: Density N_tr [m^-3].
    """

    width: Tensor
    solubility: Tensor
    resistance: Tensor
    capture: Tensor
    escape: Tensor
    traps: Tensor


class Content(NamedTuple):
    """Hydrogen in the cells of a film.

    Attributes:
        free: Concentration C, shape (cells, ...) [m^-3].
        trapped: Concentration C_t, shape (cells, ...) [m^-3].
        entered: What has come in from the ambient, shape (...) [m^-2].
    """

    free: Tensor
    trapped: Tensor
    entered: Tensor


def tridiagonal(off: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
    """Solution of symmetric tridiagonal systems along the first dimension; no pivoting, for diagonally dominant ones.

    Args:
        off: Element between rows i - 1 and i in place i; the first is not used, shape (n, ...).
        diagonal: Shape (n, ...).
        right: Right-hand side, shape (n, ...).
    """
    e, d, b = off.unbind(0), diagonal.unbind(0), right.unbind(0)
    pivot, value = [d[0]], [b[0]]
    for i in range(1, len(d)):
        ratio = e[i] / pivot[-1]
        pivot.append(d[i] - ratio * e[i])
        value.append(b[i] - ratio * value[-1])
    found = [value[-1] / pivot[-1]]
    for i in range(len(d) - 2, -1, -1):
        found.append((value[i] - e[i + 1] * found[-1]) / pivot[i])
    return torch.stack(found[::-1])


def advance(
    film: Film, content: Content, duration: Tensor, ambient: Tensor | None, *, steps: int = 40, decades: float = 8.0
) -> Content:
    """Hydrogen after a time at one temperature.

    Args:
        film: Cells and their rates.
        content: Hydrogen before.
        duration: How long, any shape of the batch [s].
        ambient: Concentration that the outer boundary is held at, in the semiconductor's scale [m^-3]; None seals it.
            The inner boundary is always sealed.
        steps: Number of time steps.
        decades: Decades of time that they span; the first step ends so far below the duration.

    Warns:
        ConvergenceWarning: The traps of some sample did not settle.
    """
    ends = [10.0 ** (decades * (k / (steps - 1) - 1.0)) for k in range(steps)]
    cells = [*film, content.free, content.trapped]
    outside = [duration, content.entered, *([] if ambient is None else [ambient])]
    batch = torch.broadcast_shapes(*(x.shape[1:] for x in cells), *(x.shape for x in outside))
    film = Film(*(_over(x, batch) for x in film))
    content = Content(_over(content.free, batch), _over(content.trapped, batch), content.entered.expand(batch))
    linear = not bool((film.traps > 0).any())
    settled = True
    before = 0.0
    for end in ends:
        content, good = _step(film, content, duration * (end - before), ambient, linear)
        settled &= good
        before = end
    if not settled:
        warnings.warn("hydrogen: traps did not settle in some time step", ConvergenceWarning, stacklevel=2)
    return content


def _over(x: Tensor, batch: torch.Size) -> Tensor:
    """A tensor of cells over the whole batch; missing dimensions go between the cells and the batch."""
    return x.reshape(len(x), *(1,) * (len(batch) - x.ndim + 1), *x.shape[1:]).expand(len(x), *batch)


def _step(film: Film, y: Content, dt: Tensor, ambient: Tensor | None, linear: bool) -> tuple[Content, bool]:
    """One step of the Runge-Kutta method: two implicit stages."""
    first, good = _stage(film, y, _GAMMA * dt, ambient, y.free, linear)
    carried = Content(*(b + _CARRY * (a - b) for a, b in zip(first, y, strict=True)))
    second, better = _stage(film, carried, _GAMMA * dt, ambient, first.free, linear)
    return second, good and better


def _stage(
    film: Film, y: Content, dt: Tensor, ambient: Tensor | None, guess: Tensor, linear: bool
) -> tuple[Content, bool]:
    """An implicit Euler stage, and whether its traps settled."""
    if linear:
        return _newton(film, y, dt, ambient, guess), True
    settled = False
    with torch.no_grad():
        free = guess.clamp(min=0.0)
        for _ in range(_MOST_ITERATIONS):
            found = _newton(film, y, dt, ambient, free).free.clamp(min=0.0)
            settled = bool(((found - free).abs() <= _TOLERANCE * found.amax(0)).all())
            free = found
            if settled:
                break
    return _newton(film, y, dt, ambient, free), settled


def _newton(film: Film, y: Content, dt: Tensor, ambient: Tensor | None, free: Tensor) -> Content:
    """The stage with the filling of traps linearised about a free concentration; it conserves whatever that is."""
    rate = dt * film.capture
    below = 1.0 + rate * free + dt * film.escape
    held = (y.trapped + rate * free * film.traps) / below
    slope = rate * (film.traps - held) / below
    rest = y.free + y.trapped - held + slope * free
    share = 1.0 / (1.0 + slope)
    weight = share / film.solubility
    coupling = dt * weight / film.width
    activity = weight * rest
    if ambient is None:
        inner = tridiagonal(-coupling[:-1], film.resistance[1:] + coupling[:-1] + coupling[1:], -activity.diff(dim=0))
        flux = torch.cat([torch.zeros_like(inner[:1]), inner])
    else:
        outer = torch.cat([ambient.expand_as(activity[:1]), activity])
        zero = torch.zeros_like(coupling[:1])
        above = torch.cat([zero, coupling[:-1]])
        flux = tridiagonal(-above, film.resistance + above + coupling, -outer.diff(dim=0))
    moved = dt * flux
    gained = torch.cat([moved[:-1] - moved[1:], moved[-1:]]) / film.width
    now = share * (rest + gained)
    return Content(now, held + slope * (now - free), y.entered + moved[0])


def half_space(depth: Tensor, diffusion: Tensor) -> Tensor:
    """Concentration over that of the surface in a half space, erfc(x/2 sqrt(Dt)) [1].

    Args:
        depth: Distance x from the surface [m].
        diffusion: D t, summed over whatever happened [m^2].
    """
    return torch.erfc(0.5 * depth / torch.sqrt(diffusion))


def lateral_profile(place: Tensor, length: Tensor, diffusion: Tensor) -> Tensor:
    """erfc(x/2 sqrt(Dt)) from both ends of a channel: the profile of ingress as long as the two do not meet [1]."""
    return half_space(place, diffusion) + half_space(length - place, diffusion)


def lateral_average_short(length: Tensor, diffusion: Tensor) -> Tensor:
    """Average of :func:`lateral_profile` over the channel, 2 erfc(L/a) + (2a/L sqrt(pi))(1 - e^{-L^2/a^2}) [1].

    a = 2 sqrt(Dt). In a long channel it is 4 sqrt(Dt/pi)/L; it overshoots 1 once the two ends meet.
    """
    a = 2.0 * torch.sqrt(diffusion)
    x = length / a
    return 2.0 * torch.erfc(x) + 2.0 / (x * math.sqrt(math.pi)) * -torch.expm1(-(x**2))


def lateral_average(length: Tensor, diffusion: Tensor) -> Tensor:
    """Average concentration in a channel whose two ends are held at 1, exact at all times [1].

    1 - (8/pi^2) sum over odd m of exp(-m^2 pi^2 Dt/L^2)/m^2 where Dt is large, the images of both ends,
    4 sqrt(Dt)/L [1/sqrt(pi) + 2 sum (-1)^n ierfc(n L/2 sqrt(Dt))], where it is small.

    Args:
        length: Channel length L [m].
        diffusion: D t, summed over whatever happened [m^2].

    References:
        crank1975, eqs. 4.18 and 4.20 for a plane sheet.
    """
    f = (diffusion / length**2).clamp(min=1e-300)
    late, early = f.clamp(min=0.05), f.clamp(max=0.05)
    series = torch.zeros_like(f)
    images = torch.full_like(f, 1.0 / math.sqrt(math.pi))
    for n in range(1, _TERMS + 1):
        odd = (2 * n - 1) * math.pi
        series = series + torch.exp(-(odd**2) * late) / odd**2
        y = 0.5 * n / torch.sqrt(early)
        images = images + 2.0 * (-1.0) ** n * (torch.exp(-(y**2)) / math.sqrt(math.pi) - y * torch.erfc(y))
    return torch.where(f > 0.05, 1.0 - 8.0 * series, 4.0 * torch.sqrt(early) * images)


def ingress(length: Tensor, excess: list[Tensor], diffusion: list[Tensor]) -> Tensor:
    """Average concentration that entered a channel from its ends, held at a new value in each step of a budget [m^-3].

    Superposition of the changes: sum over k of (C_k - C_{k-1}) f(L, sum of D t from step k on), with f of
    :func:`lateral_average`; exact for a diffusivity that does not depend on the concentration.

    Args:
        length: Channel length [m].
        excess: Concentration at the ends above that of the film, for each step [m^-3].
        diffusion: D t of each step [m^2].
    """
    average = torch.zeros_like(length)
    previous = torch.zeros_like(length)
    for k, now in enumerate(excess):
        average = average + (now - previous) * lateral_average(length, torch.stack(diffusion[k:]).sum(0))
        previous = now
    return average
