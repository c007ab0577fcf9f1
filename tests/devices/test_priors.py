"""Ranges drawn as samples, and samples told as intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from beolith.devices import library
from beolith.devices.hydrogen import hydrogen_media
from beolith.devices.hydrogen.priors import Prior, draw, interval, of_card, rank_correlation
from beolith.errors import BeolithError

PRIORS = {"wide": Prior(1e-6, 1e-2), "narrow": Prior(0.6, 1.1), "signed": Prior(-0.3, 0.3), "zero": Prior(0.0, 100.0)}


def test_wide_positive_ranges_are_drawn_in_the_logarithm_and_others_evenly():
    assert {name: prior.logarithmic for name, prior in PRIORS.items()} == {
        "wide": True,
        "narrow": False,
        "signed": False,
        "zero": False,
    }
    assert Prior(1.0, 10.0).logarithmic
    assert not Prior(1.0, 9.99).logarithmic
    values = draw(PRIORS, 1024).values
    for name, prior in PRIORS.items():
        assert prior.low < float(values[name].min()) < float(values[name].max()) < prior.high
    scaled = {
        "wide": torch.log10(values["wide"]) / 4 + 1.5,
        "narrow": (values["narrow"] - 0.6) / 0.5,
        "signed": (values["signed"] + 0.3) / 0.6,
        "zero": values["zero"] / 100,
    }
    for u in scaled.values():  # a net of 1024 points has the uniform quantiles to about a thousandth
        assert stats.kstest(u.numpy(), "uniform").statistic < 3e-3


def test_the_seed_fixes_the_points():
    one, two, other = (draw(PRIORS, 64, seed).values for seed in (3, 3, 4))
    for name in PRIORS:
        assert torch.equal(one[name], two[name])
        assert not torch.equal(one[name], other[name])


def test_a_condition_rejects_and_says_how_often():
    drawn = draw({"x": Prior(0.0, 1.0)}, 500, keep=lambda v: v["x"] > 0.75)
    assert drawn.values["x"].shape == (500,)
    assert float(drawn.values["x"].min()) > 0.75
    assert drawn.acceptance == pytest.approx(0.25, abs=2e-3)
    assert draw({"x": Prior(0.0, 1.0)}, 500).acceptance == 1.0


def test_conditioned_points_are_spread_as_the_prior_restricted():
    drawn = draw({"x": Prior(0.0, 1.0), "y": Prior(0.0, 1.0)}, 2000, keep=lambda v: v["x"] + v["y"] < 1)
    x = drawn.values["x"].numpy()  # of density 2 (1 - x)
    assert stats.kstest(x, lambda q: 1 - (1 - q) ** 2).statistic < 0.02


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_what_is_no_range(ends: tuple[float, float]):
    with pytest.raises(BeolithError, match="no range"):
        Prior(*ends)


def test_impossible_conditions_and_empty_samples():
    with pytest.raises(BeolithError, match=r"keeps 0 of .* widen the priors of x"):
        draw({"x": Prior(0.0, 1.0)}, 8, keep=lambda v: v["x"] > 2)
    with pytest.raises(BeolithError, match="at least 1"):
        draw(PRIORS, 0)


def test_quantiles_of_a_known_law():
    values = draw({"x": Prior(0.0, 1.0)}, 4096).values["x"]
    torch.testing.assert_close(
        interval(values, (0.05, 0.5, 0.95)), torch.tensor([0.05, 0.5, 0.95]).double(), atol=1e-3, rtol=0
    )
    both = interval(torch.stack([values, 2 * values], dim=1))
    torch.testing.assert_close(both[:, 1], 2 * both[:, 0])


def test_rank_correlation_is_spearmans():
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(2, 300))
    tied = np.round(x + 0.5 * y)
    inputs = [torch.from_numpy(a) for a in (x, y, np.ones(300))]
    found = rank_correlation(inputs, torch.from_numpy(tied))
    for i, a in enumerate((x, y)):
        assert float(found[i]) == pytest.approx(stats.spearmanr(a, tied).statistic, rel=1e-12)
    assert float(found[2]) == 0.0
    assert float(rank_correlation([torch.from_numpy(x)], torch.exp(torch.from_numpy(x)))[0]) == pytest.approx(1.0)


def test_priors_of_cards():
    found = of_card(hydrogen_media.card("igzo"))
    assert found["transport.prefactor"].low == pytest.approx(1e-10)  # 1e-6 cm2/s
    assert found["transport.activation"].high == pytest.approx(1.1 * 1.602176634e-19)
    assert "transport.anisotropy" not in found
    assert of_card(library.load("belmonte2023_igzo").card) == {
        name: Prior(*entry.prior)
        for section, entry in library.load("belmonte2023_igzo").card.items()
        if entry.prior
        for name in [f"{section}.{entry.name}"]
    }
