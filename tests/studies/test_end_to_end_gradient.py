"""d(loss, energy, retention)/d(material parameter), by autograd through device, cell, macro and network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from beolith import arch, workloads
from beolith.arch.counts import count_inference
from beolith.circuits import node as nodes
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import Condition, GainCellMacro, build, calibrate, fall
from beolith.devices import library
from beolith.devices.base import DeviceState

DESIGN = GainCellDesign(levels=4)


def f64(*x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


CONDITION = Condition(f64(358.0), DeviceState(), DeviceState())


def macro_of(change: dict[str, Tensor], steps: tuple[float, ...]) -> GainCellMacro:
    """An ITO macro at 358 K, ten seconds after refresh, written for the unchanged material."""
    device = library.load("liu2023_ito")
    with torch.no_grad():
        plan = calibrate(device, DESIGN)
    varied = dataclasses.replace(device, tekv=device.tekv.replace(**change))
    return build(varied, DESIGN, nodes.load("cmos_45nm"), CONDITION, [10.0], plan, steps=steps)[0][0]


@pytest.fixture(scope="module")
def steps() -> tuple[float, ...]:
    """One grid of time steps for all, because a difference between two grids is no derivative."""
    device = library.load("liu2023_ito")
    with torch.no_grad():
        return fall(device, DESIGN, CONDITION, [10.0], calibrate(device, DESIGN))[1].steps


@pytest.fixture(scope="module")
def outcome() -> Callable[[GainCellMacro], dict[str, Tensor]]:
    test = workloads.load("digits", "test").first(100)
    train = workloads.load("digits", "train").first(128)
    # one layer and exact columns: nothing that the material moves is rounded, so that differences are derivatives
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)).double()
    fit = torch.optim.LBFGS(model.parameters(), max_iter=50)

    def closure() -> Tensor:
        fit.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(train.images.double()), train.labels)
        loss.backward()
        return loss

    fit.step(closure)
    options = arch.CimOptions(adc_bits=None, seed=1)
    chip = arch.convert(model, arch.IdealMacro(128, 128, DESIGN.levels), options, train.images.double())

    def run(macro: GainCellMacro) -> dict[str, Tensor]:
        for layer in arch.cim_layers(chip).values():
            layer.weight.requires_grad_(False)
        arch.reprogram(chip, macro)
        loss = torch.nn.functional.cross_entropy(chip(test.images.double()), test.labels)
        price = arch.price(count_inference(chip, macro, tuple(test.images.shape[1:])), macro, 10.0)
        return {"loss": loss, "energy": price["energy"].sum(), "retention": macro.retention_time().log()}

    return run


@pytest.mark.parametrize("parameter", ["threshold_voltage", "interface_traps", "mobility", "leakage_density"])
def test_gradient(
    outcome: Callable[[GainCellMacro], dict[str, Tensor]], steps: tuple[float, ...], parameter: str
) -> None:
    value = getattr(library.load("liu2023_ito").tekv, parameter)
    p = value.clone().requires_grad_()
    results = outcome(macro_of({parameter: p}, steps))
    gradients = {k: torch.autograd.grad(v, p, retain_graph=True, allow_unused=True)[0] for k, v in results.items()}

    h = 1e-3 * float(value)
    with torch.no_grad():
        up, down = (outcome(macro_of({parameter: value + sign * h}, steps)) for sign in (1, -1))
    for name, gradient in gradients.items():
        difference = float(up[name] - down[name]) / (2 * h)
        if abs(difference) * float(value) < 1e-9 * abs(float(results[name].detach())):
            continue  # this quantity does not depend on this parameter
        assert gradient is not None, name
        assert float(gradient) == pytest.approx(difference, rel=1e-3), name
