"""Transistors of a card: sizes that cannot be, terms switched off one by one, heat, missions it knows nothing of."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from beolith.devices import library
from beolith.devices.library import NEUTRAL
from beolith.devices.stress.mission import constant, from_arrays
from beolith.errors import BeolithError, ExtrapolationWarning


def f64(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


SIZE = (f64(1e-6), f64(60e-9), f64(300.0))
V = (f64(1.0), f64(0.5), f64(0.0))


@pytest.mark.parametrize("value", [0.0, -1e-6, math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_sizes_and_temperatures_that_cannot_be(place: int, value: float):
    size = [*SIZE]
    size[place] = torch.stack((size[place], f64(value)))
    what = ("width", "length", "temperature")[place]
    with pytest.raises(BeolithError, match=rf"^liu2023_ito: {what} {value:g} [mK]; allowed: numbers above 0 [mK]$"):
        library.load("liu2023_ito").transistor(*size)


def test_numbers_will_do_for_a_size():
    one, two = (library.load("liu2023_ito").transistor(*size) for size in (SIZE, (1e-6, 60e-9, 300.0)))
    assert torch.equal(one.current(*V), two.current(*V))


RICH = {
    "tekv.mobility_activation": 200.0, "tekv.activation_slope": 30.0, "tekv.percolation_exponent": 0.3,
    "tekv.mobility_degradation": 0.02, "tekv.saturation_velocity": "1e5 m/s", "tekv.length_modulation": "1 nm/V",
    "tekv.threshold_rolloff": 0.2, "tekv.drain_lowering": 0.3, "tekv.slope_rolloff": 0.4,
    "tekv.roughness_depth": "0.2 nm", "tekv.confinement_energy": "0.3 eV", "tekv.mass_confinement": "0.6 nm",
    "tekv.back_oxide_thickness": "15 nm", "tekv.leakage_density": "1 nA/um", "tekv.channel_thickness": "4 nm",
}  # fmt: skip


@pytest.mark.parametrize("term", NEUTRAL)
def test_each_term_can_be_left_out_alone(term: str):
    """It changes current or charge, leaves them finite, and leaves the card as it was."""
    device = library.load("liu2023_ito", RICH)
    warm = *SIZE[:2], f64(340.0)
    whole, without = device.transistor(*warm), device.transistor(*warm, without=[term])
    off = f64(-3.0), V[1], V[2]
    changed = False
    for bias in (V, off):
        for one, two in zip(
            (whole.current(*bias), *whole.charges(*bias)),
            (without.current(*bias), *without.charges(*bias)),
            strict=True,
        ):
            assert bool(torch.isfinite(two))
            changed |= not torch.equal(one, two)
    assert changed
    assert torch.equal(device.transistor(*warm).current(*V), whole.current(*V))


def test_an_unknown_term_is_named():
    with pytest.raises(BeolithError, match="no term is called 'velocity_sat'; did you mean 'velocity_saturation'"):
        library.load("liu2023_ito").transistor(*SIZE, without=["velocity_sat"])


def test_a_heated_transistor_is_warmer_and_needs_a_way_for_heat_to_leave():
    device = library.load("liu2023_ito")
    heated = device.self_heated(f64(1e-6), f64(2e-7), f64(300.0))
    assert 310.0 < float(heated.temperature(f64(1.5), f64(0.5), f64(0.0))) < 340.0
    with pytest.raises(BeolithError, match="belmonte2023_igzo: the card has no section 'thermal'"):
        library.load("belmonte2023_igzo").self_heated(*SIZE)


def test_stress_that_a_card_knows_nothing_of_is_told():
    device = library.load("belmonte2023_igzo")
    with pytest.warns(ExtrapolationWarning, match="no section 'nbti': negative overdrive ages nothing here"):
        device.age(constant(1e3, 300.0, -1.0))
    day = (torch.tensor([1e3]).double(), torch.tensor([300.0]).double(), torch.tensor([1.0]).double())
    with pytest.warns(ExtrapolationWarning, match="no section 'edges': the edges of pulses age nothing here"):
        device.age(from_arrays(*day, 0.5, 0.0, 1e6, 1e-8))


@pytest.mark.parametrize("card", ["belmonte2023_igzo", "pandey2025_in2o3", "liu2023_ito"])
def test_no_film_survives_white_heat(card: str):
    with pytest.raises(BeolithError, match=r"temperature 1973 K is above .* K, which the material survives"):
        library.load(card).age(constant(10.0, 1973.0, 1.0))
