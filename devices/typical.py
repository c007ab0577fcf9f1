"""Where a device is usually looked at: the size and the bias of the figures and tables that show its card."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from beolith.card import parameter

_USUAL = {"source": "own", "how": "assumed", "note": "Only where figures are drawn; no result depends on it."}


@dataclass(frozen=True)
class Typical:
    """Size and bias at which a card is shown (SI)."""

    # fmt: off
    width: Tensor = parameter("m", "W: channel width", low=1e-9, high=1e-2, default=1e-6, **_USUAL)
    length: Tensor = parameter("m", "L: channel length", low=1e-9, high=1e-2, default=1e-6, **_USUAL)
    gate_off: Tensor = parameter("V", "V_G at which the device is off", low=-60, high=60, default=-1.0, **_USUAL)
    gate_on: Tensor = parameter("V", "V_G at which the device is on", low=-60, high=60, default=2.0, **_USUAL)
    drain: Tensor = parameter("V", "V_D", low=1e-3, high=60, default=1.0, **_USUAL)
    # fmt: on
