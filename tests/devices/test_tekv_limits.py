"""What T-EKV reduces to: textbook EKV without traps, a power law where the tail holds the charge, saturation laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import constants
from scipy.special import wrightomega
from torch import Tensor

from beolith.devices import library
from beolith.devices.geometry import gate_capacitance
from beolith.devices.tekv import Coefficients, Tekv, drain_current

ZERO = torch.zeros((), dtype=torch.float64)


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture(scope="module")
def bare() -> Tekv:
    """An IGZO film without traps, floor, donors, leakage: EKV with n = 1, phi = kT/q and constant mobility."""
    p = library.load("belmonte2023_igzo").tekv
    off = ("tail_density", "interface_traps", "band_tail_width", "donor_density", "leakage_density",
           "mobility_activation")  # fmt: skip
    return Tekv(p.replace(**dict.fromkeys(off, ZERO)), tensor(1e-6), tensor(1e-6), tensor(300.0))


def test_reduces_to_ekv_without_traps(bare: Tekv):
    """I = 2 n C phi^2 (W/L) mu [i(v_S) - i(v_D)], i = q^2 + q, 2 q + ln q = v; within 1e-12, charges by Wright's omega.

    References: enz1995_ekv; scipy.special.wrightomega as an independent solver.
    """
    c = float(gate_capacitance(bare.parameters))
    phi = constants.Boltzmann * 300.0 / constants.elementary_charge
    v_t = float(bare.coefficients.v_t)
    v_g, v_d = np.meshgrid(np.linspace(-0.5, 3.0, 71), np.array([1e-3, 0.05, 0.5, 2.0]))

    def forward(v_x: np.ndarray) -> np.ndarray:
        q = wrightomega((v_g - v_t - v_x) / phi + math.log(2.0)) / 2
        return q * q + q

    expected = 2 * c * phi**2 * float(bare.parameters.mobility) * (forward(0 * v_d) - forward(v_d))
    found = bare.current(torch.tensor(v_g), torch.tensor(v_d), ZERO).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_square_law_far_above_threshold(bare: Tekv):
    """mu C (W/L) (V_GT V_DS - V_DS^2/2), and half of mu C (W/L) V_GT^2 beyond V_GT, at 20 V within 2 %."""
    strength = float(gate_capacitance(bare.parameters) * bare.parameters.mobility)
    v_g, over = bare.coefficients.v_t + 20.0, 20.0
    for v_d in (5.0, 10.0, 20.0, 30.0):
        law = strength * (over * v_d - v_d**2 / 2 if v_d < over else over**2 / 2)
        assert float(bare.current(v_g, tensor(v_d), ZERO)) == pytest.approx(law, rel=0.02)


def test_exponential_below_threshold(bare: Tekv):
    """One decade per phi ln 10, saturated after a few kT/q: 1 - exp(-V_DS/phi)."""
    k = bare.coefficients
    v_g = k.v_t - torch.tensor([0.6, 0.6 + float(k.phi) * math.log(10)], dtype=torch.float64)
    one, tenth = bare.current(v_g, tensor(1.0), ZERO)
    assert float(one / tenth) == pytest.approx(10.0, rel=1e-8)
    ratio = bare.current(v_g[0], k.phi, ZERO) / one
    assert float(ratio) == pytest.approx(1 - math.exp(-1), rel=1e-8)


@pytest.mark.parametrize("s", [0.31, 0.47, 0.75])
def test_tail_makes_a_power_law(bare: Tekv, s: float):
    """I ~ v^(1 + 1/s) where tail traps hold the charge: exponent within 1 % of it at a = 1e5 and 0.01 < q < 1.

    References: leenathan2011, in the thin-film form of the design notes, section 1.1.
    """
    k: Coefficients = bare.coefficients._replace(a=tensor(1e5), s=tensor(s))
    q = torch.tensor([0.5, 0.6], dtype=torch.float64)
    v = 1e5 * q**s
    i_d = drain_current(k, k.v_t + v * k.n_phi, tensor(1e6), ZERO)
    exponent = torch.log(i_d[1] / i_d[0]) / torch.log(v[1] / v[0])
    assert float(exponent) == pytest.approx(1 + 1 / s, rel=0.01)


def test_velocity_saturates(bare: Tekv):
    """Far in saturation the current is W C V_GT v_sat where mu V_GT >> v_sat L, within 10 %."""
    p = bare.parameters.replace(saturation_velocity=tensor(1e3), mobility=tensor(0.1))
    device = Tekv(p, tensor(1e-6), tensor(1e-7), tensor(300.0))
    i_d = device.current(device.coefficients.v_t + 10.0, tensor(30.0), ZERO)
    assert float(i_d) == pytest.approx(1e-6 * float(gate_capacitance(p)) * 10.0 * 1e3, rel=0.1)


def test_length_modulation_goes_as_one_over_length(bare: Tekv):
    """l_clm/L per volt, within the 3e-5 by which the slope of sabs at 5 V misses one."""
    p = bare.parameters.replace(length_modulation=tensor(1.2e-7))
    lengths = torch.tensor([5e-6, 10e-6, 20e-6], dtype=torch.float64)
    v_g = bare.coefficients.v_t + 1.0
    rises = []
    for length in lengths:
        device = Tekv(p, tensor(1e-6), length, tensor(300.0))
        at = device.current(v_g, torch.tensor([5.0, 10.0], dtype=torch.float64), ZERO)
        long = Tekv(bare.parameters, tensor(1e-6), length, tensor(300.0)).current(v_g, tensor(5.0), ZERO)
        rises.append((at[1] - at[0]) / 5.0 / long)
    torch.testing.assert_close(torch.stack(rises) * lengths, p.length_modulation.expand(3), rtol=1e-4, atol=0)


@pytest.mark.parametrize("mode", ["threshold_rolloff", "drain_lowering", "slope_rolloff"])
def test_short_channel_terms_vanish_in_a_long_channel(bare: Tekv, mode: str):
    """exp(-L/2 lambda) with lambda = 9.5 nm here: all of it at 0, nothing at 1 um."""
    p = bare.parameters.replace(**{mode: tensor(0.3)})
    v_g, v_d = bare.coefficients.v_t - 0.1, tensor(1.0)

    def change(length: float) -> float:
        size = tensor(1e-6), tensor(length), tensor(300.0)
        with_term, without = Tekv(p, *size), Tekv(bare.parameters, *size)
        return float(torch.log(with_term.current(v_g, v_d, ZERO) / without.current(v_g, v_d, ZERO)))

    assert abs(change(1e-6)) < 1e-9
    assert change(20e-9) > change(40e-9) > change(80e-9) > 0
