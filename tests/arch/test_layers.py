"""Layers on arrays against an independent reference in pure integers, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import beolith.arch.bitserial as bitserial
from beolith.arch import CimOptions, cim_layers, convert, reprogram
from beolith.arch.base import CimLayer
from beolith.arch.cells import ideal_matrices
from beolith.errors import BeolithError


def windows(codes: np.ndarray, conv: nn.Conv2d) -> np.ndarray:
    """All receptive fields of padded integer images, shape (batch, positions, rows); explicit loops."""
    (kh, kw), (sh, sw), (dh, dw), (ph, pw) = conv.kernel_size, conv.stride, conv.dilation, conv.padding
    padded = np.pad(codes, ((0, 0), (0, 0), (int(ph), int(ph)), (int(pw), int(pw))))
    high, wide = padded.shape[2] - dh * (kh - 1), padded.shape[3] - dw * (kw - 1)
    fields = [
        padded[:, :, y : y + dh * (kh - 1) + 1 : dh, x : x + dw * (kw - 1) + 1 : dw].reshape(len(codes), -1)
        for y in range(0, high, sh)
        for x in range(0, wide, sw)
    ]
    return np.stack(fields, axis=1)


def reference(inputs: np.ndarray, layer: CimLayer, weight: np.ndarray) -> np.ndarray:
    """Integer bit-serial product with sliced weights and clipping converters, shape (batch, positions, outputs)."""
    rows, _, levels = layer.geometry
    options, total = layer.options, 0
    adc = options.adc_bits
    for bit in range(options.input_bits):
        plane = (inputs >> bit) & 1
        sign = -1 if layer.signed and bit == options.input_bits - 1 else 1
        for s in range(layer.mapping.slices):
            digit = np.sign(weight) * (np.abs(weight) // levels**s % levels)
            for first in range(0, weight.shape[0], rows):
                code = plane[..., first : first + rows] @ digit[first : first + rows]
                if adc is not None:
                    code = np.clip(code, -(2 ** (adc - 1)), 2 ** (adc - 1) - 1)
                total = total + sign * 2**bit * levels**s * code
    return total


def check(net: nn.Module, x: Tensor, macro: Any, options: CimOptions) -> None:
    """The converted layer accumulates exactly the integers of the reference."""
    chip = convert(net, macro, options, x)
    assert isinstance(chip, CimLayer)
    chip.lsb.fill_(1.0)  # integers: one unit per code, so that clipping is all a converter does
    codes = chip.input_codes(x)
    weight = chip.weight_codes()[0].detach().to(torch.int64).numpy()
    assert np.abs(weight).max() == 2 ** (options.weight_bits - 1) - 1
    with torch.no_grad():
        matrices = chip.matrices
        assert matrices is not None
        assert torch.equal(matrices, ideal_matrices(chip.weight_codes()[0], chip.mapping.slices, macro.levels))
        got = chip.accumulate(codes, matrices).movedim(1, 2).to(torch.int64).numpy()
    scale = np.float64(chip.input_scale)
    if isinstance(net, nn.Conv2d):
        low, high = (-(2 ** (options.input_bits - 1)), 2 ** (options.input_bits - 1) - 1)
        low, high = (low, high) if chip.signed else (0, 2**options.input_bits - 1)
        bare = (x / chip.input_scale).round().clamp(low, high).to(torch.int64).numpy()
        inputs = windows(bare, net)
    else:
        inputs = codes.to(torch.int64).numpy()[:, None, :]
    assert scale > 0
    assert np.array_equal(got, reference(inputs, chip, weight))


SHAPES = {
    "levels": st.integers(2, 32),
    "rows": st.integers(1, 200),
    "weight_bits": st.integers(2, 8),
    "input_bits": st.integers(2, 8),
    "adc_bits": st.sampled_from([None, 2, 4, 8, 14]),
    "signed": st.booleans(),
    "seed": st.integers(0, 2**16),
}


@given(**SHAPES, inputs=st.integers(1, 300), outputs=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_linear_equals_integers(
    fake_macro: Any, levels: int, rows: int, weight_bits: int, input_bits: int, adc_bits: int | None, signed: bool,
    seed: int, inputs: int, outputs: int,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    x = torch.rand(5, inputs) - 0.3 * signed
    options = CimOptions(weight_bits=weight_bits, input_bits=input_bits, adc_bits=adc_bits)
    check(nn.Linear(inputs, outputs), x, fake_macro(levels=levels, rows=rows), options)


@given(
    **SHAPES, channels=st.integers(1, 5), outputs=st.integers(1, 6), kernel=st.tuples(*[st.integers(1, 3)] * 2),
    stride=st.integers(1, 3), padding=st.integers(0, 2), dilation=st.integers(1, 2),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_convolution_equals_integers(
    fake_macro: Any, levels: int, rows: int, weight_bits: int, input_bits: int, adc_bits: int | None, signed: bool,
    seed: int, channels: int, outputs: int, kernel: tuple[int, int], stride: int, padding: int, dilation: int,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    x = torch.rand(2, channels, 7, 6) - 0.3 * signed
    net = nn.Conv2d(channels, outputs, kernel, stride=stride, padding=padding, dilation=dilation)
    options = CimOptions(weight_bits=weight_bits, input_bits=input_bits, adc_bits=adc_bits)
    check(net, x, fake_macro(levels=levels, rows=rows), options)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 31, 63, 64, 65, 127, 128, 129, 255, 256, 257, 512, 1000, 1024])
def test_every_array_size_computes_or_says_why(fake_macro: Any, size: int) -> None:
    torch.manual_seed(0)
    net, x, macro = nn.Conv2d(3, 5, 3, padding=1), torch.rand(2, 3, 6, 6), fake_macro(rows=size, columns=size)
    if size < 4:
        with pytest.raises(BeolithError, match=r"\(network\): one output needs 4 columns"):
            convert(net, macro, CimOptions(), x)
        return
    check(net, x, macro, CimOptions(adc_bits=16))


@pytest.mark.parametrize("inputs", [2000, 5000])
def test_integers_beyond_float32_stay_exact(fake_macro: Any, inputs: int) -> None:
    torch.manual_seed(0)
    net = nn.Linear(inputs, 2, bias=False)
    nn.init.constant_(net.weight, 1.0)
    for adc_bits in (None, 16):
        check(net, torch.rand(3, inputs), fake_macro(), CimOptions(adc_bits=adc_bits))


@pytest.mark.parametrize("extra", [{}, {"padding": "same", "dilation": 2}, {"padding_mode": "circular", "padding": 1}])
@pytest.mark.parametrize("per_channel", [False, True])
def test_convolution_stays_within_the_quantisation_error(fake_macro: Any, extra: Any, per_channel: bool) -> None:
    torch.manual_seed(0)
    net, x = nn.Conv2d(3, 8, (3, 2), **extra), torch.randn(4, 3, 9, 9)
    chip = convert(net, fake_macro(), CimOptions(per_channel=per_channel, adc_bits=None), x)
    with torch.no_grad():
        y, exact = chip(x), net(x)
        assert y.shape == exact.shape
        half_step = 0.5 * (x.abs().max() / 127 * net.weight.abs().sum((1, 2, 3)).max())
        half_step += 0.5 * net.weight.abs().max() / 127 * x.abs().max() * net.weight[0].numel()
        assert float((y - exact).abs().max()) < float(half_step)
        assert float((y - exact).std() / exact.std()) < 0.02


def test_shapes_without_batch_and_with_many_batch_dimensions(fake_macro: Any) -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(7, 3), torch.rand(2, 4, 7)
    chip = convert(linear, fake_macro(), CimOptions(), x)
    assert chip(x).shape == (2, 4, 3)
    torch.testing.assert_close(chip(x[1, 2]), chip(x)[1, 2])
    conv, image = nn.Conv2d(1, 2, 3), torch.rand(1, 5, 5)
    assert convert(conv, fake_macro(), CimOptions(), image)(image).shape == (2, 3, 3)


def test_folded_product_equals_the_general_path(fake_macro: Any) -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(300, 9).double(), torch.rand(6, 300, dtype=torch.float64)
    chip = convert(net, fake_macro(noise=0.3, bend=1.2), CimOptions(adc_bits=None), x)
    assert isinstance(chip, CimLayer)
    assert chip.matrices is not None
    codes, mapping = chip.input_codes(x), chip.mapping
    tiles, weights = chip._tiles(chip.matrices, 128), chip._plane_weights()
    general = bitserial.bit_serial(codes, tiles, weights, None, torch.float64).view(6, mapping.slices, 9, 1)
    value = torch.tensor([1.0, 16.0], dtype=torch.float64)
    torch.testing.assert_close(
        chip.accumulate(codes, chip.matrices), torch.einsum("s,bsnp->bnp", value, general), rtol=1e-12, atol=1e-9
    )


def test_chunks_do_not_change_the_result(
    fake_macro: Any, small_network: nn.Module, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = convert(small_network, fake_macro(noise=0.2), CimOptions(adc_bits=5), images)
    with torch.no_grad():
        whole = chip(images)
        monkeypatch.setattr(bitserial, "CHUNK_BYTES", 1)
        torch.testing.assert_close(chip(images), whole)


def test_cells_are_drawn_once_per_cell(fake_macro: Any) -> None:
    net, x = nn.Linear(40, 30).double(), torch.rand(4, 40, dtype=torch.float64)
    nn.init.constant_(net.weight, 0.5)
    chip = convert(net, fake_macro(noise=0.1), CimOptions(seed=3), x)
    assert isinstance(chip, CimLayer)
    first = chip.matrices
    assert first is not None
    assert first.unique().numel() == first.numel()  # equal weights, no two cells alike
    reprogram(chip, fake_macro(noise=0.1))
    assert chip.matrices is not None
    assert torch.equal(chip.matrices, first)  # same seed, same chip
    doubled = first + (first - ideal_matrices(chip.weight_codes()[0], 2, 16))
    reprogram(chip, fake_macro(noise=0.2))
    torch.testing.assert_close(chip.matrices, doubled)  # another condition, same cells
    reprogram(chip, fake_macro(noise=0.1), seed=4)
    assert not torch.equal(chip.matrices, first)
    with torch.no_grad():
        assert torch.equal(chip(x), chip(x))


def test_layers_do_not_share_cells(fake_macro: Any) -> None:
    net = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.5)
    first, second = cim_layers(convert(net, fake_macro(noise=0.1), CimOptions(), torch.rand(4, 6))).values()
    assert first.matrices is not None
    assert second.matrices is not None
    assert not torch.equal(first.matrices, second.matrices)
    calm = convert(net, fake_macro(noise=0.1), CimOptions(mismatch=False), torch.rand(4, 6))
    assert all(
        layer.matrices.unique().numel() <= 2 for layer in cim_layers(calm).values() if layer.matrices is not None
    )


@pytest.mark.parametrize("name", ["bend", "kept"])
def test_gradient_reaches_a_macro_parameter(fake_macro: Any, name: str) -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(40, 6).double(), torch.rand(5, 40, dtype=torch.float64)
    chip = convert(net, fake_macro(), CimOptions(adc_bits=None), x)  # nothing is rounded behind the cells

    def loss(value: Tensor) -> Tensor:
        return reprogram(chip, fake_macro(noise=0.1, **{name: value}))(x).square().mean()

    value, step = torch.tensor(0.97, dtype=torch.float64, requires_grad=True), 1e-5
    (gradient,) = torch.autograd.grad(loss(value), value)
    with torch.no_grad():
        difference = (loss(value + step) - loss(value - step)) / (2 * step)
    torch.testing.assert_close(gradient, difference, rtol=1e-7, atol=0.0)


def test_gradient_reaches_a_macro_parameter_through_a_network(
    fake_macro: Any, small_network: nn.Module, images: Tensor
) -> None:
    kept = torch.tensor(0.97, dtype=torch.float64, requires_grad=True)
    chip = convert(small_network, fake_macro(kept=kept), CimOptions(), images)
    (gradient,) = torch.autograd.grad(chip(images).square().mean(), kept)
    assert float(gradient) > 0.0  # cells that keep more drive the outputs further


def test_training_through_the_converters_lowers_the_loss(fake_macro: Any) -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3)), torch.rand(64, 12)
    target = (x[:, :3] + x[:, 3:6]).argmax(1)
    chip = convert(net, fake_macro(noise=0.5), CimOptions(adc_bits=6), x).train()
    optimiser = torch.optim.Adam(chip.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(chip(x), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    before = chip.eval()(x)
    torch.testing.assert_close(reprogram(chip, fake_macro(noise=0.5))(x).shape, before.shape)


def test_straight_through_gradient_equals_the_float_layer(fake_macro: Any) -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(20, 5).double(), torch.rand(8, 20, dtype=torch.float64, requires_grad=True)
    chip = convert(net, fake_macro(), CimOptions(adc_bits=12, weight_bits=12, input_bits=12), x.detach()).train()
    assert isinstance(chip, CimLayer)
    chip.lsb.fill_(1.0)
    grads = torch.autograd.grad(chip(x).sin().sum(), [x, chip.weight])
    exact = torch.autograd.grad(net(x).sin().sum(), [x, net.weight])
    for got, expected in zip(grads, exact, strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-2, atol=2e-2)
