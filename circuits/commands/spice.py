"""Write a bitcell as an ngspice deck, and run it beside the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beolith import units
from beolith.errors import BeolithError
from beolith.terminal import Answer, grid, raw, write_new


def command(
    cell: Annotated[str, typer.Argument(help="Bitcell from 'beolith list bitcells', or the path of one of your own.")],
    temperature: Annotated[str, typer.Option(help="Lattice temperature.")] = "300 K",
    level: Annotated[int, typer.Option(help="Level that is written and read.")] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="As in cards.write=liu2023_ito or voltages.v_hold='-0.5 V'."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; the deck is printed if not given.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Run ngspice and compare its waveforms with ours.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
) -> Answer:
    """Write a write and a read of a bitcell as an ngspice deck: its transistors are the model's own equations."""
    import torch

    from .. import deck
    from ..cell import build, load
    from ..cell_settings import configured
    from ..mna.system import system
    from ..mna.transient import transient
    from ..stimuli import stimulus

    kind = configured(load(cell), settings or [])
    if not 0 <= level < kind.levels:
        raise BeolithError(f"--level {level}: allowed: 0 .. {kind.levels - 1}")
    built = build(kind, units.parse(temperature, "K"))
    s = stimulus(built, [kind.write, kind.read], built.data[level])
    circuit = s.circuit(**built.stored(built.opposite[level]))
    nodes = [node for node in kind.nodes if node in circuit.nodes]
    text = deck.deck(circuit, s.end, s.edge / 4.0, nodes)
    data: dict[str, Any] = {"cell": cell, "nodes": nodes, "end": s.end, "unit": "s, V"}
    rows = []
    if out is not None:
        write_new(out, text, force=force)
        data["file"] = out
        rows.append(("deck", str(out)))
    else:
        data["deck"] = text
    if run:
        theirs = deck.simulate(circuit, s.end, s.edge / 4.0, nodes)
        samples = torch.linspace(0.0, s.end, 201, dtype=torch.float64)[1:]
        ours = transient(system(circuit), samples, tolerance=2e-5)
        worst = {node: float((theirs.at(node, samples) - ours[node]).abs().max()) for node in nodes}
        data["largest_difference"] = worst
        rows += [(f"{node}: largest difference", f"{1e3 * value:.3f} mV") for node, value in worst.items()]
    return Answer(data, grid("", "what where", rows) if rows else raw(text))
