"""Evaluations per second on two cores: 5 million of the channel, 1.5 million with contacts and charges.

The gradient costs no more than three times the value, and time grows with the batch by a power of at most 1.05.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from beolith.devices import library
from beolith.devices.contacts import ContactParameters
from beolith.devices.thin_film import ThinFilmTransistor


@pytest.mark.parametrize(("size", "bar"), [(1_000, 0.5e6), (20_000, 2e6), (2_000_000, 5e6)])
def test_current_and_conductances(benchmark: BenchmarkFixture, size: int, bar: float) -> None:
    torch.set_num_threads(2)
    length = torch.tensor(45e-9, dtype=torch.float64)
    transistor = library.load("belmonte2023_igzo").transistor(length, length, torch.tensor(300.0, dtype=torch.float64))
    v = torch.rand(3, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 - 1
    with torch.no_grad():
        transistor.current_and_conductances(*v)
        benchmark(transistor.current_and_conductances, *v)
    rate = size / benchmark.stats.stats.min
    benchmark.extra_info.update(evaluations_per_second=rate, threads=2)
    assert rate >= bar


def contacted() -> ThinFilmTransistor:
    """In2O3 at 50 nm between contacts of 100 ohm um and a gated barrier."""
    size = torch.tensor([1e-6, 50e-9, 300.0], dtype=torch.float64)
    values = torch.tensor([1e-4, 1e-3, 8e-21, 0.0, 5e-3, math.inf], dtype=torch.float64)
    channel = library.load("pandey2025_in2o3").transistor(*size, without=["contacts"]).channel
    return ThinFilmTransistor(channel, ContactParameters(*values))


def biases(size: int) -> Tensor:
    return torch.rand(3, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 - 1


def cpu_seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Least processor time of some calls [s]."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return min(spent)


def test_contacts_and_charges(benchmark: BenchmarkFixture) -> None:
    torch.set_num_threads(2)
    transistor, v = contacted(), biases(1_000_000)
    with torch.no_grad():
        transistor.current_and_charges(*v)
        benchmark(transistor.current_and_charges, *v)
    rate = 1_000_000 / benchmark.stats.stats.min
    benchmark.extra_info.update(evaluations_per_second=rate, threads=2)
    assert rate >= 1.5e6


def test_gradient_costs_at_most_three_values(benchmark: BenchmarkFixture) -> None:
    """Current and charges with contacts, gradient by bias, 20,000 biases on one thread, processor time."""
    torch.set_num_threads(1)
    transistor, v = contacted(), biases(20_000)

    def value() -> object:
        with torch.no_grad():
            return transistor.current_and_charges(*v)

    def gradient() -> object:
        at = v.clone().requires_grad_()
        i_d, q = transistor.current_and_charges(*at)
        return torch.autograd.grad(1e6 * i_d.sum() + 1e15 * q.drain.sum(), at)

    ratio = benchmark.pedantic(lambda: cpu_seconds(gradient) / cpu_seconds(value), rounds=1)
    benchmark.extra_info.update(ratio=ratio, threads=1)
    assert ratio <= 3.0


def test_time_grows_with_the_batch(benchmark: BenchmarkFixture) -> None:
    """Exponent of processor time against size between 32 thousand and 2 million biases."""
    torch.set_num_threads(1)
    transistor, sizes = contacted(), (1 << 15, 1 << 21)

    def measure() -> float:
        with torch.no_grad():
            spent = [cpu_seconds(partial(transistor.current, *biases(n)), 3) for n in sizes]
        return math.log(spent[1] / spent[0]) / math.log(sizes[1] / sizes[0])

    exponent = benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info.update(exponent=exponent)
    assert exponent <= 1.05
