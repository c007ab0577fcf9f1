"""The range in which a card may be believed; outside it a transistor still computes, and warns."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from beolith.card import parameter
from beolith.errors import BeolithError, ExtrapolationWarning

_LAWS = {"source": "own", "how": "derived", "note": "Range over which the laws of the model are tested."}


@dataclass(frozen=True)
class Validity:
    """Temperatures and lengths that a card covers (SI)."""

    # fmt: off
    lowest_temperature: Tensor = parameter("K", "lowest temperature covered", low=0, high=500, default=4.0, **_LAWS)
    highest_temperature: Tensor = parameter("K", "highest temperature covered", low=0, high=1000,
                                           default=450.0, **_LAWS)
    shortest_length: Tensor = parameter("m", "shortest channel covered", low=0, high=1e-3)
    longest_length: Tensor = parameter("m", "longest channel covered", low=0, high=1, default=1e-3, source="own",
                                       how="assumed", note="Long channels hold no surprise unless a card says so.")
    stability_temperature: Tensor = parameter("K", "highest temperature that the material survives", low=0,
                                              high=math.inf, default=math.inf, source="own", how="assumed",
                                              note="No limit is known unless a card states one.")
    # fmt: on

    def check_stress(self, name: str, temperature: Tensor) -> None:
        """Warn where a stress temperature [K] lies outside the range, and refuse what the material does not survive.

        Args:
            name: Name of the card, for the message.
            temperature: Lattice temperatures.

        Raises:
            BeolithError: A temperature is above the stability limit.
        """
        limit = float(self.stability_temperature)
        if bool((temperature > limit).any()):
            hottest = float(temperature.max())
            raise BeolithError(f"{name}: temperature {hottest:g} K is above {limit:g} K, which the material survives")
        self._warn(name, "temperature", "K", temperature, self.lowest_temperature, self.highest_temperature)

    def check(self, name: str, width: Tensor, length: Tensor, temperature: Tensor) -> None:
        """Warn where a channel length [m] or a temperature [K] lies outside the range.

        Args:
            name: Name of the card, for the message.
            width: Channel widths [m].
            length: Channel lengths.
            temperature: Lattice temperatures.

        Raises:
            BeolithError: A size or a temperature is not a number above zero.
        """
        for what, unit, value in (("width", "m", width), ("length", "m", length), ("temperature", "K", temperature)):
            possible = (value > 0) & torch.isfinite(value)
            if not bool(possible.all()):
                raise BeolithError(
                    f"{name}: {what} {float(value[~possible][0]):g} {unit}; allowed: numbers above 0 {unit}"
                )
        self._warn(name, "temperature", "K", temperature, self.lowest_temperature, self.highest_temperature)
        self._warn(name, "length", "m", length, self.shortest_length, self.longest_length)

    def _warn(self, name: str, what: str, unit: str, value: Tensor, low: Tensor, high: Tensor) -> None:
        # a hair of slack, because 17.5 nm in SI is not the float that a user's 17.5e-9 is
        if bool(((value < low * (1 - 1e-9)) | (value > high * (1 + 1e-9))).any()):
            given = dict.fromkeys(f"{float(x):g} {unit}" for x in (value.min(), value.max()))
            warnings.warn(
                f"{name}: {what} {' to '.join(given)} leaves the range of the card, "
                f"{float(low):g} {unit} to {float(high):g} {unit}",
                ExtrapolationWarning,
                stacklevel=4,
            )
