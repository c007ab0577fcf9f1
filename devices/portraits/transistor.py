"""A transistor card, drawn: transfer curves at a small and the typical drain voltage, output curves at four gates.

Tables hold voltages and currents of the device. A p-type one is drawn over -V_G and -V_D, so that it looks like its
mirror image.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from beolith import braille
from beolith.portrait import Portrait

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

LINEAR = 0.05
"""Small drain voltage, as a share of the typical one; transistors of 1 V are usually shown at 50 mV too [1]."""


def portrait(path: Path) -> Portrait:
    """Curves of the model that a card of the kind ``transistor`` feeds.

    Args:
        path: The card.
    """
    from ..library import load
    from ..typical_curves import merit, output, transfer, transistor

    name = path.stem
    device = load(str(path))
    t, chosen = device.typical, transistor(device)
    drains = torch.stack((LINEAR * t.drain, t.drain))
    gates = _gates(t.gate_off, t.gate_on)
    v_g, by_gate = transfer(device, drains)
    v_d, by_drain = output(device, gates)
    found, sign = merit(device), device.sign
    minus, kind = ("-", "p-type ") if sign < 0 else ("", "")
    size = f"W = {_length(chosen.width)}, L = {_length(chosen.length)}, {float(chosen.temperature):g} K"
    at = ", ".join(f"{v:.3g}" for v in drains.tolist())
    above = ", ".join(f"{v:.3g}" for v in gates.tolist())
    text = "\n\n".join(
        (
            f"The {kind}model at {size}: SS {1e3 * found.swing:.3g} mV/dec, V_T {found.threshold:.3g} V (100 nA W/L), "
            f"I_on {found.on_current:.3g} uA/um, I_off {1e-6 * found.off_current:.2g} A/um",
            braille.plot(
                f"Transfer, {minus}I_D [A/um], {minus}V_D = {at} V",
                f"{minus}V_G [V]",
                [(v_g.tolist(), (1e-6 * row).tolist()) for row in by_gate],
                log=True,
            ),
            braille.plot(
                f"Output, {minus}I_D [uA/um], {minus}V_G = {above} V",
                f"{minus}V_D [V]",
                [(v_d.tolist(), row.tolist()) for row in by_drain],
            ),
        )
    )
    drawn = (v_g, drains, by_gate), (v_d, gates, by_drain)
    transferred, put_out = ((sign * x, sign * v, sign * rows) for x, v, rows in drawn)
    curves = {
        "transfer": _curves(*transferred, "v_g", "v_d"),
        "output": _curves(*put_out, "v_d", "v_g"),
    }
    data = {
        "width": float(chosen.width),
        "temperature": float(chosen.temperature),
        **asdict(found),
        "unit": "SI, currents A/m",
        **curves,
    }

    def figure() -> Figure:
        return _figure(f"{name}, {size}", minus, *drawn)

    return Portrait(data, text, _table(transferred, put_out), figure)


def _gates(off: Tensor, on: Tensor) -> Tensor:
    """Four gate voltages of the output curves, in the upper half of the sweep [V]."""
    return on - (on - off) * torch.tensor([0.0, 0.15, 0.3, 0.45], dtype=torch.float64)


def _curves(x: Tensor, parameters: Tensor, rows: Tensor, x_name: str, parameter: str) -> dict[str, object]:
    return {x_name: x.tolist(), parameter: parameters.tolist(), "i_d_per_width": rows.tolist()}


def _length(value: Tensor) -> str:
    nanometres = 1e9 * float(value)
    return f"{nanometres:g} nm" if nanometres < 1000 else f"{nanometres / 1000:g} um"


def _table(transfer: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, Tensor, Tensor]) -> DataFrame:
    """All points, a row each."""
    import pandas as pd

    v_g, drains, by_gate = transfer
    v_d, gates, by_drain = output
    frames = [
        pd.DataFrame({"curve": "transfer", "v_g [V]": v_g, "v_d [V]": float(v), "i_d [A/m]": row})
        for v, row in zip(drains, by_gate, strict=True)
    ]
    frames += [
        pd.DataFrame({"curve": "output", "v_g [V]": float(v), "v_d [V]": v_d, "i_d [A/m]": row})
        for v, row in zip(gates, by_drain, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _figure(
    title: str, minus: str, transfer: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, Tensor, Tensor]
) -> Figure:
    """Transfer curves over output curves, in a column of a journal."""
    from beolith import figure as figures

    drawn = figures.new(height=4.6)
    with figures.style():
        upper, lower = drawn.subplots(2, 1)
        v_g, drains, by_gate = transfer
        for v, row in zip(drains.tolist(), by_gate, strict=True):
            upper.semilogy(v_g, 1e-6 * row, label=f"${minus}V_D$ = {v:.3g} V")
        upper.set(xlabel=f"${minus}V_G$ (V)", ylabel=f"${minus}I_D$ (A/µm)", title=title)
        v_d, gates, by_drain = output
        for v, row in zip(gates.tolist(), by_drain, strict=True):
            lower.plot(v_d, row, label=f"${minus}V_G$ = {v:.3g} V")
        lower.set(xlabel=f"${minus}V_D$ (V)", ylabel=f"${minus}I_D$ (µA/µm)", xlim=(0, None), ylim=(0, None))
        for axes in (upper, lower):
            axes.legend()
    return drawn
