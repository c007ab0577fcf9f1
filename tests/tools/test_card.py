import contextlib
import math
import pickle
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beolith import card as cards
from beolith.card import parameter
from beolith.errors import CardError
from beolith.sources import Sources


@dataclass(frozen=True)
class Body:
    mass: Any = parameter("kg", "how much there is of it", low=1e-3, high=1)
    temperature: Any = parameter("K", "how warm it is", low=200, high=400)
    drag: Any = parameter("", "how the air slows it", low=0, default=0.47, source="galilei1638", how="measured")
    speed: Any = parameter("m/s", "limit", default=math.inf, source="own", how="assumed", note="There is no limit.")


@dataclass(frozen=True)
class Air:
    density: Any = parameter("kg/m**3", "of air", default=1.2, source="own", how="assumed", note="At sea level.")


SECTIONS = {"body": Body, "air": Air}


def works(path):
    return Sources.load([path.parent / "references.bib"])


def faults(path, **kwargs):
    with pytest.raises(CardError) as caught:
        cards.load(path, SECTIONS, works(path), **kwargs)
    return str(caught.value).splitlines()


def test_values_are_si_and_sections_complete(write_card):
    card = cards.load(write_card(), SECTIONS, kind="ball")
    assert card.values("body") == pytest.approx({"mass": 0.012, "temperature": 358.15, "drag": 0.47, "speed": math.inf})
    assert card.values("air") == {"density": 1.2}
    assert (card.key, card.title, card.model) == ("ball", "A ball", "sphere")


def test_an_entry_remembers_what_was_published(write_card):
    mass = cards.load(write_card(), SECTIONS).sections["body"]["mass"]
    assert (mass.given_value, mass.given_unit, mass.unit, mass.where, mass.how) == (12, "g", "kg", "Fig. 1", "measured")
    assert mass.sigma == pytest.approx(5e-4)
    assert not mass.default


def test_the_sigma_of_a_celsius_temperature_is_a_difference(write_card):
    assert cards.load(write_card(), SECTIONS).sections["body"]["temperature"].sigma == pytest.approx(1)


def test_a_default_says_that_it_is_one(write_card):
    drag = cards.load(write_card(), SECTIONS).sections["body"]["drag"]
    assert drag.default
    assert drag.source == "galilei1638"


def test_sources_are_those_of_all_numbers(write_card):
    assert cards.load(write_card(), SECTIONS).sources == ("galilei1638",)


def test_a_card_travels_between_processes(write_card):
    card = cards.load(write_card(), SECTIONS)
    assert pickle.loads(pickle.dumps(card)) == card


def test_the_digest_follows_the_numbers_not_the_words(write_card):
    card = cards.load(write_card(), SECTIONS)
    text = card.path.read_text()
    assert cards.load(write_card(text.replace("A ball", "A sphere")), SECTIONS).digest == card.digest
    assert cards.load(write_card(text.replace("Fig. 1", "Fig. 2")), SECTIONS).digest == card.digest
    assert cards.load(write_card(text.replace("value: 12", "value: 13")), SECTIONS).digest != card.digest
    assert cards.load(write_card(f"polarity: n\n{text}"), SECTIONS).digest == card.digest
    assert cards.load(write_card(f"polarity: p\n{text}"), SECTIONS).digest != card.digest


def test_all_faults_are_reported_together(write_card):
    path = write_card(
        """
kind: cube
colour: red
body:
  mass: {value: 5, unit: V, source: galilei1638, where: Fig. 1, how: measured}
  mass: {value: 5000, unit: g, source: galileo1638, where: Fig. 1, how: measured}
  temperature: {value: -100, unit: degC, source: galilei1638, how: guessed, colour: red}
  dragg: {value: 1, unit: 1, source: own, how: derived}
air:
  density: {value: 1, unit: nmm, source: galileo1638, how: assumed, note: why}
"""
    )
    found = faults(path, kind="ball")
    assert all(line.startswith("ball.yaml: ") for line in found)
    text = "\n".join(found)
    for said in [
        "line 6: key 'mass' is set twice",
        "kind: this is 'cube', but 'ball' is wanted here",
        "colour: unknown section or key",
        "body.mass: 5000 g is out of range; allowed: 1 g to 1000 g",
        "body.temperature: how: input should be 'measured', 'fitted', 'derived' or 'assumed', not 'guessed'",
        "body.temperature: unknown key 'colour'",
        "body.dragg: unknown parameter; did you mean 'drag'?",
        "air.density: how is 'assumed', which needs a sentence in note",
        "air.density: where is missing; name the figure, table or sentence of galileo1638",
        "air.density: unknown unit 'nmm' in 'nmm'; did you mean 'nm'?",
    ]:
        assert said in text, text


def test_an_unknown_source_names_the_nearest(write_card):
    text = write_card().read_text().replace("galilei1638", "galileo1638")
    assert faults(write_card(text)) == [
        "ball.yaml: body.mass: unknown source 'galileo1638'; did you mean 'galilei1638'?"
    ]


def test_the_range_is_shown_in_the_unit_that_was_used(write_card):
    text = write_card().read_text().replace("value: 85", "value: 850")
    assert "850 degC is out of range; allowed: -73.15 degC to 126.85 degC" in faults(write_card(text))[0]


@pytest.mark.parametrize(
    ("value", "says"),
    [(".nan", "finite"), (".inf", "finite"), *((text, "valid number") for text in ("yes", "twelve", "[1]", "'12'"))],
)
def test_a_value_is_a_finite_number(write_card, value, says):
    text = write_card().read_text().replace("value: 12", f"value: {value}")
    assert says in faults(write_card(text))[0]


def test_numbers_without_a_dot_are_numbers(write_card):
    text = write_card().read_text().replace("value: 12", "value: 12e0")
    assert cards.load(write_card(text), SECTIONS).values("body")["mass"] == pytest.approx(0.012)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "line 1: not YAML"),
        ("when: 2024-13-45", "not YAML: month must be in 1..12"),
        ("- 1", "a card is a mapping"),
        ("", "a card is a mapping"),
        ("body: 3", "body: a section is a mapping"),
        ("title: T", "body: section missing; it needs mass, temperature"),
        (
            "body: {mass: {value: 1, unit: kg, source: own, how: derived}}",
            "body.temperature: missing; how warm it is [K]",
        ),
        ("body: {mass: 12}", "body.mass: not an entry"),
        ("body: {mass: {value: 1}}", "body.mass: unit is missing"),
        ("title: 3", "title: 3 is not text"),
    ],
)
def test_a_malformed_card_is_one_message(write_card, text, says):
    assert says in "\n".join(faults(write_card(text)))


def test_a_card_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(CardError, match=r"none\.yaml: .*No such file"):
        cards.load(tmp_path / "none.yaml", SECTIONS)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardError, match=r"binary\.yaml: "):
        cards.load(tmp_path / "binary.yaml", SECTIONS)


def test_override_replaces_values_under_the_same_rules(write_card):
    card = cards.load(write_card(), SECTIONS)
    changed = cards.override(card, {"body.mass": "15 g", "body.temperature": 300}, SECTIONS)
    assert changed.values("body")["mass"] == pytest.approx(0.015)
    assert changed.values("body")["temperature"] == 300
    assert changed.sections["body"]["mass"].source == "user"
    assert changed.digest != card.digest
    assert card.values("body")["mass"] == pytest.approx(0.012)


def test_override_reports_all_faults(write_card):
    card = cards.load(write_card(), SECTIONS)
    with pytest.raises(CardError) as caught:
        cards.override(card, {"body.masss": 1, "body.mass": "15 kg", "body.drag": "3 V"}, SECTIONS)
    text = str(caught.value)
    assert "did you mean 'body.mass'?" in text
    assert "15 kg is out of range" in text
    assert "a plain number is wanted" in text


def test_read_needs_no_model(write_card):
    card = cards.read(write_card())
    assert card.values("body") == {"mass": 12, "temperature": 85}
    assert card.sources == ("galilei1638",)


def test_an_unknown_section_is_refused(write_card):
    with pytest.raises(CardError, match="did you mean 'body'"):
        cards.read(write_card()).values("bodi")


@pytest.mark.parametrize(
    "wrong", [{"default": 2.0}, {"default": 0.5}, {"default": 0.5, "source": "own", "how": "assumed"}]
)
def test_a_default_must_be_allowed_and_explained(wrong):
    with pytest.raises(ValueError, match="default"):
        parameter("", "thing", low=0, high=1, **wrong)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["body", "mass", "value", "unit", "source", "how"]) | st.text(max_size=4), inner
        )
    ),
    max_leaves=12,
)
tame = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@tame
@given(document=anything)
def test_any_document_is_a_card_or_a_card_error(write_card, document):
    path = write_card(yaml.safe_dump(document))
    for load in (lambda: cards.load(path, SECTIONS, works(path)), lambda: cards.read(path)):
        with contextlib.suppress(CardError):
            assert isinstance(load(), cards.Card)


@tame
@given(text=st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
       | st.text(alphabet="{}[]:,&*!|>-?'\" \n%@ab01", max_size=30))  # fmt: skip
def test_any_text_is_a_card_or_a_card_error(write_card, text):
    path = write_card(text)
    with pytest.raises(CardError):
        cards.load(path, SECTIONS)


numbers = {"value": st.floats() | st.integers(), "unit": st.sampled_from(["g", "degC", "1", ""])}


@tame
@given(entry=st.fixed_dictionaries({**numbers, "source": st.just("own"), "how": st.just("derived")}))
def test_a_mass_that_is_accepted_is_in_range(write_card, entry):
    body = {"body": {"mass": entry, "temperature": {**entry, "value": 300, "unit": "K"}}}
    try:
        card = cards.load(write_card(yaml.safe_dump(body)), SECTIONS)
    except CardError:
        return
    assert entry["unit"] == "g"
    assert 1e-3 <= card.values("body")["mass"] <= 1
