"""Several transistors in one call: equal kernels, coefficients stacked along a new first axis.

A cell has two to ten transistors, and a call to a kernel costs more than its arithmetic until there are hundreds of
elements; stacked, the transistors of a cell cost about as much as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from . import contacts, gate_leakage, tekv
from .base import Charges, Conductances, GateCurrent, Linearised, Transistor
from .contact_nodes import Contacted
from .gate_leakage import Leakage
from .parallel import extent, in_chunks, narrow
from .tekv import Coefficients
from .thin_film import ThinFilmTransistor

T = TypeVar("T")


@dataclass(frozen=True)
class Bank:
    """Transistors of one kind, stacked; biases and results have the transistor first, then the flat batch.

    Attributes:
        members: Places of the transistors in the list that the bank was made of.
        inner: Coefficients of the channels and, if there are any, their contacts.
        leakage: Coefficients of the gate dielectrics, None where they do not leak.
    """

    members: tuple[int, ...]
    inner: Coefficients | Contacted
    leakage: Leakage | None

    @property
    def _kernels(self) -> Any:
        return contacts if isinstance(self.inner, Contacted) else tekv

    @cached_property
    def _reach(self) -> Tensor:
        return extent(self.inner)

    def _run(self, kernel: Callable[..., T], *biases: Tensor) -> T:
        if narrow(biases[0].numel()):
            return kernel(self.inner, *biases)
        return in_chunks(kernel, self.inner, self._reach, *biases)

    @property
    def leaks(self) -> bool:
        """Whether the gate dielectrics leak."""
        return self.leakage is not None

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain currents [A]."""
        kernel: Callable[..., Tensor] = self._kernels.drain_current
        return self._run(kernel, v_g, v_d, v_s)

    def current_and_conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Conductances]:
        """Drain currents [A] and their slopes [A/V]."""
        kernel: Callable[..., tuple[Tensor, Conductances]] = self._kernels.current_and_conductances
        return self._run(kernel, v_g, v_d, v_s)

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain currents [A] and terminal charges [C]."""
        kernel: Callable[..., tuple[Tensor, Charges]] = self._kernels.current_and_charges
        return self._run(kernel, v_g, v_d, v_s)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """The same with slopes."""
        kernel: Callable[..., Linearised] = self._kernels.linearised
        return self._run(kernel, v_g, v_d, v_s)

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent | None:
        """Leakage of the gate dielectrics [A], None where they do not leak."""
        return None if self.leakage is None else gate_leakage.gate_current(self.leakage, v_g, v_d, v_s)

    def part(self, which: Tensor) -> Bank:
        """The same for some elements of the flat batch, whose places are given, (n,)."""

        def some(leaf: Tensor) -> Tensor:
            return leaf if leaf.shape[-1] == 1 else leaf.index_select(-1, which)

        inner = pytree.tree_map(some, self.inner)
        return Bank(self.members, inner, None if self.leakage is None else pytree.tree_map(some, self.leakage))


@dataclass(frozen=True)
class Single:
    """One transistor of any other kind as a bank of its own.

    Attributes:
        members: Its place in the list.
        transistor: Any transistor.
        shape: Batch of the circuit, which is flat in a bank.
        which: Places in the flat batch that are wanted, (n,); None for all of it.
    """

    members: tuple[int, ...]
    transistor: Transistor
    shape: torch.Size
    which: Tensor | None = None

    @property
    def leaks(self) -> bool:
        """Whether the gate dielectric may leak."""
        return True

    def current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Tensor:
        """Drain current [A]."""
        found: Tensor = self._flat(self.transistor.current, v_g, v_d, v_s)
        return found

    def current_and_conductances(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Conductances]:
        """Drain current [A] and its slopes [A/V]."""

        def both(*biases: Tensor) -> tuple[Tensor, Conductances]:
            return self.transistor.current(*biases), self.transistor.conductances(*biases)

        current, slopes = self._flat(both, v_g, v_d, v_s)
        return current, slopes

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain current [A] and terminal charges [C]."""
        current, charges = self._flat(self.transistor.current_and_charges, v_g, v_d, v_s)
        return current, charges

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """The same with slopes."""
        return Linearised(*self._flat(self.transistor.linearised, v_g, v_d, v_s))

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent | None:
        """Leakage of the gate dielectric [A]."""
        return GateCurrent(*self._flat(self.transistor.gate_current, v_g, v_d, v_s))

    def part(self, which: Tensor) -> Single:
        """The same for some elements of the flat batch; the others are evaluated too, for any model may come here."""
        return replace(self, which=which if self.which is None else self.which[which])

    def _flat(self, method: Callable[..., Any], *biases: Tensor) -> Any:
        where = self.which
        if where is not None:
            total = self.shape.numel()
            biases = tuple(v.new_zeros((*v.shape[:-1], total)).index_copy(-1, where, v) for v in biases)
        found = method(*(v.reshape(self.shape) for v in biases))
        whole = pytree.tree_map(lambda x: x.expand(self.shape).reshape(1, -1), found)
        return whole if where is None else pytree.tree_map(lambda x: x.index_select(-1, where), whole)


def banks(transistors: Sequence[Transistor], shape: torch.Size, device: torch.device) -> list[Bank | Single]:
    """Transistors sorted into banks.

    Args:
        transistors: Any transistors.
        shape: Batch that they broadcast to; it is flat in a bank.
        device: Where their coefficients are wanted.
    """
    kinds: dict[tuple[bool, bool], list[int]] = {}
    found: list[Bank | Single] = []
    for i, transistor in enumerate(transistors):
        if isinstance(transistor, ThinFilmTransistor):
            kinds.setdefault((transistor.contacts is None, transistor.leakage is None), []).append(i)
        else:
            found.append(Single((i,), transistor, shape))
    for members in kinds.values():
        some = [transistors[i] for i in members]
        inner = _stack([x.inner for x in some], shape, device)  # type: ignore[attr-defined]
        leaks = [x.leakage for x in some]  # type: ignore[attr-defined]
        found.append(Bank(tuple(members), inner, None if leaks[0] is None else _stack(leaks, shape, device)))
    return found


def _stack(trees: Sequence[Any], shape: torch.Size, device: torch.device) -> Any:
    """Trees of tensors as one tree, each leaf (member, 1) or (member, flat batch)."""

    def flat(leaf: Tensor) -> Tensor:
        return leaf.reshape(1) if leaf.numel() == 1 else leaf.expand(shape).reshape(-1)

    def stack(*leaves: Tensor) -> Tensor:
        return torch.stack(torch.broadcast_tensors(*map(flat, leaves))).to(device)

    return pytree.tree_map(stack, *trees)
