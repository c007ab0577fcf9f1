"""What the programmed cells of one chip really multiply with."""

from __future__ import annotations

import torch
from torch import Tensor

from ..circuits.base import Macro
from .mapping import differential_levels


def ideal_matrices(codes: Tensor, slices: int, levels: int) -> Tensor:
    """Differential levels of ideal cells, shape (slices, rows, outputs), in the dtype of the codes.

    Args:
        codes: Signed integer weights, shape (rows, outputs) [1].
        slices: Cells per weight and polarity [1].
        levels: Storage levels of a cell [1].
    """
    positive, negative = differential_levels(codes, slices, levels)
    return torch.sub(positive, negative).to(codes.dtype)


def chip_matrices(codes: Tensor, macro: Macro, slices: int, seed: int | None) -> Tensor:
    """Differential cell currents of one chip in unit currents; differentiable through the macro.

    G = (I_positive - I_negative) / I_unit

    Two columns fold into one matrix because the converter reads their difference. The mismatch of every cell is drawn
    once, from the seed and the cell's place alone: never per level, input bit or image.

    Args:
        codes: Signed integer weights, shape (rows, outputs) [1].
        macro: Gives the currents at its temperature, age and time since refresh.
        slices: Cells per weight and polarity [1].
        seed: Names the cells of this layer on this chip; None makes every cell the nominal one.

    Returns:
        Shape (slices, rows, outputs), dtype of the codes [1].
    """
    level = differential_levels(codes, slices, macro.levels)
    unit = macro.unit_current
    shape = (2, *level.shape)
    if seed is None:
        mismatch = torch.zeros(shape, dtype=unit.dtype, device=unit.device)
    else:
        generator = torch.Generator().manual_seed(seed)
        mismatch = torch.randn(shape, generator=generator, dtype=unit.dtype).to(unit.device)
    positive, negative = macro.currents(level.to(unit.device), mismatch[0], mismatch[1])
    return torch.div(positive - negative, unit).to(codes)


def layer_seeds(seed: int, count: int) -> list[int]:
    """Independent seeds of the layers of the chip that `seed` names."""
    generator = torch.Generator().manual_seed(seed)
    drawn: list[int] = torch.randint(2**63 - 1, (count,), generator=generator).tolist()
    return drawn
