"""Published transistors by name: a card, turned into everything the models need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from beolith import card as cards
from beolith import registry
from beolith.errors import BeolithError, CardError, nearest
from beolith.sources import all_sources

from .base import DeviceState
from .contacts import ContactParameters
from .gate_leakage import GateLeakageParameters
from .noise import NoiseParameters
from .parameters import TekvParameters
from .self_heating import ThermalParameters
from .spread.variability import MismatchParameters, Sample, draw, threshold_sigma
from .stress.aging import Aging, age
from .stress.bias_stress import NegativeBiasParameters, TrappingParameters
from .stress.edges import EdgeParameters
from .stress.mission import Mission, Profile, profile
from .stress.release import HydrogenParameters
from .tekv import Tekv, donor_shift
from .thin_film import ThinFilmTransistor
from .typical import Typical
from .validity import Validity

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SECTIONS: dict[str, type] = {
    "tekv": TekvParameters,
    "contacts": ContactParameters,
    "gate": GateLeakageParameters,
    "noise": NoiseParameters,
    "thermal": ThermalParameters,
    "pbti": TrappingParameters,
    "nbti": NegativeBiasParameters,
    "edges": EdgeParameters,
    "hydrogen": HydrogenParameters,
    "mismatch": MismatchParameters,
    "validity": Validity,
    "typical": Typical,
}
MODELS = ("tekv",)
TERMS = ("contacts", "gate", "noise_parameters")
"""Sections that stand around the channel: each is a field of :class:`.thin_film.ThinFilmTransistor`, None if absent."""
P = TypeVar("P")


@dataclass(frozen=True)
class Device:
    """A published device: how it conducts, ages and varies.

    Attributes:
        card: Where every number comes from.
        tekv: Current and charge of the channel.
        contacts: Resistance of its contacts.
        gate: Leakage of its gate dielectric.
        noise_parameters: Low-frequency noise.
        thermal: How its heat leaves; see :class:`.self_heating.SelfHeated`.
        trapping: Positive-bias instability.
        negative: Negative-bias instability.
        edges: Trapping by the edges of pulses.
        hydrogen: Donors still to come.
        mismatch: Spread.
        validity: Where all this may be believed.
        typical: Where it is usually looked at.
    """

    card: cards.Card
    tekv: TekvParameters
    contacts: ContactParameters
    gate: GateLeakageParameters
    noise_parameters: NoiseParameters
    thermal: ThermalParameters
    trapping: TrappingParameters
    negative: NegativeBiasParameters
    edges: EdgeParameters
    hydrogen: HydrogenParameters
    mismatch: MismatchParameters
    validity: Validity
    typical: Typical

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

    def varied(
        self,
        deviations: Sample,
        width: Tensor,
        length: Tensor,
        temperature: Tensor,
        state: DeviceState | None = None,
        *,
        without: Collection[str] = (),
    ) -> ThinFilmTransistor:
        """Transistors that deviate as a sample says from the nominal one, whose size is what the card must cover."""
        nominal = self.transistor(width, length, temperature, state, without=without)
        channel = replace(
            nominal.channel,
            parameters=deviations.parameters(self.tekv),
            width=width + deviations.width,
            length=length + deviations.length,
            state=deviations.state(nominal.state),
        )
        return replace(nominal, channel=channel)

    def sample(
        self,
        width: Tensor,
        length: Tensor,
        temperature: Tensor,
        count: int,
        state: DeviceState | None = None,
        *,
        method: str = "random",
        seed: int = 0,
        without: Collection[str] = (),
    ) -> ThinFilmTransistor:
        """Transistors drawn at random, shape (count, *designs); see :func:`.variability.draw`."""
        deviations = draw(self.mismatch, self.tekv, width, length, count, method=method, seed=seed)
        return self.varied(deviations, width, length, temperature, state, without=without)

    @property
    def aging(self) -> Aging:
        """What ages this device; what its card switches off is left out."""
        return Aging(
            self.trapping,
            self.hydrogen,
            None if self.negative.absent else self.negative,
            None if self.edges.absent else self.edges,
            donor_shift(self.tekv, torch.ones((), dtype=torch.float64)),
        )

    def age(self, mission: Mission | Profile, *, feedback: bool = False) -> DeviceState:
        """State of this device after a mission; see :func:`.aging.age`.

        Raises:
            BeolithError: A temperature is above what the material survives.

        Warns:
            ExtrapolationWarning: A temperature lies outside the range of the card.
        """
        if len(mission):
            mission = profile(mission)
            self.validity.check_stress(self.card.key, mission.segments.temperature)
        return age(self.aging, mission, feedback=feedback)

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
    """The models of a card, as float64 tensors on the CPU.

    Raises:
        CardError: The card asks for a compact model that does not exist.
    """
    if card.model not in MODELS:
        raise CardError(
            f"{card.path.name}: model: there is no compact model {card.model!r}; {nearest(card.model, MODELS)}"
        )

    def build(section: str, schema: type[P]) -> P:
        values = card.values(section)
        return schema(**{name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})

    return Device(
        card,
        build("tekv", TekvParameters),
        build("contacts", ContactParameters),
        build("gate", GateLeakageParameters),
        build("noise", NoiseParameters),
        build("thermal", ThermalParameters),
        build("pbti", TrappingParameters),
        build("nbti", NegativeBiasParameters),
        build("edges", EdgeParameters),
        build("hydrogen", HydrogenParameters),
        build("mismatch", MismatchParameters),
        build("validity", Validity),
        build("typical", Typical),
    )
