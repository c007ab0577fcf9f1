import json

import pytest

from beolith import store, study
from beolith.errors import BeolithError, DataError, StudyError


def counted(path):
    return path.read_text().split() if path.exists() else []


def test_a_study_leaves_its_result_and_its_figure(ball, tmp_path):
    done = study.run(str(ball), {"gravity": "981 cm/s**2", "times": ["1 s", 2000e-3]}, out=tmp_path / "out")
    assert done.folder == tmp_path / "out" / "falling"
    assert {p.name for p in done.folder.iterdir()} == {
        "points", "result.nc", "figure.pdf", "figure.png", "figure.csv", "figure.json"
    }  # fmt: skip
    assert done.dataset["distance"].values == pytest.approx([4.905, 19.62])
    assert store.load_dataset(done.files["result"])["distance"].values == pytest.approx([4.905, 19.62])
    assert done.files["csv"].read_text().startswith("time [s],distance [m]\n1.0,4.905\n")
    assert done.failures == ()


def test_provenance_names_configuration_versions_cards_and_time(ball, tmp_path):
    done = study.run(str(ball), {"times": [1]}, out=tmp_path)
    origin = json.loads(done.files["json"].read_text())
    assert origin["config"]["gravity"] == 9.81
    assert origin["context"]["cards"]["ball"] == "0" * 64
    assert {"python", "numpy", "torch", "xarray", "beolith", "code"} <= origin["versions"].keys()
    assert origin["sources"] == ["own"]
    assert origin["created_at"].endswith("+00:00")


def test_a_second_run_computes_nothing_and_a_longer_axis_only_what_is_new(ball, tmp_path):
    log = tmp_path / "log"
    for times in ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0, 4.0]):
        study.run(str(ball), {"times": times, "log": str(log)}, out=tmp_path)
    assert counted(log) == ["1.0", "2.0", "4.0"]
    study.run(str(ball), {"times": [1.0], "log": str(log), "gravity": 1.6}, out=tmp_path)
    study.run(str(ball), {"times": [1.0], "log": str(log)}, out=tmp_path, resume=False)
    assert counted(log) == ["1.0", "2.0", "4.0", "1.0", "1.0"]


def test_a_failed_point_is_in_the_dataset(ball, tmp_path):
    done = study.run(str(ball), {"fail_at": "2 s"}, out=tmp_path)
    assert done.failures == ("ArithmeticError: the ball hit the ground",)
    assert done.dataset["message"].values.tolist() == ["", "ArithmeticError: the ball hit the ground", ""]


def test_a_study_whose_points_all_fail_is_an_error(ball, tmp_path):
    with pytest.raises(StudyError, match="all 1 points failed, the first with ArithmeticError: the ball"):
        study.run(str(ball), {"times": [1], "fail_at": 1}, out=tmp_path)


def test_all_faulty_settings_are_named(ball):
    with pytest.raises(StudyError) as caught:
        study.configure(study.get(str(ball)), {"gravty": 1, "gravity": -1, "times": ["1 V"], "log": 3})
    text = str(caught.value)
    for said in ["no option 'gravty'; did you mean 'gravity'?", "gravity: input should be greater than 0, not -1",
                 "times: unit 'V' measures", "log: input should be a valid string, not 3"]:  # fmt: skip
        assert said in text
    assert "\n" not in text


def test_nothing_is_computed_when_the_result_could_not_be_kept(ball, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BeolithError, match="cannot write to the output folder"):
        study.run(str(ball), {"log": str(tmp_path / "log")}, out=tmp_path / "file")
    assert counted(tmp_path / "log") == []


def test_nothing_is_computed_when_a_source_is_unknown(ball, tmp_path):
    ball.write_text(ball.read_text().replace('["own"]', '["nobody1900"]'))
    with pytest.raises(DataError, match="no reference 'nobody1900'"):
        study.run(str(ball), {"log": str(tmp_path / "log")}, out=tmp_path)
    assert counted(tmp_path / "log") == []


def test_a_references_file_beside_a_study_counts(ball, tmp_path):
    (tmp_path / "references.bib").write_text("@misc{nobody1900, title = {Nothing}}")
    ball.write_text(ball.read_text().replace('["own"]', '["nobody1900"]'))
    done = study.run(str(ball), out=tmp_path)
    assert "title = {Nothing}" in json.loads(done.files["json"].read_text())["bibtex"]


def test_a_references_file_beside_a_card_counts(ball, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "references.bib").write_text("@misc{nobody1900, title = {Nothing}}")
    (tmp_path / "mine" / "card.yaml").write_text("")
    ball.write_text(ball.read_text().replace('["own"]', '["nobody1900"]'))
    monkeypatch.chdir(tmp_path)
    done = study.run(str(ball), {"log": "mine/card.yaml"}, out=tmp_path / "out")
    (tmp_path / "mine" / "references.bib").unlink()
    assert "title = {Nothing}" in study.cite(done.dataset)  # a result keeps what it cites


def test_the_figure_is_drawn_again_from_the_file(ball, tmp_path):
    done = study.run(str(ball), {"log": str(tmp_path / "log")}, out=tmp_path)
    first = done.files["pdf"].read_bytes()
    done.files["pdf"].unlink()
    before = counted(tmp_path / "log")
    assert study.draw(done.folder)["pdf"].read_bytes() == first
    assert study.draw(done.files["result"]) == {k: v for k, v in done.files.items() if k != "result"}
    assert counted(tmp_path / "log") == before


def test_a_file_that_is_no_study_says_what_it_lacks(tmp_path):
    path = tmp_path / "half.py"
    path.write_text("TITLE = 'x'")
    with pytest.raises(StudyError, match="lacks Config, points, context"):
        study.get(str(path))


def test_options_describe_themselves(ball):
    times, gravity, *_ = study.options(study.get(str(ball)))
    assert times["name"] == "times"
    assert times["default"] == [1.0, 2.0, 3.0]
    assert (gravity["type"], gravity["unit"], gravity["doc"]) == ("float", "m/s**2", "Acceleration")
