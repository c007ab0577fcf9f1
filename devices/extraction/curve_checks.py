"""Signs by which measured curves betray exchanged columns, mixed units, or that they are of another kind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pandas as pd

from beolith.errors import DataError

SIZES = ("width", "length", "temperature")
_TINY = 0.05
"""No gate voltage of a sweep is as small as this everywhere, and no current of a thin-film transistor as large
[V, A]."""
_LOUD = 0.01
"""Share of the largest current above which a current is not noise [1]."""
_STRANGE = 300.0
"""Conductances of one device cannot differ by this much between its transfer curves, nor along an output curve [1]."""
_KNEE = 0.2
"""Drain voltage from which an output curve is no longer expected to grow faster than in proportion [V]."""
_SLOW = 0.15
"""Least growth of the current over the upper half of a transfer curve [1]."""
_FALLING = -0.5
"""Correlation of current and gate voltage below which a transistor is of p-type [1]."""


class CurveWarning(UserWarning):
    """Something about measured curves that a reader should know before believing what is fitted to them."""


def warn(message: str) -> None:
    """Say something about curves."""
    warnings.warn(message, CurveWarning, stacklevel=3)


def varies(values: pd.Series) -> bool:
    """Whether a column holds more than one number."""
    return bool(values.max() > values.min())


def check(name: str, table: pd.DataFrame) -> None:
    """Refuse currents that no n-type transistor carries.

    Args:
        name: Of the curves, for the message.
        table: Columns as in :class:`.curves.Curves`.

    Raises:
        DataError: Columns are exchanged, units mixed, or the transistor is of p-type.

    Warns:
        CurveWarning: The gate has little influence.
    """
    current = table[table["i_d"].notna()].assign(size=table["i_d"].abs())
    if current.empty:
        return
    faults = list(_signs(current)) or [*_units(current), *_shapes(current)]
    if faults:
        raise DataError("\n".join(f"{name}: {fault}" for fault in faults))
    loud = _loud(current, "transfer")
    slow = sum(map(_hardly_grows, loud))
    if slow:
        warn(f"{name}: in {slow} of {len(loud)} transfer curves the current hardly grows with V_GS: is the transistor "
             "always on, or are V_GS and V_DS exchanged?")  # fmt: skip


def exchanged(voltage: pd.Series, current: pd.Series) -> bool:
    """Whether a column of gate voltages looks like one of currents, and the other way round."""
    return bool(voltage.abs().max() < _TINY < current.abs().max())


def _signs(current: pd.DataFrame) -> Iterator[str]:
    """Currents of the wrong sign or in the wrong place."""
    top = current["size"].max()
    loud = current[current["size"] > _LOUD * top]
    at_rest = loud[loud["v_ds"] == 0.0]
    against = loud[loud["i_d"] * loud["v_ds"] < 0]
    if top == 0.0:
        yield "every current is zero"
    elif len(at_rest):
        yield (
            f"a current of {at_rest['i_d'].iloc[0]:.3g} A flows at V_DS = 0, largest {top:.3g} A: are V_GS and V_DS "
            "exchanged?"
        )
    elif len(against) > 0.5 * len(loud):
        yield (
            "drain currents are negative at positive V_DS: p-type curves and currents counted out of the drain are "
            "not read; for an n-type transistor turn the sign of I_D"
        )
    elif len(against):
        yield (
            f"{len(against)} currents flow against V_DS, up to {against['size'].max():.3g} A: are V_GS and V_DS "
            "exchanged?"
        )
    elif varies(loud["v_gs"]) and varies(loud["size"]) and loud["v_gs"].corr(loud["size"]) < _FALLING:
        yield "the current falls with V_GS: p-type curves are not read"


def _units(current: pd.DataFrame) -> Iterator[str]:
    """Transfer curves of one device that are in different units."""
    swept = current[(current["v_ds"] != 0.0) & (current["kind"] == "transfer")]
    best = (swept["size"] / swept["v_ds"].abs()).groupby([swept[key] for key in (*SIZES, "sweep")]).max()
    for _, device in best.groupby(level=list(SIZES)):
        if len(device) > 1 and 0.0 < _STRANGE * device.min() < device.max():
            yield (
                f"transfer curves of one device differ by a factor of {device.max() / device.min():.0f} in I_D/V_DS: "
                "are they in one unit?"
            )


def _shapes(current: pd.DataFrame) -> Iterator[str]:
    """Output curves that rise like transfer curves."""
    for sweep in _loud(current, "output"):
        ohmic = (sweep["size"] / sweep["v_ds"])[sweep["v_ds"] > _KNEE]
        if len(ohmic) and ohmic.max() > _STRANGE * ohmic.min():
            yield (
                f"at V_GS = {sweep['v_gs'].iloc[0]:g} V the current grows with V_DS by a factor of "
                f"{ohmic.max() / ohmic.min():.0f} more than V_DS itself: are V_GS and V_DS exchanged?"
            )


def _loud(current: pd.DataFrame, kind: str) -> list[pd.DataFrame]:
    """Sweeps of a kind and of some points whose current is more than noise."""
    peak = current["size"].max()
    sweeps = (sweep for _, sweep in current[current["kind"] == kind].groupby("sweep"))
    return [sweep for sweep in sweeps if len(sweep) > 3 and sweep["size"].max() > _LOUD * peak]


def _hardly_grows(sweep: pd.DataFrame) -> bool:
    upper = sweep[sweep["v_gs"] >= 0.5 * (sweep["v_gs"].min() + sweep["v_gs"].max())].sort_values("v_gs")
    return bool(upper["size"].iloc[-1] < (1.0 + _SLOW) * upper["size"].iloc[0])
