"""What edges of the terminals do to a storage node that floats, before anything leaks: its charge stays.

    Q_s(v_s + dv; terminals after) = Q_s(v_s; terminals before)

Nodes between transistors, which hold no level, are at rest before and after. The edge of the write word is faster than
the channel empties into the line, so that half of the channel's charge stays with the cell; a slow edge leaves less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from beolith.errors import BeolithError

from ...devices.thin_film import ThinFilmTransistor
from ..cell import Cell
from ..netlist import Capacitor, Fet
from .rest import Rest, rest


@dataclass(frozen=True)
class Coupling:
    """What one edge does to the first storage node, (level, *batch).

    Attributes:
        change: Of the node [V].
        channel: Part of it by the charge of channels; the rest comes through overlaps and capacitors [V].
        swing: Of the terminal [V].
    """

    change: Tensor
    channel: Tensor
    swing: Tensor

    @property
    def ratio(self) -> Tensor:
        """Change over swing [1]."""
        return self.change / self.swing


def floating(cell: Cell) -> tuple[str, ...]:
    """Storage nodes of a cell without feedback.

    Raises:
        BeolithError: The cell has feedback.
    """
    if cell.kind.static:
        raise BeolithError(f"bitcell {cell.kind.title!r} has feedback: nothing floats; see margins.snm")
    return cell.kind.storage


def jump(cell: Cell, stored: Mapping[str, Tensor], before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Rest:
    """The cell after its terminals have moved; differentiable.

    Args:
        cell: A cell whose storage nodes float.
        stored: Voltages of these nodes before [V].
        before: Voltages of the terminals before [V].
        after: The same after [V].
    """
    elements = _all(cell)
    kept = rest(elements, before, {}, swept=stored, charged=True).charges
    return rest(elements, after, stored, charges={node: kept[node] for node in stored})


def coupling(cell: Cell) -> dict[str, Coupling]:
    """Change of the first storage node by every edge that the cell sees with its word closed; differentiable.

    The word of the write closes over a cell that holds what was asked for; its other lines then return to rest; the
    terminals of the read move; sensed lines fall to v_low.

    Args:
        cell: The cell, one or a batch.

    Returns:
        By terminal, in this order; (level, *batch) each.

    Raises:
        BeolithError: The cell has feedback, or a transistor whose overlaps are not told from its channel.
    """
    floating(cell)
    kind, data = cell.kind, cell.data
    low = cell.voltages["v_low"].expand(data.shape)
    hold, written = cell.terminals(data), cell.terminals(data, kind.write)
    reading = cell.terminals(data, kind.read)
    closed = {**written, kind.write.word: hold[kind.write.word]}
    edges = {kind.write.word: (written, closed)}
    edges |= {line: (closed, {**closed, line: hold[line]}) for line in kind.write.voltages if line not in edges}
    edges |= {line: (hold, {**hold, line: reading[line]}) for line in kind.read.voltages if line not in edges}
    edges |= {line: (hold, {**hold, line: low}) for line in kind.sense if line not in edges}
    return {line: _coupling(cell, line, *both) for line, both in edges.items()}


def _coupling(cell: Cell, line: str, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Coupling:
    stored = cell.stored(cell.data)
    node = cell.kind.storage[0]
    change = jump(cell, stored, before, after).voltages[node] - stored[node]
    whole, channel = (_pushed(x, node, stored, before, after) for x in (_all(cell), _bare(cell)))
    share = torch.where(whole == 0.0, 0.0, channel / torch.where(whole == 0.0, 1.0, whole))
    return Coupling(change, share * change, (after[line] - before[line]).expand_as(change))


def _pushed(
    elements: Sequence[Fet | Capacitor],
    node: str,
    stored: Mapping[str, Tensor],
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
) -> Tensor:
    """Charge that the node would have to take if it stayed where it is [C]."""
    one, two = (rest(elements, held, {}, swept=stored, charged=True).charges[node] for held in (before, after))
    return two - one


def _all(cell: Cell) -> tuple[Fet | Capacitor, ...]:
    return (*cell.fets, *cell.capacitors)


def _bare(cell: Cell) -> tuple[Fet, ...]:
    """The transistors without overlaps and fringes."""
    zero = torch.zeros((), dtype=torch.float64)

    def bare(x: Fet) -> Fet:
        if not isinstance(x.model, ThinFilmTransistor):
            raise BeolithError(f"transistor {x.name!r}: only of T-EKV ones are overlaps told from the channel")
        channel = x.model.channel
        parameters = channel.parameters.replace(overlap_capacitance=zero, fringe_capacitance=zero)
        return replace(x, model=replace(x.model, channel=replace(channel, parameters=parameters)))

    return tuple(bare(x) for x in cell.fets)
