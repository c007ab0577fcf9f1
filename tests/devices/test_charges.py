"""Terminal charges of every card: conservation, symmetry, capacitances, and the Ward-Dutton quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from beolith.devices.geometry import gate_capacitance
from beolith.devices.tekv import Tekv
from beolith.devices.ward_dutton import terminal_charges

Biases = tuple[Tensor, Tensor, Tensor]
Array = NDArray[np.float64]


def test_charges_are_finite_and_sum_to_zero(transistors: Tekv, biases: Biases):
    """Reached: 1e-16 of the largest."""
    charges = torch.stack(transistors.charges(*biases))
    assert bool(torch.isfinite(charges).all())
    assert float((charges.sum(0).abs() / charges.abs().amax(0)).max()) < 1e-15


def test_swapping_source_and_drain_swaps_their_charges(transistors: Tekv, biases: Biases):
    """Reached: 4e-16 of the gate charge at full drive."""
    v_g, v_d, v_s = biases
    one, two = transistors.charges(v_g, v_d, v_s), transistors.charges(v_g, v_s, v_d)
    scale = one.gate.abs().amax(-1, keepdim=True)
    for a, b in ((one.drain, two.source), (one.source, two.drain), (one.gate, two.gate)):
        assert float(((a - b).abs() / scale).max()) < 4e-15


def test_a_common_shift_of_the_terminals_moves_no_charge(transistors: Tekv, biases: Biases):
    before = torch.stack(transistors.charges(*biases))
    after = torch.stack(transistors.charges(*(v + 5.0 for v in biases)))
    assert float((after - before).abs().max() / before.abs().max()) < 1e-13


def test_source_and_drain_share_equally_without_drain_voltage(transistors: Tekv, biases: Biases):
    v_g, v_d, _ = biases
    charges = transistors.charges(v_g, v_d, v_d)
    scale = charges.gate.abs().amax(-1, keepdim=True)
    assert float(((charges.drain - charges.source).abs() / scale).max()) < 1e-15


def capacitance_matrix(transistor: Tekv, biases: Biases) -> Tensor:
    """dQ_i/dV_j in the order gate, drain, source, on the last two axes [F]."""
    shape = torch.broadcast_shapes(transistor.reach.shape, biases[0].shape)
    leaves = [v.expand(shape).clone().requires_grad_() for v in biases]
    rows = [
        torch.stack(torch.autograd.grad(charge.sum(), leaves, retain_graph=True), -1)
        for charge in transistor.charges(*leaves)
    ]
    return torch.stack(rows, -2)


def test_capacitances(transistors: Tekv, biases: Biases):
    """Rows and columns sum to zero; the gate sees more than nothing and less than its dielectric and overlaps."""
    c = capacitance_matrix(transistors, tuple(v[:500] for v in biases))
    whole = gate_capacitance(transistors.parameters) * transistors.width * transistors.length
    overlaps = 2 * transistors.coefficients.overlap
    scale = (whole + overlaps)[..., None]
    assert float((c.sum(-1).abs() / scale).max()) < 1e-12
    assert float((c.sum(-2).abs() / scale).max()) < 1e-12
    gate = c[..., 0, 0]
    assert bool((gate > 0).all())
    assert bool((gate <= (whole + overlaps) * (1 + 1e-12)).all())
    # the overlaps alone remain in the off state, the whole dielectric is seen far above threshold
    level = torch.tensor([-3.0, 30.0], dtype=torch.float64)
    ends = capacitance_matrix(transistors, (level, torch.zeros_like(level), torch.zeros_like(level)))[..., 0, 0]
    torch.testing.assert_close(ends[..., 0], overlaps.expand_as(ends[..., 0]), rtol=1e-3, atol=0)
    assert bool((ends[..., 1] > 0.97 * (whole + overlaps)[..., 0]).all())


def test_reduces_to_the_closed_form_of_ekv():
    """Without traps, Q_I and Q_S are rational in chi = q + 1/2; the eight points reach 1e-14 relative.

    References: enz1995_ekv; the rational form is that of the design notes, section 1.3.
    """
    q_s = torch.logspace(-6, 3, 40, dtype=torch.float64)[:, None]
    q_d = q_s * torch.tensor([1.0, 0.999, 0.9, 0.5, 0.1, 1e-3, 1e-8], dtype=torch.float64)
    zero, half = torch.tensor(0.0, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)
    drain, source = terminal_charges(q_d, q_s.expand_as(q_d).contiguous(), zero, half)
    s, d = q_s + 0.5, q_d + 0.5
    whole = 4 / 3 * (s * s + s * d + d * d) / (s + d) - 1
    at_source = 4 / 15 * (3 * s**3 + 6 * s**2 * d + 4 * s * d**2 + 2 * d**3) / (s + d) ** 2 - 0.5
    # the closed forms subtract 1/2, so their own error is absolute
    torch.testing.assert_close(source + drain, whole, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(source, at_source, rtol=1e-13, atol=1e-15)


def fine_quadrature(q_d: Array, q_s: Array, a: Array, s: Array) -> tuple[Array, Array]:
    """Drain and source charge by 40 panels of 20 points in ln q, another variable than the model's."""
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(0.0, 1.0, 41)
    share = (edges[:-1, None] + (x + 1) / 2 / 40).ravel()
    weight = np.tile(w / 80, 40)
    q_d, q_s, a, s = (column[:, None] for column in (q_d, q_s, a, s))
    q = q_d * (q_s / q_d) ** share
    trapped = a * q**s

    def primitive(q: Array) -> Array:
        return q * q + q + a * s / (s + 1) * q ** (s + 1)

    density = q * (2 * q + 1 + s * trapped) * weight  # dG, up to a constant
    total = density.sum(1)
    at_drain = (primitive(q_s) - primitive(q)) / (primitive(q_s) - primitive(q_d))
    whole = (density * (2 * q + trapped)).sum(1) / total
    drain = (density * (2 * q + trapped) * at_drain).sum(1) / total
    return drain, whole - drain


@pytest.mark.parametrize(
    ("s_low", "s_high", "error"), [(0.02, 0.3, 2e-5), (0.3, 0.5, 5e-6), (0.5, 0.75, 5e-7), (0.75, 0.95, 3e-7)]
)
def test_error_of_the_quadrature(s_low: float, s_high: float, error: float):
    """Relative to the channel charge. Worst case over q_S of 1e-6 to 1e3, q_S/q_D up to 1e8 and a of 1e-3 to 1e3.

    Reached: 8e-6 for s below 0.3, 3e-6 to 0.5 (oxide films at 4 to 300 K), 3e-7 above.
    """
    rng = np.random.default_rng(11)
    q_s = 10 ** rng.uniform(-6, 3, 1500)
    q_d = q_s * 10 ** -rng.uniform(0.02, 8, 1500)
    a, s = 10 ** rng.uniform(-3, 3, 1500), rng.uniform(s_low, s_high, 1500)
    found = [part.numpy() for part in terminal_charges(*(torch.tensor(x) for x in (q_d, q_s, a, s)))]
    expected = fine_quadrature(q_d, q_s, a, s)
    whole = expected[0] + expected[1]
    assert max(np.max(np.abs(one - two) / whole) for one, two in zip(found, expected, strict=True)) < error
