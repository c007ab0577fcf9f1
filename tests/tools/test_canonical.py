import math
from pathlib import Path

import numpy as np
import pytest

from beolith.canonical import digest, plain, spell
from beolith.errors import DataError


def test_numpy_values_become_plain():
    given = {
        "a": np.float64(1.5),
        "b": np.arange(2),
        "c": (np.bool_(True), np.str_("x")),
        3: {"y", "x"},
        "p": Path("q/r"),
    }
    found = plain(given)
    assert found == {"a": 1.5, "b": [0, 1], "c": [True, "x"], "3": ["x", "y"], "p": "q/r"}
    assert type(found["a"]) is float
    assert type(found["c"][0]) is bool


def test_strict_json_has_no_nan():
    assert plain([math.nan, math.inf, 1.0], strict=True) == [None, None, 1.0]


def test_digest_sees_the_last_bit_but_not_the_order_of_keys():
    assert digest({"a": 0.1, "b": 1}) == digest({"b": 1, "a": 0.1})
    assert digest({"a": 0.1}) != digest({"a": math.nextafter(0.1, 1)})
    assert digest(math.nan) == digest(math.nan)


def test_digest_is_the_same_on_every_machine():
    assert spell({"b": [1, 2.0, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,2.0,null]}'
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_what_has_no_spelling_is_refused():
    with pytest.raises(DataError, match="a object cannot be written"):
        plain({"x": object()})
