"""Contact resistances."""

from __future__ import annotations

import torch
from torch import Tensor

from ...contact_nodes import Contacted, ends
from ...library import Device
from .base import ONE_MICRON, ROOM, ZERO, Predictor, threshold, transistor


def contact_resistance(device: Device, overdrive: Tensor, temperature: Tensor = ROOM) -> Tensor:
    """Resistance of one contact times width, at a gate overdrive and small currents [ohm m].

    References:
        lu2022_iedm: 0.5 and 4.5 kohm um on Ni and Ti at 2.5 V over threshold.
    """
    t = transistor(device, ONE_MICRON, temperature)
    if not isinstance(t.inner, Contacted):
        return torch.zeros_like(temperature)
    return ends(t.inner, threshold(t) + overdrive, ZERO, ZERO).resistance[0] * t.coefficients.n_phi


PREDICTORS = {
    "contact_resistance": Predictor(contact_resistance, "ohm*m", ("contacts.*",)),
}
