"""Spread of the threshold: an area law and the counting of donors."""

from __future__ import annotations

import pytest
import torch
from scipy import constants
from torch import Tensor

from beolith.devices import library
from beolith.devices.library import Device
from beolith.devices.geometry import gate_capacitance
from beolith.devices.variability import MismatchParameters, threshold_sigma


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def test_six_donors_make_14_mv():
    """50 nm x 50 nm x 5 nm at 5e17 cm^-3: six donors, 14 mV (own, design notes, section 1.3).

    The number assumes 1.15 uF/cm^2, that is an equivalent oxide of 3 nm without quantum capacitance (1.14 makes 14.0).
    """
    p = library.load("belmonte2023_igzo").tekv.replace(
        channel_thickness=tensor(5e-9),
        donor_density=tensor(5e23),
        oxide_thickness=tensor(3e-9),
        oxide_permittivity=tensor(3.9),
        effective_mass=tensor(1e6),
        charge_centroid=tensor(0.0),
    )
    assert float(gate_capacitance(p)) == pytest.approx(1.15e-2, rel=0.002)
    size = tensor(50e-9)
    assert float(p.donor_density * p.channel_thickness * size**2) == pytest.approx(6, abs=0.3)
    found = threshold_sigma(MismatchParameters(tensor(0.0)), p, size, size)
    assert float(found) == pytest.approx(14e-3, abs=0.1e-3)
    # the same by Poisson statistics: the root of the count, times the shift per donor
    assert float(found) == pytest.approx(6.25**0.5 * constants.e / (1.1508e-2 * 2.5e-15), rel=1e-3)


def test_area_law(device: Device):
    """A quarter of the spread at sixteen times the area, whatever the shape."""
    small = device.threshold_sigma(tensor(50e-9), tensor(40e-9))
    for width, length in ((800e-9, 40e-9), (50e-9, 640e-9), (200e-9, 160e-9)):
        torch.testing.assert_close(device.threshold_sigma(tensor(width), tensor(length)), small / 4, rtol=1e-12, atol=0)


def test_the_two_terms_add_as_squares(device: Device):
    size = tensor(70e-9), tensor(45e-9)
    off = device.tekv.replace(donor_density=tensor(0.0))
    pelgrom = threshold_sigma(device.mismatch, off, *size)
    counting = threshold_sigma(MismatchParameters(tensor(0.0)), device.tekv, *size)
    together = device.threshold_sigma(*size)
    torch.testing.assert_close(together**2, pelgrom**2 + counting**2, rtol=1e-12, atol=0)
    torch.testing.assert_close(pelgrom, device.mismatch.threshold_matching / torch.sqrt(size[0] * size[1]))
