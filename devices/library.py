"""Published transistors by name: a card, turned into everything the models need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from beolith import card as cards
from beolith import registry
from beolith.errors import BeolithError, nearest
from beolith.sources import all_sources

from .aging import age
from .base import DeviceState
from .bias_stress import TrappingParameters
from .contacts import ContactParameters
from .hydrogen import HydrogenParameters
from .mission import Mission
from .parameters import TekvParameters
from .tekv import Tekv
from .thin_film import ThinFilmTransistor
from .validity import Validity
from .variability import MismatchParameters, threshold_sigma

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SECTIONS: dict[str, type] = {
    "tekv": TekvParameters,
    "contacts": ContactParameters,
    "pbti": TrappingParameters,
    "hydrogen": HydrogenParameters,
    "mismatch": MismatchParameters,
    "validity": Validity,
}
TERMS = ("contacts",)
"""Sections that stand around the channel: each is a field of :class:`.thin_film.ThinFilmTransistor`, None if absent."""
P = TypeVar("P")


@dataclass(frozen=True)
class Device:
    """A published device: how it conducts, ages and varies.

    Attributes:
        card: Where every number comes from.
        tekv: Current and charge of the channel.
        contacts: Resistance of its contacts.
        trapping: Positive-bias instability.
        hydrogen: Donors still to come.
        mismatch: Spread.
        validity: Where all this may be believed.
    """

    card: cards.Card
    tekv: TekvParameters
    contacts: ContactParameters
    trapping: TrappingParameters
    hydrogen: HydrogenParameters
    mismatch: MismatchParameters
    validity: Validity

    def transistor(
        self,
        width: Tensor,
        length: Tensor,
        temperature: Tensor,
        state: DeviceState | None = None,
        *,
        without: Collection[str] = (),
    ) -> ThinFilmTransistor:
        """This device at a size [m], a temperature [K] and a state.

        Args:
            width: Channel width [m].
            length: Channel length [m].
            temperature: Lattice temperature [K].
            state: What the past has done; none is fresh.
            without: Terms to switch off, such as ``contacts``.

        Warns:
            ExtrapolationWarning: The length or the temperature lies outside the range of the card.
        """
        self.validity.check(self.card.key, length, temperature)
        if unknown := set(without) - set(TERMS):
            raise BeolithError(f"no term is called {min(unknown)!r}; {nearest(min(unknown), TERMS)}")
        terms = {name: getattr(self, name) for name in TERMS if name not in without}
        return ThinFilmTransistor(
            Tekv(self.tekv, width, length, temperature, state or DeviceState()),
            **{name: None if term.absent else term for name, term in terms.items()},
        )

    def age(self, mission: Mission) -> DeviceState:
        """State of this device after a mission."""
        return age(self.trapping, self.hydrogen, mission)

    def threshold_sigma(self, width: Tensor, length: Tensor) -> Tensor:
        """Standard deviation of the threshold voltage at a size [V]."""
        return threshold_sigma(self.mismatch, self.tekv, width, length)


def load(name: str, overrides: Mapping[str, str | float] | None = None) -> Device:
    """A device by the name of its card, or by the path of a card of one's own.

    Args:
        name: Registered card (``beolith list cards``) or a path that ends in ``.yaml``.
        overrides: Values that replace those of the card, such as ``{"tekv.mobility": "15 cm**2/(V*s)"}``.

    Raises:
        BeolithError: Unknown name.
        CardError: Faults in the card, all of them.
    """
    path = registry.path("cards", name)
    card = cards.load(path, SECTIONS, all_sources(path.parent), kind="transistor")
    return from_card(cards.override(card, overrides, SECTIONS) if overrides else card)


def from_card(card: cards.Card) -> Device:
    """The models of a card, as float64 tensors on the CPU."""

    def build(section: str, schema: type[P]) -> P:
        values = card.values(section)
        return schema(**{name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})

    return Device(
        card,
        build("tekv", TekvParameters),
        build("contacts", ContactParameters),
        build("pbti", TrappingParameters),
        build("hydrogen", HydrogenParameters),
        build("mismatch", MismatchParameters),
        build("validity", Validity),
    )
