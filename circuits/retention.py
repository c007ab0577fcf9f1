r"""How long a level lasts: in closed form, by quadrature, or by following the waveform.

With everything around it at rest a storage node obeys dQ/dt = I(V), so the time from V_0 to V_1 is

    t = int dQ/I                                                                                     (quadrature)
    t = sum_k (Q_k - Q_k-1) L(1/I_k-1, 1/I_k),   L(a, b) = (a - b)/ln(a/b)                           (closed form)

The logarithmic mean L is exact where the current is constant or exponential in the voltage, as diffusion over a
barrier, a leakage floor and field emission are. What is left where one takes over from another falls with the square of
the number of panels and is extrapolated from the sums over all panels and over half as many. For
one transistor with the ideal current I_0 (1 - exp(-V/phi)) on a constant capacitance the integral is that of the
literature, t = (C phi/I_0) ln[(exp(V_0/phi) - 1)/(exp(V_1/phi) - 1)]. No retention is ever an input, and a cell in
which nothing leaks is an error.

References:
    edri2016_tcas1 (the ideal cell); logarithmic mean: own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from beolith.errors import BeolithError

from .cell import Cell
from .crossing import crossing
from .held_node import held_node
from .mna.operating_point import operating_point
from .mna.system import system
from .mna.transient import OK, transient
from .netlist import Circuit, VoltageSource
from .stimuli import stimulus

PANELS = 8
"""Panels of the closed form."""
CELLS = 64
"""Intervals of the quadrature."""


class Node(Protocol):
    """A node that floats among nodes at rest."""

    def charge(self, v: Tensor) -> Tensor:
        """Its charge [C]."""

    def current(self, v: Tensor) -> Tensor:
        """The current into it [A]."""


@dataclass(frozen=True)
class Retention:
    """How long levels last; levels come first, before the batch.

    Attributes:
        time: Until the level is lost; infinite where it moves to nothing that would be mistaken [s].
        stored: Storage-node voltage at the beginning [V].
        power: What turns into heat at the beginning, mean over levels, (*batch) [W].
    """

    time: Tensor
    stored: Tensor
    power: Tensor

    @property
    def cell(self) -> Tensor:
        """Of the level that goes first, (*batch) [s]."""
        return self.time.amin(0)


Method = Callable[[Node, Tensor, Tensor], Tensor]


def closed_form(node: Node, start: Tensor, end: Tensor) -> Tensor:
    """Time for a node to move from one voltage to another by the logarithmic mean of the inverse current [s].

    Args:
        node: The node.
        start: Voltage at the start, any shape [V].
        end: Voltage at the end, broadcastable [V].

    Returns:
        The time; infinite where the node does not get there.
    """
    v = panels(start, end, PANELS)
    return logarithmic_mean(node.charge(v), node.current(v), end - start)


def panels(start: Tensor, end: Tensor, count: int) -> Tensor:
    """Voltages between which :func:`closed_form` takes its means, (count + 1, *shape) [V]."""
    way = end - start
    return start + way * torch.linspace(0.0, 1.0, count + 1, dtype=way.dtype, device=way.device).reshape(
        -1, *[1] * way.ndim
    )


def logarithmic_mean(charge: Tensor, current: Tensor, way: Tensor) -> Tensor:
    """Time of :func:`closed_form`, from what is known at the ends of an even number of panels.

    Args:
        charge: At :func:`panels`, panels first [C].
        current: At the same voltages [A].
        way: From start to end [V].
    """
    fine, coarse = (_sum(charge[::step], current[::step]) for step in (1, 2))
    return _arrival((4.0 * fine - coarse) / 3.0, current, way)


def _sum(charge: Tensor, current: Tensor) -> Tensor:
    return (charge.diff(dim=0) * _mean_inverse(current[:-1], current[1:])).sum(0)


def quadrature(node: Node, start: Tensor, end: Tensor) -> Tensor:
    """The same by the midpoint rule over 64 intervals of voltage, second order [s]."""
    v = panels(start, end, 2 * CELLS)
    charge, current = node.charge(v[::2]), node.current(v[1::2])
    return _arrival((charge.diff(dim=0) / torch.where(current == 0, 1.0, current)).sum(0), current, end - start)


def _mean_inverse(a: Tensor, b: Tensor) -> Tensor:
    """Logarithmic mean of 1/a and 1/b, (1 - 1/r)/ln(r)/a with r = b/a, regular at r = 1; a number in any case."""
    usable = a * b > 0
    a = torch.where(usable, a, 1.0)
    x = torch.where(usable, b, 1.0) / a - 1.0
    near = x.abs() < 1e-4
    series = 1.0 - x / 2.0 + x * x * (5.0 / 12.0)
    safe = torch.where(near, 1.0, x)
    return torch.where(near, series, safe / ((1.0 + safe) * torch.log1p(safe))) / a


def _arrival(time: Tensor, current: Tensor, way: Tensor) -> Tensor:
    """The time, infinite where the current stops or turns on the way."""
    return torch.where((current * way > 0).all(0), time, torch.inf)


def retention(
    cell: Cell,
    *,
    stored: Tensor | None = None,
    share: float | Tensor | None = None,
    method: Method = closed_form,
) -> Retention:
    """Retention of every level of a cell that floats while it rests.

    A level is lost when the node has gone a share of the way to the level that it moves towards.

    Args:
        cell: The cell.
        stored: Voltage of the first storage node after a write, (level, *batch); found by a transient if not given [V].
        share: Share of the way to the next level that may be gone; that of the bitcell if not given [1].
        method: :func:`closed_form` or :func:`quadrature`.

    Raises:
        BeolithError: A static cell, which needs no refresh, or a cell in which nothing leaks.
    """
    must_float(cell)
    held = written(cell) if stored is None else {cell.kind.storage[0]: stored}
    found = []
    for node, v in held.items():
        resting = held_node(cell, node, at_levels(cell, held))
        found.append(sooner(*(method(resting.only(k), v[k], end) for k, end in neighbours(v, share, cell))))
    time = torch.stack(torch.broadcast_tensors(*found)).amin(0)
    must_leak(cell, time)
    first = next(iter(held.values()))
    return Retention(time, first, hold_power(cell, held))


def by_transient(
    cell: Cell,
    *,
    stored: Tensor | None = None,
    share: float | Tensor | None = None,
    longest: float = 1e12,
    points: int = 12,
) -> Tensor:
    """The same by following the waveform of the whole cell at rest over all decades, (level, *batch) [s].

    Args:
        cell: The cell.
        stored: As for :func:`retention`.
        share: As for :func:`retention`.
        longest: How far to follow it [s].
        points: Samples in a decade.

    Raises:
        BeolithError: As :func:`retention`.
    """
    must_float(cell)
    held = written(cell) if stored is None else {cell.kind.storage[0]: stored}
    start = at_levels(cell, held)
    sources = (VoltageSource(n, n, "0", v) for n, v in cell.terminals(cell.data).items())
    decades = torch.log10(torch.tensor(longest)) + 9.0
    times = torch.logspace(-9.0, float(decades) - 9.0, round(float(decades) * points) + 1, dtype=torch.float64)
    c = Circuit(cell.kind.title, (*cell.fets, *cell.capacitors, *sources), start)
    found = transient(system(c), times, tolerance=2e-5)
    reached = []
    for node, v in held.items():
        crossed = []
        for k, end in neighbours(v, share, cell):
            gone = (found[node][:, k] - v[k]) / (end - v[k])
            time = crossing(times, torch.nan_to_num(gone, nan=0.0), 1.0)
            crossed.append(torch.where(torch.isfinite(time), time, torch.inf))
        reached.append(sooner(*crossed))
    time = torch.stack(torch.broadcast_tensors(*reached)).amin(0)
    must_leak(cell, time)
    return time


def written(cell: Cell) -> dict[str, Tensor]:
    """Voltages of the storage nodes after a write from the other end and the return to rest, (level, *batch) [V]."""
    s = stimulus(cell, [cell.kind.write], cell.data)
    found = transient(system(s.circuit(**cell.stored(cell.opposite))), [s.end])
    failed = found.status != OK
    if bool(failed.any()):
        raise BeolithError(f"bitcell {cell.kind.title!r}: the write of {int(failed.sum())} cells could not be solved")
    return {node: found[node][0] for node in cell.kind.storage}


def hold_power(cell: Cell, stored: Mapping[str, Tensor]) -> Tensor:
    """Power that a cell turns into heat while it rests, mean over levels, (*batch) [W].

    What flows between terminals through read transistors counts, and what the storage nodes lose, which a refresh has
    to bring back.

    Args:
        cell: The cell.
        stored: Voltages of its storage nodes, where they are known; a static cell settles near them [V].
    """
    nodes, terminals = at_levels(cell, stored), cell.terminals(cell.data)
    held = terminals if cell.kind.static else {**terminals, **nodes}
    every = torch.broadcast_shapes(cell.data.shape, *(v.shape for v in held.values()))
    sources = tuple(VoltageSource(f"v_{n}", n, "0", v.expand(every)) for n, v in held.items())
    s = system(Circuit(cell.kind.title, (*cell.fets, *cell.capacitors, *sources)))
    x = operating_point(s, guess=nodes).x
    drive = s.drive(torch.zeros(s.batch, dtype=x.dtype, device=x.device))
    rows = [s.row_of(n) for n in held]
    power = s.all_voltages(x, drive)[rows] * s.flows(x, drive).current[rows]
    return power.sum(0).reshape(s.shape).mean(0)


def at_levels(cell: Cell, held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Voltages of all storage nodes: what is known of them, and what the levels ask for (level, *batch) [V]."""
    return {**cell.stored(cell.data), **held}


def neighbours(v: Tensor, share: float | Tensor | None, cell: Cell) -> tuple[tuple[Tensor, Tensor], ...]:
    """Levels that have one below, and where they are mistaken for it [V]; the same for those that have one above."""
    step = v.diff(dim=0) * (cell.kind.lost_share if share is None else share)
    number = torch.arange(len(v), device=v.device)
    return (number[1:], v[1:] - step), (number[:-1], v[:-1] + step)


def sooner(falls: Tensor, rises: Tensor) -> Tensor:
    """The first of two times of all levels but the lowest, which cannot fall, and but the highest, (level, *batch)."""
    never = torch.full_like(falls[:1], torch.inf)
    return torch.minimum(torch.cat((never, falls)), torch.cat((rises, never)))


def must_float(cell: Cell) -> None:
    """Refuse a cell that has no retention because feedback keeps its level."""
    if cell.kind.static:
        raise BeolithError(f"bitcell {cell.kind.title!r} is static: feedback keeps its level, and it has no retention")


def must_leak(cell: Cell, time: Tensor) -> None:
    """Refuse a cell whose levels never end, times (level, *batch) [s]."""
    if bool(torch.isinf(time).all(0).any()):
        raise BeolithError(
            f"bitcell {cell.kind.title!r}: nothing leaks that would end a level, so its retention is not set; give the "
            "card of the write transistor a leakage_density above 0, or a gate dielectric that leaks (section 'gate')"
        )
