"""On currents and what is read from the transfer and output curves above threshold."""

from __future__ import annotations

import torch
from torch import Tensor

from ...library import Device
from .base import ON, PLACE, ROOM, ZERO, Predictor, curve, threshold, transistor


def on_current(device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Drain current per width at an overdrive [A/m]."""
    t = transistor(device, length, temperature)
    return t.current(threshold(t) + overdrive, v_ds, ZERO)


def drain_current(device: Device, length: Tensor, v_gs: Tensor, v_ds: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Drain current per width at a gate voltage [A/m]."""
    return transistor(device, length, temperature).current(v_gs, v_ds, ZERO)


def peak_transconductance(
    device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor, temperature: Tensor = ROOM
) -> Tensor:
    """Largest transconductance per width up to an overdrive [S/m]."""
    t = transistor(device, length, temperature)
    return t.conductances(curve(t, 0.0, float(overdrive), 401), v_ds, ZERO).gate.max()


def current_ratio(device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor, cold: Tensor, hot: Tensor) -> Tensor:
    """Growth of the drain current with temperature at one gate voltage, I(hot)/I(cold) - 1 [1].

    The gate voltage lies at the overdrive over the threshold at 300 K.
    """
    v_gs = threshold(transistor(device, length, ROOM)) + overdrive
    t = transistor(device, length, torch.stack((cold, hot)))
    found = t.current(v_gs, v_ds, ZERO)
    return found[1] / found[0] - 1.0


def current_activation(
    device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor, cold: Tensor, hot: Tensor
) -> Tensor:
    """Activation energy of the drain current at one gate voltage, between two temperatures [J].

    References:
        estrada2015_mr.
    """
    growth = torch.log1p(current_ratio(device, length, overdrive, v_ds, cold, hot))
    return 1.380649e-23 * growth / (1.0 / cold - 1.0 / hot)


def saturation_exponent(device: Device, length: Tensor, overdrive: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Exponent g of the saturation current, I ~ (V_GS - V_T)^g [1].

    By regression of the logarithms over an even sweep from a sixth of the overdrive to all of it.

    References:
        tftpdk2024: 2.31 in a long a-IGZO channel.
    """
    t = transistor(device, length, temperature)
    over = overdrive * torch.linspace(1.0 / 6.0, 1.0, 21, dtype=torch.float64)
    x, y = over.log(), t.current(threshold(t) + over, 2.0 * overdrive, ZERO).log()
    x = x - x.mean()
    return (x * y).sum() / (x * x).sum()


def saturation_slope(
    device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor, temperature: Tensor = ROOM
) -> Tensor:
    """Channel-length modulation lambda in saturation, where I = I_0 (1 + lambda V_DS) [1/V]."""
    t = transistor(device, length, temperature)
    v_gs = threshold(t) + overdrive
    slope = t.conductances(v_gs, v_ds, ZERO).drain
    return slope / (t.current(v_gs, v_ds, ZERO) - v_ds * slope)


def apparent_mobility_ratio(device: Device, short: Tensor, length: Tensor, overdrive: Tensor, v_ds: Tensor) -> Tensor:
    """Mobility that g_m shows at a short length over that at a long one: what the contacts take [1]."""

    def shown(size: Tensor) -> Tensor:
        t = transistor(device, size, ROOM)
        return size * t.conductances(threshold(t) + overdrive, v_ds, ZERO).gate

    return shown(short) / shown(length)


PREDICTORS = {
    "on_current": Predictor(on_current, "A/m", ON),
    "drain_current": Predictor(drain_current, "A/m", (*ON, *PLACE)),
    "peak_transconductance": Predictor(peak_transconductance, "S/m", ON),
    "current_ratio": Predictor(current_ratio, "", ("tekv.mobility_activation", "tekv.flat_band_slope")),
    "current_activation": Predictor(current_activation, "J", ("tekv.mobility_activation", "tekv.flat_band_slope")),
    "saturation_exponent": Predictor(saturation_exponent, "", ("tekv.tail_*", "tekv.percolation_*")),
    "saturation_slope": Predictor(saturation_slope, "1/V", ("tekv.length_modulation",)),
    "apparent_mobility_ratio": Predictor(apparent_mobility_ratio, "", ("contacts.*",)),
}
