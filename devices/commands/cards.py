"""List the published transistors with what the model makes of them and what they stand on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from beolith import registry
from beolith.terminal import Answer, grid

COLUMNS = "card type material L[nm] SS[mV/dec] V_T[V] I_on[uA/um] I_off[A/um] measured fitted derived assumed"
KINDS = ("measured", "fitted", "derived", "assumed")


def command() -> Answer:
    """List the published transistors: polarity, material, length, swing, threshold, currents and what they stand on.

    Figures of merit are the model's, at the size and bias that the card calls typical; the threshold is at 100 nA W/L.
    The last columns count the numbers of a card that were measured, fitted, derived and assumed, defaults left out.
    """
    from dataclasses import asdict

    from ..library import load
    from ..typical_curves import merit

    rows, data = [], {}
    for name in registry.names("cards"):
        device = load(name)
        card, found = device.card, merit(device)
        counts: Counter[str] = Counter(given.how for _, given in card.items() if not given.default)
        figures = (
            f"{1e9 * found.length:.3g}" if found.length < 1e-6 else f"{1e9 * found.length:.0f}",
            f"{1e3 * found.swing:.1f}",
            f"{found.threshold:.2f}",
            f"{found.on_current:.3g}",
            f"{1e-6 * found.off_current:.1e}",
        )
        rows.append((name, card.polarity, card.material, *figures, *_shares(counts, KINDS)))
        data[name] = {
            "title": card.title,
            "polarity": card.polarity,
            "material": card.material,
            "numbers": dict(counts),
            "typical": {**asdict(found), "unit": "SI, currents A/m"},
        }
    return Answer({"cards": data}, grid("", COLUMNS, rows))


def _shares(counts: Counter[str], kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(counts[kind]) for kind in kinds)
