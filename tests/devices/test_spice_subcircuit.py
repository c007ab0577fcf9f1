"""The exported subcircuit in ngspice against the Python model: currents, capacitances, sizes and temperatures."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from beolith.devices import library
from beolith.devices.base import DeviceState
from beolith.devices.contact_nodes import ends
from beolith.devices.export import spice
from beolith.devices.library import Device
from beolith.errors import BeolithError

from .conftest import tensor
from .test_veriloga import LEAKY, OHMIC, RICH

needs_ngspice = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is not installed (Debian package 'ngspice')"
)
FINE = ".options reltol=1e-6 abstol={!r} vntol=1e-9 gmin=1e-18"
STEP = 0.75
SWEEP = np.linspace(-1.0, 2.0, 5)


def ngspice(folder: Path, lines: Sequence[str], analysis: str, vectors: Sequence[str]) -> np.ndarray:
    """What ngspice finds for some vectors, shape (points, 1 + columns); the first column is the scale."""
    control = [".control", "set wr_singlescale", "set numdgt=15", analysis, f"wrdata out.txt {' '.join(vectors)}"]
    deck = ["test", *lines, *control, "quit", ".endc", ".end", ""]
    (folder / "deck.cir").write_text("\n".join(deck))
    done = subprocess.run(
        ["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert (folder / "out.txt").exists(), (done.stdout + done.stderr)[-800:]
    return np.loadtxt(folder / "out.txt", ndmin=2)


def swept(
    device: Device, folder: Path, cases: Sequence[Mapping[str, float]], options: str = FINE
) -> tuple[np.ndarray, np.ndarray, float]:
    """Current out of the source of each case, over gate and drain voltage: by ngspice, by the model, what rounds.

    Two volts are rounded to 4e-16 V, which the largest conductance, of the channel or a contact, turns into a current;
    gmin carries 2e-18 A. ngspice is asked for no more, because it would never get there.
    """
    v_g, v_d = (torch.tensor(x.ravel()) for x in np.meshgrid(SWEEP, SWEEP, indexing="ij"))
    expected, rounding = [], 2e-18
    for c in cases:
        state = DeviceState(threshold_shift=tensor(c["dvt"]))
        transistor = device.transistor(tensor(c["w"]), tensor(c["l"]), tensor(c["t"]), state)
        bias = [device.sign * v for v in (v_g, v_d, tensor(c["v_s"]))]
        current, conductances = transistor.current_and_conductances(*bias)
        expected.append(device.sign * (current + transistor.gate_current(*bias).source).numpy())
        conductance = float(torch.stack(conductances).abs().max())
        if transistor.contacts is not None:
            drops = ends(transistor.inner, *bias).resistance * transistor.coefficients.n_phi
            conductance += float(1.0 / drops.min())
        rounding = max(rounding, 1e-15 * conductance)

    lines = [spice.netlist(device), "vd d 0 0", "vg g 0 0", options.format(rounding)]
    for i, c in enumerate(cases):
        sizes = " ".join(f"{key}={value!r}" for key, value in c.items() if key != "v_s")
        lines += [f"vs{i} s{i} 0 {c['v_s']!r}", f"x{i} d g s{i} {device.card.key} {sizes}"]
    currents = [f"i(vs{i})" for i in range(len(cases))]
    table = ngspice(folder, lines, f"dc vd -1 2 {STEP} vg -1 2 {STEP}", currents)
    np.testing.assert_allclose(table[:, 0], v_d, atol=1e-12)
    return table[:, 1:].T, np.stack(expected), rounding


def grid(device: Device, temperatures: Sequence[float], sources: Sequence[float]) -> list[dict[str, float]]:
    shortest, longest = float(device.validity.shortest_length), float(device.validity.longest_length)
    lengths = dict.fromkeys((shortest, min(1e-6, longest)))
    return [
        {"v_s": v_s, "w": 0.7e-6 * (1 + i % 3), "l": length, "t": t, "dvt": 0.1 * (i % 2)}
        for i, (t, length, v_s) in enumerate(itertools.product(temperatures, lengths, sources))
    ]


@needs_ngspice
def test_currents_within_a_thousandth(device: Device, tmp_path: Path) -> None:
    """Instances of several sizes, temperatures and threshold shifts in one deck; what is allowed beside is rounding."""
    found, expected, rounding = swept(device, tmp_path, grid(device, (233.0, 398.0), (-1.0, 0.5, 2.0)))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2.0 * rounding)


@needs_ngspice
@pytest.mark.parametrize("changes", [RICH, RICH | OHMIC, RICH | OHMIC | LEAKY], ids=["rich", "ohmic", "leaky"])
@pytest.mark.parametrize("card", ["liu2023_ito", "silicon_45nm", "silicon_45nm_p"])
def test_every_term_is_in_it(card: str, changes: Mapping[str, str | float], tmp_path: Path) -> None:
    device = library.load(card, changes)
    found, expected, rounding = swept(device, tmp_path, grid(device, (300.0,), (-0.25, 1.0)))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2.0 * rounding)


@needs_ngspice
def test_it_converges_with_the_options_of_ngspice(device: Device, tmp_path: Path) -> None:
    """From any bias to any other; below its tolerance of 1 pA ngspice promises nothing."""
    found, expected, _ = swept(device, tmp_path, grid(device, (233.0, 300.0), (-0.25, 1.25)), "")
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-12)


@needs_ngspice
def test_capacitances_within_a_thousandth(device: Device, tmp_path: Path) -> None:
    """Small signals on the gate or the drain: the imaginary parts of the three currents are omega C."""
    biases = list(itertools.product((0.3, 1.5), (0.05, 1.2), (0.0,)))
    length, omega = device.validity.shortest_length, 2.0 * np.pi * 1e3
    lines, vectors = [spice.netlist(device), FINE.format(1e-15)], []
    for (i, bias), driven in itertools.product(enumerate(biases), "gd"):
        name = f"{driven}{i}"
        for node, v in zip("gds", (device.sign * v for v in bias), strict=True):
            lines.append(f"v{node}{name} {node}{name} 0 {v!r} {'ac 1' if node == driven else ''}")
            vectors.append(f"i(v{node}{name})")
        lines.append(f"x{name} d{name} g{name} s{name} {device.card.key} w=1u l={float(length)!r} t=330")
    row = ngspice(tmp_path, lines, f"ac lin 1 {omega / 2 / np.pi!r} {omega / 2 / np.pi!r}", vectors)[0]
    found = -row[2::2].reshape(len(biases), 2, 3) / omega
    transistor = device.transistor(tensor(1e-6), length, tensor(330.0))
    for bias, rows in zip(biases, found, strict=True):
        point = torch.tensor(bias, dtype=torch.float64)
        expected = torch.autograd.functional.jacobian(lambda v: torch.stack(transistor.charges(*v)), point).T[:2]
        np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-6 * float(expected.abs().max()))


def test_a_batch_is_no_subcircuit() -> None:
    device = library.load("liu2023_ito")
    size = (tensor(1e-6), device.validity.shortest_length)
    with pytest.raises(BeolithError, match=r"one transistor, not a batch of shape \(2,\)"):
        spice.subcircuit("it", device.transistor(*size, torch.tensor([300.0, 358.0], dtype=torch.float64)))
    shifts = DeviceState(threshold_shift=torch.zeros(3, dtype=torch.float64))
    with pytest.raises(BeolithError, match=r"one transistor, not a batch of shape \(3,\)"):
        spice.subcircuit("it", device.transistor(*size, tensor(300.0), shifts))


def test_no_line_is_long_and_changes_are_named() -> None:
    device = library.load("liu2023_ito")
    changed = library.load(device.card.key, {"tekv.mobility": "15 cm**2/(V*s)"})
    text = spice.netlist(changed)
    assert "CHANGED by the user: tekv.mobility = 15 cm**2/(V*s)." in text
    assert "CHANGED" not in spice.netlist(device)
    assert max(map(len, text.splitlines())) <= 120
