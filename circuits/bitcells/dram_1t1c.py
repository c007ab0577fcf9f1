"""1T1C DRAM cell, oxide access transistor: a read shares the charge with the bit line, which ends the level.

BL --[access, gate WL]-- SN --||-- 0

The bit line rests at half of the swing, so that a level that has lost a quarter of it has lost half of its signal.
"""

from .base import Between, Bitcell, Operation, Place

CELL = Bitcell(
    title="1T1C DRAM cell, oxide access transistor",
    transistors={"access": Place("wl", "bl", "sn", "belmonte2023_igzo", 70e-9, 45e-9)},
    capacitors={"storage": Between("sn", "0", 5e-15)},
    storage=("sn",),
    hold={"wl": "v_hold", "bl": "v_half"},
    write=Operation("wl", {"wl": "v_write", "bl": "data"}),
    read=Operation("wl", {"wl": "v_write"}),
    sense=("bl",),
    voltages={"v_low": 0.0, "v_high": 1.0, "v_half": 0.5, "v_write": 2.3, "v_hold": -0.8},
    sense_signal=0.05,
    lost_share=0.25,
)
