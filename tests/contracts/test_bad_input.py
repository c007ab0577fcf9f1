"""Bad input through the real command line and the real study: one paragraph, exit code 2, and never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from beolith import registry
from beolith.cli import app

STUDY = "material_to_accuracy"
QUICK = {"network": "mlp", "images": 10, "temperatures": [300.0], "hold_times": [1.0], "ages": [0.0]}


def line(*arguments, **settings):
    pairs = {**QUICK, "materials": ["belmonte2023_igzo"], **settings}
    return ["run", STUDY, *(f"--set={key}={json.dumps(value)}" for key, value in pairs.items()), *map(str, arguments)]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Run in an empty folder, with an empty cache and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("BEOLITH_DEBUG", raising=False)
    monkeypatch.setenv("BEOLITH_DATA", "")


def refused(*arguments):
    """The message; given to people and to programs alike."""
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("beolith: ")
    assert "\n\n" not in result.stderr.strip(), "more than one paragraph"
    assert "WARNING" not in result.stderr
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert again.exit_code == 2
    assert again.stdout.count("\n") == 1
    message = json.loads(again.stdout)["error"]["message"]
    assert result.stderr == f"beolith: {message}\n"
    return message


@pytest.fixture
def card(tmp_path):
    """A card of one's own: the published one with something replaced."""

    def write(**changes):
        text = registry.path("cards", "belmonte2023_igzo").read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        return "mine.yaml"

    return write


def test_the_quick_settings_are_good_ones(tmp_path):
    result = CliRunner().invoke(app, line("--out", tmp_path / "out"))
    assert result.exit_code == 0, result.stderr


def test_unknown_card():
    message = refused(*line(materials=["belmonte2023"]))
    assert "no 'belmonte2023'" in message
    assert "did you mean 'belmonte2023_igzo'?" in message


def test_misspelt_key(card):
    message = refused(*line(materials=[card(**{"  mobility: {": "  mobilty: {"})]))
    assert "mine.yaml: tekv.mobilty: unknown parameter; did you mean 'mobility'?" in message


def test_all_faults_of_a_card_are_reported_together(card):
    changes = {
        "value: 8, unit: nm": "value: 8, unit: V",
        "value: 12, unit": "value: 1.0e+9, unit",
        "how: fitted": "how: x",
    }
    message = refused(*line(materials=[card(**changes)]))
    assert message.count("mine.yaml: ") == 3
    assert "tekv.channel_thickness: unit 'V' measures" in message
    assert "[length] is wanted here: 'm', 'nm'" in message
    assert "tekv.mobility: 1e+09 cm**2/(V*s) is out of range; allowed: 0.01 cm**2/(V*s) to 1000" in message
    assert "'measured', 'fitted', 'derived' or 'assumed'" in message


def test_unknown_source_of_a_card(card):
    message = refused(*line(materials=[card(wang2025_ted="wang2025_tad")]))
    assert "'wang2025_tad'" in message
    assert "did you mean 'wang2025_ted'?" in message


def test_a_card_of_ones_own_may_cite_works_of_ones_own(card, tmp_path):
    (tmp_path / "references.bib").write_text("@misc{me2026, title = {Mine}}")
    result = CliRunner().invoke(app, line("--out", "out", materials=[card(wang2025_ted="me2026")]))
    assert result.exit_code == 0, result.stderr
    assert "title = {Mine}" in CliRunner().invoke(app, ["cite", f"out/{STUDY}"]).stdout


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temperature": 300}, "no option 'temperature'; did you mean 'temperatures'?"),
        ({"temperatures": ["3 V"]}, "temperatures: unit 'V' measures"),
        ({"levels": 1}, "levels: input should be greater than or equal to 2, not 1"),
        ({"node": "cmos45"}, "did you mean 'cmos_45nm'?"),
        ({"network": "lenet"}, "did you mean 'lenet5'?"),
        ({"dataset": "mnst"}, "no data set is called 'mnst'; did you mean 'mnist'?"),
        ({"overrides": {"tekv.mobilty": 1}}, "belmonte2023_igzo: tekv.mobilty: no such parameter; did you mean 'tekv."),
        ({"overrides": {"tekv.mobility": "3 V"}}, "belmonte2023_igzo: tekv.mobility: unit 'V' measures"),
        ({"overrides": {"tekv.mobility": -1}}, "tekv.mobility: -1 m**2/(V*s) is out of range; allowed: 1e-06 m**2"),
    ],
)
def test_options(settings, says):
    assert says in refused(*line(**settings))


@pytest.fixture
def images(tmp_path):
    """A folder of data sets with files that are IDX, yet not the published ones."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for split, count in (("train", 20), ("t10k", 10)):
        pixels = struct.pack(">4I", 0x803, count, 28, 28) + bytes(count * 784)
        (folder / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
        labels = struct.pack(">2I", 0x801, count) + bytes(count)
        (folder / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return folder


def test_wrong_checksum(images):
    message = refused(*line("--data", images.parent, dataset="mnist"))
    assert "t10k-images-idx3-ubyte.gz: expected the published file with MD5 9fb629c4189551a2d022fa330f9573f3" in message


def test_truncated_file(images):
    victim = images / "t10k-images-idx3-ubyte.gz"
    victim.write_bytes(victim.read_bytes()[:-10])
    message = refused(*line("--data", images.parent, dataset="mnist"))
    assert str(victim) in message
    assert f"found {victim.stat().st_size} bytes" in message


def test_missing_file(images):
    (images / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "but not t10k-labels-idx1-ubyte.gz" in refused(*line("--data", images.parent, dataset="mnist"))


def test_missing_folder_of_data():
    assert "--data nowhere: no such folder" in refused(*line("--data", "nowhere"))


def test_a_file_in_place_of_the_output_folder(tmp_path):
    (tmp_path / "out").write_text("")
    message = refused(*line("--out", tmp_path / "out"))
    assert f"cannot write to the output folder {tmp_path / 'out' / STUDY}" in message


def test_a_damaged_result(tmp_path):
    (tmp_path / "result.nc").write_bytes(b"CDF\1 and then nothing")
    assert "result.nc is damaged or no result of beolith" in refused("plot", "result.nc")


def test_an_interrupted_run_keeps_what_is_finished(tmp_path):
    arguments = line("--out", "out", images=500, hold_times=[10.0**k for k in range(-6, 6)], ages=[0.0, 1e8])
    command = [sys.executable, "-m", "beolith", *arguments]
    points = tmp_path / "out" / STUDY / "points"
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 120
        while not list(points.glob("*.json")) and time.monotonic() < deadline and run.poll() is None:
            time.sleep(0.005)
        os.kill(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    kept = {file: file.stat().st_mtime_ns for file in points.glob("*.json")}
    assert 0 < len(kept) < 24
    assert f"stopped; {len(kept)} of 24 points are kept in" in err
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.stderr
    assert len(list(points.glob("*.json"))) == 24
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
