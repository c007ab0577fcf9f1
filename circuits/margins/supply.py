"""Lowest supply at which a cell with feedback still has a noise margin.

    SNM(V_DD) = target,   dV_DD/dp = -(dSNM/dp)/(dSNM/dV_DD)

Each variant has a bracket of its own, which false position and, where there is no margin at all, halves make smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ..cell import Cell
from .bias import Condition
from .snm import snm

_STEPS = 24
_CLOSE = 1e-5
"""Bracket, and change of the supply, at which the search ends [V]; one Newton step follows."""


@dataclass(frozen=True)
class LowestSupply:
    """Lowest supply of a cell.

    Attributes:
        supply: What the scaled voltages multiply to, as that of ``v_high``; not a number where the nominal supply does
            not do, (*batch) [V].
        slope: Derivative of the noise margin by the supply there; no gradients, (*batch) [1].
    """

    supply: Tensor
    slope: Tensor


def lowest_supply(
    cell: Cell, target: Tensor | float = 0.0, condition: Condition = "hold", *, scaled: Sequence[str] | None = None
) -> LowestSupply:
    """V_DD,min: the lowest v_high at which the static noise margin is a target; differentiable.

    At a target of 0 V this is the data retention voltage, where a perfectly symmetric cell has no slope, nor gradient.

    Args:
        cell: The cell, one or a batch, at its nominal supply.
        target: Noise margin that is asked for, broadcastable [V].
        condition: ``hold`` or ``read``.
        scaled: Names of the voltages that are scaled with ``v_high``; all unless told.

    Raises:
        BeolithError: The cell has no feedback, or no such voltage.
    """
    names = tuple(cell.voltages) if scaled is None else ("v_high", *scaled)
    for name in names:
        if name not in cell.voltages:
            raise BeolithError(f"bitcell {cell.kind.title!r} has no voltage {name!r}; {nearest(name, cell.voltages)}")
    wanted = torch.as_tensor(target, dtype=torch.float64)
    nominal = cell.voltages["v_high"]
    shape = torch.broadcast_shapes(cell.shape, wanted.shape)

    def excess(supply: Tensor) -> Tensor:
        """Noise margin less the target; not a number where the lobes are gone."""
        share = supply / nominal
        voltages: Mapping[str, Tensor] = {**cell.voltages, **{name: share * cell.voltages[name] for name in names}}
        margin = snm(replace(cell, voltages=voltages), condition).margin
        return margin - wanted

    with torch.no_grad():
        found, does = _search(excess, nominal.expand(shape), wanted)
    with torch.enable_grad():
        leaf = found.detach().requires_grad_()
        (slope,) = torch.autograd.grad(excess(leaf).sum(), leaf)
    step = excess(found) / slope  # of no use where the slope has gone with the lobe
    supply = torch.where(step.abs() < 10.0 * _CLOSE, found - step, found)
    return LowestSupply(torch.where(does, supply, torch.nan), slope)


def _search(excess: Callable[[Tensor], Tensor], high: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Where a margin that rises from zero at zero passes a target, and whether it does below ``high``."""
    low, f_low, f_high = torch.zeros_like(high), -wanted, excess(high)
    does = f_high >= 0.0
    x, was_above = high, torch.zeros_like(does)
    for step in range(_STEPS):
        before = x
        secant = high - f_high * (high - low) / (f_high - f_low)
        x = torch.where((secant > low) & (secant < high), secant, 0.5 * (low + high))
        f = excess(x)
        above = f >= 0.0  # a lost lobe is below
        # the end that stays twice in a row loses half of its weight, so that it moves next (Illinois)
        again = (above == was_above) & (step > 0)
        weight = torch.where(again, 0.5, 1.0)
        f_low, f_high = torch.where(above, weight * f_low, f), torch.where(above, f, weight * f_high)
        low, high, was_above = torch.where(above, low, x), torch.where(above, x, high), above
        if bool((((x - before).abs() < _CLOSE) | (high - low < _CLOSE) | ~does).all()):
            break
    return torch.where(f.isnan(), high, x), does
