"""Static noise margin of 1,000 6T cells in a read, against ngspice on the same devices: sweeps of both halves."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.cell import build, load
from beolith.circuits.margins.bias import bias
from beolith.circuits.margins.butterfly import butterfly
from beolith.circuits.margins.snm import PLACES, snm
from beolith.circuits.netlist import Circuit, VoltageSource

VARIANTS = 1000


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_thousand_noise_margins(
    benchmark: BenchmarkFixture, cpu_seconds: Callable[[Callable[[], object]], float]
) -> None:
    torch.set_num_threads(1)
    kind = load("sram_6t")
    random = torch.Generator().manual_seed(0)
    shifts = {name: 0.02 * torch.randn(VARIANTS, dtype=torch.float64, generator=random) for name in kind.transistors}
    cells, one = build(kind, shifts=shifts), build(kind, shifts={name: x[0] for name, x in shifts.items()})
    held = bias(one, "read")

    def half(driven: str, answering: str) -> Tensor:
        """Transfer curve of one half as ngspice finds it, of the three transistors that make it."""
        fets = [x for x in one.fets if answering in (x.drain, x.source)]
        touched = {end for x in fets for end in (x.gate, x.drain, x.source)} & set(held)
        sources = [VoltageSource(node, node, "0", held[node]) for node in sorted(touched)]
        drive = VoltageSource("drive", driven, "0", torch.zeros((), dtype=torch.float64))
        step = 1.0 / (PLACES - 1)
        return deck.dc(Circuit("half", (*fets, *sources, drive)), "drive", (0.0, 1.0, step), [answering])[answering]

    def ours() -> Tensor:
        with torch.no_grad():
            return snm(cells, "read").margin

    seconds, rival = cpu_seconds(ours), cpu_seconds(lambda: (half("q", "qb"), half("qb", "q")))
    margins = benchmark.pedantic(ours, rounds=1)
    curves = butterfly(one, "read", points=PLACES)
    pairs = ((half("q", "qb"), curves.second), (half("qb", "q"), curves.first))
    error = max(float(np.abs(theirs.numpy() - mine.detach().numpy()).max()) for theirs, mine in pairs)
    ratio = rival / (seconds / VARIANTS)
    benchmark.extra_info.update(
        cpu_seconds=seconds, ngspice_cpu_seconds_per_cell=rival, ratio=ratio, largest_difference=error
    )
    assert not bool(margins.isnan().any())
    assert error < 1e-3
    assert seconds < 2.0
    assert ratio >= 50
