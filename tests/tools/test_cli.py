import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from beolith import __version__, registry
from beolith.cli import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    for name in ("BEOLITH_DEBUG", "BEOLITH_DATA"):
        monkeypatch.delenv(name, raising=False)


def call(*arguments, code=0):
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def ask(*arguments, code=0):
    """The one JSON object on stdout."""
    return json.loads(
        call(*arguments, "--json", code=code).stdout,
        parse_constant=lambda name: pytest.fail(f"{name} is not JSON"),
    )


def test_version():
    assert call("--version").stdout == f"beolith {__version__}\n"


def test_list_names_every_kind():
    assert list(ask("list")) == list(registry.KINDS)
    assert list(ask("list", "studies")) == ["studies"]
    assert "kind" in call("list").stdout


def test_show_a_card(write_card):
    path = write_card()
    page = call("show", path).stdout
    for text in ("A ball", "mass", "12 g", "measured", "galilei1638", "Fig. 1", "It falls."):
        assert text in page
    mass = ask("show", path)["sections"]["body"]["mass"]
    assert (mass["value"], mass["unit"], mass["how"]) == (12, "g", "measured")


def test_show_a_study(ball):
    page = call("show", ball).stdout
    for text in ("How far does a ball fall?", "gravity", "m/s**2", "9.81", "Acceleration"):
        assert text in page
    assert ask("show", ball)["options"][1]["unit"] == "m/s**2"


def test_show_a_module(tmp_path):
    path = tmp_path / "cell.py"
    path.write_text('"""Two transistors and no capacitor."""')
    assert "Two transistors" in call("show", path, "--kind", "networks").stdout


def test_run_prints_one_object_even_if_the_study_chats(ball, tmp_path):
    found = ask("run", ball, "--set", "times=[1 s, 2 s]", "--set", "fail_at=2", "--out", tmp_path / "out")
    assert found["variables"]["distance"] == {"dims": ["time"], "units": "m", "values": [4.905, None]}
    assert found["variables"]["time"]["units"] == "s"
    assert found["failures"] == ["ArithmeticError: the ball hit the ground"]
    assert sorted(found["files"]) == ["csv", "json", "pdf", "png", "result"]


def test_run_plot_and_cite_for_people(ball, tmp_path):
    out = tmp_path / "out"
    assert "result.nc" in call("run", ball, "--out", out).stdout
    (out / "falling" / "figure.pdf").unlink()
    assert "figure.pdf" in call("plot", out / "falling").stdout
    assert (out / "falling" / "figure.pdf").is_file()
    assert "no published sources" in call("cite", out / "falling").stdout


def test_cite_a_card_uses_the_bibliography_beside_it(write_card):
    path = write_card()
    assert "@article{galilei1638" in call("cite", path).stdout
    assert "Two {New} Sciences" in ask("cite", path)["bibtex"]


def test_an_interrupted_run_says_what_is_kept_and_resumes(ball, tmp_path):
    stop, log = tmp_path / "stop", tmp_path / "log"
    stop.touch()
    line = ["run", ball, "--set", f"stop_at={stop}", "--set", f"log={log}", "--out", tmp_path / "out"]
    result = call(*line, code=130)
    assert "stopped; 1 of 3 points are kept" in result.stderr
    stop.unlink()
    call(*line)
    assert log.read_text().split() == ["1.0", "2.0", "2.0", "3.0"]
    call(*line, "--fresh")
    assert len(log.read_text().split()) == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "nobody"], "nothing is called 'nobody'"),
        (["list", "card"], "did you mean 'cards'?"),
        (["run", "nobody"], "studies have no 'nobody'"),
        (["run", "BALL", "--set", "gravty=3"], "did you mean 'gravity'?"),
        (["run", "BALL", "--set", "gravity"], "write key=value"),
        (["run", "BALL", "--set", "times=[1"], "is not YAML"),
        (["run", "BALL", "--set", "times=[1 V]"], "[time] is wanted here"),
        (["run", "BALL", "--set", "times="], "times: input should be"),
        (["run", "BALL", "--data", "/nowhere"], "no such folder"),
        (["run", "BALL", "--out", "BALL"], "cannot write to the output folder"),
        (["plot", "nowhere.nc"], "run the study first"),
        (["cite", "nowhere.nc"], "run the study first"),
        (["plot", "BALL"], "is damaged or no result"),
    ],
)
def test_a_fault_is_one_paragraph_and_exit_code_2(ball, arguments, says):
    arguments = [str(ball) if argument == "BALL" else argument for argument in arguments]
    result = call(*arguments, code=2)
    assert result.stdout == ""
    assert says in result.stderr
    assert result.stderr.strip().count("\n") == 0
    error = ask(*arguments, code=2)["error"]
    assert says in error["message"]
    assert error["type"].endswith("Error")


def test_equal_failures_are_told_once(ball, tmp_path):
    ball.write_text(ball.read_text().replace('point["time"] == config.fail_at', 'point["time"] >= 2'))
    result = call("run", ball, "--out", tmp_path / "out")
    assert result.stdout.count("the ball hit the ground") == 1
    assert "2 failed" in result.stdout
    assert result.stderr == ""
    assert len(ask("run", ball, "--out", tmp_path / "out")["failures"]) == 2


def test_a_faulty_card_is_reported_with_all_its_faults(write_card):
    result = call("show", write_card("title: 3\nbody: {mass: 1, size: 2}"), code=2)
    assert result.stderr.count("ball.yaml: ") == 3


@pytest.mark.parametrize("line", ["--bogus", "run", "list --bogus", "run x --workers 0", "bogus"])
def test_a_usage_error_is_exit_code_2(line):
    call(*line.split(), code=2)


def test_a_bug_says_so_without_a_traceback_unless_asked(ball, monkeypatch):
    ball.write_text(ball.read_text().replace("def points(config):", "def points(config):\n    1 / 0"))
    result = call("run", ball, "--out", ball.parent, code=1)
    assert "this is a bug in beolith, please report it: ZeroDivisionError" in result.stderr
    assert ask("run", ball, "--out", ball.parent, code=1)["error"]["type"] == "ZeroDivisionError"
    line = ["run", str(ball), "--out", str(ball.parent)]
    for debugged in (runner.invoke(app, [*line, "--debug"]), runner.invoke(app, line, env={"BEOLITH_DEBUG": "1"})):
        assert debugged.exit_code == 1
        assert "Traceback" in debugged.stderr


def test_data_reaches_the_study(ball, tmp_path, monkeypatch):
    monkeypatch.setenv("BEOLITH_DATA", "before")
    call("run", ball, "--data", tmp_path, "--out", tmp_path / "out")
    assert os.environ["BEOLITH_DATA"] == str(tmp_path)


def test_help_and_import_are_light():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom beolith.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['list']).exit_code == 0\n"
        "heavy = {'torch', 'matplotlib', 'xarray', 'pandas', 'numpy', 'pint', 'distributed', 'bibtexparser'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n", done.stderr


def test_a_reader_that_leaves_is_no_error():
    code = "import sys; from beolith.cli import main; sys.argv = ['beolith', 'list', '--json']; main()"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""


def test_python_dash_m():
    done = subprocess.run([sys.executable, "-m", "beolith", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"beolith {__version__}\n"


def test_workers_compute_the_same_and_keep_stdout_clean(ball, tmp_path):
    line = ["run", str(ball), "--out", str(tmp_path / "out"), "--fresh"]
    command = [sys.executable, "-m", "beolith", *line, "--workers", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ask(*line)
    assert "a study that chats" in done.stderr
