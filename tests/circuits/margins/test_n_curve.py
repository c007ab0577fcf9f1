"""The N-curve: its zeros are states of the cell, its margins follow those of the butterfly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits.cell import Cell, build, load
from beolith.circuits.margins.bias import bias
from beolith.circuits.margins.n_curve import n_curve
from beolith.circuits.mna.operating_point import operating_point
from beolith.circuits.mna.system import system
from beolith.circuits.netlist import VoltageSource


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


@pytest.mark.parametrize("name", ["sram_6t", "sram_6t_hybrid", "sram_6t_oxide", "sram_8t"])
def test_zeros_are_the_operating_points_of_the_whole_cell(nominal: Callable[[str], Cell], name: str):
    cell = nominal(name)
    found, high = n_curve(cell, "read"), float(cell.voltages["v_high"])
    sources = (VoltageSource(node, node, "0", v) for node, v in bias(cell, "read").items())
    whole = system(cell.circuit.with_(*sources))
    row = whole.row_of("q")
    for at, start in ((0, {"q": 0.1, "qb": high}), (2, {"q": high, "qb": 0.1})):
        state = operating_point(whole, guess=start).x[row]
        assert float(found.zeros[at]) == pytest.approx(float(state[0]), abs=1e-7)
    a, b, c = found.zeros.tolist()
    assert 0.0 <= a < b < c <= high + 1e-6
    assert found.sinm > 0
    assert found.wti > 0
    assert float(found.svnm + found.wtv) == pytest.approx(c - a, abs=1e-12)


def test_peaks_are_those_of_a_dense_curve(nominal: Callable[[str], Cell]):
    cell = nominal("sram_6t")
    dense, found = n_curve(cell, "read", points=4001), n_curve(cell, "read")
    a, b, c = (round(4000 * x) for x in found.zeros.tolist())
    assert float(found.sinm) == pytest.approx(float(dense.current[a:b].max()), rel=1e-6)
    assert float(found.wti) == pytest.approx(-float(dense.current[b:c].min()), rel=1e-6)


def test_a_wide_pull_down_is_read_safely_and_a_wide_pass_gate_is_written_easily():
    wide = f64(90e-9, 120e-9, 160e-9)
    kind = load("sram_6t")
    down = n_curve(build(kind.with_(widths={"pull_down_left": wide, "pull_down_right": wide})))
    assert bool((down.svnm.diff() > 1e-3).all())
    assert bool((down.sinm.diff() > 1e-6).all())
    through = n_curve(build(kind.with_(widths={"pass_left": wide, "pass_right": wide})))
    assert bool((through.sinm.diff() < -1e-6).all())
    assert bool((through.wti.diff() < -1e-6).all())


def test_both_nodes_of_a_symmetric_cell_are_alike(nominal: Callable[[str], Cell]):
    one, two = (n_curve(nominal("sram_6t"), node=i) for i in (0, 1))
    torch.testing.assert_close(one.zeros, two.zeros, rtol=0, atol=1e-9)
    torch.testing.assert_close(one.peaks, two.peaks, rtol=1e-9, atol=0)


def test_a_cell_of_one_state_has_one_zero():
    """In a write the stored level is gone, and with it all that lies between two levels."""
    found = n_curve(build(load("sram_6t")), "write", level=0)
    assert bool(torch.stack((found.svnm, found.wtv, found.sinm)).isnan().all())


@pytest.mark.parametrize("what", ["svnm", "sinm", "wtv", "wti"])
def test_gradients(what: str, slope_by_differences: Callable[..., tuple[float, float]]):
    def value(x: Tensor) -> Tensor:
        found: Tensor = getattr(n_curve(build(load("sram_6t"), shifts={"pull_down_left": x}), "read"), what)
        return found

    gradient, difference = slope_by_differences(value, 0.02, 1e-4)
    assert gradient == pytest.approx(difference, rel=1e-4)
