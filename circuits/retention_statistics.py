r"""Retention of many cells that mismatch has made different: their spread, and the worst of them.

The ideal cell, whose write transistor conducts by diffusion alone, has a log-normal retention of

    sigma(ln t) = sigma_VT/(n phi)

What departs from it is reported beside it: the share that diffusion, the leakage floor and the gate dielectrics have in
ending the level. These shares are time averages over the fall, hence -d ln t/d ln I of each current, and the first is
the factor by which the spread falls short of the ideal one, to first order.

A cell is lost with its first level: error rates are those of the worst pattern. Tails are found by importance sampling
(:mod:`..devices.spread.rare_events`), in the logarithm of the time.

References:
    edri2016_tcas1 (log-normal retention, the threshold of the write transistor decides); shares: own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from beolith.errors import BeolithError

from ..devices.spread.failure_points import Margin
from ..devices.spread.rare_events import RareEvent, failure_probability, quantile
from .cell import build
from .mismatch import device
from .netlist import volts
from .population import Population
from .retention import CELLS, panels

DEVIATIONS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Where quantiles are compared with the log-normal distribution, in its standard deviations."""


@dataclass(frozen=True)
class Spread:
    """How the retention of cells spreads; every tensor but the quantiles has the batch of the nominal cell.

    Attributes:
        median: Of the retention [s].
        sigma: Standard deviation of ln t [1].
        skewness: Of ln t [1].
        endless: Share of cells that never lose a level, left out of the last two [1].
        ideal: sigma_VT/(n phi), the spread if diffusion alone conducted [1].
        diffusion: Share of diffusion in ending the level that goes first in the nominal cell [1].
        floor: Share of the leakage floor [1].
        gate: Share of the gate dielectrics [1].
        quantiles: At :data:`DEVIATIONS`, first axis [s].
        lognormal: What they would be with the same median and the ideal spread [s].
    """

    median: Tensor
    sigma: Tensor
    skewness: Tensor
    endless: Tensor
    ideal: Tensor
    diffusion: Tensor
    floor: Tensor
    gate: Tensor
    quantiles: Tensor
    lognormal: Tensor


@dataclass(frozen=True)
class Worst:
    """Retention that cells fall short of with a small probability.

    Attributes:
        time: The retention [s].
        relative_error: Its standard error over itself [1].
        event: The event that a cell keeps its levels no longer than this.
    """

    time: float
    relative_error: float
    event: RareEvent


def spread(cells: Population, count: int = 100_000, *, method: str = "sobol", seed: int = 0) -> Spread:
    """Summary of the retention of many cells, beside what the ideal cell would do.

    Args:
        cells: The population.
        count: Cells to draw.
        method: As for :meth:`Population.sample`.
        seed: Equal seeds give equal cells.
    """
    time = cells.sample(count, method=method, seed=seed).amin(0)
    ends_once = torch.isfinite(time)
    many = ends_once.sum(0)
    log_time = torch.where(ends_once, time, 1.0).log()
    mean = (log_time * ends_once).sum(0) / many
    about = torch.where(ends_once, log_time - mean, 0.0)
    sigma = (about.square().sum(0) / many).sqrt()
    z = torch.tensor(DEVIATIONS, dtype=torch.float64)
    ordered = time.sort(dim=0).values
    place = torch.special.ndtr(z) * (count - 1)
    quantiles = torch.stack([_between(ordered, p) for p in place.tolist()])
    median, ideal = quantiles[len(z) // 2], ideal_sigma(cells)
    diffusion, floor, gate = limits(cells)
    return Spread(
        median=median,
        sigma=sigma,
        skewness=about.pow(3).sum(0) / many / sigma**3,
        endless=1.0 - many / count,
        ideal=ideal,
        diffusion=diffusion,
        floor=floor,
        gate=gate,
        quantiles=quantiles,
        lognormal=median * torch.exp(z.reshape(-1, *[1] * median.ndim) * ideal),
    )


def worst(cells: Population, probability: float, *, samples: int = 4096, seed: int = 0) -> Worst:
    """Retention that a cell falls short of with a small probability, such as that of the worst of 1e9.

    Args:
        cells: A population without batch.
        probability: Probability of a shorter retention, below one half; ``sigma`` standard deviations are ndtr(-sigma).
        samples: Points of the estimate; the search takes more.
        seed: Equal seeds give equal results.

    Raises:
        BeolithError: A batch of cells, or as :func:`..devices.spread.rare_events.quantile`.
    """
    found = quantile(_log_time(cells), cells.deviates, probability, samples=samples, seed=seed)
    return Worst(math.exp(found.value), found.standard_error, found.event)


def lost_after(cells: Population, time: float, *, samples: int = 4096, seed: int = 0) -> RareEvent:
    """Probability that a cell has lost a level after a time [s]; arguments as for :func:`worst`."""
    log_time, limit = _log_time(cells), math.log(time)
    return failure_probability(lambda z: log_time(z) - limit, cells.deviates, samples=samples, seed=seed)


def refresh_period(
    cells: Population,
    *,
    error_rate: float | None = None,
    array: int | None = None,
    errors: float = 1.0,
    samples: int = 4096,
    seed: int = 0,
) -> Worst:
    """How long an array may wait for its refresh.

    Args:
        cells: A population without batch.
        error_rate: Share of cells that may lose a level [1]; or
        array: number of cells, of which
        errors: may lose one, as expected for the worst pattern of levels.
        samples: As for :func:`worst`.
        seed: As for :func:`worst`.

    Raises:
        BeolithError: Neither or both of ``error_rate`` and ``array``, or as :func:`worst`.
    """
    if (error_rate is None) == (array is None):
        raise BeolithError("a refresh period needs either error_rate, or array and errors")
    rate = errors / array if array is not None else error_rate
    assert rate is not None
    return worst(cells, rate, samples=samples, seed=seed)


def ideal_sigma(cells: Population) -> Tensor:
    """sigma_VT/(n phi) of the transistor whose channel ends on the storage node, shape of the batch [1].

    References:
        edri2016_tcas1.
    """
    kind = cells.kind
    way = cells.ways[0]
    name = next(fet.name for fet in way.node.fets if fet.gate != way.node.node)
    place, state = kind.transistors[name], (cells.states or {}).get(name, (cells.states or {}).get("*"))
    size = volts(place.width), volts(place.length)
    own = device(place)
    sigma = own.threshold_sigma(*size) / own.transistor(*size, cells.temperature, state).coefficients.n_phi
    return sigma.expand(cells.nominal.shape)[0]


def limits(cells: Population) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of diffusion, floor and gate dielectrics in ending the level of the nominal cell that goes first [1].

    A share is the mean of I_x/I over the time of the fall, -d ln t/d ln I_x; the shape is that of the batch.
    """
    quiet = {
        name: replace(own, tekv=own.tekv.replace(leakage_density=torch.zeros_like(own.tekv.leakage_density)))
        for name, place in cells.kind.transistors.items()
        for own in (device(place),)
    }
    silent = {f.name: f for f in build(cells.kind.with_(cards=quiet), cells.temperature, states=cells.states).fets}
    times, shares = [], []
    for way in cells.ways:
        node, diffusing = way.node, replace(way.node, fets=tuple(silent[fet.name] for fet in way.node.fets))
        v = panels(way.start, way.end, 2 * CELLS)
        charge, at = node.charge(v[::2]), v[1::2]
        channels, gates, diffusion = node.through_channels(at), node.through_gates(at), diffusing.through_channels(at)
        total = channels + gates
        lasts = (charge[1:] - charge[:-1]) / total
        there = (total * (way.end - way.start) > 0).all(0)
        times.append(torch.where(there, lasts.sum(0), torch.inf))
        parts = torch.stack((diffusion, channels - diffusion, gates))
        shares.append((parts / total * lasts).sum(1) / lasts.sum(0))
    first = torch.cat(times).argmin(0, keepdim=True)
    one, two, three = torch.cat(shares, dim=1).gather(1, first.expand(3, *first.shape))[:, 0, 0]
    return one, two, three


def _between(ordered: Tensor, place: float) -> Tensor:
    """Value at a place between two of a sorted sample."""
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return torch.lerp(ordered[low], ordered[high], place - low)


def _log_time(cells: Population) -> Margin:
    """Logarithm of the retention as a function of the deviates."""
    if cells.batch:
        raise BeolithError(f"the tail is found for one cell at a time, not for a batch of {tuple(cells.batch)}")
    return lambda z: cells.times(z).amin(0).log()
