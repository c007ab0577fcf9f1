"""What circuits hands to the architecture: a macro of cells that stores levels, multiplies, forgets and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

Operation = Literal["write_row", "refresh_row", "read_row", "convert", "shift_add"]


@dataclass(frozen=True)
class Cost:
    """Price of one operation, or of one part of the hardware; zero-dimensional or batched tensors.

    Attributes:
        energy: Energy of one execution [J].
        latency: Time of one execution [s].
        area: Silicon (or tier) area of the hardware that executes it [m^2].
    """

    energy: Tensor
    latency: Tensor
    area: Tensor


class Macro(Protocol):
    """An array of multi-level cells with its periphery, seen from the architecture.

    A column adds the currents of its cells whose input bit is one. A cell that stores ``level`` carries about
    ``level * unit_current`` above the current of level 0; how far it departs from that is the physics.
    """

    @property
    def rows(self) -> int:
        """Cells on one bit line, the longest analogue sum."""

    @property
    def columns(self) -> int:
        """Cells on one word line."""

    @property
    def levels(self) -> int:
        """Storage levels of one cell."""

    @property
    def columns_per_converter(self) -> int:
        """Columns that share one converter; a differential pair is two columns and one conversion."""

    @property
    def unit_current(self) -> Tensor:
        """Current step that the converters count as one level [A].

        A fixed reference keeps the value of calibration when the array is hot or old; a tracking one moves with it.
        """

    def currents(self, level: Tensor, z_write: Tensor, z_read: Tensor) -> Tensor:
        """Read current of cells at this macro's temperature, age and time since refresh; differentiable [A].

        Args:
            level: Stored level of each cell, integer tensor of any shape, 0 .. levels - 1.
            z_write: Mismatch of the write transistor in standard deviations, same shape [1].
            z_read: Mismatch of the read transistor in standard deviations, same shape [1].
        """

    def retention_time(self) -> Tensor:
        """Time after refresh at which the fastest-decaying level has lost half a level spacing [s]."""

    def cost(self, operation: Operation) -> Cost:
        """Cost of one operation: a row written, refreshed or driven by one input bit, or one conversion."""
