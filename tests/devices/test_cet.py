"""Bins that fill and empty: the expansion, the flow, and a thousand billion cycles at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from beolith.devices.stress import cet
from beolith.devices.stress.cet import Phase, cycles, drive, expansion, relax


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


BATCH = 50
RATES = 10.0 ** torch.arange(6, -14, -1, dtype=torch.float64).reshape(-1, 1)
LEVELS = [(1.2, 0.0), (1.2, 0.4), (0.3, 1.0), (0.0, 0.8), (0.0, 0.0)]


def draw(seed: int, low: float, high: float, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def some_phases(levels: tuple[float, float]) -> list[Phase]:
    """Random exponents over six decades; a third of the devices never emit."""
    return [
        Phase(
            tensor(level).expand(BATCH),
            10 ** draw(i, -3, 3, BATCH),
            10 ** draw(i + 2, -4, 2, BATCH) * (draw(i + 4, 0, 1, BATCH) > 0.3),
        )
        for i, level in enumerate(levels)
    ]


def one_by_one(state: Tensor, phases: list[Phase], count: int) -> Tensor:
    """Cycle after cycle, phase after phase."""
    for _ in range(count):
        for level, capture, emission in phases:
            exponent = torch.where(state < level, capture, emission) * RATES
            state = level + (state - level) * torch.exp(-exponent)
    return state


@pytest.mark.parametrize("stretch", [0.05, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 0.9, 0.95, 1.0])
def test_expansion_follows_the_stretched_exponential(stretch: float):
    """Within 1e-3 of the end at every time, on times that the fit has not seen, and it says so of itself."""
    weights, rates = expansion(tensor(stretch))
    x = np.logspace(math.log10(1e-9) / stretch, 3 + 1 / stretch, 997)
    found = (weights * -torch.expm1(-torch.as_tensor(x).unsqueeze(-1) * rates)).sum(-1)
    worst = float((found - torch.as_tensor(-np.expm1(-(x**stretch)))).abs().max())
    assert worst <= 1e-3
    assert worst <= 1.05 * cet.error(stretch) + 1e-12
    assert bool((weights > 0).all())
    assert float(weights.sum()) == pytest.approx(1, abs=1e-14)
    assert len(rates) <= 2.2 * math.log10(x[-1] / x[0]) + 10


def test_a_simple_exponential_is_one_bin():
    weights, rates = expansion(tensor(1.0))
    assert weights.tolist() == pytest.approx([1.0])
    assert rates.tolist() == [1.0]


def test_expansion_of_a_batch_is_that_of_each():
    together = expansion(torch.tensor([[0.3], [0.5]], dtype=torch.float64))
    for i, stretch in enumerate((0.3, 0.5)):
        alone = expansion(tensor(stretch))
        x = torch.logspace(-6, 3, 50, dtype=torch.float64)
        f = (together.weights[:, i, 0] * -torch.expm1(-x.unsqueeze(-1) * together.rates[:, 0, 0])).sum(-1)
        g = (alone.weights * -torch.expm1(-x.unsqueeze(-1) * alone.rates)).sum(-1)
        torch.testing.assert_close(f, g, rtol=0, atol=2e-3)


def test_expansion_is_differentiable_in_the_exponent():
    stretch = torch.tensor([0.37, 0.52], dtype=torch.float64, requires_grad=True)

    def filled(b: Tensor) -> Tensor:
        weights, rates = expansion(b)
        return torch.stack([(weights * -torch.expm1(-x * rates)).sum(0) for x in (1e-6, 1e-2, 1.0, 30.0)])

    assert torch.autograd.gradcheck(filled, stretch, rtol=1e-5)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("count", [1, 3, 1000])
def test_cycles_at_once_are_cycles_one_by_one(levels: tuple[float, float], count: int):
    """Whatever the levels, also from states outside them, which pass over two or three pieces of the map."""
    state, phases = draw(9, 0, 1.6, len(RATES), BATCH), some_phases(levels)
    found = cycles(state, RATES, phases, tensor(count).expand(BATCH))
    torch.testing.assert_close(found, one_by_one(state, phases, count), rtol=0, atol=1e-11)


def test_a_hundred_thousand_cycles():
    """The bar: 1e-9 against brute force over 1e5 cycles. Reached: 3e-11."""
    state, phases = draw(9, 0, 1.6, len(RATES), BATCH), some_phases((1.2, 0.2))
    found = cycles(state, RATES, phases, tensor(1e5).expand(BATCH))
    assert float((found - one_by_one(state, phases, 100_000)).abs().max()) <= 1e-9


@pytest.mark.parametrize(("capture", "emission"), [(1e-15, 0.0), (3e-16, 1e-15), (1e-13, 1e-12), (0.3, 1e-14)])
def test_a_thousand_billion_cycles_against_mpmath(capture: float, emission: float):
    """1e15 cycles of exponents down to 1e-16, in 60 digits."""
    import mpmath

    with mpmath.workdps(60):
        up, down = mpmath.mpf(capture), mpmath.mpf(emission)
        a, b = mpmath.exp(-up - down), -mpmath.expm1(-up) * mpmath.exp(-down)
        n = mpmath.mpf(10) ** 15
        expected = float(a**n * mpmath.mpf("0.1") + b * (1 - a**n) / (1 - a))
    phases = [Phase(tensor(1.0), tensor(capture), tensor(0.0)), Phase(tensor(0.0), tensor(0.0), tensor(emission))]
    found = cycles(torch.tensor([0.1], dtype=torch.float64), torch.ones(1).double(), phases, tensor(1e15))
    assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("levels", [*LEVELS, (0.8, 0.8)])
@pytest.mark.parametrize("duty", [0.0, 0.4, 1.0])
def test_the_flow_of_fast_pulses(levels: tuple[float, float], duty: float):
    """It is the limit of many short cycles, and may be cut anywhere."""
    phases = [p._replace(capture=p.capture * s, emission=p.emission * s)
              for p, s in zip(some_phases(levels), (duty, 1 - duty), strict=True)]  # fmt: skip
    state, rates = draw(9, 0, 1.6, len(RATES), BATCH), RATES[5:]
    state = state[5:]

    def part(share: float) -> list[Phase]:
        return [Phase(p.level, p.capture * share, p.emission * share) for p in phases]

    whole = relax(state, rates, drive(*phases))
    cut = relax(relax(state, rates, drive(*part(0.3))), rates, drive(*part(0.7)))
    torch.testing.assert_close(cut, whole, rtol=0, atol=2e-14)
    many = cycles(state, rates, part(1e-9), tensor(1e9).expand(BATCH))
    torch.testing.assert_close(many, whole, rtol=0, atol=1e-6)  # a cycle still has a length


def test_the_flow_is_differentiable_on_every_branch():
    """By state and exponents, for bins that start above, between and below, with and without crossing."""
    state = torch.tensor([[1.5], [1.21], [0.8], [0.2], [0.39]], dtype=torch.float64, requires_grad=True)
    exponents = torch.tensor([1.3, 0.4, 0.7, 0.9], dtype=torch.float64, requires_grad=True)

    def run(s: Tensor, e: Tensor) -> Tensor:
        one, two = Phase(tensor(1.2), e[0:1], e[1:2]), Phase(tensor(0.4), e[2:3], e[3:4])
        return relax(s, torch.tensor([[1.0], [2.0], [0.5], [1.0], [3.0]]).double(), drive(one, two))

    assert torch.autograd.gradcheck(run, (state, exponents))
    assert torch.autograd.gradcheck(
        lambda s, e: cycles(s, RATES[4:9], [Phase(tensor(1.2), e[0:1], e[1:2])], tensor(3.0)), (state, exponents)
    )
