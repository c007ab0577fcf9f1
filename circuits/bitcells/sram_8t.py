"""8T SRAM cell of silicon: a 6T cell for holding and writing, and two transistors that read it without disturbing it.

RBL --[select, gate RWL]-- X --[read, gate QB]-- 0
"""

from .base import Bitcell, Operation, Place

N, P = "silicon_45nm", "silicon_45nm_p"

CELL = Bitcell(
    title="8T SRAM cell, silicon",
    transistors={
        "pull_down_left": Place("qb", "q", "0", N, 90e-9, 17.5e-9),
        "pull_up_left": Place("qb", "q", "vdd", P, 60e-9, 17.5e-9),
        "pull_down_right": Place("q", "qb", "0", N, 90e-9, 17.5e-9),
        "pull_up_right": Place("q", "qb", "vdd", P, 60e-9, 17.5e-9),
        "pass_left": Place("wl", "bl", "q", N, 90e-9, 17.5e-9),
        "pass_right": Place("wl", "blb", "qb", N, 90e-9, 17.5e-9),
        "read": Place("qb", "x", "0", N, 150e-9, 17.5e-9),
        "select": Place("rwl", "rbl", "x", N, 150e-9, 17.5e-9),
    },
    storage=("q", "qb"),
    hold={"vdd": "v_high", "wl": "v_low", "bl": "v_high", "blb": "v_high", "rwl": "v_low", "rbl": "v_high"},
    write=Operation("wl", {"wl": "v_high", "bl": "data", "blb": "data_bar"}),
    read=Operation("rwl", {"rwl": "v_high"}),
    sense=("rbl",),
    voltages={"v_low": 0.0, "v_high": 1.0},
    static=True,
    pulse=1e-9,
    edge=20e-12,
)
