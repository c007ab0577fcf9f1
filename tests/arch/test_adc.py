from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from beolith.arch.adc import RANGE_RULES, calibrate, digitise, sum_histogram


@given(bits=st.integers(1, 10))
def test_exactly_two_to_the_n_codes(bits: int) -> None:
    sums = torch.linspace(-3.0, 3.0, 50_001) * 2 ** (bits - 1)
    codes = digitise(sums, bits).unique()
    assert codes.tolist() == list(range(-(2 ** (bits - 1)), 2 ** (bits - 1)))


def test_mid_tread_ties_and_clipping() -> None:
    sums = torch.tensor([-9.0, -0.5, -0.49, 0.5, 1.5, 6.5, 7.4, 7.6, 100.0])
    assert digitise(sums.clone(), 4).tolist() == [-8.0, 0.0, 0.0, 0.0, 2.0, 6.0, 7.0, 7.0, 7.0]
    assert torch.equal(digitise(sums, None), sums)


def test_gradient_is_straight_through_and_stops_at_the_rails() -> None:
    sums = torch.tensor([-9.0, 0.3, 9.0], requires_grad=True)
    digitise(sums, 4).sum().backward()
    assert sums.grad is not None
    assert sums.grad.tolist() == [0.0, 1.0, 0.0]


@given(bits=st.integers(1, 10), values=st.lists(st.integers(-400, 400), min_size=1, max_size=60))
def test_calibrated_range(bits: int, values: list[int]) -> None:
    sums = torch.tensor(values, dtype=torch.float64)
    histogram = sum_histogram(sums, 400)
    error = {}
    for rule in RANGE_RULES:
        lsb = calibrate(histogram, bits, rule)
        assert lsb >= 1.0
        error[rule] = float((digitise(sums / lsb, bits) * lsb - sums).square().sum())
    assert error["mse"] <= error["max"]
    if -(2 ** (bits - 1)) <= min(values) and max(values) <= 2 ** (bits - 1) - 1:
        assert error == {"mse": 0.0, "max": 0.0}  # a range that fits is lossless


@pytest.mark.parametrize("rule", RANGE_RULES)
def test_a_silent_column_and_an_exact_one_keep_the_unit(rule: str) -> None:
    assert calibrate(sum_histogram(torch.zeros(10), 5), 4, rule) == 1.0
    assert calibrate(sum_histogram(torch.full((10,), 5.0), 5), None, rule) == 1.0


def test_largest_rule_never_clips() -> None:
    values = torch.tensor([-1920.0, 1920.0], dtype=torch.float64)
    lsb = calibrate(sum_histogram(values, 1920), 8, "max")
    assert float(digitise(values / lsb, 12).abs().max()) <= 127
