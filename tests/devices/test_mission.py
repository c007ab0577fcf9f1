"""Missions: from segments, arrays and files; what is merged, what is refused, and in which words."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from beolith.cli import app
from beolith.devices import library
from beolith.devices.stress import mission_file
from beolith.devices.stress.aging import age, history
from beolith.devices.stress.mission import Segment, constant, from_arrays, power_down, profile
from beolith.errors import BeolithError, DataError, ExtrapolationWarning

GOOD = """
title: A day and a night
repeat: 2
segments:
  - {duration: 16 h, temperature: 85 degC, overdrive: 1.0 V, duty: 50 %}
  - {duration: 8 h, temperature: 25 degC}
"""


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture
def write(tmp_path: Path):
    def make(text: str) -> Path:
        path = tmp_path / "mission.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_arrays_and_segments_are_one_mission():
    device = library.load("liu2023_ito")
    durations, temperatures, overdrives = tensor(1e3, 1e4, 10.0), tensor(358, 300, 398), tensor(1.0, 0.0, 1.3)
    arrays = age(device.aging, from_arrays(durations, temperatures, overdrives, 0.5))
    listed = [s for row in zip(durations, temperatures, overdrives, strict=True) for s in constant(*row, 0.5)]
    segments = age(device.aging, listed)
    torch.testing.assert_close(arrays.threshold_shift, segments.threshold_shift, rtol=1e-14, atol=0)
    torch.testing.assert_close(arrays.donor_density, segments.donor_density, rtol=1e-14, atol=0)


def test_a_batch_of_devices_is_each_of_them():
    """Segments down, devices across; values shared by all devices or all segments are given once."""
    device = library.load("liu2023_ito")
    temperatures = torch.tensor([[300.0, 358.0], [358.0, 398.0]], dtype=torch.float64)
    durations, overdrives = tensor(1e3, 1e2), torch.tensor([[1.0, 0.5], [0.4, 1.5]], dtype=torch.float64)
    together = history(device.aging, from_arrays(durations, temperatures, overdrives)).threshold_shift
    assert together.shape == (2, 2)
    for i in range(2):
        alone = history(device.aging, from_arrays(durations, temperatures[:, i], overdrives[:, i])).threshold_shift
        torch.testing.assert_close(together[:, i], alone, rtol=1e-13, atol=0)


def test_equal_neighbours_are_one_segment():
    whole = profile([*constant(1.0, 300, 1.0), *constant(2.0, 300, 1.0), *power_down(3.0, 300), *power_down(4.0, 300)])
    merged = whole.merged()
    assert merged.segments.duration.tolist() == [3.0, 7.0]
    assert merged.segments.duty.tolist() == [1.0, 0.0]
    leaf = tensor(300.0).squeeze().requires_grad_()
    assert len(profile([*constant(1.0, leaf, 1.0), *constant(2.0, leaf, 1.0)]).merged()) == 2


def test_a_file_is_read(write):
    mission = mission_file.read(write(GOOD))
    assert mission.title == "A day and a night"
    assert not mission.feedback
    segments = mission.profile.segments
    assert segments.duration.tolist() == [57600, 28800] * 2
    assert segments.temperature.tolist() == pytest.approx([358.15, 298.15] * 2)
    assert segments.overdrive.tolist() == [1.0, 0.0] * 2
    assert segments.duty.tolist() == [0.5, 0.0] * 2


def test_gate_voltages_are_taken_from_the_threshold(write):
    text = """
    segments:
      - {duration: 1 s, temperature: 300 K, gate: 1.2 V, rest: -0.2 V, duty: 0.5, frequency: 1 MHz, rise_time: 10 ns}
      - {duration: 1 s, temperature: 400 K}
    """
    mission = mission_file.read(write(text), lambda t: 1e-3 * t)
    assert mission.feedback
    assert mission.profile.segments.overdrive.tolist() == pytest.approx([0.9, 0.0])
    assert mission.profile.segments.rest.tolist() == pytest.approx([-0.5, 0.0])
    assert mission.profile.pulsed == (True, False)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("16 h", "-16 h"), r"segments\[0\].duration: -16 h is outside 0 .. 1e\+30 s"),
        (("16 h", "16 K"), r"segments\[0\].duration: unit 'K' measures"),
        (("16 h", ".nan"), r"segments\[0\].duration: nan is outside"),
        (("16 h", "true"), r"segments\[0\].duration: True is not a number"),
        (("85 degC", "5000 degC"), r"segments\[0\].temperature: 5000 degC is outside 1 .. 2000 K"),
        (("50 %", "150 %"), r"segments\[0\].duty: 150 % is outside 0 .. 1"),
        (
            ("temperature: 25", "temperatures: 25"),
            r"temperatures: unknown key; did you mean 'temperature'",
        ),
        (("temperature: 25", "temperatures: 25"), r"segments\[1\].temperature: missing"),
        (("repeat", "repat"), "repat: unknown key; did you mean 'repeat'"),
        (("repeat: 2", "repeat: 0"), "repeat: 0 is not a whole number"),
        (("overdrive: 1.0 V", "overdrive: 1.0 V, gate: 1 V"), r"segments\[0\]: overdrive and gate exclude"),
        (("overdrive", "gate"), "gate voltages need a device"),
        (("duty: 50 %", "rise_time: 1 ns"), r"segments\[0\].rise_time: needs a frequency"),
        (("- {duration: 8 h, temperature: 25 degC}", "- 5"), r"segments\[1\]: a segment is a mapping"),
        (("title: A", "repeat: 3\ntitle: A"), "'repeat' is set twice"),
    ],
)
def test_a_faulty_file_is_refused_by_name(write, change: tuple[str, str], complaint: str):
    with pytest.raises(DataError, match=f"mission.yaml: .*{complaint}"):
        mission_file.read(write(GOOD.replace(*change)))


def test_all_faults_of_a_file_are_said_at_once(write):
    with pytest.raises(DataError) as caught:
        mission_file.read(write(GOOD.replace("16 h", "-1 s").replace("85 degC", "85 V").replace("title", "titles")))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("text", ["", "segments: []", "segments:", "[1, 2]", "segments: {a: 1}", "a: [", "segments: 3"])
def test_no_mission_is_an_error(write, text: str):
    with pytest.raises(DataError, match=r"mission\.yaml: "):
        mission_file.read(write(text))


def test_a_missing_file_is_an_error(tmp_path: Path):
    with pytest.raises(DataError, match="nowhere"):
        mission_file.read(tmp_path / "nowhere.yaml")


def arrays(**changes: Tensor):
    good = {"durations": tensor(1, 2), "temperatures": tensor(300, 310), "overdrives": tensor(1, 0)}
    return from_arrays(**{**good, **changes})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"durations": tensor(1, -2)}, r"duration = -2 \(segment 1\) is outside"),
        ({"durations": tensor(1, math.nan)}, r"duration = nan \(segment 1\)"),
        ({"temperatures": tensor(300, 1e4)}, "temperature = 10000 .* K"),
        ({"overdrives": tensor(math.inf, 0)}, "overdrive = inf"),
        ({"duties": tensor(1.0, 1.2)}, "duty = 1.2"),
        ({"temperatures": tensor(300)}, "temperature has 1 segments, others 2"),
        ({"durations": tensor(), "temperatures": tensor(), "overdrives": tensor()}, "no segment"),
        ({"rise_times": tensor(1e-9, 1e-9)}, "rise_time of segment 0 needs a finite frequency"),
    ],
)
def test_faulty_arrays_are_refused_by_name(changes: dict[str, Tensor], complaint: str):
    with pytest.raises(BeolithError, match=complaint):
        arrays(**changes)


def test_no_segment_is_no_profile():
    with pytest.raises(BeolithError, match="no segment"):
        profile([])


def test_segments_that_do_not_broadcast_are_refused():
    two, three = (Segment(torch.ones(n).double(), *tensor(300, 1, 1)) for n in (2, 3))
    with pytest.raises(BeolithError, match="one batch"):
        profile([two, three])


@pytest.mark.filterwarnings("error")
def test_a_card_warns_where_it_is_stretched_and_refuses_what_melts():
    device = library.load("silicon_45nm")
    with pytest.warns(ExtrapolationWarning, match="temperature 420"):
        device.age(constant(1.0, 420.0, 1.0))
    fragile = library.load("liu2023_ito", {"validity.stability_temperature": "180 degC"})
    fragile.age(constant(1.0, 440.0, 1.0))
    with pytest.raises(BeolithError, match="temperature 460 K is above 453"):
        fragile.age(constant(1.0, 460.0, 1.0))


def test_the_command_ages_a_card(write, tmp_path: Path):
    path = write(GOOD.replace("overdrive: 1.0 V", "gate: 1.0 V"))
    arguments = ["age", "liu2023_ito", str(path), "--limit", "100 mV", "--figure", str(tmp_path / "drift")]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["segments"]["time"] == [57600, 86400, 144000, 172800]
    assert found["segments"]["shift"][-1] > 0.1
    assert 0 < found["lifetime"] < 57600
    assert found["feedback"] is True
    assert sorted(p.suffix for p in tmp_path.glob("drift.*")) == [".csv", ".json", ".pdf", ".png"]
    page = CliRunner().invoke(app, arguments).stdout
    assert re.search(r"100 mV is reached after: [\d.]+", page)


@pytest.mark.parametrize(("option", "value"), [("--limit", "0 V"), ("--limit", "5 K"), ("--length", "3 V")])
def test_the_command_refuses_a_faulty_option(write, option: str, value: str):
    done = CliRunner().invoke(app, ["age", "liu2023_ito", str(write(GOOD)), option, value])
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1
