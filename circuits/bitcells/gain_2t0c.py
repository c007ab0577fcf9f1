"""2T0C gain cell of two oxide transistors: one charges the gate of the other, and nothing else stores.

    WBL --[write, gate WWL]-- SN          RBL --[read, gate SN]-- RWL

While WWL is low the storage node floats and loses its charge through the write transistor and through both gate
dielectrics. RWL rests at the voltage of RBL, so that an unselected cell carries nothing; selected, it goes to 0 V.
"""

from .base import Between, Bitcell, Operation, Place

CELL = Bitcell(
    title="2T0C gain cell, oxide write and read",
    transistors={
        "write": Place("wwl", "wbl", "sn", "belmonte2023_igzo", 70e-9, 45e-9),
        "read": Place("sn", "rbl", "rwl", "belmonte2023_igzo", 140e-9, 90e-9),
    },
    capacitors={
        "storage": Between("sn", "0", 1e-15, wiring=True),
        "couple_rwl": Between("sn", "rwl", 20e-18, wiring=True),
    },
    storage=("sn",),
    hold={"wwl": "v_hold", "wbl": "v_low", "rwl": "v_read", "rbl": "v_read"},
    write=Operation("wwl", {"wwl": "v_write", "wbl": "data"}),
    read=Operation("rwl", {"rwl": "v_select"}),
    sense=("rbl",),
    voltages={"v_low": 0.0, "v_select": 0.0, "v_high": 1.2, "v_read": 0.5, "v_write": 2.5, "v_hold": -0.8},
    most_levels=32,
)
