"""Design rules by name: the smallest widths and spacings of a tier of transistors, and what a capacitor needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from beolith import card as cards
from beolith import registry
from beolith.card import parameter
from beolith.sources import all_sources


@dataclass(frozen=True)
class TierRules:
    """Rules of one tier of planar transistors [m]."""

    # fmt: off
    feature_size: float = parameter("m", "F: what areas in F^2 are counted in", low=1e-9, high=1e-4)
    gate_length: float = parameter("m", "smallest drawn gate length", low=1e-9, high=1e-4)
    gate_spacing: float = parameter("m", "between gates over one active area", low=1e-9, high=1e-4)
    gate_extension: float = parameter("m", "gate beyond the edge of its active area", low=0, high=1e-4)
    gate_end_spacing: float = parameter("m", "between gates beside active areas", low=1e-9, high=1e-4)
    gate_to_active: float = parameter("m", "between a gate and another active area", low=0, high=1e-4)
    active_width: float = parameter("m", "smallest width of an active area", low=1e-9, high=1e-4)
    active_spacing: float = parameter("m", "between active areas", low=1e-9, high=1e-4)
    active_overhang: float = parameter("m", "active area beyond the gate", low=0, high=1e-4)
    contact: float = parameter("m", "side of a contact", low=1e-9, high=1e-4)
    contact_spacing: float = parameter("m", "between contacts", low=1e-9, high=1e-4)
    contact_to_gate: float = parameter("m", "between a contact on an active area and a gate", low=0, high=1e-4)
    active_enclosure: float = parameter("m", "active area around a contact", low=0, high=1e-4)
    gate_enclosure: float = parameter("m", "gate around a contact", low=0, high=1e-4)
    well_enclosure: float = parameter("m", "well around, and its distance from, active areas; 0 is no wells",
                                      low=0, high=1e-4)
    well_width: float = parameter("m", "smallest width of a well; 0 is no wells", low=0, high=1e-4)
    line_width: float = parameter("m", "width of bit and word lines", low=1e-9, high=1e-4)
    line_spacing: float = parameter("m", "between those lines", low=1e-9, high=1e-4)
    # fmt: on

    @property
    def active_pad(self) -> float:
        """Smallest active area that holds a contact [m]."""
        return max(self.active_width, self.contact + 2 * self.active_enclosure)

    @property
    def gate_pad(self) -> float:
        """Side of the square of gate material under a contact [m]."""
        return self.contact + 2 * self.gate_enclosure

    @property
    def pad_reach(self) -> float:
        """From an active area to a gate pad: neither the two layers nor their contacts may come too close [m]."""
        return max(self.gate_to_active, self.contact_spacing - self.active_enclosure - self.gate_enclosure)

    @property
    def active_end(self) -> float:
        """From a gate to the end of an active area with a contact [m]."""
        return max(self.contact_to_gate + self.contact + self.active_enclosure, self.active_overhang)

    @property
    def active_gap(self) -> float:
        """Between active areas with contacts at their ends [m]."""
        return max(self.active_spacing, self.contact_spacing - 2 * self.active_enclosure)

    @property
    def contacted(self) -> float:
        """Between two gates with a contact between them [m]."""
        return max(2 * self.contact_to_gate + self.contact, self.gate_spacing)

    @property
    def line_pitch(self) -> float:
        """Pitch of bit and word lines [m]."""
        return self.line_width + self.line_spacing

    def row_spacing(self, other_polarity: bool) -> float:
        """Between rows of active areas, of one polarity or of both [m]."""
        return max(self.active_gap, 2 * self.well_enclosure if other_polarity else 0.0)


@dataclass(frozen=True)
class CapacitorRules:
    """Rules of storage capacitors on a tier of their own."""

    # fmt: off
    areal_capacitance: float = parameter("F/m**2", "capacitance over footprint, spacing included", low=1e-3, high=1e2)
    side: float = parameter("m", "shortest side of a capacitor", low=1e-9, high=1e-4)
    spacing: float = parameter("m", "between capacitors", low=1e-9, high=1e-4)
    wiring: float = parameter("F", "capacitance that the wires of a cell have anyway and nobody draws",
                              low=0, high=1e-12)
    # fmt: on

    @property
    def pitch(self) -> float:
        """Shortest side of a capacitor and the spacing beside it [m]."""
        return self.side + self.spacing


@dataclass(frozen=True)
class Rules:
    """The card of a set of rules and its numbers."""

    card: cards.Card
    values: TierRules


@dataclass(frozen=True)
class Capacitors:
    """The card of a sort of capacitor and its numbers."""

    card: cards.Card
    values: CapacitorRules


def load(name: str) -> Rules:
    """Rules of a tier by the name of their card, or by the path of a card of one's own.

    Raises:
        CardError: Unknown name, or a fault in the card.
    """
    card = _card(name, "tier", TierRules, "layout rules")
    return Rules(card, TierRules(**card.values("tier")))


def load_capacitors(name: str) -> Capacitors:
    """Rules of capacitors by the name of their card, or by the path of a card of one's own.

    Raises:
        CardError: Unknown name, or a fault in the card.
    """
    card = _card(name, "capacitor", CapacitorRules, "capacitor rules")
    return Capacitors(card, CapacitorRules(**card.values("capacitor")))


@cache
def _card(name: str, section: str, schema: type, kind: str) -> cards.Card:
    path = registry.path("rules", name)
    return cards.load(path, {section: schema}, all_sources(path.parent), kind=kind)
