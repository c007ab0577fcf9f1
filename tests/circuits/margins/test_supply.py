"""Lowest supply: the noise margin there is the target, and it rises with mismatch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits.cell import Cell, build, load
from beolith.circuits.margins.snm import snm
from beolith.circuits.margins.supply import lowest_supply
from beolith.errors import BeolithError


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


@pytest.mark.parametrize(("name", "condition"), [("sram_6t", "hold"), ("sram_6t_hybrid", "read")])
def test_the_margin_there_is_the_target(name: str, condition: str):
    """A cell built at the supply that was found, all its voltages with it."""
    found = float(lowest_supply(build(load(name)), 0.05, condition).supply)  # type: ignore[arg-type]
    kind = load(name)
    there = build(kind.with_(voltages={key: found * float(v) for key, v in kind.voltages.items()}))
    assert float(snm(there, condition).margin) == pytest.approx(0.05, abs=1e-6)  # type: ignore[arg-type]


def test_mismatch_reads_and_targets_cost_supply():
    shift = f64(0.0, 0.03, 0.06)
    cell = build(load("sram_6t"), shifts={"pull_down_left": shift, "pull_down_right": -shift})
    hold, read = (lowest_supply(cell, f64(0.02, 0.05).reshape(2, 1), c) for c in ("hold", "read"))  # type: ignore[arg-type]
    for found in (hold, read):
        assert bool((found.supply.diff(dim=1) > 5e-3).all())
        assert bool((found.supply.diff(dim=0) > 0.01).all())
        assert bool((found.slope > 0).all())
    assert bool((read.supply > hold.supply).all())


def test_a_supply_that_does_not_do_has_no_answer(nominal: Callable[[str], Cell]):
    assert lowest_supply(nominal("sram_6t"), f64(0.05, 0.45)).supply.isnan().tolist() == [False, True]


def test_retention_voltage_of_a_mismatched_cell():
    """At a target of zero a lobe closes: a little above it the cell keeps both levels, a little below it does not."""
    cell = build(load("sram_6t"), shifts={"pull_down_left": f64(0.05)})
    found = float(lowest_supply(cell).supply)
    assert 0.1 < found < 0.3
    for supply, holds in ((found + 1e-3, True), (found - 1e-3, False)):
        kind = load("sram_6t").with_(voltages={"v_high": supply})
        margin = float(snm(build(kind, shifts={"pull_down_left": f64(0.05)})).margin)
        assert (margin > 0) == holds


def test_only_named_voltages_are_scaled(nominal: Callable[[str], Cell]):
    """A word line that keeps its voltage while the cell's supply falls disturbs more."""
    cell = nominal("sram_6t_hybrid")
    alone = lowest_supply(cell, 0.05, "read", scaled=())
    assert float(alone.supply) > float(lowest_supply(cell, 0.05, "read").supply) + 0.05
    with pytest.raises(BeolithError, match="no voltage 'v_writ'"):
        lowest_supply(cell, scaled=("v_writ",))


def test_gradients(slope_by_differences: Callable[..., tuple[float, float]]):
    def supply(x: Tensor) -> Tensor:
        return lowest_supply(build(load("sram_6t"), shifts={"pull_down_left": x}), 0.04).supply

    gradient, difference = slope_by_differences(supply, 0.03, 1e-3)
    assert gradient == pytest.approx(difference, rel=1e-3)
