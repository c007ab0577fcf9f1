"""Conductances of every card: analytic, by automatic differentiation and by finite differences."""

from __future__ import annotations

import torch
from torch import Tensor

from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv

Biases = tuple[Tensor, Tensor, Tensor]


def size_of(transistor: Tekv, biases: Biases) -> Tensor:
    """Scale of the conductances at a bias, free of the cancellations in each [A/V]."""
    i_d, conductances = transistor.current_and_conductances(*biases)
    k = transistor.coefficients
    size = torch.stack(conductances).abs().sum(0) + i_d.abs() / k.n_phi + k.leakage / (2 * k.phi)
    return size.clamp(min=1e-200)  # ln q has a floor at -600, below which the current is constant


def by_autograd(transistor: Tekv, biases: Biases) -> tuple[Tensor, ...]:
    shape = torch.broadcast_shapes(transistor.reach.shape, biases[0].shape)
    leaves = [v.expand(shape).clone().requires_grad_() for v in biases]
    return torch.autograd.grad(transistor.current(*leaves).sum(), leaves)


def by_differences(transistor: Tekv, biases: Biases) -> tuple[Tensor, ...]:
    """Central differences of fourth order with a step of 2e-3 n phi."""
    h = 2e-3 * transistor.coefficients.n_phi

    def at(terminal: int, steps: int) -> Tensor:
        return transistor.current(*(v + steps * h if i == terminal else v for i, v in enumerate(biases)))

    return tuple((8 * (at(i, 1) - at(i, -1)) - (at(i, 2) - at(i, -2))) / (12 * h) for i in range(3))


def test_conductances_sum_to_zero(transistors: Tekv, biases: Biases):
    total = torch.stack(transistors.conductances(*biases)).sum(0)
    assert float((total.abs() / size_of(transistors, biases)).max()) < 1e-15


def test_conductances_are_the_derivatives_of_the_current(transistors: Tekv, biases: Biases):
    """Reached: 1e-15 of their size."""
    analytic = transistors.conductances(*biases)
    size = size_of(transistors, biases)
    for one, two in zip(analytic, by_autograd(transistors, biases), strict=True):
        assert float(((one - two).abs() / size).max()) < 1e-13


def test_conductances_with_every_term_switched_on(rich: TekvParameters, transistors: Tekv, biases: Biases):
    transistor = Tekv(rich, transistors.width, transistors.length, transistors.temperature)
    analytic = transistor.conductances(*biases)
    size = size_of(transistor, biases)
    for one, two in zip(analytic, by_autograd(transistor, biases), strict=True):
        assert float(((one - two).abs() / size).max()) < 1e-13


def test_conductances_agree_with_finite_differences(rich: TekvParameters, transistors: Tekv, biases: Biases):
    """Reached: 1.4e-10 of their size, most of it the rounding of 6 V over n phi."""
    transistor = Tekv(rich, transistors.width, transistors.length, transistors.temperature)
    analytic = transistor.conductances(*biases)
    size = size_of(transistor, biases)
    for one, two in zip(analytic, by_differences(transistor, biases), strict=True):
        assert float(((one - two).abs() / size).max()) < 1e-9


def test_gate_conductance_has_the_sign_of_the_drain_voltage(transistors: Tekv, biases: Biases):
    v_g, v_d, v_s = biases
    along = transistors.conductances(v_g, v_d, v_s).gate * torch.sign(v_d - v_s)
    assert bool((along >= -1e-14 * size_of(transistors, biases)).all())


def test_conductances_without_drain_voltage(transistors: Tekv, biases: Biases):
    """At V_DS = 0 the gate does nothing, and the channel is a resistor that carries forward and back alike."""
    v_g, v_d, _ = biases
    gate, drain, source = transistors.conductances(v_g, v_d, v_d)
    assert not bool(gate.any())
    assert torch.equal(drain, -source)
    assert bool((drain > 0).all())
