"""Crossings between samples, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from beolith.circuits.crossing import crossing

from .conftest import f64


def test_an_exponential_is_crossed_where_it_should_be():
    """Third order: half the spacing leaves at most a sixth of the error."""
    errors = []
    for count in (21, 41):
        t = torch.linspace(0.0, 4.0, count, dtype=torch.float64)
        levels = f64(0.31, 0.5, 0.77)
        found = crossing(t, (1.0 - torch.exp(-t))[:, None].expand(-1, 3), levels)
        errors.append(float((found + torch.log1p(-levels)).abs().max()))
    assert errors[1] < errors[0] / 6.0 < 1e-3


def test_a_straight_line_is_crossed_exactly():
    t = f64(0.0, 1.0, 4.0, 5.0)
    assert float(crossing(t, 2.0 * t, 5.0)) == pytest.approx(2.5, rel=1e-14)


def test_it_is_the_first_rise():
    t = torch.linspace(0.0, 2.0 * math.pi * 2.0, 400, dtype=torch.float64)
    assert float(crossing(t, torch.sin(t), 0.5)) == pytest.approx(math.pi / 6.0, abs=1e-5)


def test_what_is_never_reached_is_not_a_number_and_harms_no_gradient():
    t = torch.linspace(0.0, 1.0, 11, dtype=torch.float64)
    top = f64(0.5, 2.0).requires_grad_()
    found = crossing(t, t[:, None] * top, 1.0)
    assert bool(torch.isnan(found[0]))
    found[1].backward()
    assert top.grad is not None
    torch.testing.assert_close(top.grad, f64(0.0, -0.25))


def test_the_gradient_is_that_of_the_interpolated_curve():
    t = torch.linspace(0.0, 4.0, 60, dtype=torch.float64)

    def time(tau: torch.Tensor) -> torch.Tensor:
        return crossing(t, 1.0 - torch.exp(-t / tau), 0.63)

    assert torch.autograd.gradcheck(time, (f64(1.1).requires_grad_(),), rtol=1e-6)
