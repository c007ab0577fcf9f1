"""What edges and neighbours do to cells that float, and the open word to cells that do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith.circuits.cell import Cell, build, load
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import gain_cell
from beolith.circuits.gain_phases import held, rebalance, selected
from beolith.circuits.margins.coupling import coupling, jump
from beolith.circuits.margins.disturb import disturb, feedback_disturb
from beolith.circuits.margins.n_curve import n_curve
from beolith.circuits.margins.snm import snm
from beolith.circuits.mna.system import system
from beolith.circuits.mna.transient import transient
from beolith.circuits.stimuli import Frame, Stimulus
from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.errors import BeolithError

FLOATING = ("gain_2t0c", "gain_2t0c_hybrid", "gain_2t1c", "gain_3t0c", "dram_1t1c", "cim_4t1c")
ROUGH = 1e-2
"""Of a transient that nobody looks at [V]."""


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


def test_the_gain_cell_of_old_jumps_as_far():
    """The node equation of one unknown, written by hand for this cell, with the same devices and capacitances."""
    d = GainCellDesign()
    device = library.load("belmonte2023_igzo")
    old = gain_cell(device, d, f64(300.0), DeviceState(), DeviceState())
    sizes = {"write": (d.write_width, d.write_length), "read": (d.read_width, d.read_length)}
    kind = load("gain_2t0c").with_(
        widths={name: w for name, (w, _) in sizes.items()},
        lengths={name: length for name, (_, length) in sizes.items()},
        capacitances={"storage": d.storage + d.couple_rbl, "couple_rwl": d.couple_rwl},
        voltages={"v_read": d.v_read, "v_hold": d.v_hold},
    )
    cell = build(kind)
    v = f64(0.1, 0.6, 1.1)
    hold = cell.terminals(v)
    after = jump(cell, {"sn": v}, hold, {**hold, "rwl": f64(0.0)}).voltages["sn"]
    torch.testing.assert_close(after, rebalance(old, v, held(d), selected(d)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", FLOATING)
def test_every_edge_pushes_the_way_it_goes(nominal: Callable[[str], Cell], name: str):
    cell = nominal(name)
    found = coupling(cell)
    assert next(iter(found)) == cell.kind.write.word
    for edge in found.values():
        assert edge.change.shape == edge.swing.shape == cell.data.shape
        assert bool((edge.change * edge.swing.sign() >= -1e-10).all())
        assert bool((edge.channel.abs() <= edge.change.abs() + 1e-12).all())
    closing = found[cell.kind.write.word]
    assert bool((closing.change < -5e-3).all())
    assert bool((closing.channel < 0).all())
    assert float(closing.channel[0]) < float(closing.channel[-1])  # a low level has more charge above it


def test_coupling_falls_with_the_storage_capacitance():
    storage = f64(0.5e-15, 1e-15, 2e-15, 4e-15)
    found = coupling(build(load("gain_2t0c").with_(capacitances={"storage": storage})))
    for edge in found.values():
        if bool((edge.change.abs() > 1e-6).all()):
            assert bool((edge.change.abs().diff(dim=-1) < 0).all())
    large = coupling(build(load("gain_2t0c").with_(capacitances={"storage": f64(1e-12)})))
    assert float(large["wwl"].change.abs().max()) < 1e-4


def test_a_transient_jumps_as_far(nominal: Callable[[str], Cell]):
    """RWL falls in a picosecond; the storage node is then read before anything leaks."""
    cell = nominal("gain_2t0c")
    rest = cell.terminals(cell.data)
    moved = {**rest, "rwl": cell.voltages["v_low"].expand(cell.data.shape)}
    s = Stimulus(cell, [Frame(rest, 1e-12), Frame(moved, 1e-12)], 1e-12)
    found = transient(system(s.circuit(**cell.stored(cell.data))), [0.0, s.end], tolerance=1e-6)["sn"]
    torch.testing.assert_close(found[1] - found[0], coupling(cell)["rwl"].change, rtol=0, atol=2e-5)


def test_a_fast_edge_of_the_word_leaves_half_the_channel(nominal: Callable[[str], Cell]):
    """A word that closes in a femtosecond leaves what charge conservation says; one that takes 1 ns leaves less."""
    cell = nominal("gain_2t0c")
    opened = cell.terminals(cell.data, cell.kind.write)
    closed = {**opened, "wwl": cell.voltages["v_hold"].expand(cell.data.shape)}
    changes = []
    for edge in (1e-15, 1e-9):
        s = Stimulus(cell, [Frame(opened, 1e-12), Frame(closed, 1e-15)], edge)
        found = transient(system(s.circuit(**cell.stored(cell.data))), [0.0, s.end], tolerance=1e-5)["sn"]
        changes.append(found[1] - found[0])
    expected = coupling(cell)["wwl"].change
    torch.testing.assert_close(changes[0], expected, rtol=0.02, atol=0)
    assert bool((changes[1] > changes[0] + 1e-3).all())


def test_the_extra_current_of_a_read_is_its_disturb():
    """A leaky write transistor: what a transient of a read of 10 ns loses beyond one of the same time at rest."""
    cell = build(load("gain_2t0c").with_(voltages={"v_hold": 0.15}))
    pulse, data = 1e-8, cell.data
    rest, reading = cell.terminals(data), cell.terminals(data, cell.kind.read)
    ends = []
    for frame in (reading, rest):
        s = Stimulus(cell, [Frame(rest, 1e-12), Frame(frame, pulse), Frame(rest, 1e-12)], 1e-12)
        found = transient(system(s.circuit(**cell.stored(data))), [0.0, s.end], tolerance=1e-6)["sn"]
        ends.append(found[1])
    expected = disturb(cell, pulse=pulse, tolerance=ROUGH).read
    assert float(expected.abs().max()) > 1e-4
    torch.testing.assert_close(ends[0] - ends[1], expected, rtol=0.03, atol=2e-6)


def test_disturbs_grow_with_the_pulse_and_with_the_leak():
    one, ten = (disturb(build(load("gain_2t0c")), pulse=p, tolerance=ROUGH) for p in (1e-9, 1e-8))
    torch.testing.assert_close(ten.line, 10.0 * one.line, rtol=1e-9, atol=0)
    hot = disturb(build(load("gain_2t0c"), torch.tensor([300.0, 358.0])), tolerance=ROUGH)
    assert float(hot.line[0, 1]) > 2.0 * float(hot.line[0, 0]) > 0.0  # a low level is lifted by a high line


@pytest.mark.parametrize("name", FLOATING)
def test_an_open_word_overwrites(nominal: Callable[[str], Cell], name: str):
    """Half selected, a cell ends where its line rests, less the edge of the word."""
    cell = nominal(name)
    found = disturb(cell, tolerance=1e-3)
    line = cell.kind.hold[next(line for line, level in cell.kind.write.voltages.items() if level == "data")]
    after = cell.data + found.half_select - cell.voltages[line]
    assert float(after.abs().max()) < 0.2
    assert float((after[0] - after[-1]).abs()) < 0.02


def test_a_read_of_a_dram_cell_shares_its_charge(nominal: Callable[[str], Cell]):
    """To a tenth, which is what the edges of the word do."""
    cell = nominal("dram_1t1c")
    found = disturb(cell).read
    store, line = 5e-15, 10e-15
    shared = (store * cell.data + line * 0.5) / (store + line) - cell.data
    torch.testing.assert_close(found, shared, rtol=0.1, atol=0.0)


@pytest.mark.parametrize("name", ["sram_6t", "sram_6t_hybrid", "sram_6t_oxide", "sram_8t"])
def test_cells_with_feedback_are_lifted(nominal: Callable[[str], Cell], name: str):
    cell = nominal(name)
    found = feedback_disturb(cell)
    expected = n_curve(cell, "read").zeros[0] - n_curve(cell, "hold").zeros[0]
    torch.testing.assert_close(found.bump, expected.expand(2), rtol=0, atol=1e-9)
    assert bool((found.bump > 0.1).all()) == (name != "sram_8t")
    assert float(found.half_select) == float(snm(cell, "half_select").margin)


def test_the_two_kinds_are_told_apart(nominal: Callable[[str], Cell]):
    with pytest.raises(BeolithError, match="has feedback"):
        disturb(nominal("sram_6t"))
    with pytest.raises(BeolithError, match="has feedback"):
        coupling(nominal("sram_8t"))
    with pytest.raises(BeolithError, match="has no feedback"):
        feedback_disturb(nominal("gain_2t0c"))


def test_gradients(slope_by_differences: Callable[..., tuple[float, float]]):
    def change(x: Tensor) -> Tensor:
        return coupling(build(load("gain_2t0c"), shifts={"write": x}))["wwl"].change[1]

    gradient, difference = slope_by_differences(change, 0.1, 1e-3)
    assert gradient == pytest.approx(difference, rel=1e-4)
    kind = load("gain_2t0c").with_(voltages={"v_hold": 0.1})

    def leaky(x: Tensor) -> Tensor:
        return disturb(build(kind, shifts={"write": x}), pulse=1e-9, tolerance=ROUGH).line[0]

    gradient, difference = slope_by_differences(leaky, 0.1, 1e-4)
    assert gradient == pytest.approx(difference, rel=1e-3)
