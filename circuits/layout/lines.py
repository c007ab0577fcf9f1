"""Bit, word and supply lines of a cell: which there are, and the tracks they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..bitcells.base import DATA, Bitcell
from ..netlist import GROUND
from .placement import Sized
from .shapes import BIT_LINE, WORD_LINE, Shape


@dataclass(frozen=True)
class Lines:
    """Nodes that leave the cell, and those that no wire ever reaches.

    Attributes:
        words: What opens the cell; along the word lines, shared with the neighbours left and right.
        bits: What carries data or is sensed; along the bit lines, shared with the neighbours above and below.
        supplies: What never moves, ground among it; in whichever direction there is room, shared with all neighbours.
        alone: Those of them that touch capacitors only.
        bare: Nodes inside the cell that join two transistors in series and nothing else; they need no contact.
    """

    words: frozenset[str]
    bits: frozenset[str]
    supplies: frozenset[str]
    alone: frozenset[str]
    bare: frozenset[str]

    def on(self, sized: Sized, *, along_bits: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Lines of a tier along the word lines and along the bit lines, supplies with one or the other."""
        touched = {node for d in sized.devices for node in (d.gate, d.drain, d.source)} | self.alone
        words = self.words | (frozenset() if along_bits else self.supplies)
        bits = self.bits | (self.supplies if along_bits else frozenset())
        return tuple(sorted(words & touched)), tuple(sorted(bits & touched))


def lines_of(cell: Bitcell) -> Lines:
    """The lines of a cell, told from what moves in its operations."""
    words = {cell.write.word, cell.read.word}
    data = {name for op in (cell.write, cell.read) for name, voltage in op.voltages.items() if voltage in DATA}
    bits = ({*cell.sense} | data) - words
    ends = Counter(node for x in cell.transistors.values() for node in (x.drain, x.source))
    gates = {x.gate for x in cell.transistors.values()}
    plates = {node for x in cell.capacitors.values() for node in (x.a, x.b)}
    series = {node for node, count in ends.items() if count == 2} - gates - plates - {*cell.hold, GROUND}
    supplies = {*cell.hold, GROUND} - words - bits
    alone = {*cell.hold} - gates - set(ends)
    return Lines(*map(frozenset, (words, bits, supplies, alone, series)))


def tracks(words: Iterable[str], bits: Iterable[str], size: tuple[float, float], width: float) -> tuple[Shape, ...]:
    """Lines at equal distances over the whole cell.

    Args:
        words: Nodes along x.
        bits: Nodes along y.
        size: Width and height of the cell [m].
        width: Of a line [m].
    """
    words, bits = list(words), list(bits)
    across = [(n + 0.5) * size[1] / len(words) for n in range(len(words))]
    along = [(n + 0.5) * size[0] / len(bits) for n in range(len(bits))]
    return (
        *(
            Shape(WORD_LINE, net, 0.0, y - width / 2, size[0], y + width / 2)
            for net, y in zip(words, across, strict=True)
        ),
        *(Shape(BIT_LINE, net, x - width / 2, 0.0, x + width / 2, size[1]) for net, x in zip(bits, along, strict=True)),
    )
