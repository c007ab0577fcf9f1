"""Noise of the drain current: Nyquist, the factor of saturation, published slopes, and traps that add up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.devices import library
from beolith.devices.contacts import ContactParameters
from beolith.devices.library import Device
from beolith.devices.noise import (
    NoiseParameters,
    channel,
    spectrum,
    telegraph,
    telegraph_spectrum,
    time_constant,
)
from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv
from beolith.devices.thin_film import ThinFilmTransistor

ZERO = torch.zeros((), dtype=torch.float64)
PER_EV = 1.0 / constants.electron_volt
# izonoise2018: 1.23e18 cm^-3 eV^-1 in Al2O3 and a Hooge parameter of 1.18e-3
TRAPS = {"border_traps": 1.23e24 * PER_EV, "attenuation_length": 1e-10, "scattering": 1e4, "hooge": 1.18e-3}


def tensor(*values: float) -> Tensor:
    return torch.tensor(values[0] if len(values) == 1 else values, dtype=torch.float64)


def parameters(**changes: float) -> NoiseParameters:
    values = {**TRAPS, "attempt_time": 1e-10, **changes}
    return NoiseParameters(**{name: tensor(value) for name, value in values.items()})


def transistor(p: TekvParameters, contacts: ContactParameters | None = None, **noise: float) -> ThinFilmTransistor:
    t = tensor(4.0, 77.0, 300.0, 450.0)[:, None]
    return ThinFilmTransistor(
        Tekv(p, tensor(1e-6), tensor(200e-9), t), contacts, noise_parameters=parameters(**noise) if noise else None
    )


CONTACTS = ContactParameters(tensor(1e-4), tensor(1e-3), tensor(4e-22), ZERO, tensor(1e-2), tensor(torch.inf))


@pytest.mark.parametrize("contacts", [None, CONTACTS])
def test_nyquist(rich: TekvParameters, contacts: ContactParameters | None):
    """At V_DS = 0 the noise is 4kT dI/dV_D, to rounding: every card and term, from 4 K to 450 K, from off to on."""
    device = transistor(rich, contacts)
    v_g = torch.linspace(-2.0, 4.0, 61, dtype=torch.float64)
    found = device.noise(tensor(1.0), v_g, tensor(0.3), tensor(0.3))
    expected = 4.0 * constants.k * device.temperature * device.conductances(v_g, tensor(0.3), tensor(0.3)).drain
    torch.testing.assert_close(found, expected, rtol=1e-8 if contacts else 1e-11, atol=0)


def ideal(device: Device) -> ThinFilmTransistor:
    """The card with neither tail, leakage nor short-channel terms, at 300 K, 10 um long."""
    p = device.tekv.replace(
        tail_density=ZERO, leakage_density=ZERO, length_modulation=ZERO, band_tail_width=ZERO, mobility_activation=ZERO,
        activation_slope=ZERO, percolation_exponent=ZERO, mobility_degradation=ZERO, saturation_velocity=tensor(1e30),
    )  # fmt: skip
    return ThinFilmTransistor(Tekv(p, tensor(1e-6), tensor(1e-5), tensor(300.0)))


def test_saturation(device: Device):
    """In strong inversion 2/3 of 4kT g_ms, in weak inversion 2qI/n: the limits of the charge model with a local n."""
    t = ideal(device)
    k = t.coefficients
    strong, weak = k.v_t + tensor(2000.0) * k.n_phi, k.v_t - tensor(12.0) * k.n_phi
    found = t.noise(tensor(1.0), strong, strong + 1.0, ZERO)
    g_ms = -t.conductances(strong, strong + 1.0, ZERO).source
    assert float(found / (4 * constants.k * 300.0 * g_ms)) == pytest.approx(2 / 3, rel=2e-3)
    found = t.noise(tensor(1.0), weak, tensor(1.0), ZERO)
    assert float(found / (2 * constants.e * t.current(weak, tensor(1.0), ZERO))) == pytest.approx(
        float(k.phi / k.n_phi), rel=1e-4
    )


def test_thermal_noise_against_the_integral_of_the_channel(rich: TekvParameters):
    """4kT mu Q_f/L^2 with Q_f by brute force: 2e5 slices of equal width in q, tail and all."""
    t = ThinFilmTransistor(Tekv(rich, tensor(1e-6), tensor(1e-6), tensor(300.0)))
    k, v_g = t.coefficients, tensor(2.0)
    at = channel(k, v_g, tensor(1.5), ZERO)
    q_d, q_s = (float(x) for x in np.exp(_ends(t, 2.0, 1.5)))
    q = np.linspace(q_d, q_s, 200001)
    q = 0.5 * (q[1:] + q[:-1])
    w = 2 * q + 1 + float(k.a * k.s) * q ** float(k.s)
    assert float(at.free) == pytest.approx((2 * q * w).sum() / w.sum(), rel=1e-6)


def _ends(t: ThinFilmTransistor, v_g: float, v_d: float) -> np.ndarray:
    """ln q at drain and source by a root finder on the charge law."""
    from scipy.optimize import brentq

    k = t.coefficients
    a, s, v_t, n_phi, phi, dibl = (float(x) for x in (k.a, k.s, k.v_t, k.n_phi, k.phi, k.dibl))
    lowered = dibl * (np.hypot(v_d, 2 * phi) - 2 * phi)

    def law(x: float, v_x: float) -> float:
        return 2 * np.exp(x) + x + a * np.exp(s * x) - (v_g - v_t + lowered - v_x) / n_phi

    return np.array([brentq(law, -500, 30, args=(v_x,), xtol=1e-13) for v_x in (v_d, 0.0)])


def slope(device: Device, **noise: float) -> Tensor:
    """d ln(S_I/I^2)/d ln(V_G - V_T) of flicker and Hooge noise in the linear region, from 10 V to 40 V of overdrive."""
    t = ideal(device)
    drive = tensor(10.0, 40.0)
    v_g = t.coefficients.v_t + drive
    size = t.width, t.length, t.temperature
    found = spectrum(parameters(**noise), t.inner, *size, tensor(1.0), v_g, tensor(0.02), ZERO)
    relative = (found.flicker + found.hooge) / t.current(v_g, tensor(0.02), ZERO) ** 2
    return torch.log(relative[1] / relative[0]) / torch.log(drive[1] / drive[0])


def test_slopes(device: Device):
    """-1 for mobility fluctuation alone, -2 for number fluctuation alone, between them for both.

    References: izonoise2018.
    """
    assert float(slope(device, border_traps=0.0)) == pytest.approx(-1.0, abs=0.05)
    assert float(slope(device, hooge=0.0, scattering=0.0)) == pytest.approx(-2.0, abs=0.1)
    mixed = slope(device, scattering=0.0, hooge=1e-3, border_traps=1e26 * PER_EV)
    assert -2.0 < float(mixed) < -1.0


def test_published_slopes_are_within_reach(device: Device):
    """Some share of the two mechanisms gives each end of the published range, -1.27 to -1.48."""
    shares = [
        float(slope(device, scattering=0.0, hooge=1e-3, border_traps=x * PER_EV)) for x in np.logspace(22, 29, 50)
    ]
    assert min(shares) < -1.48
    assert max(shares) > -1.27
    assert bool((np.diff(shares) < 0).all())


def test_flicker_is_one_over_f(rich: TekvParameters):
    t = transistor(rich, **TRAPS)
    f = tensor(1.0, 10.0, 1e4)
    size = t.width, t.length, t.temperature
    found = spectrum(t.noise_parameters, t.inner, *size, f, tensor(2.0), tensor(0.4), ZERO)
    for part in (found.flicker, found.hooge):
        torch.testing.assert_close(part * f, (part * f)[..., :1].expand_as(part), rtol=1e-13, atol=0)
    torch.testing.assert_close(sum(found), t.noise(f, tensor(2.0), tensor(0.4), ZERO))


@pytest.mark.parametrize("contacts", [None, CONTACTS])
def test_the_same_seen_from_either_end(rich: TekvParameters, contacts: ContactParameters | None):
    """Unchanged by a swap of source and drain and by a common shift; finite and not negative; smooth through zero."""
    t = transistor(rich, contacts, **TRAPS)
    draw = torch.rand(3, 500, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    v_g, v_d, v_s = 6.0 * draw - 3.0
    found = t.noise(tensor(1.0), v_g, v_d, v_s)
    assert bool((torch.isfinite(found) & (found >= 0)).all())
    torch.testing.assert_close(found, t.noise(tensor(1.0), v_g, v_s, v_d), rtol=1e-9, atol=0)
    torch.testing.assert_close(found, t.noise(tensor(1.0), v_g + 2.0, v_d + 2.0, v_s + 2.0), rtol=1e-6, atol=1e-60)


def test_no_kink_at_zero_drain_voltage(rich: TekvParameters):
    """Even in V_DS, so that the first derivative passes through zero, without a step of the second."""
    t = ThinFilmTransistor(Tekv(rich, tensor(1e-6), tensor(1e-6), tensor(300.0)), noise_parameters=parameters())
    v_d = (1e-4 * torch.arange(-4, 5, dtype=torch.float64)).requires_grad_()
    s = t.noise(tensor(1.0), tensor(1.5), 0.5 * v_d, -0.5 * v_d)
    (slope_,) = torch.autograd.grad(s.sum(), v_d)
    curvature = slope_.diff() / 1e-4
    assert float(slope_[4].abs()) < 1e-9 * float(slope_.abs().max())
    torch.testing.assert_close(curvature, curvature.mean().expand(8), rtol=1e-3, atol=0)


def test_contacts_hide_noise_of_the_channel(rich: TekvParameters):
    """S = (S_ch + 4kT sum R g^2)/(1 + sum R g)^2: flicker falls by the same factor as the conductance squared."""
    plain, behind = transistor(rich, **TRAPS), transistor(rich, CONTACTS, **TRAPS)
    bias = tensor(2.0), tensor(1e-4), ZERO
    ratio = behind.conductances(*bias).drain / plain.conductances(*bias).drain
    size = plain.width, plain.length, plain.temperature
    noise = [
        spectrum(parameters(hooge=0.0, scattering=0.0), t.inner, *size, tensor(1.0), *bias) for t in (plain, behind)
    ]
    relative = noise[1].flicker / noise[0].flicker
    # at small V_DS g_m is proportional to the inner V_DS, so that two more factors of the same ratio come in
    torch.testing.assert_close(relative, ratio**4, rtol=2e-3, atol=0)


def test_few_traps_add_up_to_flicker(rich: TekvParameters):
    """Lorentzians of traps spread evenly in depth and energy sum to the number-fluctuation term, within 1e-3."""
    t = ThinFilmTransistor(Tekv(rich, tensor(1e-7), tensor(5e-8), tensor(300.0)))
    p = parameters(hooge=0.0)
    size = t.width, t.length, t.temperature
    bias = tensor(1.5), tensor(0.5), ZERO
    signal = telegraph(p, t.inner, *size, *bias)
    depth = torch.linspace(0.0, 4e-9, 40001, dtype=torch.float64)
    energy = torch.linspace(-25, 25, 2001, dtype=torch.float64)
    occupancy = torch.sigmoid(-energy)
    thermal = float(torch.trapezoid(occupancy * (1 - occupancy), energy))  # kT int f (1 - f) dE/kT: 1
    one = telegraph_spectrum(tensor(10.0), signal.amplitude, time_constant(p, depth), tensor(0.5)) * 4.0
    per_depth = p.border_traps * constants.k * t.temperature * t.width * t.length
    total = torch.trapezoid(one, depth) * per_depth * thermal
    expected = spectrum(p, t.inner, *size, tensor(10.0), *bias).flicker
    assert float(total) == pytest.approx(float(expected), rel=1e-3)
    assert float(signal.per_decade) < 10.0
    assert float(signal.relative * t.current(*bias)) == pytest.approx(float(signal.amplitude), rel=1e-6)


def test_gradients(rich: TekvParameters):
    """By every noise parameter, size, temperature, frequency and bias, against central differences."""
    names = [f.name for f in dataclasses.fields(NoiseParameters)][:-1]
    start = tensor(*TRAPS.values(), 1e-6, 2e-7, 320.0, 5.0, 1.5, 0.4, -0.1)

    def output(factors: Tensor) -> Tensor:
        *noise, width, length, temperature, frequency, v_g, v_d, v_s = (start * factors).unbind(-1)
        p = NoiseParameters(**dict(zip(names, noise, strict=True)), attempt_time=tensor(1e-10))
        t = ThinFilmTransistor(Tekv(rich, width, length, temperature), CONTACTS, noise_parameters=p)
        return torch.log(t.noise(frequency, v_g, v_d, v_s))

    ones = torch.ones(len(start), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(output, ones)
    steps = 1e-4 * torch.eye(len(start), dtype=torch.float64)
    for i, step in enumerate(steps):
        difference = (output(ones + step) - output(ones - step)) / 2e-4
        assert float(jacobian[i]) == pytest.approx(float(difference), rel=2e-5, abs=1e-8), i
        assert float(jacobian[i]) != 0.0


def test_wired_by_the_card():
    overrides = {"noise.border_traps": "1.23e18 1/(cm**3*eV)", "noise.hooge": 1.18e-3}
    size = tensor(1e-6), tensor(1e-7), tensor(300.0)
    noisy, plain = (library.load("belmonte2023_igzo", o).transistor(*size) for o in (overrides, None))
    assert plain.noise_parameters is None
    bias = tensor(1.0), tensor(1.0), tensor(0.5), ZERO
    assert float(noisy.noise(*bias)) > 10 * float(plain.noise(*bias))
