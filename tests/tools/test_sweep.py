import contextlib
import importlib
import math
import multiprocessing
import operator
import socket

import pytest

from beolith import sweep
from beolith.errors import DataError, Interrupted, StudyError
from beolith.store import PointStore

POINTS = [{"x": float(x)} for x in range(5)]


def square(point):
    if point["x"] == 3:
        raise ZeroDivisionError("three is bad luck")
    return {"y": point["x"] ** 2}


class Counted:
    """A function that notes what it was asked, and may be stopped."""

    def __init__(self, stop_at=None):
        self.asked = []
        self.stop_at = stop_at

    def __call__(self, point):
        self.asked.append(point["x"])
        if point["x"] == self.stop_at:
            raise KeyboardInterrupt
        return {"y": point["x"] ** 2}


@pytest.fixture
def store(tmp_path):
    return PointStore(tmp_path)


def test_results_come_in_the_order_of_the_points(store):
    results = sweep.run(Counted(), POINTS, store)
    assert [r["y"] for r in results] == [0, 1, 4, 9, 16]
    assert {r["status"] for r in results} == {"ok"}


def test_a_failing_point_is_a_result_and_is_tried_again(store):
    results = sweep.run(square, POINTS, store)
    assert results[3] == {"status": "failed", "message": "ZeroDivisionError: three is bad luck"}
    assert [r["status"] for r in results] == ["ok", "ok", "ok", "failed", "ok"]
    again = Counted()
    assert sweep.run(again, POINTS, store)[3]["y"] == 9
    assert again.asked == [3.0]


UNREADABLE = """
from beolith.errors import DataError

def unreadable(point):
    if point["x"] == 3:
        raise DataError("images.gz: damaged")
    return {"y": point["x"]}
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_file_ends_the_sweep_and_finished_points_are_kept(store, workers, tmp_path, monkeypatch):
    (tmp_path / f"broken{workers}.py").write_text(UNREADABLE)
    monkeypatch.syspath_prepend(tmp_path)  # workers get the same path
    function = importlib.import_module(f"broken{workers}").unreadable
    with pytest.raises(DataError, match=r"^images\.gz: damaged$") as _held:
        sweep.run(function, POINTS, store, workers=workers)
    assert not multiprocessing.active_children()  # the cluster is down although the traceback still holds the sweep
    again = Counted()
    sweep.run(again, POINTS, store)
    assert 3.0 in again.asked
    assert workers > 1 or again.asked == [3.0, 4.0]


def test_a_stopped_sweep_resumes_and_never_recomputes(store):
    with pytest.raises(Interrupted, match=r"3 of 5 points are kept in .* run the same again"):
        sweep.run(Counted(stop_at=3.0), POINTS, store)
    rest = Counted()
    results = sweep.run(rest, POINTS, store)
    assert rest.asked == [3.0, 4.0]
    assert [r["y"] for r in results] == [0, 1, 4, 9, 16]


def test_a_cut_point_file_is_computed_again(store):
    sweep.run(Counted(), POINTS, store)
    victim = min((store.folder / "points").iterdir())
    victim.write_bytes(victim.read_bytes()[:-10])
    again = Counted()
    sweep.run(again, POINTS, store)
    assert len(again.asked) == 1


def test_another_context_or_a_fresh_start_computes_again(store):
    first, same, other, fresh = Counted(), Counted(), Counted(), Counted()
    sweep.run(first, POINTS, store, context={"card": "a"})
    sweep.run(same, POINTS, store, context={"card": "a"})
    sweep.run(other, POINTS, store, context={"card": "b"})
    sweep.run(fresh, POINTS, store, context={"card": "b"}, resume=False)
    assert [len(c.asked) for c in (first, same, other, fresh)] == [5, 0, 5, 5]


def test_equal_points_are_computed_once(store):
    counted = Counted()
    assert [r["y"] for r in sweep.run(counted, [POINTS[2]] * 3, store)] == [4, 4, 4]
    assert counted.asked == [2.0]


def test_a_stored_result_equals_a_fresh_one(store):
    def awkward(point):
        return {"nan": math.nan, "exact": 0.1 + 0.2, "text": "µ", "whole": 3}

    fresh, stored = (sweep.run(awkward, POINTS[:1], store)[0] for _ in range(2))
    assert math.isnan(fresh.pop("nan"))
    assert math.isnan(stored.pop("nan"))
    assert fresh == stored


def test_a_result_that_json_cannot_hold_is_a_failure(store):
    result = sweep.run(lambda point: {"y": object()}, POINTS[:1], store)[0]
    assert result["message"].startswith("DataError: a object cannot be written as JSON")


def test_progress_counts_up_from_what_is_there(store):
    sweep.run(Counted(), POINTS[:2], store)
    seen = []
    sweep.run(Counted(), POINTS, store, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (3, 5), (4, 5), (5, 5)]


def test_no_points_no_results(store):
    assert sweep.run(Counted(), [], store, workers=2) == []


def test_processes_give_the_same_results(store):
    points = [{"r": {"y": 1.0}}, {"r": {"y": 2.0}}, {"z": 1.0}]
    take = operator.itemgetter("r")  # a function that every process has
    results = sweep.run(take, points, store, workers=2)
    assert results == sweep.run(take, points, PointStore(store.folder / "serial"))
    assert results[1] == {"y": 2.0, "status": "ok", "message": ""}
    assert results[2] == {"status": "failed", "message": "KeyError: 'r'"}


def test_two_sweeps_may_run_at_once(store):
    with contextlib.suppress(OSError), socket.create_server(("", 8787)):  # where Dask likes to sit, here or elsewhere
        assert sweep.run(operator.itemgetter("r"), [{"r": {"y": 1.0}}], store, workers=2)[0]["y"] == 1.0


def test_a_cluster_that_does_not_answer(store, monkeypatch):
    import distributed

    def refuse(*_args, **_kwargs):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(StudyError, match="no Dask cluster answers at tcp://nowhere:1"):
        sweep.run(dict, POINTS, store, scheduler="tcp://nowhere:1")
