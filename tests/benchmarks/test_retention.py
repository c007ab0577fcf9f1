"""A million retentions with every deviation of the write transistor drawn: under 2 s on two cores, error recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from beolith.circuits.cell import load
from beolith.circuits.mismatch import deviates
from beolith.circuits.population import Population, population
from beolith.circuits.retention_statistics import worst

COUNT = 1_000_000
HELD = {"floor": -0.8, "both": -0.45, "diffusion": -0.1}


def cells(regime: str) -> Population:
    kind = load("gain_2t0c").with_(voltages={"v_hold": HELD[regime]})
    return population(kind, stored=torch.tensor([-0.06, 1.14], dtype=torch.float64))


@pytest.mark.parametrize("regime", HELD)
def test_a_million_retentions(
    benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float], regime: str
) -> None:
    """Wall seconds on two threads, CPU seconds on one; error against 64 panels."""
    few = cells(regime)
    torch.set_num_threads(1)
    alone = cpu_seconds(lambda: few.sample(COUNT))
    torch.set_num_threads(2)
    found = benchmark.pedantic(few.sample, (COUNT,), rounds=3, warmup_rounds=1)
    assert found.shape == (2, COUNT)
    z = deviates(few.transistors, 4096, seed=1)
    fine = replace(few, ways=tuple(replace(way, panels=64) for way in few.ways))
    error = float((few.times(z).amin(0) / fine.times(z).amin(0) - 1.0).abs().max())
    benchmark.extra_info.update(threads=2, cpu_seconds_on_one_thread=alone, error=error)
    assert error < 3e-3
    assert alone < 3.0  # two cores share it: under 2 s of wall time where the machine has them to spare


def test_a_six_sigma_tail(benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float]) -> None:
    """The retention of the worst cell of 1e9, beside the 1e11 cells that counting would take for 10 %."""
    few = cells("both")
    torch.set_num_threads(1)
    found = benchmark.pedantic(worst, (few, 1e-9), rounds=3, warmup_rounds=1)
    count = few.sample(100_000)
    by_counting = 1e11 / count.shape[1] * cpu_seconds(lambda: few.sample(100_000), repeats=1)
    benchmark.extra_info.update(
        relative_error=found.relative_error, speedup=by_counting / benchmark.stats.stats.min, sigma=found.event.sigma
    )
    assert found.relative_error < 0.1
    assert math.isclose(found.event.sigma, 6.0, abs_tol=0.05)
    assert benchmark.stats.stats.min < 15.0
