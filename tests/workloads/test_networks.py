from __future__ import annotations

import pkgutil

import pytest
import torch
from torch import nn

from beolith.errors import BeolithError
from beolith.workloads import networks

NAMES = [entry.name for entry in pkgutil.iter_modules(networks.__path__)]
PLAIN = (nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_folder_is_the_list() -> None:
    assert list(networks.names()) == NAMES
    assert {"lenet5", "mlp"} <= set(NAMES)


@pytest.mark.parametrize(("channels", "size", "classes"), [(1, 28, 10), (1, 8, 10), (3, 32, 10), (1, 12, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_network_gives_logits_and_finite_gradients(name: str, channels: int, size: int, classes: int) -> None:
    module = networks.build(name, channels, size, classes)
    images = torch.rand(4, channels, size, size, generator=torch.Generator().manual_seed(0))
    logits = module(images)
    assert logits.shape == (4, classes)
    assert not torch.equal(logits[0], logits[1])
    logits.square().sum().backward()
    for parameter in module.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_network_is_a_plain_sequence(name: str) -> None:
    module = networks.build(name, 1, 28, 10)
    assert isinstance(module, nn.Sequential)
    assert all(isinstance(layer, PLAIN) for layer in module)


@pytest.mark.parametrize(("name", "count"), [("mlp", 101_770), ("lenet5", 61_706)])
def test_parameters_of_the_textbook_networks(name: str, count: int) -> None:
    assert parameters(networks.build(name, 1, 28, 10)) == count


def test_unknown_network_answers_with_the_nearest() -> None:
    with pytest.raises(BeolithError, match="did you mean 'lenet5'"):
        networks.build("lenet", 1, 28, 10)


def test_lenet5_refuses_images_that_vanish() -> None:
    with pytest.raises(BeolithError, match="3 pixels are too small; allowed: 4"):
        networks.build("lenet5", 1, 3, 10)
    assert networks.build("lenet5", 1, 4, 10)(torch.zeros(2, 1, 4, 4)).shape == (2, 10)
