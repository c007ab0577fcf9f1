"""Small signals about an operating point: the response of every node to one source, batched and differentiable.

    (G + j w C) x = -(g + j w c) u,   G = dI/dx, C = dQ/dx, g = dI/du, c = dQ/du

The slopes are those of :meth:`.System.flows` by the unknowns x and by the sources u alike, every transistor being its
tangent. So a grounded source, which holds a node and is no unknown, excites through the column of its node, a source
between two nodes through its own equation, and a current source through the nodes that it joins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from ..netlist import CurrentSource, Element, Fet, nodes_of
from .newton import solved_rows
from .operating_point import OperatingPoint, operating_point
from .system import Drive, System
from .tangent import slopes, tangent


class Linear(NamedTuple):
    """A circuit about a point: slopes of the equations that are solved, (row, column, batch).

    Columns are the unknowns, then the sources: held nodes, free voltage sources, current sources.

    Attributes:
        system: The circuit with every transistor replaced by its tangent.
        conductance: Of the currents [S], [1].
        capacitance: Of the charges [F].
        voltages: At the point, of all rows of the system, (row, batch) [V].
        converged: Where there is a point, (batch,).
    """

    system: System
    conductance: Tensor
    capacitance: Tensor
    voltages: Tensor
    converged: Tensor

    def admittance(self, frequencies: Tensor) -> Tensor:
        """G + j w C, (frequency, batch, row, column) [S].

        Args:
            frequencies: (frequency,) [Hz].
        """
        omega = 2.0 * torch.pi * frequencies[:, None, None, None]
        return torch.complex(*torch.broadcast_tensors(self.conductance, omega * self.capacitance)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Response:
    """Response of a circuit to one source.

    Attributes:
        system: What was solved.
        frequencies: (frequency,) [Hz].
        voltages: Of every row of the system per unit of the source, complex, (frequency, batch, row) [V/V] or [V/A].
    """

    system: System
    frequencies: Tensor
    voltages: Tensor

    def __getitem__(self, node: str) -> Tensor:
        """Complex voltage of a node per unit of the source, (frequency, *batch) [V/V] or [V/A]."""
        return self.voltages[..., self.system.row_of(node)].reshape(len(self.frequencies), *self.system.shape)


def ac(
    system: System,
    frequencies: Sequence[float] | Tensor,
    source: str,
    *,
    at: OperatingPoint | None = None,
    time: Tensor | float = 0.0,
) -> Response:
    """Response of every node to a small sine of one source, all other sources being still.

    Differentiable by everything that the circuit is made of, the operating point included.

    Args:
        system: The circuit.
        frequencies: From 0 on, (frequency,) [Hz].
        source: Name of a voltage or current source.
        at: Where the circuit rests; left out, its operating point.
        time: When, for what the sources do meanwhile [s].

    Returns:
        Voltages per volt or ampere; not a number where there is no operating point or no response.

    Raises:
        BeolithError: The circuit has no such source, or gradients are wanted of a model whose slopes record none.

    References:
        ho1975 (modified nodal analysis).
    """
    wanted = torch.as_tensor(frequencies, dtype=torch.float64)
    places = _sources(system)
    if source not in places:
        raise BeolithError(f"circuit {system.circuit.title!r} has no source {source!r}; {nearest(source, places)}")
    column, sign = places[source]
    about, n = linear(system, at, time), system.unknowns
    y = about.admittance(wanted)
    x = divide(y[..., :n], -sign * y[..., n + column], about.converged)
    free, held = len(system.free), len(system.held)
    still = torch.zeros((held + 1,), dtype=x.dtype)
    if column < held:
        still[column] = sign
    return Response(system, wanted, torch.cat((x[..., :free], still.expand(*x.shape[:2], -1), x[..., free:]), -1))


def linear(system: System, at: OperatingPoint | None = None, time: Tensor | float = 0.0) -> Linear:
    """A circuit about a point, differentiable if gradients are recorded; arguments as of :func:`ac`."""
    point = operating_point(system, time) if at is None else at
    drive = system.drive(torch.as_tensor(time, dtype=torch.float64).expand(system.batch))
    there = torch.cat((point.x.where(point.converged, 0.0), *drive))
    x, *given = there.split([system.unknowns, *(len(part) for part in drive)])
    voltages = system.all_voltages(x, drive)
    tangential = _tangential(system, voltages)
    recorded = any(flow.requires_grad for flow in tangential.flows(x, Drive(*given)))
    with torch.enable_grad():
        u = there.clone() if there.requires_grad else there.detach().requires_grad_()
        x, *given = u.split([system.unknowns, *(len(part) for part in drive)])
        g, c = (_by(flow[solved_rows(system)], u, recorded) for flow in tangential.flows(x, Drive(*given)))
    return Linear(tangential, g, c, voltages, point.converged)


def _by(flow: Tensor, u: Tensor, recorded: bool) -> Tensor:
    """Slopes of every row, (row, column, batch); the elements of the batch do not know each other."""
    found = [slopes(row, [u], recorded)[0] for row in flow]
    return torch.stack(found) if found else u.new_zeros((0, *u.shape))


def _tangential(system: System, v: Tensor) -> System:
    """The same circuit with every transistor replaced by its tangent at the voltages of all rows."""
    nodes = {node: v[row].reshape(system.shape) for node, row in system.place.items()}

    def straight(x: Element) -> Element:
        if not isinstance(x, Fet):
            return x
        return replace(x, model=tangent(x.model, *(x.sign * nodes[node] for node in nodes_of(x))))

    circuit = replace(system.circuit, elements=tuple(map(straight, system.circuit.elements)))
    return System(circuit, system.shape)


def divide(matrix: Tensor, by: Tensor, valid: Tensor) -> Tensor:
    """Solutions of matrix x = by, (..., batch, row); not a number where it is singular or not valid, (batch,)."""
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    with torch.no_grad():
        _, bad = torch.linalg.solve_ex(matrix, by)
        good = (bad == 0) & valid
    x = torch.linalg.solve(torch.where(good[..., None, None], matrix, eye), by)
    return torch.where(good[..., None], x, torch.nan)


def _sources(system: System) -> dict[str, tuple[int, int]]:
    """Place of every source among the sources, and its sign there."""
    held = [(source.name, sign) for source, sign in system.held.values()]
    others = [*system.free_sources, *system.circuit.of(CurrentSource)]
    return {name: (i, sign) for i, (name, sign) in enumerate([*held, *((x.name, 1) for x in others)])}
