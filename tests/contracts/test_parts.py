"""Everything registered loads, says what it is, and cites works that exist; no work is listed that nobody cites."""

import re

import pytest

from beolith import card as cards
from beolith import registry, study
from beolith.sources import Sources, all_sources

KEY = re.compile(r"\b[a-z][a-z_]*(?:19|20)\d\d(?:_[a-z0-9]+)?\b")
REFERENCES = re.compile(r"References:\n((?:[ \t]*\S.*\n?)*)")


def parts(kind):
    return pytest.mark.parametrize("name", registry.names(kind))


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_has_parts_with_a_title(kind):
    assert registry.names(kind)
    for name in registry.names(kind):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert registry.title(kind, name)


@parts("cards")
def test_a_card_loads(name):
    from beolith.devices import library

    check(library.load(name).card)


@parts("media")
def test_a_medium_loads(name):
    from beolith.devices.hydrogen import hydrogen_media

    check(hydrogen_media.card(name))


@parts("nodes")
def test_a_node_loads(name):
    from beolith.circuits import node

    check(node.load(name).card)


@parts("rules")
def test_rules_load(name):
    from beolith.circuits.layout import design_rules

    kinds = {"layout rules": design_rules.load, "capacitor rules": design_rules.load_capacitors}
    check(kinds[cards.read(registry.path("rules", name)).kind](name).card)


def check(card):
    """Sources exist, and whatever is assumed says why; defaults of the model included."""
    bibliography = all_sources()
    assert card.title
    assert card.summary
    for section, entry in card.items():
        assert entry.source in bibliography, f"{section}.{entry.name}: {entry.source}"
        if entry.how == "assumed":
            assert len(entry.note.split()) >= 3, f"{section}.{entry.name}: assumed, but why?"


@parts("cards")
def test_a_card_is_named_after_a_source_or_a_node(name):
    assert KEY.match(name) or re.search(r"_\d+nm(_p)?$", name)


@parts("networks")
def test_a_network_can_be_built_and_run(name):
    import torch

    from beolith.workloads import networks

    assert networks.build(name, 1, 28, 10)(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@parts("studies")
def test_a_study_obeys_the_contract(name):
    chosen = study.get(name)
    config = study.configure(chosen, {})
    assert chosen.points(config)
    assert set(chosen.sources(config)) <= set(all_sources().keys)
    for option in study.options(chosen):
        assert option["doc"], option["name"]
    assert config.model_config["frozen"]
    assert config.model_config["extra"] == "forbid"


@parts("bitcells")
def test_a_bitcell_is_a_table(name):
    cell = registry.module("bitcells", name).CELL
    assert set(cell.sense) <= set(cell.terminals) <= set(cell.nodes)


def cited_in_code(trees):
    """BibTeX keys in the ``References:`` sections of docstrings, by file."""
    import ast

    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for file, tree in trees("devices", "circuits", "arch", "studies"):
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                for block in REFERENCES.findall((ast.get_docstring(node) or "") + "\n"):
                    yield from ((file, key) for key in KEY.findall(block))


def test_docstrings_cite_works_that_exist(trees):
    bibliography = all_sources()
    found = list(cited_in_code(trees))
    assert found
    assert sorted({f"{file}: {key}" for file, key in found if key not in bibliography}) == []


@pytest.mark.parametrize("room", ["devices", "circuits"])
def test_every_work_that_is_listed_is_cited(root, room):
    listed = Sources.load([root / room / "references.bib"]).keys
    assert listed
    files = [f for place in ("devices", "circuits", "arch", "studies") for f in (root / place).rglob("*")]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in {".py", ".yaml", ".csv"}]
    unused = [key for key in listed if not any(re.search(rf"\b{key}\b", text) for text in texts)]
    assert unused == [], "cite it in a card, in the evidence or a docstring, or take it off the list"


def test_the_default_of_a_parameter_has_a_source():
    from beolith.circuits.node import NodeParameters
    from beolith.devices.library import SECTIONS

    for schema in (*SECTIONS.values(), NodeParameters):
        for spec in cards.specs(schema).values():
            assert spec.doc
            assert spec.low < spec.high
            if spec.default is not None:
                assert spec.source in all_sources()
