"""Every registered bitcell keeps the contract: it is written, holds, is read, and costs energy."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from shutil import which

import pytest
import torch
from torch import Tensor

from beolith import registry
from beolith.circuits import deck
from beolith.circuits.bitcells.base import Between, Bitcell, Operation, Place
from beolith.circuits.cell import build, load
from beolith.circuits.cell_settings import configured
from beolith.circuits.crossing import crossing
from beolith.circuits.mna.transient import Trajectory
from beolith.circuits.performance import COVERED, Performance, performance
from beolith.circuits.stimuli import Stimulus, stimulus
from beolith.circuits.topology import check
from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.errors import BeolithError

from .conftest import f64

NAMES = registry.names("bitcells")
PROMISED = {
    "sram_6t",
    "sram_6t_hybrid",
    "sram_8t",
    "sram_6t_oxide",
    "dram_1t1c",
    "gain_2t0c",
    "gain_2t0c_hybrid",
    "gain_2t1c",
    "gain_3t0c",
    "cim_4t1c",
}


@cache
def run(name: str) -> tuple[Performance, Stimulus, Trajectory]:
    return performance(build(load(name)))


def measured(name: str) -> Performance:
    return run(name)[0]


def test_the_folder_has_the_promised_cells():
    assert set(NAMES) >= PROMISED


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_is_a_sound_circuit(name: str):
    """Driven at all its terminals, nothing floats, loops or is shorted."""
    kind = load(name)
    cell = build(kind)
    assert {fet.name for fet in cell.fets} == set(kind.transistors)
    assert cell.data.shape == (kind.levels,)
    assert float(cell.data[0]) == pytest.approx(float(cell.voltages["v_low"]))
    assert set(kind.storage) < set(kind.nodes)
    s = stimulus(cell, [kind.write, kind.read], cell.data)
    check(s.circuit(**cell.stored(cell.data)))
    window = s.window(1)
    assert 0.0 < window.begin < window.opened < window.closing < window.closed < s.end


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_is_written_held_and_read(name: str):
    """Levels keep their order and their distance, the sense amplifier sees them, and nothing comes for free."""
    kind, p = load(name), measured(name)
    swing = float(build(kind).data[-1] - build(kind).data[0])
    assert bool((p.written.diff(dim=0) > 0.9 * swing / (kind.levels - 1)).all())
    assert bool((p.held.diff(dim=0) > 0.75 * swing / (kind.levels - 1)).all())
    assert float(p.signal) >= float(torch.as_tensor(kind.sense_signal))
    assert 0.0 < float(p.write_time) < kind.pulse
    assert 0.0 < float(p.read_time) < kind.pulse
    assert float(p.write_energy) > 0.0
    assert float(p.read_energy) > 0.0
    if kind.static:
        assert float(p.disturbed.abs().max()) < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_every_transistor_has_its_own_size_card_threshold_and_state(name: str):
    """A change of one transistor is a change of that one."""
    kind = load(name)
    for chosen, place in kind.transistors.items():
        other = kind.with_(widths={chosen: 2.0 * place.width}, lengths={chosen: place.length})
        assert {n for n in kind.transistors if kind.transistors[n] != other.transistors[n]} == {chosen}
        zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
        plain, wide = build(kind), build(other)
        moved = build(kind, shifts={chosen: f64(0.1)}, states={chosen: DeviceState(threshold_shift=f64(0.05))})
        for fets in zip(plain.fets, wide.fets, moved.fets, strict=True):
            currents = [fet.model.current(one, one, zero) for fet in fets]
            if fets[0].name == chosen:
                assert float(currents[1]) == pytest.approx(2.0 * float(currents[0]), rel=1e-6)
                assert float(currents[2]) < float(currents[0])
            else:
                assert currents[0] == currents[1] == currents[2]


def test_a_card_may_be_replaced_by_a_device():
    kind = load("gain_2t0c")
    device = library.load("liu2023_ito")
    by_name = build(kind.with_(cards={"write": "liu2023_ito"}, lengths={"write": 50e-9}))
    by_object = build(kind.with_(cards={"write": device}, lengths={"write": 50e-9}))
    one, zero = f64(1.0), f64(0.0)
    assert by_name.fets[0].model.current(one, one, zero) == by_object.fets[0].model.current(one, one, zero)


@pytest.mark.parametrize("levels", [2, 3, 8, 32])
def test_levels_divide_the_swing(levels: int):
    cell = build(load("gain_2t0c").with_(levels=levels), temperature=torch.tensor([300.0, 358.0], dtype=torch.float64))
    assert cell.data.shape == (levels, 1)
    assert cell.shape == (2,)
    torch.testing.assert_close(cell.data.diff(dim=0), torch.full((levels - 1, 1), 1.2 / (levels - 1)).double())


# ----------------------------------------------------------------------------------------------------- ngspice


@pytest.mark.skipif(which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
@pytest.mark.parametrize("name", NAMES)
def test_waveforms_delays_and_energies_are_those_of_ngspice(name: str):
    """A write and a read of the lowest and the highest level: every node within 1 mV a volt, delays and energies 2 %.

    A cell with two sensed lines is its own mirror image, so that one level is enough.
    """
    p, s, ours = run(name)
    kind, circuit = s.cell.kind, ours.system.circuit
    nodes = [node for node in kind.nodes if node in ours.system.free]
    mirrored = len(kind.sense) == 2
    levels = [kind.levels - 1] if mirrored else [0, kind.levels - 1]
    samples, swing = ours.times, float(max(1.0, *map(float, kind.voltages.values())))
    waves: dict[str, list[Tensor]] = {node: [] for node in nodes}
    for level in levels:
        theirs = deck.simulate(circuit, s.end, s.edge / 4.0, nodes, sources=list(s.rails), index=level)
        spent = [float(sum(theirs.energies.values())[-1]), float(sum(ours.energy(x)[-1, level] for x in s.rails))]
        moved = sum(float(x.abs().max()) for x in theirs.energies.values())
        assert abs(spent[1] - spent[0]) < 0.02 * max(abs(spent[0]), 0.1 * moved)
        for node in nodes:
            waves[node].append(theirs.at(node, samples))
            worst = float((waves[node][-1] - ours[node][:, level]).abs().max())
            assert worst < 1e-3 * swing, f"{node} of level {level}: {1e3 * worst:.2f} mV"
    both = {node: torch.stack(wave, 1) for node, wave in waves.items()}
    write, read = s.window(0), s.window(1)
    inside = (samples >= write.begin) & (samples <= write.closing)
    node, data = both[kind.storage[0]][inside], s.cell.data[levels]
    time = crossing(samples[inside], (node - node[0]) / (data - node[0]), COVERED)
    assert float(time.amax()) - 0.5 * (write.begin + write.opened) == pytest.approx(float(p.write_time), rel=0.02)
    if kind.levels == 2:
        inside = (samples >= read.begin) & (samples <= read.closing)
        lines = [both[line][inside] for line in kind.sense]
        signal = lines[0] - lines[1] if mirrored else 0.5 * lines[0].diff(dim=1)
        time = crossing(samples[inside], signal.abs()[:, 0], float(kind.sense_signal))
        assert float(time) - 0.5 * (read.begin + read.opened) == pytest.approx(float(p.read_time), rel=0.02)


# --------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"levels": 64}, "64 levels; allowed: 2 .. 32"),
        ({"levels": 1}, "1 levels; allowed: 2 .. 32"),
        ({"widths": {"wright": 1e-7}}, "no transistor 'wright'.*'write'"),
        ({"cards": {"write": "belmont2023_igzo"}}, None),
        ({"voltages": {"v_holt": 0.0}}, "no voltage 'v_holt'.*'v_hold'"),
        ({"capacitances": {"stored": 0.0}}, "no capacitor 'stored'.*'storage'"),
        ({"widths": {"write": 0.0}}, "'write': width must be above 0"),
        ({"voltages": {"v_high": -1.0}}, "v_high must lie above v_low"),
        ({"sense": ("rbll",)}, "no terminal 'rbll'.*'rbl'"),
        ({"lost_share": 1.5}, "lost_share"),
        ({"line_capacitance": 0.0}, "line_capacitance must be above 0"),
        ({"storage": ("snn",)}, "nothing touches the storage node 'snn'.*'sn'"),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, object], said: str | None):
    with pytest.raises(BeolithError, match=said):
        build(load("gain_2t0c").with_(**change))


def test_a_storage_node_must_store():
    with pytest.raises(BeolithError, match="nothing stores on 'sn'"):
        load("dram_1t1c").with_(capacitances={"storage": 0.0})


def test_a_shorted_cell_is_refused():
    kind = load("gain_2t0c")
    shorted = {**kind.transistors, "write": replace(kind.transistors["write"], source="wbl")}
    with pytest.raises(BeolithError, match="'write' is shorted"):
        replace(kind, transistors=shorted)


def test_every_fault_is_named_at_once():
    with pytest.raises(BeolithError) as caught:
        Bitcell(
            "wrong",
            {"a": Place("w", "b", "b", "liu2023_ito", 1e-7, -1.0)},
            ("s",),
            {"w": "v_low", "b": "v_missing"},
            Operation("w", {}),
            Operation("x", {"x": "v_low"}),
            (),
            {"v_low": 0.0, "v_high": 1.0},
            {"c": Between("s", "s", 1e-15)},
        )
    for fault in ("v_missing", "'x'", "length", "shorted", "no voltage", "has no voltage"):
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("levels=many", "whole number"),
        ("level=4", "nearest|levels"),
        ("voltages.v_hold", "key=value"),
        ("voltages.v_hold=3 m", "v_hold|dimension|m"),
    ],
)
def test_settings_are_checked(setting: str, said: str):
    with pytest.raises(BeolithError, match=said):
        configured(load("gain_2t0c"), [setting])


def test_settings_change_the_cell():
    kind = configured(load("gain_2t0c"), ["levels=4", "voltages.v_hold=-500 mV", "cards.write=liu2023_ito"])
    assert (kind.levels, kind.voltages["v_hold"], kind.transistors["write"].card) == (4, -0.5, "liu2023_ito")
