"""A storage node of a resting cell: its charge and the current into it, as functions of its voltage.

Everything around it stands still, so only what touches the node is computed: the channel of the write transistor, the
gates that hang on the node, the leakage of all their dielectrics, and the capacitors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .cell import Cell
from .mna.operating_point import operating_point
from .mna.system import system
from .netlist import GROUND, Capacitor, Circuit, Fet, VoltageSource


@dataclass(frozen=True)
class HeldNode:
    """One node among nodes of given voltages.

    Attributes:
        node: Its name.
        fets: Transistors that touch it.
        capacitors: Capacitors that touch it.
        others: Voltage of every other node [V].
    """

    node: str
    fets: tuple[Fet, ...]
    capacitors: tuple[Capacitor, ...]
    others: Mapping[str, Tensor]

    def charge(self, v: Tensor) -> Tensor:
        """Charge on the node [C].

        Args:
            v: Its voltage, any shape that broadcasts against the cell [V].
        """
        total = torch.zeros_like(v)
        for c in self.capacitors:
            total = total + c.capacitance * (v - self.others[c.b if c.a == self.node else c.a])
        for fet in self.fets:
            charges = fet.model.charges(*self._biases(fet, v))
            total = total + fet.sign * sum(q for q, end in zip(charges, _ends(fet), strict=True) if end == self.node)
        return total

    def current(self, v: Tensor) -> Tensor:
        """Current into the node [A]."""
        return self.through_channels(v) + self.through_gates(v)

    def through_channels(self, v: Tensor) -> Tensor:
        """The part of :meth:`current` that comes along the channels that end on the node [A]."""
        total = torch.zeros_like(v)
        for fet in self.fets:
            if fet.gate != self.node:
                channel = fet.model.current(*self._biases(fet, v))
                total = total + fet.sign * (-channel if fet.drain == self.node else channel)
        return total

    def through_gates(self, v: Tensor) -> Tensor:
        """The part of :meth:`current` that comes through gate dielectrics [A]."""
        total = torch.zeros_like(v)
        for fet in self.fets:
            into = fet.model.gate_current(*self._biases(fet, v))
            if fet.gate == self.node:
                total = total - fet.sign * (into.drain + into.source)
            else:
                total = total + fet.sign * (into.drain if fet.drain == self.node else into.source)
        return total

    def only(self, levels: Tensor) -> HeldNode:
        """The same node at some of its levels.

        Args:
            levels: Their numbers, one axis.
        """
        most = max(v.ndim for v in self.others.values())
        return replace(self, others={n: v[levels] if v.ndim == most else v for n, v in self.others.items()})

    def _biases(self, fet: Fet, v: Tensor) -> list[Tensor]:
        return [fet.sign * (v if end == self.node else self.others[end]) for end in _ends(fet)]


def held_node(cell: Cell, node: str, stored: Mapping[str, Tensor]) -> HeldNode:
    """A storage node of a cell at rest; nodes between transistors settle at the voltages that are stored.

    Args:
        cell: A cell that floats while it rests.
        node: One of its storage nodes.
        stored: Voltages of all of them [V].
    """
    some = next(iter(stored.values()))
    fixed = {**cell.terminals(some), **stored}
    inner = [name for name in cell.kind.nodes if name not in fixed]
    zero = torch.zeros_like(some)
    others = {**fixed, **dict.fromkeys((GROUND, *inner), zero)}
    if inner:
        sources = (VoltageSource(f"v_{name}", name, GROUND, value) for name, value in fixed.items())
        s = system(Circuit(cell.kind.title, (*cell.fets, *cell.capacitors, *sources)))
        rest = operating_point(s)
        others |= {name: rest.x[s.row_of(name)].reshape(s.shape) for name in inner}
    fets = tuple(fet for fet in cell.fets if node in _ends(fet))
    capacitors = tuple(c for c in cell.capacitors if node in (c.a, c.b))
    return HeldNode(node, fets, capacitors, {name: v for name, v in others.items() if name != node})


def _ends(fet: Fet) -> tuple[str, str, str]:
    return fet.gate, fet.drain, fet.source
