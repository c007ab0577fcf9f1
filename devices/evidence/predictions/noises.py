"""Low-frequency noise."""

from __future__ import annotations

import torch
from torch import Tensor

from ...library import Device
from .base import ROOM, ZERO, Predictor, threshold, transistor


def noise_slope(device: Device, length: Tensor, overdrive: Tensor, v_ds: Tensor, frequency: Tensor) -> Tensor:
    """Exponent of the relative noise S_I/I^2 against the overdrive, between a third of an overdrive and all of it [1].

    -1 where mobility fluctuates, -2 where the number of electrons does.

    References:
        izonoise2018.
    """
    t = transistor(device, length, ROOM)
    v_gs = threshold(t) + torch.stack((overdrive / 3.0, overdrive))
    relative = t.noise(frequency, v_gs, v_ds, ZERO) / t.current(v_gs, v_ds, ZERO) ** 2
    return torch.log(relative[1] / relative[0]) / torch.log(3.0 * torch.ones_like(overdrive))


PREDICTORS = {
    "noise_slope": Predictor(noise_slope, "", ("noise.*",)),
}
