r"""What the edges of gate pulses add to trapping: each edge fills a share of a finite number of sites.

    dV_T = A_e {1 - exp[-sum over edges of (S/S_0)^p]},    S = |V_stress - V_rest| / t_rf,    two edges a pulse

An empirical law: pulses shift more than constant bias of the same on-time, and steeper ones more. The reservoir makes
it saturate: with A_e = 2.83 V and p = 2.8 it passes through all three published points (400, 200 and 100 ns), for which
it has as many parameters. The number of edges and the swing of that work are not in its abstract, so S_0, which absorbs
them, is known only up to that. No recovery is modelled.

References:
    kang2025_nanomaterials: 0.97, 2.68 and 2.83 V for edges of 400, 200 and 100 ns in a-ITGZO.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.card import parameter

from .cet import Phase
from .mission import Segment

_OFF = {"source": "own", "how": "assumed", "note": "Neutral value: the term is switched off unless the card sets it."}


@dataclass(frozen=True)
class EdgeParameters:
    """Trapping by edges (SI)."""

    # fmt: off
    amplitude: Tensor = parameter("V", "A_e: final threshold shift by edges", low=0, high=20, default=0.0, **_OFF)
    slew: Tensor = parameter("V/s", "S_0: slew rate of which one edge fills all sites but 1/e", low=1e3, high=math.inf,
                             default=math.inf, **_OFF)
    exponent: Tensor = parameter("", "p: power of the slew rate", low=0, high=10, default=2.81,
                                 source="kang2025_nanomaterials", how="fitted",
                                 note="Own fit of three points by three parameters; acts only with an amplitude.")
    # fmt: on

    @property
    def absent(self) -> bool:
        """Whether it can be left out: the amplitude is zero and nobody wants its derivative."""
        return not (self.amplitude.requires_grad or bool(self.amplitude.any()))


@dataclass(frozen=True)
class Edges:
    """Edges as a :class:`.mechanism.Mechanism` of one bin, the filled share of the sites."""

    parameters: EdgeParameters

    @property
    def rates(self) -> Tensor:
        """One bin."""
        return torch.ones(1, dtype=torch.float64)

    def phases(self, s: Segment) -> tuple[Phase, Phase]:
        """Every pulse fills, nothing empties."""
        p = self.parameters
        steep = (s.overdrive - s.rest).abs() / s.rise_time / p.slew
        share = torch.where(steep > 0, torch.where(steep > 0, steep, 1.0) ** p.exponent, 0.0)
        pulses = torch.where(torch.isfinite(s.frequency), s.frequency, 0.0) * s.duration
        filling = pulses * share
        full = torch.ones_like(filling)
        return Phase(full, filling, torch.zeros_like(full)), Phase(full, filling, torch.zeros_like(full))

    def shift(self, state: Tensor) -> Tensor:
        """Threshold shift by filled sites [V]."""
        return self.parameters.amplitude * state.sum(0)


def itgzo_edges(edges: float, swing: float) -> EdgeParameters:
    """The a-ITGZO edges of :mod:`.edges`, once somebody says how many edges of which swing the stress had.

    Args:
        edges: Number of edges in the stress test.
        swing: Voltage between rest and stress [V].

    References:
        kang2025_nanomaterials: the three points; number and swing are not in the abstract.
    """
    amplitude, exponent = 2.83, math.log2(math.log(1 - 2.68 / 2.83) / math.log(1 - 0.97 / 2.83))
    per_edge = -math.log(1 - 0.97 / amplitude) / edges  # of 400 ns
    slew = swing / 400e-9 * per_edge ** (-1 / exponent)
    return EdgeParameters(*(torch.tensor(x, dtype=torch.float64) for x in (amplitude, slew, exponent)))
