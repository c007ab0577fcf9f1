"""What can be wrong with a circuit before anything is solved: names, loops, floating nodes, impossible values."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from beolith.errors import BeolithError, nearest

from .netlist import (
    GROUND,
    Capacitor,
    Circuit,
    CurrentSource,
    Element,
    Fet,
    Pwl,
    Resistor,
    Switch,
    VoltageSource,
    nodes_of,
)

MOST_NODES = 64
"""Nodes that a dense, batched solve is meant for."""


class _Groups:
    """Nodes that are joined, by union and find."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, node: str) -> str:
        parent = self.parent.setdefault(node, node)
        if parent != node:
            self.parent[node] = parent = self.find(parent)
        return parent

    def join(self, a: str, b: str) -> bool:
        """Whether the two were apart before."""
        one, two = self.find(a), self.find(b)
        self.parent[one] = two
        return one != two


def check(circuit: Circuit) -> None:
    """Refuse a circuit that has no solution, naming every fault.

    Raises:
        BeolithError: Repeated names, a loop of voltage sources, a node that nothing holds, a shorted element, values
            that cannot be, an initial voltage of a node that does not exist or stores nothing, or too many nodes.
    """
    faults = list(_faults(circuit))
    if faults:
        raise BeolithError("\n".join(f"circuit {circuit.title!r}: {fault}" for fault in faults))


def _faults(circuit: Circuit) -> Iterator[str]:
    yield from _names(circuit)
    for element in circuit.elements:
        yield from _values(element)
    yield from _loops(circuit)
    yield from _floating(circuit)


def _names(circuit: Circuit) -> Iterator[str]:
    seen = set[str]()
    for element in circuit.elements:
        if element.name in seen:
            yield f"two elements are called {element.name!r}"
        seen.add(element.name)
    nodes = circuit.nodes
    if len(nodes) > MOST_NODES:
        yield f"{len(nodes)} nodes; allowed: up to {MOST_NODES}"
    for node in circuit.initial:
        if node not in nodes:
            yield f"initial voltage of node {node!r}, which nothing touches; {nearest(node, nodes)}"
    if circuit.elements and not any(GROUND in nodes_of(x) for x in circuit.elements):
        yield f"nothing touches ground, the node {GROUND!r}"


def _values(element: Element) -> Iterator[str]:
    match element:
        case Resistor(name, _, _, value) if not _all(value > 0):
            yield f"resistor {name!r}: {_worst(value)} ohm; allowed: above 0"
        case Capacitor(name, _, _, value) if not _all(value >= 0):
            yield f"capacitor {name!r}: {_worst(value)} F; allowed: 0 and above"
        case Switch(name, _, _, _, _, _, on, off, softness):
            if not (_all(on > 0) and _all(off > 0) and _all(softness > 0)):
                yield f"switch {name!r}: conductances and softness must be above 0"
        case VoltageSource(name, _, _, Pwl(times, _)) | CurrentSource(name, _, _, Pwl(times, _)):
            if not _all(times.diff(dim=0) > 0):
                yield f"source {name!r}: break points must rise in time; an edge takes longer than 0 s"
    nodes = nodes_of(element)
    if isinstance(element, Fet) and element.drain == element.source:
        yield f"transistor {element.name!r} is shorted: drain and source are both {element.drain!r}"
    elif isinstance(element, Resistor | Capacitor | VoltageSource | Switch) and nodes[0] == nodes[1]:
        yield f"{type(element).__name__.lower()} {element.name!r} is shorted: both ends are {nodes[0]!r}"
    values = [x for x in vars(element).values() if isinstance(x, Tensor)]
    if not all(bool(torch.isfinite(x).all()) for x in values):
        yield f"{type(element).__name__.lower()} {element.name!r}: a value is not finite"


def _loops(circuit: Circuit) -> Iterator[str]:
    joined = _Groups()
    for source in circuit.of(VoltageSource):
        if not joined.join(*nodes_of(source)):
            yield f"voltage source {source.name!r} closes a loop of voltage sources"


def _floating(circuit: Circuit) -> Iterator[str]:
    """Nodes from which no current can leave: they need an initial voltage and a capacitance that keeps it."""
    joined, kept = _Groups(), dict[str, bool]()
    for element in circuit.elements:
        nodes = nodes_of(element)
        if isinstance(element, Resistor | VoltageSource | Switch):
            joined.join(*nodes[:2])
        elif isinstance(element, Fet):
            joined.join(element.drain, element.source)
        stores = isinstance(element, Fet) or (isinstance(element, Capacitor) and _all(element.capacitance > 0))
        for node in nodes:
            kept[node] = kept.get(node, False) or stores
    for node in circuit.nodes:
        grounded = joined.find(node) == joined.find(GROUND)
        if not grounded and node not in circuit.initial:
            yield (
                f"node {node!r} floats: no resistor, source, switch or channel leads from it to ground, and it has no "
                "initial voltage"
            )
        if node in circuit.initial and not kept.get(node, False):
            yield f"node {node!r} has an initial voltage but no capacitance that keeps it"


def _all(mask: Tensor) -> bool:
    return bool(mask.all())


def _worst(value: Tensor) -> str:
    return f"{float(value.min()):g}"
