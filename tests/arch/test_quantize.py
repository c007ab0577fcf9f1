from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from beolith.arch.quantize import (
    bit_planes,
    code_range,
    percentile,
    plane_weights,
    quantise,
    quantise_weight,
    round_through,
    weight_scale,
)


def test_rounding_is_half_to_even_with_and_without_gradient() -> None:
    x = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.3, 0.7])
    expected = [-2.0, -2.0, 0.0, 0.0, 2.0, 2.0, 0.0, 1.0]
    assert round_through(x).tolist() == expected
    assert round_through(x.requires_grad_()).tolist() == expected


def test_gradient_passes_inside_the_range_and_stops_outside() -> None:
    x = torch.tensor([-1.0, 0.2, 0.9, 3.0], requires_grad=True)
    quantise(x, torch.tensor(0.1), 0, 15).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([0.0, 10.0, 10.0, 0.0]))


def test_weight_codes_are_symmetric_and_reach_the_top() -> None:
    weight = torch.tensor([[0.6, -1.0], [0.01, 0.02]])
    whole, split = weight_scale(weight, 4), weight_scale(weight, 4, per_channel=True)
    assert quantise_weight(weight, whole, 4).tolist() == [[4.0, -7.0], [0.0, 0.0]]
    assert quantise_weight(weight, split, 4).tolist() == [[4.0, -7.0], [4.0, 7.0]]


def test_zero_weights_have_a_scale() -> None:
    assert weight_scale(torch.zeros(2, 3), 8, per_channel=True).tolist() == [1.0, 1.0]


@given(bits=st.integers(1, 16), signed=st.booleans(), data=st.data())
def test_bit_planes_reconstruct_every_code(bits: int, signed: bool, data: st.DataObject) -> None:
    low, high = code_range(bits, signed)
    assert high - low + 1 == 2**bits
    codes = torch.tensor(data.draw(st.lists(st.integers(low, high), min_size=1, max_size=8)), dtype=torch.float32)
    weights = plane_weights(bits, signed, codes)
    planes = bit_planes(codes, weights)
    assert set(planes.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(torch.tensordot(weights, planes, 1), codes)


def test_bit_planes_pass_the_exact_gradient_of_a_linear_map() -> None:
    codes = torch.tensor([3.0, -4.0], requires_grad=True)
    weights = plane_weights(4, True, codes)
    torch.tensordot(weights, bit_planes(codes, weights), 1).square().sum().backward()
    torch.testing.assert_close(codes.grad, 2 * codes.detach())


def test_percentile() -> None:
    x = torch.arange(1.0, 1001.0)
    assert float(percentile(x, 100.0)) == 1000.0
    assert float(percentile(x, 99.9)) == 999.0
    assert float(percentile(x, 1e-6)) == 1.0
