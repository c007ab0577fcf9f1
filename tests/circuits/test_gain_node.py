"""The gain cell: charge is kept, levels are written, leakage is the transistor's own; ngspice agrees."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits import spice
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import gain_cell
from beolith.circuits.gain_node import Gain2T0C
from beolith.circuits.gain_phases import held, hold_time, rebalance, selected, write_and_hold
from beolith.devices import library
from beolith.devices.base import DeviceState

from .conftest import f64

Make = Callable[..., Gain2T0C]
CARDS = ("belmonte2023_igzo", "liu2023_ito", "pandey2025_in2o3")


def test_without_leakage_the_charge_stays(design: GainCellDesign) -> None:
    device = library.load("belmonte2023_igzo", {"tekv.leakage_density": "0 A/m", "tekv.threshold_voltage": "3 V"})
    cell = gain_cell(device, design, f64(300.0), DeviceState(), DeviceState())
    wave_end = 1e5
    run = write_and_hold(cell, design, f64(0.8, 1.2), f64(0.0, 0.0), [0.0, wave_end])
    charge = [cell.node(v, held(design))[0] for v in run.voltages]
    assert ((charge[1] - charge[0]).abs() / charge[0].abs()).max() < 1e-9


@pytest.mark.parametrize("card", CARDS)
def test_ten_nanoseconds_write_the_bit_line_voltage(make_cell: Make, design: GainCellDesign, card: str) -> None:
    levels = torch.linspace(0.2, 1.2, 6, dtype=torch.float64)
    v = write_and_hold(make_cell(card), design, levels, torch.zeros(6, dtype=torch.float64), [0.0]).voltages[-1]
    kick = levels - v
    # the falling word line takes the same small voltage from every level
    assert torch.all((kick > 0.02) & (kick < 0.2))
    assert kick.max() - kick.min() < 0.03


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("temperature", [233.0, 300.0, 398.0])
def test_retention_by_quadrature_is_that_of_the_transient(
    make_cell: Make, design: GainCellDesign, card: str, temperature: float
) -> None:
    cell = make_cell(card, temperature)
    start = write_and_hold(cell, design, f64(1.2), f64(0.0), [0.0]).voltages[-1]
    end = start - 0.1
    time = float(hold_time(cell, held(design), start, end))
    assert time > 0
    reached = write_and_hold(cell, design, f64(1.2), f64(0.0), [0.0, time], tolerance=1e-5).voltages[-1]
    assert float(reached) == pytest.approx(float(end), abs=2e-4)


def test_retention_falls_with_temperature_and_leakage(make_cell: Make, design: GainCellDesign) -> None:
    times = [float(hold_time(make_cell(t), held(design), f64(1.0), f64(0.9))) for t in CARDS]
    assert times == sorted(times, reverse=True)
    for card in CARDS:
        cells = [make_cell(card, t) for t in (233.0, 273.0, 300.0, 330.0, 358.0, 398.0, 423.0)]
        hot = [float(hold_time(cell, held(design), f64(1.0), f64(0.9))) for cell in cells]
        assert hot == sorted(hot, reverse=True), card


def test_retention_rises_with_storage_capacitance() -> None:
    device = library.load("liu2023_ito")
    times = []
    for storage in (0.3e-15, 1e-15, 3e-15):
        d = GainCellDesign(storage=storage)
        cell = gain_cell(device, d, f64(300.0), DeviceState(), DeviceState())
        times.append(float(hold_time(cell, held(d), f64(1.0), f64(0.9))))
    assert times == sorted(times)


def test_log_normal_retention(make_cell: Make, design: GainCellDesign) -> None:
    """Where the channel leaks, ln t is linear in V_T with slope 1/(n phi) (Edri et al., TCAS-I 2016)."""
    shift = f64(-0.05, 0.0, 0.05)
    cell = make_cell("pandey2025_in2o3", 300.0, shift)
    leaky = {**held(design), "wwl": f64(-0.4)}
    time = hold_time(cell, leaky, f64(1.0), f64(0.9))
    slope = (time.log()[2] - time.log()[0]) / 0.1
    assert float(slope) == pytest.approx(float(1.0 / cell.write.coefficients.n_phi), rel=0.03)  # type: ignore[attr-defined]


def test_read_select_moves_the_node_by_the_coupling(make_cell: Make, design: GainCellDesign) -> None:
    cell = make_cell()
    v = f64(0.0, 0.6, 1.2)
    there = rebalance(cell, v, held(design), selected(design))
    assert torch.all(there < v)
    assert torch.all(v - there < design.v_read)
    torch.testing.assert_close(rebalance(cell, there, selected(design), held(design)), v, rtol=0, atol=1e-9)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
@pytest.mark.parametrize(
    ("card", "temperature"), [("liu2023_ito", 358.0), ("belmonte2023_igzo", 398.0), ("pandey2025_in2o3", 300.0)]
)
def test_ngspice_agrees_within_a_millivolt(
    make_cell: Make, design: GainCellDesign, card: str, temperature: float
) -> None:
    """Twelve decades of time, from 1 ns to 1000 s, over which the node loses from 2 % to all of its voltage."""
    cell = make_cell(card, temperature)
    times, expected = spice.storage_node(cell, design, 1.2)
    assert times[-1] / times[0] > 0.99e12
    ours = write_and_hold(cell, design, f64(1.2), f64(0.0), times.tolist(), tolerance=1e-5).voltages
    assert expected[0] - expected[-1] > 0.02
    assert (ours - expected).abs().max() < 1e-3


def test_gradient_of_the_held_voltage(design: GainCellDesign) -> None:
    """d(mean V_SN after hold)/d(V_T, D_it, mu), autograd through write and hold against central differences."""
    device = library.load("pandey2025_in2o3")
    levels, times = torch.linspace(0.4, 1.2, 5, dtype=torch.float64), [1.0]
    names = ("threshold_voltage", "interface_traps", "mobility")

    def mean(p: Tensor, steps: tuple[float, ...] | None) -> tuple[Tensor, tuple[float, ...]]:
        """Over the levels, for parameters (3, ...) -> (...)."""
        changed = device.tekv.replace(**dict(zip(names, p[..., None], strict=True)))
        cell = gain_cell(
            dataclasses.replace(device, tekv=changed),
            design,
            f64(300.0),
            DeviceState(),
            DeviceState(),
        )
        run = write_and_hold(cell, design, levels, torch.zeros(5, dtype=torch.float64), times, steps=steps)
        return run.voltages[-1].mean(-1), run.steps

    p = torch.stack([getattr(device.tekv, name) for name in names])
    steps = mean(p, None)[1]
    leaf = p.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(mean(leaf, steps)[0], leaf)
    h = 1e-4 * p
    with torch.no_grad():  # one batch of (parameter, up and down)
        up, down = mean(p[:, None, None] + torch.diag(h)[..., None] * f64(1.0, -1.0), steps)[0].unbind(-1)
    difference = (up - down) / (2 * h)
    assert bool((difference != 0).all())
    torch.testing.assert_close(gradient, difference, rtol=1e-4, atol=0)
