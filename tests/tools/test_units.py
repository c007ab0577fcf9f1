import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beolith import units
from beolith.errors import BeolithError

ELECTRON = 1.602176634e-19


@pytest.mark.parametrize(
    ("value", "unit", "si_unit", "expected"),
    [
        (12, "nm", "m", 12e-9),
        (85, "degC", "K", 358.15),
        (85, "°C", "K", 358.15),
        (10, "cm**2/(V*s)", "m**2/(V*s)", 1e-3),
        (10, "cm²/V/s", "m^2/(V*s)", 1e-3),
        (1, "1/(cm**2*eV)", "1/(m**2*J)", 1e4 / ELECTRON),
        (1, "cm^-3 eV^-1", "1/(m**3*J)", 1e6 / ELECTRON),
        (26, "meV", "J", 26e-3 * ELECTRON),
        (3, "%", "", 0.03),
        (60, "mV/dec", "V", 0.06),
        (2, "kohm/sq", "ohm", 2e3),
        (1, "aA/um", "A/m", 1e-12),
        (10, "year", "s", 315576000),
        (4, "1", "", 4),
    ],
)
def test_to_si(value, unit, si_unit, expected):
    assert units.to_si(value, unit, si_unit) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "si_unit", "expected"),
    [("358 K", "K", 358), ("85 degC", "K", 358.15), ("10 ns", "s", 1e-8), ("1e3", "V", 1000), (2.5, "V", 2.5),
     (" -3e-1mV ", "V", -3e-4), ("inf", "s", math.inf)],
)  # fmt: skip
def test_parse(text, si_unit, expected):
    assert units.parse(text, si_unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(3e-21, "A/m", "3 zA/m"), (358.15, "K", "358.15 K"), (999.9999, "V", "1 kV"), (1e-14, "m**2", "1e-14 m**2"),
     (3e8, "s", "3e+08 s"), (0, "V", "0 V"), (math.nan, "V", "nan V"), (0.5, "1", "0.5"), (-2e-9, "V/K", "-2 nV/K"),
     (1e-40, "A", "1e-40 A"), (2e-3, "m**2/(V*s)", "0.002 m**2/(V*s)")],
)  # fmt: skip
def test_pretty(value, unit, text):
    assert units.pretty(value, unit) == text


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ("nmm", "did you mean 'nm'"),
        ("zorkmid", "write it in SI"),
        ("V", "[length] is wanted here: 'm', 'nm'"),
        ("9**9**9**9", "not a product of units"),
        ("(m**9)**9)**9", "cannot be read"),
        ("m" * 10_000, "not a product of units"),
        ("m/0", "not a product of units"),
        ("((", "cannot be read"),
    ],
)
def test_a_bad_unit_says_what_is_wanted(unit, says):
    with pytest.raises(BeolithError) as caught:
        units.to_si(1, unit, "m")
    assert says in str(caught.value)


def test_parse_wants_a_number():
    with pytest.raises(BeolithError, match="is not a number with a unit"):
        units.parse("warm", "K")


def test_scale_of_an_offset_unit_is_its_step():
    assert units.scale("degC", "K") == pytest.approx(1)
    assert units.scale("nm", "m") == pytest.approx(1e-9)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(BeolithError):
        assert isinstance(units.parse(text, "m"), float)


@given(st.floats(min_value=-1e20, max_value=1e20), st.sampled_from(["A", "V/K", "K", "m**2", ""]))
def test_pretty_reads_back(value, unit):
    assert units.parse(units.pretty(value, unit), unit) == pytest.approx(value, rel=1e-4, abs=1e-300)
