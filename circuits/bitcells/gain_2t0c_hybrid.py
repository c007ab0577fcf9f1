"""2T0C gain cell with an oxide write transistor over a silicon read transistor: oxide retention, silicon speed.

WBL --[write, oxide, gate WWL]-- SN          RBL --[read, silicon, gate SN]-- RWL
"""

from .base import Between, Bitcell, Operation, Place

CELL = Bitcell(
    title="2T0C gain cell, oxide write and silicon read",
    transistors={
        "write": Place("wwl", "wbl", "sn", "belmonte2023_igzo", 70e-9, 45e-9),
        "read": Place("sn", "rbl", "rwl", "silicon_45nm", 90e-9, 17.5e-9),
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
    voltages={"v_low": 0.0, "v_select": 0.0, "v_high": 0.8, "v_read": 0.5, "v_write": 2.2, "v_hold": -0.8},
    most_levels=32,
)
