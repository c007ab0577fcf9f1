"""3T0C gain cell: a selector stands between the read transistor and the bit line, so that no sneak current flows.

WBL --[write, gate WWL]-- SN          RBL --[select, gate RWL]-- X --[read, gate SN]-- 0
"""

from .base import Between, Bitcell, Operation, Place

CELL = Bitcell(
    title="3T0C gain cell, oxide, with a read selector",
    transistors={
        "write": Place("wwl", "wbl", "sn", "belmonte2023_igzo", 70e-9, 45e-9),
        "read": Place("sn", "x", "0", "belmonte2023_igzo", 140e-9, 90e-9),
        "select": Place("rwl", "rbl", "x", "belmonte2023_igzo", 140e-9, 45e-9),
    },
    capacitors={"storage": Between("sn", "0", 1e-15, wiring=True)},
    storage=("sn",),
    hold={"wwl": "v_hold", "wbl": "v_low", "rwl": "v_hold", "rbl": "v_read"},
    write=Operation("wwl", {"wwl": "v_write", "wbl": "data"}),
    read=Operation("rwl", {"rwl": "v_write"}),
    sense=("rbl",),
    voltages={"v_low": 0.0, "v_high": 1.2, "v_read": 0.5, "v_write": 2.5, "v_hold": -0.8},
    most_levels=32,
)
