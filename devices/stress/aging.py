"""From a mission to the state of a transistor: electrons trapped, donors released, recovery where there is any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ..base import DeviceState
from .bias_stress import NegativeBiasParameters, Trapping, TrappingParameters, trapping
from .edges import EdgeParameters, Edges
from .mechanism import Mechanism, States, fresh, march
from .mission import Mission, Profile
from .release import HydrogenParameters, Release


@dataclass(frozen=True)
class Aging:
    """Everything that ages one device; mechanisms that are None are switched off.

    Attributes:
        trapping: Electron trapping under positive bias.
        hydrogen: Donors still to come.
        negative: What negative bias does.
        edges: Trapping by the edges of pulses.
        donor_shift: Threshold shift by one donor per volume, which only the gate stack knows, never positive [V m^3].
    """

    trapping: TrappingParameters
    hydrogen: HydrogenParameters
    negative: NegativeBiasParameters | None = None
    edges: EdgeParameters | None = None
    donor_shift: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))

    @property
    def _rigid(self) -> tuple[Trapping | Edges, ...]:
        """Mechanisms that shift the transfer curve as it is."""
        # weights that carry a gradient are made anew, because a graph is good for one derivative
        fixed = not any(p.stretch.requires_grad for p in (self.trapping, self.negative) if p is not None)
        return self._kept if fixed else self._make()

    @cached_property
    def _kept(self) -> tuple[Trapping | Edges, ...]:
        return self._make()

    def _make(self) -> tuple[Trapping | Edges, ...]:
        traps = [trapping(p) for p in (self.trapping, self.negative) if p is not None]
        return (*traps, *([] if self.edges is None else [Edges(self.edges)]))

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """What :func:`.mechanism.march` takes through a mission: the release of hydrogen first."""
        return (Release(self.hydrogen), *self._rigid)

    def fresh(self) -> States:
        """Bins of a device that has seen nothing."""
        return fresh(self.mechanisms)

    def observe(self, states: States) -> DeviceState:
        """What the transistor notices of its filled bins."""
        p = self.hydrogen
        donors = Release(p).donors(states[0])
        return DeviceState(
            threshold_shift=self._rigid_shift(states),
            donor_density=donors,
            interface_traps=p.traps_per_donor * donors,
            tail_density=p.tail_per_donor * donors,
            tail_temperature=p.widening_per_donor * donors,
        )

    def shift(self, states: States) -> Tensor:
        """Shift of the threshold by everything, the donors included [V]."""
        return self._rigid_shift(states) + self.donor_shift * Release(self.hydrogen).donors(states[0])

    def _rigid_shift(self, states: States) -> Tensor:
        return torch.stack(
            torch.broadcast_tensors(*(m.shift(x) for m, x in zip(self._rigid, states[1:], strict=True)))
        ).sum(0)

    def march(
        self, mission: Mission | Profile, states: States | None = None, *, feedback: bool = False
    ) -> Iterator[States]:
        """Bins after each segment; see :func:`.mechanism.march`."""
        return march(self.mechanisms, mission, states, self.shift if feedback else None)


def age(aging: Aging, mission: Mission | Profile, *, feedback: bool = False) -> DeviceState:
    """State of a transistor after a mission.

    The two mechanisms pull in opposite directions: trapped electrons shift the threshold to the right, hydrogen donors
    to the left. The donor part is kept as a density, because its shift depends on the gate stack.

    Args:
        aging: What ages.
        mission: Segments of constant heat and bias, oldest first; without one the device is fresh.
        feedback: Whether the gate voltage is held rather than the overdrive, which then falls as the threshold rises.
    """
    if not len(mission):
        return aging.observe(aging.fresh())
    *_, last = aging.march(mission, feedback=feedback)
    return aging.observe(last)


def history(aging: Aging, mission: Mission | Profile, *, feedback: bool = False) -> DeviceState:
    """States after each segment of a mission, stacked along the first dimension; equal neighbours count as one."""
    seen = [aging.observe(states) for states in aging.march(mission, feedback=feedback)]
    names = DeviceState.__dataclass_fields__
    return DeviceState(
        **{name: torch.stack(torch.broadcast_tensors(*(getattr(s, name) for s in seen))) for name in names}
    )
