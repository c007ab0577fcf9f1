"""List the published transistors with their material and what they stand on."""

from __future__ import annotations

from collections import Counter

from beolith import card, registry
from beolith.terminal import Answer, grid


def command() -> Answer:
    """List the published transistors: material, title, and how many of their numbers are measured or assumed."""
    found = {name: card.read(registry.path("cards", name)) for name in registry.names("cards")}
    counts = {name: Counter(given.how for _, given in found[name].items()) for name in found}
    rows = [(name, c.material, c.title, _tally(counts[name])) for name, c in found.items()]
    data = {
        name: {"title": c.title, "material": c.material, "numbers": dict(counts[name])} for name, c in found.items()
    }
    return Answer({"cards": data}, grid("", "card material title numbers", rows))


def _tally(count: Counter[str]) -> str:
    return ", ".join(f"{number} {how}" for how, number in sorted(count.items()))
