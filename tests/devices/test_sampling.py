"""Normal deviates: their distribution, far into the tails; seeds, parts, quasi-random points and correlation."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from beolith.devices.spread import sampling
from beolith.errors import BeolithError

METHODS = ("random", "sobol", "latin")
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
def test_deviates_are_normal_and_independent(method: str):
    z = sampling.normal(50_000, 4, method, seed=1)
    assert z.shape == (50_000, 4)
    assert z.dtype == torch.float64
    for column in z.T:
        assert stats.kstest(column.numpy(), "norm").pvalue > 1e-3
    assert float((torch.corrcoef(z.T) - torch.eye(4, dtype=torch.float64)).abs().max()) < 4 / math.sqrt(50_000)


@every_method
def test_seeds_reproduce_and_differ(method: str):
    first, again, other = (sampling.uniform(100, 3, method, seed) for seed in (3, 3, 4))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not bool((first == other).any())
    nested = sampling.uniform(100, 3, method, [3, 1])
    assert not bool((nested == first).any())


@every_method
def test_parts_of_any_size_make_the_same_points(method: str):
    whole = sampling.uniform(1000, 3, method, seed=5)
    for size in (1, 37, 256, 1000, 5000):
        joined = torch.cat(list(sampling.parts(1000, 3, method, 5, size)))
        torch.testing.assert_close(joined, whole, rtol=0, atol=0)


@every_method
def test_no_points_and_one_point(method: str):
    assert sampling.uniform(0, 3, method).shape == (0, 3)
    assert bool(sampling.normal(1, 3, method).isfinite().all())


def test_drawing_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    for method in METHODS:
        sampling.normal(10, 2, method)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_tails_do_not_end_at_the_resolution_of_the_net():
    """A Sobol net of 30 bits has no point beyond 6.1 sigma; here the digits below are random, down to 8 sigma."""
    digits = (sampling.uniform(50_000, 1, "sobol") * 2.0**30) % 1.0
    assert stats.kstest(digits[:, 0].numpy(), "uniform").pvalue > 1e-3
    z = torch.special.ndtri(sampling._open(torch.tensor([0.0, 1.0], dtype=torch.float64)))
    assert bool(z.isfinite().all())
    assert float(z.abs().min()) > 8


def test_a_latin_hypercube_fills_every_stratum_once():
    u = sampling.uniform(1000, 3, "latin", seed=2)
    for column in u.T:
        assert (column * 1000).floor().sort().values.tolist() == list(range(1000))


def test_a_sobol_net_is_balanced_in_every_elementary_box():
    u = sampling.uniform(256, 2, "sobol", seed=2)
    for bits in range(9):
        box = (u[:, 0] * 2**bits).floor() * 2 ** (8 - bits) + (u[:, 1] * 2 ** (8 - bits)).floor()
        assert box.sort().values.tolist() == list(range(256))


def smooth_error(method: str, count: int, repeats: int = 16) -> float:
    """Root-mean-square error of the mean of exp(0.2 sum z) in four dimensions, whose true value is exp(0.08)."""
    means = [sampling.normal(count, 4, method, seed).sum(dim=-1).mul(0.2).exp().mean() for seed in range(repeats)]
    return float((torch.stack(means) - math.exp(0.08)).square().mean().sqrt())


def test_quasi_random_points_beat_random_ones_on_a_smooth_function():
    random, latin, sobol = (smooth_error(method, 1024) for method in ("random", "latin", "sobol"))
    assert random == pytest.approx(math.sqrt((math.exp(0.16) - 1) * math.exp(0.16) / 1024), rel=0.5)
    assert latin < random / 2
    assert sobol < random / 10


def test_the_error_of_sobol_points_falls_faster_than_the_root():
    few, many = smooth_error("sobol", 128), smooth_error("sobol", 8192)
    assert few / many > 64**0.75


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(BeolithError, match="'latn' is unknown; did you mean 'latin'"):
        sampling.uniform(3, 2, "latn")


def test_seeds_and_dimensions_out_of_range_are_refused():
    with pytest.raises(BeolithError, match="seed -1 is negative"):
        sampling.uniform(3, 2, seed=-1)
    for dimension in (0, 30_000):
        with pytest.raises(BeolithError, match=f"1 to 21201 dimensions, not {dimension}"):
            sampling.uniform(3, dimension, "sobol")


# ---- correlation


def matrix(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@every_method
def test_correlation_is_reached(method: str):
    wanted = matrix((1, 0.7, -0.3), (0.7, 1, 0.2), (-0.3, 0.2, 1))
    z = sampling.correlate(sampling.normal(100_000, 3, method, seed=1), sampling.factor(wanted))
    torch.testing.assert_close(torch.corrcoef(z.T), wanted, rtol=0, atol=0.01)
    torch.testing.assert_close(z.std(dim=0), torch.ones(3, dtype=torch.float64), rtol=0.01, atol=0)


@pytest.mark.parametrize(
    "wanted", [matrix((1, 1), (1, 1)), matrix((1, -1, 0), (-1, 1, 0), (0, 0, 1)), torch.eye(3, dtype=torch.float64)]
)
def test_perfect_correlation_is_allowed(wanted: Tensor):
    root = sampling.factor(wanted)
    torch.testing.assert_close(root @ root.T, wanted, rtol=0, atol=1e-12)


def test_impossible_correlation_is_refused():
    with pytest.raises(BeolithError, match=r"contradict each other: .* eigenvalue -0\.8"):
        sampling.factor(matrix((1, 0.9, 0.9), (0.9, 1, -0.9), (0.9, -0.9, 1)))
    with pytest.raises(BeolithError, match="correlations contradict each other"):
        sampling.factor(matrix((1, float("nan")), (float("nan"), 1)))


def test_gradients_by_a_correlation():
    def root(rho: Tensor) -> Tensor:
        one = torch.ones_like(rho)
        return sampling.factor(torch.stack((torch.stack((one, rho)), torch.stack((rho, one)))))

    torch.autograd.gradcheck(root, torch.tensor(0.3, dtype=torch.float64, requires_grad=True))


def test_neighbours_vary_together():
    """A Gaussian field over a row of devices: exp(-d^2/l^2) between any two."""
    places = torch.stack((torch.arange(6.0), torch.zeros(6)), dim=-1).double() * 1e-7
    wanted = sampling.spatial_correlation(places, 2e-7)
    assert float(wanted[0, 2]) == pytest.approx(math.exp(-1))
    z = sampling.correlate(sampling.normal(50_000, 6, "latin", seed=1), sampling.factor(wanted))
    torch.testing.assert_close(torch.corrcoef(z.T), wanted, rtol=0, atol=0.02)
