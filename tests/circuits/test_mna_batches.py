"""Batches in the circuit engine: parts of them, devices, charge over a long hold, samples inside steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_node import Gain2T0C
from beolith.circuits.mna import transient as walk
from beolith.circuits.mna.operating_point import operating_point
from beolith.circuits.mna.system import System, system
from beolith.circuits.mna.transient import Trajectory, transient
from beolith.circuits.netlist import Capacitor, Circuit, CurrentSource, Fet, Resistor, Switch, VoltageSource, pulse, pwl
from beolith.devices import library
from beolith.devices.base import Transistor

MakeCell = Callable[..., Gain2T0C]
SHIFTS = torch.tensor([-0.06, -0.02, 0.0, 0.03, 0.05], dtype=torch.float64)


def f64(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def hold(cell: Gain2T0C, d: GainCellDesign, base: float = 0.0) -> tuple[Circuit, float]:
    """A 2T0C cell, written to 1.2 V and held, every node higher by ``base``; and when it has been written."""
    e, w = d.edge_time, d.write_time
    lines = {
        "wwl": pulse(base + d.v_hold, base + d.v_write, start=0.0, width=w, edge=e),
        "wbl": pwl([0.0, 2 * e + w, 3 * e + w], [base + 1.2, base + 1.2, base]),
        "rwl": f64(base + d.v_read),
        "rbl": f64(base + d.v_read),
        "plate": f64(base),
    }
    elements = (
        *(VoltageSource(name, name, "0", value) for name, value in lines.items()),
        Fet("write", "wwl", "wbl", "sn", cell.write),
        Fet("read", "sn", "rbl", "rwl", cell.read),
        Capacitor("storage", "sn", "plate", cell.storage),
        Capacitor("c_rwl", "sn", "rwl", cell.couple_rwl),
        Capacitor("c_rbl", "sn", "rbl", cell.couple_rbl),
    )
    return Circuit("2T0C", elements, {"sn": f64(base)}), 3 * e + w


@pytest.fixture
def cell(make_cell: MakeCell) -> Gain2T0C:
    return make_cell("liu2023_ito", 358.0, SHIFTS)


def gated() -> Transistor:
    return library.load("liu2023_ito").transistor(f64(1e-6), f64(1e-7), f64(300.0))


def inverter(load: Tensor) -> Circuit:
    return Circuit(
        "inverter",
        (
            VoltageSource("vdd", "vdd", "0", f64(1.0)),
            VoltageSource("vin", "in", "0", pwl([0.0, 1e-9], [0.4, 0.6])),
            Resistor("r", "vdd", "out", load),
            Fet("n", "in", "out", "0", gated()),
        ),
    )


def same(one: Trajectory, two: Trajectory, atol: float) -> None:
    assert one.status.tolist() == two.status.tolist()
    assert one.steps.tolist() == two.steps.tolist()
    torch.testing.assert_close(one.voltages, two.voltages, rtol=0, atol=atol)
    torch.testing.assert_close(one.given, two.given, rtol=1e-9, atol=1e-30)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
def test_sources_deliver_no_charge_in_sum_over_a_long_hold(cell: Gain2T0C, design: GainCellDesign, tolerance: float):
    """All nodes but one are held, so what sources deliver in sum is what that one has gained without a current.

    The charge of a source at rest is its energy over its voltage. Over 1000 s more than a tenth of the stored charge
    leaks; the balance holds to 1e-9 of it.
    """
    circuit, written = hold(cell, design, base=2.0)
    s = system(circuit)
    found = transient(s, [written, written + 1000.0], tolerance=tolerance)
    names = [source.name for source, _ in s.held.values()]
    gained = torch.stack([found.energy(n).diff(dim=0)[0] / found[n][1] for n in names])
    stored = (cell.storage * (found["sn"][0] - 2.0)).abs()
    leaked = gained[names.index("wbl")].abs()
    assert bool((leaked > 0.1 * stored).all())
    assert float((gained.sum(0).abs() / stored).max()) < 1e-9


def test_the_voltage_that_is_left_is_that_of_the_charge_that_is_left(cell: Gain2T0C, design: GainCellDesign):
    """Charges at the reported voltages against what the write bit line has taken, to 1e-7 of what is stored."""
    circuit, written = hold(cell, design, base=2.0)
    s = system(circuit)
    found = transient(s, [written, written + 1000.0], tolerance=1e-4)
    drives = s.drives(torch.tensor([[written], [written + 1000.0]], dtype=torch.float64).expand(-1, len(SHIFTS)))
    rows = s.row_of("sn"), s.row_of("wbl")
    charges = [s.flows(found.voltages[i, : len(s.free)], drives[i]).charge for i in (0, 1)]
    lost, at_line = ((charges[0] - charges[1])[row] for row in rows)
    delivered = found.energy("wbl").diff(dim=0)[0] / 2.0
    assert float(((lost + delivered + at_line) / charges[0][rows[0]]).abs().max()) < 1e-7


def test_samples_inside_steps(cell: Gain2T0C, design: GainCellDesign):
    """More samples change neither the others nor the steps by more than the tolerance asks; energies go along."""
    circuit, written = hold(cell, design)
    s = system(circuit)
    few = [written + 10.0**k for k in range(-9, 3, 3)]
    many = sorted({*few, *(written + 10.0 ** (0.1 * k) for k in range(-90, 30))})
    one, two, fine = (transient(s, t, tolerance=x) for t, x in ((few, 1e-4), (many, 1e-4), (many, 1e-6)))
    assert int(two.steps.max()) < len(many)
    at = [many.index(t) for t in few]
    torch.testing.assert_close(two["sn"][at], one["sn"], rtol=0, atol=2e-4)
    torch.testing.assert_close(two["sn"], fine["sn"], rtol=0, atol=2e-4)
    torch.testing.assert_close(two.energy("wbl"), fine.energy("wbl"), rtol=0, atol=2e-4 * 1.2 * float(cell.storage))


def test_a_wide_batch_walks_in_parts(cell: Gain2T0C, design: GainCellDesign, monkeypatch: pytest.MonkeyPatch):
    circuit, written = hold(cell, design)
    s, samples = system(circuit), [written + 1e-9, written + 1.0]
    whole = transient(s, samples, tolerance=1e-3)
    monkeypatch.setattr(walk, "_WIDE", 2)
    same(whole, transient(s, samples, tolerance=1e-3), 1e-9)


def test_some_of_a_batch_are_what_they_are_in_it(cell: Gain2T0C, design: GainCellDesign):
    s = system(hold(cell, design)[0])
    which = torch.tensor([3, 0])
    x = torch.full((1, len(SHIFTS)), 0.7, dtype=torch.float64)
    moments = torch.full((len(SHIFTS),), 1e-10, dtype=torch.float64)
    whole, part = s.slopes(x, s.drive(moments)), s.part(which)
    some = part.slopes(x[:, which], part.drive(moments[which]))
    for one, two in zip((*whole.flows, *whole[1:]), (*some.flows, *some[1:]), strict=True):
        torch.testing.assert_close(one[..., which], two, rtol=1e-12, atol=0)


def test_slopes_without_charges_are_those_with_them(cell: Gain2T0C, design: GainCellDesign):
    s: System = system(hold(cell, design)[0])
    x = torch.linspace(0.0, 1.2, len(SHIFTS), dtype=torch.float64)[None]
    drive = s.drive(torch.full((len(SHIFTS),), 5e-9, dtype=torch.float64))
    one, two = s.slopes(x, drive), s.slopes(x, drive, charged=False)
    torch.testing.assert_close(one.flows.current, two.flows.current, rtol=1e-12, atol=0)
    torch.testing.assert_close(one.conductance, two.conductance, rtol=1e-12, atol=0)
    assert not bool(two.flows.charge.any() | two.capacitance.any())


def mixed() -> Circuit:
    """A source between two nodes, a current source and a switch."""
    return Circuit(
        "mixed",
        (
            VoltageSource("v", "a", "0", pwl([0.0, 1e-9], [0.0, 1.0])),
            Resistor("r", "a", "b", f64(1e3)),
            VoltageSource("inside", "b", "c", torch.tensor([0.3, -0.3], dtype=torch.float64)),
            CurrentSource("i", "0", "c", f64(1e-4)),
            Switch("s", "c", "0", "a", "0", f64(0.5), f64(1e-3), f64(1e-9), f64(0.02)),
            Capacitor("c", "b", "0", f64(1e-12)),
        ),
    )


def test_everything_lives_where_the_values_do(cell: Gain2T0C, design: GainCellDesign):
    """What is made on the way is made there too: a tensor made anywhere else has no numbers here, and fails."""
    held, written = hold(cell, design)
    load = torch.tensor([1e4, 1e6], dtype=torch.float64)
    circuits = held, mixed(), inverter(load), inverter(load.clone().requires_grad_())

    def everything() -> list[Tensor]:
        runs = [(system(x), [written, written + 1e-3]) for x in circuits[:2]]
        runs.append((system(circuits[3]), [2e-9]))
        moves = [transient(s, t, tolerance=1e-2) for s, t in runs]
        points = [
            operating_point(system(x), guess={"out": 0.5} if i > 1 else None) for i, x in enumerate(circuits) if i
        ]
        return [*(p.x for p in points), *(x for run in moves for x in (run.voltages, run.given, run.steps))]

    here = everything()
    with torch.device("meta"):
        there = everything()
    for one, two in zip(here, there, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
