"""Ten years in 10,000 segments for 1,000 devices: under 5 s on two cores, and no worse than linear in the batch."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from beolith.devices import library
from beolith.devices.stress.aging import Aging, age
from beolith.devices.stress.mission import Profile, from_arrays

SEGMENTS, DEVICES = 10_000, 1_000
TEN_YEARS = 3.156e8


def case(segments: int, devices: int) -> tuple[Aging, Profile]:
    """Every device with its own traps, that recover, and its own heat, bias and duty in every segment."""
    generator = torch.Generator().manual_seed(0)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)

    aging = library.load("belmonte2023_igzo").aging
    traps = dataclasses.replace(
        aging.trapping,
        amplitude=draw(0.03, 0.05, devices),
        time_constant=10 ** draw(4, 6, devices),
        emission_ratio=torch.tensor(3.0, dtype=torch.float64),
    )
    shape = (segments, devices)
    durations = torch.full((segments,), TEN_YEARS / segments, dtype=torch.float64)
    mission = from_arrays(durations, draw(300, 370, *shape), draw(0, 1.3, *shape), draw(0, 1, *shape))
    return dataclasses.replace(aging, trapping=traps), mission


def test_ten_years_of_a_thousand_devices(
    benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float]
) -> None:
    torch.set_num_threads(1)
    aging, mission = case(SEGMENTS, DEVICES)
    with torch.no_grad():
        age(*case(100, DEVICES))
        seconds = cpu_seconds(lambda: age(aging, mission))
        few, many = (cpu_seconds(functools.partial(age, *case(500, n))) for n in (DEVICES, 4 * DEVICES))
        fed = case(20, DEVICES)
        with_feedback = cpu_seconds(lambda: age(*fed, feedback=True), repeats=1) / 20
        benchmark.pedantic(age, (aging, mission), rounds=1)
    exponent = math.log(many / few) / math.log(4)
    benchmark.extra_info.update(
        cpu_seconds=seconds, exponent=exponent, cpu_seconds_per_segment_with_feedback=with_feedback
    )
    assert seconds < 5
    assert exponent <= 1.05
