"""Retention of many cells: the log-normal law and what departs from it, exact tails, refresh, age and hydrogen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import constants, stats
from torch import Tensor

from beolith.circuits.bitcells.base import Bitcell
from beolith.circuits.cell import build, load
from beolith.circuits.mismatch import deviates, drawn
from beolith.circuits.population import Population, after, population
from beolith.circuits.retention import by_transient, retention, written
from beolith.circuits.retention_statistics import ideal_sigma, limits, lost_after, refresh_period, spread, worst
from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.devices.gate_leakage import GateLeakageParameters
from beolith.devices.spread import sampling
from beolith.devices.spread.variability import DEVIATES
from beolith.devices.stress.mission import constant
from beolith.errors import BeolithError

from .conftest import f64

STORED = f64(-0.06, 1.14)
"""What a write leaves in the 2T0C cell, found by transient, so that tests need none."""
HELD = {"floor": -0.8, "both": -0.45, "diffusion": -0.1}


def gain_cell(hold: float, **fields: Any) -> Bitcell:
    return load("gain_2t0c").with_(voltages={"v_hold": hold}, **fields)


def cells(regime: str = "diffusion") -> Population:
    return population(gain_cell(HELD[regime]), stored=STORED)


# ------------------------------------------------------------------------------------------------------ the law


@pytest.mark.parametrize(
    ("card", "length", "hottest"),
    [("belmonte2023_igzo", 45e-9, 423.0), ("liu2023_ito", 60e-9, 423.0), ("oota2019_igzo", 80e-9, 358.0)],
)
def test_log_normal_where_diffusion_limits(card: str, length: float, hottest: float):
    """sigma(ln t) = sigma_VT/(n phi) within 1 % (the bar is 3 %), from 234 K up, for cards of unlike spread."""
    both = ("write", "read")
    kind = gain_cell(-0.1).with_(cards=dict.fromkeys(both, card), lengths=dict.fromkeys(both, length))
    found = spread(population(kind, f64(234.0, 300.0, hottest), stored=STORED[:, None]), 1 << 14)
    assert bool((found.diffusion > 0.999).all())
    torch.testing.assert_close(found.sigma, found.ideal, rtol=0.01, atol=0.0)
    assert bool((found.endless == 0).all())


def test_quantiles_of_a_normal_threshold_are_log_normal():
    """Without counted donors, to 1 % in ln t at three sigma; counted donors skew it."""
    device = library.load("belmonte2023_igzo", {"tekv.donor_density": "0 1/cm**3"})
    kind = gain_cell(-0.1).with_(cards={"write": device})
    found = spread(population(kind, stored=STORED), 1 << 16)
    torch.testing.assert_close(found.quantiles.log(), found.lognormal.log(), rtol=0.0, atol=0.03 * float(found.ideal))
    assert abs(float(found.skewness)) < 0.02
    assert float(spread(cells(), 1 << 16).skewness) < -0.05


def test_what_departs_from_the_law():
    """The floor caps long retentions, so the spread falls short and leans to short ones; shares say by how much."""
    found = {regime: spread(cells(regime), 1 << 14) for regime in HELD}
    for one in found.values():
        assert float(one.diffusion + one.floor + one.gate) == pytest.approx(1.0, abs=1e-9)
        assert float(one.gate) == 0.0
    assert float(found["floor"].floor) > 0.999
    assert float(found["floor"].sigma) < 0.01 * float(found["floor"].ideal)
    assert 0.01 < float(found["both"].floor) < 0.5
    assert float(found["both"].skewness) < 5.0 * float(found["diffusion"].skewness)
    assert bool((found["both"].quantiles[-2:] < found["both"].lognormal[-2:]).all())
    assert float(found["diffusion"].floor) < 1e-6


@pytest.mark.parametrize("regime", HELD)
def test_the_share_of_diffusion_is_the_slope_of_the_logarithm(regime: str):
    """d ln t/dV_T = share/(n phi), by autograd; hence the spread of a small mismatch."""
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    state = {"write": DeviceState(threshold_shift=shift)}
    one = population(gain_cell(HELD[regime]), states=state, stored=STORED)
    time = one.times(torch.zeros(1, one.deviates, dtype=torch.float64), "normal").amin(0)
    (slope,) = torch.autograd.grad(time.log().sum(), shift)
    device = library.load("belmonte2023_igzo")
    n_phi = device.transistor(f64(70e-9), f64(45e-9), f64(300.0)).coefficients.n_phi
    assert float(slope * n_phi) == pytest.approx(float(limits(one)[0].detach()), rel=0.01)


def test_gate_leakage_has_its_share():
    gate = GateLeakageParameters(f64(1e-9), f64(0.8 * constants.e), f64(4.0), f64(0.0), f64(constants.e), f64(0.3))
    device = replace(library.load("belmonte2023_igzo"), gate=gate)
    leaky = population(gain_cell(-0.8).with_(cards={"write": device, "read": device}), stored=STORED)
    found = spread(leaky, 1 << 12)
    assert leaky.transistors == ("write", "read")
    assert float(found.gate) > 0.5
    assert float(found.median) < 0.5 * float(spread(cells("floor"), 1 << 12).median)
    assert float(found.diffusion + found.floor + found.gate) == pytest.approx(1.0, abs=1e-9)


# --------------------------------------------------------------------------------------- against what is solved whole


def whole(kind: Bitcell, few: Population, z: Tensor, seed: int = 1):
    """The same cells with every transistor drawn, as cells that any analysis takes."""
    names = tuple(kind.transistors)
    every = sampling.normal(len(z), DEVIATES * len(names), "random", seed).reshape(len(z), -1, DEVIATES)
    every[:, [names.index(name) for name in few.transistors]] = z.reshape(len(z), -1, DEVIATES)
    return build(few.kind, drawn=drawn(kind, names, every.flatten(1)))


def test_nominal_charges_and_voltages_cost_a_percent():
    """Against cells with every deviation in every transistor, each written by its own transient."""
    kind = gain_cell(-0.1)
    few = population(kind)
    z = deviates(few.transistors, 48, method="sobol")
    cell = whole(kind, few, z)
    exact = retention(cell, stored=written(cell)["sn"]).time
    error = (few.times(z).amin(0) / exact.amin(0)).log()
    assert float(error.std()) < 0.005
    assert float(error.abs().max()) < 0.015


def test_the_waveform_of_drawn_cells_agrees():
    """Within 5 % of a transient of each whole cell, over two decades of retention."""
    kind = gain_cell(-0.1)
    few = population(kind, stored=STORED)
    z = deviates(few.transistors, 8, method="sobol")
    exact = by_transient(whole(kind, few, z), stored=STORED[:, None].expand(2, 8), longest=1e4, points=6).amin(0)
    assert float(exact.amax() / exact.amin()) > 100.0
    torch.testing.assert_close(few.times(z).amin(0), exact, rtol=0.05, atol=0.0)


def test_the_same_cells_are_seen_at_every_temperature_and_state():
    heat = f64(273.0, 358.0)
    state = DeviceState(threshold_shift=f64(0.0, 0.05, -0.05)[:, None])
    many = population(gain_cell(-0.1), heat, states={"*": state}, stored=STORED[:, None, None])
    z = deviates(many.transistors, 5)
    times = many.times(z)
    assert times.shape == (2, 5, 3, 2)
    for i, shift in enumerate((0.0, 0.05, -0.05)):
        for k, t in enumerate((273.0, 358.0)):
            alone = population(gain_cell(-0.1), t, states={"*": DeviceState(threshold_shift=f64(shift))}, stored=STORED)
            torch.testing.assert_close(alone.times(z), times[:, :, i, k])
    assert bool((times[1, :, :, 1] < times[1, :, :, 0]).all())
    assert bool((times[1, :, 1] > times[1, :, 0]).all())
    assert bool((times[1, :, 2] < times[1, :, 0]).all())


# ------------------------------------------------------------------------------------------------------------- tails


def exact_probability(few: Population, level: float) -> float:
    """P(t < level) with one threshold deviate and counted donors: a sum over counts of exact normal tails.

    The only two deviates that the card switches on are the first and the last; the retention rises with the first.
    """
    own = library.load("belmonte2023_igzo")
    mean = float(own.tekv.donor_density * own.tekv.channel_thickness) * 70e-9 * 45e-9
    counts = np.arange(0, 80)
    middle = np.clip(stats.poisson.cdf(counts, mean) - 0.5 * stats.poisson.pmf(counts, mean), 1e-300, 1 - 1e-16)
    z = torch.zeros(len(counts), few.deviates, dtype=torch.float64)
    z[:, -1] = torch.from_numpy(stats.norm.ppf(middle))
    low, high = torch.full((len(counts),), -14.0).double(), torch.full((len(counts),), 14.0).double()
    for _ in range(50):
        z[:, 0] = 0.5 * (low + high)
        lost = few.times(z).amin(0) < level
        low, high = torch.where(lost, z[:, 0], low), torch.where(lost, high, z[:, 0])
    return float((stats.poisson.pmf(counts, mean) * stats.norm.cdf(high.numpy())).sum())


@pytest.mark.parametrize("regime", HELD)
@pytest.mark.parametrize("sigma", [4.0, 6.0])
def test_tails_against_exact_probabilities(regime: str, sigma: float):
    """Within 5 %, counted donors included, and within its own error."""
    few = cells(regime)
    p = float(stats.norm.sf(sigma))
    found = worst(few, p, samples=1 << 14)
    truth = exact_probability(few, found.time)
    assert truth == pytest.approx(p, rel=0.05)
    event = lost_after(few, found.time, samples=1 << 14, seed=5)
    assert event.probability == pytest.approx(truth, rel=0.05)
    assert abs(event.probability - truth) < 4.0 * event.standard_error + 0.005 * truth


def test_the_tail_against_brute_force():
    """At three sigma, among 2^20 cells."""
    few = cells("both")
    p = float(stats.norm.sf(3.0))
    found = worst(few, p)
    share = float((few.sample(1 << 20, seed=3).amin(0) < found.time).double().mean())
    assert share == pytest.approx(p, rel=0.05 + 2.0 / math.sqrt(p * 2**20))


def test_a_floor_limited_array_is_ruled_by_its_rare_leaky_cells():
    """The median says nothing of them: at six sigma the retention is a tenth, and no normal spread of t has that."""
    few = cells("floor")
    found, typical = worst(few, float(stats.norm.sf(6.0)), samples=1 << 14), spread(few, 1 << 14)
    assert found.time < 0.5 * float(typical.median)
    assert found.time < float(typical.median) * math.exp(-100.0 * float(typical.sigma))


# ---------------------------------------------------------------------------------------------- refresh, levels, age


def test_refresh_period():
    few = cells()
    by_rate = refresh_period(few, error_rate=1e-6)
    by_array = refresh_period(few, array=1_000_000)
    assert by_rate.time == by_array.time
    assert refresh_period(few, array=1 << 20, errors=10.0).time > refresh_period(few, array=1 << 20).time
    normal = float(spread(few, 1 << 14).median) * math.exp(stats.norm.ppf(1e-6) * float(ideal_sigma(few)))
    assert by_rate.time == pytest.approx(normal, rel=0.8)
    assert by_rate.time < normal
    assert by_rate.relative_error < 0.1
    assert by_rate.event.reliable


def test_more_levels_last_for_a_shorter_time():
    medians = []
    for levels in (2, 4, 8, 16, 32):
        stored = torch.linspace(-0.06, 1.14, levels, dtype=torch.float64)
        few = population(gain_cell(-0.1, levels=levels), stored=stored)
        times = few.times(deviates(few.transistors, 64))
        assert times.shape == (levels, 64)
        medians.append(float(times.amin(0).median()))
    assert medians == sorted(medians, reverse=True)
    assert medians[0] / medians[-1] > 31.0  # steps are 31 times smaller, and none is the one that lasts longest


def test_hydrogen_shortens_retention_where_diffusion_limits():
    """Donors lower the threshold: d ln t = q t/C (1 + ...)/(n phi) for each, as the model says."""
    added = f64(0.0, 1e23, 2e23)
    many = population(gain_cell(-0.1), states={"write": DeviceState(donor_density=added)}, stored=STORED[:, None])
    time = spread(many, 1 << 12).median.log()
    device = library.load("belmonte2023_igzo")
    t = device.transistor(f64(70e-9), f64(45e-9), f64(300.0), DeviceState(donor_density=added))
    expected = (t.coefficients.v_t - t.coefficients.v_t[0]) / t.coefficients.n_phi
    assert bool((expected[1:] < -0.3).all())
    torch.testing.assert_close(time - time[0], expected, rtol=0.03, atol=0.0)


def test_retention_after_a_mission():
    kind = gain_cell(-0.1)
    mission = constant(f64(3e7), temperature=f64(368.0), overdrive=f64(1.0), duty=f64(0.01))
    states = after(kind, {"write": mission})
    assert set(states) == {"write"}
    assert float(states["write"].donor_density) > 0
    fresh, aged = population(kind, stored=STORED), population(kind, states=states, stored=STORED)
    z = torch.zeros(1, fresh.deviates, dtype=torch.float64)
    device = library.load("belmonte2023_igzo")
    old, new = (device.transistor(f64(70e-9), f64(45e-9), f64(300.0), s).coefficients for s in (None, states["write"]))
    ratio = (aged.times(z, "normal")[1] / fresh.times(z, "normal")[1]).log()
    assert float(ratio) == pytest.approx(float((new.v_t - old.v_t) / old.n_phi), rel=0.03)
    assert set(after(kind, {"*": mission})) == set(kind.transistors)


# -------------------------------------------------------------------------------------------------- what is refused


def test_what_cannot_be_is_named():
    few = cells()
    with pytest.raises(BeolithError, match="needs either error_rate, or array and errors"):
        refresh_period(few)
    with pytest.raises(BeolithError, match="needs either error_rate, or array and errors"):
        refresh_period(few, error_rate=1e-3, array=10)
    with pytest.raises(BeolithError, match="of a quantile; allowed"):
        refresh_period(few, array=10, errors=8.0)
    with pytest.raises(BeolithError, match=r"one cell at a time, not for a batch of \(2,\)"):
        worst(population(gain_cell(-0.1), f64(300.0, 358.0), stored=STORED[:, None]), 1e-6)
    with pytest.raises(BeolithError, match="0 cells; allowed: 1 and more"):
        few.sample(0)
    with pytest.raises(BeolithError, match="1 transistors have 7 deviates, not 14"):
        few.times(torch.zeros(3, 14, dtype=torch.float64))
    with pytest.raises(BeolithError, match="is static"):
        population(load("sram_6t"))
    with pytest.raises(BeolithError, match=r"no transistor 'writer'.*'write'"):
        after(gain_cell(-0.1), {"writer": constant(f64(1.0), f64(300.0), f64(1.0), f64(1.0))})
