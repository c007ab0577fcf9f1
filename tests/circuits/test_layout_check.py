"""The rule check finds what is wrong, every layout passes it, and published layouts under the same rules are met."""

from dataclasses import replace

import numpy as np
import pytest

from beolith import registry
from beolith.circuits.cell import load
from beolith.circuits.layout.candidates import Device, blocks
from beolith.circuits.layout.cell_layout import Layout, layout
from beolith.circuits.layout.check import faults
from beolith.circuits.layout.design_rules import load as rules
from beolith.circuits.layout.lines import lines_of
from beolith.circuits.layout.placement import Sized, columns, heights
from beolith.circuits.layout.shapes import ACTIVE, CAPACITOR, CONTACT, GATE, WELL

OTHER = [{"silicon": "scmos_subm", "oxide": "scmos_subm"}, {"silicon": "oxide_beol_45nm", "oxide": "freepdk45"}]
CASES = [(name, {}) for name in registry.names("bitcells")]
CASES += [(name, chosen) for name in ("gain_3t0c", "sram_6t", "sram_6t_hybrid", "cim_4t1c") for chosen in OTHER]


@pytest.mark.parametrize(("name", "chosen"), CASES)
def test_no_layout_breaks_its_rules(name, chosen):
    assert faults(layout(load(name), **chosen)) == []


@pytest.mark.parametrize("seed", range(12))
def test_nor_does_one_of_odd_sizes(seed):
    draw = np.random.default_rng(seed)
    cell = load(("gain_3t0c", "sram_6t", "sram_6t_hybrid", "cim_4t1c")[seed % 4])
    widths = {name: float(draw.uniform(30e-9, 400e-9)) for name in cell.transistors}
    lengths = {name: float(draw.uniform(10e-9, 150e-9)) for name in cell.transistors}
    storage = {name: float(10 ** draw.uniform(-16, -13)) for name in cell.capacitors}
    assert faults(layout(cell.with_(widths=widths, lengths=lengths, capacitances=storage))) == []


def changed(found: Layout, layer, change, nth=0) -> Layout:
    """A layout with one rectangle of a layer changed."""
    for n, tier in enumerate(found.tiers):
        places = [i for i, shape in enumerate(tier.shapes) if shape.layer == layer]
        if places:
            shapes = list(tier.shapes)
            shapes[places[nth]] = change(shapes[places[nth]])
            tiers = (*found.tiers[:n], replace(tier, shapes=tuple(shapes)), *found.tiers[n + 1 :])
            return replace(found, tiers=tiers)
    raise AssertionError(f"no {layer}")


def moved(x, y):
    return lambda s: replace(s, left=s.left + x, right=s.right + x, bottom=s.bottom + y, top=s.top + y)


@pytest.mark.parametrize("nth", range(3))
@pytest.mark.parametrize("layer", [ACTIVE, GATE, CONTACT])
@pytest.mark.parametrize("way", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_rectangle_out_of_place_is_found(layer, nth, way):
    """Nothing can move by 40 nm both ways of an axis; wherever it does, a rule speaks."""
    found = layout(load("sram_6t"))
    both = [faults(changed(found, layer, moved(sign * 40e-9 * way[0], sign * 40e-9 * way[1]), nth)) for sign in (1, -1)]
    assert both[0] or both[1]


def test_the_check_names_what_it_finds():
    found = layout(load("sram_6t"))
    gates = [shape for shape in found.tiers[0].shapes if shape.layer == GATE]
    longest = gates.index(max(gates, key=lambda s: s.width))
    shorter = changed(found, GATE, lambda s: replace(s, left=s.left + 50e-9, right=s.right - 50e-9), longest)
    assert any("beyond active area" in text for text in faults(shorter))
    assert any("well" in text for text in faults(changed(found, WELL, moved(30e-9, 0.0))))
    assert any("enclosed" in text for text in faults(changed(found, CONTACT, moved(70e-9, 0.0))))
    shorted = changed(found, GATE, lambda s: replace(s, bottom=s.bottom - 1e-6), longest)
    assert any("touch" in text for text in faults(shorted))
    kind = load("cim_4t1c")
    three = {name: replace(x, wiring=False) for name, x in kind.capacitors.items()}
    capacitors = layout(replace(kind, capacitors=three))
    assert any("capacitor" in text for text in faults(changed(capacitors, CAPACITOR, moved(10e-9, 0.0))))
    thinner = changed(capacitors, CAPACITOR, lambda s: replace(s, right=s.right - 10e-9))
    assert any("narrow" in text for text in faults(thinner))


def sram(pull_down, pull_up, pass_gate, length, pull_up_length=None):
    cell = load("sram_6t")
    sizes = {"down": (pull_down, length), "up": (pull_up, pull_up_length or length), "pass": (pass_gate, length)}
    kind = {name: next(key for key in sizes if key in name) for name in cell.transistors}
    return cell.with_(
        widths={name: sizes[key][0] for name, key in kind.items()},
        lengths={name: sizes[key][1] for name, key in kind.items()},
    )


OPENRAM = {
    "freepdk45": (sram(205e-9, 90e-9, 135e-9, 50e-9), 0.705e-6, 1.345e-6),
    "scmos_subm": (sram(1.6e-6, 0.6e-6, 0.8e-6, 0.4e-6, 0.8e-6), 6.8e-6, 10.4e-6),
}
"""Six-transistor cells of OpenRAM: sizes from the netlists, width and height from the boundary of the layouts."""


def test_the_arrangement_of_openram_has_the_width_it_has_there():
    """Three rows of two transistors, pass gates lowest; our height lacks well contacts and cross-coupled wires."""
    cell, width, height = OPENRAM["freepdk45"]
    values, lines = rules("freepdk45").values, lines_of(cell)
    rows = [["pass_left", "pass_right"], ["pull_down_left", "pull_down_right"], ["pull_up_left", "pull_up_right"]]
    places = cell.transistors
    sized = Sized(
        tuple(places),
        tuple(Device(x.gate, x.drain, x.source, x.card.endswith("_p")) for x in places.values()),
        tuple(x.width for x in places.values()),
        tuple(x.length for x in places.values()),
    )
    block = next(
        b for b in blocks(sized.devices, lines.words | lines.supplies, lines.bare) if b.device.shape[1:] == (3, 2)
    )
    wanted = np.array([[sized.names.index(name) for name in row] for row in rows])
    same = (wanted, wanted[::-1], wanted[:, ::-1], wanted[::-1, ::-1])
    chosen = np.flatnonzero(np.any([(block.device == order).all((1, 2)) for order in same], axis=0))
    ours = block.take(chosen)
    found = columns(ours, sized, values)[1].min()
    assert found == pytest.approx(width, rel=0.05)
    high = heights(ours, sized, values, lines.bits | lines.supplies).total.min()
    assert 0.75 * height < high < height


@pytest.mark.parametrize("name", OPENRAM)
def test_a_layout_without_wires_is_a_lower_bound_of_a_drawn_one(name):
    """OpenRAM's cells keep these rules, hold their well contacts and wires, and were not searched for."""
    cell, width, height = OPENRAM[name]
    ours = layout(cell, silicon=name).area
    assert 0.45 * width * height < ours < width * height


def test_the_transistor_of_a_trench_dram_cell_has_the_published_footprint():
    """33.19 F^2 at 45 nm (memsysexplorer, from Barth et al. 2011), a cell of one silicon transistor over its trench."""
    cell = load("dram_1t1c").with_(
        cards={"access": "silicon_45nm"}, widths={"access": 45e-9}, lengths={"access": 45e-9}
    )
    silicon = layout(cell).tiers[0]
    assert silicon.own_area / 45e-9**2 == pytest.approx(33.19, rel=0.15)


def test_production_cells_are_denser_than_logic_rules():
    """0.346 um2 (mistry2007_45nm): foundries break logic rules in memory cells, by a factor below two."""
    assert 0.346e-12 < layout(load("sram_6t")).area < 2 * 0.346e-12
