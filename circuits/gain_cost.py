"""Energy, time and area of every operation of a gain-cell macro, from geometry, voltages and the CMOS node.

Wires are charged rail to rail, a converter pays its Walden figure of merit times 2^bits (an upper bound: the figure is
per effective step), a row of cells pays its own read current.
The cell is drawn as two transistors side by side, each a gate between two contacts with a one-F space around.

References:
    Wire, converter and adder numbers: the card of the CMOS node. Layout rule: own, see docs/design.md.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Cost, Operation
from .design import GainCellDesign
from .node import NodeParameters

_ACCUMULATOR_BITS = 16
"""Width of a column's accumulator, assumed; its adder costs twice that of eight bits."""
_DRIVER_INVERTERS = 8
"""Area of the drivers of a row in minimum inverters, two lines of four, assumed; they are not sized yet."""
_MEAN_SQUARE = 1.0 / 3.0
"""Mean of (V/V_high)^2 over levels spread evenly from 0 to V_high, derived."""


def cell_area(d: GainCellDesign, node: NodeParameters) -> Tensor:
    """Area of one cell: two transistors of (L + 3 F) by (W + F) [m^2]."""
    f = node.feature_size
    return (d.write_length + 3.0 * f) * (d.write_width + f) + (d.read_length + 3.0 * f) * (d.read_width + f)


def costs(
    d: GainCellDesign, node: NodeParameters, mean_current: Tensor, gate_write: Tensor, restored: Tensor
) -> dict[Operation, Cost]:
    """Cost of every operation.

    Args:
        d: Sizes, voltages and times.
        node: The CMOS node of the periphery.
        mean_current: Read current of a cell, averaged over its levels [A].
        gate_write: Gate capacitance of one write transistor, open [F].
        restored: Charge that refreshing one cell puts back, averaged over its levels [C].
    """
    pitch = torch.sqrt(cell_area(d, node))
    row_wire = d.columns * pitch * node.wire_capacitance
    column_wire = d.rows * pitch * node.wire_capacitance
    zero = torch.zeros_like(node.supply_voltage)

    word = (row_wire + d.columns * gate_write) * (d.v_write - d.v_hold) ** 2
    bits = d.columns * (column_wire + d.storage) * d.v_high**2 * _MEAN_SQUARE
    write = Cost(word + bits, zero + d.write_time + 2.0 * d.edge_time, zero)

    drive = row_wire * d.v_read**2 + d.columns * mean_current * d.v_read * d.read_time
    driver_area = d.rows * _DRIVER_INVERTERS * node.inverter_area
    read = Cost(drive, zero + d.read_time, d.rows * d.columns * cell_area(d, node) + driver_area)

    convert = Cost(
        node.adc_figure_of_merit * 2.0**d.converter_bits, node.adc_bit_time * (d.converter_bits + 1.0), node.adc_area
    )
    add = Cost(
        node.adder_energy_8bit * _ACCUMULATOR_BITS / 8.0,
        node.inverter_delay * _ACCUMULATOR_BITS,
        (node.full_adder_area + node.register_area) * _ACCUMULATOR_BITS,
    )
    refresh = Cost(
        read.energy + d.columns * (convert.energy + restored * d.v_high) + write.energy,
        read.latency + d.columns_per_converter * convert.latency + write.latency,
        zero,
    )
    return {"write_row": write, "refresh_row": refresh, "read_row": read, "convert": convert, "shift_add": add}
