"""The compact model as a Verilog-A module: every parameter of the card, charges through ddt(), any temperature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from scipy import constants

from beolith.card import Card, Entry, Spec, specs

from ..base import DeviceState
from ..library import SECTIONS, Device
from .expression import LEAVES, Expression, Trace
from .model import Biases, Parts, model, symbols
from .text import assignments, header, identifier, wrap, write
from .tracing import symbol

NONE = 1e99
"""Stands for infinity, which a parameter of Verilog-A cannot be."""
_FUNCTIONS = {
    "exp": "exp", "log": "ln", "log1p": "log1p", "pow": "pow", "sqrt": "sqrt", "tanh": "tanh", "sin": "sin",
    "cos": "cos", "abs": "abs", "min": "min", "max": "max", "log_charge": "log_charge",
}  # fmt: skip
_CONSTANTS = {
    "P_CHARGE": (constants.elementary_charge, "elementary charge [C]"),
    "P_BOLTZMANN": (constants.Boltzmann, "Boltzmann constant [J/K]"),
    "P_EPSILON": (constants.epsilon_0, "permittivity of the vacuum [F/m]"),
    "P_MASS": (constants.electron_mass, "mass of the electron [kg]"),
}
_FUNCTION_TEXT = """\
  // ln(1 + x), exact for small x
  analog function real log1p;
    input x;
    real x, u;
    begin
      u = 1.0 + x;
      log1p = (u == 1.0) ? x : ln(u)*x/(u - 1.0);
    end
  endfunction

  // ln q of v = 2 q + ln q + a q^s, by Halley's iteration from a start no less than the root
  analog function real log_charge;
    input v, a, s;
    real v, a, s, x, up, free, trapped, slope, step;
    integer taken;
    begin
      up = max(v, 0.0);
      x = max(min(min(ln(1.0 + 0.5*up), ln(1.0 + up/max(a, 1e-12))/s), v), -600.0);
      step = 1.0;
      taken = 0;
      while (taken < 20 && (taken < 4 || abs(step) >= 5e-5)) begin
        free = 2.0*exp(x);
        trapped = a*exp(s*x);
        slope = 1.0 + free + s*trapped;
        step = (x - v + free + trapped)/slope;
        step = step/(1.0 - 0.5*min((free + s*s*trapped)*step/slope, 1.0));
        x = x - step;
        taken = taken + 1;
      end
      log_charge = max(x, -600.0);
    end
  endfunction
"""


def module(device: Device) -> str:
    """Text of a Verilog-A module of a card: terminals d, g and s, instance parameters w and l.

    The parameters keep their names, units, values and ranges; what time has done to the device
    (:class:`..base.DeviceState`) is a parameter too, with the prefix ``state_``. A card with
    contacts brings inner nodes. A p-type card gives a p-type module: every branch is turned round, the parameters stay
    those of the mirror image.
    """
    ohmic, schemas = not device.contacts.absent, _schemas(device)
    inner = ["di", "si"] if ohmic else []
    lines = [
        *header(device.card, "//"),
        "",
        '`include "disciplines.vams"',
        *(f"`define {key} {value!r} // {meaning}" for key, (value, meaning) in _CONSTANTS.items()),
        "",
        f"module {identifier(device.card.key)}(d, g, s);",
        "  inout d, g, s;",
        f"  electrical {', '.join(['d', 'g', 's', *inner])};",
        "",
        *_instance(device),
        *(line for section, schema in schemas.items() for line in _parameters(device.card, section, schema)),
        "",
        "  // what time, heat and hydrogen have done, in SI; see beolith.devices.base.DeviceState",
        *(f"  parameter real state_{name} = {float(value)!r};" for name, value in vars(DeviceState()).items()),
        "",
        _FUNCTION_TEXT,
        *_analog(schemas, device.sign),
        "endmodule",
        "",
    ]
    return "\n".join(lines)


def _schemas(device: Device) -> dict[str, type]:
    """Sections of the card whose terms are switched on, by the dataclass of their parameters."""
    absent = {
        "contacts": device.contacts.absent,
        "gate": device.gate.absent,
        "noise": device.noise_parameters.absent,
    }
    return {name: SECTIONS[name] for name in ("tekv", *absent) if not absent.get(name, False)}


def _instance(device: Device) -> Iterator[str]:
    shortest = float(device.validity.shortest_length)
    for name, meaning, value in (("w", "W: channel width", 1e-6), ("l", "L: channel length", shortest)):
        yield f'  (* type="instance", desc="{meaning}", units="m" *) parameter real {name} = {value!r} from (0:inf);'


def _parameters(card: Card, section: str, schema: type) -> Iterator[str]:
    yield ""
    for name, spec in specs(schema).items():
        entry = card.sections[section][name]
        yield f'  (* desc="{_quotable(spec.doc)}", units="{spec.unit or 1}" *)'
        yield f"  parameter real {name} = {_finite(entry.value)} from {_range(spec)}; // {_origin(entry)}"


def _origin(entry: Entry) -> str:
    none = ", none" if math.isinf(entry.value) else ""
    return f"{entry.how}, {entry.source}{none}"


def _range(spec: Spec) -> str:
    low = "(-inf" if math.isinf(spec.low) else f"[{spec.low!r}"
    high = "inf)" if math.isinf(spec.high) else f"{spec.high!r}]"
    return f"{low}:{high}"


def _finite(value: float) -> str:
    return repr(math.copysign(NONE, value) if math.isinf(value) else value)


def _quotable(text: str) -> str:
    return text.replace("\\", "").replace('"', "'")


def _analog(schemas: Mapping[str, type], sign: int) -> list[str]:
    """Declarations and the analog block."""

    def branch(a: str, b: str) -> str:
        """Two nodes in the order in which voltages and currents count."""
        return ", ".join((a, b)[::sign])

    trace, ohmic = Trace(), "contacts" in schemas
    given = {name: schema(**symbols(trace, schema)) for name, schema in schemas.items()}
    m = model(
        trace,
        Parts(given["tekv"], *(given.get(name) for name in ("contacts", "gate", "noise"))),
        symbol(trace, "w"),
        symbol(trace, "l"),
        symbol(trace, "$temperature"),
        DeviceState(**symbols(trace, DeviceState, "state_{}".format)),
        Biases("v_gsi", "v_dsi", "v_gs", "v_ds") if ohmic else Biases("v_gs", "v_ds", "v_gs", "v_ds"),
    )
    probes = {"v_gs": ("g", "s"), "v_ds": ("d", "s")} | ({"v_gsi": ("g", "si"), "v_dsi": ("di", "si")} if ohmic else {})
    voltages = {name: f"V({branch(*ends)})" for name, ends in probes.items()}
    names = {node: name for node, (name, _) in m.names.items()}
    names |= {trace.number(value): f"`{key}" for key, (value, _) in _CONSTANTS.items()}
    meanings = dict(m.names.values())
    outputs = (m.current, m.drain_charge, m.source_charge, *m.contacts, *m.gate, *m.noise)
    assigned = assignments([*m.fixed, *outputs], names, "t{}")
    lines = [f"    {name} = {access};" for name, access in voltages.items()]
    for node in assigned:
        meaning = meanings.get(names[node])
        lines += [f"    // {meaning}"] if meaning else []
        lines += _statement(f"{names[node]} = ", node, names)
    inner = branch("di", "si") if ohmic else branch("d", "s")
    lines += _statement(f"I({inner}) <+ ", m.current, names)
    lines += _statement(f"I({branch('d', 'g')}) <+ ddt(", m.drain_charge, names, ")")
    lines += _statement(f"I({branch('s', 'g')}) <+ ddt(", m.source_charge, names, ")")
    for resistance, ends in zip(m.contacts, (("d", "di"), ("si", "s")), strict=False):
        r, across = write(resistance, {}, {}) if resistance.op in LEAVES else names[resistance], branch(*ends)
        lines.append(f"    I({across}) <+ V({across})/{r};")
        lines.append(f'    I({across}) <+ white_noise(4.0*`P_BOLTZMANN*$temperature/{r}, "contact");')
    for leak, end in zip(m.gate, "ds", strict=False):
        lines += _statement(f"I({branch('g', end)}) <+ ", leak, names)
    lines.append(f'    I({inner}) <+ white_noise({names[m.noise[0]]}, "thermal");')
    lines += [f'    I({inner}) <+ flicker_noise({names[x]}, 1.0, "flicker");' for x in m.noise[1:]]
    reals = f"real {', '.join([*voltages, *(names[node] for node in assigned)])};"
    return [*wrap(reals, "  ", "    "), "", "  analog begin", *lines, "  end"]


def _statement(start: str, node: Expression, names: dict[Expression, str], end: str = "") -> list[str]:
    return wrap(f"{start}{write(node, names, _FUNCTIONS)}{end};", "    ", "      ")
