import pickle

import pytest

from beolith import errors


def test_nearest_names_the_name_that_was_meant():
    assert errors.nearest("threshold_volt", ["threshold_voltage", "mobility"]) == "did you mean 'threshold_voltage'?"


def test_nearest_lists_all_names_when_none_is_close():
    assert errors.nearest("xyz", ["b", "a"]) == "allowed: a, b"
    assert errors.nearest("xyz", []) == "there are none yet"


@pytest.mark.parametrize("kind", ["CardError", "StudyError", "DataError", "ConvergenceError", "Interrupted"])
def test_every_error_is_a_beolith_error_and_travels_between_processes(kind):
    error = getattr(errors, kind)("what, where")
    assert isinstance(error, errors.BeolithError)
    assert str(pickle.loads(pickle.dumps(error))) == "what, where"
