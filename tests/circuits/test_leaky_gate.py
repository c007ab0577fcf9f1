"""A storage node that loses its charge through gate dielectrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import constants
from scipy.integrate import quad

from beolith.circuits.gain_node import Gain2T0C
from beolith.circuits.gain_phases import hold_time
from beolith.circuits.transient import transient
from beolith.circuits.waveform import Waveform
from beolith.devices.gate_leakage import GateLeakageParameters

from .conftest import f64

REST = {"wwl": f64(-1.0), "wbl": f64(0.0), "rwl": f64(0.0), "rbl": f64(0.0)}
EV = constants.electron_volt

Make = Callable[..., Gain2T0C]


def leaky(cell: Gain2T0C, *, conductivity: float = 0.0, tunnelling: float = 0.0, write: bool = True) -> Gain2T0C:
    """The cell with Poole-Frenkel conduction and tunnelling in both gate dielectrics, or in that of the reader."""
    values = conductivity, 0.6 * EV, 4.0, tunnelling, 1.0 * EV, 0.3
    gate = GateLeakageParameters(*(f64(value) for value in values))
    changed = {"read": dataclasses.replace(cell.read, gate=gate)}
    if write:
        changed["write"] = dataclasses.replace(cell.write, gate=gate)
    return dataclasses.replace(cell, **changed)


def test_retention_is_the_integral_of_the_gate_current(make_cell: Make):
    """Gate leakage of the reader alone, some 1e6 times the channel's: t = int C dV/I_G by adaptive quadrature."""
    cell = leaky(make_cell(), conductivity=1e-4, write=False)

    def seconds(v: float) -> float:
        step = 1e-4
        charge = [float(cell.node(f64(v + s), REST)[0]) for s in (-step, step)]
        out = cell.read.gate_current(f64(v), REST["rbl"], REST["rwl"])
        return (charge[1] - charge[0]) / (2 * step) / float(out.drain + out.source)

    assert abs(float(make_cell().node(f64(0.6), REST)[1] / cell.node(f64(0.6), REST)[1])) < 1e-6
    expected = quad(seconds, 0.6, 0.8, epsrel=1e-8)[0]
    assert float(hold_time(cell, REST, f64(0.8), f64(0.6))) == pytest.approx(expected, rel=1e-4)


def test_every_path_counts(make_cell: Make):
    """The current into the node is the channel's, plus the writer's gate, less the reader's to both its ends."""
    plain, cell = make_cell(), leaky(make_cell(), conductivity=1e-4, tunnelling=1e-3)
    v = torch.linspace(-0.5, 1.2, 20, dtype=torch.float64)
    u = {**REST, "rbl": f64(0.3)}
    writer = cell.write.gate_current(u["wwl"], u["wbl"], v).source
    reader = cell.read.gate_current(v, u["rbl"], u["rwl"])
    expected = plain.node(v, u)[1] + writer - reader.drain - reader.source
    torch.testing.assert_close(cell.node(v, u)[1], expected, rtol=1e-14, atol=0)
    assert torch.equal(cell.node(v, u)[0], plain.node(v, u)[0])


def test_leakage_only_shortens_retention(make_cell: Make):
    """For a node above all that surrounds it, by any amount of either mechanism, and more by more."""
    for kind in ("conductivity", "tunnelling"):
        cells = [make_cell(), *(leaky(make_cell(), **{kind: x}) for x in (1e-14, 1e-10, 1e-6))]
        times = [float(hold_time(cell, REST, f64(0.8), f64(0.6))) for cell in cells]
        assert all(later < earlier for earlier, later in pairwise(times)), kind


def test_temperature_law(make_cell: Make):
    """Poole-Frenkel retention is activated by the lowered trap depth, tunnelling's by nothing."""
    hot, cold = 380.0, 320.0

    def times(**kind: float) -> np.ndarray:
        cells = (leaky(make_cell(temperature=t), **kind, write=False) for t in (cold, hot))
        return np.array([float(hold_time(cell, REST, f64(0.70), f64(0.69))) for cell in cells])

    ratio = np.divide(*times(conductivity=1.0))
    oxide = float(make_cell().read.parameters.oxide_thickness)
    lowering = np.sqrt(constants.e**3 / (np.pi * constants.epsilon_0 * 4.0) * 0.695 / oxide)
    activation = np.log(ratio) * constants.k / (1 / cold - 1 / hot)
    assert activation == pytest.approx(0.6 * EV - lowering, rel=0.01)
    assert np.divide(*times(tunnelling=1e6)) == pytest.approx(1.0, rel=0.02)  # the rest is the channel's


def test_transient_agrees(make_cell: Make):
    """The transient passes 0.6 V when the integral says so, and both have the same gradient by the trap depth."""
    depth = torch.tensor(0.6 * EV, dtype=torch.float64, requires_grad=True)
    base = leaky(make_cell(), conductivity=1e-4)
    cell = dataclasses.replace(
        base, read=dataclasses.replace(base.read, gate=dataclasses.replace(base.read.gate, trap_depth=depth))
    )
    time = hold_time(cell, REST, f64(0.8), f64(0.6))
    moment = float(time.detach())
    wave = Waveform((0.0, 1e-3 * moment, 2.0 * moment), {name: [v, v, v] for name, v in REST.items()})
    v = transient(cell.node, wave, f64(0.8), samples=[moment], tolerance=1e-5).voltages[0]
    assert float(v.detach()) == pytest.approx(0.6, abs=1e-4)
    (by_time,) = torch.autograd.grad(time, depth, retain_graph=True)
    (by_voltage,) = torch.autograd.grad(v, depth)
    charge = [float(cell.node(f64(0.6 + s), REST)[0].detach()) for s in (-1e-4, 1e-4)]
    slope = float(cell.node(f64(0.6), REST)[1].detach()) / (charge[1] - charge[0]) * 2e-4
    # at a fixed voltage dt = (dt/dE) dE; at a fixed time dV = -(dV/dt) dt
    assert float(by_voltage) == pytest.approx(-slope * float(by_time), rel=3e-3)


def test_without_leakage_nothing_changes(make_cell: Make):
    """Bit for bit, and the zeros that are added take no memory."""
    cell = make_cell()
    found = cell.read.gate_current(torch.zeros(1000, dtype=torch.float64), f64(0.0), f64(0.0))
    assert found.drain.shape == (1000,)
    assert found.drain.untyped_storage().nbytes() == 8
    current, _ = cell.write.current_and_charges(REST["wwl"], REST["wbl"], f64(0.7))
    assert torch.equal(cell.node(f64(0.7), REST)[1], current)
