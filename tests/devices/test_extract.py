"""Fits of curves whose parameters are known: recovery, uncertainty, outliers, what is degenerate, and the card."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import constants
from scipy.optimize import least_squares

from beolith.devices import library
from beolith.devices.extraction import curves, fit_report, fitted_card, measurement
from beolith.devices.extraction.extract import DegeneracyWarning, Fit, FitWarning, fit
from beolith.devices.extraction.free_parameters import RANGES, WHEN, chosen
from beolith.devices.extraction.levenberg import Prior, jacobian, minimise
from beolith.devices.library import SECTIONS, Device
from beolith.errors import BeolithError, DataError

EV = constants.electron_volt
TRUTH = {
    "tekv.threshold_voltage": 0.3,
    "tekv.mobility": 18e-4,
    "tekv.tail_density": 3e25 / EV,
    "tekv.interface_traps": 3e16 / EV,
    "tekv.length_modulation": 2e-8,
}
Make = Callable[..., curves.Curves]
pytestmark = [
    pytest.mark.filterwarnings("ignore::beolith.devices.extraction.extract.DegeneracyWarning"),
    pytest.mark.filterwarnings("ignore:.*are outliers:beolith.devices.extraction.extract.FitWarning"),
]


@pytest.fixture(scope="module")
def start() -> Device:
    return library.load("belmonte2023_igzo")


def device(**values: float) -> Device:
    return library.load("belmonte2023_igzo", {**TRUTH, **{k.replace("__", "."): v for k, v in values.items()}})


@pytest.fixture(scope="module")
def measure() -> Make:
    """Transfer curves of a device as an instrument would find them."""

    def make(
        truth: Device,
        seed: int | None = None,
        drains: Sequence[float] = (0.05, 0.5, 1.0, 1.5),
        lengths: Sequence[float] = (1e-6,),
        temperatures: Sequence[float] = (300.0,),
        outliers: float = 0.0,
        noise: float = 0.01,
    ) -> curves.Curves:
        grid = np.meshgrid(temperatures, lengths, drains, np.linspace(-1.0, 2.0, 61), indexing="ij")
        t, length, v_d, v_g = (torch.tensor(g.ravel()) for g in grid)
        width = torch.full_like(t, 1e-5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            i = truth.transistor(width, length, t).current(v_g, v_d, torch.zeros(())).numpy()
        if seed is not None:
            rng = np.random.default_rng(seed)
            i = i * (1.0 + noise * rng.standard_normal(i.shape)) + 2e-13 + 1e-13 * rng.standard_normal(i.shape)
            wild = rng.random(i.shape) < outliers
            i[wild] *= 10.0 ** rng.uniform(-2.0, 2.0, int(wild.sum()))
        columns = {"v_gs": v_g, "v_ds": v_d, "i_d": i, "width": width, "length": length, "temperature": t}
        return curves.tidy("synthetic.csv", pd.DataFrame({k: np.asarray(v) for k, v in columns.items()}))

    return make


def known(result: Fit) -> NDArray[np.float64]:
    """Error over standard deviation of each parameter."""
    return np.array([(v - TRUTH[n]) / s for n, v, s in zip(result.names, result.value, result.sigma, strict=True)])


def test_the_jacobian_is_that_of_finite_differences():
    points = torch.linspace(0.1, 3.0, 7, dtype=torch.float64)
    index = torch.stack((torch.zeros(7), torch.tensor([1, 1, 1, 2, 2, 2, 2]), torch.full((7,), 3))).long()

    def residual(q: torch.Tensor) -> torch.Tensor:
        return torch.exp(q[:, 0] * points) * q[:, 1] + torch.sin(q[:, 2] * q[:, 1])

    x = torch.tensor([[0.3, 1.2, -0.7, 2.0], [-0.5, 0.4, 0.9, 1.1]], dtype=torch.float64)
    r, j = jacobian(residual, x, index)
    torch.testing.assert_close(r, residual(x[:, index]))
    for k in range(4):
        step = 1e-6 * torch.eye(4, dtype=torch.float64)[k]
        slope = (residual((x + step)[:, index]) - residual((x - step)[:, index])) / 2e-6
        torch.testing.assert_close(j[..., k], slope, rtol=1e-7, atol=1e-8)


def test_the_minimum_is_that_of_scipy():
    """Cauchy loss on a decaying exponential with outliers: scipy's trust region from the same start."""
    rng = np.random.default_rng(3)
    t = np.linspace(0.0, 4.0, 60)
    y = 2.0 * np.exp(-0.8 * t) + 0.3 + 0.01 * rng.standard_normal(60)
    y[::13] += 1.0
    points, data = torch.tensor(t), torch.tensor(y)

    def residual(q: torch.Tensor) -> torch.Tensor:
        return (q[:, 0] * torch.exp(-q[:, 1] * points) + q[:, 2] - data) / 0.01

    index = torch.arange(3)[:, None].expand(3, 60)
    prior = Prior(torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
    starts = torch.tensor([[1.0, 1.0, 0.0], [3.0, 0.3, 1.0], [0.5, 2.0, 0.5]], dtype=torch.float64)
    found = minimise(residual, starts, index, prior, 1.0, tolerance=1e-12)
    other = least_squares(
        lambda x: (x[0] * np.exp(-x[1] * t) + x[2] - y) / 0.01,
        (2.0, 0.8, 0.3),
        loss="cauchy",
        f_scale=2.385,
        xtol=1e-12,
        ftol=1e-12,
    )
    assert float(found.best().cost) == pytest.approx(other.cost, rel=1e-8)
    np.testing.assert_allclose(found.best().x[0].numpy(), other.x, rtol=1e-4)


def test_curves_without_noise_give_the_parameters_back(measure: Make, start: Device):
    result = fit(measure(device()), start)
    assert result.names == tuple(TRUTH)
    assert result.converged
    for name, value in zip(result.names, result.value, strict=True):
        assert value == pytest.approx(TRUTH[name], rel=0.01), name
    assert result.decades(1e-13) < 1e-3


def test_noise_floor_and_outliers_leave_the_truth_within_three_sigma(measure: Make, start: Device):
    """Noise 1 %, an offset, a floor of 1e-13 A and 2 % of the readings wrong by up to two decades; 12 instruments."""
    z = np.array([known(fit(measure(device(), seed, outliers=0.02), start, list(TRUTH))) for seed in range(12)])
    assert np.mean(np.abs(z) < 3.0) >= 0.95
    assert 0.5 < np.sqrt(np.mean(z**2)) < 1.6  # neither boasting nor modest


def test_outliers_are_named(measure: Make, start: Device):
    with pytest.warns(FitWarning, match="are outliers and were given little weight"):
        fit(measure(device(), 1, outliers=0.05), start, list(TRUTH))


def test_the_result_does_not_depend_on_where_the_search_starts(measure: Make):
    data = measure(device(), 5)
    far = library.load("belmonte2023_igzo", {"tekv.threshold_voltage": -3.0, "tekv.mobility": 1e-4})
    near = fit(data, device(), list(TRUTH))
    assert fit(data, far, list(TRUTH)).value == pytest.approx(near.value, rel=2e-3)


def test_drift_between_sweeps_is_found_and_leaves_the_last_one_as_it_is(measure: Make, start: Device):
    table = measure(device(), 2).table
    table.loc[table["sweep"] == 1, "v_gs"] += 0.012
    result = fit(curves.tidy("drifted", table.drop(columns="sweep")), start, list(TRUTH))
    drift = result.table.groupby("sweep")["drift"].first()
    assert drift[1] == pytest.approx(0.012, abs=1.5e-3)
    assert abs(drift[0]) < 1.5e-3
    assert drift[3] == 0.0
    assert np.abs(known(result)).max() < 4.0


def test_one_temperature_cannot_tell_traps_from_tail_and_two_can(measure: Make):
    free = [*TRUTH, "tekv.tail_temperature"]
    truth = device(tekv__tail_temperature=800.0)
    start = device()
    with pytest.warns(DegeneracyWarning) as given:
        one = fit(measure(truth, 4), start, free)
    messages = [str(w.message) for w in given]
    assert any("cannot tell tekv.interface_traps (n) from the band tail" in text for text in messages)
    assert any("are degenerate (correlation" in text or "least known is the combination" in text for text in messages)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        two = fit(measure(truth, 4, temperatures=(250.0, 350.0)), start)
    assert {"tekv.tail_temperature", "tekv.flat_band_slope", "tekv.mobility_activation"} < {*two.names}
    assert not any("cannot tell" in str(w.message) for w in given)
    at = two.names.index("tekv.tail_temperature")
    assert two.sigma[at] < 0.5 * one.sigma[at]
    assert two.value[at] == pytest.approx(800.0, abs=3.0 * two.sigma[at])
    assert two.sigma[at] < 40.0


def test_a_parameter_without_influence_is_named_and_keeps_its_range(measure: Make, start: Device):
    with pytest.warns(DegeneracyWarning, match=r"tekv.saturation_velocity is not determined by these curves"):
        result = fit(measure(device(), 6), start, [*TRUTH, "tekv.saturation_velocity"])
    assert result.sigma[-1] > 0.5 * result.value[-1]


def test_several_lengths_give_the_contact_resistance(measure: Make, start: Device):
    truth = device(contacts__minimum_resistance=2e-3)
    result = fit(measure(truth, 7, drains=(0.05, 1.0), lengths=(2e-7, 5e-7, 2e-6)), start)
    assert "contacts.minimum_resistance" in result.names
    at = result.names.index("contacts.minimum_resistance")
    assert result.value[at] == pytest.approx(2e-3, abs=4.0 * result.sigma[at])
    assert result.sigma[at] < 2e-4


def test_capacitance_curves(start: Device):
    """C-V alone gives threshold, tail and overlap; the points come from the exact derivative of the gate charge."""
    truth = device(tekv__overlap_capacitance=4e-10)
    v_g = torch.linspace(-1.0, 2.0, 61, dtype=torch.float64, requires_grad=True)
    size = torch.tensor([1e-5, 1e-6, 300.0], dtype=torch.float64)
    zero = torch.zeros((), dtype=torch.float64)
    (c,) = torch.autograd.grad(truth.transistor(*size).charges(v_g, zero, zero).gate.sum(), v_g)
    noisy = c.numpy() * (1.0 + 0.005 * np.random.default_rng(1).standard_normal(61))
    table = pd.DataFrame({"v_gs": v_g.detach().numpy(), "c_g": noisy})
    data = curves.tidy("cv", table.assign(width=1e-5, length=1e-6, temperature=300.0))
    assert chosen((), data.table) == tuple(name for name in WHEN if name in {*TRUTH, "tekv.overlap_capacitance"} - {
        "tekv.mobility", "tekv.length_modulation"})  # fmt: skip
    result = fit(data, start, ["threshold_voltage", "tail_density", "overlap_capacitance"])
    wanted = {**TRUTH, "tekv.overlap_capacitance": 4e-10}
    start_traps = fit(data, device(), ["threshold_voltage", "tail_density", "overlap_capacitance"])
    for name, value, sigma in zip(start_traps.names, start_traps.value, start_traps.sigma, strict=True):
        assert abs(value - wanted[name]) < 4.0 * sigma, name
    assert result.value[2] == pytest.approx(4e-10, rel=0.05)


def test_every_kind_of_curve_at_several_sizes_and_temperatures_together(measure: Make, start: Device):
    """Two lengths, three temperatures, transfer, output and C-V curves: ten parameters by themselves, each found."""
    unlike = {"tekv.tail_temperature": 800.0, "contacts.minimum_resistance": 2e-3, "tekv.overlap_capacitance": 4e-10}
    truth = device(**{name.replace(".", "__"): value for name, value in unlike.items()})
    transfer = measure(truth, 11, drains=(0.05, 1.0), lengths=(2e-7, 1e-6), temperatures=(260.0, 300.0, 360.0)).table
    v_d = np.linspace(0.1, 2.0, 20)
    output = pd.DataFrame({"v_gs": np.repeat((1.0, 1.5, 2.0), 20), "v_ds": np.tile(v_d, 3)})
    output = output.assign(width=1e-5, length=1e-6, temperature=300.0)
    one = [torch.tensor(output[key].to_numpy()) for key in ("v_gs", "v_ds", "width", "length", "temperature")]
    output["i_d"] = truth.transistor(*one[2:]).current(*one[:2], torch.zeros(())).numpy()
    output["i_d"] *= 1.0 + 0.01 * np.random.default_rng(2).standard_normal(60)
    v_g = torch.linspace(-1.0, 2.0, 61, dtype=torch.float64)
    zero = torch.zeros((), dtype=torch.float64)
    cell = truth.transistor(*(column[0] for column in one[2:]))
    c = (cell.charges(v_g + 1e-4, zero, zero).gate - cell.charges(v_g - 1e-4, zero, zero).gate) / 2e-4
    capacitance = pd.DataFrame({"v_gs": v_g, "v_ds": 0.0, "c_g": c}).assign(width=1e-5, length=1e-6, temperature=300.0)
    data = curves.tidy("all", pd.concat((transfer[output.columns], output, capacitance)))
    assert data.table.groupby("kind")["sweep"].nunique().to_dict() == {"capacitance": 1, "output": 3, "transfer": 12}
    result = fit(data, start)
    assert set(result.names) == {*WHEN}
    assert result.value[result.names.index("tekv.mobility")] == pytest.approx(18e-4, rel=0.02)
    for name, value in unlike.items():
        at = result.names.index(name)
        assert result.value[at] == pytest.approx(value, abs=4.0 * result.sigma[at]), name
        assert result.sigma[at] < 0.03 * value, name


def test_the_card_reads_back_without_loss(measure: Make, start: Device, tmp_path):
    result = fit(measure(device(), 8), start)
    files = fit_report.write(result, tmp_path, "mine")
    assert {"card", "png", "pdf", "csv", "json"} == {*files}
    assert all(file.stat().st_size > 500 for file in files.values())
    again = library.load(str(files["card"]))
    for section in ("tekv", "contacts", "pbti", "hydrogen", "mismatch"):
        assert again.card.values(section) == result.card.values(section), section
    t = result.table[result.table["sweep"] == result.table["sweep"].max()]
    columns = ("v_gs", "v_ds", "width", "length", "temperature")
    v_g, v_d, w, size, heat = (torch.tensor(t[key].to_numpy()) for key in columns)
    current = again.transistor(w, size, heat).current(v_g, v_d, torch.zeros((), dtype=torch.float64))
    np.testing.assert_allclose(current.numpy() + t["offset"], t["fitted"], rtol=1e-10)
    for (section, old), (_, new) in zip(start.card.items(), again.card.items(), strict=True):
        if f"{section}.{old.name}" in result.names:
            assert (new.how, new.source, new.where) == ("fitted", "user", "synthetic.csv")
            assert new.sigma == pytest.approx(result.sigma[result.names.index(f"{section}.{old.name}")])
        elif section != "validity":
            assert dataclasses.replace(new, prior=None, sigma=None) == dataclasses.replace(old, prior=None, sigma=None)
            assert new.prior == (None if old.prior is None else pytest.approx(old.prior, rel=1e-9))


def test_a_card_keeps_the_works_only_its_own_folder_knows(start: Device, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    text = start.card.path.read_text(encoding="utf-8").replace("yoon2018_rscadv", "me2026_lab")
    (own / "mine.yaml").write_text(text, encoding="utf-8")
    (own / "references.bib").write_text("@misc{me2026_lab, title={Mine}}")
    card = library.load(str(own / "mine.yaml")).card
    fitted_card.write(card, tmp_path / "out" / "again.yaml")
    again = library.load(str(tmp_path / "out" / "again.yaml")).card
    assert again.digest == card.digest


def test_ranges_are_inside_what_the_model_allows():
    from beolith.card import specs

    for name, of in RANGES.items():
        section, _, key = name.partition(".")
        spec = specs(SECTIONS[section])[key]
        assert spec.low <= of.low < of.high <= spec.high, name
        inside = 0.3 * of.low + 0.7 * of.high
        assert float(of.value(torch.tensor(of.inverse(inside), dtype=torch.float64))) == pytest.approx(inside)
    assert {*WHEN} <= {*RANGES}


def test_too_few_points_and_unknown_parameters(measure: Make, start: Device):
    table = measure(device(), 9).table.drop(columns="sweep")
    with pytest.raises(DataError, match=r"7 points are too few for \d+ parameters \(tekv.threshold_voltage"):
        fit(curves.tidy("few", table.iloc[::35]), start)
    with pytest.raises(BeolithError, match=r"'mobilty' cannot be fitted; did you mean 'mobility'\?"):
        fit(curves.tidy("all", table), start, ["mobilty"])


def test_curves_of_something_else_are_named(start: Device):
    v = np.linspace(-1.0, 2.0, 61)
    table = pd.DataFrame({"v_gs": v, "v_ds": 0.1, "i_d": 1e-9 * (3.0 + np.sin(20.0 * v)) ** 9 * np.exp(3 * v)})
    with pytest.warns(FitWarning, match="the model misses half of the points by"):
        fit(curves.tidy("noise", table.assign(width=1e-5, length=1e-6, temperature=300.0)), start)


def test_floor_and_offset_of_a_sweep(measure: Make):
    p = measurement.points(measure(device(), 10))
    floors = p.floor.unique()
    assert len(floors) == 4
    assert bool(((floors > 5e-14) & (floors < 3e-13)).all())
    np.testing.assert_allclose((p.offset_start * p.offset_scale).unique().numpy(), 2e-13, atol=6e-14)
