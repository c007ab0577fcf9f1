"""6T SRAM cell of oxides alone, for tiers without silicon: n-type ITO, p-type SnO.

    BL --[pass_left, gate WL]-- Q = inverter(QB)          BLB --[pass_right, gate WL]-- QB = inverter(Q)

The p-type oxide is weak and hardly ever off: the cell is written with ease and leaks where a silicon cell does not.

References:
    chiang2025_edl (SnO over ITO in one stack; logic, not a memory).
"""

from .base import Bitcell, Operation, Place

N, P = "liu2023_ito", "chiang2025_sno"

CELL = Bitcell(
    title="6T SRAM cell, n-type and p-type oxide",
    transistors={
        "pull_down_left": Place("qb", "q", "0", N, 240e-9, 50e-9),
        "pull_up_left": Place("qb", "q", "vdd", P, 200e-9, 100e-9),
        "pull_down_right": Place("q", "qb", "0", N, 240e-9, 50e-9),
        "pull_up_right": Place("q", "qb", "vdd", P, 200e-9, 100e-9),
        "pass_left": Place("wl", "bl", "q", N, 120e-9, 50e-9),
        "pass_right": Place("wl", "blb", "qb", N, 120e-9, 50e-9),
    },
    storage=("q", "qb"),
    hold={"vdd": "v_high", "wl": "v_hold", "bl": "v_high", "blb": "v_high"},
    write=Operation("wl", {"wl": "v_high", "bl": "data", "blb": "data_bar"}),
    read=Operation("wl", {"wl": "v_high"}),
    sense=("bl", "blb"),
    voltages={"v_low": 0.0, "v_high": 2.0, "v_hold": -0.5},
    static=True,
)
