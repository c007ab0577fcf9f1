"""Numbers that a card states as a consequence of its parameters come out of the model."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith import card as cards
from beolith import registry
from beolith.devices import library
from beolith.devices.geometry import gate_capacitance
from beolith.devices.library import SECTIONS, Device
from beolith.devices.stress.mission import constant
from beolith.devices.tekv import Tekv
from beolith.errors import ExtrapolationWarning

Solve = Callable[..., float]
ZERO = torch.zeros((), dtype=torch.float64)


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def at(name: str, length: float, temperature: float = 300.0, width: float = 1e-6) -> Tekv:
    return library.load(name).transistor(tensor(width), tensor(length), tensor(temperature))


def current(transistor: Tekv, v_g: float, v_d: float) -> float:
    return float(transistor.current(tensor(v_g), tensor(v_d), ZERO))


def swing(transistor: Tekv, gate_voltage_at: Solve, level: float, v_d: float) -> float:
    """Subthreshold swing at a current [V/decade]."""
    step = gate_voltage_at(transistor, 2 * level, v_d) - gate_voltage_at(transistor, level, v_d)
    return step / math.log10(2)


# ---- every card


def test_card_is_complete(device: Device):
    """All sections, and every number says where it comes from."""
    assert set(SECTIONS) <= set(device.card.sections)
    assert device.card.kind == "transistor"
    for _, entry in device.card.items():
        assert entry.source
        assert entry.how in {"measured", "fitted", "derived", "assumed"}


@pytest.mark.parametrize("name", [n for n in registry.names("cards") if n != "silicon_45nm"])
def test_density_of_states_follows_the_mass(name: str):
    """2.51e19 cm^-3 (m*)^1.5 at 300 K, to the two digits of the card."""
    p = library.load(name).tekv
    assert float(p.conduction_band_density) == pytest.approx(2.51e25 * float(p.effective_mass) ** 1.5, rel=0.02)


def test_overlap_covers_its_plates(device: Device):
    """The overlap is that of at least 10 nm of gate dielectric and shorter than the channel; fringe comes on top."""
    length = device.tekv.overlap_capacitance / gate_capacitance(device.tekv)
    assert 10e-9 < float(length) < max(60e-9, float(device.validity.shortest_length))


def test_an_override_is_a_number_like_any_other():
    changed = library.load("belmonte2023_igzo", {"tekv.mobility": "15 cm**2/(V*s)"})
    assert float(changed.tekv.mobility) == pytest.approx(15e-4)
    assert isinstance(changed.card, cards.Card)


# ---- imec IGZO


def test_igzo_threshold():
    """'With N_D the threshold is 0.32 V.'"""
    transistor = at("belmonte2023_igzo", 45e-9, width=70e-9)
    assert float(transistor.coefficients.v_t) == pytest.approx(0.32, abs=0.005)


def test_igzo_off_current():
    """3e-21 A/um, published upper bound (belmonte2023_vlsi); reached 1 V below threshold at 300 K."""
    assert current(at("belmonte2023_igzo", 45e-9), -1.2, 1.0) == pytest.approx(3e-21, rel=0.01)


def test_igzo_swing(gate_voltage_at: Solve):
    """61 mV/dec at 300 K (vansetten2025_cryo); a little more with D_it at its published upper bound."""
    found = swing(at("belmonte2023_igzo", 45e-9), gate_voltage_at, 1e-15, 0.5)
    assert found == pytest.approx(61e-3, abs=1e-3)


def test_igzo_lifetime():
    """1.2 V for 5 years at 95 C, read as 50 mV (imec2025_roadmap): 48 mV."""
    shift = library.load("belmonte2023_igzo").age(constant(5 * 3.156e7, 368.15, 1.2)).threshold_shift
    assert float(shift) == pytest.approx(50e-3, abs=3e-3)


def test_igzo_hydrogen_is_released_in_three_days_at_80_celsius():
    device = library.load("belmonte2023_igzo")
    share = device.age(constant(3 * 86400.0, 353.15, 0.0)).donor_density / device.hydrogen.reservoir
    assert float(share) == pytest.approx(1 - math.exp(-1), abs=0.02)


def test_igzo_spread():
    """'Gives 36 mV at 70 nm x 45 nm' by matching alone; the donors make it 50 mV."""
    device = library.load("belmonte2023_igzo")
    matching = float(device.mismatch.threshold_matching) / math.sqrt(70e-9 * 45e-9)
    assert matching == pytest.approx(36e-3, abs=0.5e-3)
    assert float(device.threshold_sigma(tensor(70e-9), tensor(45e-9))) == pytest.approx(50.4e-3, abs=0.5e-3)


# ---- Stanford ITO


def test_ito_off_current_at_two_temperatures():
    """2e-18 A/um (liu2023_iedm) at 300 K, and 2250/425 times more from 298 K to 358 K (hu2023_edl)."""
    assert current(at("liu2023_ito", 50e-9), -2.0, 1.0) == pytest.approx(2e-18, rel=0.01)
    ratio = current(at("liu2023_ito", 50e-9, 358.0), -2.0, 1.0) / current(at("liu2023_ito", 50e-9, 298.0), -2.0, 1.0)
    assert ratio == pytest.approx(2250 / 425, rel=0.01)


def test_ito_on_current():
    """990 uA/um at V_DS = 0.5 V and L = 50 nm (hu2023_edl), at the 3.3 V overdrive that the card assumes: 1.0 mA/um."""
    transistor = at("liu2023_ito", 50e-9)
    found = current(transistor, float(transistor.coefficients.v_t) + 3.3, 0.5)
    assert found == pytest.approx(990e-6, rel=0.05)


def test_ito_swing(gate_voltage_at: Solve):
    """'Gives 63 mV/dec': 63.1."""
    assert swing(at("liu2023_ito", 50e-9), gate_voltage_at, 1e-13, 0.5) == pytest.approx(63.1e-3, abs=0.2e-3)


def test_ito_bias_stress():
    """Below 0.35 V after 1000 s of positive bias (liu2023_iedm); 'at 2 V overdrive this gives 0.20 V'."""
    shift = library.load("liu2023_ito").age(constant(1000.0, 300.0, 2.0)).threshold_shift
    assert float(shift) == pytest.approx(0.20, abs=0.005)


# ---- Purdue In2O3


def test_in2o3_gate_voltage_at_1_nanoampere(gate_voltage_at: Solve):
    """-0.396 V at 1 nA/um, L = 40 nm, V_DS = 0.5 V (pandey2025_ted), within 10 mV."""
    assert gate_voltage_at(at("pandey2025_in2o3", 40e-9), 1e-9, 0.5) == pytest.approx(-0.396, abs=0.010)


def test_in2o3_short_channel(gate_voltage_at: Solve):
    """One number, fitted to 107 mV/dec at 15 nm, makes the published roll-off: -0.598 V at 1 nA/um (pandey2025_ted)."""
    assert swing(at("pandey2025_in2o3", 15e-9), gate_voltage_at, 1e-12, 0.5) == pytest.approx(107e-3, abs=1e-3)
    assert gate_voltage_at(at("pandey2025_in2o3", 15e-9), 1e-9, 0.5) == pytest.approx(-0.598, abs=0.020)


def test_in2o3_swing(gate_voltage_at: Solve):
    """61.7 where long; published 63.5 mV/dec at 1.2 nm (lin2022_acsnano), the D_it of the card, another dielectric."""
    assert swing(at("pandey2025_in2o3", 1e-6), gate_voltage_at, 1e-12, 0.5) == pytest.approx(61.7e-3, abs=0.2e-3)


def test_in2o3_bias_stress():
    """0.19 V per volt of overdrive after 1200 s (januar2026_smallstr, rescaled to this gate)."""
    shift = library.load("pandey2025_in2o3").age(constant(1200.0, 300.0, 1.0)).threshold_shift
    assert float(shift) == pytest.approx(0.19, abs=0.005)


# ---- silicon 45 nm, against ngspice 39 simulations of PTM 45 nm HP (zhao2006_ptm)

SILICON = 17.5e-9


def test_silicon_currents():
    """On 1.33 mA/um and off 20.9 nA/um at 300 K; the card states -1.6 % and -0.5 %."""
    transistor = at("silicon_45nm", SILICON)
    assert current(transistor, 1.0, 1.0) == pytest.approx(1.33e-3 * (1 - 0.016), rel=0.005)
    assert current(transistor, 0.0, 1.0) == pytest.approx(20.9e-9 * (1 - 0.005), rel=0.005)


@pytest.mark.parametrize(("temperature", "published", "error"), [(358, 65e-9, -0.10), (398, 121e-9, -0.12)])
def test_silicon_off_current_when_hot(temperature: float, published: float, error: float):
    """With the stated error, to half its last digit and that of the published number."""
    found = current(at("silicon_45nm", SILICON, float(temperature)), 0.0, 1.0)
    assert found / published - 1 == pytest.approx(error, abs=0.012)


@pytest.mark.parametrize(("temperature", "published"), [(233, 72e-3), (300, 93e-3), (398, 125e-3)])
def test_silicon_swing(gate_voltage_at: Solve, temperature: float, published: float):
    """Simulated 72, 93 and 125 mV/dec; the constant n of the model gives 72.1, 92.8 and 123.1."""
    found = swing(at("silicon_45nm", SILICON, float(temperature)), gate_voltage_at, 1e-8, 0.05)
    assert found == pytest.approx(published, rel=0.016)


def test_silicon_slope_factor_and_capacitance():
    """n = 1.56, C = 29.0 fF/um^2."""
    k = at("silicon_45nm", SILICON).coefficients
    assert float(k.n_phi / k.phi) == pytest.approx(1.56, abs=0.005)
    assert float(gate_capacitance(library.load("silicon_45nm").tekv)) == pytest.approx(29.0e-3, rel=0.005)


def test_silicon_thresholds(gate_voltage_at: Solve):
    """At 1 uA/um: simulated 0.289 V at 0.05 V and 0.151 V at 1 V, within 8 mV; DIBL 147 mV/V; -0.21 mV/K."""
    warm = at("silicon_45nm", SILICON)
    low, high = (gate_voltage_at(warm, 1e-6, v_d) for v_d in (0.05, 1.0))
    assert low == pytest.approx(0.289, abs=8e-3)
    assert high == pytest.approx(0.151, abs=8e-3)
    assert (low - high) / 0.95 == pytest.approx(147e-3, abs=1e-3)
    cold, hot = (gate_voltage_at(at("silicon_45nm", SILICON, t), 1e-6, 0.05) for t in (233.0, 398.0))
    assert (hot - cold) / 165 == pytest.approx(-0.21e-3, abs=0.01e-3)


def test_silicon_gate_charge():
    """1.24 fC/um for a gate swing of 1 V at V_DS = 0."""
    v_g = torch.tensor([0.0, 1.0], dtype=torch.float64)
    charge = at("silicon_45nm", SILICON).charges(v_g, ZERO, ZERO).gate
    assert float(charge[1] - charge[0]) == pytest.approx(1.24e-15, rel=0.01)


# ---- its p-type partner, against the same simulations of the pmos; signs of the mirror image


@pytest.mark.parametrize(
    ("temperature", "on", "off", "errors"),
    [
        (233, 1.365e-3, 1.261e-9, (-0.07, -0.41)),
        (300, 0.9573e-3, 5.203e-9, (0.023, -0.05)),
        (358, 0.6812e-3, 16.24e-9, (0.09, -0.04)),
        (398, 0.547e-3, 30.7e-9, (0.14, -0.04)),
    ],
)
def test_p_silicon_currents(temperature: float, on: float, off: float, errors: tuple[float, float]):
    """With the errors that the card states, to half their last digit."""
    transistor = at("silicon_45nm_p", SILICON, float(temperature))
    assert current(transistor, 1.0, 1.0) / on - 1 == pytest.approx(errors[0], abs=0.006)
    assert current(transistor, 0.0, 1.0) / off - 1 == pytest.approx(errors[1], abs=0.006)


@pytest.mark.parametrize(("temperature", "stated", "simulated"), [(233, 69, 65.8), (300, 89, 84.6), (398, 118, 112.0)])
def test_p_silicon_swing(gate_voltage_at: Solve, temperature: float, stated: float, simulated: float):
    found = 1e3 * swing(at("silicon_45nm_p", SILICON, float(temperature)), gate_voltage_at, 1e-8, 0.05)
    assert found == pytest.approx(stated, abs=0.5)
    assert found == pytest.approx(simulated, rel=0.055)


def test_p_silicon_slope_factor_and_capacitance():
    k = at("silicon_45nm_p", SILICON).coefficients
    assert float(k.n_phi / k.phi) == pytest.approx(1.49, abs=0.005)
    assert float(gate_capacitance(library.load("silicon_45nm_p").tekv)) == pytest.approx(28.65e-3, rel=0.001)


def test_p_silicon_thresholds(gate_voltage_at: Solve):
    """At 1 uA/um: simulated 0.376 V at 0.05 V and 0.204 V at 1 V, within 8 mV; DIBL 187 mV/V (182); -0.10 mV/K."""
    warm = at("silicon_45nm_p", SILICON)
    low, high = (gate_voltage_at(warm, 1e-6, v_d) for v_d in (0.05, 1.0))
    assert low == pytest.approx(0.376, abs=8e-3)
    assert high == pytest.approx(0.204, abs=8e-3)
    assert (low - high) / 0.95 == pytest.approx(187e-3, abs=1e-3)
    cold, hot = (gate_voltage_at(at("silicon_45nm_p", SILICON, t), 1e-6, 0.05) for t in (233.0, 398.0))
    assert (hot - cold) / 165 == pytest.approx(-0.10e-3, abs=0.01e-3)


def test_p_silicon_gate_charge():
    """1.214 fC/um for a gate swing of 1 V at V_DS = 0."""
    v_g = torch.tensor([0.0, 1.0], dtype=torch.float64)
    charge = at("silicon_45nm_p", SILICON).charges(v_g, ZERO, ZERO).gate
    assert float(charge[1] - charge[0]) == pytest.approx(1.214e-15, rel=0.01)


@pytest.mark.parametrize("card", ["silicon_45nm", "silicon_45nm_p"])
def test_silicon_does_not_age(card: str):
    state = library.load(card).age(constant(1e9, 398.0, 1.0))
    assert float(state.threshold_shift) == 0.0
    assert float(state.donor_density) == 0.0


def test_ito_donors_give_the_published_negative_shift():
    """-0.045 V after 3000 s at room temperature (stackedito2024), used to set reservoir and release time."""
    device = library.load("liu2023_ito")
    state = device.age(constant(3000.0, 300.0, 0.0))
    fresh = device.transistor(tensor(1e-6), tensor(50e-9), tensor(300.0))
    aged = device.transistor(tensor(1e-6), tensor(50e-9), tensor(300.0), state)
    assert float(aged.coefficients.v_t - fresh.coefficients.v_t) == pytest.approx(-0.045, abs=2e-3)


@pytest.mark.filterwarnings("error::beolith.errors.ExtrapolationWarning")
@pytest.mark.parametrize(
    ("card", "length", "temperature", "message"),
    [
        ("silicon_45nm", 17.5e-9, 77.0, r"silicon_45nm: temperature 77 K leaves .* 233 K to 398 K"),
        ("silicon_45nm", 45e-9, 300.0, "length"),
        ("belmonte2023_igzo", 20e-9, 300.0, "length"),
        ("belmonte2023_igzo", 45e-9, 500.0, "temperature"),
    ],
)
def test_outside_its_range_a_card_warns(card: str, length: float, temperature: float, message: str):
    with pytest.raises(ExtrapolationWarning, match=message):
        at(card, length, temperature=temperature)


@pytest.mark.filterwarnings("error::beolith.errors.ExtrapolationWarning")
@pytest.mark.parametrize(("card", "length"), [("silicon_45nm", 17.5e-9), ("belmonte2023_igzo", 45e-9)])
def test_inside_its_range_a_card_is_silent(card: str, length: float):
    at(card, length)
