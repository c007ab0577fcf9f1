"""How far source and drain reach: against the modes of the layers on a grid, and against limits in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import eigh_tridiagonal
from torch import Tensor

from beolith.devices import library
from beolith.devices.geometry import EPS0, gate_capacitance, natural_length
from beolith.devices.parameters import TekvParameters
from beolith.devices.scale_length import decay


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def film(**changes: float) -> TekvParameters:
    """A 1 nm film under 5 nm of HfO2, or another."""
    return replace(library.load("pandey2025_in2o3").tekv, **{key: tensor(x) for key, x in changes.items()})


def slowest_mode(*layers: tuple[float, float], second_gate: bool = False, cells: int = 4000) -> float:
    """Decay of the slowest mode of (eps u')' + kappa^2 eps u = 0 by finite volumes, u = 0 at a gate, else u' = 0."""
    step = sum(thickness for thickness, _ in layers) / cells
    edges = np.cumsum([thickness for thickness, _ in layers])
    eps = np.array([e for _, e in layers])[np.searchsorted(edges, (np.arange(cells) + 0.5) * step)]
    faces = 2.0 / (1.0 / eps[1:] + 1.0 / eps[:-1])
    out = np.concatenate(([2.0 * eps[0]], faces)) + np.concatenate((faces, [2.0 * eps[-1] * second_gate]))
    found = eigh_tridiagonal(out / eps, -faces / np.sqrt(eps[1:] * eps[:-1]), select="i", select_range=(0, 0))
    return float(np.sqrt(found[0][0])) / step


@pytest.mark.parametrize(
    ("t_ox", "t", "ratio"),
    [(5, 1, 1.66), (10, 1, 1.66), (5, 3, 1.66), (100, 6, 0.4), (1, 20, 0.33), (2, 2, 1), (8, 2, 9)],
)
def test_one_gate_against_a_grid(t_ox: float, t: float, ratio: float):
    found = float(decay(tensor(t), 1.0 / tensor(t_ox), tensor(ratio)))
    assert found == pytest.approx(slowest_mode((t_ox, ratio), (t, 1.0)), rel=1e-3)


def test_two_equal_gates_against_a_grid():
    p = film(back_oxide_thickness=5e-9, back_oxide_permittivity=15.0, channel_thickness=3e-9)
    eps = float(p.channel_permittivity)
    grid = slowest_mode((5e-9, 15.0), (3e-9, eps), (5e-9, 15.0), second_gate=True)
    assert 1.0 / float(natural_length(p)) == pytest.approx(grid, rel=1e-3)


@pytest.mark.parametrize(("back", "eps_back", "error"), [(6e-9, 15.0, 0.02), (10e-9, 15.0, 0.2), (8e-9, 3.9, 0.1)])
def test_unequal_gates_share_the_film(back: float, eps_back: float, error: float):
    """An interpolation, shorter than the slowest mode, which lives in the thicker dielectric."""
    p = film(back_oxide_thickness=back, back_oxide_permittivity=eps_back, channel_thickness=3e-9)
    layers = (5e-9, 15.0), (3e-9, float(p.channel_permittivity)), (back, eps_back)
    grid = 1.0 / slowest_mode(*layers, second_gate=True)
    assert (1.0 - error) * grid < float(natural_length(p)) < grid


def test_limits():
    one = tensor(1.0)
    assert float(decay(one, one, tensor(1e-6))) == pytest.approx(1e-3, rel=1e-6)  # both thin: the square-root rule
    assert float(decay(tensor(0.0), one, one)) == pytest.approx(np.pi / 2, rel=1e-12)  # no film: the dielectric alone
    assert float(decay(one, tensor(0.0), one)) == 0.0  # no gate
    assert float(decay(one, one, one)) == pytest.approx(np.pi / 4, rel=1e-9)  # one medium of twice the thickness


def test_the_root_is_found_over_two_decades_of_every_ratio():
    x = torch.rand(3, 100_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    delta, ratio = 100.0 ** (2 * x[0] - 1), 30.0 ** (2 * x[1] - 1)
    k = decay(delta, torch.ones_like(delta), ratio)
    phase = torch.atan2(ratio * torch.cos(k), torch.sin(k)) - k * delta
    assert float(phase.abs().max()) < 1e-8
    assert bool((k < torch.pi / 2).all())


def test_differentiable_with_and_without_a_back_gate():
    def length(t: Tensor, t_ox: Tensor, back: Tensor) -> Tensor:
        return 1e9 * natural_length(
            replace(film(), channel_thickness=t * 1e-9, oxide_thickness=t_ox * 1e-9, back_oxide_thickness=back * 1e-9)
        )

    values = [tensor(x).requires_grad_() for x in (1.3, 5.0, 12.0)]
    assert torch.autograd.gradcheck(length, values)
    assert torch.autograd.gradcheck(lambda t, t_ox: length(t, t_ox, tensor(torch.inf)), values[:2])


def test_thin_layers_follow_the_square_root_rule():
    """A film of high permittivity under a thin dielectric around a core, whose capacitance is that of a coaxial one."""
    p = film(channel_permittivity=100.0, oxide_thickness=0.3e-9, oxide_permittivity=1.0, core_radius=1e-9)
    c = gate_capacitance(replace(p, effective_mass=tensor(1e9), charge_centroid=tensor(0.0)))
    assert float(natural_length(p)) == pytest.approx(float(torch.sqrt(EPS0 * 100.0 * 1e-9 / c)), rel=0.01)
