"""Measured curves of a transistor, as people keep them, turned into one table in SI that has been looked at.

A file is delimited text with a line of names such as ``VGS [V], VDS (V), Id/uA``: transfer, output and C-V curves, any
number of drain voltages, temperatures and sizes, one point a line. What can be wrong with it is either an error or a
:class:`CurveWarning`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from beolith import units
from beolith.errors import BeolithError, DataError, nearest

from .curve_checks import SIZES, CurveWarning, check, exchanged, warn

__all__ = ["COLUMNS", "SIZES", "CurveWarning", "Curves", "read", "tidy"]


class Column(NamedTuple):
    """What a column may be called, and what it may hold.

    Attributes:
        unit: SI unit.
        names: Accepted names in lower case, without blanks and signs.
        low: Smallest credible value [unit].
        high: Largest credible value [unit].
        per: Further units it may be given in, and the sizes that lead back from them.
    """

    unit: str
    names: tuple[str, ...]
    low: float
    high: float
    per: Mapping[str, tuple[str, ...]] = {}


COLUMNS: Mapping[str, Column] = {
    "v_gs": Column("V", ("vgs", "vg", "ugs", "ug", "vgate", "gatevoltage", "gatebias"), -200, 200),
    "v_ds": Column("V", ("vds", "vd", "uds", "ud", "vdrain", "drainvoltage", "drainbias"), -200, 200),
    "i_d": Column("A", ("id", "ids", "idrain", "draincurrent", "current"), -1, 1, {"A/m": ("width",)}),
    "c_g": Column("F", ("c", "cg", "cgg", "cgate", "cp", "capacitance", "gatecapacitance"), -1e-6, 1e-6,
                  {"F/m": ("width",), "F/m**2": ("width", "length")}),
    "temperature": Column("K", ("t", "temp", "temperature", "tk"), 1, 1000),
    "length": Column("m", ("l", "lg", "lch", "length", "channellength", "gatelength"), 1e-9, 0.1),
    "width": Column("m", ("w", "wch", "width", "channelwidth", "gatewidth"), 1e-9, 1),
}  # fmt: skip
IGNORED = ("ig", "igs", "igate", "gatecurrent", "is", "isource", "time", "times", "index", "point", "no")
_HEADER = re.compile(r"\s*(?P<name>[^\[\](){}/]+?)\s*(?:\[(?P<a>[^\]]*)\]|\((?P<b>.*)\)|/\s*(?P<c>.+?))?\s*")
_COLD = 150.0
"""A temperature below this, given without a unit, is more likely to be in degrees Celsius [K]."""


@dataclass(frozen=True)
class Curves:
    """Measured points of one kind of transistor.

    Attributes:
        name: Name of the file they come from.
        table: One point a row: ``v_gs v_ds i_d c_g width length temperature`` in SI, with NaN for the one of current
            and capacitance that was not measured, ``kind`` (``transfer``, ``output``, ``capacitance``) and ``sweep``,
            which counts curves in the order of measurement.
    """

    name: str
    table: pd.DataFrame


def read(
    path: Path, *, width: float | None = None, length: float | None = None, temperature: float | None = None
) -> Curves:
    """The curves in a file.

    Args:
        path: Text with a line of column names that carry their units, as in ``V_GS [V]``.
        width: Channel width where the file has no column for it [m].
        length: Channel length likewise [m].
        temperature: Likewise [K].

    Raises:
        DataError: No such file, or it is not what it claims to be.

    Warns:
        CurveWarning: Units or values are missing, or rows are repeated.
    """
    raw, names = _parse(path)
    given = _identify(path, names)
    table = pd.DataFrame({key: _numbers(path, raw[column], key) for key, (column, _) in given.items()})
    _units(path, table, {key: unit for key, (_, unit) in given.items()})
    sizes = {"width": width, "length": length, "temperature": temperature}
    for key, value in sizes.items():
        if value is not None and key in table:
            raise DataError(f"{path.name}: the {key} is a column of the file and an option; leave one out")
        if value is not None:
            table[key] = value
    return tidy(path.name, table, per={key: unit for key, (_, unit) in given.items() if unit})


def tidy(name: str, table: pd.DataFrame, per: Mapping[str, str] | None = None) -> Curves:
    """Curves from columns in SI, checked like a file's.

    Args:
        name: What to call them.
        table: Columns of :data:`COLUMNS`, SI.
        per: Units of columns that are given per size, such as ``{"i_d": "A/um"}``.

    Raises:
        DataError: Columns are missing, exchanged or hold what they cannot.

    Warns:
        CurveWarning: Rows were left out.
    """
    table = _divided(name, table.copy(), per or {})
    table = _complete(name, table)
    _credible(name, table)
    table["kind"] = _kinds(table)
    table["sweep"] = _sweeps(table)
    check(name, table)
    return Curves(name, table.reset_index(drop=True))


def _parse(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Cells as text, and the names above them."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 (byte {error.start}); save it again as UTF-8 text") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) < 2:
        raise DataError(f"{path.name}: no points; a line of names such as 'V_GS [V], V_DS [V], I_D [A]' comes first")
    mark = max(",;\t", key=lines[0].count)
    sep = mark if mark in lines[0] else r"\s+"
    try:
        raw = pd.read_csv(io.StringIO("\n".join(lines)), sep=sep, dtype=str, header=None, skipinitialspace=True,
                          engine="python", keep_default_na=False)  # fmt: skip
    except (pd.errors.ParserError, ValueError) as error:
        raise DataError(f"{path.name}: not a table: {' '.join(str(error).split())}") from error
    names = [str(cell).strip() for cell in raw.iloc[0]]
    raw = raw.iloc[1:]
    if len(raw) > 1 and not any(map(_is_number, raw.iloc[0])):  # a line of units under the names
        names = [f"{n} [{str(u).strip(' []()')}]" for n, u in zip(names, raw.iloc[0], strict=True)]
        raw = raw.iloc[1:]
    # a semicolon between cells leaves the comma to the decimals
    return (raw.map(lambda cell: str(cell).replace(",", ".")) if sep == ";" else raw), names


def _identify(path: Path, names: list[str]) -> dict[str, tuple[int, str]]:
    """Column and unit of each quantity; an empty unit was not given."""
    known = {alias: key for key, column in COLUMNS.items() for alias in column.names}
    found: dict[str, tuple[int, str]] = {}
    faults = []
    for i, name in enumerate(names):
        match = _HEADER.fullmatch(name)
        plain = re.sub(r"[\W_]", "", match["name"] if match else name).lower()
        if plain in IGNORED or not plain:
            continue
        if match is None or plain not in known:
            faults.append(f"unknown column {name!r}; {nearest(plain, known)}")
        elif known[plain] in found:
            other = names[found[known[plain]][0]]
            faults.append(f"columns {other!r} and {name!r} are both {known[plain]}; keep one, in one unit")
        else:
            found[known[plain]] = (i, (match["a"] or match["b"] or match["c"] or "").strip())
    if faults:
        raise DataError("\n".join(f"{path.name}: {fault}" for fault in faults))
    return found


def _is_number(cell: object) -> bool:
    return bool(np.isfinite(pd.to_numeric(str(cell).replace(",", "."), errors="coerce")))


def _numbers(path: Path, cells: pd.Series, key: str) -> NDArray[np.float64]:
    """Numbers of a column, NaN where a cell is empty or says so."""
    values = pd.to_numeric(cells.str.strip(), errors="coerce").to_numpy(float)
    text = cells[np.isnan(values) & ~cells.str.strip().str.lower().isin(["", "nan", "na", "none", "-", "inf"])]
    if len(text):
        raise DataError(f"{path.name}: {key} of point {text.index[0]} is {text.iloc[0]!r}, which is no number")
    return np.where(np.isinf(values), np.nan, values)


def _units(path: Path, table: pd.DataFrame, given: Mapping[str, str]) -> None:
    """Convert every column to SI, or to SI per size, in place."""
    faults = []
    for key, unit in given.items():
        unit = _spelled(unit, key)
        wanted = [COLUMNS[key].unit, *COLUMNS[key].per]
        try:
            si = next((si for si in wanted if unit and _fits(unit, si)), wanted[0])
            table[key] = table[key] * units.scale(unit, si) + units.to_si(0.0, unit, si) if unit else table[key]
        except BeolithError as error:
            faults.append(f"{path.name}: {key}: {error}")
    if faults:
        raise DataError("\n".join(faults))
    bare = {key: COLUMNS[key].unit for key, unit in given.items() if not unit}
    if bare.get("temperature") and table["temperature"].min() < _COLD:
        raise DataError(f"{path.name}: temperatures of {table['temperature'].min():g} without a unit; "
                        "write T [K] or T [degC]")  # fmt: skip
    if bare:
        read_as = ", ".join(f"{key} in {unit}" for key, unit in bare.items())
        warn(f"{path.name}: columns without a unit are read as SI: {read_as}")


def _spelled(unit: str, key: str) -> str:
    """A unit as pint spells it."""
    unit = unit.replace("°C", "degC").replace("µ", "u").replace("μ", "u").replace("²", "**2")
    return "degC" if key == "temperature" and unit == "C" else re.sub(r"(?<=m)2\b", "**2", unit)


def _fits(unit: str, si: str) -> bool:
    try:
        units.scale(unit, si)
    except BeolithError:
        return False
    return True


def _divided(name: str, table: pd.DataFrame, per: Mapping[str, str]) -> pd.DataFrame:
    """Currents and capacitances per size, multiplied by that size."""
    for key, unit in per.items():
        over = next((over for si, over in COLUMNS[key].per.items() if _fits(_spelled(unit, key), si)), ())
        if over == ("width",) and "width" not in table:
            table["width"] = 1e-6  # both model and measurement are proportional to it
        for size in over:
            if size not in table:
                raise DataError(f"{name}: {key} is given in {unit}; a column or an option for the {size} is missing")
            table[key] = table[key] * table[size]
    return table


def _complete(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The columns a fit needs, without holes and repetitions."""
    if "i_d" not in table and "c_g" not in table:
        raise DataError(f"{name}: neither a current (I_D) nor a capacitance (C_G) is there to fit")
    if "v_ds" not in table and "i_d" not in table:
        table["v_ds"] = 0.0
    missing = [key for key in ("v_gs", "v_ds", *SIZES) if key not in table]
    if missing:
        raise DataError(f"{name}: no column for {', '.join(missing)}; sizes and temperature may be options instead")
    for key in ("i_d", "c_g"):
        if key not in table:
            table[key] = np.nan
    holes = table[["v_gs", "v_ds", *SIZES]].isna().any(axis=1) | (table["i_d"].isna() & table["c_g"].isna())
    again = table.duplicated() & ~holes
    for rows, what in ((holes, "without a number"), (again, "repeated")):
        if rows.any():
            warn(f"{name}: {rows.sum()} of {len(table)} points are {what} and left out")
    kept = table[~holes & ~again].reset_index(drop=True)
    if kept.empty:
        raise DataError(f"{name}: not one complete point")
    return kept


def _credible(name: str, table: pd.DataFrame) -> None:
    """Refuse numbers that no column of their kind can hold."""
    faults = []
    if exchanged(table["v_gs"], table["i_d"]):
        faults.append(
            "voltages are as small as currents, and currents as large as voltages: are V_GS and I_D exchanged?"
        )
    for key, column in COLUMNS.items() if not faults else ():
        wrong = table[key][(table[key] < column.low) | (table[key] > column.high)]
        if len(wrong):
            faults.append(f"{key} of {wrong.iloc[0]:g} {column.unit} cannot be; allowed: {column.low:g} to "
                          f"{column.high:g} {column.unit}; is the unit in the header right?")  # fmt: skip
    if faults:
        raise DataError("\n".join(f"{name}: {fault}" for fault in faults))


def _kinds(table: pd.DataFrame) -> NDArray[np.str_]:
    """Kind of curve of each point: the larger of the families at constant V_DS and at constant V_GS."""
    key = _steps(table).assign(capacitive=table["i_d"].isna())
    conditions = [*SIZES, "capacitive"]
    across = key.groupby([*conditions, "v_ds"])["v_gs"].transform("size")
    along = key.groupby([*conditions, "v_gs"])["v_ds"].transform("size")
    return np.where(table["i_d"].isna(), "capacitance", np.where(across >= along, "transfer", "output"))


def _sweeps(table: pd.DataFrame) -> NDArray[np.int64]:
    """Number of the curve each point belongs to.

    A curve measured there and back counts twice, so that hysteresis is seen as a drift between two sweeps.
    """
    key, output = _steps(table), table["kind"] == "output"
    step, swept = key["v_ds"].where(~output, key["v_gs"]), key["v_gs"].where(~output, key["v_ds"])
    family = key.groupby([*(key[size] for size in SIZES), table["kind"], step], sort=False).ngroup()
    back = swept.groupby(family).transform(_way_back)
    return np.asarray(pd.factorize(family * 2 + back.astype(int))[0])


def _steps(table: pd.DataFrame) -> pd.DataFrame:
    """Conditions as they were set; what was read back of a voltage jitters."""
    return table[[*SIZES, "v_gs", "v_ds"]].round({"v_gs": 4, "v_ds": 4})


def _way_back(swept: pd.Series) -> NDArray[np.float64]:
    """1 after the one point where a sweep turns round, 0 elsewhere."""
    way = np.sign(np.diff(swept.to_numpy()))
    turns = np.flatnonzero(np.diff(way[way != 0]))
    return (np.arange(len(swept)) > turns[0] + 1).astype(float) if len(turns) == 1 else np.zeros(len(swept))
