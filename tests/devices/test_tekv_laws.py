"""Laws that the current of every card obeys at 4, 77, 300, 398 and 450 K, at 20 nm and 1 um, for 3000 random biases."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from beolith import registry
from beolith.devices import library
from beolith.devices.tekv import Tekv
from beolith.devices.thin_film import ThinFilmTransistor
from beolith.devices.uccm import log_charge

Biases = tuple[Tensor, Tensor, Tensor]
CARDS = registry.names("cards")


def grid(low: float, high: float, points: int) -> Tensor:
    return torch.linspace(low, high, points, dtype=torch.float64)


ZERO = torch.zeros((), dtype=torch.float64)


def rounding(transistor: ThinFilmTransistor) -> float:
    """Relative noise of a current: that of the channel, or of a channel that is a short between its contacts [1]."""
    return 1e-14 if transistor.contacts is None else 1e-11


def test_current_is_finite(transistors: Tekv, biases: Biases):
    i_d = transistors.current(*biases)
    assert i_d.shape == (5, 2, 3000)
    assert bool(torch.isfinite(i_d).all())


def test_swapping_source_and_drain_negates_the_current(transistors: Tekv, biases: Biases):
    """Exactly, to the last bit."""
    v_g, v_d, v_s = biases
    assert torch.equal(transistors.current(v_g, v_d, v_s), -transistors.current(v_g, v_s, v_d))


def test_no_current_without_drain_voltage(transistors: Tekv, biases: Biases):
    v_g, v_d, _ = biases
    assert not bool(transistors.current(v_g, v_d, v_d).any())


def test_a_common_shift_of_the_terminals_changes_nothing(transistors: Tekv, biases: Biases):
    """Within 1e-9 for shifts of up to 5 V; reached: 2e-12, the rounding of the shifted voltages at n phi of 1.6 mV."""
    shift = 10.0 * torch.rand(3000, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 5.0
    before = transistors.current(*biases)
    after = transistors.current(*(v + shift for v in biases))
    assert float(((after - before).abs() / before.abs().clamp(min=1e-300)).max()) < 1e-9


def test_a_transistor_only_dissipates(transistors: Tekv, biases: Biases):
    v_g, v_d, v_s = biases
    assert bool((transistors.current(v_g, v_d, v_s) * (v_d - v_s) >= 0).all())


def test_current_rises_with_gate_voltage(transistors: Tekv):
    """Nowhere does it fall by more than rounding (2e-15 of it, 6e-13 behind contacts), from off to far on."""
    v_d = torch.tensor([1e-3, 0.05, 1.0, 3.0], dtype=torch.float64)[:, None, None, None]
    i_d = transistors.current(grid(-3, 3, 1201), v_d, ZERO)
    assert bool((i_d.diff(dim=-1) >= -rounding(transistors) * i_d[..., 1:]).all())
    # strictly on the scale of a step far above threshold, and at all for the leakage not to have been tested alone
    assert bool((i_d[..., -1] > 10 * i_d[..., 0]).all())


@pytest.mark.parametrize("name", [name for name in CARDS if library.load(name).tekv.saturation_velocity.isinf()])
def test_current_rises_with_drain_voltage(name: str):
    """Without velocity saturation it cannot fall, at any temperature and length of the laws."""
    device = library.load(name)
    length = torch.tensor([20e-9, 1e-6], dtype=torch.float64).reshape(2, 1, 1)
    temperature = torch.tensor([4.0, 77.0, 300.0, 398.0, 450.0], dtype=torch.float64).reshape(5, 1, 1, 1)
    transistor = device.transistor(torch.tensor(1e-6, dtype=torch.float64), length, temperature)
    i_d = transistor.current(grid(-1, 3, 41)[:, None], grid(0, 3, 301), ZERO)
    assert bool((i_d.diff(dim=-1) >= -rounding(transistor) * i_d[..., 1:]).all())


@pytest.mark.parametrize("temperature", [233.0, 300.0, 358.0, 398.0])
def test_silicon_current_rises_with_drain_voltage_where_it_was_fitted(temperature: float):
    i_d = silicon_output(temperature)
    assert bool((i_d.diff(dim=-1) >= -1e-14 * i_d[..., 1:]).all())


@pytest.mark.parametrize(("length", "most"), [(50e-9, 0.0), (20e-9, 0.01)])
def test_velocity_saturation_leaves_the_current_rising(length: float, most: float):
    """A fast film with a low saturation velocity: the current never falls at 50 nm, and by 1 % at most at 20 nm."""
    device = library.load("belmonte2023_igzo")
    p = device.tekv.replace(
        saturation_velocity=torch.tensor(5e4, dtype=torch.float64), mobility=torch.tensor(30e-4, dtype=torch.float64)
    )
    size = torch.tensor([1e-6, length, 300.0], dtype=torch.float64)
    i_d = Tekv(p, *size).current(grid(0, 3, 31)[:, None], grid(0, 3, 301), ZERO)
    fallen = 1 - i_d / i_d.cummax(dim=-1).values.clamp(min=1e-300)
    assert float(fallen[:, 1:].max()) <= most + 1e-12


def test_saturated_current_is_that_of_the_saturation_velocity():
    """Far into saturation I = W v_sat times the charge at the source, 2 n C phi (1 + q_S) per area."""
    device = library.load("belmonte2023_igzo")
    slow = torch.tensor(1e3, dtype=torch.float64)
    size = torch.tensor([1e-6, 45e-9, 300.0], dtype=torch.float64)
    transistor = Tekv(device.tekv.replace(saturation_velocity=slow, leakage_density=ZERO), *size)
    v_g = torch.tensor(2.0, dtype=torch.float64)
    k = transistor.coefficients
    q = log_charge((v_g - k.v_t) / k.n_phi, k.a, k.s).exp()
    expected = 1e-6 * slow * 2.0 * k.charge / (1e-6 * 45e-9) * (1.0 + q)
    found = transistor.current(v_g, torch.tensor(3.0, dtype=torch.float64), ZERO)
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0)


def silicon_output(temperature: float) -> Tensor:
    """Output curves of the silicon card inside the bias range of its fit [A]."""
    size = torch.tensor([1e-6, 17.5e-9, temperature], dtype=torch.float64)
    return library.load("silicon_45nm").transistor(*size).current(grid(0, 1, 41)[:, None], grid(0, 1, 201), ZERO)


def test_twice_the_width_carries_twice_the_current(device: library.Device, biases: Biases):
    """Width is a factor of current and charge; a power of two is exact."""
    size = torch.tensor([[1e-6, 2e-6], [5e-8, 5e-8], [300.0, 300.0]], dtype=torch.float64)
    narrow, wide = (device.transistor(*size[:, i]).current_and_charges(*biases) for i in (0, 1))
    assert torch.equal(2 * narrow[0], wide[0])
    for one, two in zip(narrow[1], wide[1], strict=True):
        assert torch.equal(2 * one, two)


def test_current_and_charges_are_the_same_alone_and_together(transistors: Tekv, biases: Biases):
    """One solve or two, the numbers agree to rounding."""
    i_d, charges = transistors.current_and_charges(*biases)
    assert torch.equal(i_d, transistors.current(*biases))
    for one, two in zip(charges, transistors.charges(*biases), strict=True):
        assert torch.equal(one, two)
    torch.testing.assert_close(transistors.current_and_conductances(*biases)[0], i_d, rtol=1e-11, atol=0)
