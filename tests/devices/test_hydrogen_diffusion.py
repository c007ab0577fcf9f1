"""The diffusion solver against series, erfc, permeation, an independent integrator, and its own conservation law."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from mpmath import mp, mpf, nsum
from scipy.integrate import solve_ivp
from torch import Tensor

from beolith.devices.hydrogen.hydrogen_diffusion import (
    Content,
    Film,
    advance,
    half_space,
    ingress,
    lateral_average,
    lateral_average_short,
    lateral_profile,
    tridiagonal,
)
from beolith.errors import ConvergenceWarning


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def uniform(
    cells: int, thickness: float, diffusivity: float, *, capture: float = 0.0, escape: float = 0.0, traps: float = 0.0
) -> Film:
    one = torch.ones(cells, dtype=torch.float64)
    resistance = one * thickness / cells / diffusivity
    resistance[0] /= 2
    return Film(one * thickness / cells, one, resistance, one * capture, one * escape, one * traps)


def empty(film: Film) -> Content:
    nothing = torch.zeros_like(film.width)
    return Content(nothing, nothing, torch.zeros((), dtype=torch.float64))


def total(film: Film, content: Content) -> Tensor:
    return (film.width.reshape(-1, *(1,) * (content.free.ndim - 1)) * (content.free + content.trapped)).sum(0)


def test_tridiagonal_systems():
    generator = torch.Generator().manual_seed(1)
    off, right = torch.randn(2, 9, 4, generator=generator, dtype=torch.float64)
    diagonal = 3 + torch.rand(9, 4, generator=generator, dtype=torch.float64) * 2
    found = tridiagonal(off, diagonal, right)
    for j in range(4):
        dense = torch.diag(diagonal[:, j]) + torch.diag(off[1:, j], 1) + torch.diag(off[1:, j], -1)
        torch.testing.assert_close(found[:, j], torch.linalg.solve(dense, right[:, j]))


@pytest.mark.parametrize("time", [3.0, 10.0, 100.0])
def test_uptake_of_a_slab(time: float):
    """Average of a slab with one face held and the other sealed: half of the slab with both faces held."""
    film = uniform(60, 1e-6, 1e-14)
    found = advance(film, empty(film), tensor(time), tensor(1.0))
    exact = lateral_average(tensor(2e-6), tensor(1e-14 * time))
    assert float(found.free.mean() / exact) == pytest.approx(1, abs=4e-3)
    assert float(found.entered / total(film, found)) == pytest.approx(1, rel=1e-13)


def test_second_order_in_time():
    film = uniform(20, 1e-6, 1e-14)
    fine = advance(film, empty(film), tensor(40.0), tensor(1.0), steps=640).free
    errors = [
        float((advance(film, empty(film), tensor(40.0), tensor(1.0), steps=n).free - fine).abs().max())
        for n in (40, 80, 160)
    ]
    assert errors[0] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(4, abs=1)
    assert errors[1] / errors[2] == pytest.approx(4, abs=1)


def test_profile_of_a_half_space():
    film = uniform(200, 1e-6, 1e-14)
    found = advance(film, empty(film), tensor(2.0), tensor(1.0), steps=80).free
    depth = (torch.arange(200, dtype=torch.float64) + 0.5) * 5e-9
    assert float((found - half_space(depth, tensor(2e-14))).abs().max()) < 1e-3


@pytest.mark.parametrize("ratio", [1.0, 9.0, 99.0])
def test_fast_dilute_traps_only_slow_diffusion(ratio: float):
    """D_eff = D/(1 + k_t N_tr/k_d): C_t = ratio C everywhere, and the profile is that of the slower diffusion."""
    film = uniform(100, 1e-6, 1e-14, capture=1e-17 * ratio, escape=1e4, traps=1e21)
    time = 2.0 * (1 + ratio)
    surface = 1e15  # far below both N_tr and k_d/k_t
    found = advance(film, empty(film), tensor(time), tensor(surface), steps=80)
    depth = (torch.arange(100, dtype=torch.float64) + 0.5) * 1e-8
    exact = half_space(depth, tensor(1e-14 * time / (1 + ratio)))
    assert float((found.free / surface - exact).abs().max()) < 2e-3
    torch.testing.assert_close(found.trapped, ratio * found.free, rtol=2e-3, atol=1e-6 * surface)


def test_steady_permeation_of_two_layers():
    """J = C_0/(d_1/D_1 S_1 + d_2/D_2 S_2 + 1/P) into a sink."""
    d, diffusivity, solubility, n = (5e-9, 20e-9), (1e-18, 3e-16), (1.0, 0.05), 8
    width = torch.cat([torch.full((n,), x / n) for x in d] + [torch.tensor([1.0])]).double()
    s = torch.cat([torch.full((n,), x) for x in solubility] + [torch.tensor([1e6])]).double()
    half = [0.5 * x / n / (a * b) for x, a, b in zip(d, diffusivity, solubility, strict=True)]
    barrier = 7e9
    resistance = torch.tensor(
        [half[0], *[2 * half[0]] * (n - 1), half[0] + barrier + half[1], *[2 * half[1]] * (n - 1), half[1]]
    ).double()
    nothing = torch.zeros_like(width)
    film = Film(width, s, resistance, nothing, nothing, nothing)
    before = advance(film, empty(film), tensor(1e6), tensor(1e24))
    after = advance(film, before, tensor(1e6), tensor(1e24))
    flux = float(after.entered - before.entered) / 1e6
    series = d[0] / (diffusivity[0] * solubility[0]) + d[1] / (diffusivity[1] * solubility[1]) + barrier
    assert flux == pytest.approx(1e24 / series, rel=1e-6)
    u = after.free / s
    assert float(u[n - 1] - u[n]) == pytest.approx(1e24 / series * (half[0] + barrier + half[1]), rel=1e-6)


def random_film(seed: int, stiff: float) -> tuple[Film, Content]:
    """Ten cells, five samples, rates over many decades."""
    g = torch.Generator().manual_seed(seed)

    def spread(decades: float) -> Tensor:
        return 10 ** (decades * torch.rand(10, 5, generator=g, dtype=torch.float64))

    film = Film(
        1e-10 * spread(2),
        1e-2 * spread(3),
        1e5 * spread(5) / stiff,
        1e-26 * spread(4) * stiff,
        1e-4 * spread(4) * stiff,
        1e24 * spread(3),
    )
    return film, Content(1e20 * spread(4), 1e20 * spread(3), torch.zeros(5, dtype=torch.float64))


@pytest.mark.parametrize("stiff", [1.0, 1e6, 1e12])
@pytest.mark.parametrize("sealed", [False, True])
def test_hydrogen_is_conserved_to_rounding(stiff: float, sealed: bool):
    film, content = random_film(3, stiff)
    before = (film.width * (content.free + content.trapped)).sum(0)
    for k in range(3):
        content = advance(film, content, tensor(10.0 ** (2 * k)), None if sealed else tensor(1e23))
    after = (film.width * (content.free + content.trapped)).sum(0)
    scale = before + content.entered.abs()
    assert float(((after - before - content.entered) / scale).abs().max()) < 1e-12
    if sealed:
        assert float(content.entered.abs().max()) == 0


def test_equilibrium_is_even_activity_and_balanced_traps():
    film, content = random_film(4, 1e12)
    content = advance(film, content, tensor(1e8), tensor(1e23))
    torch.testing.assert_close(content.free / film.solubility, torch.full((10, 5), 1e23).double(), rtol=1e-6, atol=0)
    balanced = film.traps * content.free / (content.free + film.escape / film.capture)
    torch.testing.assert_close(content.trapped, balanced, rtol=1e-6, atol=0)


def test_against_an_independent_integrator():
    """Saturating traps on the scale of the diffusion itself, where no closed form holds: scipy's Radau."""
    film = uniform(25, 1e-7, 1e-16, capture=2e-24, escape=0.01, traps=2e23)
    resistance, width = film.resistance.numpy(), 4e-9

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        free, held = y[:25] * 1e23, y[25:] * 1e23
        flux = np.append(-np.diff(np.append(1e23, free)) / resistance, 0.0)
        caught = 2e-24 * free * (2e23 - held) - 0.01 * held
        return np.concatenate([-np.diff(flux) / width - caught, caught]) / 1e23

    for time in (3.0, 60.0):
        exact = solve_ivp(slope, (0, time), np.zeros(50), method="Radau", rtol=1e-9, atol=1e-12).y[:, -1]
        found = advance(film, empty(film), tensor(time), tensor(1e23), steps=160)
        assert np.abs(np.concatenate([found.free, found.trapped]) / 1e23 - exact).max() < 1e-3


def test_nothing_exceeds_its_source():
    film = uniform(30, 1e-7, 1e-16, capture=2e-22, escape=1.0, traps=1e25)
    for steps in (20, 40):
        found = advance(film, empty(film), tensor(500.0), tensor(1e24), steps=steps)
        assert float(found.free.max()) < 1.001e24
        assert float(found.free.min()) > -1e-3 * 1e24
        assert float(found.trapped.max()) < 1.001 * 1e25


def test_a_batch_is_its_members():
    film, content = random_film(7, 1.0)
    whole = advance(film, content, tensor(100.0), tensor(1e23))
    for j in range(5):
        one = advance(
            Film(*(x[:, j] for x in film)),
            Content(content.free[:, j], content.trapped[:, j], content.entered[j]),
            tensor(100.0),
            tensor(1e23),
        )
        torch.testing.assert_close(whole.free[:, j], one.free, rtol=1e-6, atol=0)


def test_no_time_changes_nothing():
    film, content = random_film(8, 1.0)
    same = advance(film, content, tensor(0.0), tensor(1e23))
    torch.testing.assert_close(same.free, content.free, rtol=1e-12, atol=0)
    assert float(same.entered.abs().max()) == 0


def test_gradients():
    given = [tensor(x).requires_grad_() for x in (1.0, 0.7, 1.3, 0.9, 2.0)]

    def content(diffusivity: Tensor, traps: Tensor, capture: Tensor, ambient: Tensor, time: Tensor) -> Tensor:
        one = torch.ones(6, dtype=torch.float64)
        film = Film(
            one * 1e-8, one, one * 1e-8 / (1e-17 * diffusivity), 1e-24 * capture * one, one * 0.1, 1e24 * traps * one
        )
        found = advance(film, empty(film), 30.0 * time, 1e24 * ambient, steps=8)
        return torch.cat([found.free, found.trapped]) / 1e24

    assert torch.autograd.gradcheck(content, given, eps=1e-5, atol=1e-5, rtol=1e-4)


def test_traps_that_do_not_settle_are_told():
    film, content = random_film(3, 1.0)
    bad = content._replace(free=content.free * math.nan)
    with pytest.warns(ConvergenceWarning, match="traps did not settle"):
        found = advance(film, bad, tensor(1.0), tensor(1e23), steps=4)
    assert bool(found.free.isnan().any())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advance(film, content, tensor(1.0), tensor(1e23))


def exact_average(f: float) -> float:
    """Series of the slab in 30 digits."""
    mp.dps = 30
    terms = nsum(lambda n: mp.exp(-((2 * n + 1) ** 2) * mp.pi**2 * mpf(f)) / (2 * n + 1) ** 2, [0, 4000], method="d")
    return float(1 - 8 / mp.pi**2 * terms)


@pytest.mark.parametrize("f", [1e-3, 0.02, 0.0499, 0.0501, 0.1, 0.5, 3.0])
def test_lateral_average_is_exact(f: float):
    assert float(lateral_average(tensor(1.0), tensor(f))) == pytest.approx(exact_average(f), rel=1e-13)


def test_lateral_average_between_its_limits():
    length = torch.logspace(-8, -4, 400, dtype=torch.float64)
    spread = tensor(1e-14)
    average = lateral_average(length, spread)
    assert bool((average.diff() < 1e-15).all())  # short channels fill first
    assert float(average[0]) == pytest.approx(1.0)
    long = length > 1e-5
    torch.testing.assert_close(
        average[long] * length[long], torch.full_like(average[long], 4 * math.sqrt(1e-14 / math.pi)), rtol=1e-12, atol=0
    )
    apart = length > 8e-7  # while the fronts have not met, two half spaces are the answer
    torch.testing.assert_close(average[apart], lateral_average_short(length[apart], spread), rtol=1e-6, atol=0)
    x = torch.linspace(0, 1e-6, 20001, dtype=torch.float64)
    profile = torch.trapezoid(lateral_profile(x, tensor(1e-6), spread), x) / 1e-6
    assert float(profile) == pytest.approx(float(lateral_average_short(tensor(1e-6), spread)), rel=1e-7)


def test_lateral_average_is_smooth_and_differentiable():
    f = torch.linspace(0.049, 0.051, 201, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(lateral_average(tensor(1.0), f).sum(), f)
    assert float(slope.diff().abs().max()) < 2e-3 * float(slope.mean())
    given = [tensor(x).requires_grad_() for x in (1.2, 0.3)]
    assert torch.autograd.gradcheck(lambda a, b: lateral_average(a, b), given)


def test_ingress_of_a_budget():
    length, spread = tensor(1e-6), [tensor(2e-14), tensor(5e-15), tensor(1e-14)]
    held = ingress(length, [tensor(1e24)] * 3, spread)
    assert float(held) == pytest.approx(1e24 * float(lateral_average(length, tensor(3.5e-14))), rel=1e-14)
    late = ingress(length, [tensor(0.0), tensor(0.0), tensor(1e24)], spread)
    assert float(late) == pytest.approx(1e24 * float(lateral_average(length, tensor(1e-14))), rel=1e-14)
    film = uniform(120, 5e-7, 1.0)  # half a channel, D = 1 and the clock D t
    content = empty(film)
    for c, s in zip((1e24, 3e23, 6e23), spread, strict=True):
        content = advance(film, content, s, tensor(c))
    stepped = ingress(length, [tensor(1e24), tensor(3e23), tensor(6e23)], spread)
    assert float(content.free.mean()) == pytest.approx(float(stepped), rel=3e-3)
