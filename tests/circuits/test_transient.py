"""The integrator against closed forms: an RC, its order, fourteen decades of leakage, break points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from beolith.circuits.transient import transient
from beolith.circuits.waveform import Voltages, Waveform
from beolith.errors import BeolithError

from .conftest import f64

RESISTANCE, CAPACITANCE = f64(1e3, 3e4, 1e6), 1e-15


def rc(v: Tensor, u: Voltages) -> tuple[Tensor, Tensor]:
    return CAPACITANCE * v, (u["in"] - v) / RESISTANCE


def ramp(*points: tuple[float, float]) -> Waveform:
    return Waveform(tuple(t for t, _ in points), {"in": [f64(v) for _, v in points]})


def exact_ramp(t: float, rise: float) -> Tensor:
    tau = RESISTANCE * CAPACITANCE
    if t <= rise:
        return (t - tau * (1 - torch.exp(-t / tau))) / rise
    return 1 - tau / rise * (1 - torch.exp(-rise / tau)) * torch.exp(-(t - rise) / tau)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-5])
def test_rc_driven_by_a_ramp(tolerance: float) -> None:
    wave = ramp((0.0, 0.0), (1e-10, 1.0), (1e-8, 1.0))
    samples = [5e-11, 1e-10, 3e-10, 1e-9, 1e-8]
    run = transient(rc, wave, torch.zeros(3, dtype=torch.float64), samples=samples, tolerance=tolerance)
    expected = torch.stack([exact_ramp(t, 1e-10) for t in samples])
    assert run.times.tolist() == samples
    assert run.error <= tolerance
    assert (run.voltages - expected).abs().max() < 10 * tolerance


def test_second_order() -> None:
    wave = ramp((0.0, 1.0), (1e-9, 1.0))
    errors = []
    for count in (40, 80, 160):
        steps = [1e-9 * k / count for k in range(1, count + 1)]
        run = transient(rc, wave, torch.zeros(3, dtype=torch.float64), samples=[1e-9], steps=steps)
        expected = 1 - torch.exp(-1e-9 / (RESISTANCE * CAPACITANCE))
        errors.append(float((run.voltages[-1] - expected).abs()[2]))
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)


def test_leak_over_fourteen_decades() -> None:
    decades = [10.0**k for k in range(-9, 6)]
    leak = f64(1e-24, 1e-21, 1e-18)
    run = transient(
        lambda v, u: (CAPACITANCE * v, -leak * torch.tanh(v / 0.05)),
        ramp((0.0, 0.0), (1.1e5, 0.0)),
        torch.ones(3, dtype=torch.float64),
        samples=decades,
    )
    # dV/dt = -(I/C) tanh(V/p) integrates to sinh(V/p) = sinh(1/p) exp(-I t/(C p))
    for t, v in zip(decades, run.voltages, strict=True):
        log_sinh = 1.0 / 0.05 - torch.log(f64(2.0)) - leak * t / (CAPACITANCE * 0.05)
        exact = 0.05 * torch.where(log_sinh > 15, log_sinh + torch.log(f64(2.0)), torch.asinh(torch.exp(log_sinh)))
        assert (v - exact).abs().max() < 5e-4
    assert len(run.steps) < 250


def test_same_steps_give_the_same_answer() -> None:
    wave = ramp((0.0, 0.0), (1e-10, 1.0), (1e-8, 1.0))
    start = torch.zeros(3, dtype=torch.float64)
    first = transient(rc, wave, start, samples=[1e-9, 1e-8])
    again = transient(rc, wave, start, samples=[1e-9, 1e-8], steps=first.steps)
    assert again.steps == first.steps
    torch.testing.assert_close(again.voltages, first.voltages, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("times", "levels", "message"),
    [((0.0, 1.0, 1.0), [f64(0.0)] * 3, "must rise"), ((0.0, 1.0), [f64(0.0)] * 3, "'in' has 3 voltages")],
)
def test_bad_waveforms_are_refused(times: tuple[float, ...], levels: list[Tensor], message: str) -> None:
    with pytest.raises(BeolithError, match=message):
        Waveform(times, {"in": levels})
