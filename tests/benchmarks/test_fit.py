"""A fit of four transfer curves: CPU seconds, all starts included."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from beolith.devices import library
from beolith.devices.extraction import curves
from beolith.devices.extraction.extract import fit

FREE = ("threshold_voltage", "mobility", "tail_density", "interface_traps", "length_modulation")


@pytest.mark.parametrize("contacts", [(), ("contacts.minimum_resistance",)], ids=["channel", "with-contacts"])
def test_four_curves(benchmark: Any, cpu_seconds: Callable[[Callable[[], object]], float], contacts: tuple[str, ...]):
    """Under ten CPU seconds on two threads, 244 points, eight starts; the error beside the time."""
    torch.set_num_threads(2)
    start = library.load("belmonte2023_igzo")
    values = {"tekv.mobility": 18e-4, "contacts.minimum_resistance": 1e-3 * bool(contacts)}
    truth = library.load("belmonte2023_igzo", values)
    grid = np.meshgrid((0.05, 0.5, 1.0, 1.5), np.linspace(-1, 2, 61), indexing="ij")
    v_d, v_g = (torch.tensor(axis.ravel()) for axis in grid)
    size = torch.tensor([1e-5, 1e-6, 300.0], dtype=torch.float64)
    i_d = truth.transistor(*size).current(v_g, v_d, torch.zeros((), dtype=torch.float64)).numpy()
    i_d = i_d * (1.0 + 0.01 * np.random.default_rng(0).standard_normal(i_d.shape)) + 2e-13
    table = pd.DataFrame({"v_gs": v_g, "v_ds": v_d, "i_d": i_d, "width": 1e-5, "length": 1e-6, "temperature": 300.0})
    data = curves.tidy("four", table)

    def run() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fit(data, start, (*FREE, *contacts))

    result = benchmark.pedantic(run, rounds=3)
    seconds = cpu_seconds(run)
    error = abs(result.value[1] / 18e-4 - 1)
    benchmark.extra_info.update(cpu_seconds=seconds, threads=2, points=len(table), error_of_mobility=error)
    assert error < 0.05
    assert seconds < 10.0
