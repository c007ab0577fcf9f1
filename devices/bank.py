"""Several transistors in one call: equal kernels, coefficients stacked along a new first axis.

A cell has two to ten transistors, and a call to a kernel costs more than its arithmetic until there are hundreds of
elements; stacked, the transistors of a cell cost about as much as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from . import contacts, gate_leakage, tekv
from .base import Charges, GateCurrent, Linearised, Transistor
from .contact_nodes import Contacted
from .gate_leakage import Leakage
from .parallel import extent, in_chunks
from .tekv import Coefficients
from .thin_film import ThinFilmTransistor


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

    def current_and_charges(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> tuple[Tensor, Charges]:
        """Drain currents [A] and terminal charges [C]."""
        kernel: Callable[..., tuple[Tensor, Charges]] = self._kernels.current_and_charges
        return in_chunks(kernel, self.inner, extent(self.inner), v_g, v_d, v_s)

    def linearised(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> Linearised:
        """The same with slopes."""
        kernel: Callable[..., Linearised] = self._kernels.linearised
        return in_chunks(kernel, self.inner, extent(self.inner), v_g, v_d, v_s)

    def gate_current(self, v_g: Tensor, v_d: Tensor, v_s: Tensor) -> GateCurrent | None:
        """Leakage of the gate dielectrics [A], None where they do not leak."""
        return None if self.leakage is None else gate_leakage.gate_current(self.leakage, v_g, v_d, v_s)


@dataclass(frozen=True)
class Single:
    """One transistor of any other kind as a bank of its own.

    Attributes:
        members: Its place in the list.
        transistor: Any transistor.
        shape: Batch of the circuit, which is flat in a bank.
    """

    members: tuple[int, ...]
    transistor: Transistor
    shape: torch.Size

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

    def _flat(self, method: Callable[..., Any], *biases: Tensor) -> Any:
        found = method(*(v.reshape(self.shape) for v in biases))
        return pytree.tree_map(lambda x: x.expand(self.shape).reshape(1, -1), found)


def banks(transistors: Sequence[Transistor], shape: torch.Size) -> list[Bank | Single]:
    """Transistors sorted into banks.

    Args:
        transistors: Any transistors.
        shape: Batch that they broadcast to; it is flat in a bank.
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
        inner = _stack([x.inner for x in some], shape)  # type: ignore[attr-defined]
        leaks = [x.leakage for x in some]  # type: ignore[attr-defined]
        found.append(Bank(tuple(members), inner, None if leaks[0] is None else _stack(leaks, shape)))
    return found


def _stack(trees: Sequence[Any], shape: torch.Size) -> Any:
    """Trees of tensors as one tree, each leaf (member, 1) or (member, flat batch)."""

    def flat(leaf: Tensor) -> Tensor:
        return leaf.reshape(1) if leaf.numel() == 1 else leaf.expand(shape).reshape(-1)

    def stack(*leaves: Tensor) -> Tensor:
        return torch.stack(torch.broadcast_tensors(*map(flat, leaves)))

    return pytree.tree_map(stack, *trees)
