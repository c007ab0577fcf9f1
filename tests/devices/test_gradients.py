"""Derivatives of current and charge by every parameter, size, temperature and state, against finite differences."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.devices.base import DeviceState
from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv, current_and_charges

FIELDS = tuple(f.name for f in dataclasses.fields(TekvParameters))
SIZE = {"width": 1e-6, "length": 40e-9, "temperature": 320.0}
STATE = {
    "threshold_shift": 0.05,
    "donor_density": 1e23,
    "interface_traps": 1e15 / constants.electron_volt,
    "tail_density": 1e24 / constants.electron_volt,
    "tail_temperature": 20.0,
    "mobility_factor": 1.1,
}
NAMES = (*FIELDS, *SIZE, *(f"state.{name}" for name in STATE))
STEP = 2e-4
OVERDRIVE = torch.tensor([-20.0, -4.0, 0.0, 3.0, 30.0, 60.0], dtype=torch.float64)  # over n phi
V_D = torch.tensor([0.5, -0.02, 0.3, 0.01, 1.0, -0.7], dtype=torch.float64)
V_S = torch.tensor([0.1, 0.3, 0.0, 0.0, 0.2, -0.1], dtype=torch.float64)


def transistor(p: TekvParameters, factors: Tensor) -> Tekv:
    """The transistor with each number multiplied by its factor, one per entry of ``NAMES`` along the last axis."""
    factor = dict(zip(NAMES, factors.unbind(-1), strict=True))
    changed = p.replace(**{name: getattr(p, name) * factor[name] for name in FIELDS})
    state = DeviceState(**{name: STATE[name] * factor[f"state.{name}"] for name in STATE})
    return Tekv(changed, *(SIZE[name] * factor[name] for name in SIZE), state)


def outputs(p: TekvParameters, factors: Tensor) -> Tensor:
    """Drain current, drain charge and source charge at the six biases, last two axes (3, 6)."""
    k = transistor(p, torch.ones(len(NAMES), dtype=torch.float64)).coefficients
    v_g = k.v_t + OVERDRIVE * k.n_phi
    i_d, charges = current_and_charges(transistor(p, factors[..., None, :]).coefficients, v_g, V_D, V_S)
    return torch.stack([i_d, charges.drain, charges.source], -2)


@pytest.fixture(scope="module")
def by_autograd(rich: TekvParameters) -> Tensor:
    """Derivative by the logarithm of each number, shape (3, 6, names)."""
    ones = torch.ones(len(NAMES), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda factors: outputs(rich, factors), ones)
    assert isinstance(jacobian, Tensor)
    return jacobian


def test_derivatives_agree_with_finite_differences(rich: TekvParameters, by_autograd: Tensor):
    """Central, fourth order, step of 2e-4 of each number; within 1e-6, or 1e-9 of the output where that is more."""
    eye = torch.eye(len(NAMES), dtype=torch.float64)
    plus, plus_two, minus, minus_two = (outputs(rich, 1.0 + n * STEP * eye) for n in (1, 2, -1, -2))
    differences = ((8 * (plus - minus) - (plus_two - minus_two)) / (12 * STEP)).permute(1, 2, 0)
    now = outputs(rich, torch.ones(len(NAMES), dtype=torch.float64))
    # a charge is a small difference of channel and overlap; the gate charge is its scale
    scale = torch.cat([now[:1], now[1:].abs().sum(0, keepdim=True).expand(2, -1)]).abs()[..., None]
    error = (differences - by_autograd).abs() / (by_autograd.abs() + 1e-3 * scale)
    name = NAMES[int(error.amax((0, 1)).argmax())]
    assert float(error.max()) < 1e-6, name


@pytest.mark.parametrize("name", NAMES)
def test_every_number_matters(by_autograd: Tensor, rich: TekvParameters, name: str):
    """With every term switched on, no number is ignored."""
    now = outputs(rich, torch.ones(len(NAMES), dtype=torch.float64)).abs()
    assert float((by_autograd[..., NAMES.index(name)].abs() / now).max()) > 1e-6


def test_derivatives_are_finite_with_every_term_switched_off(transistors: Tekv):
    """The neutral values (a saturation velocity without end, no tail, no donors) have derivatives too."""
    p = transistors.parameters
    leaves = [getattr(p, name).clone().requires_grad_() for name in FIELDS]
    size = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in SIZE.values()]
    device = Tekv(TekvParameters(*leaves), *size)
    v_g = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None]
    v_d = torch.tensor([-1.0, 0.0, 1e-3, 1.0], dtype=torch.float64)
    i_d, charges = device.current_and_charges(v_g, v_d, torch.zeros((), dtype=torch.float64))
    inputs = [*leaves, *size]
    for total in (i_d.sum(), charges.drain.sum()):
        found = torch.autograd.grad(total, inputs, retain_graph=True, allow_unused=True)
        for name, gradient in zip(NAMES, found, strict=False):
            assert gradient is None or bool(torch.isfinite(gradient).all()), name
