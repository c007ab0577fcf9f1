"""The compact model in symbols: its kernels are run on symbols, and their results get the names of the field.

Naming changes nothing. A trace holds equal expressions once, so computing a quantity a second time finds the expression
that the kernels have used, and the name sticks to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor

from .. import geometry
from ..base import DeviceState
from ..contact_nodes import ends
from ..contacts import ContactParameters, contacted
from ..gate_leakage import GateLeakageParameters, gate_current, leakage
from ..mobility import MobilityLaw
from ..noise import NoiseParameters, spectrum
from ..parameters import TekvParameters
from ..tekv import Coefficients, coefficients, current_and_charges
from .expression import LEAVES, Expression, Trace, in_order, substitute
from .tracing import Traced, expression, symbol


class Name(NamedTuple):
    """What a quantity is called in an exported file, and what it means."""

    name: str
    meaning: str = ""


NAMES = {
    "phi": Name("phi", "effective thermal voltage [V]"),
    "n_phi": Name("n_phi", "slope factor n times phi [V]"),
    "v_t": Name("v_t", "threshold voltage at V_DS = 0 [V]"),
    "dibl": Name("dibl", "fall of the threshold with drain voltage [1]"),
    "a": Name("tail_weight", "weight a of the trapped charge [1]"),
    "s": Name("tail_exponent", "exponent s of the trapped charge [1]"),
    "gain": Name("gain", "2 n^2 C phi^2 W/L [A V s/m^2]"),
    "scale": Name("mobility_scale", "mobility at small charge [m^2/(V s)]"),
    "inverse_charge": Name("mobility_charge", "inverse charge scale of the percolation law [1]"),
    "exponent": Name("mobility_exponent", "exponent of the percolation law [1]"),
    "theta": Name("mobility_theta", "loss of mobility with charge [1]"),
    "velocity": Name("velocity", "n phi/(v_sat L) [V s/m^2]"),
    "clm": Name("clm", "channel-length modulation [1/V]"),
    "leakage": Name("leakage", "off current [A]"),
    "leakage_field": Name("leakage_growth", "growth of the off current with drain voltage [1/V]"),
    "charge": Name("channel_charge", "n C phi W L, unit of the channel charge [C]"),
    "overlap": Name("overlap", "overlap and fringe capacitance of one side [F]"),
    "minimum": Name("r_minimum", "contact resistance that no gate voltage takes away [ohm]"),
    "barrier": Name("r_barrier", "barrier part of the contact resistance without gate charge [ohm]"),
    "control": Name("r_control", "how far gate charge takes it down, n C phi/Q_r [1]"),
}
"""Names of the coefficients of the channel, the mobility law in them, and the contacts."""


class Parts(NamedTuple):
    """What a transistor is made of, in numbers or symbols; None leaves a term out."""

    channel: TekvParameters
    contacts: ContactParameters | None = None
    gate: GateLeakageParameters | None = None
    noise: NoiseParameters | None = None


class Biases(NamedTuple):
    """Names of the voltages that the equations are written in; without contacts metal and channel are one.

    Attributes:
        v_gs: From the inner end of the source to the gate.
        v_ds: From the inner end of the source to the inner end of the drain.
        metal_gs: From the source terminal to the gate.
        metal_ds: From the source terminal to the drain terminal.
    """

    v_gs: str
    v_ds: str
    metal_gs: str
    metal_ds: str


@dataclass(frozen=True)
class Model:
    """One transistor in symbols.

    Attributes:
        trace: Holds the expressions.
        names: Names of the expressions that have one.
        fixed: Coefficients, which do not depend on bias.
        current: Current from the inner drain to the inner source [A].
        drain_charge: Charge on the drain, its field lines ending on the gate [C].
        source_charge: Charge on the source [C].
        contacts: Resistances between the metal and the inner end of drain and source; empty without contacts [ohm].
        gate: Currents from the gate into drain and source; empty if it does not leak [A].
        noise: Spectral densities of the current: white, and at 1 Hz that of 1/f noise if there is any [A^2/Hz].
    """

    trace: Trace
    names: Mapping[Expression, Name]
    fixed: tuple[Expression, ...]
    current: Expression
    drain_charge: Expression
    source_charge: Expression
    contacts: tuple[Expression, ...]
    gate: tuple[Expression, ...]
    noise: tuple[Expression, ...]


def symbols(trace: Trace, schema: type, rename: Callable[[str], str] = str) -> dict[str, Tensor]:
    """A symbol for every field of a dataclass.

    Args:
        trace: Where the symbols belong.
        schema: The dataclass.
        rename: Name of the symbol by that of the field.
    """
    return {field.name: symbol(trace, rename(field.name)) for field in dataclasses.fields(schema)}


def model(
    trace: Trace,
    parts: Parts,
    width: Tensor,
    length: Tensor,
    temperature: Tensor,
    state: DeviceState,
    biases: Biases,
) -> Model:
    """The equations of a transistor; each quantity a symbol or a number.

    Args:
        trace: Where the symbols belong.
        parts: Material and process.
        width: Channel width [m].
        length: Channel length [m].
        temperature: Lattice temperature [K].
        state: What the past has done to the device.
        biases: Names of the voltages.

    Raises:
        BeolithError: One of them is a batch.
    """
    v_gs, v_ds, metal_gs, metal_ds = (symbol(trace, name) for name in biases)
    zero = torch.zeros((), dtype=torch.float64)
    k = coefficients(parts.channel, width, length, temperature, state)
    # the charge of the channel depends on its inner ends, that of the overlaps on the metal
    current, channel = current_and_charges(k._replace(overlap=zero), v_gs, v_ds, zero)
    _, metal = current_and_charges(k._replace(charge=zero), metal_gs, metal_ds, zero)
    names: dict[Expression, Name] = {}

    def call(value: Tensor, name: Name) -> Expression:
        found = expression(trace, value)
        if found.op not in LEAVES:
            names.setdefault(found, name)
        return found

    call(geometry.gate_capacitance(parts.channel), Name("c_gate", "gate capacitance C per area [F/m^2]"))
    call(geometry.natural_length(parts.channel), Name("natural_length", "decay of the fields of source and drain [m]"))
    fixed = [call(value, NAMES.get(field, Name(field))) for field, value in _fields(k)]
    resistances, leaks, densities = [], [], []
    if parts.contacts is not None:
        ohmic = contacted(parts.contacts, k, width, length, temperature, state)
        fixed += [call(getattr(ohmic, field), NAMES[field]) for field in ("minimum", "barrier", "control")]
        both = ends(ohmic, metal_gs, metal_ds, zero).resistance * k.n_phi
        for end, resistance in zip(("drain", "source"), both, strict=True):
            resistances.append(call(resistance, Name(f"r_{end}", f"resistance of the {end} contact [ohm]")))
    if parts.gate is not None:
        dielectric = leakage(parts.gate, parts.channel.oxide_thickness, width, length, temperature)
        for end, leak in zip(("drain", "source"), gate_current(dielectric, metal_gs, metal_ds, zero), strict=True):
            leaks.append(call(leak, Name(f"i_gate_{end}", f"leakage from the gate into the {end} [A]")))
    hertz = torch.ones((), dtype=torch.float64)
    thermal, *slow = spectrum(parts.noise, k, width, length, temperature, hertz, v_gs, v_ds, zero)
    densities.append(call(_even(thermal, v_ds), Name("white", "thermal noise [A^2/Hz]")))
    if parts.noise is not None:
        densities.append(call(_even(slow[0] + slow[1], v_ds), Name("flicker", "1/f noise at 1 Hz [A^2/Hz]")))
    law = [node for node in in_order([expression(trace, current)]) if node.op == "log_charge"]
    for end, log_charge in zip(("source", "drain"), law, strict=True):
        names[log_charge] = Name(f"log_q_{end}", f"logarithm of the normalised charge at the {end} [1]")
        names[trace.apply("exp", log_charge)] = Name(f"q_{end}", f"normalised charge at the {end} [1]")
    mean = trace.apply("*", 0.5, trace.apply("+", *(trace.apply("exp", x) for x in law)))
    call(k.mobility(cast(Tensor, Traced(mean))), Name("mobility_now", "mobility at the mean charge [m^2/(V s)]"))
    return Model(
        trace,
        names,
        tuple(fixed),
        expression(trace, current),
        expression(trace, channel.drain + metal.drain),
        expression(trace, channel.source + metal.source),
        tuple(resistances),
        tuple(leaks),
        tuple(densities),
    )


def _even(density: Tensor, v_ds: Tensor) -> Tensor:
    """A spectral density as the kernel computes it for V_DS >= 0; below, where it swaps the ends, it is the same."""
    node, forward = cast(Traced, density).item, cast(Traced, v_ds >= 0.0).item
    assert isinstance(node, Expression)
    assert isinstance(forward, Expression)
    new = {forward: node.trace.number(1.0)}
    substitute([node], new)
    return cast(Tensor, Traced(new[node]))


def _fields(k: Coefficients) -> Iterator[tuple[str, Tensor]]:
    """Coefficients and, in their place, those of the mobility law."""
    for name, value in k._asdict().items():
        yield from value._asdict().items() if isinstance(value, MobilityLaw) else [(name, value)]
