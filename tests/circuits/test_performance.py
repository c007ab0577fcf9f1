"""Speed and energy of cells: laws, and gradients against differences."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from beolith.circuits.cell import Cell, build, load
from beolith.circuits.performance import Performance, performance
from beolith.devices import library

from .conftest import f64

DEVICE = library.load("belmonte2023_igzo")
BASE = f64(0.0, 70e-9, 90e-9, 1e-15, float(DEVICE.tekv.oxide_thickness), -0.8)
"""Threshold shift, write width, read length, storage capacitance, dielectric thickness, hold voltage."""
SCALE = f64(0.02, 7e-9, 9e-9, 1e-16, 0.1 * float(DEVICE.tekv.oxide_thickness), 0.1)


def cell(x: Tensor) -> Cell:
    device = replace(DEVICE, tekv=DEVICE.tekv.replace(oxide_thickness=x[..., 4]))
    kind = load("gain_2t0c").with_(
        cards={"write": device, "read": device},
        widths={"write": x[..., 1]},
        lengths={"read": x[..., 2]},
        capacitances={"storage": x[..., 3]},
        voltages={"v_hold": x[..., 5]},
    )
    return build(kind, shifts={"*": x[..., 0]})


def numbers(p: Performance) -> Tensor:
    return torch.stack([p.write_time, p.read_time, p.write_energy, p.read_energy])


def test_gradients_of_times_and_energies_are_those_of_differences():
    """Of fourth order, over the same time steps and samples, by six parameters at once; bar 1e-4."""
    x = BASE[None].clone().requires_grad_()
    p, _, run = performance(cell(x))
    found = torch.stack([torch.autograd.grad(y, x, retain_graph=True)[0][0] for y in numbers(p)]) * SCALE
    h = 0.05
    steps = torch.cat([s * h * torch.diag(SCALE) for s in (1.0, -1.0, 2.0, -2.0)])
    with torch.no_grad():
        y = numbers(performance(cell(BASE + steps), like=run, tolerance=1e-9)[0]).reshape(4, 4, 6)
    expected = (8.0 * (y[:, 0] - y[:, 1]) - (y[:, 2] - y[:, 3])) / (12.0 * h)
    scale = numbers(p).detach()  # a parameter that hardly matters is measured against the number itself
    torch.testing.assert_close(found / scale, expected / scale, rtol=1e-4, atol=1e-6)


def test_laws():
    """A higher supply reads faster; more storage writes slower, kicks less and costs more; warmth is faster here."""
    kind = load("gain_2t0c").with_(voltages={"v_read": f64(0.4, 0.5, 0.6)})
    read = performance(build(kind))[0].read_time
    assert bool((read.diff() < 0).all())
    p = performance(build(load("gain_2t0c").with_(capacitances={"storage": f64(1e-15, 2e-15)})))[0]
    assert bool(p.write_time.diff() > 0)
    assert bool(p.write_energy.diff() > 0)
    kick = 1.2 - p.held[-1]
    assert bool(kick.diff() < 0)
    warm = performance(build(load("gain_2t0c"), f64(233.0, 300.0, 398.0)))[0]
    assert bool((warm.write_time.diff() < 0).all())
    assert bool((warm.read_energy > 0).all())


def test_sram_reads_faster_with_more_supply():
    p = performance(build(load("sram_6t").with_(voltages={"v_high": f64(0.8, 1.0)})))[0]
    assert bool(p.read_time.diff() < 0)
    assert bool(p.write_time.diff() < 0)


def test_a_cell_that_cannot_be_read_has_no_read_time():
    """A read transistor that never conducts shows nothing; everything else is there."""
    p = performance(build(load("gain_2t0c"), shifts={"read": f64(0.0, 5.0)}))[0]
    assert float(p.read_time[0]) > 0.0
    assert bool(torch.isnan(p.read_time[1]))
    assert float(p.signal[1]) < 1e-3
    assert float(p.write_time[1]) == pytest.approx(float(p.write_time[0]), rel=0.3)
