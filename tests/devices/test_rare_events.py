"""Tails against exact probabilities, against ten million brute-force samples, and where they are hard to find."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import constants, stats
from torch import Tensor

from beolith.devices import library
from beolith.devices.spread import sampling
from beolith.devices.spread.failure_points import design_points
from beolith.devices.spread.rare_events import Quantile, RareEvent, crude, failure_probability, quantile
from beolith.devices.spread.variability import DEVIATES, sample
from beolith.errors import BeolithError, ConvergenceError, ConvergenceWarning

MILLION = 1 << 20


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def exact(sigma: float) -> float:
    return float(stats.norm.sf(sigma))


# ---- a gain cell that loses its charge through a transistor of current I0 [1 - exp(-V/phi)] and a gate leak I_g:
# t = C phi/(I0 + I_g) ln{[(I0 + I_g) e^(V0/phi) - I0]/[(I0 + I_g) e^(V1/phi) - I0]}, which without I_g is the closed
# form of the literature, t = (C phi/I0) ln[(e^(V0/phi) - 1)/(e^(V1/phi) - 1)]

PHI, SLOPE = 0.02585, 1.3
V0, V1 = 0.8, 0.6
SIGMA_VT = 0.03
I0, IG, SIGMA_IG = 1e-18, 2e-19, 0.5
CAPACITANCE, SIGMA_C = 1e-15, 0.05
FILM, SIGMA_T = 4e-9, 0.05
SIMPLE = SIGMA_VT / (SLOPE * PHI)
"""Spread of ln t without a gate leak."""


def hold(transistor: Tensor, gate: Tensor, capacitance: Tensor) -> Tensor:
    both = transistor + gate
    fall = (both * math.exp(V0 / PHI) - transistor) / (both * math.exp(V1 / PHI) - transistor)
    return capacitance * PHI / both * torch.log(fall)


def simple(z: Tensor) -> Tensor:
    """ln t where only the threshold varies: normal, with SIMPLE as its spread."""
    off = I0 * torch.exp(-SIGMA_VT * z[:, 0] / (SLOPE * PHI))
    return torch.log(hold(off, tensor(0.0), tensor(CAPACITANCE)))


MEDIAN = float(simple(torch.zeros(1, 1, dtype=torch.float64)))


def film_shift(z: Tensor) -> Tensor:
    """Threshold of a film of another thickness: donors, and confinement of 0.3 V in 1 nm [V]."""

    def threshold(t: Tensor | float) -> Tensor:
        donors = constants.e * t * 3e24 / 1.5e-2 * (1 + t * 1.5e-2 / (18 * constants.epsilon_0))
        return 0.3 * torch.as_tensor(t / 1e-9, dtype=torch.float64) ** -1.38 - donors

    return threshold(FILM * torch.exp(SIGMA_T * z)) - threshold(FILM)


def gate_leak(z: Tensor) -> Tensor:
    return IG * torch.exp(SIGMA_IG * z)


def storage(z: Tensor) -> Tensor:
    return CAPACITANCE * (1 + SIGMA_C * z)


def retention(z: Tensor) -> Tensor:
    """ln t of a cell whose threshold, gate leak, storage capacitor and film thickness vary."""
    shift = SIGMA_VT * z[:, 0] + film_shift(z[:, 3])
    off = I0 * torch.exp(-shift / (SLOPE * PHI))
    return torch.log(hold(off, gate_leak(z[:, 1]), storage(z[:, 2])))


def conditional(level: float, samples: int, seed: int) -> tuple[float, float]:
    """P(ln t < level) and its error: brute force over leak, capacitor and film, the exact normal tail in the threshold.

    t I_g/(C phi) is a function of I0/I_g alone, so one table inverts it.
    """
    ratio = np.logspace(-8, 8, 200_001)
    one = torch.ones((), dtype=torch.float64)
    table = np.log(hold(torch.from_numpy(ratio), one, one / PHI).numpy())
    total, square = 0.0, 0.0
    for part in sampling.parts(samples, 3, "random", seed, MILLION):
        z = torch.special.ndtri(part)
        leak = gate_leak(z[:, 0])
        wanted = (level + torch.log(leak / (storage(z[:, 1]) * PHI))).numpy()
        off = leak * torch.from_numpy(np.exp(np.interp(-wanted, -table, np.log(ratio))))
        limit = (-SLOPE * PHI * torch.log(off / I0) - film_shift(z[:, 2])) / SIGMA_VT
        p = torch.special.ndtr(limit)
        total, square = total + float(p.sum()), square + float(p.square().sum())
    mean = total / samples
    return mean, math.sqrt((square / samples - mean**2) / samples)


@pytest.fixture(scope="module")
def worst() -> Quantile:
    """Retention that all but one in 1e9 of the cells exceed."""
    return quantile(retention, 4, exact(6.0))


def test_closed_form_by_integration():
    """dV/dt = -I/C, integrated numerically."""
    v = torch.linspace(V1, V0, 200_001, dtype=torch.float64)
    for off, gate in ((1e-18, 3e-19), (1e-18, 0.0)):
        current = off * (1 - torch.exp(-v / PHI)) + gate
        by_hand = torch.trapezoid(CAPACITANCE / current, v)
        assert float(hold(tensor(off), tensor(gate), tensor(CAPACITANCE))) == pytest.approx(float(by_hand), rel=1e-8)
    literature = CAPACITANCE * PHI / 1e-18 * math.log(math.expm1(V0 / PHI) / math.expm1(V1 / PHI))
    assert math.exp(MEDIAN) == pytest.approx(literature, rel=1e-12)


@pytest.mark.parametrize("sigma", [3.0, 4.5, 6.0, 8.0])
@pytest.mark.parametrize("dimension", [1, 7])
def test_six_sigma_of_a_log_normal_retention(sigma: float, dimension: int):
    """The exact normal tail, within 5 % and within its own error, from 4096 samples."""
    event = failure_probability(lambda z: simple(z) - (MEDIAN - sigma * SIMPLE), dimension)
    assert event.probability == pytest.approx(exact(sigma), rel=0.03)
    assert abs(event.probability - exact(sigma)) < 4 * event.standard_error
    assert event.standard_error < 0.02 * event.probability
    assert event.sigma == pytest.approx(sigma, abs=0.01)
    assert event.reliable


def test_a_retention_tail_is_log_normal_and_not_normal():
    """A Gaussian with the same mean and spread of t would have cells of negative retention: a defect of rivals."""
    found = quantile(simple, 1, exact(6.0))
    assert found.value == pytest.approx(MEDIAN - 6 * SIMPLE, abs=0.01)
    assert abs(found.value - (MEDIAN - 6 * SIMPLE)) < 4 * found.standard_error
    times = torch.exp(simple(sampling.normal(100_000, 1, "latin")))
    assert float(times.mean() - 6 * times.std()) < 0 < math.exp(found.value)


def test_worst_cell_of_a_megabit():
    """At sigma_VT = 30 mV and 80 mV/dec the median over 68 (design notes), in the mean over many arrays of 2^20 cells.

    The level that one cell in 2^20 falls short of is the median over 61.
    """
    spread, cells = 0.03 / (0.08 / math.log(10)), 2.0**20
    share = -torch.expm1(torch.log(sampling.uniform(100_000, 1, "latin")) / cells)
    mean = torch.exp(-spread * torch.special.ndtri(share)).mean()
    assert float(mean) == pytest.approx(68, rel=0.02)
    for p in (float(share.median()), 1 / cells):
        found = quantile(lambda z: -spread * z[:, 0], 1, p)
        assert math.exp(-found.value) == pytest.approx(math.exp(-spread * stats.norm.ppf(p)), rel=0.02)
    assert math.exp(-found.value) == pytest.approx(61, rel=0.02)


def test_six_sigma_retention_against_ten_million_samples(worst: Quantile):
    """Threshold, gate leak, capacitor and film vary: within 5 % of 1e7 samples, and within the errors of both."""
    brute, error = conditional(worst.value, 10_000_000, seed=1)
    assert error < 0.015 * brute
    event = failure_probability(lambda z: retention(z) - worst.value, 4, seed=9)
    assert event.evaluations < 30_000
    for found in (event, worst.event):
        assert found.probability == pytest.approx(brute, rel=0.05)
        assert abs(found.probability - brute) < 4 * math.hypot(found.standard_error, error)
    assert brute == pytest.approx(exact(6.0), rel=0.05)


def test_what_brute_force_still_sees():
    """At 3.5 sigma within 5 % of 1e7 plain samples (their own error is 2 %); at 4 sigma within 3 errors (6 %)."""
    levels = [quantile(retention, 4, exact(sigma)).value for sigma in (3.5, 4.0)]
    failed = np.zeros(2)
    for part in sampling.parts(10_000_000, 4, "random", 3, MILLION):
        log_time = retention(torch.special.ndtri(part))
        failed += [int((log_time <= level).sum()) for level in levels]
    for level, count, tolerance in zip(levels, failed, (0.05, 0.17), strict=True):
        event = failure_probability(lambda z, level=level: retention(z) - level, 4, seed=2)
        assert event.probability == pytest.approx(count / 1e7, rel=tolerance)
        assert abs(event.probability - count / 1e7) < 3.5 * math.hypot(event.standard_error, math.sqrt(count) / 1e7)


def test_a_linear_tail_would_be_wrong(worst: Quantile):
    """The cell is nonlinear: the first-order normal tail misses the probability at its own 6 sigma by far."""
    z = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    middle = retention(z)
    (slope,) = torch.autograd.grad(middle.sum(), z)
    linear = stats.norm.cdf((worst.value - float(middle.detach())) / float(slope.norm()))
    assert abs(math.log(linear / exact(6.0))) > 0.5


@pytest.mark.parametrize("seed", range(12))
def test_the_error_is_honest(seed: int):
    event = failure_probability(lambda z: torch.minimum(6.0 - z[:, 0], 6.3 - z[:, 1]), 5, seed=seed)
    truth = exact(6.0) + exact(6.3)
    assert event.probability == pytest.approx(truth, rel=0.05)
    assert abs(event.probability - truth) < 4 * event.standard_error
    assert event.standard_error < 0.02 * event.probability


# ---- regions that are easily missed


@pytest.mark.parametrize("margin", [lambda z: 6.0 - z[:, 0].abs(), lambda z: 36.0 - z[:, 0] ** 2])
def test_failure_on_two_sides(margin):
    """The second has no slope at the origin; a search from there alone would find nothing."""
    event = failure_probability(margin, 4)
    assert event.probability == pytest.approx(2 * exact(6.0), rel=0.05)
    assert len(event.centres) == 2
    torch.testing.assert_close(event.centres[:, 0].abs(), torch.full((2,), 6.0, dtype=torch.float64), rtol=0, atol=0.1)


def test_a_failure_region_that_was_not_named_is_found():
    """Only one of the two is given; half the probability would be missing, with small errors: silently wrong."""
    known = torch.tensor([[6.0, 0, 0, 0]], dtype=torch.float64)
    event = failure_probability(lambda z: 6.0 - z[:, 0].abs(), 4, centres=known)
    assert event.probability == pytest.approx(2 * exact(6.0), rel=0.05)
    assert len(event.centres) == 2


def test_quantile_over_two_regions():
    found = quantile(lambda z: -z[:, 0].abs(), 3, 1e-9)
    assert found.value == pytest.approx(stats.norm.ppf(0.5e-9), abs=0.02)


def test_curved_margin_against_quadrature():
    """z1 + 0.15 z2^2 > 6: one integral."""
    x, weight = np.polynomial.hermite_e.hermegauss(120)
    truth = float((weight * stats.norm.sf(6.0 - 0.15 * x**2)).sum() / math.sqrt(2 * math.pi))
    event = failure_probability(lambda z: 6.0 - z[:, 0] - 0.15 * z[:, 1] ** 2, 3)
    assert event.probability == pytest.approx(truth, rel=0.05)
    assert abs(event.probability - truth) < 4 * event.standard_error


def test_failure_all_around_is_right_or_says_so():
    """A sphere has no most probable point; the result keeps to its error, or carries a warning."""
    truth = float(stats.chi2.sf(36.0, 4))
    try:
        event = failure_probability(lambda z: 6.0 - torch.linalg.vector_norm(z, dim=-1), 4, samples=1 << 14)
    except ConvergenceWarning:
        return
    assert abs(event.probability - truth) < 4 * event.standard_error


def test_a_doubtful_result_carries_a_warning():
    """Too few samples for a thin shell in ten dimensions."""
    with pytest.warns(ConvergenceWarning, match="effective samples"):
        event = failure_probability(lambda z: 8.0 - torch.linalg.vector_norm(z, dim=-1), 10, samples=256)
    assert not event.reliable


def test_what_is_not_rare_is_right_too():
    for beta in (-1.0, 0.0, 0.5):
        event = failure_probability(lambda z, beta=beta: beta - z[:, 0], 3)
        assert event.probability == pytest.approx(exact(beta), rel=0.02)


# ---- through the transistor


def test_off_current_of_a_drawn_transistor():
    """A thousandfold current, with whole donors and everything through the model: against brute force."""
    device = library.load("belmonte2023_igzo")
    size = tensor(70e-9), tensor(45e-9)
    m = device.mismatch.replace(thickness_roughness=tensor(0.2e-9), length_roughness=tensor(1e-9))

    def log_off(z: Tensor) -> Tensor:
        transistor = device.varied(sample(m, device.tekv, *size, z), *size, tensor(358.0), without=("contacts",))
        return torch.log(transistor.current(tensor(-0.2), tensor(0.8), tensor(0.0)))

    typical = log_off(torch.zeros(1, DEVIATES, dtype=torch.float64))

    def margin(z: Tensor) -> Tensor:
        return typical + 7.0 - log_off(z)

    first = failure_probability(margin, DEVIATES, seed=1)
    second = failure_probability(margin, DEVIATES, seed=2, samples=1 << 15)
    brute = crude(margin, DEVIATES, 1 << 19, seed=3)
    assert 1e-5 < first.probability < 1e-2
    for other in (second, brute):
        error = math.hypot(first.standard_error, other.standard_error)
        assert abs(first.probability - other.probability) < 4 * error + 1e-6


# ---- tools


def test_design_points_of_a_plane_and_of_a_corner():
    starts = 3 * sampling.normal(32, 2, "sobol")
    plane = design_points(lambda z: 5.0 - 0.6 * z[:, 0] - 0.8 * z[:, 1], starts)
    torch.testing.assert_close(plane, torch.tensor([[3.0, 4.0]], dtype=torch.float64), rtol=0, atol=1e-2)
    corner = design_points(lambda z: torch.minimum(5.0 - z[:, 0], 5.5 + z[:, 1]), starts)
    torch.testing.assert_close(corner, torch.tensor([[5.0, 0], [0, -5.5]], dtype=torch.float64), rtol=0, atol=0.1)


def test_brute_force_does_not_depend_on_its_parts():
    whole, cut = (crude(lambda z: 2.0 - z[:, 0], 3, 10_000, seed=4, size=size) for size in (10_000, 777))
    assert whole.probability == cut.probability
    assert whole.probability == pytest.approx(exact(2.0), abs=4 * whole.standard_error)
    nothing = crude(lambda z: 60.0 - z[:, 0], 3, 1000)
    assert nothing.probability == 0.0
    assert not nothing.reliable


def test_seeds():
    def result(seed: int) -> RareEvent:
        return failure_probability(lambda z: 5.0 - z[:, 0], 2, seed=seed)

    assert result(1).probability == result(1).probability != result(2).probability


def test_what_cannot_be_estimated_is_refused():
    with pytest.raises(ConvergenceError, match="no failure among 4096 samples"):
        failure_probability(lambda z: 1.0 + z[:, 0] ** 2, 3)
    with pytest.raises(ConvergenceError, match="no failure"):
        failure_probability(lambda z: torch.ones_like(z[:, 0]), 3)
    with pytest.raises(BeolithError, match="not a number at the deviates"):
        failure_probability(lambda z: torch.log(z[:, 0]), 3)
    with pytest.raises(BeolithError, match="must have that one axis"):
        failure_probability(lambda z: z.sum(), 3)
    with pytest.raises(BeolithError, match="12 samples are too few"):
        failure_probability(lambda z: 1.0 - z[:, 0], 3, samples=12)
    for p in (0.0, 0.7, float("nan")):
        with pytest.raises(BeolithError, match=r"of a quantile; allowed: above 0 and below 0\.5"):
            quantile(lambda z: z[:, 0], 3, p)
