"""No kinks: derivatives of current and charge to the fourth order, through V_DS = 0 and through threshold.

A kink in the k-th derivative escapes automatic differentiation, which never sees the jump; so each derivative must be
the integral of the next one over the grid.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv

STEP = 0.01  # of the grid, in units of phi
ZERO = torch.zeros((), dtype=torch.float64)


@pytest.fixture(params=[4.0, 77.0, 300.0, 450.0])
def transistor(rich: TekvParameters, request: pytest.FixtureRequest) -> Tekv:
    """Each card with every optional term switched on, 45 nm long."""
    return Tekv(rich, *torch.tensor([1e-6, 45e-9, request.param], dtype=torch.float64))


def derivatives(curve: Callable[[Tensor], Tensor], x: Tensor, order: int) -> list[Tensor]:
    """The curve and its first ``order`` derivatives."""
    x = x.clone().requires_grad_()
    found = [curve(x)]
    for _ in range(order):
        found.append(torch.autograd.grad(found[-1].sum(), x, create_graph=True)[0])
    return [f.detach() for f in found]


def integral(x: Tensor, f: Tensor, slope: Tensor) -> Tensor:
    """Integral of f between neighbours, by the trapezoid with end correction (error of the order of the step^5)."""
    h = x.diff()
    return h / 2 * (f[1:] + f[:-1]) - h * h / 12 * slope.diff()


def assert_smooth(curve: Callable[[Tensor], Tensor], x: Tensor, order: int, tolerance: float) -> None:
    """Every derivative up to ``order`` is finite and continuous.

    Its change over the grid, point by point, is the integral of the next one, to a share of its own range.
    """
    d = derivatives(curve, x, order + 2)
    for k in range(order + 1):
        assert bool(torch.isfinite(d[k]).all()), f"derivative {k}"
        missed = d[k].diff() - integral(x, d[k + 1], d[k + 2])
        assert float(missed.abs().max() / d[k].abs().max()) < tolerance, f"derivative {k}"


def symmetric(transistor: Tekv, overdrive: float) -> Callable[[Tensor], Tensor]:
    """Drain current against V_DS with drain and source moved apart about 0 V, as in the Gummel test."""
    k = transistor.coefficients
    v_g = k.v_t + overdrive * k.n_phi
    return lambda v_ds: transistor.current(v_g, v_ds / 2, -v_ds / 2)


def units(transistor: Tekv, low: float, high: float) -> Tensor:
    """A grid in units of phi [V]."""
    phi = transistor.coefficients.phi
    return phi * torch.linspace(low, high, round((high - low) / STEP) + 1, dtype=torch.float64)


OVERDRIVES = pytest.mark.parametrize("overdrive", [-10.0, 0.0, 40.0])


@OVERDRIVES
def test_current_is_smooth_through_zero_drain_voltage(transistor: Tekv, overdrive: float):
    """To the fourth derivative; reached: 2e-9 of the range of each in a short fast silicon channel, 2e-11 elsewhere."""
    assert_smooth(symmetric(transistor, overdrive), units(transistor, -4, 4), 4, 1e-8)


@OVERDRIVES
def test_gummel(transistor: Tekv, overdrive: float):
    """The current is odd in V_DS to the last bit, and so its even derivatives vanish at zero."""
    curve = symmetric(transistor, overdrive)
    x = units(transistor, 0.01, 100)
    assert torch.equal(curve(x), -curve(-x))
    d = derivatives(curve, units(transistor, -4, 4), 5)
    for k in (0, 2, 4):
        assert abs(float(d[k][400])) < 1e-12 * float(d[k].abs().max()), f"derivative {k}"
    for k in (1, 3, 5):
        torch.testing.assert_close(d[k], d[k].flip(0), rtol=1e-9, atol=1e-12 * float(d[k].abs().max()))


def test_current_is_smooth_through_threshold(transistor: Tekv):
    """Against the gate voltage, from far below threshold to far above; reached: 2e-12."""
    k = transistor.coefficients

    def log_current(v_g: Tensor) -> Tensor:
        return torch.log(transistor.current(k.v_t + v_g, 5 * k.phi, ZERO))

    assert_smooth(log_current, units(transistor, -15, 15), 4, 1e-10)


def test_charges_are_smooth_through_zero_drain_voltage(transistor: Tekv):
    """To the second derivative of the drain charge, that is the slope of a capacitance; reached: 6e-13."""
    k = transistor.coefficients

    def drain_charge(v_ds: Tensor) -> Tensor:
        return transistor.charges(k.v_t + 20 * k.n_phi, v_ds / 2, -v_ds / 2).drain

    assert_smooth(drain_charge, units(transistor, -4, 4), 2, 1e-10)
