"""`beolith export`: what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from beolith.cli import app

runner = CliRunner()


def export(*arguments: object, code: int = 0) -> str:
    result = runner.invoke(app, ["export", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output if code else result.stdout


@pytest.mark.parametrize(
    ("language", "suffix", "start"), [("--verilog-a", ".va", "module"), ("--spice", ".cir", ".sub")]
)
def test_it_writes_a_file_named_like_the_card(
    language: str, suffix: str, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = json.loads(export("liu2023_ito", language, "--json"))
    assert data["file"] == f"liu2023_ito{suffix}"
    assert data["name"] == "liu2023_ito"
    text = (tmp_path / data["file"]).read_text()
    assert any(line.startswith(start) and "liu2023_ito" in line for line in text.splitlines())

    assert "already there; --force replaces it" in export("liu2023_ito", language, code=2)
    assert (tmp_path / data["file"]).read_text() == text
    export("liu2023_ito", language, "--force", "--set", "tekv.mobility=15 cm**2/(V*s)")
    assert "CHANGED by the user: tekv.mobility = 15" in (tmp_path / data["file"]).read_text()


def test_it_refuses_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "it.cir"
    out = ("--out", file)
    assert "--verilog-a or --spice" in export("liu2023_ito", *out, code=2)
    assert "--verilog-a or --spice" in export("liu2023_ito", "--spice", "--verilog-a", *out, code=2)
    assert "did you mean 'liu2023_ito'?" in export("liu2023_it", "--spice", *out, code=2)
    assert "did you mean 'tekv.mobility'?" in export("liu2023_ito", "--spice", "--set", "tekv.mobilty=1", *out, code=2)
    assert "write key=value" in export("liu2023_ito", "--spice", "--set", "tekv.mobility", *out, code=2)
    assert "out of range" in export("liu2023_ito", "--spice", "--set", "tekv.mobility=nan", *out, code=2)
    assert "cannot be written" in export("liu2023_ito", "--spice", "--out", tmp_path / "no" / "it.cir", code=2)
    assert "cannot be written" in export("liu2023_ito", "--spice", "--force", "--out", tmp_path, code=2)
    assert not file.exists()
