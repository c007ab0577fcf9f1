"""A CMOS technology by name: what the periphery under the array is built of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from beolith import card as cards
from beolith import registry
from beolith.card import parameter


@dataclass(frozen=True)
class NodeParameters:
    """Numbers of one CMOS node (SI)."""

    # fmt: off
    feature_size: Tensor = parameter("m", "F: drawn gate length", low=1e-9, high=1e-6)
    supply_voltage: Tensor = parameter("V", "V_DD", low=0.2, high=5)
    gate_capacitance: Tensor = parameter("F/m", "gate capacitance per width", low=1e-11, high=1e-8)
    on_current_n: Tensor = parameter("A/m", "n-channel on current per width", low=1, high=1e4)
    on_current_p: Tensor = parameter("A/m", "p-channel on current per width", low=1, high=1e4)
    off_current_n: Tensor = parameter("A/m", "n-channel off current per width", low=0, high=10)
    off_current_p: Tensor = parameter("A/m", "p-channel off current per width", low=0, high=10)
    inverter_delay: Tensor = parameter("s", "delay of an inverter with a fan-out of four", low=1e-13, high=1e-8)
    inverter_energy: Tensor = parameter("J", "energy of one cycle of that inverter", low=1e-18, high=1e-12)
    wire_resistance: Tensor = parameter("ohm/m", "resistance of an array wire", low=1e3, high=1e9)
    wire_capacitance: Tensor = parameter("F/m", "capacitance of an array wire", low=1e-12, high=1e-8)
    adder_energy_8bit: Tensor = parameter("J", "energy of an 8-bit addition", low=1e-17, high=1e-11)
    adder_energy_32bit: Tensor = parameter("J", "energy of a 32-bit addition", low=1e-17, high=1e-11)
    sram_read_energy_64bit: Tensor = parameter("J", "energy of a 64-bit read of a small SRAM", low=1e-15, high=1e-9)
    sram_cell_area: Tensor = parameter("m**2", "area of a six-transistor SRAM cell", low=1e-16, high=1e-10)
    full_adder_area: Tensor = parameter("m**2", "area of a full adder, per bit", low=1e-15, high=1e-9)
    register_area: Tensor = parameter("m**2", "area of a register, per bit", low=1e-15, high=1e-9)
    inverter_area: Tensor = parameter("m**2", "area of a minimum inverter", low=1e-16, high=1e-10)
    adc_figure_of_merit: Tensor = parameter("J", "Walden figure of merit, per conversion step",
                                            low=1e-18, high=1e-10)
    adc_bit_time: Tensor = parameter("s", "time per bit of a successive-approximation converter", low=1e-12, high=1e-6)
    adc_area: Tensor = parameter("m**2", "area of one converter", low=1e-12, high=1e-6)
    # fmt: on


@dataclass(frozen=True)
class Node:
    """A CMOS node and where its numbers come from."""

    card: cards.Card
    values: NodeParameters


def load(name: str) -> Node:
    """A CMOS node by the name of its card, or by the path of a card of one's own.

    Raises:
        CardError: Unknown name, or a fault in the card.
    """
    card = cards.load(registry.path("nodes", name), {"node": NodeParameters}, kind="node")
    values = {key: torch.tensor(value, dtype=torch.float64) for key, value in card.values("node").items()}
    return Node(card, NodeParameters(**values))
