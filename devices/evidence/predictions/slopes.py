"""Subthreshold swing."""

from __future__ import annotations

import math

from torch import Tensor

from ...library import Device
from .base import ROOM, ZERO, Predictor, curve, transistor


def swing(device: Device, length: Tensor, v_ds: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Smallest subthreshold swing of the transfer curve, ln(10) I/g_m, off current included [V].

    References:
        vansetten2025_cryo (from 4 K to 300 K), pandey2025_ted (short channels).
    """
    t = transistor(device, length, temperature)
    v_gs = curve(t, -1.5, 0.2)
    return math.log(10.0) * (t.current(v_gs, v_ds, ZERO) / t.conductances(v_gs, v_ds, ZERO).gate).min()


PREDICTORS = {
    "swing": Predictor(
        swing, "V", ("tekv.interface_traps", "tekv.band_tail_width", "tekv.floor_exponent", "tekv.slope_rolloff")
    ),
}
