"""Noise of a circuit about an operating point: the spectral density at a node, by element, and its integral.

    S(f) = sum_k |y_a - y_b|^2 S_k(f),   (G + j w C)^T y = e_node

Every noisy element k drives a current of density S_k between its ends a and b. One solve of the transposed system per
frequency, the adjoint network, gives the transfer of all of them to the node. Transistors bring their own noise,
resistors and switches are in equilibrium at a temperature that is said: 4kT/R and 4kT g.

References:
    rohrer1971 (adjoint noise analysis), nyquist1928 (4kT/R).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from scipy import constants
from torch import Tensor

from ..netlist import Element, Fet, Resistor, Switch
from .operating_point import OperatingPoint
from .small_signal import Linear, divide, linear
from .system import System


@dataclass(frozen=True)
class Noise:
    """Noise voltage of a node.

    Attributes:
        system: What was solved.
        frequencies: (frequency,) [Hz].
        parts: Spectral density that each noisy element causes, by its name, (frequency, *batch) [V^2/Hz].
    """

    system: System
    frequencies: Tensor
    parts: Mapping[str, Tensor]

    @property
    def density(self) -> Tensor:
        """Spectral density of all elements together, which know nothing of each other, (frequency, *batch) [V^2/Hz]."""
        silent = torch.zeros((len(self.frequencies), *self.system.shape), dtype=torch.float64)
        return sum(self.parts.values(), silent)

    @property
    def rms(self) -> Tensor:
        """Root of the density integrated from the first to the last frequency, :func:`power`, (*batch) [V]."""
        return torch.sqrt(power(self.frequencies, self.density))


def power(frequencies: Tensor, density: Tensor) -> Tensor:
    """Integral of a density over frequency, int f S d ln f by trapezoids.

    Args:
        frequencies: Rising, above 0, (frequency,) [Hz].
        density: (frequency, ...) [V^2/Hz].

    Returns:
        (...) [V^2].
    """
    return torch.trapezoid(density.movedim(0, -1) * frequencies, torch.log(frequencies))


def noise(
    system: System,
    frequencies: Sequence[float] | Tensor,
    node: str,
    temperature: Tensor | float,
    *,
    at: OperatingPoint | None = None,
    time: Tensor | float = 0.0,
) -> Noise:
    """Spectral density of the voltage of a node, differentiable.

    Args:
        system: The circuit; its sources make no noise, and a node that one of them holds has none.
        frequencies: Rising, above 0, (frequency,) [Hz].
        node: Where.
        temperature: Of resistors and switches, broadcastable to the batch; transistors know their own [K].
        at: Where the circuit rests; left out, its operating point.
        time: When, for what the sources do meanwhile [s].

    Returns:
        Densities by element; not a number where there is no operating point.

    Raises:
        BeolithError: The circuit has no such node, or gradients are wanted of a model whose slopes record none.
    """
    wanted, row = torch.as_tensor(frequencies, dtype=torch.float64), system.row_of(node)
    about = linear(system, at, time)
    y = about.admittance(wanted)[..., : system.unknowns].mT
    here = torch.zeros(len(system.place), dtype=y.dtype)
    here[row] = 1.0
    nodes, held = len(system.free), len(system.place) - len(system.free)
    unit = torch.cat((here[:nodes], here.new_zeros(len(system.free_sources))))
    found = divide(y, unit.expand(y.shape[:-1]), about.converged)
    adjoint = torch.cat((found[..., :nodes], found.new_zeros((*found.shape[:-1], held))), -1)
    kt = 4.0 * constants.Boltzmann * torch.as_tensor(temperature, dtype=torch.float64)
    parts = {}
    for x, (a, b), density in _noisy(about, wanted, kt):
        transfer = adjoint[..., system.row_of(a)] - adjoint[..., system.row_of(b)]
        square = transfer.real**2 + transfer.imag**2
        parts[x.name] = density * square.reshape(-1, *system.shape)
    return Noise(system, wanted, parts)


def _noisy(about: Linear, frequencies: Tensor, kt: Tensor) -> Iterator[tuple[Element, tuple[str, str], Tensor]]:
    """Elements that make noise, their ends, and their density [A^2/Hz]."""
    shape = about.system.shape
    f = frequencies.reshape(-1, *(1 for _ in shape))
    for x in about.system.circuit.elements:
        match x:
            case Resistor(_, a, b, resistance):
                yield x, (a, b), kt / resistance
            case Switch(_, a, b):
                yield x, (a, b), kt * _conductance(x, about)
            case Fet(_, _, drain, source, model):
                nothing = torch.zeros(shape, dtype=torch.float64)
                yield x, (drain, source), model.noise(f, nothing, nothing, nothing)


def _conductance(x: Switch, about: Linear) -> Tensor:
    """Of a switch at the point [S]."""
    plus, minus = (about.voltages[about.system.row_of(node)].reshape(about.system.shape) for node in (x.plus, x.minus))
    return x.off * torch.exp(torch.log(x.on / x.off) * torch.sigmoid((plus - minus - x.threshold) / x.softness))
