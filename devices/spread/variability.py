r"""Device-to-device spread of nominally equal transistors, from seven independent standard normal deviates each.

    V_T, ln mu:  sigma = A/sqrt(W L),   ln R_c:  sigma = A_Rc/sqrt(W),   correlated by rho
    t:           var = r_t^2 f(W/l_t) f(L/l_t)              film roughness, averaged over the channel
    L, W:        var = 2 r_L^2 f(W/l_e),  2 r_W^2 f(L/l_e)  two rough edges each, averaged along the edge
    f(x)         = [sqrt(pi) x erf(x) + exp(-x^2) - 1]/x^2  mean of a field of correlation exp(-d^2/l^2)
    donors:      Poisson, mean N_D t W L

Thickness, length, width and donors are not turned into a threshold: they change the parameters of the transistor, and
the model does the rest (capacitance, donor charge, confinement, mobility, short channels). The donors are few: 50 nm x
50 nm x 5 nm at 5e17 cm^-3 hold six. Each moves the threshold by the donor law of the model itself, that is by
(q/C)(1 + t C/2 eps_s)/(W L).

Thickness, length and width are log-normal with the mean and the variance above, so that none is ever negative. Left
out: the shape of a rough edge beyond its mean, the depth of a donor (below 4 % of the variance where t C < eps_s), and
the counting of donors that hydrogen adds later.

References:
    pelgrom1989 (area law); asenov2003_ted (rough edges: rms, correlation length, Gaussian autocorrelation); the
    averages f, the width law of contacts and the counting of donors: own (statistics), compare wang2025_ted.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special
from torch import Tensor

from beolith.card import parameter
from beolith.errors import BeolithError

from ..base import DeviceState
from ..parameters import TekvParameters
from ..tekv import ROOM, coefficients
from .sampling import correlate, factor, normal

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}
_WHOLE = {
    "source": "own",
    "how": "assumed",
    "note": "Roughness that does not average out; without effect while the roughness is zero.",
}
DEVIATES = 7
"""Standard normal deviates of one device: threshold, mobility, contact, thickness, width, length, donors."""


@dataclass(frozen=True)
class MismatchParameters:
    """Spread of nominally equal transistors (SI)."""

    # fmt: off
    threshold_matching: Tensor = parameter("V*m", "A_VT: Pelgrom coefficient of the threshold", low=0, high=1e-6)
    mobility_matching: Tensor = parameter("m", "A_mu: Pelgrom coefficient of the logarithm of the mobility", low=0,
                                          high=1e-6, default=0.0, **_OFF)
    contact_matching: Tensor = parameter("m**0.5", "A_Rc: spread of the logarithm of the contact resistance, times the "
                                         "root of the width", low=0, high=1e-2, default=0.0, **_OFF)
    mobility_correlation: Tensor = parameter("", "rho_mu: correlation of threshold and logarithm of the mobility",
                                             low=-1, high=1, default=0.0, **_OFF)
    contact_correlation: Tensor = parameter("", "rho_R: correlation of threshold and logarithm of the contact "
                                            "resistance", low=-1, high=1, default=0.0, **_OFF)
    mobility_contact_correlation: Tensor = parameter("", "rho_muR: correlation of the two logarithms", low=-1, high=1,
                                                     default=0.0, **_OFF)
    thickness_roughness: Tensor = parameter("m", "r_t: rms of the local film thickness", low=0, high=20e-9,
                                            default=0.0, **_OFF)
    thickness_correlation: Tensor = parameter("m", "l_t: its correlation length", low=1e-10, high=math.inf,
                                              default=math.inf, **_WHOLE)
    length_roughness: Tensor = parameter("m", "r_L: rms of each of the edges that bound the length", low=0, high=1e-6,
                                         default=0.0, **_OFF)
    width_roughness: Tensor = parameter("m", "r_W: rms of each of the edges that bound the width", low=0, high=1e-6,
                                        default=0.0, **_OFF)
    edge_correlation: Tensor = parameter("m", "l_e: correlation length of the edges", low=1e-10, high=math.inf,
                                         default=math.inf, **_WHOLE)
    # fmt: on

    def replace(self, **changes: Tensor) -> MismatchParameters:
        """The same parameters with some replaced."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Sample:
    """How far devices lie from the nominal one; every tensor has the shape of the batch.

    Attributes:
        threshold_shift: Of the threshold, apart from what the other deviations do to it [V].
        log_mobility: Of the logarithm of the mobility [1].
        log_contact: Of the logarithm of the contact resistance [1].
        thickness: Of the film thickness [m].
        width: Of the channel width [m].
        length: Of the channel length [m].
        donor_density: Of the density of donors [m^-3].
    """

    threshold_shift: Tensor
    log_mobility: Tensor
    log_contact: Tensor
    thickness: Tensor
    width: Tensor
    length: Tensor
    donor_density: Tensor

    def parameters(self, p: TekvParameters) -> TekvParameters:
        """The parameters of these devices."""
        return p.replace(channel_thickness=p.channel_thickness + self.thickness)

    def state(self, state: DeviceState) -> DeviceState:
        """The state of these devices, on top of what the past has done to all of them."""
        return state.replace(
            threshold_shift=state.threshold_shift + self.threshold_shift,
            mobility_factor=state.mobility_factor * torch.exp(self.log_mobility),
            contact_factor=state.contact_factor * torch.exp(self.log_contact),
            donor_density=state.donor_density + self.donor_density,
        )


def draw(
    m: MismatchParameters,
    p: TekvParameters,
    width: Tensor,
    length: Tensor,
    count: int,
    *,
    method: str = "random",
    seed: int = 0,
    counting: str = "poisson",
) -> Sample:
    """Devices drawn at random, each with deviations of its own: shape (count, *designs).

    Args:
        m: Mismatch parameters.
        p: Nominal transistor.
        width: Channel widths W, broadcastable to the designs [m].
        length: Channel lengths L, broadcastable to the designs [m].
        count: Devices of each design.
        method: ``random``, ``sobol`` or ``latin``, see :mod:`.sampling`.
        seed: Equal seeds give equal devices.
        counting: As for :func:`sample`.
    """
    designs = _designs(m, p, width, length)
    z = normal(count, DEVIATES * math.prod(designs), method, seed).to(width.device)
    return sample(m, p, width, length, z.reshape(count, *designs, DEVIATES), counting)


def sample(
    m: MismatchParameters, p: TekvParameters, width: Tensor, length: Tensor, z: Tensor, counting: str = "poisson"
) -> Sample:
    """The devices that standard normal deviates stand for; what a limit state of :mod:`.rare_events` is made of.

    Devices that vary together take deviates that went through :func:`.sampling.correlate`. Everything but the count is
    smooth, so that gradients by the parameters flow (reparametrisation). The count of
    donors is a step function of its deviate; its gradient is that of the normal surrogate N + sqrt(N) z, which is
    biased where a device holds few donors.

    Args:
        m: Mismatch parameters.
        p: Nominal transistor.
        width: Channel widths W [m].
        length: Channel lengths L [m].
        z: Independent standard normal deviates, shape (..., 7) with the rest broadcastable against the designs [1].
        counting: ``poisson`` for whole donors, ``normal`` for the surrogate, which is smooth and may take more donors
            away than there are.

    Raises:
        BeolithError: Unknown way of counting, or correlations that contradict each other.
    """
    if counting not in _COUNTINGS:
        raise BeolithError(f"counting {counting!r} is unknown; allowed: {', '.join(_COUNTINGS)}")
    matched = correlate(z[..., :3], _factor(m))
    per_root_area = torch.rsqrt(width * length)
    film = torch.sqrt(_average(width / m.thickness_correlation) * _average(length / m.thickness_correlation))
    edge_l = torch.sqrt(2.0 * _average(width / m.edge_correlation))
    edge_w = torch.sqrt(2.0 * _average(length / m.edge_correlation))
    volume = width * length * p.channel_thickness
    return Sample(
        threshold_shift=m.threshold_matching * per_root_area * matched[..., 0],
        log_mobility=m.mobility_matching * per_root_area * matched[..., 1],
        log_contact=m.contact_matching * torch.rsqrt(width) * matched[..., 2],
        thickness=_positive(p.channel_thickness, m.thickness_roughness * film, z[..., 3]),
        width=_positive(width, m.width_roughness * edge_w, z[..., 4]),
        length=_positive(length, m.length_roughness * edge_l, z[..., 5]),
        donor_density=_COUNTINGS[counting](p.donor_density * volume, z[..., 6]) / volume,
    )


def threshold_sigma(m: MismatchParameters, p: TekvParameters, width: Tensor, length: Tensor) -> Tensor:
    """Standard deviation of the threshold voltage of one transistor at 300 K, to first order [V].

    sigma_VT^2 = sum_i {[V_T(z_i = 1) - V_T(z_i = -1)]/2}^2, the threshold being that of the model: Pelgrom, donors,
    thickness and, in short channels, length. Where only the first two are on,
    sigma_VT^2 = A_VT^2/(W L) + (q/C)^2 (1 + t C/2 eps_s)^2 N_D t/(W L).

    Args:
        m: Mismatch parameters.
        p: Transistor parameters.
        width: Channel width [m].
        length: Channel length [m].
    """
    designs = _designs(m, p, width, length)
    unit = torch.eye(DEVIATES, dtype=width.dtype, device=width.device)
    z = torch.stack((unit, -unit)).reshape(2, DEVIATES, *(1 for _ in designs), DEVIATES)
    one = sample(m, p, width, length, z, counting="normal")
    room = torch.full((), ROOM, dtype=width.dtype, device=width.device)
    state = one.state(DeviceState())
    plus, minus = coefficients(one.parameters(p), width + one.width, length + one.length, room, state).v_t
    sigma: Tensor = torch.linalg.vector_norm(0.5 * (plus - minus), dim=0)
    return sigma


def _designs(m: MismatchParameters, p: TekvParameters, *size: Tensor) -> torch.Size:
    """Shape of a batch of different designs, each of which is drawn for itself."""
    tensors = [getattr(part, field.name) for part in (m, p) for field in dataclasses.fields(part)]
    return torch.Size(torch.broadcast_shapes(*(tensor.shape for tensor in (*tensors, *size))))


def _factor(m: MismatchParameters) -> Tensor:
    """Factor of the correlation of threshold, mobility and contact resistance, shape (3, 3)."""
    one = torch.ones_like(m.threshold_matching)
    a, b, c = m.mobility_correlation, m.contact_correlation, m.mobility_contact_correlation
    rows = [(one, a, b), (a, one, c), (b, c, one)]
    return factor(torch.stack([torch.stack(torch.broadcast_tensors(*row), dim=-1) for row in rows], dim=-2))


def _average(x: Tensor) -> Tensor:
    """Variance of the mean of a field of correlation exp(-d^2/l^2) over a length x l, over that at a point [1]."""
    large = torch.where(x > 0.1, x, 1.0)
    square = torch.where(x > 0.1, 0.0, x) ** 2
    closed = (math.sqrt(math.pi) * large * torch.erf(large) + torch.expm1(-(large**2))) / large**2
    series = 1.0 - square / 6.0 + square**2 / 30.0 - square**3 / 168.0
    return torch.where(x > 0.1, closed, series)


def _positive(mean: Tensor, sigma: Tensor, z: Tensor) -> Tensor:
    """Deviation from its mean of a log-normal quantity with that mean and standard deviation."""
    square = (sigma / mean) ** 2
    safe = torch.where(square > 1e-12, square, 1.0)
    spread = sigma / mean * torch.sqrt(torch.where(square > 1e-12, torch.log1p(safe) / safe, 1.0))
    return mean * torch.expm1(spread * z - 0.5 * spread**2)


def _surrogate(mean: Tensor, z: Tensor) -> Tensor:
    """Normal fluctuation of a count about its mean, sqrt(N) z [1]."""
    held = torch.where(mean > 0.0, mean, 1.0)
    return torch.where(mean > 0.0, torch.sqrt(held), 0.0) * z


def _poisson(mean: Tensor, z: Tensor) -> Tensor:
    """Fluctuation of a Poisson count about its mean by inversion, with the gradient of the normal surrogate [1]."""
    smooth = _surrogate(mean, z)
    with torch.no_grad():
        u, means = torch.special.ndtr(z), mean.expand(smooth.shape)
        counts = torch.zeros_like(smooth)
        for value in mean.unique().tolist():
            reach = 9.0 * math.sqrt(value) + 40.0  # beyond what a deviate can ask for
            numbers = np.arange(max(0.0, math.floor(value - reach)), math.ceil(value + reach))
            table = torch.from_numpy(special.pdtr(numbers, value)).to(u)
            found = numbers[0] + torch.searchsorted(table, u.contiguous()).clamp(max=len(numbers) - 1)
            counts = torch.where(means == value, found.to(u.dtype), counts)
    return smooth + (counts - mean - smooth).detach()


_COUNTINGS = {"poisson": _poisson, "normal": _surrogate}
