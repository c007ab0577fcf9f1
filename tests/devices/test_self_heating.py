"""Self-heating: the steady state, its gradient, runaway, the way there, published limits."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from torch import Tensor

from beolith.devices import library
from beolith.devices.library import Device
from beolith.devices.self_heating import SelfHeated, ThermalParameters, steady_temperature, warming
from beolith.errors import ConvergenceWarning

ZERO = torch.zeros((), dtype=torch.float64)
# su2025_arxiv: 35 and 51 MW m^-2 K^-1; the layer, the substrate and the heat are this test's
THERMAL = {
    "boundary_conductance": 35e6,
    "layer_thickness": 20e-9,
    "layer_conductivity": 1.4,
    "substrate_conductivity": 140.0,
    "heat_capacity": 0.02,
    "failure_temperature": 613.15,
}


def tensor(*values: float) -> Tensor:
    return torch.tensor(values[0] if len(values) == 1 else values, dtype=torch.float64)


def thermal(**changes: float) -> ThermalParameters:
    return ThermalParameters(**{name: tensor(value) for name, value in {**THERMAL, **changes}.items()})


@pytest.fixture(scope="module")
def heated() -> SelfHeated:
    return SelfHeated(
        library.load("belmonte2023_igzo").transistor(tensor(1e-6), tensor(1e-7), tensor(300.0)), thermal()
    )


def test_resistance():
    """1/(hA) + d/(kA) + 1/(2 k_s sqrt A), by hand for 1 um by 100 nm."""
    area = 1e-13
    expected = 1 / (35e6 * area) + 2e-8 / (1.4 * area) + 1 / (2 * 140 * math.sqrt(area))
    assert float(thermal().resistance(tensor(1e-6), tensor(1e-7))) == pytest.approx(expected, rel=1e-14)
    assert float(thermal().capacity(tensor(1e-6), tensor(1e-7))) == pytest.approx(0.02 * area)


def test_boundary_alone():
    """Published boundaries: 1 W/mm^2 heats ITO by 29 K on SiO2 and by 20 K on HfO2; the limits are 153 K and 313 K."""
    bare = {"layer_thickness": 0.0, "substrate_conductivity": math.inf}
    rise = [float(1e-6 * thermal(boundary_conductance=g, **bare).resistance(tensor(1e-6), tensor(1e-6))) for g in
            (35e6, 51e6)]  # fmt: skip
    assert rise == pytest.approx([1e6 / 35e6, 1e6 / 51e6])


def test_steady_state_against_a_root_finder(heated: SelfHeated):
    for v_g in (0.5, 1.5, 2.0, 3.0):
        bias = tensor(v_g), tensor(1.5), ZERO

        def excess(t: float, bias: tuple[Tensor, Tensor, Tensor] = bias) -> float:
            return t - 300.0 - float(heated.resistance * heated.at(tensor(t)).current(*bias) * 1.5)

        expected = brentq(excess, 299.9, 610.0, xtol=1e-10)
        assert float(heated.temperature(*bias)) == pytest.approx(expected, abs=1e-7)
    assert expected > 400.0


def test_every_result_is_the_steady_state(heated: SelfHeated):
    bias = tensor(2.0), tensor(1.5), ZERO
    at = heated.at(heated.temperature(*bias))
    assert float(heated.current(*bias)) == float(at.current(*bias))
    assert heated.charges(*bias) == at.charges(*bias)
    assert heated.current_and_charges(*bias)[0] == at.current(*bias)
    assert float(heated.noise(tensor(1.0), *bias)) == float(at.noise(tensor(1.0), *bias))
    assert float(heated.gate_current(*bias).drain) == 0.0


def test_off_is_neutral(heated: SelfHeated):
    """The card is silent: infinite conductance, no rise, the same current."""
    device = library.load("belmonte2023_igzo")
    assert device.thermal.absent
    assert not thermal().absent
    cold = dataclasses.replace(heated, thermal=device.thermal)
    bias = tensor(2.0), tensor(1.0), ZERO
    assert float(cold.temperature(*bias)) == 300.0
    assert float(cold.current(*bias)) == float(heated.transistor.current(*bias))


def test_laws(heated: SelfHeated):
    """Antisymmetric, blind to a common shift, never colder than its surroundings, smooth through V_DS = 0."""
    draw = torch.rand(3, 200, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    v_g, v_d, v_s = 2.0 * draw - 1.0
    i = heated.current(v_g, v_d, v_s)
    torch.testing.assert_close(i, -heated.current(v_g, v_s, v_d), rtol=1e-12, atol=0)
    torch.testing.assert_close(i, heated.current(v_g + 1.0, v_d + 1.0, v_s + 1.0), rtol=1e-9, atol=1e-30)
    assert bool((heated.temperature(v_g, v_d, v_s) >= 300.0).all())
    v_d = tensor(-1e-6, 0.0, 1e-6)
    rise = heated.temperature(tensor(2.0), v_d, ZERO) - 300.0
    assert float(rise[1]) == 0.0
    assert float(rise[0]) == pytest.approx(float(rise[2]), abs=1e-12)


@pytest.mark.parametrize("ambient", [4.0, 77.0, 300.0, 450.0])
def test_finite(device: Device, ambient: float):
    """Every card, on and off, from 4 K to 450 K."""
    t = SelfHeated(device.transistor(tensor(1e-6), tensor(1e-6), tensor(ambient)), thermal(layer_thickness=0.0))
    v_g = torch.linspace(-1.0, 1.0, 11, dtype=torch.float64)
    assert bool(torch.isfinite(t.current(v_g, tensor(0.2), ZERO)).all())


def test_conductances(heated: SelfHeated):
    """dI/dV through the heat, by central differences of the solved current and by the implicit gradient."""
    start = tensor(2.0, 1.2, 0.1)
    found = torch.stack(heated.conductances(*start))
    assert float(found.sum().abs()) < 1e-12 * float(found.abs().max())
    leaves = [v.clone().requires_grad_() for v in start]
    implicit = torch.stack(torch.autograd.grad(heated.current(*leaves), leaves))
    steps = 1e-4 * torch.eye(3, dtype=torch.float64)
    difference = torch.stack([(heated.current(*(start + s)) - heated.current(*(start - s))) / 2e-4 for s in steps])
    torch.testing.assert_close(found, implicit, rtol=1e-9, atol=0)
    torch.testing.assert_close(found, difference, rtol=1e-5, atol=0)


def test_gradient_by_every_parameter(heated: SelfHeated):
    """Of the temperature by the thermal parameters, size and surroundings; and by a parameter of the channel."""
    names = [*THERMAL][:4]
    p = heated.transistor.channel.parameters
    start = tensor(*[THERMAL[name] for name in names], 1e-6, 1e-7, 310.0, float(p.mobility))

    def output(factors: Tensor) -> Tensor:
        *values, width, length, ambient, mobility = (start * factors).unbind(-1)
        t = ThermalParameters(*values, tensor(0.02), tensor(613.0))
        channel = dataclasses.replace(
            heated.transistor.channel, parameters=p.replace(mobility=mobility), width=width, length=length,
            temperature=ambient,
        )  # fmt: skip
        device = dataclasses.replace(heated.transistor, channel=channel)
        return SelfHeated(device, t).temperature(tensor(2.0), tensor(1.5), ZERO)

    ones = torch.ones(len(start), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(output, ones)
    for i, step in enumerate(1e-4 * torch.eye(len(start), dtype=torch.float64)):
        difference = (output(ones + step) - output(ones - step)) / 2e-4
        assert float(jacobian[i]) == pytest.approx(float(difference), rel=1e-4, abs=1e-7), i
        assert float(jacobian[i]) != 0.0


def test_runaway():
    """P = P_0 e^{(T - T_0)/20 K}: at T_0 - 20 K W(-R P_0/20 K) while R P_0 < 20 K/e; NaN and a warning beyond."""
    from scipy.special import lambertw

    p_0 = tensor(1.0, 5.0, 7.3, 7.4, 50.0).requires_grad_()

    def power(t: Tensor) -> Tensor:
        return p_0 * torch.exp((t - 300.0) / 20.0)

    with pytest.warns(ConvergenceWarning, match="2 of 5 biases"):
        t = steady_temperature(power, tensor(300.0), tensor(1.0), tensor(613.0))
    expected = 300.0 - 20.0 * lambertw(-p_0.detach().numpy()[:3] / 20.0).real
    torch.testing.assert_close(t[:3].detach(), tensor(*expected), rtol=0, atol=1e-6)
    assert bool(torch.isnan(t[3:]).all())
    (gradient,) = torch.autograd.grad(t[:3].sum(), p_0)
    w = lambertw(-p_0.detach().numpy()[:3] / 20.0).real
    torch.testing.assert_close(
        gradient[:2], tensor(*(-20.0 * w / (p_0.detach().numpy()[:3] * (1 + w)))[:2]), rtol=1e-6, atol=0
    )
    assert float(gradient[3:].abs().max()) == 0.0


def test_failure_temperature_ends_the_search(heated: SelfHeated):
    """A bias that steadies at 474 K has no result where the film fails at 180 C; one at 368 K keeps its own."""
    cool = dataclasses.replace(heated, thermal=thermal(failure_temperature=453.15))
    bias = tensor(2.0, 3.0), tensor(1.5), ZERO
    high = heated.temperature(*bias)
    with pytest.warns(ConvergenceWarning, match="1 of 2 biases"):
        low = cool.temperature(*bias)
    assert float(low[0]) == pytest.approx(float(high[0]), abs=1e-7)
    assert float(high[1]) > 453.15
    assert bool(torch.isnan(low[1]))


def test_warming_at_constant_power_is_exact():
    """T_0 + R P (1 - e^{-t/RC}), to rounding, in one step."""
    times = (1e-9, 3e-8, 1e-6)
    found = warming(lambda t: 1e-4 + 0.0 * t, times, tensor(300.0), tensor(5e5), tensor(1e-13), steps=1)
    expected = [300.0 + 50.0 * (1 - math.exp(-t / 5e-8)) for t in times]
    torch.testing.assert_close(found, tensor(*expected), rtol=1e-13, atol=0)


def test_warming_against_an_integrator(heated: SelfHeated):
    """The transistor switched on, against scipy's LSODA; it ends in the steady state."""
    bias = tensor(3.0), tensor(1.5), ZERO
    r, c = heated.resistance, heated.thermal.capacity(heated.transistor.width, heated.transistor.length)
    tau = float(r * c)

    def power(t: Tensor) -> Tensor:
        return heated.at(t).current(*bias) * 1.5

    times = [0.1 * tau, tau, 30 * tau]
    found = warming(power, times, tensor(300.0), r, c, steps=256)
    run = solve_ivp(
        lambda _, y: [(float(power(tensor(float(y[0])))) - (y[0] - 300.0) / float(r)) / float(c)],
        (0.0, times[1]), [300.0], method="LSODA", t_eval=times[:2], rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    torch.testing.assert_close(found[:2], tensor(*run.y[0]), rtol=0, atol=2e-3)
    assert float(found[2]) == pytest.approx(float(heated.temperature(*bias)), abs=1e-5)
