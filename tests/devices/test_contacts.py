"""Contacts: the laws of a transistor hold behind them, and the inner nodes agree with a nested root finder."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import constants
from scipy.optimize import brentq
from torch import Tensor

from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.devices.contacts import ContactParameters
from beolith.devices.library import Device
from beolith.devices.tekv import Tekv
from beolith.devices.thin_film import ThinFilmTransistor
from beolith.errors import BeolithError

Biases = tuple[Tensor, Tensor, Tensor]
ZERO = torch.zeros((), dtype=torch.float64)
OXIDES = ["belmonte2023_igzo", "liu2023_ito", "pandey2025_in2o3"]
USUAL = {"minimum_resistance": 2e-4, "barrier_resistance": 5e-3, "barrier_activation": 8e-21,
         "tunnelling_energy": 2e-21, "charge_scale": 5e-3, "hydrogen_scale": 2e24}  # fmt: skip


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def contacts(scale: float | Tensor = 1.0, **changes: float) -> ContactParameters:
    values = {**USUAL, **changes}
    made = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in values.items()}
    for name in ("minimum_resistance", "barrier_resistance"):
        made[name] = made[name] * scale
    return ContactParameters(**made)


def between(name: str, p: ContactParameters, length: float = 45e-9, temperature: float | Tensor = 300.0,
            state: DeviceState | None = None) -> ThinFilmTransistor:  # fmt: skip
    size = (tensor(1e-6), tensor(length), torch.as_tensor(temperature, dtype=torch.float64))
    return ThinFilmTransistor(Tekv(library.load(name).tekv, *size, state or DeviceState()), p)


@pytest.fixture(scope="module", params=[1e-3, 1.0, 1e3, 1e9])
def resistive(request: pytest.FixtureRequest, device: Device) -> ThinFilmTransistor:
    """Every card between contacts from nothing to nearly everything, inside its temperature range: (4, 2, 1)."""
    low = max(4.0, float(device.validity.lowest_temperature))
    temperatures = torch.tensor([low, 250.0, 300.0, 398.0], dtype=torch.float64).reshape(4, 1, 1)
    lengths = torch.tensor([20e-9, 1e-6], dtype=torch.float64).reshape(2, 1)
    return ThinFilmTransistor(Tekv(device.tekv, tensor(1e-6), lengths, temperatures), contacts(request.param))


def test_laws(resistive: ThinFilmTransistor, biases: Biases):
    """Finite; odd in source and drain to the last bit; passive; charges add up to zero and swap; common mode 1e-9."""
    v_g, v_d, v_s = biases
    i_d, q = resistive.current_and_charges(v_g, v_d, v_s)
    swapped, p = resistive.current_and_charges(v_g, v_s, v_d)
    assert i_d.shape == (4, 2, 3000)
    assert bool(torch.isfinite(i_d).all())
    assert torch.equal(i_d, -swapped)
    assert bool((i_d * (v_d - v_s) >= 0).all())
    scale = q.gate.abs() + q.drain.abs() + q.source.abs()
    assert float((q.gate + q.drain + q.source).abs().div(scale).max()) < 1e-15
    assert float((q.drain - p.source).abs().div(scale).max()) < 1e-13
    moved = resistive.current(v_g + 3.7, v_d + 3.7, v_s + 3.7)
    far = (v_d - v_s).abs() > 1e-3  # closer, the shifted voltages themselves are rounded
    assert float(((moved - i_d).abs() / i_d.abs().clamp(min=1e-300))[..., far].max()) < 1e-9


def test_no_current_without_drain_voltage(resistive: ThinFilmTransistor, biases: Biases):
    assert not bool(resistive.current(biases[0], biases[1], biases[1]).any())


def test_contacts_only_take_away(device: Device, resistive: ThinFilmTransistor, biases: Biases):
    """Never more than the bare channel carries, nor more than the drain voltage over both minimum resistances."""
    bare, found = resistive.channel.current(*biases).abs(), resistive.current(*biases).abs()
    assert bool((found <= bare * (1 + 1e-9)).all())
    p = resistive.contacts
    assert p is not None
    most = (biases[1] - biases[2]).abs() / (2 * p.minimum_resistance / 1e-6)
    assert bool((found <= most * (1 + 1e-9)).all())


@pytest.mark.parametrize("name", OXIDES)
def test_current_rises_with_gate_voltage(name: str):
    v_g = torch.linspace(-3, 3, 1201, dtype=torch.float64)
    for scale in (1e-2, 1.0, 1e4):
        i_d = between(name, contacts(scale)).current(v_g, tensor(0.7), ZERO)
        assert bool((i_d.diff() >= -1e-13 * i_d[1:]).all()), scale


@pytest.mark.parametrize("name", OXIDES)
@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e2, 1e5])
def test_inner_nodes_agree_with_a_nested_root_finder(name: str, scale: float):
    """scipy's brentq on the current of the bare channel at the inner voltages, resistances from the formula."""
    p = contacts(scale)
    transistor = between(name, p)
    k = transistor.coefficients
    draw = torch.rand(3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 4 - 1.5
    found = transistor.current(*draw)

    def resistance(v_g: float, v_d: float, v_s: float) -> float:
        either = torch.stack([(v_g - k.v_t - v) / k.n_phi for v in (v_d, v_s)])
        charge = float(k.charge / 45e-15) * float(torch.logaddexp(torch.logsumexp(either, 0) - math.log(2), ZERO))
        return (float(p.minimum_resistance) + float(p.barrier_resistance) / (1 + charge / USUAL["charge_scale"])) / 1e-6

    for i in range(40):
        v_g, v_d, v_s = (float(v[i]) for v in draw)
        r_s = r_d = resistance(v_g, v_d, v_s)

        def excess(x: float, v: tuple[float, ...] = (v_g, v_d, v_s), r: tuple[float, ...] = (r_s, r_d)) -> float:
            inside = (tensor(v[0]), tensor(v[1] - x * r[1]), tensor(v[2] + x * r[0]))
            return float(transistor.channel.current(*inside)) - x

        most = (v_d - v_s) / (r_s + r_d)
        expected = brentq(excess, 0.0, most, xtol=1e-30, rtol=1e-13)
        assert float(found[i]) == pytest.approx(expected, rel=2e-9, abs=1e-28)


def test_without_resistance_the_channel_is_left(device: Device, biases: Biases):
    """To 1e-9 where the voltage over the contacts is less than that; the class leaves them out altogether."""
    channel = Tekv(device.tekv, tensor(1e-6), tensor(1e-6), tensor(300.0))
    found = ThinFilmTransistor(channel, contacts(1e-12)).current(*biases)
    torch.testing.assert_close(found, channel.current(*biases), rtol=1e-8, atol=1e-30)
    bare = device.transistor(tensor(1e-6), tensor(1e-6), tensor(300.0), without=["contacts"])
    assert bare.contacts is None
    assert torch.equal(bare.current(*biases), channel.current(*biases))


def test_an_unknown_term_is_named(device: Device):
    with pytest.raises(BeolithError, match="did you mean 'contacts'"):
        device.transistor(tensor(1e-6), tensor(1e-6), tensor(300.0), without=["contact"])


def test_transfer_length_method_finds_the_resistance():
    """Resistance against length at low drain voltage and equal gate voltage: the intercept is 2 R_c, within 0.1 %."""
    p = contacts(barrier_resistance=0.0)
    lengths = torch.linspace(1e-6, 5e-6, 5, dtype=torch.float64)
    size = (tensor(1e-6), lengths, tensor(300.0))
    transistor = ThinFilmTransistor(Tekv(library.load("belmonte2023_igzo").tekv, *size), p)
    v_d = tensor(1e-4)
    total = v_d / transistor.current(tensor(2.0), v_d, ZERO)
    slope = (total[-1] - total[0]) / (lengths[-1] - lengths[0])
    assert float(total[0] - slope * lengths[0]) == pytest.approx(2 * 2e-4 / 1e-6, rel=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1e2])
def test_current_rises_with_drain_voltage(scale: float):
    """However much of the resistance the gate controls; In2O3 without velocity saturation."""
    v_d = torch.linspace(0, 3, 601, dtype=torch.float64)
    v_g = torch.linspace(-0.5, 3, 15, dtype=torch.float64)[:, None]
    i_d = between("pandey2025_in2o3", contacts(scale, barrier_resistance=0.1, charge_scale=1e-3)).current(
        v_g, v_d, ZERO
    )
    assert bool((i_d.diff(dim=-1) >= -1e-11 * i_d[..., 1:]).all())


def test_gate_charge_halves_the_barrier():
    """A gate charge of Q_r takes the barrier part to one half, in a device that is nothing but its contacts."""
    p = contacts(minimum_resistance=0.0, barrier_resistance=10.0)
    transistor = between("belmonte2023_igzo", p, length=45e-9)
    k = transistor.coefficients
    per_volt = k.charge / 45e-15 / k.n_phi
    v_g = k.v_t + USUAL["charge_scale"] / per_volt
    resistance = 1e-3 / transistor.current(v_g, tensor(1e-3), ZERO)
    assert float(resistance) == pytest.approx(2 * 10.0 / 1e-6 / 2, rel=0.01)


def test_heat_and_hydrogen_lower_the_barrier():
    """By the Arrhenius factor and exp(-N_H/H_c), in a device that is nothing but its contacts."""
    p = contacts(minimum_resistance=0.0, barrier_resistance=1e4, charge_scale=float("inf"))

    def current(temperature: float = 300.0, state: DeviceState | None = None) -> float:
        return float(between("belmonte2023_igzo", p, temperature=temperature, state=state).current(
            tensor(2.0), tensor(0.1), ZERO))  # fmt: skip

    fresh = current()
    assert fresh == pytest.approx(0.1 / (2 * 1e4 / 1e-6), rel=1e-3)
    energy = {t: 2e-21 / math.tanh(2e-21 / (constants.Boltzmann * t)) for t in (20.0, 300.0, 350.0)}
    for t in (20.0, 350.0):
        expected = math.exp(8e-21 / energy[300.0] - 8e-21 / energy[t])
        assert current(t) / fresh == pytest.approx(expected, rel=3e-3)
    doped = current(state=DeviceState(donor_density=tensor(2e24)))
    assert doped / fresh == pytest.approx(2.718281828, rel=1e-3)
    better = current(state=DeviceState(contact_factor=tensor(0.25)))
    assert better / fresh == pytest.approx(4.0, rel=1e-3)


NAMES = (*USUAL, "contact_factor", "v_g", "v_d", "v_s")


@pytest.mark.parametrize("scale", [1e-2, 1.0, 30.0])
def test_derivatives_agree_with_finite_differences(scale: float):
    """Of the current and both charges, by every parameter of the contacts, the state and the biases: 1e-5."""
    at = torch.tensor([*USUAL.values(), 1.0, 1.1, 0.6, 0.05], dtype=torch.float64)
    at[:2] *= scale

    def outputs(factor: Tensor) -> Tensor:
        x = dict(zip(NAMES, (at * factor).unbind(-1), strict=True))
        p = ContactParameters(**{name: x[name] for name in USUAL})
        state = DeviceState(contact_factor=x["contact_factor"], donor_density=tensor(1e24))
        t = between("liu2023_ito", p, temperature=350.0, state=state)
        i_d, q = t.current_and_charges(x["v_g"], x["v_d"], x["v_s"])
        return torch.stack((i_d * 1e6, q.drain * 1e15, q.source * 1e15), -1)

    ones = torch.ones(len(NAMES), dtype=torch.float64)
    exact = torch.autograd.functional.jacobian(outputs, ones)
    h = 1e-4 * torch.eye(len(NAMES), dtype=torch.float64)
    steps = (8 * (outputs(1 + h) - outputs(1 - h)) - outputs(1 + 2 * h) + outputs(1 - 2 * h)) / 12e-4
    assert isinstance(exact, Tensor)
    error = (steps.T - exact).abs() / (exact.abs() + 1e-4 * outputs(ones)[:, None].abs())
    assert float(error.max()) < 1e-5, NAMES[int(error.amax(0).argmax())]
    assert bool((exact[0].abs() > 1e-9 * outputs(ones)[0]).all())


def test_analytic_conductances_are_those_of_autograd(resistive: ThinFilmTransistor, biases: Biases):
    """Within 1e-6 of each and a millionth of the largest; 1e-3 where the channel is lost in its contacts."""
    p = resistive.contacts
    assert p is not None
    tolerance = 1e-6 if float(p.minimum_resistance) < 1.0 else 1e-3
    v = torch.stack(biases)[:, :200].requires_grad_()
    with torch.no_grad():
        g = resistive.conductances(*v)
    total = g.gate + g.drain + g.source
    assert float(total.abs().max()) <= 1e-12 * float(g.drain.abs().max())
    for index in range(2):
        one = resistive.current(*v)[index].sum()
        found = torch.autograd.grad(one, v)[0]
        for exact, analytic in zip(found, (g.gate, g.drain, g.source), strict=True):
            mine = analytic[index].sum(0)
            floor = 1e-6 * float(torch.stack(tuple(c[index].sum(0) for c in g)).abs().max())
            assert float(((exact - mine).abs() / (exact.abs() + floor)).max()) < tolerance


def test_current_is_smooth_through_zero_drain_voltage():
    """The analytic drain conductance is that of fourth-order differences on both sides and at zero."""
    transistor = between("liu2023_ito", contacts())
    v_d = torch.linspace(-0.02, 0.02, 81, dtype=torch.float64)
    i_d, g = transistor.current_and_conductances(tensor(1.0), v_d, ZERO)
    h = v_d[1] - v_d[0]
    slopes = (8 * (i_d[3:-1] - i_d[1:-3]) - (i_d[4:] - i_d[:-4])) / (12 * h)
    torch.testing.assert_close(slopes, g.drain[2:-2], rtol=1e-8, atol=0)
    curvature = g.drain.diff().diff() / (h * h)
    assert float(curvature.diff().abs().max() / curvature.abs().max()) < 0.2


@pytest.mark.parametrize("name", ["lu2022_igzo", "han2021_igzo"])
def test_a_slope_by_autograd_at_no_drain_voltage_is_the_analytic_one(name: str):
    """At exactly V_DS = 0 too, where there is no current; by each of the biases."""
    device = library.load(name)
    size = tensor(1e-6), device.validity.shortest_length, tensor(300.0)
    transistor = device.transistor(*size)
    assert transistor.contacts is not None
    biases = [tensor(v).requires_grad_() for v in (1.5, 0.4, 0.4)]
    found = torch.autograd.grad(transistor.current(*biases), biases)
    expected = transistor.conductances(*(v.detach() for v in biases))
    assert float(expected.drain) > 1e-6
    torch.testing.assert_close(torch.stack(found), torch.stack(list(expected)), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("scale", [1e6, 1e12])
def test_a_channel_that_is_all_contact(scale: float):
    """The current is that of the two contacts in series, whatever the channel does."""
    transistor = between("pandey2025_in2o3", contacts(scale, barrier_resistance=0.0))
    found = transistor.current(tensor(1.5), tensor(0.3), ZERO)
    assert float(found) == pytest.approx(0.3 / (2 * 2e-4 * scale / 1e-6), rel=1e-4)


@pytest.mark.parametrize("name", ["lu2022_igzo", "tftpdk2024_igzo", "han2021_igzo", "si2020_in2o3"])
def test_one_bias_alone_is_one_of_a_batch(name: str):
    """No batch at all: the few that need more steps are picked out of a batch in another way."""
    device = library.load(name)
    transistor = device.transistor(tensor(1e-6), device.validity.shortest_length, tensor(233.0))
    g, d = torch.meshgrid(torch.linspace(-1, 2, 13).double(), torch.linspace(-1, 1, 7).double(), indexing="ij")
    together = transistor.current_and_charges(g, d, ZERO)
    for i in range(13):
        for j in range(7):
            current, charges = transistor.current_and_charges(g[i, j], d[i, j], ZERO)
            torch.testing.assert_close(current, together[0][i, j], rtol=1e-10, atol=1e-30)
            torch.testing.assert_close(charges.drain, together[1].drain[i, j], rtol=1e-10, atol=1e-28)
