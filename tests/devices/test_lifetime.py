"""When the threshold has shifted by so much: against closed forms, brute force and the criterion of a roadmap."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from scipy import constants
from scipy.optimize import brentq
from torch import Tensor

from beolith.devices import library
from beolith.devices.stress.aging import Aging
from beolith.devices.stress.cet import expansion
from beolith.devices.stress.lifetime import time_to
from beolith.devices.stress.mission import constant, power_down
from beolith.errors import BeolithError

YEAR = 3.156e7


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def traps_of(card: str, **changes: float) -> Aging:
    """The traps of a card without its hydrogen."""
    aging = library.load(card).aging
    changed = {name: tensor(value) for name, value in changes.items()}
    return dataclasses.replace(
        aging,
        trapping=dataclasses.replace(aging.trapping, **changed),
        hydrogen=dataclasses.replace(aging.hydrogen, reservoir=tensor(0.0)),
    )


ITO = traps_of("liu2023_ito")


@pytest.mark.parametrize("limit", [0.02, 0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("temperature", [300.0, 358.0])
def test_against_the_inverse_of_the_stretched_exponential(limit: float, temperature: float):
    """t = tau(T) [-ln(1 - dV/(A V_ov))]^(1/beta), within 1 % as the expansion is within 1e-3; exact for its own sum."""
    p = ITO.trapping
    heat = float(p.activation) / constants.Boltzmann * (1 / temperature - 1 / 300)
    tau, share = float(p.time_constant) * math.exp(heat), limit / (float(p.amplitude) * 1.2)
    found = float(time_to(ITO, constant(1.0, temperature, 1.2), tensor(limit)))
    assert found == pytest.approx(tau * (-math.log(1 - share)) ** (1 / float(p.stretch)), rel=0.01)
    weights, rates = expansion(p.stretch)

    def excess(log_time: float) -> float:
        return float((weights * -torch.expm1(-math.exp(log_time) / tau * rates)).sum()) - share

    assert found == pytest.approx(math.exp(brentq(excess, -20, 40, xtol=1e-14)), rel=1e-9)


def test_never_is_infinite():
    aging = ITO
    limits = torch.tensor([0.3, 0.37], dtype=torch.float64)  # A V_ov = 0.36 V
    found = time_to(aging, constant(1.0, 358.0, 1.2), limits)
    assert math.isfinite(found[0])
    assert math.isinf(found[1])
    assert math.isinf(time_to(aging, constant(1.0, 358.0, 0.0), tensor(0.05)))
    assert math.isinf(time_to(aging, constant(1.0, 300.0, 1.2), tensor(0.3), longest=10.0))


def test_of_a_batch():
    temperatures = torch.tensor([[300.0], [358.0]], dtype=torch.float64)
    found = time_to(ITO, constant(1.0, temperatures, 1.2), torch.tensor([0.05, 0.1, 0.2], dtype=torch.float64))
    assert found.shape == (2, 3)
    alone = time_to(ITO, constant(1.0, 358.0, 1.2), tensor(0.1))
    torch.testing.assert_close(found[1, 1], alone, rtol=1e-9, atol=0)
    assert bool((found.diff(dim=1) > 0).all())
    assert bool((found.diff(dim=0) < 0).all())


def test_the_implicit_derivative():
    """By amplitude, time constant, activation, exponent, temperature, overdrive and limit."""
    p, ones = ITO.trapping, tuple(torch.ones((), dtype=torch.float64, requires_grad=True) for _ in range(7))

    def log_life(*x: Tensor) -> Tensor:
        scaled = {
            n: getattr(p, n) * f
            for n, f in zip(("amplitude", "time_constant", "activation", "stretch"), x, strict=False)
        }
        aging = dataclasses.replace(ITO, trapping=dataclasses.replace(p, **scaled))
        return time_to(aging, constant(1.0, 340.0 * x[4], 1.2 * x[5]), 0.1 * x[6]).log()

    assert torch.autograd.gradcheck(log_life, ones, rtol=1e-4, eps=1e-5)


def test_the_negative_shift_counts_as_well():
    """Donors that hydrogen makes end a life too; closed form of a first-order release."""
    aging = dataclasses.replace(
        library.load("liu2023_ito").aging, trapping=traps_of("liu2023_ito", amplitude=0.0).trapping
    )
    full = float(aging.donor_shift * aging.hydrogen.reservoir)
    found = float(time_to(aging, constant(1.0, 300.0, 0.0), tensor(-0.5 * full)))
    assert found == pytest.approx(float(aging.hydrogen.release_time) * math.log(2), rel=1e-9)


def test_a_repeated_mission_against_every_single_period():
    """8 h hot under stress, 16 h of recovery; the jumps over periods against brute force, within a day in 400."""
    aging = traps_of("belmonte2023_igzo", emission_ratio=3.0)
    day = [*constant(8 * 3600.0, 330.0, 1.2), *power_down(16 * 3600.0, 320.0)]
    states, shifts = None, []
    for _ in range(400):
        evening, states = aging.march(day, states)
        shifts.append(float(aging.shift(evening)))
    for limit in (shifts[2] * 0.9999, shifts[30] * 0.9999, shifts[200] * 0.9999):
        expected = next(i + 1 for i, shift in enumerate(shifts) if shift >= limit)
        assert float(time_to(aging, day, tensor(limit))) / 86400 == pytest.approx(expected, rel=0.01, abs=1)
    assert math.isinf(time_to(aging, day, tensor(0.06)))
    first = float(time_to(aging, day, tensor(0.5 * shifts[0])))
    assert first == pytest.approx(float(time_to(aging, day[:1], tensor(0.5 * shifts[0]))), rel=1e-9)


def test_igzo_lifetime_of_the_roadmap():
    """1.2 V at 95 C for five years read as 50 mV (imec2025_roadmap): traps end at 48 mV, so never; 45 mV earlier."""
    aging = traps_of("belmonte2023_igzo")
    stress = constant(1.0, 368.15, 1.2)
    assert math.isinf(time_to(aging, stress, tensor(0.050)))
    assert float(time_to(aging, stress, tensor(0.045))) < 5 * YEAR


def test_feedback_prolongs_a_life():
    stress = constant(1.0, 330.0, 1.2)
    free = time_to(ITO, stress, tensor(0.15))
    held = time_to(ITO, stress, tensor(0.15), feedback=True)
    assert float(held) > 1.3 * float(free)


@pytest.mark.parametrize("limit", [0.0, -0.05, math.nan])
def test_a_limit_that_is_none_is_refused(limit: float):
    with pytest.raises(BeolithError, match="above zero"):
        time_to(ITO, constant(1.0, 330.0, 1.2), tensor(limit))


def test_a_period_without_time_is_refused():
    with pytest.raises(BeolithError, match="lasts no time"):
        time_to(ITO, [*constant(0.0, 330.0, 1.2), *power_down(0.0, 300.0)], tensor(0.1))
