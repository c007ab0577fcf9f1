"""A single transistor as an ngspice subcircuit, and what a deck refuses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from beolith.circuits.deck import SCALE
from beolith.devices import library
from beolith.devices.export.spice import subcircuit
from beolith.errors import BeolithError

from .conftest import f64


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')")
@pytest.mark.parametrize(("card", "length"), [("silicon_45nm", 17.5e-9), ("belmonte2023_igzo", 45e-9)])
def test_output_curves_within_a_thousandth(tmp_path: Path, card: str, length: float) -> None:
    """The silicon card has every outer factor on: velocity saturation, DIBL, length modulation, degradation."""
    transistor = library.load(card).transistor(f64(1e-6), f64(length), f64(300.0))
    deck = [
        "output curves",
        subcircuit("it", transistor, scale=SCALE),
        "vd d 0 1",
        "vg g 0 1",
        "x d g 0 it",
        ".options reltol=1e-6",
        ".control",
        "set wr_singlescale",
        "dc vd 0 1 0.05 vg 0 1 0.25",
        "wrdata out.txt i(vd)",
        "quit",
        ".endc",
        ".end",
        "",
    ]
    (tmp_path / "deck.cir").write_text("\n".join(deck))
    subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    v_d, current = np.loadtxt(tmp_path / "out.txt")[:, :2].T
    v_g = np.repeat(np.arange(5) * 0.25, 21)
    expected = transistor.current(torch.tensor(v_g), torch.tensor(v_d), f64(0.0)).numpy()
    np.testing.assert_allclose(-current / SCALE, expected, rtol=1e-3, atol=1e-3 * abs(expected).max() * 1e-6)


def test_a_batch_is_no_deck() -> None:
    batch = library.load("liu2023_ito").transistor(f64(1e-6), f64(45e-9), f64(300.0, 358.0))
    with pytest.raises(BeolithError, match=r"one transistor, not a batch of shape \(2,\)"):
        subcircuit("it", batch)
