r"""What lies between a transistor and its measured curve: an offset, a noise floor, and drift between sweeps.

    y_i = asinh[I_i/(2 f)],   r_i = { y_i - asinh[(I_model(V_G - dV) + I_0)/(2 f)] } / s_i
    s_i^2 = s_r^2 + (s_V dy/dV_G)^2 + f^2/(I_i^2 + 4 f^2)

The residual is logarithmic above the noise f of a sweep and linear below it, so that no point need be cut off and a
current may be negative. I_0 is an offset of the instrument and dV a shift of the threshold against the last sweep of
the same device: curves are measured one after the other, and each one stresses the device for the next.

References:
    own; the numbers below are assumed: what a good instrument does, and bias stress in a measurement of minutes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from .curves import SIZES, Curves

RELATIVE = 0.01
"""s_r: error of a current or capacitance that has nothing to do with the gate voltage [1]."""
JITTER = 1e-3
"""s_V over the range of gate voltages swept [1]."""
DRIFT = 1.0 / 300.0
"""Standard deviation expected of dV, over the same range [1]."""
_FLAT = 3.0
"""Readings up to this multiple of the lowest tenth are taken for the floor [1]."""
_DECILES = 2.563
"""From the first to the last decile of a normal distribution, in standard deviations [1]."""
_LOUD, _SILENT = 1e-3, 1e-5
"""A floor is seen where it lies this far below the peak of the sweep; a sweep this far below all others is nothing but
floor [1]."""
Array = NDArray[np.float64]


class Points(NamedTuple):
    """Points of measured curves, currents first, as tensors of shape (points,) in SI; ``currents`` counts the former.

    ``floor`` is f, ``sigma`` s_i. ``offset_scale`` and ``drift_scale`` turn nuisance parameters of the order of one
    into I_0 and dV, and are zero where a point has none; ``offset`` and ``drift`` say which one a point has, -1 none.
    """

    currents: int
    v_g: Tensor
    v_d: Tensor
    width: Tensor
    length: Tensor
    temperature: Tensor
    measured: Tensor
    floor: Tensor
    sigma: Tensor
    offset_scale: Tensor
    offset_start: Tensor
    offset: Tensor
    drift_scale: Tensor
    drift: Tensor
    row: Tensor

    @property
    def nuisances(self) -> tuple[int, int]:
        """How many offsets and how many drifts there are."""
        return int(self.offset.max()) + 1, int(self.drift.max()) + 1


def points(curves: Curves) -> Points:
    """The points of curves, with what each sweep says of the instrument.

    Points at V_DS = 0 carry no current but the offset, and are left out.
    """
    table = curves.table[(curves.table["v_ds"] != 0.0) | curves.table["i_d"].isna()]
    span = float(np.ptp(table["v_gs"])) or 1.0
    peak = table["i_d"].abs().max()
    parts = [_sweep(part, span, peak) for _, part in table.groupby("sweep", sort=False)]
    table = pd.concat(parts).sort_values("kind", key=lambda kind: kind == "capacitance", kind="stable")
    last = table.groupby([*SIZES], sort=False)["sweep"].transform("max")
    table["drift_scale"] = np.where(table["sweep"] == last, 0.0, span * DRIFT)
    table["measured"] = table["i_d"].fillna(table["c_g"])
    table["row"] = table.index

    def column(name: str) -> Tensor:
        return torch.tensor(table[name].to_numpy(float))

    sizes = {key: column(key) for key in SIZES}
    numbered = {"offset": _count(table, "offset_scale"), "drift": _count(table, "drift_scale")}
    names = ("measured", "floor", "sigma", "offset_scale", "offset_start", "drift_scale")
    return Points(
        currents=int(table["i_d"].notna().sum()),
        v_g=column("v_gs"),
        v_d=column("v_ds"),
        row=column("row").long(),
        **sizes,
        **numbered,
        **{name: column(name) for name in names},
    )


def _sweep(part: pd.DataFrame, span: float, peak: float) -> pd.DataFrame:
    """One sweep with its floor, offset and errors."""
    y = part["i_d"].fillna(part["c_g"]).to_numpy(float)
    size = np.abs(y)
    kind, v_gs = part["kind"].iloc[0], part["v_gs"].to_numpy()
    low = y[v_gs <= v_gs[size <= _FLAT * np.quantile(size, 0.1)].max()]
    offset, spread = float(np.median(low)), float(np.ptp(np.quantile(low, (0.1, 0.9)))) / _DECILES
    seen = kind == "transfer" and np.median(np.abs(low)) < _LOUD * size.max()
    silent = kind != "capacitance" and size.max() < _SILENT * peak
    floor = max(spread, 1e-3 * abs(offset)) if seen else size.max() * (1.0 if silent else 1e-6)
    floor = max(floor, 1e-300)
    curve = pd.Series(np.arcsinh(y / (2.0 * floor))).groupby(part["v_gs"].to_numpy()).mean()
    steep = pd.Series(np.gradient(curve, curve.index) if len(curve) > 2 else 0.0, index=curve.index)
    slope = steep.loc[part["v_gs"]].to_numpy()
    error = RELATIVE**2 + (JITTER * span * slope) ** 2 + floor**2 / (y**2 + 4.0 * floor**2)
    scale = abs(offset) + 5.0 * floor if seen else 0.0
    start = offset / scale if seen else 0.0
    return part.assign(floor=floor, sigma=np.sqrt(error), offset_scale=scale, offset_start=start)


def _count(table: pd.DataFrame, scale: str) -> Tensor:
    """Number of the sweep among those that have this nuisance; -1 where a point has none."""
    numbers = np.full(len(table), -1)
    has = (table[scale] > 0).to_numpy()
    numbers[has] = pd.factorize(table["sweep"][has])[0]
    return torch.from_numpy(numbers)
