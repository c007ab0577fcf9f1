from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from beolith.arch import CimLinear, CimOptions, cim_layers, convert, reprogram
from beolith.errors import BeolithError


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, Tensor, Tensor]:
    """A convolutional network trained on the embedded digits, and its test set."""
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16, torch.tensor(labels)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(6):
        for batch in torch.randperm(1200).split(100):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimiser.step()
    return net.eval(), x[1200:], y[1200:]


def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((net(x).argmax(1) == y).float().mean())


@pytest.mark.parametrize("levels", [2, 3, 16])
@pytest.mark.parametrize("rule", ["mse", "max"])
def test_eight_bits_keep_the_accuracy(trained: Any, fake_macro: Any, levels: int, rule: Any) -> None:
    net, x, y = trained
    chip = convert(net, fake_macro(levels=levels), CimOptions(adc_range=rule), x[:200])
    assert accuracy(net, x, y) > 0.9
    assert abs(accuracy(chip, x, y) - accuracy(net, x, y)) < 0.005


def test_coarse_converters_noise_and_decay_cost_accuracy(trained: Any, fake_macro: Any) -> None:
    net, x, y = trained
    ideal = accuracy(net, x, y)
    assert accuracy(convert(net, fake_macro(), CimOptions(adc_bits=2), x[:200]), x, y) < ideal - 0.02
    chip = convert(net, fake_macro(), CimOptions(), x[:200])
    assert accuracy(reprogram(chip, fake_macro(noise=8.0)), x, y) < ideal - 0.02
    assert accuracy(reprogram(chip, fake_macro(kept=0.0)), x, y) < 0.3
    assert abs(accuracy(reprogram(chip, fake_macro()), x, y) - ideal) < 0.005  # and back again


def test_least_squares_beats_no_clipping_at_few_bits(trained: Any, fake_macro: Any) -> None:
    net, x, _ = trained
    exact = net(x).detach()

    def error(rule: Any) -> float:
        chip = convert(net, fake_macro(), CimOptions(adc_bits=4, adc_range=rule), x[:200])
        with torch.no_grad():
            return float((chip(x) - exact).square().mean())

    assert error("mse") < error("max")


def test_network_is_not_changed(small_network: nn.Module, images: Tensor, fake_macro: Any) -> None:
    before = copy.deepcopy(small_network.state_dict())
    chip = convert(small_network, fake_macro(), CimOptions(), images)
    assert all(torch.equal(before[key], value) for key, value in small_network.state_dict().items())
    assert list(cim_layers(chip)) == ["0", "3", "7"]
    assert not chip.training


def test_reprogramming_keeps_the_calibration(small_network: nn.Module, images: Tensor, fake_macro: Any) -> None:
    chip = convert(small_network, fake_macro(), CimOptions(), images)
    before = {path: (layer.lsb.clone(), layer.input_scale.clone()) for path, layer in cim_layers(chip).items()}
    reprogram(chip, fake_macro(kept=0.5))
    for path, layer in cim_layers(chip).items():
        assert torch.equal(layer.lsb, before[path][0])
        assert torch.equal(layer.input_scale, before[path][1])


def test_shared_layer_is_one_layer(fake_macro: Any) -> None:
    shared = nn.Linear(5, 5)
    chip = convert(nn.Sequential(shared, nn.ReLU(), shared), fake_macro(), CimOptions(), torch.rand(4, 5))
    assert len(cim_layers(chip)) == 1
    assert chip[0] is chip[2]  # type: ignore[index]


def test_converted_network_copies_and_saves(small_network: nn.Module, images: Tensor, fake_macro: Any) -> None:
    chip = convert(small_network, fake_macro(noise=0.1), CimOptions(), images)
    twin = copy.deepcopy(chip)
    twin.load_state_dict(chip.state_dict())
    with torch.no_grad():
        assert torch.equal(twin(images), chip(images))


class Unreached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.used(x))


@pytest.mark.parametrize(
    ("net", "x", "message"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), torch.rand(3, 4), r"1: BatchNorm1d has parameters.*fold"),
        (nn.Sequential(nn.Conv2d(4, 4, 1, groups=2)), torch.rand(1, 4, 2, 2), r"0: Conv2d has groups = 2"),
        (nn.ReLU(), torch.rand(3, 4), r"no Linear or Conv2d"),
        (Unreached(), torch.rand(3, 4), r"spare: the calibration batch does not reach"),
    ],
)
def test_what_cannot_be_mapped_is_named(fake_macro: Any, net: nn.Module, x: Tensor, message: str) -> None:
    with pytest.raises(BeolithError, match=message):
        convert(net, fake_macro(), CimOptions(), x)


def test_misuse_is_named(small_network: nn.Module, images: Tensor, fake_macro: Any) -> None:
    with pytest.raises(BeolithError, match="call convert"):
        reprogram(small_network, fake_macro())
    chip = convert(small_network, fake_macro(), CimOptions(), images)
    with pytest.raises(BeolithError, match=r"0: macro has .* \(64, 128, 16\)"):
        reprogram(chip, fake_macro(rows=64))
    with pytest.raises(BeolithError, match="no cells programmed"):
        CimLinear(nn.Linear(2, 2), fake_macro(), CimOptions(), "fc")(torch.rand(1, 2))
    with pytest.raises(BeolithError, match="input_bits >= 2"):
        convert(nn.Linear(4, 4), fake_macro(), CimOptions(input_bits=1), torch.randn(3, 4))


def test_options_report_all_faults_together() -> None:
    with pytest.raises(
        BeolithError, match=r"weight_bits = 1.*adc_bits = 0.*or None.*input_percentile.*adc_range = 'm'"
    ):
        CimOptions(weight_bits=1, adc_bits=0, input_percentile=0.0, adc_range="m")  # type: ignore[arg-type]
    with pytest.raises(BeolithError, match="input_bits = True"):
        CimOptions(input_bits=True)
