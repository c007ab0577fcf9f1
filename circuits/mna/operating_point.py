"""The state in which nothing moves: Newton's method, then a fading shunt, then rising sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..netlist import GROUND, VoltageSource
from .newton import Solution, newton, record
from .system import Drive, System

SHUNTS = tuple(10.0**-k for k in range(3, 16))
"""Conductances from every free node to ground, fading [S]."""
RAMP = tuple(k / 10.0 for k in range(1, 11))


class OperatingPoint(NamedTuple):
    """Unknowns at rest, (unknown, batch), and which elements of the batch were solved."""

    x: Tensor
    converged: Tensor


def operating_point(
    system: System, time: Tensor | float = 0.0, guess: Mapping[str, float | Tensor] | None = None
) -> OperatingPoint:
    """Voltages of the free nodes and currents of the free sources with all charges at rest; differentiable.

    Args:
        system: The circuit.
        time: When, for the sources [s].
        guess: Where to start, by node; a circuit with several states ends near it [V].

    Returns:
        The unknowns; not a number where no attempt converged.
    """
    moment = torch.as_tensor(time, dtype=torch.float64, device=system.device).expand(system.batch)
    drive = system.drive(moment)
    start = moment.new_zeros((system.unknowns, system.batch))
    for node, value in (guess or {}).items():
        row = system.row_of(node)
        if row < len(system.free):
            start[row] = torch.as_tensor(value, dtype=start.dtype, device=start.device).expand(system.shape).flatten()
    with torch.no_grad():
        found = _robust(system, start, drive)
    if torch.is_grad_enabled():
        none = torch.zeros_like(found.x)
        x, _ = record(system, found, drive, none, 0.0, none.new_ones(system.batch))
    else:
        x = found.x
    return OperatingPoint(torch.where(found.converged, x, torch.nan), found.converged)


def _robust(system: System, start: Tensor, drive: Drive) -> Solution:
    """Plain, then with a fading shunt, then with rising sources; each only for what is still open."""
    one = start.new_ones(system.batch)
    none = torch.zeros_like(start)
    found = newton(system, start, drive, none, 0.0, one)
    for attempt in (_by_shunts, _by_ramp):
        if bool(found.converged.all()):
            break
        again = newton(system, attempt(system, start, drive, one), drive, none, 0.0, one, active=~found.converged)
        found = _merge(found, again)
    return found


def _by_shunts(system: System, start: Tensor, drive: Drive, one: Tensor) -> Tensor:
    x = start
    for shunt in SHUNTS:
        x = newton(system, x, drive, torch.zeros_like(x), 0.0, one, shunt=shunt).x
    return x


def _by_ramp(system: System, start: Tensor, drive: Drive, one: Tensor) -> Tensor:
    x = torch.zeros_like(start)
    for share in RAMP:
        part = Drive(*(share * value for value in drive))
        x = newton(system, x, part, torch.zeros_like(x), 0.0, one).x
    return x


def _merge(old: Solution, new: Solution) -> Solution:
    """What was open from the new solution, the rest from the old."""
    keep = old.converged
    flows = type(old.flows)(*(torch.where(keep, a, b) for a, b in zip(old.flows, new.flows, strict=True)))
    jacobian = torch.where(keep, old.jacobian, new.jacobian)
    return Solution(torch.where(keep, old.x, new.x), flows, jacobian, keep | new.converged)


def at_start(system: System, time: Tensor) -> OperatingPoint:
    """State at the start of a transient: initial voltages where they are given, at rest with them elsewhere.

    Args:
        system: The circuit.
        time: Start, (batch,) [s].
    """
    circuit = system.circuit
    given = {node: value for node, value in circuit.initial.items() if node in system.free}
    if not given:
        return operating_point(system, time)
    holding = (VoltageSource(f"initial {node}", node, GROUND, value) for node, value in given.items())
    clamped = System(replace(circuit, elements=(*circuit.elements, *holding)), system.shape)
    clamped.prepare()
    rest = operating_point(clamped, time)
    voltages = clamped.all_voltages(rest.x, clamped.drive(time.expand(system.batch)))
    rows = [clamped.row_of(node) for node in system.free]
    last = len(clamped.place)
    rows += range(last, last + len(system.free_sources))
    return OperatingPoint(voltages[rows], rest.converged)
