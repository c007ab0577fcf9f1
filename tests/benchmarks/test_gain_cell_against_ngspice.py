"""Write, hold to 1000 s and read of 1,000 cells against ngspice, at the same waveform error: 50 times less CPU each."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from beolith.circuits import spice
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import gain_cell
from beolith.circuits.gain_phases import held, rebalance, selected, write_and_hold
from beolith.devices import library
from beolith.devices.base import DeviceState

VARIANTS = 1000


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_thousand_variants(benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float]) -> None:
    torch.set_num_threads(1)
    d, device = GainCellDesign(), library.load("liu2023_ito")
    hot, high = (torch.tensor(x, dtype=torch.float64) for x in (358.0, 1.2))
    spread = 0.03 * torch.randn(VARIANTS, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    spread[0] = 0.0
    cells = gain_cell(device, d, hot, DeviceState(threshold_shift=spread), DeviceState())
    one = gain_cell(device, d, hot, DeviceState(), DeviceState())
    times, reference = spice.storage_node(one, d, 1.2, points=20)
    coarse_times, coarse = spice.storage_node(one, d, 1.2)

    def ours() -> torch.Tensor:
        with torch.no_grad():
            start = torch.zeros(VARIANTS, dtype=torch.float64)
            v = write_and_hold(cells, d, high, start, coarse_times.tolist(), tolerance=1e-3).voltages
            cells.read_current(rebalance(cells, v[-1], held(d), selected(d)), torch.tensor(d.v_read).double())
            return v

    seconds = cpu_seconds(ours)
    rival = cpu_seconds(lambda: spice.storage_node(one, d, 1.2))
    v = benchmark.pedantic(ours, rounds=1)
    same = torch.isin((times.log10() * 20).round(), (coarse_times.log10() * 20).round())
    error = float((v[:, 0] - reference[same]).abs().max())
    rival_error = float((coarse - reference[same]).abs().max())
    ratio = rival / (seconds / VARIANTS)
    benchmark.extra_info.update(
        cpu_seconds_per_variant=seconds / VARIANTS,
        ngspice_cpu_seconds=rival,
        ratio=ratio,
        error=error,
        ngspice_error=rival_error,
    )
    assert error < max(rival_error, 1e-3)
    assert ratio >= 50
