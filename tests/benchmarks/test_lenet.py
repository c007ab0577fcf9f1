"""LeNet-5 on 10,000 images with converters, mismatch and retention loss: under 30 s on two cores.

The rival in the same run is the plain way: one matrix product for every input bit, every slice and every row tile.
"""

from __future__ import annotations

import time

import torch
from pytest_benchmark.fixture import BenchmarkFixture

from beolith import arch
from beolith.arch.layers import CimLinear
from beolith.circuits import node as nodes
from beolith.circuits.design import GainCellDesign
from beolith.circuits.gain_macro import Condition, build, calibrate
from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.workloads import networks


def test_ten_thousand_images(benchmark: BenchmarkFixture) -> None:
    torch.set_num_threads(2)
    design, device = GainCellDesign(), library.load("liu2023_ito")
    condition = Condition(torch.tensor([358.0], dtype=torch.float64), DeviceState(), DeviceState())
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(10_000, 1, 28, 28, generator=generator)
    with torch.no_grad():
        plan = calibrate(device, design)
        macro = build(device, design, nodes.load("cmos_45nm"), condition, [1.0], plan)[0][0]
    with torch.inference_mode():
        model = networks.build("lenet5", 1, 28, 10).eval()
        chip = arch.convert(model, arch.IdealMacro(128, 128, design.levels), arch.CimOptions(), images[:256])
        arch.reprogram(chip, macro)
        benchmark.pedantic(lambda: [chip(part) for part in images.split(1000)], rounds=1, warmup_rounds=1)
        layer = next(m for m in chip.modules() if isinstance(m, CimLinear))
        rival = _plain_seconds(layer, 2000)
        x = torch.rand(2000, layer.mapping.rows, generator=generator)
        layer(x)
        start = time.perf_counter()
        layer(x)
        ours = time.perf_counter() - start
    seconds = benchmark.stats.stats.min
    benchmark.extra_info.update(images_per_second=10_000 / seconds, first_dense_layer_speedup=rival / ours)
    assert seconds < 30


def _plain_seconds(layer: CimLinear, batch: int) -> float:
    """Time of one layer written out: bit by bit, slice by slice, tile by tile [s]."""
    codes = torch.randint(0, 256, (batch, layer.mapping.rows))
    assert layer.matrices is not None
    matrices = layer.matrices.float()
    start = time.perf_counter()
    total = torch.zeros(batch, layer.mapping.outputs)
    for bit in range(8):
        plane = ((codes >> bit) & 1).float()
        for s in range(layer.mapping.slices):
            for row in range(0, layer.mapping.rows, 128):
                column = plane[:, row : row + 128] @ matrices[s, row : row + 128]
                code = torch.round(column / layer.lsb[s]).clamp(-128, 127)
                total += code * layer.lsb[s] * 16.0**s * 2.0**bit
    return time.perf_counter() - start
