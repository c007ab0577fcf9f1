"""The charge-voltage law v = 2 q + ln q + a q^s: residual, goldens of 60 digits, implicit derivatives.

Run this file with Python to print the goldens again.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from beolith.devices.uccm import log_charge

# v, a, s and x = ln q, rounded to double from 60 digits
GOLDENS = [
    (-300.0, 0.0, 0.5, -300.0),
    (-300.0, 1000.0, 0.02, -302.3642712930236),
    (-40.0, 10.0, 0.31, -40.00004118536124),
    (-5.0, 1.5, 0.468, -5.146552372810213),
    (0.0, 0.0, 0.5, -0.8526055020137255),
    (0.0, 1000.0, 0.95, -5.481915794925094),
    (0.6281, 988.1853, 0.8735, -5.770727362091016),
    (1.0, 0.3, 0.75, -0.4662182411118107),
    (12.5, 3.33, 0.311, 1.1805366384865836),
    (60.0, 100.0, 0.2, -2.374965840961824),
    (400.0, 1000.0, 0.6, -1.5226308704478961),
    (1500.0, 0.0, 0.5, 6.6156530165239396),
    (1500.0, 1000.0, 0.95, 0.424359322519001),
    (1500.0, 1000.0, 0.02, 5.257164730561465),
]


def wide_draw(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The whole promised range; half the points near threshold, a from 1e-12 to 1e3 and, for a tenth, zero."""
    draw = torch.rand(4, n, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    v = torch.where(torch.arange(n) % 2 == 0, 1800 * draw[0] - 300, 60 * draw[0] - 30)
    a = torch.where(draw[3] < 0.1, torch.zeros(n, dtype=torch.float64), 10 ** (15 * draw[1] - 12))
    return v, a, 0.02 + 0.93 * draw[2]


def test_residual():
    """Reached: 2e-15 of the largest term of the law."""
    v, a, s = wide_draw(400_000)
    x = log_charge(v, a, s)
    terms = torch.stack([x, 2 * torch.exp(x), a * torch.exp(s * x), -v])
    assert float((terms.sum(0).abs() / terms.abs().amax(0).clamp(min=1.0)).max()) < 1e-13


@pytest.mark.parametrize("v", [-300.0, -1.0, 0.0, 1.0, 1500.0])
@pytest.mark.parametrize("s", [0.02, 0.95])
@pytest.mark.parametrize("a", [0.0, 1e3])
def test_residual_at_the_corners(v: float, a: float, s: float):
    given = [torch.tensor(value, dtype=torch.float64) for value in (v, a, s)]
    x = log_charge(*given)
    terms = torch.stack([x, 2 * torch.exp(x), a * torch.exp(s * x), -given[0]])
    assert float(terms.sum().abs()) < 1e-13 * float(terms.abs().max())


def test_goldens():
    """Reached: 1e-15 absolute, or relative where |x| > 1."""
    v, a, s, expected = torch.tensor(GOLDENS, dtype=torch.float64).T
    assert float(((log_charge(v, a, s) - expected).abs() / expected.abs().clamp(min=1.0)).max()) < 1e-14


def test_charge_rises_with_voltage_and_falls_with_traps():
    v = torch.linspace(-300, 1500, 20001, dtype=torch.float64)
    a, s = torch.tensor([0.0, 1e-3, 1.0, 1e3], dtype=torch.float64)[:, None], torch.tensor(0.4, dtype=torch.float64)
    x = log_charge(v, a, s)
    assert bool((x.diff(dim=-1) > 0).all())
    # the traps' share of the charge vanishes as q^s: below -150 the four agree to rounding
    assert bool((x[:, v > -20].diff(dim=0) < 0).all())


def test_far_below_threshold_the_charge_stays_a_normal_number():
    v = torch.tensor([-601.0, -1e4, -1e6], dtype=torch.float64)
    x = log_charge(v, torch.tensor(1.0, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64))
    assert bool((torch.exp(x) > torch.finfo(torch.float64).tiny).all())


def near_threshold() -> tuple[Tensor, Tensor, Tensor]:
    v = torch.tensor([-12.0, -3.0, 0.0, 0.7, 4.0, 35.0, 300.0], dtype=torch.float64)
    a = torch.tensor([[0.2], [3.0], [100.0]], dtype=torch.float64)
    s = torch.tensor([[[0.31]], [[0.75]]], dtype=torch.float64)
    return v.requires_grad_(), a.requires_grad_(), s.requires_grad_()


def test_derivatives_agree_with_finite_differences():
    assert torch.autograd.gradcheck(log_charge, near_threshold(), eps=1e-6, rtol=1e-6, atol=1e-8)


def test_second_derivatives_agree_with_finite_differences():
    assert torch.autograd.gradgradcheck(log_charge, near_threshold(), eps=1e-6, rtol=1e-6, atol=1e-8)


def test_the_value_does_not_depend_on_whether_a_gradient_is_wanted():
    v, a, s = near_threshold()
    with_gradient = log_charge(v, a, s)
    assert with_gradient.requires_grad
    assert torch.equal(with_gradient.detach(), log_charge(v.detach(), a.detach(), s.detach()))


def regenerate() -> None:
    import mpmath

    mpmath.mp.dps = 60
    for v, a, s, _ in GOLDENS:
        law = lambda x, v=v, a=a, s=s: x + 2 * mpmath.e**x + a * mpmath.e ** (mpmath.mpf(s) * x) - v  # noqa: E731
        low, high = mpmath.mpf(-1000), mpmath.mpf(20)
        root = mpmath.findroot(law, (low, high), solver="anderson", tol=1e-50, maxsteps=1000)
        print(f"    ({v!r}, {a!r}, {s!r}, {float(root)!r}),")  # noqa: T201


if __name__ == "__main__":
    regenerate()
