"""Small signals against closed forms, operating points, finite differences and ngspice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.mna.operating_point import OperatingPoint, operating_point
from beolith.circuits.mna.small_signal import ac
from beolith.circuits.mna.system import system
from beolith.circuits.netlist import (
    Capacitor,
    Circuit,
    CurrentSource,
    Element,
    Fet,
    Resistor,
    Switch,
    VoltageSource,
)
from beolith.devices import library
from beolith.devices.base import DeviceState, Transistor
from beolith.devices.gate_leakage import GateLeakageParameters
from beolith.devices.self_heating import SelfHeated
from beolith.errors import BeolithError

from .conftest import f64

CARDS = ["liu2023_ito", "han2021_igzo", "silicon_45nm", "silicon_45nm_p"]
"""Without contacts and with, n-type and p-type."""


def fet(card: str, width: Tensor | float = 1e-6, shift: Tensor | float = 0.0) -> Transistor:
    device = library.load(card)
    w, dv = (x if isinstance(x, Tensor) else f64(x) for x in (width, shift))
    return device.transistor(w, device.validity.shortest_length, f64(300.0), DeviceState(threshold_shift=dv))


def amplifier(model: Transistor, load: Tensor | float = 1e5, gate: Tensor | None = None) -> Circuit:
    """A transistor under a resistor and with a capacitance; a p-type one is fed from below."""
    up = float(model.sign)
    parts: tuple[Element, ...] = (
        VoltageSource("supply", "vdd", "0", f64(up)),
        VoltageSource("vin", "in", "0", f64(0.6 * up) if gate is None else gate),
        Resistor("r", "vdd", "out", load if isinstance(load, Tensor) else f64(load)),
        Fet("m", "in", "out", "0", model),
        Capacitor("c", "out", "0", f64(1e-14)),
    )
    return Circuit("amplifier", parts)


def close(found: Tensor, expected: Tensor | complex | Sequence[complex], rtol: float = 1e-12) -> None:
    wanted = torch.as_tensor(expected, dtype=torch.complex128).expand(found.shape)
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=1e-14)


# ------------------------------------------------------------------------------------------------ linear circuits


def test_an_rc_is_a_low_pass():
    """1/(1 + j w RC), the batch in the resistance; the held node follows its source, and 0 Hz is allowed."""
    r, f = f64(500.0, 1e3, 2e3), f64(0.0, 1e8, 1e10)
    parts = (
        VoltageSource("v", "in", "0", f64(1.0)),
        Resistor("r", "in", "out", r),
        Capacitor("c", "out", "0", f64(1e-12)),
    )
    found = ac(system(Circuit("rc", parts)), f, "v")
    assert found["out"].shape == (3, 3)
    close(found["out"], 1.0 / (1.0 + 2j * torch.pi * f[:, None] * r * 1e-12))
    close(found["in"], 1.0)
    close(found["0"], 0.0)


def test_sources_of_every_kind():
    """Turned round, between two nodes, and of current; what is not excited stands still."""
    parts = (
        VoltageSource("turned", "0", "a", f64(1.0)),
        Resistor("r1", "a", "b", f64(1e3)),
        VoltageSource("inside", "b", "c", f64(0.3)),
        Resistor("r2", "c", "0", f64(3e3)),
        CurrentSource("i", "c", "0", f64(1e-4)),
    )
    s = system(Circuit("divider", parts))
    expected = {"turned": (-1.0, -0.75, -0.75), "inside": (0.0, 0.25, -0.75), "i": (0.0, 750.0, 750.0)}
    for source, values in expected.items():
        found = ac(s, [1.0], source)
        for node, value in zip("abc", values, strict=True):
            close(found[node], value)


def test_a_passive_network_is_reciprocal():
    """A current into one node moves the other as much as the other way round, whatever a switch does between."""
    parts: list[Element] = [VoltageSource("on", "on", "0", f64(0.45))]
    parts += [CurrentSource(f"i{n}", n, "0", f64(0.0)) for n in "abc"]
    parts += [Resistor(f"r{n}", n, "0", f64(r)) for n, r in zip("abc", (1e3, 2e3, 7e3), strict=True)]
    parts += [Capacitor("ab", "a", "b", f64(1e-12)), Capacitor("c", "c", "0", f64(3e-13))]
    parts.append(Switch("s", "b", "c", "on", "0", f64(0.5), f64(1e-2), f64(1e-6), f64(0.1)))
    s = system(Circuit("network", tuple(parts)))
    one, other = ac(s, [1e7, 1e9], "ia"), ac(s, [1e7, 1e9], "ic")
    close(one["c"], other["a"])
    assert float(one["c"].abs().min()) > 1.0


def test_charge_alone_divides_from_the_first_hertz_and_not_at_rest():
    """Between two capacitors: their ratio at any frequency; at 0 Hz nothing says where the node is."""
    parts = (
        VoltageSource("v", "a", "0", f64(1.0)),
        Capacitor("c1", "a", "b", f64(1e-15)),
        Capacitor("c2", "b", "0", f64(3e-15)),
    )
    s = system(Circuit("capacitors", parts, {"b": f64(0.2)}))
    found = ac(s, [0.0, 1e-3, 1e12], "v", at=OperatingPoint(f64(0.2).reshape(1, 1), torch.tensor([True])))["b"]
    assert bool(found[0].isnan())
    close(found[1:], 0.25)


# ----------------------------------------------------------------------------------------------------- transistors


@pytest.mark.parametrize("card", CARDS)
def test_an_amplifier_by_hand(card: str):
    """H = -(g_m + j w C_dg)/(1/R + g_ds + j w (C + C_dd)); a p-type one from below is the same."""
    model, f = fet(card), f64(0.0, 1e8, 1e12)
    s = system(amplifier(model))
    out = model.sign * operating_point(s).x[0, 0]
    there = model.linearised(f64(0.6), out, f64(0.0))
    g, c, omega = there.conductances, there.capacitances.drain, 2j * torch.pi * f
    close(ac(s, f, "vin")["out"], -(g.gate + omega * c.gate) / (1e-5 + g.drain + omega * (1e-14 + c.drain)), 1e-9)


def test_at_rest_it_is_the_slope_of_the_operating_point():
    """For a batch of inputs, from off to on."""
    gate = f64(0.0, 0.3, 0.5, 0.7, 1.0).requires_grad_()
    s = system(amplifier(fet("belmonte2023_igzo"), gate=gate))
    (slope,) = torch.autograd.grad(operating_point(s).x[0].sum(), gate, retain_graph=True)
    close(ac(s, [0.0], "vin")["out"][0].detach(), slope, 1e-7)


@pytest.mark.parametrize("card", CARDS)
def test_gradient_of_a_gain(card: str):
    """Of |H| by width, load and threshold, the shift of the operating point included, against central differences."""

    def gain(width: Tensor, load: Tensor, shift: Tensor) -> Tensor:
        return ac(system(amplifier(fet(card, width, shift), load)), [3e9], "vin")["out"].abs()[0]

    values = [f64(1e-6).requires_grad_(), f64(1e5).requires_grad_(), f64(0.02).requires_grad_()]
    gradients = torch.autograd.grad(gain(*values), values)
    with torch.no_grad():
        for i, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            h = 1e-4 if i == 2 else 1e-4 * float(value)
            up, down = ([v + s * h if j == i else v for j, v in enumerate(values)] for s in (1, -1))
            assert float(gradient) == pytest.approx(float(gain(*up) - gain(*down)) / (2 * h), rel=1e-5)


def test_a_gate_that_leaks_and_a_switch_as_the_load():
    """At rest the gain is the slope of the operating point; its gradient by leakage and control by differences."""
    values = [f64(1e-5).requires_grad_(), f64(0.55).requires_grad_(), f64(0.7).requires_grad_()]

    def circuit(conductivity: Tensor, control: Tensor, gate: Tensor) -> Circuit:
        leak = GateLeakageParameters(conductivity, *map(f64, (0.6 * constants.electron_volt, 4.0, 0.0, 1e-19, 0.3)))
        parts = (
            VoltageSource("vdd", "vdd", "0", f64(1.0)),
            VoltageSource("vin", "in", "0", gate),
            VoltageSource("on", "on", "0", control),
            Resistor("rg", "in", "g", f64(1e9)),
            Switch("s", "vdd", "out", "on", "0", f64(0.5), f64(1e-4), f64(1e-8), f64(0.1)),
            Fet("m", "g", "out", "0", replace(fet("silicon_45nm"), gate=leak)),
        )
        return Circuit("leaky", parts)

    def gain(*x: Tensor) -> Tensor:
        return ac(system(circuit(*x)), [0.0], "vin")["out"].real[0]

    s = system(circuit(*values))
    x = operating_point(s).x
    (slope,) = torch.autograd.grad(x[s.row_of("out")].sum(), values[2], retain_graph=True)
    torch.testing.assert_close(gain(*values).detach(), slope, rtol=1e-7, atol=0)
    assert 0.05 < float(x[s.row_of("g")].detach()) < 0.65  # so much leaks
    gradients = torch.autograd.grad(gain(*values), values)
    with torch.no_grad():
        for i, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            h = 1e-4 * float(value)
            up, down = ([v + s * h if j == i else v for j, v in enumerate(values)] for s in (1, -1))
            assert float(gradient) == pytest.approx(float(gain(*up) - gain(*down)) / (2 * h), rel=1e-5)


def test_nothing_is_recorded_where_nothing_asks_for_it():
    assert not ac(system(amplifier(fet("silicon_45nm"))), [1.0], "vin")["out"].requires_grad


def pair() -> Circuit:
    """A complementary inverter where its gain is highest."""
    n, p = fet("silicon_45nm", 2e-7), fet("silicon_45nm_p", 3e-7)
    parts = VoltageSource("vdd", "vdd", "0", f64(1.0)), VoltageSource("vin", "in", "0", f64(0.47))
    fets = Fet("n", "in", "out", "0", n), Fet("p", "in", "out", "vdd", p)
    return Circuit("pair", (*parts, *fets, Capacitor("c", "out", "0", f64(1e-15))))


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
@pytest.mark.parametrize("c", [pair(), amplifier(fet("han2021_igzo"))], ids=["pair", "contacts"])
def test_an_inverter_agrees_with_ngspice(c: Circuit):
    """Over six decades to beyond its bandwidth; ngspice differentiates the exported subcircuits itself."""
    text = re.sub(r"^(v_vin .*)$", r"\1 ac 1", deck.deck(c, 1e-9, 1e-9, ["out"]), flags=re.M)
    table = torch.as_tensor(deck.run(re.sub(r"^tran .*$", "ac dec 2 1e-3 1e3", text, flags=re.M)))
    found = ac(system(c), table[:, 0] / deck.NANO, "vin")["out"]
    close(found, torch.complex(table[:, 1], table[:, 2]), 1e-4)
    assert float((found[-1] / found[0] - 1.0).abs()) > 0.5


# ------------------------------------------------------------------------------------------------------- bad input


def test_an_unknown_source_is_named():
    with pytest.raises(BeolithError, match=r"circuit 'amplifier' has no source 'vim'; did you mean 'vin'\?"):
        ac(system(amplifier(fet("silicon_45nm"))), [1.0], "vim")


def test_gradients_that_would_be_wrong_are_refused():
    """The slopes of a heated transistor record nothing; without gradients they are as good as any."""
    heated = SelfHeated(fet("liu2023_ito"), library.load("liu2023_ito").thermal)
    load = f64(1e5).requires_grad_()
    at = operating_point(system(amplifier(heated.transistor, load)))
    with pytest.raises(BeolithError, match="small signals of SelfHeated: its slopes cannot be differentiated"):
        ac(system(amplifier(heated, load)), [0.0], "vin", at=at)
    with torch.no_grad():
        warm, cold = (ac(system(amplifier(m, load)), [0.0], "vin", at=at)["out"] for m in (heated, heated.transistor))
    assert 0.0 < float((warm / cold - 1.0).abs()) < 0.1
