"""A thousand draws of the priors through five layers and five steps of a budget: a few seconds on one core."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from beolith.devices import library
from beolith.devices.hydrogen import process
from beolith.devices.hydrogen.hydrogen_diffusion import advance
from beolith.devices.hydrogen.recipe import Layer, Quantity, Recipe, Step

DRAWS = 1000
BUDGET = (
    (1800.0, 523.0, 1e24),
    (3600.0, 623.0, None),
    (600.0, 673.0, 1e24),
    (3600.0, 573.0, None),
    (7200.0, 473.0, None),
)
LAYERS = (("sin", 50e-9, 1e27), ("sio2", 50e-9, 1e25), ("al2o3", 3e-9, 0.0), ("igzo", 8e-9, 0.0), ("al2o3", 10e-9, 0.0))


def test_thousand_draws(
    benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    stack = tuple(Layer(name, Quantity(d), Quantity(h)) for name, d, h in LAYERS)
    steps = tuple(Step(Quantity(t), Quantity(k), None if c is None else Quantity(c)) for t, k, c in BUDGET)
    recipe, device = Recipe("", stack, steps, channel=3, contacts=Quantity(1e25)), library.load("belmonte2023_igzo")
    length = torch.tensor(1e-6, dtype=torch.float64)

    def whole() -> process.Outcome:
        with torch.no_grad():
            return process.run(recipe, device, length, process.sample(recipe, DRAWS).values)

    seconds = cpu_seconds(whole)
    coarse = benchmark.pedantic(whole, rounds=1).uptake.content.free
    monkeypatch.setattr(process, "advance", lambda *args: advance(*args, steps=160))
    fine = whole().uptake.content.free
    error = float(((coarse - fine).abs() / fine.amax(0)).quantile(0.99))
    benchmark.extra_info.update(cpu_seconds=seconds, error_of_the_time_steps=error)
    assert error < 0.01
    assert seconds < 5.0
