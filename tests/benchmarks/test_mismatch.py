"""A million transistors with every deviation drawn and one current each, through contacts: under 5 s on two cores."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from beolith.devices import library
from beolith.devices.library import Device

COUNT = 1_000_000


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


SPREAD = {
    "mobility_matching": 2e-9,
    "contact_matching": 3e-5,
    "mobility_correlation": -0.3,
    "contact_correlation": 0.2,
    "thickness_roughness": 0.2e-9,
    "thickness_correlation": 20e-9,
    "length_roughness": 1e-9,
    "width_roughness": 1e-9,
    "edge_correlation": 20e-9,
}


def varying(card: str) -> Device:
    """A card with every kind of spread and with contacts."""
    device = library.load(card)
    contacts = replace(device.contacts, minimum_resistance=tensor(1e-4), barrier_resistance=tensor(4e-4))
    mismatch = device.mismatch.replace(**{name: tensor(value) for name, value in SPREAD.items()})
    return replace(device, mismatch=mismatch, contacts=contacts)


def currents(device: Device, count: int, method: str = "random") -> Tensor:
    with torch.no_grad():
        many = device.sample(tensor(70e-9), tensor(60e-9), tensor(300.0), count, method=method, seed=1)
        return many.current(tensor(0.8), tensor(0.5), tensor(0.0))


@pytest.mark.parametrize("method", ["random", "sobol", "latin"])
@pytest.mark.parametrize("card", ["belmonte2023_igzo", "liu2023_ito"])
def test_a_million_samples(benchmark: BenchmarkFixture, card: str, method: str) -> None:
    torch.set_num_threads(2)
    device = varying(card)
    found = benchmark.pedantic(currents, (device, COUNT, method), rounds=3, warmup_rounds=1)
    assert found.shape == (COUNT,)
    assert bool((found > 0).all())
    seconds = benchmark.stats.stats.min
    benchmark.extra_info.update(samples_per_second=COUNT / seconds, threads=2)
    assert seconds < 5


def test_growth(benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float]) -> None:
    """CPU time from 1e4 to 1e6 samples on one thread grows with a power of at most 1.05."""
    torch.set_num_threads(1)
    device = varying("belmonte2023_igzo")
    benchmark.pedantic(currents, (device, 10_000), rounds=1)
    few, many = (cpu_seconds(lambda n=n: currents(device, n), repeats=5) for n in (10_000, COUNT))
    exponent = math.log(many / few) / math.log(COUNT / 10_000)
    benchmark.extra_info.update(exponent=exponent, cpu_seconds=many)
    assert exponent <= 1.05
