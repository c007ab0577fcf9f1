"""2T0C gain cell with an oxide write transistor over a silicon read transistor: oxide retention, silicon speed.

WBL --[write, oxide, gate WWL]-- SN          RBL --[read, silicon, gate SN]-- RWL
"""

from . import gain_2t0c

CELL = gain_2t0c.CELL.with_(
    title="2T0C gain cell, oxide write and silicon read",
    cards={"read": "silicon_45nm"},
    widths={"read": 90e-9},
    lengths={"read": 17.5e-9},
    voltages={"v_high": 0.8, "v_write": 2.2},
)
