"""Numbers that no work states: a range instead of a value, drawn together, and results as intervals.

A range that starts above zero and spans a decade or more is drawn evenly in its logarithm, any other evenly. The points
are a scrambled Sobol net (:mod:`.sampling`), so that a thousand of them resolve quantiles better than random ones.
What is known beyond the ranges conditions the sample: points that contradict it are rejected, and the share that
survives is reported.

References:
    owen1998_jcom (scrambled nets).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from beolith.card import Card
from beolith.errors import BeolithError

from ..spread.sampling import uniform

LEVELS = (0.05, 0.5, 0.95)
_DECADE = 10.0
_MOST_ROUNDS = 8

Values = dict[str, Tensor]


@dataclass(frozen=True)
class Prior:
    """A range in which a number may lie (SI).

    Attributes:
        low: Its lower end.
        high: Its upper end.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise BeolithError(
                f"prior {self.low:g} to {self.high:g} is no range of two finite numbers, lower end first"
            )

    @property
    def logarithmic(self) -> bool:
        """Whether it is drawn evenly in the logarithm."""
        return self.low > 0 and self.high / self.low >= _DECADE

    def at(self, u: Tensor) -> Tensor:
        """The quantile of this prior at u in (0, 1), the shape of u."""
        if self.logarithmic:
            return self.low * torch.exp(u * math.log(self.high / self.low))
        return self.low + u * (self.high - self.low)


class Draw(NamedTuple):
    """A sample of priors.

    Attributes:
        values: Tensors of shape (count,) by name, SI.
        acceptance: Share of the points that obeyed the condition [1].
    """

    values: Values
    acceptance: float


def of_card(card: Card) -> dict[str, Prior]:
    """The priors of a card by ``section.parameter``."""
    return {f"{section}.{entry.name}": Prior(*entry.prior) for section, entry in card.items() if entry.prior}


def draw(
    priors: Mapping[str, Prior], count: int, seed: int = 0, keep: Callable[[Values], Tensor] | None = None
) -> Draw:
    """A sample of independent priors, conditioned on what else is known.

    Args:
        priors: Ranges by name.
        count: Number of points wanted.
        seed: Equal seeds give equal points.
        keep: True for each point that obeys what is known; None keeps all.

    Raises:
        BeolithError: No count, or a condition that hardly any point obeys.
    """
    if count < 1:
        raise BeolithError(f"a sample of {count} points is none; ask for at least 1")
    wanted = count
    for _ in range(_MOST_ROUNDS):
        u = uniform(wanted, max(len(priors), 1), "sobol", seed)
        values = {name: prior.at(u[:, i]) for i, (name, prior) in enumerate(priors.items())}
        good = torch.ones(wanted, dtype=torch.bool) if keep is None else keep(values).expand(wanted)
        if int(good.sum()) >= count:
            chosen = good.nonzero().flatten()[:count]
            return Draw({name: value[chosen] for name, value in values.items()}, float(good.double().mean()))
        wanted *= 2
    raise BeolithError(
        f"the condition on the priors keeps {int(good.sum())} of {len(good)} points, fewer than the {count} wanted; "
        f"widen the priors of {', '.join(priors)} or drop the condition"
    )


def interval(values: Tensor, levels: Sequence[float] = LEVELS) -> Tensor:
    """Quantiles of a sample along its first dimension, shape (levels, ...).

    Args:
        values: Sample, shape (count, ...).
        levels: Probabilities between 0 and 1 [1].
    """
    return torch.quantile(values, torch.tensor(levels, dtype=values.dtype, device=values.device), dim=0)


def rank_correlation(inputs: Iterable[Tensor], output: Tensor) -> Tensor:
    """Spearman's rank correlation of each input with an output, shape (inputs,); zero where nothing varies [1].

    Args:
        inputs: Samples, each of shape (count,).
        output: Sample of the same shape.
    """
    rows = torch.stack([_ranks(x) for x in (*inputs, output)])
    rows = rows - rows.mean(dim=1, keepdim=True)
    norm = rows.norm(dim=1)
    product = rows[:-1] @ rows[-1]
    return torch.where(product == 0, 0.0, product / (norm[:-1] * norm[-1]).clamp(min=1e-300))


def _ranks(x: Tensor) -> Tensor:
    """Ranks of a sample; equal values share the mean of theirs."""
    _, group, size = torch.unique(x, return_inverse=True, return_counts=True)
    last = size.cumsum(0).double()
    shared: Tensor = (last - 0.5 * (size.double() - 1.0))[group]
    return shared
