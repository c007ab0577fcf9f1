"""From a mission to the state of a transistor: electrons trapped, donors released."""

from __future__ import annotations

from .base import DeviceState
from .bias_stress import TrappingParameters, trapping_shift
from .hydrogen import HydrogenParameters, donors_released
from .mission import Mission


def age(trapping: TrappingParameters, hydrogen: HydrogenParameters, mission: Mission) -> DeviceState:
    """State of a transistor after a mission.

    The two mechanisms pull in opposite directions: trapped electrons shift the threshold to the right, hydrogen donors
    to the left. The donor part is kept as a density, because its shift depends on the gate stack.

    Args:
        trapping: Electron trapping of the gate stack.
        hydrogen: Hydrogen available to the film.
        mission: Segments of constant heat and bias, oldest first.
    """
    return DeviceState(
        threshold_shift=trapping_shift(trapping, mission), donor_density=donors_released(hydrogen, mission)
    )
