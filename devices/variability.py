"""Device-to-device spread of the threshold voltage.

    sigma_VT^2 = A_VT^2/(W L) + (q/C)^2 N_D t/(W L)

The first term is Pelgrom's area law; the second counts the donors under the gate, which are few: 50 nm x 50 nm x 5 nm
at 5e17 cm^-3 hold six.

References:
    pelgrom1989; counting term: own (Poisson statistics), compare wang2025_ted.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import constants
from torch import Tensor

from beolith.card import parameter

from .geometry import gate_capacitance
from .parameters import TekvParameters


@dataclass(frozen=True)
class MismatchParameters:
    """Spread of nominally equal transistors (SI)."""

    threshold_matching: Tensor = parameter("V*m", "A_VT: Pelgrom coefficient of the threshold", low=0, high=1e-6)


def threshold_sigma(m: MismatchParameters, p: TekvParameters, width: Tensor, length: Tensor) -> Tensor:
    """Standard deviation of the threshold voltage of one transistor [V].

    Args:
        m: Mismatch parameters.
        p: Transistor parameters; the donor density, thickness and gate capacitance count the donors.
        width: Channel width [m].
        length: Channel length [m].
    """
    donors = (constants.elementary_charge / gate_capacitance(p)) ** 2 * p.donor_density * p.channel_thickness
    return torch.sqrt((m.threshold_matching**2 + donors) / (width * length))
