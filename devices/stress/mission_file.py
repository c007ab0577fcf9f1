"""Missions as YAML: a list of segments with units, read strictly, all faults at once.

.. code-block:: yaml

    title: Ten years in a server, idle at night
    repeat: 3650
    segments:
      - {duration: 16 h, temperature: 85 degC, gate: 1.2 V, duty: 50 %}
      - {duration: 8 h, temperature: 25 degC}

A segment has a duration and a temperature. What stresses it is an ``overdrive``, which is then held whatever the
threshold does, or a ``gate`` voltage relative to the source, which makes the overdrive follow the threshold; a mission
uses one of the two. Without either the segment is powered down. ``rest`` is the same voltage during the rest of the
time, ``duty``, ``frequency`` and ``rise_time`` describe pulses. Bare numbers are SI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from beolith import strict_yaml, units
from beolith.errors import BeolithError, DataError, nearest

from .mission import LIMITS, UNITS, Profile, from_arrays

KEYS = ("title", "repeat", "segments")
SEGMENT_KEYS = ("duration", "temperature", "overdrive", "gate", "duty", "rest", "frequency", "rise_time")
_PULSES = ("frequency", "rise_time")
Threshold = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MissionFile:
    """A mission as a file describes it.

    Attributes:
        title: What it is.
        profile: Its segments, repeated as often as the file says.
        period: Its segments once, which a lifetime repeats for as long as it takes.
        feedback: Whether gate voltages are given, so that the overdrive follows the threshold.
    """

    title: str
    profile: Profile
    period: Profile
    feedback: bool


def read(path: Path, threshold: Threshold | None = None) -> MissionFile:
    """The mission in a YAML file.

    Args:
        path: File.
        threshold: Threshold voltage of the fresh device [V] at temperatures [K], needed where gate voltages are given.

    Raises:
        DataError: With a line ``file: segments[i].key: what`` for every fault of the file.
    """
    try:
        document, faults = strict_yaml.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, DataError) as error:
        raise DataError(f"{path.name}: {error}") from error
    if not isinstance(document, dict):
        raise DataError(f"{path.name}: a mission is a mapping of {', '.join(KEYS)}")
    faults += [f"{key}: unknown key; {nearest(key, KEYS)}" for key in document if key not in KEYS]
    repeat = document.get("repeat", 1)
    if isinstance(repeat, bool) or not isinstance(repeat, int) or not 1 <= repeat <= 1_000_000:
        faults.append(f"repeat: {repeat!r:.40} is not a whole number from 1 to 1000000")
    segments = document.get("segments")
    if not isinstance(segments, list) or not segments:
        faults.append("segments: missing or empty; a mission is a list of at least one segment")
        segments = []
    rows = [_row(f"segments[{i}]", raw, faults) for i, raw in enumerate(segments)]
    kinds = {key for row in rows for key in ("overdrive", "gate") if key in row}
    if len(kinds) > 1:
        faults.append("segments: some give overdrive and some gate; use one of them throughout")
    if "gate" in kinds and threshold is None:
        faults.append("segments: gate voltages need a device with a threshold; give overdrive instead")
    if faults:
        raise DataError("\n".join(f"{path.name}: {fault}" for fault in faults))
    whole, period = (_profile(rows * times, threshold) for times in (repeat, 1))
    return MissionFile(str(document.get("title", path.stem)), whole, period, "gate" in kinds)


def _row(where: str, raw: Any, faults: list[str]) -> dict[str, float]:
    """The numbers of a segment in SI; what is wrong with it is added to the faults."""
    if not isinstance(raw, Mapping):
        faults.append(f"{where}: a segment is a mapping of {', '.join(SEGMENT_KEYS)}")
        return {}
    faults += [f"{where}.{key}: unknown key; {nearest(key, SEGMENT_KEYS)}" for key in raw if key not in SEGMENT_KEYS]
    faults += [f"{where}.{key}: missing" for key in ("duration", "temperature") if key not in raw]
    if "overdrive" in raw and "gate" in raw:
        faults.append(f"{where}: overdrive and gate exclude one another")
    if "rise_time" in raw and "frequency" not in raw:
        faults.append(f"{where}.rise_time: needs a frequency, or edges cannot be counted")
    row = {}
    for key in filter(raw.__contains__, SEGMENT_KEYS):
        try:
            row[key] = _number("overdrive" if key == "gate" else key, raw[key])
        except BeolithError as error:
            faults.append(f"{where}.{key}: {error}")
    return row


def _number(name: str, given: Any) -> float:
    """A quantity in SI within the limits of a segment."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise BeolithError(f"{given!r:.40} is not a number with a unit such as '85 degC'")
    value = units.parse(given, UNITS[name])
    low, high = LIMITS[name]
    if not low <= value <= high:
        raise BeolithError(f"{given} is outside {low:g} .. {high:g} {UNITS[name]}".rstrip())
    return value


def _profile(rows: list[dict[str, float]], threshold: Threshold | None) -> Profile:
    def column(key: str, default: float) -> Tensor:
        return torch.tensor([row.get(key, default) for row in rows], dtype=torch.float64)

    def gives(key: str) -> Tensor:
        return torch.tensor([key in row for row in rows])

    temperature, overdrive, rest = column("temperature", 0.0), column("overdrive", 0.0), column("rest", 0.0)
    gated = gives("gate")
    if threshold is not None and bool(gated.any()):
        fresh = threshold(temperature)
        overdrive = torch.where(gated, column("gate", 0.0) - fresh, overdrive)
        rest = torch.where(gated & gives("rest"), rest - fresh, rest)
    stressed = gated | gives("overdrive")
    duty = torch.where(stressed, column("duty", 1.0), 0.0)
    pulses = (column(key, float("inf")) for key in _PULSES)
    return from_arrays(column("duration", 0.0), temperature, overdrive, duty, rest, *pulses)
