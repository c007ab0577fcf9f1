"""2T1C gain cell for analogue products: a 2T0C cell with a capacitor, which holds more levels for longer.

    WBL --[write, gate WWL]-- SN --||-- 0          RBL --[read, gate SN]-- RWL

References:
    saito2020_ted (an IGZO compute cell of this kind).
"""

from .base import Between, Bitcell, Operation, Place

CELL = Bitcell(
    title="2T1C gain cell, oxide, with a storage capacitor",
    transistors={
        "write": Place("wwl", "wbl", "sn", "belmonte2023_igzo", 70e-9, 45e-9),
        "read": Place("sn", "rbl", "rwl", "belmonte2023_igzo", 140e-9, 90e-9),
    },
    capacitors={"storage": Between("sn", "0", 5e-15), "couple_rwl": Between("sn", "rwl", 20e-18, wiring=True)},
    storage=("sn",),
    hold={"wwl": "v_hold", "wbl": "v_low", "rwl": "v_read", "rbl": "v_read"},
    write=Operation("wwl", {"wwl": "v_write", "wbl": "data"}),
    read=Operation("rwl", {"rwl": "v_select"}),
    sense=("rbl",),
    voltages={"v_low": 0.3, "v_select": 0.0, "v_high": 1.2, "v_read": 0.5, "v_write": 2.5, "v_hold": -0.8},
    sense_signal=0.02,
    levels=4,
    most_levels=32,
)
