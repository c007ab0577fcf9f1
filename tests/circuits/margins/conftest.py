"""Cells whose margins are asked for, and ngspice on the same devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import pytest
import torch
from torch import Tensor

from beolith.circuits import deck
from beolith.circuits.cell import Cell, build, load
from beolith.circuits.netlist import Circuit, Element, VoltageSource, pwl

SWEEP = 1e-6
"""A sweep of a volt in this time moves a femtofarad with a nanoampere, which is far below what a cell drives [s]."""
POINTS = 200


@cache
def _nominal(name: str) -> Cell:
    return build(load(name))


@pytest.fixture
def nominal() -> Callable[[str], Cell]:
    """A cell as its file has it, at 300 K."""
    return _nominal


@pytest.fixture
def ngspice_sweep() -> Callable[..., dict[str, Tensor]]:
    """Slow ramp of one node of a cell in ngspice."""

    def sweep(
        cell: Cell,
        held: Mapping[str, Tensor],
        swept: str,
        ends: tuple[float, float],
        nodes: tuple[str, ...],
        *extra: Element,
    ) -> dict[str, Tensor]:
        """The swept voltage and those of the other nodes, by name, with some elements more than the cell has."""
        fets = [x for x in cell.fets if {x.drain, x.source} & set(nodes)]  # the others drive nothing that is asked for
        touched = {end for x in fets for end in (x.gate, x.drain, x.source)} - {swept}
        fixed = [VoltageSource(node, node, "0", v) for node, v in held.items() if node in touched]
        ramp = VoltageSource("ramp", swept, "0", pwl([0.0, SWEEP], list(ends)))
        circuit = Circuit("sweep", (*fets, *fixed, *extra, ramp))
        times, *found = torch.as_tensor(deck.run(deck.deck(circuit, SWEEP, SWEEP / POINTS, nodes))).T
        there = ends[0] + (ends[1] - ends[0]) * times * deck.NANO / SWEEP
        return {swept: there, **dict(zip(nodes, found, strict=True))}

    return sweep


@pytest.fixture
def slope_by_differences() -> Callable[[Callable[[Tensor], Tensor], float, float], tuple[float, float]]:
    """Gradient of a function of one number, and the central difference it is to agree with."""

    def both(function: Callable[[Tensor], Tensor], at: float, step: float) -> tuple[float, float]:
        leaf = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(function(leaf), leaf)
        with torch.no_grad():
            one, two = (function(torch.tensor(at + s, dtype=torch.float64)) for s in (-step, step))
        return float(gradient), float((two - one) / (2.0 * step))

    return both
