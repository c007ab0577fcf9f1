"""What a transistor goes through between the fab and now: segments of constant heat and bias, one after the other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from beolith.errors import BeolithError

UNITS: Mapping[str, str] = {
    "duration": "s",
    "temperature": "K",
    "overdrive": "V",
    "duty": "",
    "rest": "V",
    "frequency": "Hz",
    "rise_time": "s",
}
LIMITS: Mapping[str, tuple[float, float]] = {
    "duration": (0.0, 1e30),
    "temperature": (1.0, 2000.0),
    "overdrive": (-1e3, 1e3),
    "duty": (0.0, 1.0),
    "rest": (-1e3, 1e3),
    "frequency": (0.0, math.inf),
    "rise_time": (1e-18, math.inf),
}


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@dataclass(frozen=True)
class Segment:
    """A stretch of constant stress; tensors broadcast, so one mission may describe a whole batch.

    Attributes:
        duration: How long it lasts [s].
        temperature: Lattice temperature [K].
        overdrive: Gate overdrive V_G - V_T of the fresh device while stressed; negative for negative bias [V].
        duty: Fraction of the time under stress [1].
        rest: Gate overdrive during the rest of the time [V].
        frequency: Stress pulses per second; infinite stands for pulses faster than every trap [Hz].
        rise_time: Duration of an edge between rest and stress; infinite switches the effect of edges off [s].
    """

    duration: Tensor
    temperature: Tensor
    overdrive: Tensor
    duty: Tensor
    rest: Tensor = field(default_factory=lambda: _number(0.0))
    frequency: Tensor = field(default_factory=lambda: _number(math.inf))
    rise_time: Tensor = field(default_factory=lambda: _number(math.inf))

    def __post_init__(self) -> None:
        for name, limits in LIMITS.items():
            _check(f"Mission segment: {name}", name, getattr(self, name), limits)

    def replace(self, **changes: Tensor) -> Segment:
        """The same segment with some of its tensors replaced, which are not checked again."""
        return Segment.unchecked(*(changes.get(name, getattr(self, name)) for name in NAMES))

    @classmethod
    def unchecked(cls, *tensors: Tensor) -> Segment:
        """A segment from tensors that were checked before."""
        made = object.__new__(cls)
        for name, tensor in zip(NAMES, tensors, strict=True):
            object.__setattr__(made, name, tensor)
        return made


Mission = Sequence[Segment]
NAMES = tuple(f.name for f in dataclasses.fields(Segment))


def constant(
    duration: Tensor | float, temperature: Tensor | float, overdrive: Tensor | float, duty: Tensor | float = 1.0
) -> Mission:
    """A mission of one segment, from numbers or tensors (SI)."""
    parts = (torch.as_tensor(x, dtype=torch.float64) for x in (duration, temperature, overdrive, duty))
    return [Segment(*parts)]


def power_down(duration: Tensor | float, temperature: Tensor | float) -> Mission:
    """A mission of one segment without bias, in which what can recover does; from numbers or tensors (SI)."""
    return constant(duration, temperature, 0.0, 0.0)


@dataclass(frozen=True)
class Profile:
    """A mission as arrays: every tensor has the segments along its first dimension, then those of the batch.

    Attributes:
        segments: One :class:`Segment` whose tensors are stacked.
        pulsed: For each segment whether its pulses are resolved, that is, have a finite frequency.
    """

    segments: Segment
    pulsed: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.pulsed)

    def rows(self, start: int, stop: int) -> Segment:
        """Segments from ``start`` up to ``stop``, stacked; they were checked when the whole was."""
        return Segment.unchecked(*(getattr(self.segments, name)[start:stop] for name in NAMES))

    def runs(self, longest: int) -> Iterator[Segment]:
        """The mission in stacked pieces of at most ``longest`` segments that are alike in being pulsed or not."""
        start = 0
        for stop in range(1, len(self) + 1):
            if stop == len(self) or stop - start == longest or self.pulsed[stop] != self.pulsed[start]:
                yield self.rows(start, stop)
                start = stop

    def merged(self) -> Profile:
        """The same mission with neighbours of equal stress made one, so that a cut segment is no other mission.

        A mission that carries gradients is left as it is: each piece keeps its own.
        """
        stress = [getattr(self.segments, name) for name in NAMES[1:]]
        if len(self) < 2 or any(x.requires_grad for x in (self.segments.duration, *stress)):
            return self
        differs = torch.stack([_flat(x[1:] != x[:-1]).any(1) for x in stress]).any(0)
        group = torch.cat([torch.zeros(1, dtype=torch.long), differs.long().cumsum(0)])
        first = torch.cat([torch.zeros(1, dtype=torch.long), differs.nonzero().flatten() + 1])
        duration = self.segments.duration
        total = torch.zeros_like(duration[first]).index_add(0, group, duration)
        whole = Segment(total, *(x[first] for x in stress))
        return Profile(whole, tuple(self.pulsed[i] for i in first.tolist()))


def profile(mission: Mission | Profile) -> Profile:
    """A mission with its segments stacked into arrays.

    Raises:
        BeolithError: The mission has no segment, or its segments do not broadcast against one another.
    """
    if isinstance(mission, Profile):
        return mission
    if not mission:
        raise BeolithError("Mission: no segment in it; give at least one")
    depth = max(getattr(s, name).ndim for s in mission for name in NAMES)
    try:
        stacked = (torch.stack(torch.broadcast_tensors(*(_deep(getattr(s, n), depth) for s in mission))) for n in NAMES)
        return _profile(*stacked)
    except RuntimeError as error:
        raise BeolithError(f"Mission: the segments do not form one batch: {error}") from None


def from_arrays(
    durations: Tensor,
    temperatures: Tensor,
    overdrives: Tensor,
    duties: Tensor | float = 1.0,
    rests: Tensor | float = 0.0,
    frequencies: Tensor | float = math.inf,
    rise_times: Tensor | float = math.inf,
) -> Profile:
    """A mission from arrays with the segments along the first dimension and a batch of devices along the others (SI).

    Args:
        durations: How long each segment lasts, shape (segments, ...) [s].
        temperatures: Lattice temperatures, shape (segments, ...) [K].
        overdrives: Gate overdrives under stress, shape (segments, ...) [V].
        duties: Fractions of the time under stress, a number or shape (segments, ...) [1].
        rests: Gate overdrives during the rest of the time, a number or shape (segments, ...) [V].
        frequencies: Pulses per second, infinite for fast ones, a number or shape (segments, ...) [Hz].
        rise_times: Durations of an edge, infinite for none, a number or shape (segments, ...) [s].

    Raises:
        BeolithError: Arrays of different length, no segment, or values that cannot be; one line for each fault.
    """
    given = (durations, temperatures, overdrives, duties, rests, frequencies, rise_times)
    arrays = [torch.as_tensor(x, dtype=torch.float64) for x in given]
    lengths = {name: len(x) for name, x in zip(NAMES, arrays, strict=True) if x.ndim}
    count = max(lengths.values(), default=0)
    if not count:
        raise BeolithError("Mission: no segment in it; give arrays of at least one")
    if faults := [f"Mission: {name} has {n} segments, others {count}" for name, n in lengths.items() if n != count]:
        raise BeolithError("\n".join(faults))
    depth = max(x.ndim for x in arrays)
    wide = [
        x.reshape(x.shape + (1,) * (depth - x.ndim)) if x.ndim else x.expand((count,) + (1,) * (depth - 1))
        for x in arrays
    ]
    faults = []
    for name, x in zip(NAMES, wide, strict=True):
        try:
            _check(f"Mission: {name}", name, x, LIMITS[name])
        except BeolithError as error:
            faults.append(str(error))
    if faults:
        raise BeolithError("\n".join(faults))
    return _profile(*wide)


def _profile(*stacked: Tensor) -> Profile:
    whole = Segment(*stacked)
    pulsed = _flat(torch.isfinite(whole.frequency))
    for i in (pulsed.any(1) & ~pulsed.all(1)).nonzero().flatten().tolist():
        raise BeolithError(f"Mission: frequency of segment {i} is infinite for some devices of the batch, not for all")
    edges = _flat(torch.isfinite(whole.rise_time)).any(1)
    for i in (edges & ~pulsed.any(1)).nonzero().flatten().tolist():
        raise BeolithError(f"Mission: rise_time of segment {i} needs a finite frequency, or edges cannot be counted")
    return Profile(whole, tuple(pulsed.any(1).tolist()))


def _flat(x: Tensor) -> Tensor:
    """Segments by everything else."""
    return x.reshape(len(x), -1)


def _deep(x: Tensor, depth: int) -> Tensor:
    """The same tensor with leading dimensions of one."""
    return x.reshape((1,) * (depth - x.ndim) + tuple(x.shape))


def _check(what: str, name: str, value: Tensor, limits: tuple[float, float]) -> None:
    """Refuse values outside the limits and those that are no numbers, naming the first of a few."""
    low, high = limits
    value = value.detach()
    if value.numel() == 0 or (low <= float(value.min()) and float(value.max()) <= high):
        return
    bad = (~((value >= low) & (value <= high))).nonzero()
    where = f" (segment {int(bad[0, 0])})" if value.ndim else ""
    worst = float(value[tuple(bad[0])])
    raise BeolithError(f"{what} = {worst:g}{where} is outside {low:g} .. {high:g} {UNITS[name]}".rstrip())
