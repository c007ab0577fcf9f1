"""Whether a sense amplifier with an offset reads what is there.

    z = s/sigma,   P(wrong) = Phi(-z)

s is half of what two neighbouring levels differ by at the amplifier, sigma the standard deviation of its offset, which
is normal. Of N cells with amplifiers of their own, all are read rightly with the probability (1 - P)^N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...devices.library import Device


@dataclass(frozen=True)
class SenseMargin:
    """Margin of a read against the offset of its amplifier, any shape.

    Attributes:
        sigmas: Signal over the standard deviation of the offset [1].
        wrong: Probability that an amplifier reads the neighbouring level [1].
    """

    sigmas: Tensor
    wrong: Tensor


def pair_offset(device: Device, width: Tensor, length: Tensor) -> Tensor:
    """Standard deviation of the offset of two transistors side by side, sqrt(2) sigma(V_T) [V].

    A latch whose decision is that of its input pair has this offset; whatever else differs adds to it.

    Args:
        device: Technology of the amplifier; its card says how well transistors match.
        width: Of each, any shape [m].
        length: Of each, broadcastable [m].

    References:
        pelgrom1989.
    """
    return math.sqrt(2.0) * device.threshold_sigma(width, length)


def sense_margin(signal: Tensor, offset: Tensor) -> SenseMargin:
    """Margin of a signal against an offset; differentiable.

    Args:
        signal: Half difference of neighbouring levels at the amplifier, see :class:`..performance.Performance` [V].
        offset: Standard deviation of the amplifier's offset, broadcastable, above 0 [V].
    """
    sigmas = signal / offset
    return SenseMargin(sigmas, torch.special.ndtr(-sigmas))


def needed_signal(offset: Tensor, *, yield_: float, cells: float = 1.0) -> Tensor:
    """Signal with which all of some cells are read rightly with a given probability [V].

    Args:
        offset: Standard deviation of the amplifier's offset, any shape [V].
        yield_: That probability, between 0 and 1 [1].
        cells: How many, each with an offset of its own [1].
    """
    wrong = torch.tensor(-math.expm1(math.log(yield_) / cells), dtype=torch.float64)
    sigmas: Tensor = -torch.special.ndtri(wrong)
    return sigmas * offset
