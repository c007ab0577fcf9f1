"""Published transistors by name: a card, turned into everything the models need."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from beolith import card as cards
from beolith import registry
from beolith.errors import BeolithError, CardError, ExtrapolationWarning, nearest
from beolith.sources import all_sources

from .base import DeviceState
from .contacts import ContactParameters
from .gate_leakage import GateLeakageParameters
from .noise import NoiseParameters
from .parameters import TekvParameters
from .self_heating import SelfHeated, ThermalParameters
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
SIGNS = {"n": 1, "p": -1}
"""Sign of all voltages and currents of a device over those of the n-type transistor that its card describes."""
TERMS = ("contacts", "gate", "noise_parameters")
"""Sections that stand around the channel: each is a field of :class:`.thin_film.ThinFilmTransistor`, None if absent."""
NEUTRAL: dict[str, dict[str, float]] = {
    "quantum_capacitance": {"effective_mass": math.inf},
    "charge_centroid": {"charge_centroid": 0.0},
    "tail": {"tail_density": 0.0},
    "interface_traps": {"interface_traps": 0.0},
    "donors": {"donor_density": 0.0},
    "band_tail": {"band_tail_width": 0.0},
    "roughness": {"roughness_depth": 0.0},
    "mobility_temperature": {"mobility_activation": 0.0, "activation_slope": 0.0},
    "percolation": {"percolation_exponent": 0.0},
    "mobility_degradation": {"mobility_degradation": 0.0},
    "velocity_saturation": {"saturation_velocity": math.inf},
    "length_modulation": {"length_modulation": 0.0},
    "short_channel": {"threshold_rolloff": 0.0, "drain_lowering": 0.0, "slope_rolloff": 0.0},
    "confinement": {"confinement_energy": 0.0, "mass_confinement": 0.0},
    "back_gate": {"back_oxide_thickness": math.inf},
    "leakage": {"leakage_density": 0.0},
    "overlap": {"overlap_capacitance": 0.0, "fringe_capacitance": 0.0},
}
"""Terms inside the channel, and the numbers that switch each of them off."""
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

    @property
    def sign(self) -> int:
        """1 for an n-type device; -1 for a p-type one, whose card and models are those of its n-type mirror image."""
        return SIGNS[self.card.polarity]

    def transistor(
        self,
        width: Tensor,
        length: Tensor,
        temperature: Tensor,
        state: DeviceState | None = None,
        *,
        without: Collection[str] = (),
    ) -> ThinFilmTransistor:
        """This device at a size [m], a temperature [K] and a state; a p-type one mirrored, see :attr:`sign`.

        Args:
            width: Channel width [m].
            length: Channel length [m].
            temperature: Lattice temperature [K].
            state: What the past has done; none is fresh.
            without: Terms to switch off: those of :data:`TERMS` and :data:`NEUTRAL`, such as ``contacts``.

        Raises:
            BeolithError: A size or temperature is not above zero, or there is no such term.

        Warns:
            ExtrapolationWarning: The length or the temperature lies outside the range of the card.
        """
        width, length, temperature = (torch.as_tensor(x, dtype=torch.float64) for x in (width, length, temperature))
        self.validity.check(self.card.key, width, length, temperature)
        if unknown := set(without) - {*TERMS, *NEUTRAL}:
            raise BeolithError(f"no term is called {min(unknown)!r}; {nearest(min(unknown), (*TERMS, *NEUTRAL))}")
        terms = {name: getattr(self, name) for name in TERMS if name not in without}
        off = {key: torch.tensor(value) for name in set(without) & set(NEUTRAL) for key, value in NEUTRAL[name].items()}
        return ThinFilmTransistor(
            Tekv(self.tekv.replace(**off), width, length, temperature, state or DeviceState()),
            **{name: None if term.absent else term for name, term in terms.items()},
            sign=self.sign,
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

    def self_heated(
        self,
        width: Tensor,
        length: Tensor,
        temperature: Tensor,
        state: DeviceState | None = None,
        *,
        without: Collection[str] = (),
    ) -> SelfHeated:
        """The transistor of :meth:`transistor` in these surroundings, at the temperature that its own power keeps.

        Raises:
            BeolithError: The card does not say how heat leaves.
        """
        cold = self.transistor(width, length, temperature, state, without=without)
        if not bool(self.thermal.resistance(cold.width, cold.length).any()):
            raise BeolithError(f"{self.card.key}: the card has no section 'thermal', so nothing is known of its heat")
        return SelfHeated(cold, self.thermal)

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
            self.check_mission(mission)
        return age(self.aging, mission, feedback=feedback)

    def check_mission(self, mission: Profile) -> None:
        """Refuse a mission that the material does not survive; warn of stress that the card knows nothing about.

        Raises:
            BeolithError: A temperature is above what the material survives.

        Warns:
            ExtrapolationWarning: A temperature lies outside the range of the card, a gate is driven below threshold and
                the card has no negative-bias instability, or edges are given and it has no trapping by edges.
        """
        s = mission.segments
        self.validity.check_stress(self.card.key, s.temperature)
        negative = ((s.overdrive < 0) & (s.duty > 0)) | ((s.rest < 0) & (s.duty < 1))
        silent = {
            "nbti": self.negative.absent and bool(negative.any()),
            "edges": self.edges.absent and bool(torch.isfinite(s.rise_time).any()),
        }
        for section in (name for name, missing in silent.items() if missing):
            what = "negative overdrive ages" if section == "nbti" else "the edges of pulses age"
            warnings.warn(
                f"{self.card.key}: the card has no section {section!r}: {what} nothing here",
                ExtrapolationWarning,
                stacklevel=3,
            )

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
        CardError: The card asks for a compact model or a polarity that does not exist.
    """
    faults = []
    if card.model not in MODELS:
        faults.append(f"model: there is no compact model {card.model!r}; {nearest(card.model, MODELS)}")
    if card.polarity not in SIGNS:
        faults.append(f"polarity: {card.polarity!r} is none; {nearest(card.polarity, SIGNS)}")
    if faults:
        raise CardError("\n".join(f"{card.path.name}: {fault}" for fault in faults))

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
