"""The choices a designer makes for a gain-cell macro: sizes, voltages, times. No physics and no published number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from beolith.errors import BeolithError

Reference = Literal["tracking", "fixed"]


@dataclass(frozen=True)
class GainCellDesign:
    """A 2T0C compute macro (SI). Every field is a free choice; the defaults suit a 45 nm cell.

    Attributes:
        write_width: Channel width of the write transistor [m].
        write_length: Channel length of the write transistor [m].
        read_width: Channel width of the read transistor [m].
        read_length: Channel length of the read transistor [m].
        storage: Explicit storage capacitance [F].
        couple_rwl: Wiring capacitance from storage node to RWL [F].
        couple_rbl: Wiring capacitance from storage node to RBL [F].
        v_write: WWL voltage while writing [V].
        v_hold: WWL voltage while holding; low enough to close the write transistor [V].
        v_read: RBL voltage [V].
        v_low: Storage-node voltage of level 0 while read [V].
        v_high: Storage-node voltage of the highest level while read [V].
        levels: Storage levels of one cell [1].
        write_time: Width of the write pulse [s].
        edge_time: Rise and fall time of WWL [s].
        read_time: How long a row is driven for one input bit [s].
        rows: Cells on one bit line [1].
        columns: Cells on one word line [1].
        converter_bits: Resolution of the column converters [1].
        columns_per_converter: Columns that share one converter [1].
        reference: What the converters count by: "tracking", a read transistor of the same temperature and age driven at
            the level voltages; or "fixed", the unit current of calibration.
        weak_sigma: How many standard deviations the weakest cell is off, which sets the refresh period, 0 .. 4 [1].
    """

    write_width: float = 70e-9
    write_length: float = 45e-9
    read_width: float = 140e-9
    read_length: float = 90e-9
    storage: float = 1e-15
    couple_rwl: float = 20e-18
    couple_rbl: float = 20e-18
    v_write: float = 2.5
    v_hold: float = -0.8
    v_read: float = 0.2
    v_low: float = 0.0
    v_high: float = 1.2
    levels: int = 16
    write_time: float = 10e-9
    edge_time: float = 0.2e-9
    read_time: float = 10e-9
    rows: int = 128
    columns: int = 128
    converter_bits: int = 8
    columns_per_converter: int = 8
    reference: Reference = "tracking"
    weak_sigma: float = 4.0

    def __post_init__(self) -> None:
        lengths = ("write_width", "write_length", "read_width", "read_length", "storage", "write_time", "edge_time")
        faults = [f"{name} = {getattr(self, name):g} must be positive" for name in lengths if getattr(self, name) <= 0]
        if not 2 <= self.levels <= 32:
            faults.append(f"levels = {self.levels} must be 2 .. 32")
        if self.v_high <= self.v_low:
            faults.append(f"v_high = {self.v_high:g} V must lie above v_low = {self.v_low:g} V")
        if self.v_hold >= self.v_write:
            faults.append(f"v_hold = {self.v_hold:g} V must lie below v_write = {self.v_write:g} V")
        if min(self.rows, self.columns, self.columns_per_converter, self.converter_bits) < 1:
            faults.append("rows, columns, columns_per_converter and converter_bits must be at least 1")
        if not 0.0 <= self.weak_sigma <= 4.0:
            faults.append(f"weak_sigma = {self.weak_sigma:g} must be 0 .. 4")
        if self.reference not in get_args(Reference):
            faults.append(f"reference = {self.reference!r} must be one of {', '.join(get_args(Reference))}")
        if faults:
            raise BeolithError(f"Gain-cell design: {'; '.join(faults)}.")
