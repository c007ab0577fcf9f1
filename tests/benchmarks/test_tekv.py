"""Current and conductances per second: at least 5 million on two cores, half a million for a batch of 1,000."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from beolith.devices import library


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
