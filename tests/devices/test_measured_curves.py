"""Measured a-IGZO transistors (pytft, MIT licence): fitted to transfer curves, tested on output curves.

Five parameters (threshold, mobility, tail density, interface traps, channel-length modulation) are fitted to log I_D
of the transfer curves at V_D of 0.1, 5.1, 10.1 and 15.1 V, above a stated floor. The output curves at V_G of 8, 12, 16
and 20 V, V_D from 0.5 to 20 V, take no part in the fit.

The set holds twelve devices. Three have a contact barrier, which the model lacks (A1_10_10_1, 2 and 4: output and
transfer curve of one device differ by 60 to 90 % at 0.1 V), and two an instrument offset above the floor (B2, C1); the
other seven are all here. Offsets of 1 to 10 pA make points below 10 pA useless: with steps of 0.5 V the first good one
lies between 17 and 470 pA. Two sweeps of one device, output and transfer, differ by 2 to 8 % rms at equal bias (drift),
which bounds what any model can reach.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import constants
from scipy.optimize import least_squares

from beolith.devices import library
from beolith.devices.parameters import TekvParameters
from beolith.devices.tekv import Tekv

Array = NDArray[np.float64]
DATA = Path(os.environ.get("BEOLITH_DATA", Path(__file__).parents[3] / "shared" / "data")) / "pytft"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"measured curves not found in {DATA}; set BEOLITH_DATA")

FLOOR = 1e-11  # of the currents fitted [A]
START = (1.5, math.log(10.0), math.log(3.0), math.log(3.0), 1.0)
LOW, HIGH = (-20.0, -3.0, -10.0, -12.0, 0.0), (20.0, 5.0, 8.0, 6.0, 50.0)


@dataclass(frozen=True)
class Sweep:
    """Current by swept voltage (rows) and stepped voltage (columns) [V, V, A]."""

    swept: Array
    stepped: Array
    current: Array


def read(name: str, kind: str) -> Sweep:
    lines = (DATA / f"{name}_{kind}.dat").read_text(encoding="latin-1").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("# Die"))
    table = np.array([[float(x) for x in line.split()] for line in lines[start + 9 :] if line.strip()])
    return Sweep(table[:, 0], np.array([float(x) for x in lines[start + 2].split()]), table[:, 1:])


def parameters(x: Array) -> TekvParameters:
    """The imec film under 65 nm of permittivity 4, with the five fitted numbers in natural units."""
    values = {
        "channel_thickness": 20e-9,
        "oxide_thickness": 65e-9,
        "oxide_permittivity": 4.0,
        "donor_density": 0.0,
        "leakage_density": 0.0,
        "threshold_voltage": x[0],
        "mobility": math.exp(x[1]) * 1e-4,
        "tail_density": math.exp(x[2]) * 1e24 / constants.electron_volt,
        "interface_traps": math.exp(x[3]) * 1e16 / constants.electron_volt,
        "length_modulation": x[4] * 1e-7,
    }
    base = library.load("belmonte2023_igzo").tekv
    return base.replace(**{name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})


def model(x: Array, length: float, v_g: Array, v_d: Array) -> Array:
    size = torch.tensor([10e-6, length, 300.0], dtype=torch.float64)
    transistor = Tekv(parameters(x), *size)
    found: Array = transistor.current(
        torch.tensor(v_g), torch.tensor(v_d), torch.zeros((), dtype=torch.float64)
    ).numpy()
    return found


@pytest.mark.parametrize(
    ("name", "length", "span", "decades", "output", "drift"),
    [
        ("A1_10_10_3", 10e-6, 6.2, 0.040, 0.068, 0.084),
        ("A1_10_20_1", 20e-6, 5.8, 0.043, 0.066, 0.053),
        ("B1_10_10_1", 10e-6, 6.6, 0.063, 0.074, 0.055),
        ("B1_10_10_2", 10e-6, 6.2, 0.091, 0.063, 0.040),
        ("B1_10_10_3", 10e-6, 5.2, 0.018, 0.037, 0.023),
        ("B1_10_20_1", 20e-6, 5.8, 0.092, 0.047, 0.043),
        ("D1_10_10_1", 10e-6, 6.7, 0.073, 0.079, 0.053),
    ],
)
def test_transfer_curves_fit_and_output_curves_follow(
    name: str, length: float, span: float, decades: float, output: float, drift: float
):
    """Rms error within a tenth of the numbers listed, which are those reached: at most 0.1 decade over 5 to 7 decades.

    Output curves: 4 to 8 % rms, where the two measurements of the same device are 2 to 8 % apart. The 5 % of the
    design notes hold for two of the seven devices.
    """
    transfer = read(name, "input")
    used = transfer.current > FLOOR

    def residual(x: Array) -> Array:
        found = model(x, length, transfer.swept[:, None], transfer.stepped)
        return np.log10(np.maximum(found[used], 1e-30) / transfer.current[used])

    fit = least_squares(residual, START, x_scale=(1.0, 0.3, 1.0, 1.0, 1.0), bounds=(LOW, HIGH))
    assert used.sum() > 150
    assert math.log10(transfer.current.max() / transfer.current[used].min()) == pytest.approx(span, abs=0.1)
    assert rms(fit.fun) < 1.1 * decades
    assert 3 < math.exp(fit.x[1]) < 15  # cm^2/(V s), the range of published IGZO films

    measured = read(name, "output")
    on = measured.stepped >= 8
    assert on.sum() == 4
    found = model(fit.x, length, measured.stepped[on], measured.swept[1:, None])
    assert rms(found / measured.current[1:, on] - 1) < 1.1 * output
    assert rms(apart(transfer, measured)) == pytest.approx(drift, abs=0.001)


def apart(transfer: Sweep, output: Sweep) -> Array:
    """Output against transfer curve at equal bias, from V_G = 8 V on: what no model can beat [1]."""
    return np.array(
        [
            np.interp(v_d, output.swept, output.current[:, i]) / transfer.current[transfer.swept == v_g, j][0] - 1
            for i, v_g in enumerate(output.stepped)
            for j, v_d in enumerate(transfer.stepped)
            if v_g >= 8
        ]
    )


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
