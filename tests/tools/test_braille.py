import math

from beolith import braille


def dots(text):
    """Set dots of a plot as (column, row) from the upper left."""
    bits = {
        0x01: (0, 0),
        0x02: (0, 1),
        0x04: (0, 2),
        0x40: (0, 3),
        0x08: (1, 0),
        0x10: (1, 1),
        0x20: (1, 2),
        0x80: (1, 3),
    }
    lines = [line.partition("|")[2] for line in text.splitlines() if "|" in line]
    return {
        (2 * column + x, 4 * row + y)
        for row, line in enumerate(lines)
        for column, cell in enumerate(line)
        for bit, (x, y) in bits.items()
        if (ord(cell) - 0x2800) & bit
    }


def test_a_diagonal_is_a_diagonal():
    """Two by four dots a character: a square canvas of 16 dots, from the lower left to the upper right."""
    found = dots(braille.plot("t", "x", [([0, 1], [0, 1])], width=8, height=4))
    assert found == {(i, 15 - i) for i in range(16)}


def test_a_decade_is_as_long_as_the_next():
    """An exponential is a straight line on a logarithmic axis."""
    x = [i / 100 for i in range(101)]
    found = dots(braille.plot("t", "x", [(x, [10 ** (3 * v) for v in x])], log=True, width=8, height=4))
    assert all(abs(column + row - 15) <= 1 for column, row in found)
    assert {(0, 15), (15, 0)} <= found


def test_the_axes_say_their_range():
    text = braille.plot("Current [A]", "V [V]", [([-1.0, 2.0], [1e-12, 3e-5])], log=True)
    assert text.startswith("Current [A]\n")
    for part in ("1e-04", "1e-12", "-1", "V [V]", "2"):
        assert part in text


def test_what_cannot_be_drawn_is_left_out():
    curves = [([0, 1, 2, 3], [1.0, math.nan, -1.0, 10.0])]
    assert len(dots(braille.plot("t", "x", curves, log=True))) > 2
    assert "nothing to draw" in braille.plot("t", "x", [([0.0], [math.nan])])
    assert dots(braille.plot("t", "x", [([0.0], [1.0])]))
