"""Operating points of a circuit while one source runs through its values, or two do, nested.

The points are one more batch axis in front, and one solve finds them all. Where a circuit has several states, a sweep
that follows starts each point from its neighbour, as a measurement does: up and down then find the branches of a
hysteresis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from .mna.operating_point import operating_point
from .mna.system import System, system
from .netlist import Circuit, CurrentSource, Element, Pwl, VoltageSource, volts

Values = Tensor | Sequence[float]


@dataclass(frozen=True)
class Sweep:
    """Voltages and currents at every point.

    Attributes:
        system: What was solved; its batch is (point, *batch), with the outer points between them if there are two.
        source: Name of the swept source.
        values: Of the swept source, broadcastable to the batch of the system [V] or [A].
        voltages: Of every row of the system, (row, flat batch), not a number where no state was found [V].
        delivered: Current out of the plus end of every voltage source, by name, (flat batch,) [A].
        converged: Which points were solved, (point, *batch).
    """

    system: System
    source: str
    values: Tensor
    voltages: Tensor
    delivered: Mapping[str, Tensor]
    converged: Tensor

    def __getitem__(self, node: str) -> Tensor:
        """Voltage of a node, (point, *batch) [V]."""
        return self.voltages[self.system.row_of(node)].reshape(self.system.shape)

    def current(self, source: str) -> Tensor:
        """Current out of the plus end of a voltage source, (point, *batch) [A].

        Raises:
            BeolithError: There is no such voltage source.
        """
        if source not in self.delivered:
            raise BeolithError(_unknown(self.system.circuit, "voltage source", source, self.delivered))
        return self.delivered[source].reshape(self.system.shape)

    def slope(self, node: str) -> Tensor:
        """Slope of a node voltage by the value of the swept source, dV/du = -J^-1 dF/du, (point, *batch) [1] or [ohm].

        It is a number for each point; gradients of it are not recorded.
        """
        with torch.enable_grad():
            value = self.values.detach().expand(self.system.shape).clone().requires_grad_()
            again = system(_driven(self.system.circuit, {self.source: value}))
            voltages, _, _ = _solve(again, {free: self[free].detach().nan_to_num() for free in again.free})
            (slope,) = torch.autograd.grad(voltages[again.row_of(node)].sum(), value)
        return torch.where(self.converged, slope, torch.nan)


def sweep(
    circuit: Circuit,
    source: str,
    values: Values,
    *,
    outer: tuple[str, Values] | None = None,
    guess: Mapping[str, float | Tensor] | None = None,
    follow: bool = False,
) -> Sweep:
    """Operating points over the values of a source; differentiable in them and in everything else.

    Other sources stand at their value at time 0, and initial voltages do not count.

    Args:
        circuit: The circuit.
        source: A voltage or current source.
        values: What it runs through, (point,) or (point, *batch) [V] or [A].
        outer: A second source and its values; its axis comes behind that of the points.
        guess: Where to start, by node; (point, *batch), or (*batch) for the first point of a followed sweep [V].
        follow: Walk through the points in order, each from its neighbour, the first from the guess.

    Raises:
        BeolithError: There is no such source, values are missing or not finite, or the circuit has no solution.
    """
    still = _driven(replace(circuit, initial={}), {})
    batch = system(still).shape
    inner = _points(source, values, len(batch) + (outer is not None))
    given = {source: inner}
    if outer is not None:
        if outer[0] == source:
            raise BeolithError(f"sweep: source {source!r} cannot be the outer one too")
        given[outer[0]] = _points(*outer, len(batch))
    if follow:
        guess = _walk(still, source, given, guess)
    points = system(_driven(still, given))
    voltages, delivered, converged = _solve(points, guess)
    return Sweep(points, source, inner, voltages, delivered, converged.reshape(points.shape))


def _points(source: str, values: Values, behind: int) -> Tensor:
    """Values with ones between the axis of the points and the last of the axes behind it."""
    found = volts(values)
    if not (found.ndim and found.numel() and torch.isfinite(found).all()):
        raise BeolithError(f"sweep of {source!r}: the values must be one or more finite numbers in a row")
    rest = found.shape[1:]
    return found.reshape(len(found), *[1] * (behind - len(rest)), *rest)


def _driven(circuit: Circuit, values: Mapping[str, Tensor | Pwl]) -> Circuit:
    """The circuit with some sources at other values and the rest at rest."""
    sources = {x.name: x for x in circuit.elements if isinstance(x, VoltageSource | CurrentSource)}
    for name in values:
        if name not in sources:
            raise BeolithError(_unknown(circuit, "source", name, sources))

    def at_rest(x: Element) -> Element:
        if not isinstance(x, VoltageSource | CurrentSource):
            return x
        return replace(x, value=values[x.name] if x.name in values else _at_start(x.value))

    return replace(circuit, elements=tuple(at_rest(x) for x in circuit.elements))


def _unknown(circuit: Circuit, kind: str, name: str, allowed: Mapping[str, object]) -> str:
    return f"circuit {circuit.title!r} has no {kind} {name!r}; {nearest(name, allowed)}"


def _at_start(value: Tensor | Pwl) -> Tensor:
    """Value at time 0: the first one, and the share of each piece that lies before."""
    if isinstance(value, Tensor):
        return value
    wide = max(value.times.ndim, value.values.ndim)
    times, levels = (x.reshape(len(x), *[1] * (wide - x.ndim), *x.shape[1:]) for x in (value.times, value.values))
    passed = (-times[:-1] / times.diff(dim=0)).clamp(0.0, 1.0)
    return levels[0] + (passed * levels.diff(dim=0)).sum(0)


def _walk(
    still: Circuit, source: str, given: Mapping[str, Tensor], guess: Mapping[str, float | Tensor] | None
) -> dict[str, Tensor]:
    """Voltages of the free nodes, (point, *batch), each point from the one before: time counts the points."""
    values = given[source]
    count = torch.arange(len(values), dtype=values.dtype, device=values.device)
    # a piece needs two points, even where there is one: the last is repeated
    wave = Pwl(torch.cat((count, count[-1:] + 1.0)), torch.cat((values, values[-1:])).detach())
    others = {name: value for name, value in given.items() if name != source}
    with torch.no_grad():
        s = system(_driven(still, {source: wave, **others}))
        last = dict(guess or {})
        found = list[Tensor]()
        for moment in count:
            x, converged = operating_point(s, moment, last)
            here = torch.where(converged, x[: len(s.free)], found[-1] if found else 0.0)
            found.append(here)
            last = {node: here[i].reshape(s.shape) for i, node in enumerate(s.free)}
    together = torch.stack(found).reshape(len(found), len(s.free), *s.shape)
    return {node: together[:, i] for i, node in enumerate(s.free)}


def _solve(s: System, guess: Mapping[str, float | Tensor] | None) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Voltages of all rows, what the voltage sources deliver, and which elements of the batch were solved."""
    x, converged = operating_point(s, 0.0, guess)
    drive = s.drive(torch.zeros(s.batch, dtype=x.dtype, device=x.device))
    out = s.flows(x.nan_to_num(), drive).current
    delivered = {source.name: sign * out[s.row_of(node)] for node, (source, sign) in s.held.items()}
    delivered |= {source.name: -x[len(s.free) + i] for i, source in enumerate(s.free_sources)}
    nodes = s.all_voltages(x, drive)[: len(s.place)]
    delivered = {name: torch.where(converged, current, torch.nan) for name, current in delivered.items()}
    return torch.where(converged, nodes, torch.nan), delivered, converged
