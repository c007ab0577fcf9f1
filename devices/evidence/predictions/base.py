"""What a prediction is, and how the transistors in it are biased."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...library import Device
from ...thin_film import ThinFilmTransistor

CONDITIONS: Mapping[str, str] = {
    **dict.fromkeys(("width", "length", "short", "thickness", "reference_thickness"), "m"),
    **dict.fromkeys(("temperature", "cold", "hot"), "K"),
    **dict.fromkeys(("v_gs", "v_ds", "overdrive", "drop"), "V"),
    **dict.fromkeys(("duration", "rise_time"), "s"),
    "capacitance": "F",
    "current": "A/m",
    "frequency": "Hz",
}
"""SI unit of every condition that a predictor may take."""
ON: tuple[str, ...] = (
    *("tekv.mobility*", "tekv.saturation_velocity", "tekv.percolation_*", "tekv.tail_density", "contacts.*"),
    *("tekv.roughness_depth", "tekv.length_modulation"),
)
"""Numbers of a card that decide its on current at a given overdrive."""
PLACE: tuple[str, ...] = (
    *("tekv.threshold_*", "tekv.donor_density", "tekv.confinement_*", "tekv.flat_band_slope", "tekv.back_threshold"),
    *("tekv.drain_lowering", "tekv.slope_rolloff"),
)
"""Numbers of a card that decide where its transfer curve lies."""
ROOM = torch.tensor(300.0, dtype=torch.float64)
ONE_MICRON = torch.tensor(1e-6, dtype=torch.float64)


class Predictor(NamedTuple):
    """A function that predicts, with what is known about it.

    Attributes:
        function: Of a device or medium and of conditions in SI.
        unit: SI unit of the result.
        decided_by: Numbers of the card that decide it, as patterns of ``section.parameter``. Whoever took one of them
            from a fact has calibrated the prediction of that fact; film and gate stack do not count.
        made_by: Facts that the function itself was fitted to.
    """

    function: Callable[..., Any]
    unit: str
    decided_by: tuple[str, ...]
    made_by: tuple[str, ...] = ()


def transistor(device: Device, length: Tensor, temperature: Tensor) -> ThinFilmTransistor:
    """A transistor 1 m wide, so that currents are per width."""
    return device.transistor(torch.ones_like(ROOM), length, temperature)


def threshold(t: ThinFilmTransistor) -> Tensor:
    """Threshold voltage of the model at V_DS = 0, what overdrive is counted from [V]."""
    return t.coefficients.v_t


def curve(t: ThinFilmTransistor, low: float, high: float, points: int = 2001) -> Tensor:
    """Gate voltages between two distances from the threshold, shape (points,) [V]."""
    return threshold(t) + torch.linspace(low, high, points, dtype=torch.float64)


ZERO = torch.zeros((), dtype=torch.float64)
