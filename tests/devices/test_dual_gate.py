"""Two gates driven apart: tied they are one, charges are kept, and the plates are capacitors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from beolith.devices.dual_gate import DualGate
from beolith.devices.geometry import back_capacitance, front_capacitance
from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv
from beolith.devices.thin_film import ThinFilmTransistor

ZERO = torch.zeros((), dtype=torch.float64)


def tensor(*values: float) -> Tensor:
    return torch.tensor(values[0] if len(values) == 1 else values, dtype=torch.float64)


@pytest.fixture(scope="module")
def gates(rich: TekvParameters) -> DualGate:
    t = tensor(4.0, 77.0, 300.0, 450.0)[:, None]
    return DualGate(ThinFilmTransistor(Tekv(rich, tensor(1e-6), tensor(50e-9), t)))


@pytest.fixture(scope="module")
def four() -> Tensor:
    """Voltages of front, back, drain and source, 400 of each."""
    draw = torch.rand(4, 400, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return 4.0 * draw - 2.0


def test_tied_gates_are_the_transistor(gates: DualGate, four: Tensor):
    """Bit for bit in current, drain and source charge; the two gates share the gate charge."""
    v_g, _, v_d, v_s = four
    current, charges = gates.current_and_charges(v_g, v_g, v_d, v_s)
    expected = gates.transistor.charges(v_g, v_d, v_s)
    assert torch.equal(current, gates.transistor.current_and_charges(v_g, v_d, v_s)[0])
    assert torch.equal(charges.drain, expected.drain)
    assert torch.equal(charges.source, expected.source)
    scale = expected.gate.abs() + charges.front.abs() + charges.back.abs()
    assert float(((charges.front + charges.back - expected.gate) / scale).abs().max()) < 1e-15


def test_laws(gates: DualGate, four: Tensor):
    """Charges and conductances sum to zero; swap and common shift; finite from 4 K to 450 K."""
    here, shifted = gates.charges(*four), gates.charges(*(four + 3.0))
    swapped = gates.charges(four[0], four[1], four[3], four[2])
    scale = torch.stack(here).abs().sum(0)
    assert float((sum(here) / scale).abs().max()) < 1e-14
    for one, two in zip(here, shifted, strict=True):
        assert bool(torch.isfinite(one).all())
        assert float(((one - two) / scale).abs().max()) < 1e-12
    for one, two in zip(here, (swapped.front, swapped.back, swapped.source, swapped.drain), strict=True):
        assert float(((one - two) / scale).abs().max()) < 1e-12
    i, back = gates.current(*four), gates.current(four[0], four[1], four[3], four[2])
    assert torch.equal(i, -back)
    g = gates.conductances(*four)
    assert float((sum(g) / torch.stack(g).abs().sum(0)).abs().max()) < 1e-12


def test_conductances(gates: DualGate, four: Tensor):
    """By automatic differentiation, each terminal."""
    leaves = [v.clone().requires_grad_() for v in four]
    expected = torch.autograd.grad(gates.current(*leaves).sum(), leaves)
    found = gates.conductances(*four)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one.sum(0), two, rtol=1e-9, atol=1e-18)


def test_plates_are_capacitors(gates: DualGate, four: Tensor):
    """Q_F = C_f (V_F - psi) WL and Q_B = C_b (V_B - psi) WL with one psi: what each plate says of it agrees."""
    t = gates.transistor
    ov, area = t.coefficients.overlap, t.width * t.length
    c_f, c_b = front_capacitance(t.parameters), back_capacitance(t.parameters)
    v_f, v_b, v_d, v_s = four
    q = gates.charges(*four)
    share = c_b / (c_f + c_b)
    front = q.front - (1 - share) * ov * (2 * v_f - v_d - v_s)
    back = q.back - share * ov * (2 * v_b - v_d - v_s)
    psi_f = v_f - front / (c_f * area)
    psi_b = v_b - t.parameters.back_threshold - back / (c_b * area)
    torch.testing.assert_close(psi_f, psi_b, rtol=0, atol=1e-10)


def test_gates_see_each_other_alike(gates: DualGate, four: Tensor):
    """dQ_F/dV_B = dQ_B/dV_F, and every row and column of the capacitance matrix sums to zero."""
    leaves = [v.clone().requires_grad_() for v in four]
    rows = [torch.autograd.grad(q.sum(), leaves, retain_graph=True) for q in gates.charges(*leaves)]
    matrix = torch.stack([torch.stack(row) for row in rows])
    scale = matrix.abs().amax()
    assert float((matrix[0, 1] - matrix[1, 0]).abs().max() / scale) < 1e-12
    assert float(matrix.sum(0).abs().max() / scale) < 1e-12
    assert float(matrix.sum(1).abs().max() / scale) < 1e-12
    assert bool((matrix.diagonal(dim1=0, dim2=1) > 0).all())


def test_back_gate_moves_the_threshold(gates: DualGate):
    """By -C_b/C_f per volt, the textbook shift: the same current at a front voltage lower by that."""
    t = gates.transistor
    ratio = back_capacitance(t.parameters) / front_capacitance(t.parameters)
    v_b = tensor(-1.0, 0.0, 2.0)
    v_f = tensor(0.5) - ratio * v_b
    i = gates.current(v_f, v_b, tensor(0.3), ZERO)
    torch.testing.assert_close(i, i[:, :1].expand_as(i), rtol=1e-9, atol=0)


def test_with_back_gate(gates: DualGate, four: Tensor):
    v_f, v_b, v_d, v_s = four
    fixed = gates.with_back_gate(v_b)
    assert torch.equal(fixed.current(v_f, v_d, v_s), gates.current(*four))
    q, whole = fixed.charges(v_f, v_d, v_s), gates.charges(*four)
    scale = torch.stack(whole).abs().sum(0)
    assert float(((sum(q) + whole.back) / scale).abs().max()) < 1e-14
    assert fixed.conductances(v_f, v_d, v_s).gate.equal(gates.conductances(*four).front)
    assert bool((fixed.noise(tensor(1.0), v_f, v_d, v_s) >= 0).all())
    assert float(fixed.gate_current(v_f, v_d, v_s).drain.abs().max()) == 0.0


def test_without_a_back_gate_there_is_none(rich: TekvParameters, four: Tensor):
    p = rich.replace(back_oxide_thickness=tensor(torch.inf))
    single = DualGate(ThinFilmTransistor(Tekv(p, tensor(1e-6), tensor(50e-9), tensor(300.0))))
    v_f, _, v_d, v_s = four
    assert torch.equal(single.current(*four), single.transistor.current(v_f, v_d, v_s))
    assert float(single.charges(*four).back.abs().max()) == 0.0


def test_gradients(rich: TekvParameters):
    """Of current and charges by the parameters of the back gate and the voltages, against central differences."""
    names = ("back_oxide_thickness", "back_oxide_permittivity", "back_threshold", "oxide_thickness")
    start = torch.stack([*(getattr(rich, name) for name in names), *tensor(1.0, -0.5, 0.4, 0.1)])

    def output(factors: Tensor) -> Tensor:
        *values, v_f, v_b, v_d, v_s = (start * factors).unbind(-1)
        p = rich.replace(**dict(zip(names, values, strict=True)))
        gates = DualGate(ThinFilmTransistor(Tekv(p, tensor(1e-6), tensor(50e-9), tensor(300.0))))
        current, charges = gates.current_and_charges(v_f, v_b, v_d, v_s)
        return torch.stack((current * 1e6, *(q * 1e15 for q in charges)))

    ones = torch.ones(len(start), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(output, ones)
    for i, step in enumerate(1e-5 * torch.eye(len(start), dtype=torch.float64)):
        difference = (output(ones + step) - output(ones - step)) / 2e-5
        torch.testing.assert_close(jacobian[:, i], difference, rtol=1e-5, atol=1e-7)
