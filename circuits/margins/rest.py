"""Where a cell comes to rest while some of its nodes are told where to be: Newton's method on chosen nodes and rows.

    I_i(v) = 0 or Q_i(v) = Q_i0    for every node i that balances
    v_j given                      for every node j that is swept

A plain sweep gives a node and lets it draw what it likes. Any other node may be the one that draws current instead:
with the storage node given and balanced, and the bit line loose, the answer is the bit line that just holds the node
there. That is a branch of equilibria followed by its state, which has no trouble at folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..mna.newton import LIMIT, divide, part
from ..mna.system import Drive, System
from ..netlist import GROUND, Capacitor, Circuit, Fet, VoltageSource

MOST = 60
"""Iterations; from afar each goes at most :data:`.newton.LIMIT`."""
_CLOSE = 1e-4
"""Step after which one more, made and recorded in any case, ends within its square over n phi, twice: 1e-12 V [V]."""


@dataclass(frozen=True)
class Rest:
    """A cell at rest; everything by node, (*batch), not a number where no solution was found.

    Attributes:
        voltages: Of every node that no terminal holds [V].
        currents: Out of each of these nodes into the cell; zero where they balance [A].
        charges: Of the elements at each of these nodes; zero where they were not asked for [C].
        slopes: Derivative of the voltages by that of the swept node, empty without one; no gradients [1].
        conductance: Derivative of the current out of the swept node by its voltage; no gradients [A/V].
    """

    voltages: Mapping[str, Tensor]
    currents: Mapping[str, Tensor]
    charges: Mapping[str, Tensor]
    slopes: Mapping[str, Tensor]
    conductance: Tensor | None


def rest(
    elements: Sequence[Fet | Capacitor],
    held: Mapping[str, Tensor],
    guess: Mapping[str, Tensor],
    *,
    swept: Mapping[str, Tensor] | None = None,
    loose: Sequence[str] | None = None,
    charges: Mapping[str, Tensor] | None = None,
    charged: bool = False,
    most: int = MOST,
) -> Rest:
    """Voltages, currents and charges of a cell at rest; differentiable in everything that is given.

    Args:
        elements: Transistors and capacitors of the cell.
        held: Voltages of its terminals, any shapes that broadcast [V].
        guess: Where the other nodes may be; 0 V unless told [V].
        swept: A node that is told where to be [V].
        loose: Nodes whose current need not vanish; as many as are swept, and the swept ones unless told.
        charges: Nodes that float, and the charge that each of them keeps [C].
        charged: Whether charges are wanted, also where none floats; they cost as much as the currents.
        most: Iterations.
    """
    swept, charges = swept or {}, charges or {}
    loose = tuple(swept) if loose is None else loose
    system = _system(elements, held, (*guess.values(), *swept.values(), *charges.values()))
    free, batch = system.free, system.batch

    def flat(value: Tensor) -> Tensor:
        return torch.as_tensor(value, dtype=torch.float64).expand(system.shape).reshape(-1)

    zero = torch.zeros((), dtype=torch.float64)
    start = torch.stack([flat(swept.get(node, guess.get(node, zero))) for node in free])
    unknown = [i for i, node in enumerate(free) if node not in swept]
    balanced = [i for i, node in enumerate(free) if node not in loose]
    floats = torch.tensor([[node in charges] for node in free])
    kept = torch.stack([flat(charges.get(node, zero)) for node in free])
    drive = system.drive(torch.zeros(batch, dtype=torch.float64))
    equations = _Equations(system, drive, unknown, balanced, floats, charged or bool(charges))
    with torch.no_grad():
        x, converged = equations.solve(start.detach(), kept, most)
    return equations.recorded(x, start, kept, converged, [free.index(node) for node in swept])


def _system(elements: Sequence[Fet | Capacitor], held: Mapping[str, Tensor], others: Sequence[Tensor]) -> System:
    """The cell and sources on those of its terminals that it touches."""
    zero = torch.zeros((), dtype=torch.float64)
    touched = Circuit("cell at rest", tuple(elements)).nodes
    sources = (VoltageSource(node, node, GROUND, v) for node, v in held.items() if node in touched)
    shapes = [x.model.current(zero, zero, zero).shape for x in elements if isinstance(x, Fet)]
    shapes += [x.capacitance.shape for x in elements if isinstance(x, Capacitor)]
    shapes += [value.shape for value in (*held.values(), *others)]
    system = System(Circuit("cell at rest", (*elements, *sources)), torch.broadcast_shapes(*shapes))
    system.prepare()
    return system


@dataclass(frozen=True)
class _Equations:
    """Rows that are to vanish and columns that are to be found.

    ``floats`` tells charge from current, (free, 1); without ``charged`` there are no charges.
    """

    system: System
    drive: Drive
    unknown: list[int]
    balanced: list[int]
    floats: Tensor
    charged: bool

    def solve(self, x: Tensor, kept: Tensor, most: int) -> tuple[Tensor, Tensor]:
        """Unknowns and whether they were found, (free, batch) and (batch,)."""
        done = torch.ones(x.shape[1], dtype=torch.bool)
        if not self.unknown:
            return x, done
        whole, here, where = x, self, torch.arange(x.shape[1])
        for _ in range(most):
            jacobian, residual, *_ = here.at(x, kept)
            dx = divide(jacobian[:, self.balanced][..., self.unknown], residual[self.balanced])
            longest = dx.abs().amax(0)
            dx = dx * (LIMIT / longest.clamp(min=LIMIT))
            x = x.index_add(0, torch.tensor(self.unknown), -torch.nan_to_num(dx, nan=0.0))
            converged = longest < _CLOSE
            whole, done = whole.index_copy(1, where, x), done.index_copy(0, where, converged)
            left = (~(converged | longest.isnan())).nonzero()[:, 0]  # a singular one stays where it is
            if not len(left):
                break
            if len(left) < len(where):
                here, x, kept, where = here.part(left), x[:, left], kept[:, left], where[left]
        return whole, done

    def part(self, which: Tensor) -> _Equations:
        """The same for some elements of the flat batch."""
        return replace(self, system=self.system.part(which), drive=part(self.drive, which))

    def at(self, x: Tensor, kept: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Jacobian (batch, free, free), residual, currents and charges, (free, batch)."""
        n = len(self.system.free)
        found = self.system.slopes(x, self.drive, charged=self.charged)
        current, charge = found.flows.current[:n], found.flows.charge[:n]
        by = torch.where(self.floats[:, None], found.capacitance[:n], found.conductance[:n])
        return by.permute(2, 0, 1), torch.where(self.floats, charge - kept, current), current, charge

    def recorded(self, x: Tensor, start: Tensor, kept: Tensor, converged: Tensor, swept: list[int]) -> Rest:
        """The solution as x - J^-1 F at the root, with F recorded if gradients are."""
        system, n = self.system, len(self.system.free)
        x = torch.stack([x[i] if i in self.unknown else start[i] for i in range(n)])
        jacobian, residual, current, charge = self.at(x.detach(), kept.detach())
        if torch.is_grad_enabled():
            flows = system.flows(x, self.drive)
            current, charge = flows.current[:n], flows.charge[:n]
            residual = torch.where(self.floats, charge - kept, current)
        inner = jacobian[:, self.balanced][..., self.unknown]
        dx = divide(inner, -residual[self.balanced])
        dx = torch.zeros_like(x).index_add(0, torch.tensor(self.unknown, dtype=torch.long), dx)
        carried = residual + torch.einsum("bij,jb->ib", jacobian, dx)
        by = torch.zeros_like(x)
        if swept:
            by[swept[0]] = 1.0
            by[self.unknown] = divide(inner, -jacobian[:, self.balanced, swept[0]].T)

        def named(values: Tensor) -> dict[str, Tensor]:
            found = torch.where(converged, values, torch.nan)
            return {node: found[i].reshape(system.shape) for i, node in enumerate(system.free)}

        through = torch.einsum("bj,jb->b", jacobian[:, swept[0]], by) if swept else None
        return Rest(
            named(x + dx),
            named(torch.where(self.floats, current, carried)),
            named(torch.where(self.floats, carried + kept, charge)),
            named(by) if swept else {},
            None if through is None else torch.where(converged, through, torch.nan).reshape(system.shape),
        )
