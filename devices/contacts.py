r"""Resistance of source and drain contacts, with the nodes inside them solved exactly.

    R_x = { R_min + R_b exp[(E_c/k)(1/T - 1/300 K)] f_c exp(-N_H/H_c) / (1 + 2 n C phi q_x/Q_r) } / W      x in {S, D}

The barrier part falls with the charge that the gate accumulates at the contact and with the donors that hydrogen has
brought.

References:
    lu2022_iedm (transfer-length resistances), shi2024_acsnano (hydrogen lowers the barrier a hundredfold); the form is
    own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from beolith.card import parameter

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}


@dataclass(frozen=True)
class ContactParameters:
    """Contacts of one process (SI); resistances are times width."""

    # fmt: off
    minimum_resistance: Tensor = parameter("ohm*m", "R_min: what no gate voltage takes away", low=0, high=1e3,
                                           default=0.0, **_OFF)
    barrier_resistance: Tensor = parameter("ohm*m", "R_b: barrier part at 300 K without gate charge", low=0, high=1e6,
                                           default=0.0, **_OFF)
    barrier_activation: Tensor = parameter("J", "E_c: activation energy of the barrier part", low=-8e-20, high=1.6e-19,
                                           default=0.0, **_OFF)
    charge_scale: Tensor = parameter("C/m**2", "Q_r: gate charge that halves the barrier part", low=1e-6,
                                     high=math.inf, default=math.inf, **_OFF)
    hydrogen_scale: Tensor = parameter("1/m**3", "H_c: added donors that take it down by e", low=1e20, high=math.inf,
                                       default=math.inf, **_OFF)
    # fmt: on
