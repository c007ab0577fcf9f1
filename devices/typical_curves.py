r"""Figures of merit and curves of a card at the size and bias where it is usually looked at.

    I_on = I_D(V_G,on, V_D),   I_off = I_D(V_G,off, V_D)
    V_T: I_D = 100 nA W/L at V_D,   SS: the steepest swing above 10 I_off

The constant current of 100 nA W/L is a convention of the field; published thresholds seldom say theirs. A p-type card
has the curves of its n-type mirror image, and a threshold with the sign of the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .library import Device
from .thin_film import ThinFilmTransistor

ROOM = 300.0
"""Temperature of the curves, moved into the range of the card [K]."""
CONSTANT_CURRENT = 1e-7
"""Current of the threshold at W = L [A]."""


@dataclass(frozen=True)
class Merit:
    """Figures of merit: SI, sizes of currents per width; NaN where the curve does not reach."""

    length: float
    swing: float
    threshold: float
    on_current: float
    off_current: float


def transistor(device: Device) -> ThinFilmTransistor:
    """The device at its typical size and at room temperature, both moved into the range of the card."""
    v, t = device.validity, device.typical
    inside = torch.clamp(t.length, v.shortest_length, v.longest_length)
    return device.transistor(
        t.width, inside, torch.clamp(torch.full_like(inside, ROOM), v.lowest_temperature, v.highest_temperature)
    )


def transfer(device: Device, drains: Tensor, count: int = 241) -> tuple[Tensor, Tensor]:
    """Gate voltages, shape (count,) [V], and drain currents per width, shape (drains, count) [A/m]."""
    t = device.typical
    v_g = torch.linspace(float(t.gate_off), float(t.gate_on), count, dtype=torch.float64)
    chosen = transistor(device)
    return v_g, chosen.current(v_g, drains.unsqueeze(-1), torch.zeros_like(v_g)) / chosen.width


def output(device: Device, gates: Tensor, count: int = 121) -> tuple[Tensor, Tensor]:
    """Drain voltages, shape (count,) [V], and drain currents per width, shape (gates, count) [A/m]."""
    v_d = torch.linspace(0.0, float(device.typical.drain), count, dtype=torch.float64)
    chosen = transistor(device)
    return v_d, chosen.current(gates.unsqueeze(-1), v_d, torch.zeros_like(v_d)) / chosen.width


def merit(device: Device) -> Merit:
    """Figures of merit of a card, from its transfer curve at the typical drain voltage."""
    v_g, currents = transfer(device, device.typical.drain.reshape(1), 4001)
    current, length = currents[0], float(transistor(device).length)
    decades = torch.log10(current)
    swing = torch.diff(v_g) / torch.diff(decades)
    swing = swing[(current[1:] > 10.0 * current[0]) & (swing > 0)]
    level = CONSTANT_CURRENT / length
    crossing = int((current < level).sum())
    return Merit(
        length,
        float(swing.min()) if len(swing) else float("nan"),
        device.sign * float(v_g[crossing]) if 0 < crossing < len(v_g) else float("nan"),
        float(current[-1]),
        float(current[0]),
    )
