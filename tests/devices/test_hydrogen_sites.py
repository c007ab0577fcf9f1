"""Proton and hydride, donors, passivation: limits, an independent root, gradients and the published anneals."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import constants
from scipy.optimize import brentq
from torch import Tensor

from beolith.devices import library
from beolith.devices.hydrogen import hydrogen_sites as sites
from beolith.devices.tekv import Tekv

EV = constants.electron_volt
PER_CM2_EV = 1e4 / EV
ROOM = torch.tensor(300.0, dtype=torch.float64)


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def test_proton_below_the_level_hydride_above():
    levels = torch.linspace(-1, 1, 201, dtype=torch.float64) * EV
    share = sites.proton_share(levels, tensor(0.0), ROOM)
    assert bool((share.diff() <= 0).all())
    assert float(share[100]) == pytest.approx(0.5)
    assert float(share[0]) == pytest.approx(1.0)
    assert float(share[-1]) < 1e-30
    # twice the slope of a one-electron level: kT/2 for a factor e
    kt = constants.Boltzmann * 300
    far = sites.proton_share(tensor(20 * kt), tensor(0.0), ROOM) / sites.proton_share(
        tensor(20.5 * kt), tensor(0.0), ROOM
    )
    assert float(far) == pytest.approx(math.e, rel=1e-12)


def test_donors_are_twice_the_share_less_one():
    levels = torch.linspace(-0.3, 0.3, 31, dtype=torch.float64) * EV
    share = sites.proton_share(levels, tensor(0.05 * EV), ROOM)
    donors = sites.hydrogen_donors(tensor(1e24), levels, tensor(0.05 * EV), ROOM)
    torch.testing.assert_close(donors, (2 * share - 1) * 1e24, rtol=1e-9, atol=1e9)


@pytest.mark.parametrize("free", [1e20, 1e23, 1e26])
@pytest.mark.parametrize("level", [-0.4, -0.1, 0.0, 0.2])
def test_settled_donors_are_the_neutral_film(free: float, level: float):
    """Against a bracketing root finder on the Fermi level itself."""
    donors, band = 5e23, 2.4e24
    kt = constants.Boltzmann * 300
    net = float(sites.settled_donors(tensor(free), tensor(donors), tensor(level * EV), tensor(band), ROOM))

    def charge(e_f: float) -> float:
        f = 1 / (1 + math.exp(2 * (e_f - level * EV) / kt))
        return band * math.exp(e_f / kt) - donors - (2 * f - 1) * free

    e_f = brentq(charge, -2 * EV, 0.5 * EV, xtol=1e-16 * EV, rtol=1e-14)
    assert donors + net == pytest.approx(band * math.exp(e_f / kt), rel=1e-9)


def test_limits_of_the_settled_donors():
    free, donors, band = tensor(1e24), tensor(5e23), tensor(2.4e24)
    shallow, deep = (sites.settled_donors(free, donors, tensor(e * EV), band, ROOM) for e in (1.0, -1.0))
    assert float(shallow) == pytest.approx(1e24, rel=1e-9)  # all protons
    assert float(deep) > -float(donors)  # hydride takes all electrons there are and no more
    assert float(deep) == pytest.approx(-5e23, rel=1e-6)
    assert float(sites.settled_donors(tensor(0.0), donors, tensor(0.0), band, ROOM)) == pytest.approx(0, abs=1e12)


def test_gradient_of_the_settled_donors():
    given = [tensor(x).requires_grad_() for x in (3.0, 0.5, 0.03, 2.4)]

    def scaled(free: Tensor, donors: Tensor, level: Tensor, band: Tensor) -> Tensor:
        return sites.settled_donors(1e24 * free, 1e24 * donors, EV * level, 1e24 * band, ROOM) / 1e24

    assert torch.autograd.gradcheck(scaled, given, eps=1e-6, atol=1e-7)


def test_passivation_is_monotone_between_its_ends():
    trapped = torch.logspace(20, 28, 60, dtype=torch.float64)
    left = sites.passivated(tensor(6e16), trapped, tensor(8e15), tensor(1e25))
    assert bool((left.diff() <= 0).all())
    assert float(left[0]) == pytest.approx(6e16, rel=1e-3)
    assert float(left[-1]) == pytest.approx(8e15)
    dose = sites.passivation_dose(tensor(6e16), left[30], tensor(8e15))
    assert float(dose) == pytest.approx(float(trapped[30]) / 1e25, rel=1e-9)
    clean = sites.passivated(tensor(1e15), trapped, tensor(8e15), tensor(1e25))  # hydrogen never makes traps
    assert torch.equal(clean, torch.full_like(clean, 1e15))


@pytest.mark.parametrize(
    ("traps", "published"),
    [(6.02e12, 168), (4.98e12, 150), (3.07e12, 115), (8.43e11, 75)],
    ids=["O300", "O350", "D300", "D350"],
)
def test_swing_after_anneals(traps: float, published: float):
    """F099-F106, 30 nm IGZO on 15 nm Al2O3; traps are commonly read off the swing, so this tests the capacitance."""
    p = library.load("belmonte2023_igzo").tekv.replace(
        channel_thickness=tensor(30e-9),
        oxide_thickness=tensor(15e-9),
        oxide_permittivity=tensor(8.83),
        charge_centroid=tensor(0.0),
        effective_mass=tensor(1e6),
        interface_traps=tensor(traps * PER_CM2_EV),
    )
    closed = float(sites.swing(p, tensor(traps * PER_CM2_EV), ROOM))
    assert 1e3 * closed == pytest.approx(published, rel=0.04)
    transistor = Tekv(p.replace(leakage_density=tensor(0.0)), tensor(1e-6), tensor(1e-5), ROOM)
    v_g = transistor.coefficients.v_t - torch.tensor([2.5, 2.49], dtype=torch.float64)
    current = transistor.current(v_g, tensor(1.0), tensor(0.0))
    assert 0.01 / float(current.log10().diff()) == pytest.approx(closed, rel=1e-4)


def test_published_gains_bound_mobility_and_contacts():
    """F068 and F069: both are used to set the scale, so this is arithmetic and no prediction."""
    n = torch.logspace(20, 28, 40, dtype=torch.float64)
    mobility = 3.2 * sites.mobility_factor(n, tensor(20 / 3.2 - 1), tensor(1e24))
    assert float(mobility.min()) >= 3.2
    assert float(mobility[-1]) == pytest.approx(20, rel=1e-3)
    at = sites.donors_for(tensor(100.0), tensor(1.5e25))
    assert float(at) == pytest.approx(6.9e25, rel=2e-3)  # the 0.1 atomic per cent that films hold (F091)
    assert float(sites.contact_factor(at, tensor(1.5e25))) == pytest.approx(0.01)
    lost = tensor(-1e24)  # the hydride harms neither
    assert float(sites.mobility_factor(lost, tensor(2.0), tensor(1e24))) == 1
    assert float(sites.contact_factor(lost, tensor(1e24))) == 1
