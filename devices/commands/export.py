"""Write a transistor for circuit simulators, as Verilog-A or as a SPICE subcircuit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beolith.errors import BeolithError
from beolith.terminal import Answer, grid, write_new


def command(
    card: Annotated[str, typer.Argument(help="Card from 'beolith list cards', or the path of one of your own.")],
    verilog_a: Annotated[
        bool, typer.Option("--verilog-a", help="Verilog-A with charges, for OSDI simulators.")
    ] = False,
    spice: Annotated[bool, typer.Option("--spice", help="Subcircuit of behavioural sources, for ngspice.")] = False,
    out: Annotated[Path | None, typer.Option(help="File to write; default <card>.va or <card>.cir.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As in tekv.mobility='15 cm**2/(V*s)'.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
) -> Answer:
    """Write the compact model of a card for circuit simulators: its own equations, with charges and temperature."""
    if verilog_a == spice:
        raise BeolithError("Say which: --verilog-a or --spice.")
    from ..export import spice as spice_text
    from ..export import veriloga
    from ..export.text import identifier
    from ..library import load

    device = load(card, dict(map(_setting, settings or [])))
    text = veriloga.module(device) if verilog_a else spice_text.netlist(device)
    file = out or Path(f"{device.card.key}{'.va' if verilog_a else '.cir'}")
    write_new(file, text, force=force)
    name = identifier(device.card.key)
    data = {"file": file, "language": "verilog-a" if verilog_a else "spice", "name": name, "terminals": ["d", "g", "s"]}
    return Answer(data, grid("", "what where", [("verilog-a" if verilog_a else "spice", str(file))]))


def _setting(pair: str) -> tuple[str, str]:
    key, sign, text = pair.partition("=")
    if not sign or not key.strip() or not text.strip():
        raise BeolithError(f"--set {pair!r}: write key=value, as in --set tekv.mobility='15 cm**2/(V*s)'")
    return key.strip(), text.strip()
