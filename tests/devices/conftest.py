"""Every registered card at every temperature of the laws, and ways to bias it and to push its parameters about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scipy import constants
from scipy.optimize import brentq
from torch import Tensor

from beolith import registry
from beolith.devices import library
from beolith.devices.library import Device
from beolith.devices.parameters import TekvParameters
from beolith.devices.thin_film import ThinFilmTransistor

TEMPERATURES = (4.0, 77.0, 300.0, 398.0, 450.0)
LENGTHS = (20e-9, 1e-6)
PER_EV = 1.0 / constants.electron_volt

Biases = tuple[Tensor, Tensor, Tensor]


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture(scope="session", params=registry.names("cards"))
def device(request: pytest.FixtureRequest) -> Device:
    """Each registered card in turn."""
    return library.load(request.param)


@pytest.fixture(scope="session")
def transistors(device: Device) -> ThinFilmTransistor:
    """The card, 1 um wide, at five temperatures and a short and a long channel: coefficients of shape (5, 2, 1)."""
    return device.transistor(
        tensor(1e-6),
        torch.tensor(LENGTHS, dtype=torch.float64).reshape(2, 1),
        torch.tensor(TEMPERATURES, dtype=torch.float64).reshape(5, 1, 1),
    )


@pytest.fixture(scope="session")
def biases() -> Biases:
    """3000 random biases (V_G, V_D, V_S); two thirds within +-3 V, the rest within +-0.3 V, where the knee is."""
    span = torch.where(torch.arange(3000) % 3 == 0, 0.3, 3.0).to(torch.float64)
    draw = torch.rand(3, 3000, generator=torch.Generator().manual_seed(20), dtype=torch.float64)
    v_g, v_d, v_s = (2.0 * draw - 1.0) * span
    return v_g, v_d, v_s


@pytest.fixture(scope="session")
def gate_voltage_at() -> Callable[..., float]:
    """Gate voltage at which one transistor carries a current, with the source at 0 V [V]."""

    def solve(
        transistor: ThinFilmTransistor, current: float, v_d: float, low: float = -3.0, high: float = 3.0
    ) -> float:
        def excess(v_g: float) -> float:
            found = transistor.current(tensor(v_g), tensor(v_d), tensor(0.0))
            return float(torch.log(found / current))

        return float(brentq(excess, low, high, xtol=1e-13))

    return solve


@pytest.fixture(scope="session")
def rich(device: Device) -> TekvParameters:
    """The card with every optional term switched on, so that no derivative is zero by accident."""
    terms = {
        "channel_thickness": 4e-9,
        "charge_centroid": 0.3e-9,
        "band_tail_width": 0.012 / PER_EV,
        "tail_density": 2e24 * PER_EV,
        "flat_band_slope": -2e-4,
        "donor_density": 1e23,
        "roughness_depth": 0.2e-9,
        "mobility_activation": 200.0,
        "activation_slope": 30.0,
        "meyer_neldel_temperature": 500.0,
        "tunnelling_temperature": 20.0,
        "percolation_charge": 2.0,
        "percolation_exponent": 0.3,
        "mobility_degradation": 0.02,
        "saturation_velocity": 1e5,
        "length_modulation": 1e-9,
        "threshold_rolloff": 0.2,
        "drain_lowering": 0.3,
        "slope_rolloff": 0.4,
        "leakage_density": 1e-9,
        "leakage_activation": 0.4 / PER_EV,
        "leakage_field": 0.7,
        "core_radius": 20e-9,
        "back_oxide_thickness": 15e-9,
        "back_threshold": 0.3,
        "mass_confinement": 0.6e-9,
        "confinement_energy": 0.3 / PER_EV,
        "fringe_capacitance": 5e-11,
    }
    assert terms.keys() <= {f.name for f in dataclasses.fields(TekvParameters)}
    return device.tekv.replace(**{name: tensor(value) for name, value in terms.items()})


def pytest_collection_modifyitems(items: list[pytest.Item]):
    """The laws are tried far outside the range of the cards too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::beolith.errors.ExtrapolationWarning"), append=False)
