"""The macro that the architecture sees: a batch equals its members, tables equal direct solutions, costs make sense."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from beolith.circuits import node as nodes
from beolith.circuits.base import Macro
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import Condition, GainCellMacro, build, calibrate, gain_cell
from beolith.circuits.gain_phases import held, rebalance, selected, write_and_hold
from beolith.circuits.node import Node
from beolith.circuits.programming import Programming
from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.devices.library import Device
from beolith.devices.stress.mission import constant

from .conftest import f64

DESIGN = GainCellDesign(levels=4)
TIMES = [0.0, 1.0, 1e3]


@pytest.fixture(scope="module")
def ito() -> Device:
    return library.load("liu2023_ito")


@pytest.fixture(scope="module")
def node() -> Node:
    return nodes.load("cmos_45nm")


@pytest.fixture(scope="module")
def plan(ito: Device) -> Programming:
    with torch.no_grad():
        return calibrate(ito, DESIGN)


@pytest.fixture(scope="module")
def grid(ito: Device, node: Node, plan: Programming) -> list[list[GainCellMacro]]:
    temperature = torch.tensor([300.0, 300.0, 358.0], dtype=torch.float64)
    aged = ito.age(constant(torch.tensor([0.0, 3e8, 0.0]), temperature, 0.4))
    with torch.no_grad():
        return build(ito, DESIGN, node, Condition(temperature, DeviceState(), aged), TIMES, plan)


def level_currents(macro: Macro, z_write: float = 0.0, z_read: float = 0.0) -> torch.Tensor:
    level = torch.arange(macro.levels)
    with torch.no_grad():
        return macro.currents(level, torch.full((4,), z_write), torch.full((4,), z_read))


def test_right_after_calibration_levels_are_units(grid: list[list[GainCellMacro]]) -> None:
    fresh = grid[0][0]
    units = (level_currents(fresh) - level_currents(fresh)[0]) / fresh.unit_current
    torch.testing.assert_close(units, torch.arange(4, dtype=torch.float64), rtol=0, atol=0.02)


def test_a_batch_equals_its_members(
    ito: Device, node: Node, plan: Programming, grid: list[list[GainCellMacro]]
) -> None:
    alone = Condition(f64(358.0).reshape(1), DeviceState(), DeviceState())
    with torch.no_grad():
        single = build(ito, DESIGN, node, alone, TIMES, plan)[0]
    for one, many in zip(single, grid[2], strict=True):
        torch.testing.assert_close(one.storage, many.storage, rtol=0, atol=6e-4)
        assert float(one.retention) == pytest.approx(float(many.retention), rel=1e-2)


@pytest.mark.parametrize("z", [-3.0, -0.7, 0.0, 1.3])
def test_mismatch_table_against_a_direct_solution(
    ito: Device, plan: Programming, grid: list[list[GainCellMacro]], z: float
) -> None:
    """Any z between the nodes of the table, solved as a cell of its own, to 1 % of a level step."""
    macro = grid[2][1]
    sigma = ito.threshold_sigma(f64(DESIGN.write_width), f64(DESIGN.write_length))
    cell = gain_cell(ito, DESIGN, f64(358.0), DeviceState(threshold_shift=sigma * z), DeviceState())
    with torch.no_grad():
        start = torch.zeros(4, dtype=torch.float64)
        v = write_and_hold(cell, DESIGN, plan.bit_line, start, [1.0], tolerance=1e-5).voltages[-1]
        v = rebalance(cell, v, held(DESIGN), selected(DESIGN))
        direct = cell.read_current(v - macro.read_sigma * 0.5, f64(DESIGN.v_read))
    error = (level_currents(macro, z_write=z, z_read=0.5) - direct) / macro.unit_current
    assert error.abs().max() < 0.01


def test_physics_moves_the_macro_the_right_way(grid: list[list[GainCellMacro]]) -> None:
    fresh, aged, hot = (row[0] for row in grid)
    assert float(hot.retention) < 0.2 * float(fresh.retention)
    assert level_currents(aged)[-1] < level_currents(fresh)[-1]
    top = [float(level_currents(m)[-1]) for m in grid[2]]
    assert top == sorted(top, reverse=True)
    assert level_currents(fresh, z_read=1.0)[-1] < level_currents(fresh)[-1]
    weak, strong = level_currents(grid[2][1], z_write=-4.0)[-1], level_currents(grid[2][1], z_write=4.0)[-1]
    assert weak < strong
    for row in grid:
        restored = [float(m.restored) for m in row]
        assert restored == sorted(restored)
    assert float(hot.restored) <= float(grid[2][1].restored)
    assert float(grid[2][1].restored) > float(grid[0][1].restored)


def test_tracking_reference_follows_temperature_and_age(
    ito: Device, node: Node, plan: Programming, grid: list[list[GainCellMacro]]
) -> None:
    fixed = dataclasses.replace(DESIGN, reference="fixed")
    condition = Condition(f64(358.0).reshape(1), DeviceState(), DeviceState())
    with torch.no_grad():
        macro = build(ito, fixed, node, condition, [0.0], plan)[0][0]
    assert float(macro.unit_current) == float(plan.unit_current)
    assert float(grid[2][0].unit_current) > float(plan.unit_current)
    assert float(grid[1][0].unit_current) < float(plan.unit_current)


def test_costs_are_positive_and_scale(ito: Device, node: Node, plan: Programming) -> None:
    room = Condition(f64(300.0).reshape(1), DeviceState(), DeviceState())

    def price(**change: int) -> dict[str, float]:
        d = dataclasses.replace(DESIGN, **change)
        with torch.no_grad():
            prices = build(ito, d, node, room, [0.0], plan)[0][0].prices
        for cost in prices.values():
            assert float(cost.energy) > 0
            assert float(cost.latency) > 0
            assert float(cost.area) >= 0
        return {k: float(v.energy) for k, v in prices.items()} | {"area": float(prices["read_row"].area)}

    base, tall, wide, fine = price(), price(rows=256), price(columns=256), price(converter_bits=9)
    assert tall["area"] == pytest.approx(2 * base["area"])
    assert tall["write_row"] > base["write_row"]
    assert wide["refresh_row"] == pytest.approx(2 * base["refresh_row"], rel=1e-2)
    assert fine["convert"] == pytest.approx(2 * base["convert"])
    assert base["refresh_row"] > DESIGN.columns * base["convert"]
