"""6T SRAM cell with oxide pass gates over silicon inverters: four transistors in the front end, two in the back end.

    BL --[pass_left, oxide, gate WL]-- Q = inverter(QB)          BLB --[pass_right, oxide, gate WL]-- QB = inverter(Q)

The pass gates lie above the inverters and may be wide; their word line has a supply of its own, because they must win
against a silicon pull-up.
"""

from .base import Bitcell, Operation, Place

N, P = "silicon_45nm", "silicon_45nm_p"

CELL = Bitcell(
    title="6T SRAM cell, oxide pass gates over silicon",
    transistors={
        "pull_down_left": Place("qb", "q", "0", N, 150e-9, 17.5e-9),
        "pull_up_left": Place("qb", "q", "vdd", P, 60e-9, 17.5e-9),
        "pull_down_right": Place("q", "qb", "0", N, 150e-9, 17.5e-9),
        "pull_up_right": Place("q", "qb", "vdd", P, 60e-9, 17.5e-9),
        "pass_left": Place("wl", "bl", "q", "liu2023_ito", 120e-9, 50e-9),
        "pass_right": Place("wl", "blb", "qb", "liu2023_ito", 120e-9, 50e-9),
    },
    storage=("q", "qb"),
    hold={"vdd": "v_high", "wl": "v_hold", "bl": "v_high", "blb": "v_high"},
    write=Operation("wl", {"wl": "v_write", "bl": "data", "blb": "data_bar"}),
    read=Operation("wl", {"wl": "v_write"}),
    sense=("bl", "blb"),
    voltages={"v_low": 0.0, "v_high": 1.0, "v_write": 2.0, "v_hold": -0.5},
    static=True,
    pulse=1e-9,
    edge=20e-12,
)
