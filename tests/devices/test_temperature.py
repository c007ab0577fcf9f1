"""From 4 K to 450 K: swing, mobility, threshold and off current."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.devices import library
from beolith.devices.library import Device
from beolith.devices.mobility import mobility_law
from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv, thermal_voltage

LN10 = 2.302585092994046
MEV = 1e-3 * constants.electron_volt
ZERO = torch.zeros((), dtype=torch.float64)


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture(scope="module")
def igzo() -> Device:
    return library.load("belmonte2023_igzo")


@pytest.mark.parametrize(("temperature", "swing"), [(300, 61.0), (200, 45.2), (150, 41.5), (100, 40.6)])
def test_floor_of_the_swing(temperature: float, swing: float):
    """n phi ln 10 with (W_m, m, n) = (17.4 meV, 6, 1.01), within 0.05 mV/dec of a separate prototype.

    The measurement (vansetten2025_cryo) says 61 mV/dec at 300 K and "around 40" from 200 K to 100 K: exponent 6 is
    5 mV/dec too high at 200 K, which is why the cards use 12.
    """
    phi = thermal_voltage(tensor(temperature), tensor(17.4 * MEV), tensor(6.0))
    assert float(1.01 * phi * LN10 * 1e3) == pytest.approx(swing, abs=0.05)


@pytest.mark.parametrize(
    ("temperature", "published", "tolerance"), [(300, 61, 1), (200, 40, 3), (150, 40, 3), (100, 40, 3)]
)
def test_swing_of_the_imec_card(
    igzo: Device, gate_voltage_at: Callable[..., float], temperature: float, published: float, tolerance: float
):
    """Swing from the current at 1e-15 A, 1 um by 45 nm.

    References: vansetten2025_cryo, abstract: 61 mV/dec at 300 K, around 40 from 100 K to 200 K.
    """
    transistor = Tekv(igzo.tekv, tensor(1e-6), tensor(45e-9), tensor(float(temperature)))
    step = gate_voltage_at(transistor, 2e-15, 0.5) - gate_voltage_at(transistor, 1e-15, 0.5)
    swing = 1e3 * step / 0.30102999566398120
    assert swing == pytest.approx(published, abs=tolerance)
    assert swing == pytest.approx(float(transistor.coefficients.n_phi) * LN10 * 1e3, abs=0.3)


def test_thermal_voltage_has_the_right_limits():
    w = tensor(17.4 * MEV)
    hot = thermal_voltage(tensor(2000.0), w, tensor(6.0))
    cold = thermal_voltage(tensor(1.0), w, tensor(6.0))
    assert float(hot) == pytest.approx(constants.Boltzmann * 2000 / constants.e, rel=1e-6)
    assert float(cold) == pytest.approx(17.4e-3, rel=1e-12)
    t = torch.linspace(1, 500, 500, dtype=torch.float64)
    assert bool((thermal_voltage(t, w, tensor(6.0)).diff() >= 0).all())
    torch.testing.assert_close(thermal_voltage(t, ZERO, tensor(6.0)), constants.Boltzmann * t / constants.e)


def test_off_current_follows_its_activation_energy(device: Device):
    """Far below threshold the current is W J_0 exp[-(E_A/k)(1/T - 1/T_ref)], to rounding, saturated in V_DS."""
    p = device.tekv
    t = torch.tensor([250.0, 300.0, 358.0, 398.0], dtype=torch.float64)
    transistor = device.transistor(tensor(2e-6), tensor(100e-9), t)
    i_off = transistor.current(tensor(-10.0), tensor(2.0), ZERO)
    expected = (
        2e-6
        * p.leakage_density
        * torch.exp(-p.leakage_activation / constants.Boltzmann * (1 / t - 1 / p.leakage_temperature))
    )
    torch.testing.assert_close(i_off, expected, rtol=1e-10, atol=0)
    ends = torch.log(i_off[3] / i_off[0]) / (1 / t[0] - 1 / t[3]) * constants.Boltzmann
    torch.testing.assert_close(ends, p.leakage_activation, rtol=1e-10, atol=1e-30)


def test_gate_voltage_at_constant_current_falls_with_temperature(device: Device, gate_voltage_at: Callable[..., float]):
    """At 1 nA (W = 1 um, L = 50 nm, V_DS = 0.5 V); -0.9 (IGZO, ITO), -0.7 (In2O3) and -1.1 mV/K (Si).

    A card with a high floor, such as SnO, is read two decades above it.
    """
    level = max(1e-9, 1e2 * 1e-6 * float(device.tekv.leakage_density))
    found = [
        gate_voltage_at(device.transistor(tensor(1e-6), tensor(50e-9), tensor(t)), level, 0.5)
        for t in (233.0, 270.0, 300.0, 350.0, 398.0, 450.0)
    ]
    assert all(b < a for a, b in pairwise(found))


def test_intrinsic_threshold_falls_with_temperature(igzo: Device):
    """V_T(T) follows from C, t and N_c: -0.22 mV/K for the imec card from 233 K to 398 K, monotone above 77 K."""
    t = torch.linspace(77, 450, 60, dtype=torch.float64)
    v_t = igzo.transistor(tensor(1e-6), tensor(1e-6), t).coefficients.v_t
    assert bool((v_t.diff() < 0).all())
    ends = igzo.transistor(tensor(1e-6), tensor(1e-6), torch.tensor([233.0, 398.0], dtype=torch.float64)).coefficients
    assert float((ends.v_t[1] - ends.v_t[0]) / 165.0) == pytest.approx(-0.22e-3, abs=0.02e-3)


def test_flat_band_slope_adds_to_it(igzo: Device):
    t = torch.tensor([250.0, 300.0, 400.0], dtype=torch.float64)
    sloped = dataclasses.replace(igzo, tekv=igzo.tekv.replace(flat_band_slope=tensor(-1e-3)))
    size = tensor(1e-6), tensor(1e-6)
    found = sloped.transistor(*size, t).coefficients.v_t - igzo.transistor(*size, t).coefficients.v_t
    torch.testing.assert_close(found, -1e-3 * (t - 300.0), rtol=1e-12, atol=1e-15)


def test_mobility_is_thermally_activated(igzo: Device):
    """ln mu is linear in 1/T with slope -T_a, and mu(300 K) is mu_b."""
    t = torch.tensor([100.0, 200.0, 300.0, 400.0], dtype=torch.float64)
    mu = mobility_law(igzo.tekv, t)(tensor(1.0))
    slopes = torch.log(mu).diff() / (1 / t).diff()
    torch.testing.assert_close(slopes, -igzo.tekv.mobility_activation.expand(3), rtol=1e-10, atol=0)
    torch.testing.assert_close(mu[2], igzo.tekv.mobility, rtol=1e-12, atol=0)


def test_meyer_neldel(igzo: Device):
    """Films of any activation energy have the same mobility at T = T_MN - T_0."""
    p = igzo.tekv.replace(
        mobility_activation=torch.tensor([0.0, 200.0, 2000.0], dtype=torch.float64),
        meyer_neldel_temperature=tensor(500.0),
        tunnelling_temperature=tensor(40.0),
    )
    torch.testing.assert_close(mobility_law(p, tensor(460.0))(tensor(3.0)), p.mobility.expand(3), rtol=1e-12, atol=0)
    assert bool((mobility_law(p, tensor(300.0))(tensor(3.0)).diff() < 0).all())


def test_tunnelling_ends_the_fall_of_mobility(igzo: Device):
    """At 0 K the activation stops at exp(-T_a/T_0)."""
    p = igzo.tekv.replace(tunnelling_temperature=tensor(50.0), meyer_neldel_temperature=tensor(5000.0))
    cold = mobility_law(p, tensor(1e-9))(ZERO)
    expected = p.mobility * torch.exp(-p.mobility_activation * (1 / tensor(50.0) - 1 / tensor(5000.0)))
    torch.testing.assert_close(cold, expected, rtol=1e-9, atol=0)


def test_mobility_by_charge(igzo: Device):
    """Percolation is neutral at q = 1; roughness takes (1 - D_sr/t)^2; degradation takes 1/(1 + theta q)."""
    t = tensor(300.0)
    percolating = igzo.tekv.replace(percolation_exponent=tensor(0.4), percolation_charge=tensor(2.0))
    torch.testing.assert_close(mobility_law(percolating, t)(tensor(1.0)), igzo.tekv.mobility, rtol=1e-12, atol=0)
    rough = igzo.tekv.replace(roughness_depth=0.25 * igzo.tekv.channel_thickness)
    torch.testing.assert_close(mobility_law(rough, t)(tensor(1.0)), 0.5625 * igzo.tekv.mobility, rtol=1e-12, atol=0)
    degraded = igzo.tekv.replace(mobility_degradation=tensor(0.1))
    torch.testing.assert_close(mobility_law(degraded, t)(tensor(10.0)), igzo.tekv.mobility / 2, rtol=1e-12, atol=0)


def test_slope_of_the_mobility(rich: TekvParameters):
    """log_slope agrees with automatic differentiation."""
    law = mobility_law(rich, torch.tensor([[80.0], [300.0], [400.0]], dtype=torch.float64))
    q = torch.logspace(-4, 2, 30, dtype=torch.float64).expand(3, 30).clone().requires_grad_()
    (expected,) = torch.autograd.grad(law(q).log().sum(), q)
    torch.testing.assert_close(law.log_slope(q.detach()), expected, rtol=1e-11, atol=1e-14)
