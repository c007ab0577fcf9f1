"""Every example runs, and says the numbers that are written here."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def quickstart(names):
    assert float(names["on_current"].detach()) == pytest.approx(7.35e-6, rel=0.05)
    assert float(names["mobility"].grad) == pytest.approx(float(names["on_current"].detach()) / 1.2e-3, rel=1e-3)
    accuracy = names["ds"]["accuracy"].squeeze()
    assert accuracy.sel(hold_time=1e-6) > 0.9
    assert accuracy.sel(hold_time=100) == pytest.approx(float(accuracy[0]), abs=0.03)  # 85 degC, 100 s: it still knows
    assert float(names["ds"]["retention_time"].min()) == pytest.approx(2.6e3, rel=0.3)


CHECKS = {"quickstart": quickstart}


def test_every_example_is_checked():
    assert {file.stem for file in EXAMPLES} == set(CHECKS)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_runs(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    CHECKS[file.stem](runpy.run_path(str(file)))
    assert capsys.readouterr().out


def test_the_readme_shows_the_quickstart_as_it_is():
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    assert shown.strip()
    code = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    assert shown.strip() == code.partition('"""\n\n')[2].strip()
