"""Circuits of every kind of element in ngspice and in the engine: the same voltages, delays and energies."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.mna.system import system
from beolith.circuits.mna.transient import transient
from beolith.circuits.netlist import (
    Capacitor,
    Circuit,
    CurrentSource,
    Element,
    Fet,
    Resistor,
    Switch,
    VoltageSource,
    pulse,
    pwl,
)
from beolith.devices import library
from beolith.devices.base import Transistor
from beolith.errors import BeolithError

pytestmark = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')"
)


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


def transistor(card: str, width: float, length: float, temperature: float = 300.0) -> Transistor:
    return library.load(card).transistor(*(f64(x) for x in (width, length, temperature)))


def ladder() -> Circuit:
    parts: list[Element] = [VoltageSource("v", "n0", "0", pwl([0.0, 1e-10], [0.0, 1.0]))]
    for i in range(16):
        parts += [Resistor(f"r{i}", f"n{i}", f"n{i + 1}", f64(500.0)), Capacitor(f"c{i}", f"n{i + 1}", "0", f64(2e-15))]
    return Circuit("ladder", tuple(parts))


def inverter(p_type: bool) -> Circuit:
    """Silicon: a complementary pair, or an n-type transistor under a resistor; a pulse in, a femtofarad behind."""
    si = transistor("silicon_45nm", 2e-7, 17.5e-9)
    p = transistor("silicon_45nm_p", 2e-7, 17.5e-9)
    up: Element = Fet("p", "in", "out", "vdd", p) if p_type else Resistor("p", "vdd", "out", f64(2e4))
    return Circuit(
        "inverter",
        (
            VoltageSource("vdd", "vdd", "0", f64(1.0)),
            VoltageSource("vin", "in", "0", pulse(0.0, 1.0, start=5e-11, width=3e-10, edge=2e-11)),
            up,
            Fet("n", "in", "out", "0", si),
            Capacitor("load", "out", "0", f64(1e-15)),
        ),
    )


def one_transistor_one_capacitor() -> Circuit:
    """1T1C: written through an oxide transistor, then shared with a bit line through a switch."""
    return Circuit(
        "1T1C",
        (
            VoltageSource("wl", "wl", "0", pulse(-0.5, 2.5, start=1e-9, width=1e-8, edge=1e-10)),
            VoltageSource("bl", "bl", "0", f64(1.0)),
            VoltageSource("en", "en", "0", pwl([1.5e-8, 1.51e-8], [0.0, 1.0])),
            Fet("access", "wl", "bl", "sn", transistor("liu2023_ito", 7e-8, 5e-8)),
            Capacitor("cell", "sn", "0", f64(4e-15)),
            Switch("share", "sn", "line", "en", "0", f64(0.5), f64(1e-5), f64(1e-16), f64(0.03)),
            Capacitor("line", "line", "0", f64(8e-15)),
            CurrentSource("bleed", "line", "0", f64(-1e-8)),
            Resistor("keeper", "line", "0", f64(1e8)),
        ),
        {"sn": f64(0.0)},
    )


def sram(card: str = "silicon_45nm") -> Circuit:
    """A 6T cell of n-type silicon and its mirror image, written from 0 to 1 through both bit lines."""
    small, big = (transistor(card, w, 17.5e-9) for w in (1e-7, 2e-7))
    sides = (("q", "qb", "bl"), ("qb", "q", "blb"))
    parts: list[Element] = [
        VoltageSource("vdd", "vdd", "0", f64(1.0)),
        VoltageSource("wl", "wl", "0", pulse(0.0, 1.0, start=1e-10, width=5e-10, edge=2e-11)),
        VoltageSource("bl", "bl", "0", f64(1.0)),
        VoltageSource("blb", "blb", "0", f64(0.0)),
    ]
    for out, gate, line in sides:
        parts += [
            Fet(f"down_{out}", gate, out, "0", big),
            Fet(f"up_{out}", gate, out, "vdd", small, -1),
            Fet(f"pass_{out}", "wl", line, out, big),
            Capacitor(f"wire_{out}", out, "0", f64(1e-16)),
        ]
    return Circuit("6T", tuple(parts), {"q": f64(0.0), "qb": f64(1.0)})


CASES = {
    "ladder": (ladder(), 5e-10, ["n1", "n8", "n16"]),
    "resistor inverter": (inverter(False), 8e-10, ["out"]),
    "complementary inverter": (inverter(True), 8e-10, ["out"]),
    "1T1C": (one_transistor_one_capacitor(), 3e-8, ["sn", "line"]),
    "6T": (sram(), 1e-9, ["q", "qb"]),
}


@pytest.mark.parametrize("name", CASES)
def test_voltages_agree_within_a_few_millivolts_everywhere(name: str):
    """Of all points of the waveforms, on the edges too, where a delay of 1 ps is 20 mV and more."""
    circuit, stop, nodes = CASES[name]
    times, expected = deck.simulate(circuit, stop, stop / 1000, nodes)
    found = transient(system(circuit), torch.linspace(0.0, 1.0, 41, dtype=torch.float64) * stop, tolerance=2e-4)
    for i, node in enumerate(nodes):
        # linear between points of ngspice that are a thousandth of the run apart
        at = torch.searchsorted(times, found.times.clamp(max=float(times[-1]))).clamp(1, len(times) - 1)
        w = (found.times - times[at - 1]) / (times[at] - times[at - 1])
        there = torch.lerp(expected[at - 1, i], expected[at, i], w)
        assert float(there.max() - there.min()) > 0.2, node
        assert float((found[node] - there).abs().max()) < 3e-3, node


def test_only_t_ekv_transistors_are_exported():
    device = library.load("liu2023_ito")

    class Other:
        def __getattr__(self, name: str) -> object:
            return getattr(device.transistor(f64(1e-6), f64(1e-7), f64(300.0)), name)

    c = Circuit("other", (VoltageSource("v", "a", "0", f64(1.0)), Fet("n", "a", "a", "0", Other())))  # type: ignore[arg-type]
    with pytest.raises(BeolithError, match="transistor 'n' is no T-EKV one"):
        deck.deck(c, 1e-9, 1e-10, ["a"])
    with pytest.raises(BeolithError, match=r"no node 'b'"):
        deck.deck(c, 1e-9, 1e-10, ["b"])
