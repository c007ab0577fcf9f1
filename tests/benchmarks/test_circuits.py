"""The circuit engine against ngspice in the same run: Monte Carlo of write and hold to 1000 s, and a static sweep.

The rival is ngspice with the same transistors and the same written and held node (:mod:`beolith.circuits.spice`), its
process included. Both are within 1 mV of a fine run of ngspice.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from beolith.circuits import spice
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import gain_cell
from beolith.circuits.gain_node import Gain2T0C
from beolith.circuits.mna.operating_point import operating_point
from beolith.circuits.mna.system import system
from beolith.circuits.mna.transient import transient
from beolith.circuits.netlist import Capacitor, Circuit, Fet, VoltageSource, pulse, pwl
from beolith.devices import library
from beolith.devices.base import DeviceState, Transistor

CPU = Callable[[Callable[[], object]], float]
CARDS = ("liu2023_ito", "belmonte2023_igzo")
TOLERANCE = 1e-3
needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def f64(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def spread(variants: int, seed: int = 0) -> Tensor:
    """Thresholds of 30 mV, the first at its mean [V]."""
    shifts = 0.03 * torch.randn(variants, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    shifts[0] = 0.0
    return shifts


def write_and_hold(cell: Gain2T0C, d: GainCellDesign) -> tuple[Circuit, float]:
    """A cell that is written to its high level and held, and when it has been written [s]."""
    e, w = d.edge_time, d.write_time
    high = f64(d.v_high)
    elements = (
        VoltageSource("wwl", "wwl", "0", pulse(d.v_hold, d.v_write, start=0.0, width=w, edge=e)),
        VoltageSource("wbl", "wbl", "0", pwl([0.0, 2 * e + w, 3 * e + w], [high, high, 0.0])),
        VoltageSource("rwl", "rwl", "0", f64(d.v_read)),
        VoltageSource("rbl", "rbl", "0", f64(d.v_read)),
        Fet("write", "wwl", "wbl", "sn", cell.write),
        Fet("read", "sn", "rbl", "rwl", cell.read),
        Capacitor("storage", "sn", "0", cell.storage),
        Capacitor("c_rwl", "sn", "rwl", cell.couple_rwl),
        Capacitor("c_rbl", "sn", "rbl", cell.couple_rbl),
    )
    return Circuit("2T0C", elements, {"sn": f64(0.0)}), 3 * e + w


@dataclass(frozen=True)
class Race:
    """One card in the engine and in ngspice.

    Attributes:
        card: Name of the card.
        times: Samples since the end of the write [s].
        reference: Voltages of a fine run of ngspice at these [V].
        rival_error: Of the run of ngspice that is timed [V].
        rival: CPU seconds of that run [s].
    """

    card: str
    times: Tensor
    reference: Tensor
    rival_error: float
    rival: float

    def ours(self, variants: int) -> Callable[[], Tensor]:
        """Storage node of some variants, (time, variant) [V]; from the circuit on, without the loading of the card."""
        d, device = GainCellDesign(), library.load(self.card)
        cells = gain_cell(device, d, f64(358.0), DeviceState(threshold_shift=spread(variants)), DeviceState())

        def run() -> Tensor:
            with torch.no_grad():
                circuit, written = write_and_hold(cells, d)
                found = transient(system(circuit), written + self.times, tolerance=TOLERANCE)
                assert not bool(found.status.any())
                return found["sn"]

        return run

    def error(self, v: Tensor) -> float:
        """Of the first variant, which has the mean threshold [V]."""
        return float((v[:, 0] - self.reference).abs().max())


@pytest.fixture(scope="module")
def races() -> dict[str, Race]:
    return {}


@pytest.fixture
def race(request: pytest.FixtureRequest, races: dict[str, Race], cpu_seconds: CPU) -> Race:
    card: str = request.param
    torch.set_num_threads(1)
    if card not in races:
        d = GainCellDesign()
        one = gain_cell(library.load(card), d, f64(358.0), DeviceState(), DeviceState())
        fine_times, fine = spice.storage_node(one, d, d.v_high, points=20)
        times, coarse = spice.storage_node(one, d, d.v_high)
        same = torch.isin((fine_times.log10() * 20).round(), (times.log10() * 20).round())
        rival = cpu_seconds(lambda: spice.storage_node(one, d, d.v_high))
        races[card] = Race(card, times, fine[same], float((coarse - fine[same]).abs().max()), rival)
    return races[card]


@needs_ngspice
@pytest.mark.parametrize("race", CARDS, indirect=True)
@pytest.mark.parametrize(("variants", "bar"), [(1, 1.0), (100, 50.0), (10_000, 1000.0)])
def test_write_and_hold(benchmark: BenchmarkFixture, cpu_seconds: CPU, race: Race, variants: int, bar: float) -> None:
    """CPU of ngspice for as many runs over that of the engine for all of them."""
    ours = race.ours(variants)
    ours()  # whatever PyTorch does once in a process
    seconds = cpu_seconds(ours)
    v = benchmark.pedantic(ours, rounds=1)
    ratio = race.rival * variants / seconds
    benchmark.extra_info.update(
        cpu_seconds=seconds,
        cpu_seconds_per_variant=seconds / variants,
        ngspice_cpu_seconds=race.rival,
        ratio=ratio,
        error=race.error(v),
        ngspice_error=race.rival_error,
    )
    assert race.error(v) < 1e-3
    assert ratio >= bar


@needs_ngspice
@pytest.mark.parametrize("race", CARDS[:1], indirect=True)
def test_growth_with_the_batch(benchmark: BenchmarkFixture, cpu_seconds: CPU, race: Race) -> None:
    """Exponent of CPU seconds by variants, fitted from 100 to 10,000."""
    sizes = (100, 1000, 10_000)
    seconds = [cpu_seconds(race.ours(n)) for n in sizes]
    x, y = (torch.tensor(z, dtype=torch.float64).log() for z in (sizes, seconds))
    x = x - x.mean()
    exponent = float((x * y).sum() / (x * x).sum())
    benchmark.pedantic(race.ours(100), rounds=1)
    benchmark.extra_info.update(
        exponent=exponent, **{f"cpu_seconds_{n}": t for n, t in zip(sizes, seconds, strict=True)}
    )
    assert exponent <= 1.05


def test_static_sweep_of_a_half_cell(benchmark: BenchmarkFixture, cpu_seconds: CPU) -> None:
    """64 inputs of a thousand 6T half cells, read: half of a butterfly; both halves and the margin have 2 s."""
    torch.set_num_threads(1)
    variants, device = 1000, library.load("liu2023_ito")

    def transistor(width: float, seed: int) -> Transistor:
        state = DeviceState(threshold_shift=spread(variants, seed))
        return device.transistor(f64(width), f64(50e-9), f64(300.0), state)

    elements = (
        VoltageSource("vdd", "vdd", "0", f64(1.0)),
        VoltageSource("in", "in", "0", torch.linspace(0.0, 1.0, 64, dtype=torch.float64)[:, None]),
        VoltageSource("wl", "wl", "0", f64(1.0)),
        VoltageSource("bl", "bl", "0", f64(1.0)),
        Fet("pull_down", "in", "out", "0", transistor(200e-9, 1)),
        Fet("pull_up", "in", "out", "vdd", transistor(400e-9, 2), -1),
        Fet("access", "wl", "bl", "out", transistor(100e-9, 3)),
    )

    def ours() -> Tensor:
        with torch.no_grad():
            s = system(Circuit("6T half cell", elements))
            point = operating_point(s, guess={"out": 0.5})
            assert bool(point.converged.all())
            return s.slopes(point.x, s.drive(point.x.new_zeros(s.batch)), charged=False).flows.current[0]

    ours()
    seconds = cpu_seconds(ours)
    imbalance = float(benchmark.pedantic(ours, rounds=1).abs().max())
    benchmark.extra_info.update(cpu_seconds=seconds, points=64 * variants, imbalance_ampere=imbalance)
    assert imbalance < 1e-12
    assert math.isfinite(seconds)
    assert seconds < 0.9
