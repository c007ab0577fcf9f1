"""6T SRAM cell of silicon: two inverters that hold each other, and two pass gates.

BL --[pass_left, gate WL]-- Q = inverter(QB)          BLB --[pass_right, gate WL]-- QB = inverter(Q)
"""

from .base import Bitcell, Operation, Place

N, P = "silicon_45nm", "silicon_45nm_p"

CELL = Bitcell(
    title="6T SRAM cell, silicon",
    transistors={
        "pull_down_left": Place("qb", "q", "0", N, 150e-9, 17.5e-9),
        "pull_up_left": Place("qb", "q", "vdd", P, 60e-9, 17.5e-9),
        "pull_down_right": Place("q", "qb", "0", N, 150e-9, 17.5e-9),
        "pull_up_right": Place("q", "qb", "vdd", P, 60e-9, 17.5e-9),
        "pass_left": Place("wl", "bl", "q", N, 90e-9, 17.5e-9),
        "pass_right": Place("wl", "blb", "qb", N, 90e-9, 17.5e-9),
    },
    storage=("q", "qb"),
    hold={"vdd": "v_high", "wl": "v_low", "bl": "v_high", "blb": "v_high"},
    write=Operation("wl", {"wl": "v_high", "bl": "data", "blb": "data_bar"}),
    read=Operation("wl", {"wl": "v_high"}),
    sense=("bl", "blb"),
    voltages={"v_low": 0.0, "v_high": 1.0},
    static=True,
    pulse=1e-9,
    edge=20e-12,
)
