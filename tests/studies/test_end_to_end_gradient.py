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


@pytest.fixture(scope="module")
def macro_of() -> Callable[[dict[str, Tensor]], GainCellMacro]:
    """An ITO macro at 358 K, ten seconds after refresh, written for the unchanged material.

    One grid of time steps for all, because a difference between two grids is no derivative.
    """
    device = library.load("liu2023_ito")
    with torch.no_grad():
        plan = calibrate(device, DESIGN)
        steps = fall(device, DESIGN, CONDITION, [10.0], plan)[1].steps

    def macro(change: dict[str, Tensor]) -> GainCellMacro:
        varied = dataclasses.replace(device, tekv=device.tekv.replace(**change))
        return build(varied, DESIGN, nodes.load("cmos_45nm"), CONDITION, [10.0], plan, steps=steps)[0][0]

    return macro


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


Outcome = Callable[[GainCellMacro], dict[str, Tensor]]
PARAMETERS = ("threshold_voltage", "interface_traps", "mobility", "leakage_density")


@pytest.fixture(scope="module")
def by_autograd(outcome: Outcome, macro_of: Callable[[dict[str, Tensor]], GainCellMacro]) -> dict[str, Tensor]:
    """Every result and its derivative by each of the parameters, in one graph."""
    tekv = library.load("liu2023_ito").tekv
    leaves = {name: getattr(tekv, name).clone().requires_grad_() for name in PARAMETERS}
    results = outcome(macro_of(leaves))
    return {
        key: torch.stack((value.detach(), *_gradients(value, list(leaves.values())))) for key, value in results.items()
    }


def _gradients(value: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True, materialize_grads=True)


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_gradient(
    outcome: Outcome,
    macro_of: Callable[[dict[str, Tensor]], GainCellMacro],
    by_autograd: dict[str, Tensor],
    parameter: str,
) -> None:
    value = getattr(library.load("liu2023_ito").tekv, parameter)
    h = 1e-3 * float(value)
    with torch.no_grad():
        up, down = (outcome(macro_of({parameter: value + sign * h})) for sign in (1, -1))
    depends = 0
    for name, (result, *gradients) in by_autograd.items():
        difference = float(up[name] - down[name]) / (2 * h)
        gradient = float(gradients[PARAMETERS.index(parameter)])
        if abs(difference) * float(value) < 1e-9 * abs(float(result)):
            assert abs(gradient) * float(value) < 1e-9 * abs(float(result)), name
            continue  # this quantity does not depend on this parameter
        depends += 1
        assert gradient == pytest.approx(difference, rel=1e-3), name
    assert depends > 0
