"""From measured curves to a card: which parameters the curves fix, how well, and which they leave open.

Robust least squares (:mod:`.levenberg`) on residuals that know what an instrument adds (:mod:`.measurement`), over
parameters that know their range (:mod:`.free_parameters`).

References:
    leenathan2011 (tail states); why D_it and the tail cannot be told apart at one temperature: docs/design.md.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from beolith.card import Card
from beolith.errors import BeolithError, ConvergenceWarning, DataError

from .. import library
from ..base import Transistor
from ..library import Device
from . import fitted_card, measurement
from .curve_checks import varies
from .curves import Curves
from .free_parameters import PRECISION, RANGES, chosen
from .levenberg import Prior, Solution, covariance, minimise, scatter
from .measurement import Points

STARTS = 8
_WIDE = 0.5
"""A parameter is undetermined if its spread is more than this share of that of its prior [1]."""
_TIED = 0.95
"""Correlation above which two parameters are called degenerate [1]."""
_POOR = 0.2
"""Error of a fifth of the points, or four times that of half of them, above which a fit is called poor [decades]."""
_WILD = 10.0
"""Residual of an outlier over the scatter [1]."""
_LITTLE = 0.2
"""Share in a combination that is not worth naming [1]."""
_STEP = 1e-4
"""Half of the voltage step over which the gate charge is differentiated [V]."""


Complaint = tuple[str, type[Warning]]
Array = NDArray[np.float64]


class DegeneracyWarning(UserWarning):
    """The curves fix a combination of parameters, but not each of them."""


class FitWarning(UserWarning):
    """The curves are not what the model can be, or say less than the card seems to."""


@dataclass(frozen=True)
class Fit:
    """Parameters fitted to curves.

    Attributes:
        device: The fitted transistor, as it was at the last sweep of each device; its card carries the uncertainties.
        start: What the fit started from, and where every other number comes from.
        curves: What was fitted.
        names: Free parameters, ``section.name``.
        value: Their values [SI].
        sigma: Their standard deviations [SI].
        correlation: Their correlations, shape (free, free).
        table: One row for each point used: columns of the curves, ``fitted`` (with the offset), ``offset``, ``drift``,
            ``floor`` [SI] and ``residual`` in standard deviations of a good point [1].
        converged: Whether the search ended by itself.
    """

    device: Device
    start: Device
    curves: Curves
    names: tuple[str, ...]
    value: tuple[float, ...]
    sigma: tuple[float, ...]
    correlation: Array
    table: pd.DataFrame
    converged: bool

    @property
    def card(self) -> Card:
        """The fitted card."""
        return self.device.card

    def above_floor(self, above: float = 1e-12) -> pd.DataFrame:
        """Points where a sweep has left its floor: three times its noise above the offset, and ``above`` [A]."""
        t = self.table.dropna(subset="i_d")
        forward = t["i_d"] * np.sign(t["v_ds"])
        shown: pd.DataFrame = t[(forward > above) & (forward > t["offset"].abs() + 3.0 * t["floor"])]
        return shown

    def decades(self, above: float = 1e-12) -> float:
        """Rms decimal logarithm of fitted over measured current at :meth:`above_floor`, NaN if there is none [1]."""
        shown = self.above_floor(above)
        if shown.empty:
            return math.nan
        ratio = (shown["fitted"] / shown["i_d"]).clip(lower=1e-9)
        return float(np.sqrt(np.mean(np.log10(ratio) ** 2)))


def fit(curves: Curves, start: Device, free: Sequence[str] = (), *, starts: int = STARTS, seed: int = 0) -> Fit:
    """The parameters of a transistor that curves call for.

    Args:
        curves: Measured, see :func:`.curves.read`.
        start: Device that gives every other parameter, and a first value for those fitted.
        free: Parameters to fit, such as ``tekv.mobility`` or ``mobility``; none leaves it to
            :data:`.free_parameters.WHEN`.
        starts: Places to search from.
        seed: Of the places.

    Raises:
        BeolithError: A parameter that cannot be fitted, or a p-type start.
        DataError: Fewer points than parameters, or curves that the model gives no numbers for.

    Warns:
        DegeneracyWarning: Parameters that the curves do not fix, by name.
        FitWarning: The model does not follow the curves.
        ConvergenceWarning: The search stopped early.
    """
    if start.sign < 0:
        raise BeolithError(f"{start.card.key} is p-type; only curves of n-type transistors are fitted")
    names = chosen(free, curves.table)
    p = measurement.points(curves)
    offsets, drifts = p.nuisances
    count = len(names) + offsets + drifts
    if len(p.v_g) <= count:
        raise DataError(f"{curves.name}: {len(p.v_g)} points are too few for {count} parameters "
                        f"({', '.join(names)} and {offsets + drifts} of the instrument)")  # fmt: skip
    model = _Model(names, start, p)
    own = (torch.full_like(p.offset, i) for i in range(len(names)))
    # a point without a nuisance is counted with the first parameter, which its scale of zero keeps it from moving
    offset, drift = (
        torch.where(p.offset < 0, 0, len(names) + p.offset),
        torch.where(p.drift < 0, 0, count - drifts + p.drift),
    )
    index = torch.stack((*own, offset, drift))
    first = torch.zeros(count, dtype=torch.float64)
    first[offset] = p.offset_start
    first[: len(names)] = torch.tensor([RANGES[name].inverse(_value(start, name)) for name in names])
    precision = torch.ones(count, dtype=torch.float64)
    precision[: len(names)] = PRECISION
    prior = Prior(torch.cat((torch.zeros_like(first[: len(names)]), first[len(names) :])), precision)
    rough = minimise(model.residual, _spread(first, names, p, starts, seed), index, prior, 3.0).best()
    if not bool(rough.cost.isfinite()):
        raise DataError(f"{curves.name}: the model gives no numbers anywhere near {start.card.key}")
    scale = max(scatter(rough.residual), 1e-2)
    best = minimise(model.residual, rough.x, index, prior, scale)
    return _report(best, model, prior, max(scatter(best.residual), 1e-2), index, curves)


@dataclass(frozen=True)
class _Model:
    """The residuals of a choice of free parameters."""

    names: tuple[str, ...]
    start: Device
    points: Points

    def predict(self, quantities: Tensor) -> Tensor:
        """Currents [A] and capacitances [F], offsets included, of quantities (starts, names + 2, points)."""
        p = self.points
        values = {name: RANGES[name].value(quantities[:, i]) for i, name in enumerate(self.names)}
        v_g = p.v_g - quantities[:, -1] * p.drift_scale
        currents, capacitances = slice(0, p.currents), slice(p.currents, None)
        zero = torch.zeros((), dtype=torch.float64)
        found = []
        if p.currents:
            found.append(self._at(values, currents).current(v_g[:, currents], p.v_d[currents], zero))
        if p.currents < len(p.v_g):
            transistor, at, v_d = self._at(values, capacitances), v_g[:, capacitances], p.v_d[capacitances]
            rise = transistor.charges(at + _STEP, v_d, zero).gate - transistor.charges(at - _STEP, v_d, zero).gate
            found.append(rise / (2.0 * _STEP))
        return torch.cat(found, -1) + quantities[:, -2] * p.offset_scale

    def _at(self, values: Mapping[str, Tensor], part: slice) -> Transistor:
        p = self.points
        device = _with(self.start, {name: value[:, part] for name, value in values.items()})
        return device.transistor(p.width[part], p.length[part], p.temperature[part])

    def residual(self, quantities: Tensor) -> Tensor:
        """See :mod:`.measurement`."""
        p = self.points
        double = 2.0 * p.floor
        return (torch.asinh(p.measured / double) - torch.asinh(self.predict(quantities) / double)) / p.sigma


def _with(device: Device, values: Mapping[str, Tensor]) -> Device:
    """A device with some parameters replaced, that computes at any size without a warning."""
    sections: dict[str, dict[str, Tensor]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    parts = {section: dataclasses.replace(getattr(device, section), **new) for section, new in sections.items()}
    infinite = torch.tensor(torch.inf, dtype=torch.float64)
    anywhere = dataclasses.replace(device.validity, lowest_temperature=-infinite, highest_temperature=infinite,
                                   shortest_length=-infinite, longest_length=infinite)  # fmt: skip
    return dataclasses.replace(device, validity=anywhere, **parts)


def _value(device: Device, name: str) -> float:
    section, _, key = name.partition(".")
    return device.card.sections[section][key].value


def _spread(first: Tensor, names: Sequence[str], p: Points, starts: int, seed: int) -> Tensor:
    """Places to search from: the first one as it is, the others about it, with thresholds all over the sweep."""
    x = first.expand(starts, -1).clone()
    draw = torch.randn(starts, len(names), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x[1:, : len(names)] += draw[1:]
    if "tekv.threshold_voltage" in names:
        thresholds = torch.quantile(p.v_g, torch.linspace(0.1, 0.8, max(1, starts - 1), dtype=torch.float64))
        places = [RANGES["tekv.threshold_voltage"].inverse(float(v)) for v in thresholds]
        x[1:, names.index("tekv.threshold_voltage")] = torch.tensor(places[: starts - 1])
    return x


def _report(best: Solution, model: _Model, prior: Prior, scale: float, index: Tensor, curves: Curves) -> Fit:
    """What a solution means."""
    names, p, free = model.names, model.points, len(model.names)
    memory = _memory(best.residual[0], curves.table["sweep"].to_numpy()[p.row])
    cov = covariance(best, prior, scale, memory)
    spread = cov.diagonal().sqrt()
    correlation = (cov / torch.outer(spread, spread))[:free, :free].numpy()
    x = best.x[0, :free].clone().requires_grad_()
    values = torch.stack([RANGES[name].value(x[i]) for i, name in enumerate(names)])
    (slopes,) = torch.autograd.grad(values.sum(), x)
    value, sigma = values.detach().tolist(), (slopes.abs() * spread[:free]).tolist()
    for message, kind in (*_open(names, spread[:free].tolist(), correlation, curves), *_poor(best, p, scale)):
        warnings.warn(f"{curves.name}: {message}", kind, stacklevel=3)

    device = library.from_card(fitted_card.fitted(model.start.card, curves, names, value, sigma))
    quantities = best.x[:, index]
    with torch.no_grad():
        fitted = model.predict(quantities)[0]
    table = curves.table.loc[p.row.tolist()].assign(
        fitted=fitted.numpy(),
        offset=(quantities[0, -2] * p.offset_scale).numpy(),
        drift=(quantities[0, -1] * p.drift_scale).numpy(),
        floor=p.floor.numpy(),
        residual=best.residual[0].numpy() / scale,
    )
    done = bool(best.converged[0])
    return Fit(device, model.start, curves, names, tuple(value), tuple(sigma), correlation, table, done)


def _memory(residual: Tensor, sweep: NDArray[np.int64]) -> float:
    """How many points of a sweep tell as much as one: (1 + rho)/(1 - rho), rho from one point to the next [1]."""
    r = residual.clamp(*torch.quantile(residual, torch.tensor([0.05, 0.95], dtype=residual.dtype))).numpy()
    same = sweep[1:] == sweep[:-1]
    rho = float(np.sum((r[1:] * r[:-1])[same]) / max(np.sum(np.square(r)), 1e-300))
    rho = min(max(rho - 2.0 / math.sqrt(len(r)), 0.0), 0.95)
    return (1.0 + rho) / (1.0 - rho)


def _open(names: Sequence[str], spread: Sequence[float], correlation: Array, curves: Curves) -> Iterator[Complaint]:
    """What the curves leave open."""
    for name, wide in zip(names, spread, strict=True):
        if wide > _WIDE / math.sqrt(PRECISION):
            yield f"{name} is not determined by these curves; fix it, or measure what depends on it", DegeneracyWarning
    for i, j in np.argwhere(np.triu(np.abs(correlation), 1) > _TIED):
        yield f"{names[i]} and {names[j]} are degenerate (correlation {correlation[i, j]:.3f})", DegeneracyWarning
    variance, directions = np.linalg.eigh(correlation)
    if variance[0] < (1.0 - _TIED) * variance[-1]:
        worst = directions[:, -1] * np.sign(directions[np.abs(directions[:, -1]).argmax(), -1])
        along = " ".join(f"{worst[i]:+.2f} {names[i]}" for i in np.argsort(-np.abs(worst)) if abs(worst[i]) > _LITTLE)
        yield (
            f"condition number {variance[-1] / max(variance[0], 1e-15):.0f}: least known is the combination {along} "
            "(in standard deviations)",
            DegeneracyWarning,
        )
    tail = [name for name in names if name.startswith("tekv.tail_")]
    if "tekv.interface_traps" in names and tail and not varies(curves.table["temperature"]):
        row = correlation[names.index("tekv.interface_traps")]
        pairs = ", ".join(f"{name}: {row[names.index(name)]:.2f}" for name in tail)
        yield (
            "one temperature cannot tell tekv.interface_traps (n) from the band tail: at another T_t both come out "
            f"different (correlations here {pairs}); add curves at a second temperature",
            DegeneracyWarning,
        )


def _poor(best: Solution, p: Points, scale: float) -> Iterator[Complaint]:
    """Signs that curves and model are not about one thing."""
    error = (best.residual[0] * p.sigma).abs() / math.log(10.0)
    middle, most = torch.quantile(error, torch.tensor([0.5, 0.8], dtype=error.dtype)).tolist()
    share = float((best.residual[0].abs() > _WILD * scale).double().mean())
    if middle > 0.25 * _POOR or most > _POOR:
        yield f"the model misses half of the points by {middle:.2g} decades, a fifth by {most:.2g}", FitWarning
    if share > 0.0:
        yield f"{share:.1%} of the points are outliers and were given little weight", FitWarning
    if not bool(best.converged[0]):
        yield "the search stopped before its tolerance was met", ConvergenceWarning
