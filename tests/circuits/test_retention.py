"""Retention of one cell: closed form, quadrature, waveform and literature agree; and it obeys laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith import registry
from beolith.circuits.bitcells.base import Bitcell
from beolith.circuits.cell import build, load
from beolith.circuits.held_node import held_node
from beolith.circuits.retention import by_transient, closed_form, hold_power, quadrature, retention, written
from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.devices.gate_leakage import GateLeakageParameters
from beolith.errors import BeolithError

from .conftest import f64

FLOATING = [name for name in registry.names("bitcells") if not load(name).static]
HOTTEST = {"gain_2t0c_hybrid": 398.0}
"""Where the silicon card ends; all others are looked at up to 423 K."""
CARD = "belmonte2023_igzo"
EV = constants.electron_volt


def leaky(conductivity: Tensor) -> library.Device:
    """The oxide transistor with Poole-Frenkel conduction through its gate dielectric."""
    gate = GateLeakageParameters(conductivity, f64(0.8 * EV), f64(4.0), f64(0.0), f64(1.0 * EV), f64(0.3))
    return replace(library.load(CARD), gate=gate)


def everything(kind: Bitcell) -> Bitcell:
    """A batch of four: the floor limits, diffusion does, both do, and the gates do."""
    device = leaky(f64(0.0, 0.0, 0.0, 1e-7)[:, None])
    cards = {name: device for name, place in kind.transistors.items() if place.card == CARD}
    return kind.with_(cards=cards, voltages={"v_hold": f64(-0.8, 0.0, -0.4, -0.8)[:, None]})


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOATING)
def test_the_waveform_agrees(name: str):
    """Within 1 % (the bar is 5 %), over twelve decades of time, from 233 to 423 K; infinite where it is."""
    kind = load(name)
    cell = build(everything(kind), f64(233.0, HOTTEST.get(name, 423.0)))
    stored = 0.05 + 0.9 * cell.data.expand(kind.levels, 4, 2)
    found, exact = retention(cell, stored=stored).time, by_transient(cell, stored=stored, longest=1e10)
    assert float(exact.amin()) < 0.2
    assert float(exact.amin(0).amax()) > 1e7
    torch.testing.assert_close(found, exact, rtol=0.01, atol=0.0)
    torch.testing.assert_close(retention(cell, stored=stored, method=quadrature).time, found, rtol=0.01, atol=0.0)


@dataclass(frozen=True)
class Ideal:
    """A constant capacitance under any current."""

    capacitance: float
    law: Callable[[Tensor], Tensor]

    def charge(self, v: Tensor) -> Tensor:
        return self.capacitance * v

    def current(self, v: Tensor) -> Tensor:
        return self.law(v)


@pytest.mark.parametrize("method", [closed_form, quadrature])
def test_the_closed_form_of_the_literature(method: Callable[..., Tensor]):
    """t = (C phi/I0) ln[(exp(V0/phi) - 1)/(exp(V1/phi) - 1)] for I0 (1 - exp(-V/phi))."""
    c, i0, phi, v0, v1 = 1e-15, 1e-18, 0.02585, 0.8, 0.1
    node = Ideal(c, lambda v: i0 * torch.expm1(-v / phi))
    expected = c * phi / i0 * math.log(math.expm1(v0 / phi) / math.expm1(v1 / phi))
    assert float(method(node, f64(v0), f64(v1))) == pytest.approx(expected, rel=3e-4)


def test_what_the_closed_form_has_exactly():
    """A constant current and one that is exponential in the voltage; a resistor and a sudden floor nearly."""
    v0, v1, c = f64(1.0), f64(0.4), 1e-15
    constant = closed_form(Ideal(c, lambda v: -1e-15 + 0 * v), v0, v1)
    assert float(constant) == pytest.approx(0.6, rel=1e-12)
    steep = closed_form(Ideal(c, lambda v: -1e-15 * torch.exp(v / 0.02)), v0, v1)
    assert float(steep) == pytest.approx(0.02 * (math.exp(-20.0) - math.exp(-50.0)), rel=1e-9)
    resistor = closed_form(Ideal(c, lambda v: -1e-15 * v), v0, v1)
    assert float(resistor) == pytest.approx(math.log(1.0 / 0.4), rel=1e-4)
    ratio, phi = 1e6, 0.026
    floor = closed_form(Ideal(c, lambda v: -1e-18 * (1.0 + ratio * torch.exp((v - 1.0) / phi))), v0, v1)
    exact = 1e3 * (0.6 - phi * math.log((1.0 + ratio) / (1.0 + ratio * math.exp(-0.6 / phi))))
    assert float(floor) == pytest.approx(exact, rel=0.02)


def test_a_node_that_does_not_get_there_takes_for_ever():
    node = Ideal(1e-15, lambda v: -1e-18 * (v - 0.5))
    assert math.isinf(closed_form(node, f64(1.0), f64(0.4)))
    assert math.isinf(closed_form(node, f64(1.0), f64(1.1)))
    assert math.isfinite(closed_form(node, f64(1.0), f64(0.6)))


# ------------------------------------------------------------------------------------------------ gradients and laws

NAMES = ("threshold", "width", "length", "storage", "oxide", "hold")
"""In the order of a point: threshold shift, W, L, C_SN, t_ox, hold voltage."""
POINTS = {"diffusion": (0.02, 80e-9, 50e-9, 1e-15, 10e-9, -0.1), "between": (0.0, 70e-9, 46e-9, 1e-15, 9e-9, -0.45)}


def log_time(x: Tensor, stored: Tensor | None) -> Tensor:
    """ln t of the level that goes first, of a cell whose gates leak a little."""
    threshold, width, length, storage, oxide, hold = x
    device = leaky(f64(1e-12))
    device = replace(device, tekv=device.tekv.replace(oxide_thickness=oxide))
    kind = load("gain_2t0c").with_(
        cards={"write": device, "read": device},
        widths={"write": width},
        lengths={"write": length},
        capacitances={"storage": storage},
        voltages={"v_hold": hold},
    )
    cell = build(kind, f64(330.0), states={"write": DeviceState(threshold_shift=threshold)})
    return retention(cell, stored=stored).cell.log()


@pytest.mark.parametrize("regime", POINTS)
def test_gradients_against_finite_differences(regime: str):
    """By V_T, W, L, C_SN, t_ox and the hold voltage, within 1e-4."""
    at, stored = f64(*POINTS[regime]), f64(-0.05, 1.1)
    x = at.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(log_time(x, stored), x)
    for i, (name, slope) in enumerate(zip(NAMES, slopes.tolist(), strict=True)):
        step = torch.zeros_like(at)
        step[i] = 1e-4 * (abs(float(at[i])) if name not in ("threshold", "hold") else 0.1)
        with torch.no_grad():
            by_hand = float(log_time(at + step, stored) - log_time(at - step, stored)) / (2.0 * float(step[i]))
        assert slope == pytest.approx(by_hand, rel=1e-4), name
        assert slope != 0.0


@pytest.mark.slow
def test_gradients_through_the_write():
    """What the storage capacitor takes of the kick of the word line counts, within 1 % of a finite difference."""
    at = f64(*POINTS["between"])
    x = at.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(log_time(x, None), x)
    step = torch.zeros_like(at)
    step[3] = 0.02e-15
    with torch.no_grad():
        by_hand = float(log_time(at + step, None) - log_time(at - step, None)) / (2.0 * float(step[3]))
    assert float(slopes[3]) == pytest.approx(by_hand, rel=0.01)


@pytest.mark.parametrize("name", FLOATING)
def test_it_rises_with_capacitance_and_falls_with_temperature(name: str):
    kind = load(name)
    heat = torch.linspace(233.0, HOTTEST.get(name, 423.0), 8, dtype=torch.float64)
    storage = f64(0.5e-15, 1e-15, 2e-15, 5e-15)[:, None]
    for hold in (-0.8, 0.0):
        cell = build(kind.with_(capacitances={"storage": storage}, voltages={"v_hold": hold}), heat)
        time = retention(cell, stored=0.05 + 0.9 * cell.data.expand(kind.levels, 4, 8)).cell
        assert bool((time.diff(dim=0) > 0).all())
        assert bool((time.diff(dim=1) < 0).all())


def test_the_parts_of_the_current_are_the_whole():
    cell = build(everything(load("gain_2t0c")), f64(300.0))
    stored = {"sn": f64(0.1, 1.1)[:, None, None].expand(2, 4, 1)}
    node = held_node(cell, "sn", stored)
    v = stored["sn"]
    channels, gates = node.through_channels(v), node.through_gates(v)
    torch.testing.assert_close(channels + gates, node.current(v))
    assert bool((gates[:, :3] == 0).all())
    assert bool((gates[:, 3].abs() > channels[:, 3].abs()).any())
    one = node.only(torch.tensor([1]))
    torch.testing.assert_close(one.current(v[1:]), node.current(v)[1:])


def test_levels_go_by_themselves_and_the_cell_with_the_first():
    cell = build(load("gain_2t1c").with_(levels=8), f64(300.0, 358.0))
    found = retention(cell, stored=cell.data.expand(8, 2))
    assert found.time.shape == (8, 2)
    assert bool(torch.isinf(found.time[0]).all())  # at the voltage of the line that it would move to
    torch.testing.assert_close(found.cell, found.time.amin(0))
    assert bool(torch.isfinite(found.time[1:]).all())
    two = retention(build(load("gain_2t1c").with_(levels=2)), stored=cell.data[[0, -1], 0])
    assert float(found.cell[0]) < 0.5 * float(two.cell)


def test_power_of_holding_is_that_of_what_leaks():
    """Both ends of a read transistor rest at one voltage, so nothing flows; the inverters of silicon do leak."""
    cell = build(load("gain_2t0c"))
    assert float(hold_power(cell, cell.stored(cell.data))) < 1e-18
    cell = build(load("sram_6t"))
    assert float(hold_power(cell, cell.stored(cell.data))) > 1e-9


# --------------------------------------------------------------------------------------------------- what is refused


def test_a_cell_in_which_nothing_leaks_is_an_error():
    """No floor, no gate leakage, and a word line so low that diffusion underflows."""
    device = library.load(CARD, {"tekv.leakage_density": "0 A/m"})
    kind = load("gain_2t0c").with_(cards={"write": device, "read": device}, voltages={"v_hold": -25.0})
    stored = f64(0.0, 1.2)
    with pytest.raises(BeolithError, match="nothing leaks that would end a level"):
        retention(build(kind), stored=stored)
    retention(build(kind.with_(cards={"write": CARD})), stored=stored)


@pytest.mark.parametrize("name", ["sram_6t", "sram_8t", "sram_6t_hybrid"])
def test_a_static_cell_has_no_retention(name: str):
    cell = build(load(name))
    for ask in (retention, by_transient):
        with pytest.raises(BeolithError, match="is static"):
            ask(cell)


@pytest.mark.parametrize("levels", [-1, 0, 1, 33])
def test_impossible_levels_are_refused(levels: int):
    with pytest.raises(BeolithError, match=rf"{levels} levels; allowed: 2 \.\. 32"):
        load("gain_2t0c").with_(levels=levels)


@pytest.mark.parametrize("name", ["dram_1t1c"])
def test_a_node_without_capacitance_is_refused(name: str):
    for capacitance, said in ((0.0, "nothing stores on 'sn'"), (-1e-15, "allowed: 0 F and above")):
        with pytest.raises(BeolithError, match=said):
            load(name).with_(capacitances={"storage": capacitance})


def test_a_write_ends_near_what_the_levels_ask_for():
    cell = build(load("gain_2t0c").with_(levels=4), f64(300.0, 358.0))
    found = written(cell)["sn"]
    kick = cell.data - found
    assert bool((kick > 0).all())
    assert bool((kick < 0.1).all())
