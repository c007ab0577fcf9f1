"""The circuit engine against closed forms, laws, the gain-cell solver and ngspice."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from beolith.circuits import spice
from beolith.circuits.gain_node import Gain2T0C
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import gain_cell
from beolith.circuits.mna.operating_point import operating_point
from beolith.circuits.mna.system import System, system
from beolith.circuits.mna.transient import NO_START, OK, transient
from beolith.circuits.netlist import (
    Capacitor,
    Circuit,
    CurrentSource,
    Fet,
    Pwl,
    Resistor,
    Switch,
    VoltageSource,
    pulse,
    pwl,
)
from beolith.devices import library
from beolith.devices.base import DeviceState, Transistor
from beolith.errors import BeolithError


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


def rc(drive: Pwl, resistance: Tensor | float = 1e3) -> Circuit:
    r = resistance if isinstance(resistance, Tensor) else f64(resistance)
    return Circuit(
        "rc",
        (
            VoltageSource("v", "in", "0", drive),
            Resistor("r", "in", "out", r),
            Capacitor("c", "out", "0", f64(1e-12)),
        ),
    )


def ramp(t: float, tau: float, end: float) -> float:
    """Voltage of an RC after a ramp of 1 V over ``end``, for t >= end."""
    return 1.0 - tau / end * math.expm1(end / tau) * math.exp(-t / tau)


def oxide(width: float = 1e-6, length: float = 1e-7, temperature: float = 300.0, **state: Tensor) -> Transistor:
    size = (f64(x) for x in (width, length, temperature))
    return library.load("liu2023_ito").transistor(*size, DeviceState(**state))


def inverter(load: Tensor | float = 1e5) -> Circuit:
    """An oxide transistor under a resistor, its input at half of the supply."""
    r = load if isinstance(load, Tensor) else f64(load)
    return Circuit(
        "inverter",
        (
            VoltageSource("vdd", "vdd", "0", f64(1.0)),
            VoltageSource("vin", "in", "0", f64(0.5)),
            Resistor("r", "vdd", "out", r),
            Fet("n", "in", "out", "0", oxide()),
        ),
    )


# ------------------------------------------------------------------------------------------------ linear circuits


def test_an_rc_follows_its_closed_form():
    """Within 30 times the tolerance of a step, of which there are a hundred; the batch is in the resistance."""
    r = f64(500.0, 1e3, 2e3)
    found = transient(system(rc(pwl([0.0, 1e-9], [0.0, 1.0]), r)), [1e-9, 3e-9, 2e-8], tolerance=1e-6)
    assert found["out"].shape == (3, 3)
    exact = [[ramp(t, float(x) * 1e-12, 1e-9) for x in r] for t in (1e-9, 3e-9, 2e-8)]
    torch.testing.assert_close(found["out"], torch.tensor(exact, dtype=torch.float64), rtol=0, atol=3e-5)
    assert found.status.tolist() == [OK] * 3


def test_second_order():
    """Ten times the steps, a hundredth of the error: the error of a step is the cube of its length."""
    errors = []
    for tolerance in (1e-3, 1e-6):
        found = transient(system(rc(pwl([0.0, 1e-9], [0.0, 1.0]))), [1e-9, 3e-9], tolerance=tolerance)
        errors.append(abs(float(found["out"][1]) - ramp(3e-9, 1e-9, 1e-9)))
    assert errors[1] < 0.02 * errors[0] < 0.02 * 5e-3


def test_energy_is_what_the_capacitor_holds_and_the_resistor_burns():
    """Charging to 1 V takes C V^2/2 and burns as much where the ramp is fast; the way back returns nothing."""
    c = rc(pwl([0.0, 1e-12, 2e-8, 2.0001e-8], [0.0, 1.0, 1.0, 0.0]))
    found = transient(system(c), [1.9e-8, 4e-8], tolerance=1e-6)
    assert float(found.energy("v")[0]) == pytest.approx(1e-12, rel=2e-3)
    assert float(found.energy("v")[1]) == pytest.approx(1e-12, rel=2e-3)


def test_a_free_source_carries_what_its_neighbours_do():
    """A source between two nodes is an unknown current: a divider with 0.3 V inside it."""
    c = Circuit(
        "divider",
        (
            VoltageSource("v", "a", "0", f64(1.0)),
            Resistor("r1", "a", "b", f64(1e3)),
            VoltageSource("inside", "b", "c", f64(0.3, -0.3)),
            Resistor("r2", "c", "0", f64(1e3)),
            CurrentSource("i", "c", "0", f64(1e-4)),
        ),
    )
    s = system(c)
    v = operating_point(s).x
    total = f64(0.7, 1.3)
    current = (total - 1e-4 * 1e3) / 2e3
    torch.testing.assert_close(v[s.row_of("b")], 1.0 - 1e3 * current)
    torch.testing.assert_close(v[2], current)


def test_a_switch_turns_on():
    c = Circuit(
        "switch",
        (
            VoltageSource("v", "a", "0", f64(1.0)),
            VoltageSource("control", "c", "0", f64(0.0, 1.0)),
            Switch("s", "a", "b", "c", "0", f64(0.5), f64(1e-3), f64(1e-9), f64(0.02)),
            Resistor("r", "b", "0", f64(1e3)),
        ),
    )
    v = operating_point(system(c)).x[0]
    torch.testing.assert_close(v, f64(1e-6 / (1 + 1e-6), 0.5), rtol=1e-6, atol=0)


# -------------------------------------------------------------------------------------------------- operating points


def test_an_inverter_obeys_kirchhoff():
    s = system(inverter(f64(1e4, 1e5, 1e6)))
    out = operating_point(s).x[0]
    current = oxide().current(f64(0.5), out, f64(0.0))
    torch.testing.assert_close((1.0 - out) / f64(1e4, 1e5, 1e6), current, rtol=1e-7, atol=0)


def test_a_p_type_transistor_is_an_n_type_one_upside_down():
    """Fed from below instead of from above, the output is the mirror image."""
    up = operating_point(system(inverter())).x[0]
    c = Circuit(
        "mirrored",
        (
            VoltageSource("vss", "vss", "0", f64(-1.0)),
            VoltageSource("vin", "in", "0", f64(-0.5)),
            Resistor("r", "vss", "out", f64(1e5)),
            Fet("p", "in", "out", "0", oxide(), -1),
        ),
    )
    torch.testing.assert_close(operating_point(system(c)).x[0], -up, rtol=1e-12, atol=0)


def latch() -> Circuit:
    """Two inverters with resistor loads, each driving the other."""
    halves = [("a", "b"), ("b", "a")]
    parts = [
        x
        for gate, out in halves
        for x in (Resistor(f"r{out}", "vdd", out, f64(1e5)), Fet(f"n{out}", gate, out, "0", oxide()))
    ]
    return Circuit("latch", (VoltageSource("vdd", "vdd", "0", f64(1.0)), *parts))


def test_a_latch_has_two_states_and_the_guess_chooses():
    s = system(latch())
    one, two = (operating_point(s, guess={"a": a, "b": 1.0 - a}) for a in (1.0, 0.0))
    assert bool(one.converged.all() & two.converged.all())
    a, b = s.row_of("a"), s.row_of("b")
    assert float(one.x[a] - one.x[b]) > 0.5
    torch.testing.assert_close(one.x[[a, b]], two.x[[b, a]], rtol=1e-9, atol=0)


def test_gradient_of_an_operating_point():
    """By load and threshold, against central differences."""

    def out(load: Tensor, shift: Tensor) -> Tensor:
        elements = [x for x in inverter(load).elements if not isinstance(x, Fet)]
        fet = Fet("n", "in", "out", "0", oxide(threshold_shift=shift))
        return operating_point(system(Circuit("inverter", (*elements, fet)))).x[0, 0]

    values = [f64(1e5).requires_grad_(), f64(0.02).requires_grad_()]
    gradients = torch.autograd.grad(out(*values), values)
    with torch.no_grad():
        for i, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            h = 1e-4 * float(value)
            up, down = ([v + s * h if j == i else v for j, v in enumerate(values)] for s in (1, -1))
            assert float(gradient) == pytest.approx(float(out(*up) - out(*down)) / (2 * h), rel=1e-5)


# -------------------------------------------------------------------------------------------------------- gain cell


def gain_circuit(cell: Gain2T0C, d: GainCellDesign, level: Tensor) -> tuple[Circuit, float]:
    """A written and held 2T0C cell, and the time at which it has been written."""
    e, w = d.edge_time, d.write_time
    elements = (
        VoltageSource("wwl", "wwl", "0", pulse(d.v_hold, d.v_write, start=0.0, width=w, edge=e)),
        VoltageSource("wbl", "wbl", "0", pwl([0.0, 2 * e + w, 3 * e + w], [level, level, 0.0 * level])),
        VoltageSource("rwl", "rwl", "0", f64(d.v_read)),
        VoltageSource("rbl", "rbl", "0", f64(d.v_read)),
        Fet("write", "wwl", "wbl", "sn", cell.write),
        Fet("read", "sn", "rbl", "rwl", cell.read),
        Capacitor("storage", "sn", "0", cell.storage),
        Capacitor("c_rwl", "sn", "rwl", cell.couple_rwl),
        Capacitor("c_rbl", "sn", "rbl", cell.couple_rbl),
    )
    return Circuit("2T0C", elements, {"sn": 0.0 * level}), 3 * e + w


def ito_cell(shift: Tensor, temperature: float = 358.0) -> Gain2T0C:
    device = library.load("liu2023_ito")
    state = DeviceState(threshold_shift=shift)
    return gain_cell(device, GainCellDesign(), f64(temperature), state, DeviceState())


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
def test_a_gain_cell_over_twelve_decades_agrees_with_ngspice():
    d, cell = GainCellDesign(), ito_cell(f64(0.0))
    times, expected = spice.storage_node(cell, d, 1.2)
    circuit, written = gain_circuit(cell, d, f64(1.2))
    found = transient(system(circuit), written + times, tolerance=1e-4)
    assert expected[0] - expected[-1] > 0.5
    assert float((found["sn"] - expected).abs().max()) < 1e-3


def test_an_element_of_a_batch_takes_the_steps_that_it_takes_alone():
    d, shift = GainCellDesign(), f64(-0.1, 0.0, 0.1)
    circuit, written = gain_circuit(ito_cell(shift), d, f64(1.2))
    samples = [written + t for t in (1e-9, 1e-3, 1.0)]
    together = transient(system(circuit), samples, tolerance=1e-3)
    for i in range(3):
        circuit, _ = gain_circuit(ito_cell(shift[i]), d, f64(1.2))
        alone = transient(system(circuit), samples, tolerance=1e-3)
        assert int(alone.steps) == int(together.steps[i])
        torch.testing.assert_close(together["sn"][:, i], alone["sn"], rtol=0, atol=1e-9)


def test_a_hold_conserves_charge():
    """The charge that a node loses is what leaked, to 1e-9 of what it holds."""
    d = GainCellDesign()
    cell = ito_cell(f64(0.0), 300.0)
    circuit, written = gain_circuit(cell, d, f64(1.2))
    s = system(circuit)
    found = transient(s, [written + 1e-9, written + 1e-6], tolerance=1e-4)
    rest = {"wbl": 0.0, "wwl": d.v_hold, "rwl": d.v_read, "rbl": d.v_read}
    (before, after), u = found["sn"], {name: f64(v) for name, v in rest.items()}
    charges, currents = zip(*(cell.node(v, u) for v in (before, after)), strict=True)
    leaked = 0.5 * (currents[0] + currents[1]) * (1e-6 - 1e-9)
    assert abs(float(charges[1] - charges[0] - leaked)) < 1e-9 * float(charges[0])


def test_gradient_of_a_held_voltage():
    """By threshold, storage capacitance and written level through write and hold, against central differences."""
    d = GainCellDesign()

    def held(shift: Tensor, storage: Tensor, level: Tensor) -> Tensor:
        cell = replace(ito_cell(shift), storage=storage)
        circuit, written = gain_circuit(cell, d, level)
        return transient(system(circuit), [written + 1.0], tolerance=1e-6)["sn"][0]

    values = [f64(0.01).requires_grad_(), f64(1e-15).requires_grad_(), f64(1.2).requires_grad_()]
    gradients = torch.autograd.grad(held(*values), values)
    with torch.no_grad():
        for i, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            h = 2e-3 if i == 0 else 2e-3 * float(value)
            up, down = (held(*[v + s * h if j == i else v for j, v in enumerate(values)]) for s in (1, -1))
            assert float(gradient) == pytest.approx(float(up - down) / (2 * h), rel=3e-4)


def test_a_variant_without_a_solution_is_marked_and_the_others_finish():
    d = GainCellDesign()
    circuit, written = gain_circuit(ito_cell(f64(0.0, math.nan)), d, f64(1.2))
    found = transient(system(circuit), [written + 1e-6], tolerance=1e-3)
    assert int(found.status[0]) == OK
    assert int(found.status[1]) != OK
    assert bool(torch.isfinite(found["sn"][0, 0]))
    assert bool(torch.isnan(found["sn"][0, 1]))


def test_no_operating_point_is_told():
    """A current into a node that only a shut transistor leads away from has no state below a million volts."""
    c = Circuit("stuck", (CurrentSource("i", "a", "0", f64(1e-3)), Fet("n", "0", "a", "0", oxide(width=1e-9))))
    point = operating_point(system(c))
    assert not bool(point.converged)
    assert bool(torch.isnan(point.x).all())
    found = transient(system(c), [1e-9])
    assert int(found.status) == NO_START


# -------------------------------------------------------------------------------------------------------- bad input


V, R, C = VoltageSource("v", "a", "0", f64(1.0)), Resistor("r", "a", "b", f64(1.0)), Capacitor("c", "b", "0", f64(1.0))
WRONG = {
    r"two elements are called 'r'": (V, R, Resistor("r", "b", "0", f64(1.0))),
    r"node 'b' floats: no resistor, source, switch or channel leads from it": (
        V,
        Capacitor("x", "a", "b", f64(1.0)),
        C,
    ),
    r"'w' closes a loop of voltage sources": (V, VoltageSource("w", "a", "0", f64(2.0))),
    r"resistor 'z': -1 ohm; allowed: above 0": (V, Resistor("z", "a", "0", f64(2.0, -1.0))),
    r"capacitor 'z': -1 F; allowed: 0 and above": (V, Capacitor("z", "a", "0", f64(-1.0))),
    r"resistor 'z' is shorted: both ends are 'a'": (V, Resistor("z", "a", "a", f64(1.0))),
    r"break points must rise in time": (VoltageSource("v", "a", "0", pwl([0.0, 0.0], [0.0, 1.0])),),
    r"capacitor 'z': a value is not finite": (V, Capacitor("z", "a", "0", f64(math.inf))),
    r"nothing touches ground": (Resistor("r", "a", "b", f64(1.0)),),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_circuits_are_refused(message: str):
    with pytest.raises(BeolithError, match=message):
        system(Circuit("wrong", WRONG[message]))


def test_a_shorted_transistor_and_a_node_that_stores_nothing_are_refused():
    with pytest.raises(BeolithError, match="transistor 'n' is shorted: drain and source are both 'a'"):
        system(Circuit("wrong", (V, Fet("n", "a", "a", "a", oxide()))))
    with pytest.raises(BeolithError, match="node 'b' has an initial voltage but no capacitance that keeps it"):
        system(Circuit("wrong", (V, R, Resistor("s", "b", "0", f64(1.0))), {"b": f64(0.0)}))
    with pytest.raises(BeolithError, match=r"initial voltage of node 'bb', which nothing touches; did you mean 'b'\?"):
        system(Circuit("wrong", (V, R, C), {"bb": f64(0.0)}))


def test_a_transistor_is_of_the_type_of_its_card():
    """A p-type model cannot be taken for n-type; an n-type one may stand for its mirror image."""
    size = f64(1e-6), f64(17.5e-9), f64(300.0)
    n, p = (library.load(name).transistor(*size) for name in ("silicon_45nm", "silicon_45nm_p"))
    assert [Fet("x", "a", "b", "c", n).sign, Fet("x", "a", "b", "c", n, -1).sign] == [1, -1]
    assert Fet("x", "a", "b", "c", p).sign == Fet("x", "a", "b", "c", p, -1).sign == -1
    with pytest.raises(BeolithError, match=r"transistor 'x': sign 1 for a p-type model; allowed: -1"):
        Fet("x", "a", "b", "c", p, 1)
    with pytest.raises(BeolithError, match=r"transistor 'x': sign -2 for a n-type model; allowed: 1 or -1"):
        Fet("x", "a", "b", "c", n, -2)


def test_a_p_type_card_pulls_up():
    """Under a supply of 1 V: on with its gate at ground, off with its gate at the supply, with the mirrored current."""
    p = library.load("silicon_45nm_p").transistor(f64(1e-6), f64(17.5e-9), f64(300.0))
    gate, load = f64(0.0, 1.0), 100.0
    parts = (
        VoltageSource("vdd", "vdd", "0", f64(1.0)),
        VoltageSource("g", "g", "0", gate),
        Resistor("r", "out", "0", f64(load)),
        Fet("p", "g", "out", "vdd", p),
    )
    out = operating_point(system(Circuit("pull-up", parts))).x[0]
    torch.testing.assert_close(out / load, p.current(-gate, -out, f64(-1.0)), rtol=1e-9, atol=1e-15)
    assert 0.9e-3 < float(out[0]) / load < 1e-3
    assert float(out[1]) / load == pytest.approx(5e-9, rel=0.05)


def test_a_gain_cell_is_not_made_of_p_type_transistors():
    with pytest.raises(BeolithError, match="silicon_45nm_p: a p-type transistor"):
        gain_cell(library.load("silicon_45nm_p"), GainCellDesign(), f64(300.0), DeviceState(), DeviceState())


def test_an_unknown_node_is_named():
    found: System = system(inverter())
    with pytest.raises(BeolithError, match=r"has no node 'oud'; did you mean 'out'\?"):
        found.row_of("oud")
