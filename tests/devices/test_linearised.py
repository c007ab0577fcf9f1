"""Slopes of current and charge of every card: analytic against automatic differentiation, and their laws."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from beolith.devices import library
from beolith.devices.base import Linearised
from beolith.devices.dual_gate import DualGate
from beolith.devices.linear import by_autograd
from beolith.devices.self_heating import SelfHeated
from beolith.devices.thin_film import ThinFilmTransistor

Biases = tuple[Tensor, Tensor, Tensor]


def matrix(found: Linearised) -> Tensor:
    """Capacitances, shape (charge, voltage, ...)."""
    return torch.stack([torch.stack(row) for row in found.capacitances])


def test_capacitances_are_the_derivatives_of_the_charges(transistors: ThinFilmTransistor, biases: Biases):
    """Within 1e-4, the error of a quadrature that is exact for neither."""
    few = tuple(v[:300] for v in biases)
    analytic, by_graph = transistors.linearised(*few), by_autograd(transistors, *few)
    for one, two in zip(analytic.charges, by_graph.charges, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-28)
    torch.testing.assert_close(analytic.current, by_graph.current, rtol=1e-9, atol=0)
    exact = matrix(by_graph)
    assert float(((matrix(analytic) - exact).abs() / exact.abs().amax((0, 1))).max()) < 1e-4


def test_one_solve_says_the_same_as_two(transistors: ThinFilmTransistor, biases: Biases):
    found = transistors.linearised(*biases)
    current, conductances = transistors.current_and_conductances(*biases)
    torch.testing.assert_close(found.current, current, rtol=1e-12, atol=0)
    for one, two in zip(found.conductances, conductances, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=0)


def test_capacitances_conserve_charge_and_see_no_common_shift(transistors: ThinFilmTransistor, biases: Biases):
    c = matrix(transistors.linearised(*biases))
    size = c.abs().amax((0, 1))
    assert float((c.sum(0).abs() / size).max()) < 1e-14
    assert float((c.sum(1).abs() / size).max()) < 1e-13


def test_source_and_drain_change_places(transistors: ThinFilmTransistor, biases: Biases):
    v_g, v_d, v_s = biases
    one, two = matrix(transistors.linearised(v_g, v_d, v_s)), matrix(transistors.linearised(v_g, v_s, v_d))
    swap = [0, 2, 1]
    assert float(((two[swap][:, swap] - one).abs() / one.abs().amax((0, 1))).max()) < 1e-12


@pytest.mark.parametrize("kind", ["heated", "back-biased"])
def test_models_without_analytic_slopes_differentiate(kind: str):
    """A batch of parameters against a batch of biases: slopes are per element."""
    device = library.load("liu2023_ito")
    size = torch.tensor([[1e-6], [1e-6]], dtype=torch.float64), torch.tensor([[50e-9], [1e-7]], dtype=torch.float64)
    transistor = device.transistor(*size, torch.tensor(300.0, dtype=torch.float64))
    zero = torch.zeros((), dtype=torch.float64)
    model = SelfHeated(transistor, device.thermal) if kind == "heated" else DualGate(transistor).with_back_gate(zero)
    v_g, v_d = torch.tensor([0.5, 1.0], dtype=torch.float64), torch.tensor([0.3, 0.6], dtype=torch.float64)
    found = model.linearised(v_g, v_d, zero)
    assert found.current.shape == (2, 2)
    h = 1e-4
    for terminal, step in enumerate(((h, 0.0), (0.0, h))):
        up, down = (model.current_and_charges(v_g + s * step[0], v_d + s * step[1], zero) for s in (1, -1))
        slope = found.conductances[terminal]
        torch.testing.assert_close(slope, (up[0] - down[0]) / (2 * h), rtol=1e-4, atol=0)
        torch.testing.assert_close(
            found.capacitances.gate[terminal], (up[1].gate - down[1].gate) / (2 * h), rtol=1e-4, atol=1e-20
        )
