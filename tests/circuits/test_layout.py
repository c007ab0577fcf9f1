"""Layouts of bitcells: every transistor is where its nodes are, and areas grow with what is in the cell."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch

from beolith import registry
from beolith.circuits.bitcells.base import Between, Place
from beolith.circuits.cell import load
from beolith.circuits.layout.cell_layout import CAPACITORS, SILICON, layout
from beolith.circuits.layout.design_rules import load as rules
from beolith.circuits.layout.design_rules import load_capacitors
from beolith.circuits.layout.shapes import ACTIVE, CAPACITOR, CONTACT, GATE, WELL, Shape, box, covered
from beolith.errors import BeolithError

CELLS = pytest.mark.parametrize("name", registry.names("bitcells"))


@cache
def laid(name):
    return layout(load(name))


def overlap(a, b):
    left, right = max(a.left, b.left), min(a.right, b.right)
    bottom, top = max(a.bottom, b.bottom), min(a.top, b.top)
    return Shape("", "", left, bottom, right, top) if right - left > 1e-12 and top - bottom > 1e-12 else None


def channel(tier, name, gate):
    """Where a gate of some node crosses the active area of a transistor, and whether current flows along x."""
    areas = [s for s in tier.shapes if s.layer == ACTIVE and s.net == name]
    found = [(g, a, c) for g in tier.shapes if g.layer == GATE and g.net == gate for a in areas if (c := overlap(g, a))]
    assert len(found) == 1
    g, a, crossing = found[0]
    return crossing, g.bottom < a.bottom


def beside(tier, crossing, along_x):
    """Nodes of the nearest contacts before and behind a channel, None where another gate comes first."""
    turn = (lambda s: s) if along_x else (lambda s: s.transposed())
    here = turn(crossing)
    active = [turn(s) for s in tier.shapes if s.layer == ACTIVE]
    gates = [c for g in tier.shapes if g.layer == GATE for a in active if (c := overlap(turn(g), a))]
    contacts = [turn(s) for s in tier.shapes if s.layer == CONTACT and any(overlap(turn(s), a) for a in active)]
    level = [s for s in (*contacts, *gates) if s.bottom < here.top - 1e-12 and s.top > here.bottom + 1e-12]
    for side in (-1, 1):
        ahead = [s for s in level if side * (s.centre[0] - here.centre[0]) > here.width / 2]
        nearest = min(ahead, key=lambda s: abs(s.centre[0] - here.centre[0]), default=None)
        yield nearest.net if nearest is not None and nearest.layer == CONTACT else None


@CELLS
def test_every_transistor_has_its_gate_its_ends_and_its_size(name):
    cell, found = load(name), laid(name)
    drawn = 0
    for tier in found.tiers:
        for label in [s.net for s in tier.shapes if s.layer == ACTIVE and s.net in cell.transistors]:
            place = cell.transistors[label]
            crossing, along_x = channel(tier, label, place.gate)
            length, width = (crossing.width, crossing.height) if along_x else (crossing.height, crossing.width)
            least = rules(tier.rules).values
            assert length == pytest.approx(max(place.length, least.gate_length), abs=1e-13)
            assert width == pytest.approx(max(place.width, least.active_width), abs=1e-13)
            ends = list(beside(tier, crossing, along_x))
            inner = [node for node in (place.drain, place.source) if node in found.lines.bare]
            assert sorted(filter(None, ends)) == sorted({place.drain, place.source} - set(inner))
            drawn += 1
    assert drawn == len(cell.transistors)


@CELLS
def test_wells_hold_the_p_type_transistors_and_no_others(name):
    cell = load(name)
    for tier in (tier for tier in laid(name).tiers if tier.name == SILICON):
        wells = [s for s in tier.shapes if s.layer == WELL]
        for shape in (s for s in tier.shapes if s.layer == ACTIVE and s.net in cell.transistors):
            middle = box("", "", shape.centre, 1e-9, 1e-9)
            assert covered(middle, wells) == pytest.approx(float(str(cell.transistors[shape.net].card).endswith("_p")))


@CELLS
def test_every_gate_line_has_a_contact(name):
    from beolith.circuits.layout.check import pieces, tiled

    found = laid(name)
    for tier in found.tiers:
        shapes = tiled(tier, found)
        contacts = [s for s in shapes if s.layer == CONTACT]
        for piece in pieces([s for s in shapes if s.layer == GATE]):
            if any(s in tier.shapes for s in piece):
                assert any(overlap(c, g) for c in contacts for g in piece)


@CELLS
def test_a_cell_holds_each_of_its_tiers(name):
    found = laid(name)
    assert found.width >= max(tier.own_width for tier in found.tiers) * (1 - 1e-12)
    assert found.height >= max(tier.own_height for tier in found.tiers) * (1 - 1e-12)
    assert found.area >= max(tier.own_area for tier in found.tiers) * (1 - 1e-12)
    assert all(0 < tier.utilisation < 1 for tier in found.tiers)
    assert found.area_in_f2 == pytest.approx(found.area / 45e-9**2)


def rising(areas):
    return all(b >= a * (1 - 1e-12) for a, b in pairwise(areas)) and areas[-1] > areas[0]


@pytest.mark.parametrize(
    "name", ["gain_2t0c", "gain_2t0c_hybrid", "gain_3t0c", "sram_6t", "sram_6t_hybrid", "cim_4t1c"]
)
@pytest.mark.parametrize("what", ["widths", "lengths"])
def test_area_grows_with_every_transistor(name, what):
    cell = load(name)
    sizes = (40e-9, 90e-9, 130e-9, 400e-9, 2e-6)
    for label in cell.transistors:
        assert rising([layout(cell.with_(**{what: {label: size}})).area for size in sizes]), label


@pytest.mark.parametrize(
    ("name", "which"), [("dram_1t1c", "storage"), ("gain_2t1c", "storage"), ("cim_4t1c", "product")]
)
def test_area_grows_with_capacitance_once_capacitors_do_not_fit(name, which):
    cell = load(name)
    areas = [layout(cell.with_(capacitances={which: c})).area for c in (1e-15, 2e-15, 2e-14, 3e-14, 1e-13, 3e-13)]
    assert areas[0] == areas[1]
    assert rising(areas[1:])


def test_a_large_capacitor_sets_the_area_of_its_cell():
    cell = load("dram_1t1c").with_(capacitances={"storage": 100e-15})
    density = load_capacitors("trench_45nm").values.areal_capacitance
    assert layout(cell).area == pytest.approx(100e-15 / density)


def test_wiring_is_no_capacitor():
    found = {name: layout(load(name)) for name in ("gain_2t0c", "gain_2t1c")}
    plates = {
        name: [s.net for tier in x.tiers if tier.name == CAPACITORS for s in tier.shapes if s.layer == CAPACITOR]
        for name, x in found.items()
    }
    assert plates == {"gain_2t0c": [], "gain_2t1c": ["storage"]}


def test_sharing_a_node_saves_a_contact():
    """Two transistors in series take less room than two that do not meet."""
    cell = load("gain_3t0c")
    apart = dict(cell.transistors)
    apart["read"] = Place("sn", "y", "0", apart["read"].card, apart["read"].width, apart["read"].length)
    assert layout(cell).area < layout(replace(cell, transistors=apart)).area


def test_a_node_with_a_capacitor_has_a_contact():
    shapes = laid("cim_4t1c").tiers[0].shapes
    assert sum(s.layer == CONTACT and s.net == "x" for s in shapes) >= 1
    assert not any(s.layer == CONTACT and s.net == "x" for s in laid("gain_3t0c").tiers[0].shapes)


def test_oxide_over_silicon_is_smaller_than_either_beside_it():
    hybrid = laid("gain_2t0c_hybrid")
    assert [tier.name for tier in hybrid.tiers] == ["silicon", "oxide"]
    flat = layout(load("gain_2t0c_hybrid").with_(cards={"write": "silicon_45nm"}))
    assert hybrid.area < flat.area


def test_a_batch_is_laid_out_at_its_largest_size():
    cell = load("gain_2t0c")
    widths = torch.tensor([80e-9, 300e-9, 120e-9], dtype=torch.float64)
    assert layout(cell.with_(widths={"read": widths})) == layout(cell.with_(widths={"read": 300e-9}))


def test_lines_take_their_pitch():
    """A cell of smallest transistors with a third bit line is as wide as three lines."""
    found = laid("gain_2t0c")
    pitch = rules("oxide_beol_45nm").values.line_pitch
    assert found.width >= 2 * pitch
    assert found.height >= 2 * pitch


def test_the_same_cell_gives_the_same_layout():
    first = layout(load("sram_8t"))
    assert layout(load("sram_8t")) == first


def test_more_transistors_than_are_arranged_are_refused():
    cell = load("gain_2t0c")
    place = cell.transistors["read"]
    many = {**cell.transistors, **{f"extra{n}": place for n in range(7)}}
    with pytest.raises(BeolithError, match="9 transistors of oxide; allowed: up to 8"):
        layout(replace(cell, transistors=many))


def test_unknown_rules_name_the_nearest():
    with pytest.raises(BeolithError, match="did you mean 'freepdk45'"):
        layout(load("sram_6t"), silicon="freepdk54")


def test_a_capacitor_that_is_no_capacitor_is_not_drawn():
    cell = load("dram_1t1c")
    more = {**cell.capacitors, "stray": Between("bl", "0", 50e-18)}
    assert layout(replace(cell, capacitors=more)).area == layout(cell).area
