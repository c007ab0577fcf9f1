"""The compact model as an ngspice subcircuit of behavioural sources, at any size and temperature.

The coefficients are parameters of the subcircuit, computed when the netlist is read. Each end of the channel has one
node whose voltage z solves the charge-voltage law, with a charge that needs no exponential above threshold,

    ln q = min(z, 1) - 1 + ln max(z, 1),   q = exp[min(z, 1) - 1] + max(z, 1) - 1

so that the equation is nearly linear in z on both sides and Newton's method finds it from any start. (The knee is not
at z = 0, where ngspice starts and would see no slope.) A shared expression that is long gets a node of its own. Noise
is left out, because behavioural sources have none.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..library import Device
from ..thin_film import ThinFilmTransistor
from .expression import LEAVES, Expression, Trace, in_order
from .model import Biases, Parts, model
from .text import assignments, header, identifier, wrap, write
from .tracing import expression, symbol

WIDTH, TEMPERATURE = 1e-6, 300.0
"""Of an instance that gives none [m], [K]; the length is the shortest that the card covers."""
_FUNCTIONS = {"log": "ln"} | {op: op for op in ("exp", "pow", "sqrt", "tanh", "sin", "cos", "abs", "min", "max")}
_LONG = 20
"""Cost of writing a shared expression again and again at which it gets a node. A node is one more unknown; in the gain
cell of :mod:`beolith.circuits.spice` 12 / 20 / 30 took 0.55 / 0.41 / 0.83 s."""
_USE = """\
x1 <drain> <gate> <source> {name} w=1u l=1u t=300 dvt=0 scale=1
w, l: channel [m], t: temperature [K], dvt: threshold shift [V], scale: multiplies currents and charges.
ngspice resolves no current below its abstol and gmin: for leakage, set a large scale on everything, or
.options reltol=1e-6 abstol=1e-15 vntol=1e-9 chgtol=1e-20 gmin=1e-18"""


def netlist(device: Device) -> str:
    """Text of a file that holds the subcircuit of a card, named like the card."""
    name = identifier(device.card.key)
    width, temperature = (torch.tensor(x, dtype=torch.float64) for x in (WIDTH, TEMPERATURE))
    transistor = device.transistor(width, device.validity.shortest_length, temperature)
    use = (f"* {line}" for line in _USE.format(name=name).splitlines())
    return "\n".join([*header(device.card, "*"), "*", *use, "", subcircuit(name, transistor), ""])


def subcircuit(name: str, transistor: ThinFilmTransistor, *, rate: str = "1", scale: float = 1.0) -> str:
    """A transistor as a subcircuit with terminals d, g and s.

    Its parameters are w and l [m], t [K], dvt, a threshold shift on top of that of the state [V], and scale, which
    multiplies currents and charges; their defaults are those of the transistor. The mirror image of a p-type transistor
    gives a p-type subcircuit: every branch is turned round.

    Args:
        name: Name of the subcircuit.
        transistor: One transistor, no batch.
        rate: Expression that multiplies the current alone, to run in another time.
        scale: Default of the parameter scale.

    Raises:
        BeolithError: The transistor is a batch.
    """
    trace = Trace()
    width, length, temperature, dvt = (symbol(trace, parameter) for parameter in ("w", "l", "t", "dvt"))
    sizes = {"w": transistor.width, "l": transistor.length, "t": transistor.temperature}
    defaults = " ".join(f"{key}={expression(trace, size)!r}" for key, size in sizes.items())
    aged = transistor.state.replace(threshold_shift=dvt + transistor.state.threshold_shift)
    d, s = ("di", "si") if transistor.contacts else ("d", "s")

    def branch(a: str, b: str, between: str = " ") -> str:
        """Two nodes in the order in which voltages and currents count."""
        return between.join((a, b)[:: transistor.sign])

    biases = Biases(*(f"v({branch(*ends, ',')})" for ends in (("g", s), (d, s), ("g", "s"), ("d", "s"))))
    parts = Parts(transistor.parameters, transistor.contacts, transistor.gate)
    m = model(trace, parts, width, length, temperature, aged, biases)
    wanted = (m.current, m.drain_charge, m.source_charge, *m.contacts, *m.gate)
    explicit, laws = _explicit(trace, [*m.fixed, *wanted])
    outputs = [explicit[x] for x in wanted]
    moving = _depending([*outputs, *laws.values()])

    lines = [f".subckt {name} d g s params: {defaults} dvt=0 scale={scale!r}"]
    names = {explicit.get(x, x): given.name for x, given in m.names.items()}
    still = [x for node in moving for x in node.operands if x not in moving and x.op != "number"]
    names |= {x: f"c{i}" for i, x in enumerate(dict.fromkeys(still), 1) if x.op not in LEAVES and x not in names}
    for node in assignments(still, names, "k{}"):
        lines.append(f".param {names[node]}={{{write(node, names, _FUNCTIONS)}}}")

    nodes = {x: f"{{{names.get(x, x)}}}" for x in still}
    for node in assignments([*outputs, *laws.values()], nodes, "v(n{})", _LONG, frozenset(still)):
        wire = nodes[node][2:-1]
        lines.append(f"b{wire} {wire} 0 v={write(node, nodes, _FUNCTIONS)}")
    lines += [f"b{wire} {wire} 0 i={write(law, nodes, _FUNCTIONS)}" for wire, law in laws.items()]
    text = {x: write(explicit[x], nodes, _FUNCTIONS) for x in wanted}
    lines += [
        f"bi {branch(d, s)} i={{scale}}*({rate})*({text[m.current]})",
        f"cd {branch('d', 'g')} q='{{scale}}*({text[m.drain_charge]})'",
        f"cs {branch('s', 'g')} q='{{scale}}*({text[m.source_charge]})'",
    ]
    for resistance, (outer, inner) in zip(m.contacts, (("d", "di"), ("si", "s")), strict=False):
        lines.append(f"br{outer} {outer} {inner} i={{scale}}*({rate})*v({outer},{inner})/({text[resistance]})")
    for leak, end in zip(m.gate, "ds", strict=False):
        lines.append(f"bg{end} {branch('g', end)} i={{scale}}*({rate})*({text[leak]})")
    return "\n".join(part for line in [*lines, ".ends"] for part in wrap(line, "", "+ "))


def _depending(wanted: Iterable[Expression]) -> dict[Expression, None]:
    """Those of the expressions and their parts that depend on a voltage."""
    moving: dict[Expression, None] = {}
    for node in in_order(wanted):
        if repr(node).startswith("v(") if node.op == "symbol" else any(x in moving for x in node.operands):
            moving[node] = None
    return moving


def _explicit(trace: Trace, wanted: Iterable[Expression]) -> tuple[dict[Expression, Expression], dict[str, Expression]]:
    """The expressions with what ngspice lacks written out, and what must vanish at each node that solves a law.

    Returns:
        New expressions by old, equations by the name of the node.
    """
    new: dict[Expression, Expression] = {}
    laws: dict[str, Expression] = {}
    for node in in_order(wanted):
        args = [new[x] for x in node.operands]
        if node.op in LEAVES:
            new[node] = node
        elif node.op == "log1p":
            # the bound acts on iterates only: a node of a positive quantity may pass through negative voltages
            new[node] = trace.apply("log", trace.apply("max", 1.0 + args[0], 1e-300))
        elif node.op == "log_charge":
            v, a, s = args
            wire = f"z{len(laws) + 1}"
            low, high = (trace.apply(op, trace.symbol(f"v({wire})"), 1.0) for op in ("min", "max"))
            x, q = low - 1.0 + trace.apply("log", high), trace.apply("exp", low - 1.0) + (high - 1.0)
            new |= {node: x, trace.apply("exp", node): q}
            laws[wire] = 2.0 * q + x + a * trace.apply("exp", s * x) - v
        else:
            new.setdefault(node, trace.apply(node.op, *args))
    return new, laws
