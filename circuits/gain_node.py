"""2T0C gain cell: a write transistor charges the gate of a read transistor; nothing else stores.

    WBL --[write, gate WWL]-- SN          RBL --[read, gate SN]-- RWL

The storage node SN floats while WWL is low; it then loses its charge through the write transistor and, where the card
has gates leak, through the gate dielectrics of both. Selected for reading, RWL goes to 0 V and the read transistor
conducts according to V_SN; unselected, RWL rests at the RBL voltage and it carries nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..devices.base import Transistor
from .waveform import Voltages

TERMINALS = ("wwl", "wbl", "rwl", "rbl")


@dataclass(frozen=True)
class Gain2T0C:
    """One 2T0C cell, or a batch; everything broadcasts.

    Attributes:
        write: Transistor between WBL and SN.
        read: Transistor between RBL and RWL, gate at SN.
        storage: Capacitance from SN to ground beside the transistors' own [F].
        couple_wwl: Wiring capacitance from SN to WWL, beside the overlap of the write transistor [F].
        couple_rwl: The same to RWL [F].
        couple_rbl: The same to RBL [F].
    """

    write: Transistor
    read: Transistor
    storage: Tensor
    couple_wwl: Tensor
    couple_rwl: Tensor
    couple_rbl: Tensor

    def node(self, v_sn: Tensor, u: Voltages) -> tuple[Tensor, Tensor]:
        """Charge on the storage node [C] and current into it [A].

        Args:
            v_sn: Storage-node voltage [V].
            u: Voltages of wwl, wbl, rwl and rbl [V].
        """
        current, channel = self.write.current_and_charges(u["wwl"], u["wbl"], v_sn)
        linear = (
            self.storage * v_sn
            + self.couple_wwl * (v_sn - u["wwl"])
            + self.couple_rwl * (v_sn - u["rwl"])
            + self.couple_rbl * (v_sn - u["rbl"])
        )
        gate = self.read.charges(v_sn, u["rbl"], u["rwl"]).gate
        into = self.write.gate_current(u["wwl"], u["wbl"], v_sn).source
        out = self.read.gate_current(v_sn, u["rbl"], u["rwl"])
        return linear + channel.source + gate, current + into - out.drain - out.source

    def read_current(self, v_sn: Tensor, v_rbl: Tensor) -> Tensor:
        """Current that a selected cell draws from RBL [A]."""
        return self.read.current(v_sn, v_rbl, torch.zeros_like(v_rbl))
