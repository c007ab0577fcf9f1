"""LeNet-5 on real MNIST, one epoch: ideal cells cost nothing, the best material right after refresh next to nothing.

The full recipe of twenty epochs reaches 99.4 % in float; one epoch is what a test may cost.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from beolith import arch, workloads
from beolith.circuits import node as nodes
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import Condition, build, calibrate
from beolith.devices import library
from beolith.devices.base import DeviceState

FOLDER = Path(os.environ.get("BEOLITH_DATA", Path(__file__).parents[3] / "shared" / "data"))
FILE = "train-images-idx3-ubyte.gz"


@pytest.mark.skipif(
    not any((folder / FILE).exists() for folder in (FOLDER, FOLDER / "mnist")),
    reason="no MNIST files: set BEOLITH_DATA to the folder that holds them",
)
def test_lenet_on_the_gain_cell_chip(tmp_path: Path) -> None:
    trained = workloads.train("lenet5", "mnist", epochs=1, folder=FOLDER, cache=tmp_path)
    test = workloads.load("mnist", "test", FOLDER).first(4000)
    calibration = workloads.load("mnist", "train", FOLDER).first(256)
    design, device = GainCellDesign(), library.load("liu2023_ito")
    room = Condition(torch.tensor([300.0], dtype=torch.float64), DeviceState(), DeviceState())
    with torch.inference_mode():
        chip = arch.convert(trained.module, arch.IdealMacro(128, 128, 16), arch.CimOptions(), calibration.images)
        floating, ideal = workloads.evaluate(trained.module, test), workloads.evaluate(chip, test)
        plan = calibrate(device, design)
        times = [0.0, 1e5]
        fresh, forgotten = build(device, design, nodes.load("cmos_45nm"), room, times, plan)[0]
        arch.reprogram(chip, fresh)
        physical = workloads.evaluate(chip, test)
        arch.reprogram(chip, forgotten)
        lost = workloads.evaluate(chip, test)
    assert floating >= 0.96
    assert abs(ideal - floating) <= 0.003
    assert floating - physical <= 0.01
    assert lost < 0.2
