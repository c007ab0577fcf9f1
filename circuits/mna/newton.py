"""Newton's method for a batch of small systems, with damping, a status for each, and implicit gradients.

    F(x) = w Q(x) + c I(x) + c g V - known = 0,   J = w C + c (G + g)

with w = 1, c the step of an implicit method (transient) or w = 0, c = 1 (operating point); g is a conductance from
every free node to ground that eases a start. Elements that have converged are left out of the iterations of the others.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from .system import Drive, Flows, Slopes, System

T = TypeVar("T")
LIMIT = 0.3
"""Longest step of a node voltage in one iteration [V]."""
CLOSE = 2e-6
"""Step after which slopes carry charges and currents to the solution; the square of it over n phi is what is lost,
1e-9 of them. Charge is kept exactly after any step [V]."""


class Solution(NamedTuple):
    """Where a system vanishes.

    Attributes:
        x: Unknowns.
        flows: Currents and charges of all rows there.
        jacobian: J there, (row, column, batch).
        converged: Which elements of the batch are solved.
    """

    x: Tensor
    flows: Flows
    jacobian: Tensor
    converged: Tensor


def solved_rows(system: System) -> slice | list[int]:
    """Rows whose equations are to vanish: free nodes and free sources."""
    nodes, total = len(system.free), len(system.place)
    return [*range(nodes), *range(total, total + len(system.free_sources))] if system.free_sources else slice(nodes)


def divide(jacobian: Tensor, by: Tensor) -> Tensor:
    """Solution of J y = F, (row, batch), for J (batch, row, column); not a number where J is singular."""
    match by.shape[0]:
        case 0:
            found = by
        case 1:
            found = by / jacobian[:, 0, 0]
        case 2:
            (a, b), (c, d) = jacobian.permute(1, 2, 0)
            found = torch.stack((d * by[0] - b * by[1], a * by[1] - c * by[0])) / (a * d - b * c)
        case _:
            whole, info = torch.linalg.solve_ex(jacobian, by.T.unsqueeze(-1))
            found = torch.where(info == 0, whole.squeeze(-1).T, torch.nan)
    return found


def newton(
    system: System,
    start: Tensor,
    drive: Drive,
    known: Tensor,
    weight: float,
    step: Tensor,
    *,
    active: Tensor | None = None,
    shunt: float = 0.0,
    most: int = 40,
    close: float = CLOSE,
) -> Solution:
    """Solve F = 0 for every element of a flat batch, without recording gradients.

    Args:
        system: The circuit.
        start: First guess of the unknowns, (unknown, batch).
        drive: What the sources do.
        known: Known part, (solved row, batch) [C] or [A].
        weight: w, 1 or 0; with 0 charges are left out, and zero in the solution.
        step: c, (batch,) [s] or 1.
        active: Elements that matter; the others may stay where they are.
        shunt: g [S].
        most: Iterations.
        close: Last step of a node that is found [V].
    """
    rows, nodes = solved_rows(system), len(system.free)
    x, given = start, (drive, known, step)
    whole: Solution | None = None
    where: Tensor | None = None
    for _ in range(most):
        at = system.slopes(x, given[0], charged=bool(weight))
        jacobian, residual = _equations(at, x[:nodes], rows, given[1], weight, given[2], shunt)
        dx = -divide(jacobian.permute(2, 0, 1), residual)
        longest = _longest(dx[:nodes])
        dx = dx * (LIMIT / longest.clamp(min=LIMIT))
        x = x + torch.nan_to_num(dx, nan=0.0)
        converged = longest < close
        now = Solution(x, _carried(at, dx, bool(weight)), jacobian, converged)
        whole = now if whole is None or where is None else _put(whole, where, now)
        missing = ~converged if active is None else active & ~converged
        left = missing.nonzero()[:, 0]
        if not len(left):
            break
        if len(left) < len(missing):  # the others have their solution, whatever these still need
            system, where = system.part(left), left if where is None else where[left]
            x, given = part((x, given), left)
            active = None
    assert whole is not None
    return whole


def part(tree: T, which: Tensor) -> T:
    """Some elements of a flat batch, the last axis of every tensor of a tree."""
    found: T = pytree.tree_map(lambda x: x.index_select(-1, which), tree)
    return found


def _longest(dx: Tensor) -> Tensor:
    """Largest step of a node, (batch,)."""
    match len(dx):
        case 0:
            return dx.new_zeros(dx.shape[1])
        case 1:
            return dx[0].abs()
        case _:
            return dx.abs().amax(0)


def _put(whole: Solution, where: Tensor, now: Solution) -> Solution:
    """A solution with that of some elements in its place."""
    flows = Flows(*(a.index_copy(1, where, b) for a, b in zip(whole.flows, now.flows, strict=True)))
    jacobian = whole.jacobian.index_copy(2, where, now.jacobian)
    converged = whole.converged.index_copy(0, where, now.converged)
    return Solution(whole.x.index_copy(1, where, now.x), flows, jacobian, converged)


def record(
    system: System, found: Solution, drive: Drive, known: Tensor, weight: float, step: Tensor
) -> tuple[Tensor, Flows]:
    """The solution again, differentiable: x - J^-1 F(x) at the root, with F recorded and J not.

    Returns:
        Unknowns, and the flows of all rows as functions of them and of every parameter.
    """
    rows = solved_rows(system)
    at = system.slopes(found.x, drive, charged=bool(weight))
    flows = system.flows(found.x, drive)
    jacobian, _ = _equations(at, found.x, rows, known.detach(), weight, step, 0.0)
    residual = weight * flows.charge[rows] + step * flows.current[rows] - known
    dx = -divide(jacobian.permute(2, 0, 1), residual)
    return found.x + dx, _carried(at._replace(flows=flows), dx, True)


def _equations(
    at: Slopes, v: Tensor, rows: slice | list[int], known: Tensor, weight: float, step: Tensor, shunt: float
) -> tuple[Tensor, Tensor]:
    """Jacobian (row, column, batch) and residual (row, batch); ``v`` are the free nodes, which the shunt leads from."""
    matrix = step * at.conductance[rows]
    residual = step * at.flows.current[rows] - known
    if weight:
        matrix, residual = matrix + at.capacitance[rows], residual + at.flows.charge[rows]
    if shunt:
        nodes = torch.arange(len(v), device=v.device)
        matrix[nodes, nodes] += shunt * step
        residual[: len(v)] += shunt * step * v
    return matrix, residual


def _carried(at: Slopes, dx: Tensor, charged: bool) -> Flows:
    """Flows after a step, by their slopes."""
    current, charge = at.flows
    return Flows(_after(current, at.conductance, dx), _after(charge, at.capacitance, dx) if charged else charge)


def _after(value: Tensor, slopes: Tensor, dx: Tensor) -> Tensor:
    return torch.addcmul(value, slopes[:, 0], dx) if len(dx) == 1 else value + (slopes * dx).sum(1)
