"""Levels are equally spaced in current, and the write lands on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_node import Gain2T0C
from beolith.circuits.gain_phases import held, rebalance, selected, write_and_hold
from beolith.circuits.programming import program
from beolith.errors import BeolithError

from .conftest import f64


@pytest.mark.parametrize("card", ["belmonte2023_igzo", "pandey2025_in2o3"])
def test_levels(make_cell: Callable[..., Gain2T0C], card: str) -> None:
    d = GainCellDesign(levels=8)
    cell = make_cell(card)
    with torch.no_grad():
        plan = program(cell, d)
    steps = plan.current.diff()
    torch.testing.assert_close(steps, plan.unit_current.expand(7), rtol=1e-9, atol=0)
    torch.testing.assert_close(cell.read_current(plan.storage, f64(d.v_read)), plan.current, rtol=1e-8, atol=1e-20)
    assert float(plan.storage[0]) == pytest.approx(d.v_low, abs=1e-6)
    assert float(plan.storage[-1]) == pytest.approx(d.v_high, abs=1e-6)
    with torch.no_grad():
        written = write_and_hold(cell, d, plan.bit_line, torch.zeros(8, dtype=torch.float64), [0.0]).voltages[-1]
        read = rebalance(cell, written, held(d), selected(d))
    # a hundredth of the smallest distance between levels
    assert (read - plan.storage).abs().max() < 0.01 * plan.storage.diff().min()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"storage": 0.0}, "storage = 0 must be positive"),
        ({"levels": 1}, r"levels = 1 must be 2 \.\. 32"),
        ({"v_high": -1.0}, "v_high = -1 V must lie above v_low = 0 V"),
        ({"v_hold": 3.0}, "v_hold = 3 V must lie below v_write"),
        ({"rows": 0}, "rows, columns"),
        ({"weak_sigma": 6.0}, r"weak_sigma = 6 must be 0 \.\. 4"),
        ({"reference": "replica"}, "must be one of tracking, fixed"),
    ],
)
def test_impossible_designs_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BeolithError, match=message):
        GainCellDesign(**change)  # type: ignore[arg-type]


def test_all_faults_of_a_design_together() -> None:
    with pytest.raises(BeolithError, match=r"storage = -1 .*; levels = 99 .*"):
        GainCellDesign(storage=-1, levels=99)
