"""Decks that are read: each kind of line, all faults together, no text that does harm, and the round to ngspice."""

from __future__ import annotations

import contextlib
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.deck_import import IGNORED, number, read
from beolith.circuits.mna.operating_point import operating_point
from beolith.circuits.mna.system import system
from beolith.circuits.netlist import Capacitor, Circuit, CurrentSource, Fet, Pwl, Resistor, VoltageSource
from beolith.devices import library
from beolith.devices.base import Transistor
from beolith.errors import BeolithError


def f64(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def silicon(card: str) -> Transistor:
    return library.load(card).transistor(f64(2e-7), f64(17.5e-9), f64(300.0))


MODELS = {"NMOS": silicon("silicon_45nm"), "pmos": silicon("silicon_45nm_p")}

INVERTER = """an inverter, written by hand
* comment
Vdd VDD 0 1V
vin in GND dc 0 pulse( 0 1, 10p 5p 5p 100p
* a comment between
+ 200p ) ; a comment behind
xp out in vdd PMOS w=200n l=17.5n
mn out in 0 0 nmos W = 0.2u L=17.5n $ another
cl out 0 1f
.ic V(out) = 1 v(in)=0
.options reltol=1e-5
.control
tran 1p 1n
.endc
.end
this is not read
"""


def test_every_kind_of_line():
    found = read(INVERTER, MODELS, stop=350e-12)
    assert found.title == "an inverter, written by hand"
    supply, source, up, down, load = found.elements
    assert supply == VoltageSource("vdd", "vdd", "0", supply.value)  # type: ignore[union-attr]
    assert isinstance(source, VoltageSource)
    assert isinstance(source.value, Pwl)
    assert (source.plus, source.minus) == ("in", "0")
    torch.testing.assert_close(source.value.times, torch.tensor([10, 15, 115, 120, 210, 215, 315, 320]) * f64(1e-12))
    assert source.value.values.tolist() == [0, 1, 1, 0] * 2
    assert up == Fet("xp", "in", "out", "vdd", MODELS["pmos"])
    assert down == Fet("mn", "in", "out", "0", MODELS["NMOS"])
    assert isinstance(load, Capacitor)
    assert {node: float(x) for node, x in found.initial.items()} == {"out": 1.0, "in": 0.0}


def test_currents_flow_from_plus_to_minus_inside_as_in_spice():
    found = read("title\ni1 0 a 1m\nr1 a 0 1k", {})
    assert isinstance(found.elements[0], CurrentSource)
    assert isinstance(found.elements[1], Resistor)
    assert float(operating_point(system(found)).x[0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1.5f", 1.5e-15), ("10p", 1e-11), ("3n", 3e-9), ("2u", 2e-6), ("4m", 4e-3), ("5K", 5e3), ("6MEG", 6e6)),
        *(("7g", 7e9), ("8t", 8e12), ("-.5", -0.5), ("+2.", 2.0), ("1e-3", 1e-3), ("1E3k", 1e6), ("1F", 1e-15)),
        *(("10pF", 1e-11), ("5V", 5.0), ("2kohm", 2e3), ("3uA", 3e-6), ("1Mohm", 1e-3), ("1ns", 1e-9), ("3s", 3.0)),
    ],
)
def test_numbers(text: str, value: float):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["", "k", "1mil", "1A", "1a", "1x", "1e", "--1", "1e999", "nan", "inf", "0x10", "1 2", "١"]
)
def test_no_numbers(text: str):
    with pytest.raises(ValueError, match="is no number"):
        number(text)


WAVES = {
    "pwl(0 0 1n 1)": ([0, 1], [0, 1]),
    "PWL (1n 0.5, 2n 1, 4n 0)": ([1, 2, 4], [0.5, 1, 0]),
    "pulse(0 1 1n 1n 1n 2n)": ([1, 2, 4, 5], [0, 1, 1, 0]),
    "pulse(1 0 0 1n 1n 2n 5n)": ([0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14], [1, 0, 0, 1] * 3),
    "dc 2 pulse(0 1 0 1n 1n 2n 4n)": ([0, 1, 3, 4, 5, 7, 8, 9, 11, 12], [0, 1, 1, 0, 1, 1, 0, 1, 1, 0]),
}


@pytest.mark.parametrize("text", WAVES)
def test_waves(text: str):
    source = read(f"t\nv1 a 0 {text}\nr1 a 0 1", {}, stop=12e-9).elements[0]
    times, values = WAVES[text]
    assert isinstance(source, VoltageSource)
    assert isinstance(source.value, Pwl)
    torch.testing.assert_close(source.value.times, torch.tensor(times) * f64(1e-9))
    assert source.value.values.tolist() == values


def test_one_period_without_a_stop_and_a_constant_of_one_point():
    pulse, constant = read("t\nv1 a 0 pulse(0 1 0 1n 1n 2n 5n)\nv2 b 0 pwl(1n 3)\nr a b 1", {}).elements[:2]
    assert len(pulse.value.times) == 4  # type: ignore[union-attr]
    assert float(constant.value) == 3.0  # type: ignore[union-attr, arg-type]


BAD = {
    "q1 a b c": "elements begin with one of r, c, v, i, x, m",
    "r1 a b": r"allowed: r<name> a b <ohm>",
    "r1 a b {x}": r"allowed: r<name>",
    "r1 a b 1x": "'1x' is no number",
    "c1 a b 1p ic=1": "allowed: c<name>",
    "v1 a 0 sin(0 1 1k)": r"allowed: v<name> plus minus and",
    "v1 a 0 pwl(0 0 1)": "a value for every time",
    "v1 a 0 pwl(0 0 0 1)": "longer than 0 s",
    "v1 a 0 pwl(-1 0 0 1)": "from 0 s",
    "v1 a 0 pulse(0 1 0 0 1n 1n)": "longer than 0 s",
    "v1 a 0 pulse(0 1)": r"allowed: pulse\(low high delay",
    "v1 a 0 pulse(0 1 0 1n 1n 1n 2n)": "period of 2e-09 s is shorter than the pulse, 3e-09 s",
    "v1 a 0 pulse(0 1 0 1f 1f 1f 4f)": r"periods until 1e-06 s; allowed: up to 10000",
    "x1 a b c nmoss": "no transistor was given for the model 'nmoss'; did you mean 'nmos'",
    "x1 a b c nmos dvt=1": "allowed: x<name>",
    "x1 a b c nmos w=1u": "width 1e-06, but that of the transistor given for 'nmos' is 2e-07",
    "m1 a b 0 a nmos": "the bulk 'a' is not the source",
    "m1 a b 0 nmos": "allowed: m<name>",
    ".ic out=1": r"allowed: .ic v\(<node>\)=<volt>",
    ".ic v(nowhere)=1": "nothing touches node 'nowhere'",
    ".include models.sp": "allowed: .ic, .end and, passed over, .options",
    ".param r=1": "allowed: .ic",
    ".model d1 d": "no transistor was given for the model 'd1'",
    ".subckt cell a b\nr9 a b 1\n.ends": "no transistor was given for the model 'cell'",
    ".control\nrun": "the block has no .endc",
    "r0 b 0 1": "line 2 has an element 'r0' already",
    "r(1 a b 1": "allowed: r<name>",
}


@pytest.mark.parametrize("line", BAD)
def test_everything_else_is_refused(line: str):
    with pytest.raises(BeolithError, match=f"deck 't': line 3 .*{BAD[line]}"):
        read(f"t\nr0 a 0 1\n{line}\n", MODELS, stop=1e-6)


def test_all_faults_come_together_in_order():
    with pytest.raises(BeolithError) as caught:
        read("t\n+ more\nr1 a 0 1\n.ic v(q)=1\nr2 a 0\nq1 a b\n", {})
    said = str(caught.value).splitlines()
    assert [x.split(":")[1].split("'")[0].strip() for x in said] == [f"line {i}" for i in (2, 4, 5, 6)]


def test_an_empty_deck_is_refused_and_what_is_passed_over_has_a_reason():
    for text in ("", "\n\n", "r1 a 0 1k", "t\n.end\nr1 a 0 1k"):
        with pytest.raises(BeolithError, match="no elements"):
            read(text, {})
    blocks = {".control": ".control\nq\n.endc", ".subckt": ".subckt nmos d g s\nq\n.ends", ".model": ".model nmos nmos"}
    lines = "\n".join(blocks.get(card, card) for card in IGNORED)
    assert len(read(f"t\nr1 a 0 1k\n{lines}\n", MODELS).elements) == 1


def test_a_bulk_may_be_held_by_a_constant_source():
    for source, fine in (("vb b 0 1", True), ("vb 0 b 1", True), ("vb b 0 pwl(0 0 1n 1)", False), ("ib b 0 1", False)):
        text = f"t\n{source}\nm1 out in s b nmos\n"
        if fine:
            assert read(text, MODELS).nodes == ("b", "in", "out", "s")
        else:
            with pytest.raises(BeolithError, match="bulk 'b'"):
                read(text, MODELS)


WORDS = ["r1", "c2", "v3", "i4", "x5", "m6", "a", "b", "0", "gnd", "1k", "-2.5u", "1e9", "1e999", "dc", "nmos", "pmos"]
WORDS += ["pulse(", "pwl(", ")", "(", "=", ".ic", "v(a)=1", "w=200n", "+", "*", ";", "$", "\n", "\n+", ".end", ".ends"]
WORDS += [".subckt", ".control", ".endc", ".model", ".tran", "1n", "1f 1f 1f", "\r\n", "\t", "é", "\x00", "{", ","]
PIECES = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
PLACES = st.integers(0, len(INVERTER))


def spoiled(start: int, end: int, by: str) -> str:
    """The inverter with a piece of its text exchanged."""
    return INVERTER[: min(start, end)] + by + INVERTER[max(start, end) :]


TEXTS = st.one_of(
    st.text(),
    PIECES.map("title\n{}".format),
    st.builds(spoiled, PLACES, PLACES, PIECES | st.text()),
    st.builds(lambda at, word: spoiled(at, at + 1, word), PLACES, st.sampled_from(WORDS) | st.characters()),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_no_text_makes_anything_but_a_circuit_or_an_error(text: str):
    with contextlib.suppress(BeolithError):
        found = read(text, MODELS, stop=1e-6)
        assert isinstance(found, Circuit)
        assert found.elements


NODES = st.sampled_from(["a", "b", "0"])
VALUES = st.floats(1e-15, 1e12)
CARDS = st.tuples(st.sampled_from("RCVI"), NODES, NODES, VALUES)


@settings(max_examples=50, deadline=None)
@given(st.lists(CARDS, min_size=1, max_size=8))
def test_plain_elements_come_back_as_they_were_written(cards: list[tuple[str, str, str, float]]):
    lines = [f"{kind}{i} {a} {b} {value!r}" for i, (kind, a, b, value) in enumerate(cards)]
    kinds = {"R": Resistor, "C": Capacitor, "V": VoltageSource, "I": CurrentSource}
    for element, (kind, a, b, value) in zip(read("\n".join(["t", *lines]), {}).elements, cards, strict=True):
        assert type(element) is kinds[kind]
        _, *ends, held = vars(element).values()
        assert ends == ([b, a] if kind == "I" else [a, b])
        assert float(held) == value


RC = """an RC under a train of pulses
V1 in 0 PULSE(0 1 0.1us 20n 20n 300ns 0.7us)
R1 in out 1k
C1 out gnd
+ 100p
.ic v(out)=0.25
.tran 1n 3u
.control
set wr_singlescale
set numdgt=12
tran 1n 3u 0 1n
wrdata out.txt v(in) v(out)
quit
.endc
.end
"""


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
def test_the_circuit_of_a_deck_does_in_ngspice_what_the_deck_does():
    circuit = read(RC, {}, stop=3e-6)
    ours = deck.simulate(circuit, 3e-6, 1e-9, ["in", "out"])
    theirs = deck.run(RC)
    times = torch.linspace(0.0, 3e-6, 301, dtype=torch.float64)
    for column, node in ((1, "in"), (2, "out")):
        there = torch.as_tensor(np.interp(times.numpy(), theirs[:, 0], theirs[:, column]))
        assert float(there.max() - there.min()) > 0.5
        assert float((ours.at(node, times) - there).abs().max()) < 1e-3, node
