"""Noise of circuits against Nyquist, kT/C, the common-source stage by hand, and ngspice."""

from __future__ import annotations

import shutil

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.mna.noise import noise, power
from beolith.circuits.mna.operating_point import OperatingPoint, operating_point
from beolith.circuits.mna.system import system
from beolith.circuits.netlist import (
    Capacitor,
    Circuit,
    Element,
    Fet,
    Resistor,
    Switch,
    VoltageSource,
)
from beolith.devices import library
from beolith.devices.base import DeviceState, Transistor
from beolith.errors import BeolithError

from .conftest import f64

KT = constants.Boltzmann * 300.0


def fet(card: str, width: Tensor | float = 1e-6, shift: float = 0.0) -> Transistor:
    device = library.load(card)
    w = width if isinstance(width, Tensor) else f64(width)
    return device.transistor(w, device.validity.shortest_length, f64(300.0), DeviceState(threshold_shift=f64(shift)))


def common_source(card: str, width: Tensor | float = 1e-6, load: float = 1e5) -> Circuit:
    """A transistor under a resistor and with a capacitance; a p-type one is fed from below."""
    model = fet(card, width)
    up = float(model.sign)
    parts: tuple[Element, ...] = (
        VoltageSource("supply", "vdd", "0", f64(up)),
        VoltageSource("vin", "in", "0", f64(0.6 * up)),
        Resistor("r", "vdd", "out", f64(load)),
        Fet("m", "in", "out", "0", model),
        Capacitor("c", "out", "0", f64(1e-14)),
    )
    return Circuit("common source", parts)


def sampled(through: Element) -> Circuit:
    """A capacitor of 1 pF that something connects with a source."""
    parts = VoltageSource("v", "in", "0", f64(0.2)), through, Capacitor("c", "out", "0", f64(1e-12))
    return Circuit("sampled", (*parts, VoltageSource("on", "on", "0", f64(1.0))))


SAMPLING = {
    "resistor": Resistor("x", "in", "out", f64(1e2, 1e4, 1e6)),
    "switch": Switch("x", "in", "out", "on", "0", f64(0.5), f64(1e-3), f64(1e-15), f64(0.05)),
}


# ------------------------------------------------------------------------------------------------------ equilibrium


@pytest.mark.parametrize("name", SAMPLING)
def test_a_capacitor_has_kt_over_c(name: str):
    """Whatever charges it; the band leaves 2e-4 of the power out and the trapezoids are as good."""
    s = system(sampled(SAMPLING[name]))
    found = noise(s, torch.logspace(0, 14, 1001, dtype=torch.float64), "out", 300.0)
    torch.testing.assert_close(found.rms**2, f64(KT / 1e-12).expand(s.shape), rtol=3e-4, atol=0)


def test_a_transistor_in_equilibrium_samples_kt_over_c():
    """No current flows, so its flicker is silent and the rest is Nyquist's noise of its channel."""
    s = system(sampled(Fet("x", "on", "in", "out", fet("silicon_45nm"))))
    found = noise(s, torch.logspace(3, 15, 601, dtype=torch.float64), "out", 300.0)
    held = s.slopes(operating_point(s).x, s.drive(f64(0.0).reshape(1))).capacitance[0, 0, 0]
    torch.testing.assert_close(found.rms**2, KT / held.reshape(()), rtol=3e-3, atol=0)


def test_a_divider_is_as_noisy_as_its_output_resistance():
    """Nyquist; at the temperature that is said, and the share of each part is that of its conductance."""
    r1, r2 = f64(1e3, 1e4), f64(3e3)
    parts = VoltageSource("v", "a", "0", f64(1.0)), Resistor("r1", "a", "b", r1), Resistor("r2", "b", "0", r2)
    found = noise(system(Circuit("divider", parts)), [1.0, 1e9], "b", 77.0)
    parallel = r1 * r2 / (r1 + r2)
    expected = (4 * constants.Boltzmann * 77.0 * parallel).expand(2, 2)
    torch.testing.assert_close(found.density, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(found.parts["r1"], expected * parallel / r1, rtol=1e-12, atol=0)


def test_a_held_node_is_quiet_and_a_source_between_nodes_is_a_wire():
    """A resistor behind a source sees the other one in parallel; where a grounded source holds, nothing moves."""
    parts = (
        VoltageSource("v", "a", "0", f64(1.0)),
        Resistor("r1", "a", "b", f64(1e3)),
        VoltageSource("inside", "b", "c", f64(0.3)),
        Resistor("r2", "c", "0", f64(1e3)),
    )
    s = system(Circuit("wire", parts))
    for node, resistance in (("a", 0.0), ("b", 500.0), ("c", 500.0)):
        expected = f64(4 * KT * resistance).reshape(1)
        torch.testing.assert_close(noise(s, [1e3], node, 300.0).density, expected, rtol=1e-12, atol=0)


def test_power_of_a_pink_and_of_a_white_density():
    """One over f: ln of the band exactly; white: its width."""
    f = torch.logspace(0, 6, 1001, dtype=torch.float64)
    torch.testing.assert_close(power(f, 1.0 / f), torch.log(f[-1]), rtol=1e-12, atol=0)
    torch.testing.assert_close(power(f, torch.ones_like(f)), f64(1e6), rtol=1e-4, atol=0)


# ----------------------------------------------------------------------------------------------------- transistors


@pytest.mark.parametrize("card", ["januar2026_iwo_13nm", "han2021_igzo", "silicon_45nm", "silicon_45nm_p"])
def test_a_common_source_stage_by_hand(card: str):
    """S = (S_I + 4kT/R)/|1/R + g_ds + j w (C + C_dd)|^2, of either polarity, with contacts and without."""
    c, f = common_source(card), f64(1e3, 1e8, 1e11)
    s, m = system(c), fet(card)
    out = m.sign * operating_point(s).x[0, 0]
    at = f64(0.6), out, f64(0.0)
    there = m.linearised(*at)
    omega = 2 * torch.pi * f
    square = (1e-5 + there.conductances.drain) ** 2 + (omega * (1e-14 + there.capacitances.drain.drain)) ** 2
    found = noise(s, f, "out", 300.0)
    torch.testing.assert_close(found.parts["m"], m.noise(f, *at) / square, rtol=1e-9, atol=0)
    torch.testing.assert_close(found.parts["r"], 4 * KT * 1e-5 / square, rtol=1e-9, atol=0)
    torch.testing.assert_close(found.density, found.parts["m"] + found.parts["r"], rtol=1e-12, atol=0)
    assert float(found.parts["m"][0]) > 0


def test_gradient_of_the_noise():
    """Log of the noise voltage by the width, of a transistor with contacts, against central differences."""
    f = torch.logspace(2, 12, 31, dtype=torch.float64)

    def level(width: Tensor) -> Tensor:
        return torch.log(noise(system(common_source("han2021_igzo", width)), f, "out", 300.0).rms)

    width = f64(1e-6).requires_grad_()
    (gradient,) = torch.autograd.grad(level(width), width)
    with torch.no_grad():
        difference = level(1.001 * width) - level(0.999 * width)
    assert float(gradient) == pytest.approx(float(difference) / 2e-9, rel=1e-5)


# --------------------------------------------------------------------------------------------------------- ngspice


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
def test_a_ladder_agrees_with_ngspice():
    """Four sections of unequal resistors and capacitors, one across a section; ngspice at 300.15 K."""
    values = [(1e3, 2e-12), (5e3, 1e-12), (2e4, 1e-13), (700.0, 3e-12)]
    parts: list[Element] = [VoltageSource("v", "n0", "0", f64(0.0))]
    lines = ["* ladder", "v n0 0 dc 0 ac 1", "cx n1 n3 4e-13"]
    for i, (r, c) in enumerate(values):
        parts += [Resistor(f"r{i}", f"n{i}", f"n{i + 1}", f64(r)), Capacitor(f"c{i}", f"n{i + 1}", "0", f64(c))]
        lines += [f"r{i} n{i} n{i + 1} {r!r}", f"c{i} n{i + 1} 0 {c!r}"]
    parts.append(Capacitor("cx", "n1", "n3", f64(4e-13)))
    control = ["noise v(n4) v dec 4 1e5 1e10", "setplot noise1", "wrdata out.txt onoise_spectrum"]
    table = torch.as_tensor(
        deck.run(
            "\n".join([*lines, ".options temp=27", ".control", "set numdgt=12", *control, "quit", ".endc", ".end\n"])
        )
    )
    found = noise(system(Circuit("ladder", tuple(parts))), table[:, 0], "n4", 300.15)
    torch.testing.assert_close(torch.sqrt(found.density), table[:, 1], rtol=1e-5, atol=0)


# ------------------------------------------------------------------------------------------------------- bad input


def test_where_there_is_no_operating_point_there_is_no_noise_and_the_others_have_theirs():
    parts = (
        VoltageSource("v", "a", "0", f64(1.0, 2.0)),
        Resistor("r", "a", "b", f64(1e3)),
        Resistor("s", "b", "0", f64(1e3)),
    )
    s = system(Circuit("half", parts))
    point = OperatingPoint(operating_point(s).x, torch.tensor([True, False]))
    found = noise(s, [1e3], "b", 300.0, at=point).density[0]
    assert [bool(torch.isfinite(x)) for x in found] == [True, False]


def test_a_circuit_of_capacitors_is_silent():
    parts = VoltageSource("v", "a", "0", f64(1.0)), Capacitor("c", "a", "0", f64(1e-15))
    found = noise(system(Circuit("capacitor", parts)), [1.0, 2.0], "a", 300.0)
    assert found.density.tolist() == [0.0, 0.0]
    assert not found.parts


def test_an_unknown_node_is_named():
    with pytest.raises(BeolithError, match=r"has no node 'oud'; did you mean 'out'\?"):
        noise(system(common_source("silicon_45nm")), [1.0], "oud", 300.0)
