"""4T1C cell for products in the charge domain: a stored bit and its complement pass the input or 0 V to a capacitor.

    WBL  --[write, gate WWL]-- SN           IN --[pass, gate SN]-- X --[idle, gate SNB]-- 0
    WBLB --[write_bar, gate WWL]-- SNB                             X --||-- MAC

The charge that a step of IN brings to MAC is C V_IN where the bit is one; the level itself only opens gates and loses
nothing by being used.

References:
    liu2021_iedm (a retention-enhanced 4T1C cell of this kind; its abstract prints no schematic, the topology is ours).
"""

from .base import Between, Bitcell, Operation, Place

CELL = Bitcell(
    title="4T1C charge-domain compute cell, oxide",
    transistors={
        "write": Place("wwl", "wbl", "sn", "belmonte2023_igzo", 70e-9, 45e-9),
        "write_bar": Place("wwl", "wblb", "snb", "belmonte2023_igzo", 70e-9, 45e-9),
        "pass": Place("sn", "in", "x", "belmonte2023_igzo", 70e-9, 45e-9),
        "idle": Place("snb", "x", "0", "belmonte2023_igzo", 70e-9, 45e-9),
    },
    capacitors={
        "storage": Between("sn", "0", 0.5e-15, wiring=True),
        "storage_bar": Between("snb", "0", 0.5e-15, wiring=True),
        "product": Between("x", "mac", 2e-15),
    },
    storage=("sn", "snb"),
    hold={"wwl": "v_hold", "wbl": "v_low", "wblb": "v_low", "in": "v_low", "mac": "v_low"},
    write=Operation("wwl", {"wwl": "v_write", "wbl": "data", "wblb": "data_bar"}),
    read=Operation("in", {"in": "v_in"}),
    sense=("mac",),
    voltages={"v_low": 0.0, "v_high": 1.4, "v_in": 0.4, "v_write": 2.7, "v_hold": -0.8},
    sense_signal=0.02,
)
