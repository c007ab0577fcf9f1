"""Write the parameter tables of docs/nomenclature.md from the models: ``python tools/nomenclature.py [--check]``."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from beolith.card import Spec, specs
from beolith.circuits.layout.design_rules import CapacitorRules, TierRules
from beolith.circuits.node import NodeParameters
from beolith.devices.library import SECTIONS
from beolith.units import pretty

PAGE = Path(__file__).resolve().parent.parent / "docs" / "nomenclature.md"
BEGIN, END = "<!-- tables: begin (tools/nomenclature.py) -->\n", "<!-- tables: end -->\n"
TITLES = {
    "tekv": "The transistor",
    "contacts": "Contacts",
    "gate": "Leakage of the gate",
    "noise": "Noise",
    "thermal": "Self-heating",
    "pbti": "Electron trapping",
    "nbti": "Negative bias",
    "edges": "Edges of pulses",
    "hydrogen": "Hydrogen",
    "mismatch": "Spread",
    "node": "The CMOS node",
    "typical": "Where it is usually looked at",
    "tier": "Layout rules of transistors",
    "capacitor": "Layout rules of capacitors",
}


def tables() -> str:
    """A Markdown table for each section of a card."""
    sections = {**SECTIONS, "node": NodeParameters, "tier": TierRules, "capacitor": CapacitorRules}
    return "\n".join("\n".join(_table(name, schema)) for name, schema in sections.items())


def page(text: str) -> str:
    """The page with its tables made anew."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{PAGE.name}: the marks around the tables are gone")
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def _table(section: str, schema: type) -> Iterator[str]:
    yield f"### {TITLES.get(section, section)}: section `{section}`\n"
    yield "| name | symbol | SI unit | meaning | range in SI | if a card is silent |"
    yield "|---|---|---|---|---|---|"
    for spec in specs(schema).values():
        symbol, meaning = _split(spec)
        default = "required" if spec.default is None else f"{_number(spec.default)} ({spec.how})"
        row = [f"`{spec.name}`", f"`{symbol}`" if symbol else "", spec.unit or "1", meaning, _range(spec), default]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('**', '^') for cell in row)} |"
    yield ""


def _split(spec: Spec) -> tuple[str, str]:
    """Symbol and meaning of a parameter; a doc without a colon is one or the other."""
    symbol, colon, meaning = spec.doc.partition(": ")
    if colon and len(symbol.split()) == 1:
        return symbol, meaning
    return (spec.doc, spec.name.replace("_", " ")) if len(spec.doc.split()) == 1 else ("", spec.doc)


def _range(spec: Spec) -> str:
    return f"{_number(spec.low)} to {_number(spec.high)}"


def _number(value: float) -> str:
    return pretty(value, "") if math.isfinite(value) else "no limit"


def main() -> None:
    """Write the page, or only say whether it is current."""
    text = PAGE.read_text(encoding="utf-8")
    new = page(text)
    if "--check" in sys.argv[1:]:
        raise SystemExit(0 if new == text else f"{PAGE.name} is out of date: python tools/nomenclature.py")
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
