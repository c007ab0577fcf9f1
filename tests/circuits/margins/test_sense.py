"""Sensing against an offset: the normal law both ways."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from beolith.circuits.margins.sense import needed_signal, pair_offset, sense_margin
from beolith.devices import library


def f64(*x: float) -> Tensor:
    return torch.tensor(x[0] if len(x) == 1 else x, dtype=torch.float64)


def test_probability_is_the_tail_of_the_normal_law():
    found = sense_margin(f64(0.01, 0.05, 0.1), f64(0.02))
    assert found.sigmas.tolist() == pytest.approx([0.5, 2.5, 5.0])
    assert found.wrong.tolist() == pytest.approx([0.5 * math.erfc(z / math.sqrt(2.0)) for z in (0.5, 2.5, 5.0)])


def test_a_count_of_wrong_reads():
    """A million amplifiers, offsets drawn: as many read wrongly as the law says, within four of its deviations."""
    offset = 0.02 * torch.randn(1_000_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wrong = float(sense_margin(f64(0.05), f64(0.02)).wrong)
    count = int((offset > 0.05).sum())
    assert abs(count - 1e6 * wrong) < 4.0 * math.sqrt(1e6 * wrong)


@pytest.mark.parametrize("cells", [1.0, 1e6, 1e9])
def test_the_needed_signal_gives_the_yield(cells: float):
    signal = needed_signal(f64(0.01, 0.02), yield_=0.99, cells=cells)
    wrong = sense_margin(signal, f64(0.01, 0.02)).wrong
    assert (cells * torch.log1p(-wrong)).exp().tolist() == pytest.approx([0.99, 0.99], rel=1e-7)


def test_a_pair_has_the_offset_of_its_card():
    device = library.load("silicon_45nm")
    width, length = f64(1e-6, 4e-6), f64(17.5e-9)
    found = pair_offset(device, width, length)
    assert float(found[0] / found[1]) == pytest.approx(2.0)
    assert found.tolist() == pytest.approx((math.sqrt(2.0) * device.threshold_sigma(width, length)).tolist())
    assert 1e-3 < float(found[0]) < 0.1


def test_gradients():
    signal = f64(0.05).requires_grad_()
    sense_margin(signal, f64(0.02)).wrong.backward()
    assert float(signal.grad) == pytest.approx(-math.exp(-0.5 * 2.5**2) / math.sqrt(2.0 * math.pi) / 0.02)  # type: ignore[arg-type]
