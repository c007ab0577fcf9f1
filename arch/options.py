"""What a user may choose about the arithmetic of the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from beolith.errors import BeolithError

from .adc import RANGE_RULES

_INTEGERS = {"weight_bits": (2, 16), "input_bits": (1, 16), "adc_bits": (1, 16), "seed": (0, 2**63 - 1)}


@dataclass(frozen=True)
class CimOptions:
    """Arithmetic of a compute-in-memory chip.

    Attributes:
        weight_bits: Bits of a signed weight, its sign included, 2 .. 16.
        input_bits: Bits of an activation, applied one after the other, 1 .. 16.
        adc_bits: Bits of the column converters, 1 .. 16; None reads columns out exactly.
        per_channel: Whether every output has its own weight scale instead of one per layer.
        mismatch: Whether cells differ from each other; False makes every cell the nominal one.
        seed: Names the chip: the same seed draws the same cells.
        input_percentile: Share of the calibrated activations that must not clip, above 0 .. 100 [%].
        adc_range: How the converter range follows from calibration: "mse" (least squared error) or "max" (no clipping).
    """

    weight_bits: int = 8
    input_bits: int = 8
    adc_bits: int | None = 8
    per_channel: bool = False
    mismatch: bool = True
    seed: int = 0
    input_percentile: float = 100.0
    adc_range: Literal["mse", "max"] = "mse"

    def __post_init__(self) -> None:
        """Refuse impossible choices, all of them in one message.

        Raises:
            BeolithError: If any option lies outside its allowed range.
        """
        faults = []
        for name, (low, high) in _INTEGERS.items():
            value = getattr(self, name)
            if name == "adc_bits" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                also = ", or None for exact columns" if name == "adc_bits" else ""
                faults.append(f"{name} = {value!r}: allowed are the integers {low} .. {high}{also}")
        if not 0.0 < self.input_percentile <= 100.0:
            faults.append(f"input_percentile = {self.input_percentile!r}: allowed is above 0, up to 100")
        if self.adc_range not in RANGE_RULES:
            faults.append(f"adc_range = {self.adc_range!r}: allowed are {', '.join(sorted(RANGE_RULES))}")
        if faults:
            raise BeolithError("CimOptions: " + "; ".join(faults))
