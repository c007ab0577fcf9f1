"""Roots of stiff monotone equations, their gradients, and giving up."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from beolith.circuits.solve import root
from beolith.errors import ConvergenceError

from .conftest import f64


@pytest.mark.parametrize("start", [-3.0, 0.0, 0.4, 1.0, 5.0])
def test_exponential_from_either_side(start: float) -> None:
    target = f64(1e-3, 1.0, 1e3, 1e6)

    def residual(v: Tensor) -> Tensor:
        return torch.exp(v / 0.026) + 1e-3 * v - target

    found, slope = root(residual, torch.full((4,), start, dtype=torch.float64), torch.ones(4, dtype=torch.float64))
    assert torch.all(slope > 0)
    torch.testing.assert_close(found, 0.026 * (target - 1e-3 * found).log(), rtol=0, atol=1e-9)


def test_gradient_is_that_of_the_implicit_function() -> None:
    p = f64(0.3, 1.0, 7.0).requires_grad_()
    found, _ = root(lambda x: x**3 + x - p, torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(found.sum(), p)
    torch.testing.assert_close(gradient, 1.0 / (3.0 * found.detach() ** 2 + 1.0), rtol=1e-9, atol=0.0)


def test_no_root_is_an_error_and_not_a_number() -> None:
    with pytest.raises(ConvergenceError, match="storage voltage stopped after 60 iterations"):
        root(lambda x: torch.exp(x) + 1.0, f64(0.0), f64(1.0), what="the storage voltage")
