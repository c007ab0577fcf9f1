"""Write margin: at the flip the stored state ends, in ngspice and in our operating points; laws, gradients."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits.cell import Cell, build, load
from beolith.circuits.margins.bias import bias
from beolith.circuits.margins.rest import rest
from beolith.circuits.margins.write_margin import write_margin
from beolith.circuits.netlist import Resistor
from beolith.errors import BeolithError


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (package 'ngspice')")
@pytest.mark.parametrize("line", ["bit_line", "word_line"])
def test_ngspice_finds_the_stored_state_until_there(line: str, ngspice_sweep: Callable[..., dict[str, Tensor]]):
    """A millivolt before the flip the node still pushes back where it is driven down, a millivolt after it nowhere."""
    cell = build(load("sram_6t"), shifts={"pass_left": f64(0.03)})
    flip = write_margin(cell, line).flip[0]  # type: ignore[arg-type]
    moved, stays = ("bl", 1.0) if line == "bit_line" else ("wl", -1.0)
    for beyond, there in ((1e-3, True), (-1e-3, False)):
        held = {**bias(cell, "write", 0), moved: flip + stays * beyond}
        probe = Resistor("probe", "drive", "q", f64(200.0))
        found = ngspice_sweep(cell, held, "drive", (0.5, 1.0), ("q", "qb"), probe)
        current = (found["drive"] - found["q"]) / 200.0
        inside = (found["q"] > 0.52) & (found["q"] < 0.9)
        assert bool((current[inside] < 0.0).any()) == there


@pytest.mark.parametrize("name", ["sram_6t", "sram_6t_hybrid", "sram_6t_oxide", "sram_8t"])
@pytest.mark.parametrize("line", ["bit_line", "word_line"])
def test_the_stored_state_ends_there(nominal: Callable[[str], Cell], name: str, line: str):
    """A tenth of a millivolt before the flip there is a state near the stored one, a tenth after it there is none."""
    cell = nominal(name)
    found = write_margin(cell, line)  # type: ignore[arg-type]
    assert float(found.margins[0]) == pytest.approx(float(found.margins[1]), abs=1e-9)
    held = bias(cell, "write", 0)
    moved, stays = ("bl", 1.0) if line == "bit_line" else ("wl", -1.0)
    for beyond, there in ((1e-4, True), (-1e-4, False)):
        v = rest(cell.fets, {**held, moved: found.flip[0] + stays * beyond}, {"q": f64(0.75), "qb": f64(0.2)}).voltages
        assert bool(v["q"] > v["qb"]) == there


def test_margins_rise_with_the_pass_gate_and_fall_with_the_pull_up():
    wide = f64(60e-9, 90e-9, 120e-9)
    for line in ("bit_line", "word_line"):
        for part, sign in (("pass", 1.0), ("pull_up", -1.0)):
            kind = load("sram_6t").with_(widths={f"{part}_left": wide, f"{part}_right": wide})
            assert bool((sign * write_margin(build(kind), line).margin.diff() > 5e-3).all())  # type: ignore[arg-type]


def test_a_write_that_fails_has_a_negative_margin():
    """An oxide pass gate at the silicon supply does not win against the pull-up."""
    weak = build(load("sram_6t_hybrid").with_(voltages={"v_write": 1.0}))
    assert float(write_margin(weak, "bit_line").margin) < -0.02
    assert float(write_margin(weak, "word_line").margin) < -0.02


def test_the_harder_level_counts():
    found = write_margin(build(load("sram_6t"), shifts={"pass_left": f64(0.05), "pull_up_left": f64(-0.05)}))
    assert float(found.margins[0]) < float(found.margins[1]) - 0.03
    assert found.margin == found.margins[0]
    with pytest.raises(BeolithError, match="'bit_line'"):
        write_margin(build(load("sram_6t")), "bitline")  # type: ignore[arg-type]


@pytest.mark.parametrize("line", ["bit_line", "word_line"])
def test_gradients(line: str, slope_by_differences: Callable[..., tuple[float, float]]):
    def margin(x: Tensor) -> Tensor:
        found: Tensor = write_margin(build(load("sram_6t"), shifts={"pass_left": x}), line).margin  # type: ignore[arg-type]
        return found

    gradient, difference = slope_by_differences(margin, 0.02, 1e-4)
    assert gradient == pytest.approx(difference, rel=1e-4)
    assert gradient < -0.3
