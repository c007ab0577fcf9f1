"""How fast a cell is written and read, and what that costs: one transient of a write, a rest and a read.

    write time  from half of the word's edge until the storage node has covered 90 % of its way, from the other extreme
    read time   from half of the word's edge until neighbouring levels differ by twice the sense signal at the amplifier
    energy      charge that every terminal takes in a frame, times its voltage there; worst level

A driver pays for charge at the voltage of the rail that it pulls to and gets nothing back when it lets a line fall; an
ideal source would, and a loaded word line would cost nothing.

Every level is written over the level at the other end. A cell that does not get there has no time: not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .cell import Cell
from .crossing import crossing
from .mna.system import system
from .mna.transient import Trajectory, transient
from .stimuli import FRAMES, Stimulus, Window, stimulus

COVERED = 0.9
"""Share of its way that a written node has gone."""
SAMPLES = 80
"""Samples in either window, denser at its beginning."""


@dataclass(frozen=True)
class Performance:
    """Times [s], energies [J] and voltages [V] of a cell; levels come first, before the batch.

    Attributes:
        write_time: Slowest level, (*batch) [s].
        read_time: Closest pair of levels, (*batch) [s].
        write_energy: Of the level that takes most, (*batch) [J].
        read_energy: The same for a read [J].
        written: Storage node at the end of the word of the write, (level, *batch) [V].
        held: Storage node after the write, when everything rests, (level, *batch) [V].
        signal: Largest half difference of neighbouring levels at the sense amplifier in the read, (*batch) [V].
        disturbed: Storage node after the read less before it, (level, *batch) [V].
    """

    write_time: Tensor
    read_time: Tensor
    write_energy: Tensor
    read_energy: Tensor
    written: Tensor
    held: Tensor
    signal: Tensor
    disturbed: Tensor


def performance(
    cell: Cell,
    *,
    pulse: float | None = None,
    edge: float | None = None,
    tolerance: float = 1e-4,
    like: Trajectory | None = None,
) -> tuple[Performance, Stimulus, Trajectory]:
    """Speed and energy of a cell, with the stimulus and the waveforms that they were taken from.

    Args:
        cell: The cell.
        pulse: How long the word stands in the write and in the read; that of the bitcell if not given [s].
        edge: Rise and fall time of everything; that of the bitcell if not given [s].
        tolerance: Error of one time step [V].
        like: A run whose time steps are repeated, see :func:`.mna.transient.transient`.
    """
    kind = cell.kind
    data = cell.data
    s = stimulus(cell, [kind.write, kind.read], data, pulse=pulse, edge=edge)
    windows = s.window(0), s.window(1)
    marks = [0.0, *s.ends, windows[0].begin, windows[1].begin]
    samples = torch.cat([*(_dense(w) for w in windows), torch.tensor(marks, dtype=torch.float64)]).unique()
    found = transient(system(s.circuit(**cell.stored(cell.opposite))), samples, tolerance=tolerance, like=like)

    def during(values: Tensor, w: Window) -> tuple[Tensor, Tensor]:
        inside = (samples >= w.begin) & (samples <= w.closing)
        return samples[inside] - 0.5 * (w.begin + w.opened), values[inside]

    def at(values: Tensor, time: float) -> Tensor:
        return values[int(torch.searchsorted(samples, time))]

    node = found[kind.storage[0]]
    begin, end = at(node, windows[0].begin), at(node, windows[0].closing)
    way = (node - begin) / (data - begin)
    time, way = during(way, windows[0])
    write_time = crossing(time, way, COVERED).amax(0)
    sensed = found[kind.sense[0]] - (found[kind.sense[1]] if len(kind.sense) > 1 else 0.0)
    time, sensed = during(sensed, windows[1])
    signal = 0.5 * sensed.diff(dim=1).abs()
    read_time = crossing(time, signal.amin(1), torch.as_tensor(kind.sense_signal))
    spent = torch.stack([_paid(found.charge(name), rails, s, at) for name, rails in s.rails.items()]).sum(0)
    held = at(node, s.ends[FRAMES])
    return (
        Performance(
            write_time,
            read_time,
            spent[:FRAMES].sum(0).amax(0),
            spent[FRAMES:].sum(0).amax(0),
            end,
            held,
            signal.amin(1).amax(0),
            node[-1] - held,
        ),
        s,
        found,
    )


def _paid(charge: Tensor, rails: Sequence[Tensor], s: Stimulus, at: Callable[[Tensor, float], Tensor]) -> Tensor:
    """Energy that the rails of one source pay in every frame but the first, (frame, level, *batch) [J]."""
    moved = torch.stack([at(charge, end) for end in s.ends]).diff(dim=0)
    return torch.stack([rail.expand(moved.shape[1:]) for rail in rails[1:]]) * moved


def _dense(w: Window) -> Tensor:
    """Samples in a window, denser at its beginning [s]."""
    share = torch.linspace(0.0, 1.0, SAMPLES, dtype=torch.float64)
    inside = w.begin + (w.closing - w.begin) * share.square() * share
    inside[-1] = w.closing
    return inside
