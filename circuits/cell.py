"""A bitcell made of transistors: at sizes, a temperature and a state for each of them, one cell or a batch.

    cell = build(load("gain_2t0c"), temperature=torch.tensor([300.0, 358.0]))

Everything broadcasts to one batch shape. Levels, where a function returns all of them, are an axis before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from beolith import registry
from beolith.errors import BeolithError, nearest

from ..devices import library
from ..devices.base import DeviceState
from ..devices.spread.variability import Sample
from .bitcells.base import DATA, Bitcell, Operation, Place
from .netlist import Capacitor, Circuit, Fet, volts


@dataclass(frozen=True)
class Cell:
    """A cell that can be solved.

    Attributes:
        kind: What it was built of.
        fets: Its transistors.
        capacitors: Its capacitors.
        voltages: By name [V].
    """

    kind: Bitcell
    fets: tuple[Fet, ...]
    capacitors: tuple[Capacitor, ...]
    voltages: Mapping[str, Tensor]

    @cached_property
    def shape(self) -> torch.Size:
        """Batch of the cell, without levels."""
        zero = torch.zeros((), dtype=torch.float64)
        shapes = [fet.model.current(zero, zero, zero).shape for fet in self.fets]
        values = (*(c.capacitance for c in self.capacitors), *self.voltages.values())
        return torch.Size(torch.broadcast_shapes(*shapes, *(value.shape for value in values)))

    @property
    def circuit(self) -> Circuit:
        """Transistors and capacitors, nothing that drives them."""
        return Circuit(self.kind.title, (*self.fets, *self.capacitors))

    @cached_property
    def data(self) -> Tensor:
        """Voltage that each level asks for, v_low ... v_high in equal steps, (level, *batch) [V]."""
        low, high = self.voltages["v_low"], self.voltages["v_high"]
        share = torch.linspace(0.0, 1.0, self.kind.levels, dtype=low.dtype, device=low.device)
        return low + share.reshape(-1, *[1] * len(self.shape)) * (high - low)

    @property
    def opposite(self) -> Tensor:
        """Voltage of the level at the other end, over which each is written where the worst is asked, as data [V]."""
        return torch.where(self.data > self.data.flip(0), self.data[:1], self.data[-1:])

    def named(self, name: str, data: Tensor) -> Tensor:
        """A voltage by its name, for a level of voltage ``data`` [V]."""
        match name:
            case "data":
                return data
            case "data_bar":
                return self.voltages["v_low"] + self.voltages["v_high"] - data
            case _:
                return self.voltages[name]

    def terminals(self, data: Tensor, operation: Operation | None = None, *, word: bool = True) -> dict[str, Tensor]:
        """Voltages of all terminals [V].

        Args:
            data: Voltage of the level [V].
            operation: What moves; nothing is holding.
            word: Whether the word has moved, or the lines alone.
        """
        moved = {} if operation is None else dict(operation.voltages)
        if operation is not None and not word:
            del moved[operation.word]
        return {terminal: self.named(moved.get(terminal, name), data) for terminal, name in self.kind.hold.items()}

    def stored(self, data: Tensor) -> dict[str, Tensor]:
        """Voltages of the storage nodes as the level asks for them; the second keeps the complement [V]."""
        return {node: self.named(name, data) for node, name in zip(self.kind.storage, DATA, strict=False)}


def load(name: str) -> Bitcell:
    """A bitcell by its name, or by the path of a file of one's own.

    Raises:
        BeolithError: There is none, or the file holds no ``CELL``.
    """
    module = registry.module("bitcells", name)
    cell = getattr(module, "CELL", None)
    if not isinstance(cell, Bitcell):
        raise BeolithError(f"bitcell {name!r}: the file must hold a Bitcell called CELL")
    return cell


def build(
    kind: Bitcell,
    temperature: Tensor | float = 300.0,
    *,
    states: Mapping[str, DeviceState] | None = None,
    shifts: Mapping[str, Tensor] | None = None,
    drawn: Mapping[str, Sample] | None = None,
) -> Cell:
    """A cell at a temperature and in a state.

    Args:
        kind: Which; :meth:`.Bitcell.with_` changes it.
        temperature: Lattice temperature, any shape [K].
        states: What the past has done, by transistor; ``*`` is all that are not named. None is fresh.
        shifts: Threshold shift beside that, by transistor, as by mismatch, any shape [V].
        drawn: How they deviate from the nominal ones, by transistor, as :mod:`.mismatch` draws it.

    Raises:
        BeolithError: No such transistor or card, or a size that cannot be.

    Warns:
        ExtrapolationWarning: A size or temperature lies outside the range of a card.
    """
    for name in (*(states or {}), *(shifts or {}), *(drawn or {})):
        if name not in kind.transistors and name != "*":
            raise BeolithError(f"bitcell {kind.title!r} has no transistor {name!r}; {nearest(name, kind.transistors)}")
    heat = torch.as_tensor(temperature, dtype=torch.float64)

    def fet(name: str, place: Place) -> Fet:
        device = library.load(place.card) if isinstance(place.card, str) else place.card
        state = (states or {}).get(name, (states or {}).get("*", DeviceState()))
        shift = (shifts or {}).get(name, (shifts or {}).get("*"))
        if shift is not None:
            state = state.replace(threshold_shift=state.threshold_shift + shift)
        size = volts(place.width), volts(place.length)
        varied = (drawn or {}).get(name)
        model = device.varied(varied, *size, heat, state) if varied else device.transistor(*size, heat, state)
        return Fet(name, place.gate, place.drain, place.source, model)

    return Cell(
        kind,
        tuple(fet(name, place) for name, place in kind.transistors.items()),
        tuple(Capacitor(name, x.a, x.b, volts(x.capacitance)) for name, x in kind.capacitors.items()),
        {name: volts(value) for name, value in kind.voltages.items()},
    )
