"""From a process to a transistor: the file, the physics of the whole, the interval and the command."""

from __future__ import annotations

import json
import math
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor
from typer.testing import CliRunner

from beolith import store
from beolith.cli import app
from beolith.devices import library
from beolith.devices.hydrogen import process, process_result, recipe
from beolith.devices.hydrogen.process import CELLS
from beolith.devices.hydrogen.recipe import Layer, Quantity, Recipe, Step
from beolith.devices.library import Device
from beolith.errors import BeolithError, DataError, ExtrapolationWarning

TEXT = """
title: Forming gas under a cap
channel: igzo
stack:
  - {medium: sio2, thickness: 50 nm, hydrogen: {prior: [1e18, 1e20], unit: 1/cm**3}}
  - {medium: al2o3, thickness: 3 nm}
  - {medium: igzo, thickness: 8 nm}
  - {medium: al2o3, thickness: 10 nm}
steps:
  - {duration: 30 min, temperature: 350 degC, ambient: 1e19 1/cm**3}
  - {duration: 10 min, temperature: 400 degC}
"""
CARD = "belmonte2023_igzo"


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture
def card() -> Device:
    return library.load(CARD)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(*changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def simple(
    barrier: float = 3e-9, *, contacts: float | None = None, celsius: float = 350.0, medium: str = "al2o3"
) -> Recipe:
    stack = (
        Layer("sio2", Quantity(20e-9), Quantity(1e25)),
        Layer(medium, Quantity(barrier), Quantity(0.0)),
        Layer("igzo", Quantity(8e-9), Quantity(0.0)),
    )
    steps = (Step(Quantity(1800.0), Quantity(celsius + 273.15), Quantity(1e25)),)
    return Recipe("", stack, steps, 2, contacts=None if contacts is None else Quantity(contacts))


def test_the_file_is_read_in_si(written):
    found = recipe.load(written())
    assert found.channel == 2
    assert found.gate_below
    assert found.contacts is None
    assert found.stack[1].thickness.value == pytest.approx(3e-9)
    assert found.stack[1].hydrogen == Quantity(0.0)
    assert found.stack[0].hydrogen.prior
    assert found.stack[0].hydrogen.prior.high == pytest.approx(1e26)
    assert found.stack[0].hydrogen.value == pytest.approx(1e25)
    assert found.steps[0].temperature.value == pytest.approx(623.15)
    assert found.steps[0].duration.value == 1800.0
    assert found.steps[1].ambient is None


def test_the_example_of_the_docstring_is_a_process():
    example = textwrap.dedent(recipe.__doc__.split("\n\n")[1])
    found = recipe.read(yaml.safe_load(example.replace("1e", "1.0e+")))
    assert [layer.medium for layer in found.stack] == ["sio2", "al2o3", "igzo"]
    assert found.contacts == Quantity(pytest.approx(1e25))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("duration: 30 min", "duration: -30 min", r"steps\[0\].duration: -1800 s is out of range"),
        ("duration: 30 min", "duration: .nan", r"steps\[0\].duration: nan s is out of range"),
        ("duration: 30 min", "duration: 30 nm", r"steps\[0\].duration: unit 'nm' measures"),
        ("duration: 30 min, ", "", r"steps\[0\].duration: missing"),
        ("350 degC", "950 degC", r"steps\[0\].temperature: 950 degC is above the stability limit of igzo, 600 degC"),
        ("350 degC", "true", r"steps\[0\].temperature: True is not a number"),
        ("medium: al2o3, thickness: 3 nm", "medium: al203, thickness: 3 nm", "did you mean 'al2o3'"),
        ("thickness: 8 nm", "thickness: 0 nm", r"stack\[2\].thickness: 0 nm is out of range"),
        ("thickness: 8 nm", "thicknez: 8 nm", r"stack\[2\].thicknez: unknown key; did you mean 'thickness'"),
        ("channel: igzo", "channel: itgzo", "channel: 'itgzo' is in no layer of the stack"),
        ("channel: igzo", "channel: al2o3", "channel: 'al2o3' is in 2 layers"),
        ("channel: igzo", "channel: igzo\ngate: belw", "did you mean 'below'"),
        ("channel: igzo", "channel_: igzo", "channel_: unknown key; did you mean 'channel'"),
        ("[1e18, 1e20]", "[1e20, 1e18]", "is no range"),
        ("[1e18, 1e20]", "[1e18]", "a range is"),
        (
            "medium: al2o3, thickness: 3 nm",
            "medium: al2o3, thickness: 3 nm, hydrogen: 1e20 1/cm**3",
            "stores no hydrogen",
        ),
        ("title:", "title: a\ntitle:", "key 'title' is set twice"),
        ("  - {duration: 30 min", "  - {{duration: 30 min", "not YAML"),
    ],
)
def test_faults_of_a_file(written, old: str, new: str, said: str):
    with pytest.raises(DataError, match=said) as caught:
        recipe.load(written((old, new)))
    assert all(line.startswith("mine.yaml: ") for line in str(caught.value).splitlines())


def test_all_faults_at_once(written):
    with pytest.raises(DataError) as caught:
        recipe.load(written(("30 min", "-1 s"), ("sio2", "sio3"), ("8 nm", "8 K")))
    assert len(str(caught.value).splitlines()) == 3


def test_an_empty_stack_is_no_process(tmp_path: Path):
    with pytest.raises(BeolithError, match="stack: give at least one"):
        recipe.read({"channel": "igzo", "stack": [], "steps": [{"duration": "1 s", "temperature": "300 K"}]})
    with pytest.raises(BeolithError, match="stack: no layer"):
        Recipe("", (), (), 0)
    with pytest.raises(BeolithError, match=r"steps\[0\].duration: -1 s is out of range"):
        replace(simple(), steps=(Step(Quantity(-1.0), Quantity(300.0), None),))
    with pytest.raises(BeolithError, match="channel: al2o3 is a barrier"):
        replace(simple(), channel=1)
    with pytest.raises(BeolithError, match="mapping"):
        recipe.read([1])
    with pytest.raises(DataError, match=r"nothing.yaml: "):
        recipe.load(tmp_path / "nothing.yaml")


def test_the_whole_stack_conserves_hydrogen():
    made = replace(simple(), steps=(Step(Quantity(3600.0), Quantity(623.15), Quantity(3e25)),))
    drawn = process.sample(made, 32)
    uptake = process.diffuse(made, tensor(1e-6), drawn.values)
    width = torch.tensor([20e-9, 8e-9], dtype=torch.float64).repeat_interleave(CELLS).unsqueeze(1) / CELLS
    after = (width * (uptake.content.free + uptake.content.trapped)).sum(0)
    before = 1e25 * 20e-9
    assert float(((after - before - uptake.content.entered) / after).abs().max()) < 1e-12


def test_a_thicker_barrier_lets_less_through():
    taken = torch.stack([process.diffuse(simple(d), tensor(1e-6), {}).free for d in (0.5e-9, 1e-9, 2e-9, 4e-9)])
    assert bool((taken.diff() < 0).all())
    # at 350 C the attenuation length is 0.11 nm: once the flux is the barrier's alone, it falls by exp(dd/l)
    assert float(taken[2] / taken[3]) == pytest.approx(math.exp(2e-9 / 0.11e-9), rel=0.1)


def test_short_channels_take_up_more(card: Device):
    """F094: the shift grows as the channel shortens and falls as 1/L in long ones."""
    made = simple(contacts=1e24)
    length = torch.logspace(-8, -4.5, 15, dtype=torch.float64)
    done = process.run(made, card, length)
    for rising in (-done.uptake.free.diff(), done.threshold_shift.diff()):
        assert bool((rising >= 0).all())  # the shortest are full
        assert bool((rising[-5:] > 0).all())
    long = process.run(made, card, torch.tensor([2e-3, 4e-3], dtype=torch.float64)).uptake.free
    bulk = process.run(simple(), card, tensor(1.0)).uptake.free
    excess = long - bulk
    assert float(excess[0] / excess[1]) == pytest.approx(2, rel=1e-3)


def test_contacts_are_not_counted_twice(card: Device):
    """The state's factor times what contacts.py makes of the mean donors is what the hydrogen at the contact does."""
    done = process.run(simple(contacts=1e25), card, tensor(1e-5))
    known = replace(card, contacts=replace(card.contacts, hydrogen_scale=tensor(2e25)))
    again = process.run(simple(contacts=1e25), known, tensor(1e-5))
    by_card = torch.exp(-again.state.donor_density / 2e25) * again.state.contact_factor
    at_contact = process.run(simple(contacts=1e25), known, tensor(1e-9)).state.donor_density  # filled with as much
    assert float(by_card) == pytest.approx(float(torch.exp(-at_contact / 2e25)), rel=1e-3)
    assert float(done.state.contact_factor) < 1


def test_the_state_is_what_the_transistor_reads(card: Device):
    many = card.tekv.replace(interface_traps=tensor(6e12 * 1e4 / 1.602e-19))
    card = replace(card, tekv=many)
    done = process.run(simple(1e-9, contacts=1e25), card, tensor(1e-6))
    args = tensor(1e-6), tensor(1e-6), tensor(300.0)
    fresh, made = card.transistor(*args), card.transistor(*args, done.state)
    shift = made.coefficients.v_t - fresh.coefficients.v_t
    assert float(shift) == pytest.approx(float(done.threshold_shift), rel=1e-9)
    assert float(done.state.interface_traps) < 0
    assert float(made.coefficients.n_phi) < float(fresh.coefficients.n_phi)
    on = [float(t.current(tensor(2.0), tensor(0.1), tensor(0.0))) for t in (fresh, made)]
    assert on[1] > on[0]


def test_no_hydrogen_changes_nothing(card: Device):
    dry = Recipe("", (Layer("igzo", Quantity(8e-9), Quantity(0.0)),), (Step(Quantity(1e4), Quantity(600.0), None),), 0)
    state = process.run(dry, card, tensor(1e-6)).state
    assert float(state.donor_density.abs()) < 1e10
    assert float(state.mobility_factor) == pytest.approx(1)
    assert float(state.contact_factor) == pytest.approx(1)
    assert float(state.interface_traps) == pytest.approx(0, abs=1e20)


def test_a_crystallised_barrier_warns_and_leaks(card: Device):
    whole, crystalline = simple(celsius=350.0, medium="hfo2"), simple(celsius=590.0, medium="hfo2")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ExtrapolationWarning)
        tight = process.run(whole, card, tensor(1e-6))
    with pytest.warns(ExtrapolationWarning, match=r"hfo2 crystallises in 100 % of the sample"):
        open_ = process.run(crystalline, card, tensor(1e-6))
    assert float(open_.uptake.free) > 1e3 * float(tight.uptake.free)


def test_gradient_reaches_material_and_process(card: Device):
    names = {
        "igzo:transport.activation": 0.9 * 1.602e-19,
        "al2o3:barrier.permeability": 1e-7,
        "stack[1].thickness": 5e-10,
    }
    scale = {name: tensor(value) for name, value in names.items()}

    def free(*x: Tensor) -> Tensor:
        values = {name: one * scale[name] for name, one in zip(names, x, strict=True)}
        return process.diffuse(simple(celsius=250.0), tensor(1e-6), values).free / 1e24

    given = [tensor(1.0).requires_grad_() for _ in names]
    analytic = torch.autograd.grad(free(*given), given)
    for i, slope in enumerate(analytic):
        ends = [free(*(tensor(1.0 + h * (i == j)) for j in range(len(names)))) for h in (1e-4, -1e-4)]
        assert float(slope) == pytest.approx(float(ends[0] - ends[1]) / 2e-4, rel=1e-3)
        assert float(slope) != 0


def test_the_sample_obeys_the_bound_and_the_seed(written):
    made = recipe.load(written())
    one, two = process.sample(made, 100, 1), process.sample(made, 100, 1)
    assert all(torch.equal(one.values[name], two.values[name]) for name in one.values)
    assert 0.2 < one.acceptance < 0.4
    assert "stack[0].hydrogen" in one.values
    assert "igzo:transport.activation" in one.values
    d = one.values["igzo:transport.prefactor"] * torch.exp(
        -one.values["igzo:transport.activation"] / 1.380649e-23 / 300
    )
    assert float(d.min()) >= 2.5e-21


def test_the_result_is_an_interval_that_knows_its_priors(written, card: Device, tmp_path: Path):
    made = recipe.load(written())
    ds = process_result.summary(made, card, 1e-6, count=128)
    store.check(ds)
    again = store.load_dataset(store.save_dataset(ds, tmp_path / "process.nc"))
    for name in process_result.QUANTITIES:
        low, middle, high = again[name].values
        assert low <= middle <= high, name
    assert float(ds["threshold_shift"][0]) < float(ds["threshold_shift"][-1])
    assert set(ds["prior"].values) == set(process.priors(made)) == set(json.loads(ds.attrs["priors"]))
    assert {"wu2026_alumina", "cho2025_arxiv", "belmonte2023_vlsi"} <= set(json.loads(ds.attrs["sources"]))
    best = ds["sensitivity"].sel(quantity="hydrogen").to_series().abs().idxmax()
    assert best in (
        "al2o3:barrier.permeability",
        "al2o3:barrier.attenuation_activation",
        "al2o3:barrier.attenuation_length",
    )


@pytest.mark.parametrize("changes", [{"length": 0.0}, {"length": math.nan}, {"count": 0}, {"levels": (0.0, 0.5)}])
def test_summaries_that_cannot_be(card: Device, changes: dict[str, object]):
    given = {"length": 1e-6, "count": 4, "levels": (0.5,), **changes}
    with pytest.raises(BeolithError):
        process_result.summary(simple(), card, given.pop("length"), **given)


def test_the_command(written, tmp_path: Path):
    path = written()
    line = ["process", CARD, str(path), "--count", "32", "--length", "50 nm"]
    page = CliRunner().invoke(app, line)
    assert page.exit_code == 0, page.stderr
    for word in ("V_T shift", "N_D,H", "D_it", "mobility", "cm^-2 eV^-1", "5%", "95%", "Rank correlation"):
        assert word in page.stdout
    result = CliRunner().invoke(app, [*line, "--json", "--out", str(tmp_path / "p.nc")])
    data = json.loads(result.stdout)
    assert data["quantities"]["threshold_shift"]["unit"] == "V"
    assert len(data["quantities"]["donor_density"]["quantiles"]) == len(data["levels"]) == 3
    assert data["priors"]["igzo:transport.prefactor"] == pytest.approx([1e-10, 1e-6])
    assert "igzo:transport.prefactor" in data["sensitivity"]["hydrogen"]
    assert store.load_dataset(tmp_path / "p.nc").attrs["title"] == "Forming gas under a cap"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([CARD, "nothing.yaml"], "nothing.yaml"),
        ([CARD, "recipe.txt"], "a process is a .yaml file"),
        (["belmonte", "{path}"], "no 'belmonte'"),
        ([CARD, "{path}", "--length", "0 nm"], "channel length 0 m"),
        ([CARD, "{path}", "--length", "3 K"], "unit 'K' measures"),
    ],
)
def test_bad_lines(written, arguments: list[str], said: str):
    path = str(written())
    result = CliRunner().invoke(app, ["process", *(a.format(path=path) for a in arguments)])
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("card", "message"),
    [("silicon_45nm", "the channel of the recipe is igzo, that of the card Si"), ("oota2019_igzo", "8e-09 m thick")],
)
def test_another_film_than_that_of_the_card_is_told(card, message, written):
    made = recipe.load(written())
    with pytest.warns(ExtrapolationWarning, match=message):
        process_result.summary(made, library.load(card), 1e-6, count=4)
