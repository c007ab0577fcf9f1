"""Butterfly and static noise margin: ngspice, squares found by brute force, laws, gradients."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from beolith.circuits.cell import Cell, build, load
from beolith.circuits.margins.bias import bias
from beolith.circuits.margins.butterfly import butterfly
from beolith.circuits.margins.rest import rest
from beolith.circuits.margins.snm import snm
from beolith.errors import BeolithError

STATIC = ("sram_6t", "sram_6t_hybrid", "sram_6t_oxide", "sram_8t")
Array = NDArray[np.float64]
ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (package 'ngspice')")


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


def largest_square(x: Array, right: Array, y: Array, left: Array) -> float:
    """Side of the largest square with its lower left corner on (left(y), y), and the opposite one on (x, right(x))."""
    low, high = np.zeros_like(y), np.full_like(y, 2.0)
    for _ in range(50):  # y + s - right(left + s) rises with s
        s = 0.5 * (low + high)
        beyond = y + s > np.interp(left + s, x, right)
        low, high = np.where(beyond, low, s), np.where(beyond, s, high)
    return float(low[left + low < x.max()].max())  # beyond the sweep there is no curve


def lobes(x: Array, right: Array, y: Array, left: Array) -> list[float]:
    """Sides of the squares in both lobes."""
    return [largest_square(x, right, y, left), largest_square(y, left, x, right)]


@ngspice
@pytest.mark.parametrize(("name", "condition"), [("sram_6t", "read"), ("sram_6t", "hold"), ("sram_6t_hybrid", "read")])
def test_ngspice_and_brute_force(name: str, condition: str, ngspice_sweep: Callable[..., dict[str, Tensor]]):
    """The same cell, one transistor off by 40 mV: curves and both squares within 1 mV of ngspice, 0.2 mV of our own."""
    cell = build(load(name), shifts={"pull_down_left": f64(0.04)})
    held = bias(cell, condition)  # type: ignore[arg-type]
    curves = butterfly(cell, condition, points=201)  # type: ignore[arg-type]
    first, second = cell.kind.storage
    right = ngspice_sweep(cell, held, first, (0.0, 1.0), (second,))
    left = ngspice_sweep(cell, held, second, (0.0, 1.0), (first,))
    v = curves.swept.numpy()
    for ours, theirs, sweep in (
        (curves.second, right[second], right[first]),
        (curves.first, left[first], left[second]),
    ):
        assert np.abs(np.interp(v, sweep, theirs) - ours.detach().numpy()).max() < 1e-3
    expected = lobes(*(z.numpy() for z in (right[first], right[second], left[second], left[first])))
    sides = snm(cell, condition).sides.tolist()  # type: ignore[arg-type]
    assert sides == pytest.approx(expected, abs=1e-3)
    dense = butterfly(cell, condition, points=2001)  # type: ignore[arg-type]
    own = lobes(*(z.detach().numpy() for z in (dense.swept, dense.second, dense.swept, dense.first)))
    assert sides == pytest.approx(own, abs=2e-4)
    assert abs(sides[0] - sides[1]) > 5e-3


@pytest.mark.parametrize("name", STATIC)
def test_a_symmetric_cell_has_equal_lobes_and_reads_worse_than_it_holds(nominal: Callable[[str], Cell], name: str):
    cell = nominal(name)
    hold, read, half = (snm(cell, c) for c in ("hold", "read", "half_select"))
    for found in (hold, read, half):
        assert float(found.sides[0]) == pytest.approx(float(found.sides[1]), abs=1e-9)
        torch.testing.assert_close(found.corners[0], found.corners[1].flip(0), rtol=0, atol=1e-6)
    if name == "sram_8t":  # its read does not touch the loop
        assert float(read.margin) == pytest.approx(float(hold.margin), abs=1e-12)
    else:
        assert float(read.margin) == pytest.approx(float(half.margin), abs=1e-12)
    assert 0.0 < float(half.margin) < 0.8 * float(hold.margin) < 0.8 * 0.5


def test_corners_are_where_the_squares_are(nominal: Callable[[str], Cell]):
    """The opposite corner lies on the other curve."""
    cell = build(load("sram_6t"), shifts={"pass_left": f64(-0.05)})
    found = snm(cell, "read")
    terminals = bias(cell, "read")
    upper = found.corners + found.sides[:, None]
    answers = [
        rest(cell.fets, terminals, {"qb": upper[0, 1]}, swept={"q": upper[0, 0]}).voltages["qb"] - upper[0, 1],
        rest(cell.fets, terminals, {"q": found.corners[0, 0]}, swept={"qb": found.corners[0, 1]}).voltages["q"]
        - found.corners[0, 0],
        rest(cell.fets, terminals, {"q": upper[1, 0]}, swept={"qb": upper[1, 1]}).voltages["q"] - upper[1, 0],
    ]
    assert max(abs(float(x)) for x in answers) < 1e-5


def test_noise_of_the_size_of_the_margin_is_what_a_cell_stands(nominal: Callable[[str], Cell]):
    """Sources in series with both gates: three states with 1 mV less than the margin, one with 1 mV more."""
    cell = nominal("sram_6t")
    curves, side = butterfly(cell, "read", points=2001), float(snm(cell, "read").margin)
    v, right, left = (x.detach().numpy() for x in (curves.swept, curves.second, curves.first))
    for noise, states in ((0.0, 3), (side - 1e-3, 3), (side + 1e-3, 1)):
        back = np.interp(np.interp(v + noise, v, right) - noise, v, left)
        assert int((np.diff(np.sign(back - v)) != 0).sum()) == states


def test_margins_fall_with_mismatch_and_temperature_and_rise_with_the_pull_down():
    shift = f64(0.0, 0.03, 0.06)
    for condition in ("hold", "read"):
        off = snm(build(load("sram_6t"), shifts={"pull_down_left": shift, "pull_down_right": -shift}), condition)  # type: ignore[arg-type]
        assert bool((off.margin.diff() < -2e-3).all())
        assert bool((off.sides.amax(0).diff() > 0).all())
        hot = snm(build(load("sram_6t"), torch.tensor([300.0, 358.0, 398.0])), condition)  # type: ignore[arg-type]
        assert bool((hot.margin.diff() < -5e-4).all())
    wide = f64(90e-9, 120e-9, 150e-9, 200e-9)
    beta = load("sram_6t").with_(widths={"pull_down_left": wide, "pull_down_right": wide})
    assert bool((snm(build(beta), "read").margin.diff() > 5e-3).all())


def test_a_batch_is_its_elements():
    shift = f64(-0.05, 0.0, 0.05).reshape(3, 1)
    many = snm(build(load("sram_6t"), torch.tensor([300.0, 358.0]), shifts={"pull_up_right": shift}), "read")
    assert many.sides.shape == (2, 3, 2)
    assert many.corners.shape == (2, 2, 3, 2)
    one = snm(build(load("sram_6t"), 358.0, shifts={"pull_up_right": f64(0.05)}), "read")
    torch.testing.assert_close(many.sides[:, 2, 1], one.sides, rtol=0, atol=1e-9)


def test_what_is_closed_is_negative_and_what_is_not_there_is_no_number():
    """A write closes one lobe; a supply below a few thermal voltages leaves none."""
    cell = build(load("sram_6t"))
    written = snm(cell, "write", level=0).sides.tolist()
    assert written[1] < -0.1 < 0.1 < written[0]
    other = snm(cell, "write", level=1).sides.tolist()
    assert other == pytest.approx(written[::-1], abs=1e-9)
    assert bool(snm(build(load("sram_6t").with_(voltages={"v_high": 0.03}))).sides.isnan().all())


@pytest.mark.parametrize("what", ["shift", "width", "length"])
def test_gradients(what: str, slope_by_differences: Callable[..., tuple[float, float]]):
    """By threshold, width and length of a transistor in a cell that is not symmetric."""

    def margin(x: Tensor) -> Tensor:
        kind, shifts = load("sram_6t_hybrid"), {"pull_up_left": f64(0.03)}
        if what == "shift":
            shifts["pull_down_left"] = x
        elif what == "width":
            kind = kind.with_(widths={"pass_left": x})
        else:
            kind = kind.with_(lengths={"pass_left": x})
        found: Tensor = snm(build(kind, shifts=shifts), "read").margin
        return found

    at, step = {"shift": (0.02, 1e-4), "width": (120e-9, 1e-10), "length": (60e-9, 3e-11)}[what]
    gradient, difference = slope_by_differences(margin, at, step)
    assert gradient == pytest.approx(difference, rel=1e-4)
    assert abs(gradient * at) > 1e-4


def test_gains_are_slopes(nominal: Callable[[str], Cell]):
    found = butterfly(nominal("sram_6t_hybrid"), "read", points=801)
    middle = (found.second[2:] - found.second[:-2]) / (found.swept[2:] - found.swept[:-2])
    torch.testing.assert_close(found.second_gain[1:-1], middle, rtol=3e-3, atol=3e-3)
    assert float(found.first_gain.min()) < -2.0


def test_cells_without_feedback_and_unknown_conditions_are_refused(nominal: Callable[[str], Cell]):
    with pytest.raises(BeolithError, match="has no feedback"):
        snm(nominal("gain_2t0c"))
    with pytest.raises(BeolithError, match="'read'"):
        snm(nominal("sram_6t"), "reed")  # type: ignore[arg-type]
    with pytest.raises(BeolithError, match=r"no level 2; allowed: 0 .. 1"):
        snm(nominal("sram_6t"), "write", level=2)
