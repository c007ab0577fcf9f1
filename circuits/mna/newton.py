"""Newton's method for a batch of small systems, with damping, a status for each, and implicit gradients.

    F(x) = w Q(x) + c I(x) + c g V - known = 0,   J = w C + c (G + g)

with w = 1, c the step of an implicit method (transient) or w = 0, c = 1 (operating point); g is a conductance from
every free node to ground that eases a start. Elements that have converged wait for the others.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .system import Drive, Flows, Slopes, System

LIMIT = 0.3
"""Longest step of a node voltage in one iteration [V]."""
CLOSE = 2e-6
"""Step after which slopes carry charges and currents to the solution; its square over n phi is 1e-10 of them [V]."""


class Solution(NamedTuple):
    """Where a system vanishes.

    Attributes:
        x: Unknowns.
        flows: Currents and charges of all rows there.
        jacobian: J there, (batch, row, column).
        converged: Which elements of the batch are solved.
    """

    x: Tensor
    flows: Flows
    jacobian: Tensor
    converged: Tensor


def solved_rows(system: System) -> list[int]:
    """Rows whose equations are to vanish: free nodes and free sources."""
    return [*range(len(system.free)), *range(len(system.place), len(system.place) + len(system.free_sources))]


def divide(jacobian: Tensor, by: Tensor) -> Tensor:
    """Solution of J y = F, (row, batch); not a number where J is singular."""
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
) -> Solution:
    """Solve F = 0 for every element of a flat batch, without recording gradients.

    Args:
        system: The circuit.
        start: First guess of the unknowns, (unknown, batch).
        drive: What the sources do.
        known: Known part, (solved row, batch) [C] or [A].
        weight: w, 1 or 0.
        step: c, (batch,) [s] or 1.
        active: Elements that matter; the others may stay where they are.
        shunt: g [S].
        most: Iterations.
    """
    rows, nodes = solved_rows(system), len(system.free)
    eye = torch.zeros((len(rows), len(rows), 1), dtype=start.dtype, device=start.device)
    eye[range(nodes), range(nodes)] = shunt
    x, converged = start, None
    for _ in range(most):
        at = system.slopes(x, drive)
        jacobian, residual = _equations(at, x, rows, known, weight, step, eye)
        dx = divide(jacobian, residual)
        longest = dx[:nodes].abs().amax(0) if nodes else torch.zeros_like(step)
        dx = dx * (LIMIT / longest.clamp(min=LIMIT))
        x = x - torch.nan_to_num(dx, nan=0.0)
        converged = longest < CLOSE
        if bool((converged if active is None else converged | ~active).all()):
            break
    assert converged is not None
    flows = Flows(at.flows.current - _product(at.conductance, dx), at.flows.charge - _product(at.capacitance, dx))
    return Solution(x, flows, jacobian, converged)


def record(
    system: System, found: Solution, drive: Drive, known: Tensor, weight: float, step: Tensor
) -> tuple[Tensor, Flows]:
    """The solution again, differentiable: x - J^-1 F(x) at the root, with F recorded and J not.

    Returns:
        Unknowns, and the flows of all rows as functions of them and of every parameter.
    """
    rows = solved_rows(system)
    at = system.slopes(found.x, drive)
    flows = system.flows(found.x, drive)
    zero = torch.zeros((), dtype=found.x.dtype, device=found.x.device)
    jacobian, _ = _equations(at, found.x, rows, known.detach(), weight, step, zero)
    residual = weight * flows.charge[rows] + step * flows.current[rows] - known
    dx = -divide(jacobian, residual)
    return found.x + dx, Flows(
        flows.current + _product(at.conductance, dx), flows.charge + _product(at.capacitance, dx)
    )


def _equations(
    at: Slopes, x: Tensor, rows: list[int], known: Tensor, weight: float, step: Tensor, eye: Tensor
) -> tuple[Tensor, Tensor]:
    """Jacobian (batch, row, column) and residual (row, batch)."""
    matrix = step * (at.conductance[rows] + eye)
    residual = step * at.flows.current[rows] - known
    if eye.ndim:
        residual = residual + step * torch.einsum("ijb,jb->ib", eye.expand(-1, -1, x.shape[1]), x)
    if weight:
        matrix, residual = matrix + weight * at.capacitance[rows], residual + weight * at.flows.charge[rows]
    return matrix.permute(2, 0, 1), residual


def _product(matrix: Tensor, x: Tensor) -> Tensor:
    return (matrix * x).sum(1)
