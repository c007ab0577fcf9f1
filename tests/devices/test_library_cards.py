"""What the works behind the cards publish, and what the model makes of it: calibrated numbers and predicted ones."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from torch import Tensor

from beolith import registry
from beolith.devices import library
from beolith.devices.geometry import front_capacitance, gate_capacitance
from beolith.devices.library import Device
from beolith.devices.stress.mission import constant
from beolith.devices.tekv import donor_shift
from beolith.devices.thin_film import ThinFilmTransistor
from beolith.devices.typical_curves import merit

from .conftest import tensor

EPS0 = 8.8541878128e-12
PER_CM2_EV = 1e4 / 1.602176634e-19
ZERO = tensor(0.0)


def at(
    name: str, length: float, width: float = 1e-6, temperature: float = 300.0, **overrides: str
) -> ThinFilmTransistor:
    changes = {key.replace("__", "."): value for key, value in overrides.items()}
    return library.load(name, changes).transistor(tensor(width), tensor(length), tensor(temperature))


def current(transistor: ThinFilmTransistor, v_g: float, v_d: float) -> float:
    return float(transistor.current(tensor(v_g), tensor(v_d), ZERO))


def swing(transistor: ThinFilmTransistor, solve, level: float, v_d: float) -> float:
    """Subthreshold swing at a current [mV/decade]."""
    step = solve(transistor, 2 * level, v_d) - solve(transistor, level, v_d)
    return 1e3 * step / math.log10(2)


def threshold(transistor: ThinFilmTransistor) -> float:
    return float(transistor.coefficients.v_t)


def saturation_mobility(transistor: ThinFilmTransistor, v_g: float, v_d: float, capacitance: float) -> float:
    """From the slope of the root of the current, W = L [cm2/Vs]."""
    slope = (math.sqrt(current(transistor, v_g + 1e-3, v_d)) - math.sqrt(current(transistor, v_g - 1e-3, v_d))) / 2e-3
    return 1e4 * 2.0 / capacitance * slope**2


def transconductance(transistor: ThinFilmTransistor, v_d: float, low: float, high: float) -> float:
    """Peak transconductance [S]."""
    gates: Tensor = torch.linspace(low, high, 801, dtype=torch.float64)
    return float(transistor.conductances(gates, tensor(v_d), ZERO).gate.max())


def capacitance(name: str) -> float:
    return float(gate_capacitance(library.load(name).tekv))


# ---- the library


def test_the_library_covers_the_materials():
    """At least twelve published devices over the materials and shapes that the field uses."""
    materials = [library.load(name).card.material for name in registry.names("cards")]
    assert len(materials) >= 14
    for part in ("sputtered", "ALD", "CAAC", "channel-all-around", "dual gate", "In2O3", "IWO", "ITO", "ITZO", "IGZTO",
                 "FinFET", "SnO"):  # fmt: skip
        assert any(part in material for material in materials), part


def test_a_card_says_what_calibrated_it(device: Device):
    """Every fitted number names the published fact that it was fitted to, and every card has a typical length."""
    for section, entry in device.card.items():
        if entry.how == "fitted" and not entry.default:
            assert len(entry.where) > 3, f"{section}.{entry.name}"
    assert not device.card.sections["typical"]["length"].default


def test_own_guesses_carry_a_range():
    """Most numbers that no work states have a prior, so that their uncertainty can be carried through."""
    counts = Counter[str]()
    for name in registry.names("cards"):
        for section, entry in library.load(name).card.items():
            if entry.how == "assumed" and not entry.default and section not in {"typical", "validity"}:
                counts["prior" if entry.prior else "bare"] += 1
    assert counts["prior"] > 2 * counts["bare"]


def test_typical_curves_are_those_of_a_switch(device: Device):
    """SnO, with 0.3 V/dec (chiang2025_edl), is the slowest."""
    found = merit(device)
    assert found.on_current > 1e4 * found.off_current
    assert 55e-3 < found.swing < (0.25 if device.sign > 0 else 0.31)
    assert math.isfinite(found.threshold)


# ---- ASAP7 FinFET (clark2016_mej, Table 3, NMOS RVT, one fin, 25 C)

FIN = {"width": 70.5e-9, "length": 21e-9, "temperature": 298.15}


def test_finfet_calibrated(gate_voltage_at):
    """I_off 0.019 nA, I_dsat 37.85 uA, linear current 4.5 times below, SS 63.03 mV/dec, DIBL 21.31 mV/V."""
    fin = at("clark2016_finfet", **FIN)
    assert current(fin, 0.0, 0.7) == pytest.approx(0.019e-9, rel=0.01)
    assert current(fin, 0.7, 0.7) == pytest.approx(37.85e-6, rel=0.005)
    assert current(fin, 0.7, 0.05) == pytest.approx(37.85e-6 / 4.5, rel=0.005)
    assert swing(fin, gate_voltage_at, 1e-10, 0.7) == pytest.approx(63.03, abs=0.1)
    lowering = (gate_voltage_at(fin, 1e-8, 0.05) - gate_voltage_at(fin, 1e-8, 0.7)) / 0.65
    assert lowering == pytest.approx(21.31e-3, rel=0.02)


def test_finfet_predicted(gate_voltage_at):
    """I_eff 18.13 uA: 18.56, 2.4 % high. V_T 0.17 and 0.19 V at 0.7 and 0.05 V (constant current taken as 10 nA)."""
    fin = at("clark2016_finfet", **FIN)
    effective = 0.5 * (current(fin, 0.7, 0.35) + current(fin, 0.35, 0.7))
    assert effective == pytest.approx(18.13e-6, rel=0.03)
    assert gate_voltage_at(fin, 1e-8, 0.7) == pytest.approx(0.17, abs=0.01)
    assert gate_voltage_at(fin, 1e-8, 0.05) == pytest.approx(0.19, abs=0.01)


# ---- IGZO


def test_yoon_calibrated(gate_voltage_at):
    """Saturation mobility 15.1 cm2/Vs and SS 120 mV/dec (yoon2018_rscadv, abstract)."""
    film = at("yoon2018_igzo", 20e-6, 20e-6)
    found = saturation_mobility(film, threshold(film) + 10.0, 20.0, capacitance("yoon2018_igzo"))
    assert found == pytest.approx(15.1, rel=0.01)
    assert swing(film, gate_voltage_at, 1e-12, 0.1) == pytest.approx(120.0, abs=1.0)


@pytest.mark.parametrize(("celsius", "shift"), [(40.0, -0.5), (80.0, -6.9)])
def test_yoon_hydrogen_calibrated(celsius: float, shift: float):
    """-0.5 V at 40 C and -6.9 V at 80 C after 1e4 s (yoon2018_rscadv, abstract)."""
    device = library.load("yoon2018_igzo")
    state = device.age(constant(1e4, celsius + 273.15, 5.0))
    moved = float(donor_shift(device.tekv, state.donor_density)) + float(state.threshold_shift)
    assert moved == pytest.approx(shift, rel=0.02)


def test_shao_calibrated(gate_voltage_at):
    """Mobility 19.5 cm2/Vs, SS 160 mV/dec, V_T 0.1 V, on/off 4.5e8 (shao2019_nrl, abstract)."""
    film = at("shao2019_igzo", 10e-6, 10e-6)
    v_t = threshold(film)
    slope = (current(film, v_t + 5.001, 0.1) - current(film, v_t + 4.999, 0.1)) / 2e-3
    assert 1e4 * slope / (0.1 * capacitance("shao2019_igzo")) == pytest.approx(19.5, rel=0.01)
    assert v_t == pytest.approx(0.1, abs=0.005)
    assert swing(film, gate_voltage_at, 1e-11, 0.1) == pytest.approx(160.0, abs=1.0)
    assert current(film, 5.0, 5.0) / current(film, -4.0, 5.0) == pytest.approx(4.5e8, rel=0.01)


def test_tftpdk_calibrated():
    """V_T 0.09 V and K_p 0.717 uA/V2 at 3 V overdrive without contacts (tftpdk2024, README)."""
    film = at("tftpdk2024_igzo", 80e-6, 100e-6, contacts__minimum_resistance="0 ohm*m")
    v_t = threshold(film)
    assert v_t == pytest.approx(0.09, abs=0.005)
    k_p = 2.0 * current(film, v_t + 3.0, 10.0) * 0.8 / 9.0 / 1.067
    assert k_p == pytest.approx(0.717e-6, rel=0.01)


def test_tftpdk_predicted():
    """C_ox 156.4 nF/cm2 and saturation exponent 2.31 (tftpdk2024, README); nothing of the card was fitted to them."""
    device = library.load("tftpdk2024_igzo")
    assert float(front_capacitance(device.tekv)) == pytest.approx(156.4e-5, rel=0.01)
    film = at("tftpdk2024_igzo", 80e-6, 100e-6, contacts__minimum_resistance="0 ohm*m")
    v_t, v = threshold(film), torch.linspace(1.0, 6.0, 11, dtype=torch.float64)
    logs = torch.log(film.current(v + v_t, tensor(10.0), ZERO))
    x = torch.log(v) - torch.log(v).mean()
    assert float((x * logs).sum() / (x * x).sum()) == pytest.approx(2.31, abs=0.05)


def test_oota_off_current():
    """5.0e-20 A/um at 85 C (oota2019_iedm, abstract), an upper bound that the card takes over."""
    film = at("oota2019_igzo", 72e-9, temperature=358.15)
    assert current(film, -1.0, 1.2) == pytest.approx(5.0e-20, rel=0.02)


def test_huang_calibrated(gate_voltage_at):
    """32.8 uA/um at V_th + 1 V and SS 92 mV/dec at L = 55 nm (huang2022_vlsi, abstract)."""
    column = at("huang2022_igzo", 55e-9, 157e-9)
    assert current(column, threshold(column) + 1.0, 1.0) / 157e-9 == pytest.approx(32.8, rel=0.01)
    assert swing(column, gate_voltage_at, 1e-13, 1.0) == pytest.approx(92.0, abs=0.5)


def test_huang_predicted():
    """Above 30 uA/um at L = 50 nm (caa2022_ted, abstract), an earlier device with its own threshold."""
    column = at("huang2022_igzo", 50e-9, 157e-9)
    assert current(column, threshold(column) + 1.0, 1.0) / 157e-9 > 30.0


def test_huang_bias_stress():
    """25 mV after 1e4 s (chen2022_iedm), an upper bound; 1 V of overdrive at 300 K is assumed."""
    shift = library.load("huang2022_igzo").age(constant(1e4, 300.0, 1.0)).threshold_shift
    assert float(shift) == pytest.approx(25e-3, rel=0.02)


def test_the_gate_core_raises_the_capacitance():
    """The coaxial capacitor eps/(r ln(1 + t/r)) over the planar one: 14 nm of core and 8 nm of oxide make 1.26."""
    p = library.load("huang2022_igzo").tekv
    assert float(front_capacitance(p)) * 8e-9 / (15 * EPS0) == pytest.approx(8 / (14 * math.log(1 + 8 / 14)), rel=1e-6)


def test_lu_calibrated(gate_voltage_at):
    """1500 uA/um at V_DS = 1 V and 13.9 nm (lu2022_iedm), SS 63.9 mV/dec at 50 nm (lu2025_jeds)."""
    short = at("lu2022_igzo", 13.9e-9, 200e-9)
    assert current(short, threshold(short) + 4.0, 1.0) / 200e-9 == pytest.approx(1500.0, rel=0.01)
    assert swing(at("lu2022_igzo", 50e-9), gate_voltage_at, 1e-13, 0.5) == pytest.approx(63.9, abs=0.2)


def test_lu_contact_calibrated():
    """0.5 kohm um at 2.5 V above the threshold of a single-gate structure (lu2022_iedm, Fig. 9a)."""
    device = library.load("lu2022_igzo", {"tekv.back_oxide_thickness": "1 m"})
    charge = float(gate_capacitance(device.tekv)) * 2.5
    found = device.contacts.minimum_resistance + device.contacts.barrier_resistance / (
        1.0 + charge / device.contacts.charge_scale
    )
    assert float(found) == pytest.approx(0.5e-3, rel=0.02)


def test_han_calibrated(gate_voltage_at):
    """SS 80 mV/dec; peak g_m 456 and 612 uS/um at 1 and 2 V (han2021_ted, abstract)."""
    wire = at("han2021_igzo", 100e-9)
    assert swing(wire, gate_voltage_at, 1e-13, 1.0) == pytest.approx(80.0, abs=0.5)
    assert transconductance(wire, 1.0, 0.0, 4.0) == pytest.approx(456e-6, rel=0.01)
    assert transconductance(wire, 2.0, 0.0, 4.0) == pytest.approx(612e-6, rel=0.01)


@pytest.mark.parametrize(("temperature", "published"), [(300.0, 61.0), (200.0, 40.0), (100.0, 40.0)])
def test_vansetten_calibrated(gate_voltage_at, temperature: float, published: float):
    """SS 61 mV/dec at 300 K, around 40 at 200 and 100 K (vansetten2025_cryo, abstract): 60.8, 42.1 and 38.8."""
    found = swing(at("vansetten2025_igzo", 1e-6, temperature=temperature), gate_voltage_at, 1e-15, 0.5)
    assert found == pytest.approx(published, abs=3.0)


@pytest.mark.parametrize(
    ("traps", "published"), [(8.43e11, 75.0), (3.07e12, 115.0), (4.98e12, 150.0), (6.02e12, 168.0)]
)
def test_byun_predicted(gate_voltage_at, traps: float, published: float):
    """Swing from the measured D_it of each anneal (byun2026_jmcc), nothing calibrated: within 10 %."""
    film = at("byun2026_igzo", 1e-5, 1e-5, tekv__interface_traps=f"{traps} 1/(cm**2*eV)",
              tekv__leakage_density="1e-20 A/um")  # fmt: skip
    assert swing(film, gate_voltage_at, 1e-13, 0.1) == pytest.approx(published, rel=0.10)


def test_wang_donors():
    """1.2e18 to 9.6e18 cm^-3 (wang2025_ted): the threshold falls by q N t/C plus the depletion potential."""
    low, high = (threshold(at("wang2025_igzo", 1e-6, tekv__donor_density=f"{n} 1/cm**3")) for n in (1.2e18, 9.6e18))
    q, t, more = 1.602176634e-19, 10e-9, 8.4e24
    expected = -q * more * t / capacitance("wang2025_igzo") - q * more * t**2 / (2.0 * 10.0 * EPS0)
    assert high - low == pytest.approx(expected, rel=1e-3)


# ---- IWO, In2O3, ITZO, IGZTO

OXIDE = 17.1 * EPS0 / 17e-9
"""Capacitance of the gate stack of januar2026_smallstr [F/m^2]."""


def peak_mobility(name: str, **overrides: str) -> float:
    """Peak of the transconductance mobility at V_DS = 0.1 V up to 6 V, W = L [cm2/Vs]."""
    film = at(name, 1e-5, 1e-5, tekv__leakage_density="1e-21 A/um", **overrides)
    return 1e4 * transconductance(film, 0.1, -0.5, 6.0) / (0.1 * OXIDE)


@pytest.mark.parametrize(("name", "published"), [("januar2026_iwo_13nm", 27.4), ("januar2026_iwo_2nm", 5.1)])
def test_iwo_mobility_calibrated(name: str, published: float):
    assert peak_mobility(name) == pytest.approx(published, rel=0.01)


def test_iwo_mobility_predicted():
    """5.1 cm2/Vs at 2 nm from the band mobility of 13 nm, roughness and the published tail density: 5.9, 16 % high."""
    band = float(library.load("januar2026_iwo_13nm").tekv.mobility)
    found = peak_mobility("januar2026_iwo_2nm", tekv__mobility=f"{band} m**2/(V*s)")
    assert found == pytest.approx(5.1, rel=0.20)


def test_iwo_swing(gate_voltage_at):
    """62 mV/dec at 2 nm (calibrated, at 1 fA/um) and 60 to 70 at 13 nm (predicted) (januar2026_smallstr)."""
    thin = at("januar2026_iwo_2nm", 1e-5, 1e-5, tekv__leakage_density="1e-21 A/um")
    thick = at("januar2026_iwo_13nm", 1e-5, 1e-5, tekv__leakage_density="1e-21 A/um")
    assert swing(thin, gate_voltage_at, 1e-14, 0.1) == pytest.approx(62.0, abs=0.5)
    assert 60.0 < swing(thick, gate_voltage_at, 1e-14, 0.1) < 70.0


@pytest.mark.parametrize(("name", "published"), [("januar2026_iwo_13nm", 0.72), ("januar2026_iwo_2nm", 1.2)])
def test_iwo_bias_stress_calibrated(name: str, published: float):
    """Shift after 1200 s at 6 V at room temperature; the 0.72 V belong to a 10 nm film (januar2026_smallstr)."""
    shift = library.load(name).age(constant(1200.0, 300.0, 5.7)).threshold_shift
    assert float(shift) == pytest.approx(published, rel=0.02)


def test_si_calibrated():
    """2.0 A/mm at V_DS = 0.7 V and L = 40 nm (si2020_arxiv), at the 4e13 cm^-2 of the abstract."""
    scaled = at("si2020_in2o3", 40e-9)
    overdrive = 4e17 * 1.602176634e-19 / capacitance("si2020_in2o3")
    assert current(scaled, threshold(scaled) + overdrive, 0.7) / 1e-6 == pytest.approx(2000.0, rel=0.01)


def test_itzo_calibrated():
    """Saturation mobility 17.52 cm2/Vs and off current 2.33e-18 A/um (itzosatg2025, abstract)."""
    film = at("itzosatg2025_itzo", 10e-6, 10e-6)
    found = saturation_mobility(film, threshold(film) + 5.0, 10.0, capacitance("itzosatg2025_itzo"))
    assert found == pytest.approx(17.52, rel=0.01)
    assert current(film, -4.0, 5.0) / 10e-6 == pytest.approx(2.33e-12, rel=0.02)


def test_sno_calibrated():
    """Mobility 2 cm2/Vs, SS 0.3 V/dec, threshold 0.18 V, on/off over 1e4 (chiang2025_edl, abstract)."""
    found = merit(library.load("chiang2025_sno"))
    assert found.swing == pytest.approx(0.3, abs=1e-3)
    assert found.threshold == pytest.approx(0.18, abs=2e-3)
    assert 1e4 < found.on_current / found.off_current < 1.05e4
    film = at("chiang2025_sno", 10e-6, 10e-6)
    mobility = 1e4 * transconductance(film, 0.1, -1.0, 2.8) / (0.1 * capacitance("chiang2025_sno"))
    assert mobility == pytest.approx(2.0, rel=0.01)


def test_igzto_calibrated():
    """Effective mobility 20 cm2/Vs (wu2021_ted, abstract: above 20) over the sheet charge at 1.5 V overdrive."""
    film = at("wu2021_igzto", 10e-6, 100e-6)
    found = current(film, threshold(film) + 1.5, 0.05) / 10.0 / 0.05 / (capacitance("wu2021_igzto") * 1.475)
    assert 1e4 * found == pytest.approx(20.0, rel=0.01)
