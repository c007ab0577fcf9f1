"""Materials as media of hydrogen: the measured barrier, the bound on a-IGZO, traps in equilibrium."""

from __future__ import annotations

import math
import re

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.card import read
from beolith.devices.hydrogen import hydrogen_media as media
from beolith.devices.hydrogen.priors import draw, of_card
from beolith.errors import BeolithError, CardError
from beolith.sources import all_sources

EV = constants.electron_volt


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("name", media.names())
def test_every_medium_loads_and_is_honest(name: str):
    card = media.card(name)
    assert card.title
    assert card.summary
    bibliography = all_sources()
    for section, entry in card.items():
        assert entry.source in bibliography, f"{section}.{entry.name}"
        guess = entry.how == "assumed" and not entry.default and section in ("transport", "barrier", "sites")
        if guess and entry.name != "reference_temperature":
            assert entry.prior, f"{name} {section}.{entry.name} is assumed: a range is due"
        if entry.prior:
            assert entry.prior[0] <= entry.value <= entry.prior[1]
    assert bool(media.possible(media.medium(name)))


def test_no_number_from_memory():
    """Row F243 (5.65e-4 cm2/s, 0.446 eV, silica) was recalled and never read: it must not come back as a value."""
    silica = media.card("sio2").sections["transport"]
    assert silica["prefactor"].given_value != 5.65e-4
    assert silica["activation"].given_value != 0.446
    assert silica["prefactor"].prior
    assert silica["activation"].prior


@pytest.mark.parametrize(
    ("thickness", "published", "error"), [(1.8e-9, 48, -0.12), (2.7e-9, 514, -0.47), (4.2e-9, 4751, 0.33)]
)
def test_slow_down_by_alumina_at_450_c(thickness: float, published: float, error: float):
    """F197-F199 from F200: the length of one method predicts the slow-down of the other within a factor of two."""
    predicted = float(media.slow_down(tensor(thickness), tensor(723.15)))
    assert predicted / published - 1 == pytest.approx(error, abs=0.02)
    assert 0.5 < predicted / published < 2


@pytest.mark.parametrize(("celsius", "length"), [(450, 0.48), (420, 0.323), (400, 0.243), (350, 0.110)])
def test_attenuation_length_of_alumina(celsius: float, length: float):
    """The law by hand; the design notes have 0.33, 0.24 and 0.11 nm at 420, 400 and 350 C."""
    assert float(1e9 * media.attenuation_length(media.medium("al2o3").barrier, tensor(celsius + 273.15))) == (
        pytest.approx(length, abs=1.2e-3)
    )


def test_the_interval_of_the_slow_down_holds_the_measured_ones():
    card = media.card("al2o3")
    values = draw({k: p for k, p in of_card(card).items() if "attenuation" in k}, 2000).values
    barrier = media.medium("al2o3", values).barrier
    low, high = (
        torch.stack([media.slow_down(tensor(d), tensor(723.15), barrier) for d in (1.8e-9, 2.7e-9, 4.2e-9)])
        .quantile(q, dim=1)
        .tolist()
        for q in (0.05, 0.95)
    )
    inside = [a <= m <= b for a, m, b in zip(low, (48, 514, 4751), high, strict=True)]
    assert inside == [True, True, True]


def test_a_barrier_in_series_with_itself_is_the_thicker_one():
    barrier = media.medium("al2o3").barrier
    t = tensor(650.0)
    half, whole = (media.permeability(barrier, tensor(d), t) / barrier.permeability for d in (1e-9, 2e-9))
    assert float(whole) == pytest.approx(float(half) ** 2, rel=1e-12)


def test_crystallised_hafnia_holds_nothing_back_and_does_not_recover():
    hafnia = media.medium("hfo2").barrier
    thick, cool, hot = tensor(5e-9), tensor(600.0), tensor(800.0)
    assert float(media.permeability(hafnia, thick, cool)) < 1e-10 * float(hafnia.permeability)
    assert float(media.permeability(hafnia, thick, hot)) == float(hafnia.permeability)
    assert float(media.permeability(hafnia, thick, cool, hottest=hot)) == float(hafnia.permeability)
    assert math.isinf(float(media.medium("al2o3").barrier.crystallisation))


def test_bound_on_the_diffusivity_of_igzo():
    """x^2/4t of 10 nm in 1e4 s: the published sentence, at the thinnest film and the lowest temperature it can mean."""
    floor = media.medium("igzo").floor
    assert float(floor.diffusivity) == pytest.approx((10e-9) ** 2 / 4e4)
    values = draw({k: p for k, p in of_card(media.card("igzo")).items() if k.startswith("transport")}, 4096).values
    sample = media.medium("igzo", values)
    good = media.possible(sample)
    assert float(good.double().mean()) == pytest.approx(0.300, abs=0.01)
    d = media.diffusivity(sample.transport, tensor(300.0))
    assert float(d[good].min()) >= 2.5e-21
    assert float(d[~good].max()) < 2.5e-21


def test_traps_in_equilibrium_balance_capture_and_escape():
    p = media.medium("igzo").transport
    t, free = tensor(600.0), torch.logspace(20, 27, 20, dtype=torch.float64)
    held = media.trapped_in_equilibrium(p, free, t)
    capture = media.capture_rate(p, t)
    escape = capture * media.half_filling(p, t)
    torch.testing.assert_close(capture * free * (p.trap_density - held), escape * held, rtol=1e-10, atol=0)
    ratio = media.diffusivity(p, t) / media.effective_diffusivity(p, t)
    assert float(ratio) == pytest.approx(1 + float(capture * p.trap_density / escape), rel=1e-12)
    assert float(media.effective_diffusivity(p, t, tensor(1e40))) == pytest.approx(float(media.diffusivity(p, t)))


def test_traps_slow_diffusion_less_when_it_is_hot():
    p = media.medium("igzo").transport
    t = torch.linspace(400, 800, 9, dtype=torch.float64)
    assert bool((media.effective_diffusivity(p, t).log().diff() > media.diffusivity(p, t).log().diff()).all())


def test_crystalline_igzo_is_slow_through_the_film():
    assert float(media.medium("caac_igzo").transport.anisotropy) > 100
    assert float(media.medium("igzo").transport.anisotropy) == 1


def test_unknown_and_faulty_media(tmp_path):
    with pytest.raises(BeolithError, match="did you mean 'al2o3'"):
        media.medium("al203")
    own = tmp_path / "mine.yaml"
    own.write_text(
        "title: Mine\nkind: medium\nsummary: None.\n"
        "limits:\n  stability: {value: 500, unit: degC, source: user, how: assumed, note: a test of mine}\n"
    )
    with pytest.raises(BeolithError, match="neither move nor permeate"):
        media.medium(str(own))
    text = (media.FOLDER / "igzo.yaml").read_text(encoding="utf-8")
    own.write_text(re.sub("activation:", "activaton:", text, count=1))
    media.card.cache_clear()
    with pytest.raises(CardError, match="did you mean 'activation'"):
        media.medium(str(own))
    assert read(media.FOLDER / "igzo.yaml").kind == "medium"
