"""Scalar expressions that share their equal parts, with constants folded as they are built."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable
from typing import Union

import numpy as np

Operand = Union["Expression", float]

FOLD: dict[str, Callable[..., object]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "where": np.where,
}
"""What an operation does to numbers; these are the operations that a printer must know, and ``log_charge``."""
LEAVES = frozenset({"number", "symbol"})


class Expression:
    """A node of a trace. Two nodes of one trace with the same operation and arguments are the same object.

    Attributes:
        trace: Where it belongs.
        op: ``number``, ``symbol``, ``log_charge`` or a key of :data:`FOLD`.
        args: Arguments; the value of a number, the name of a symbol.
    """

    __slots__ = ("args", "op", "trace")

    def __init__(self, trace: Trace, op: str, args: tuple[Expression, ...] | tuple[float] | tuple[str]):
        self.trace, self.op, self.args = trace, op, args

    @property
    def value(self) -> float | None:
        """Value of a number, None of anything else."""
        return float(self.args[0]) if self.op == "number" else None  # type: ignore[arg-type]

    @property
    def operands(self) -> tuple[Expression, ...]:
        """Expressions that this one is made of; a leaf has none."""
        return () if self.op in LEAVES else self.args  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.args))})" if self.operands else str(self.args[0])

    # What NumPy asks of the elements of an array of objects

    def __add__(self, other: Operand) -> Expression:
        return self.trace.apply("+", self, other)

    def __radd__(self, other: Operand) -> Expression:
        return self.trace.apply("+", other, self)

    def __sub__(self, other: Operand) -> Expression:
        return self.trace.apply("-", self, other)

    def __rsub__(self, other: Operand) -> Expression:
        return self.trace.apply("-", other, self)

    def __mul__(self, other: Operand) -> Expression:
        return self.trace.apply("*", self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return self.trace.apply("*", other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return self.trace.apply("/", self, other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return self.trace.apply("/", other, self)

    def __pow__(self, other: Operand) -> Expression:
        return self.trace.apply("pow", self, other)

    def __rpow__(self, other: Operand) -> Expression:
        return self.trace.apply("pow", other, self)

    def __neg__(self) -> Expression:
        return self.trace.apply("neg", self)

    def __abs__(self) -> Expression:
        return self.trace.apply("abs", self)

    def __lt__(self, other: Operand) -> Expression:
        return self.trace.apply("<", self, other)

    def __le__(self, other: Operand) -> Expression:
        return self.trace.apply("<=", self, other)

    def __gt__(self, other: Operand) -> Expression:
        return self.trace.apply(">", self, other)

    def __ge__(self, other: Operand) -> Expression:
        return self.trace.apply(">=", self, other)


class Trace:
    """All expressions of one export."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[object, ...], Expression] = {}

    def symbol(self, name: str) -> Expression:
        """A quantity known by name only."""
        return self._node("symbol", name)

    def number(self, value: float) -> Expression:
        """A constant."""
        return self._node("number", float(value))

    def apply(self, op: str, *operands: Operand) -> Expression:
        """An operation on expressions and numbers: simplified, and the same object where it was there before."""
        if any(isinstance(x, np.ndarray) for x in operands):
            return NotImplemented  # type: ignore[no-any-return]  # the array takes over, element by element
        args = tuple(x if isinstance(x, Expression) else self.number(x) for x in operands)
        if op in FOLD and all(x.op == "number" for x in args):
            with np.errstate(all="ignore"):
                return self.number(float(FOLD[op](*(x.value for x in args))))  # type: ignore[arg-type]
        return self._simple(op, args) or self._node(op, *args)

    def _node(self, op: str, *args: object) -> Expression:
        # 0.0 and -0.0 are one key and mean the same to every operation here but a division, which folds no zero
        return self._nodes.setdefault((op, *args), Expression(self, op, args))  # type: ignore[arg-type]

    def _simple(self, op: str, args: tuple[Expression, ...]) -> Expression | None:
        """The same thing with less to compute, if one of the rules of arithmetic applies."""
        left, right = args[0], args[-1]
        match op, left.value, right.value:
            case ("+", 0.0, _) | ("*", 1.0, _):
                return right
            case ("+" | "-", _, 0.0) | ("*" | "/" | "pow", _, 1.0):
                return left
            case ("*", 0.0, _) | ("*", _, 0.0) | ("/", 0.0, _):
                return self.number(0.0)
            case ("/", _, infinite) if infinite is not None and math.isinf(infinite):
                return self.number(0.0)
            case ("-", 0.0, _) | ("*", -1.0, _):
                return self.apply("neg", right)
            case ("*", _, -1.0):
                return self.apply("neg", left)
            case ("pow", _, 0.0):
                return self.number(1.0)
            case ("pow", _, 2.0):
                return self.apply("*", left, left)
            case ("where", chosen, _) if chosen is not None:
                return args[1] if chosen else args[2]
        if (op in ("min", "max") and left is right) or (op == "where" and args[1] is right):
            return right
        if op in ("+", "-") and right.op == "neg":
            return self.apply("-" if op == "+" else "+", left, right.operands[0])
        if op == "neg" and left.op == "neg":
            return left.operands[0]
        if op == "sqrt" and left.op == "exp":
            return self.apply("exp", 0.5 * left.operands[0])
        return None


def in_order(wanted: Iterable[Expression], given: Container[Expression] = ()) -> list[Expression]:
    """What the wanted expressions are made of and they themselves, once each and after their operands.

    Args:
        wanted: Expressions.
        given: What is there already and is left out, with all that only it needs.
    """
    done: dict[Expression, None] = {}

    def visit(node: Expression) -> None:
        if node not in done and node not in given:
            for operand in node.operands:
                visit(operand)
            done[node] = None

    for node in wanted:
        visit(node)
    return list(done)


def substitute(wanted: Iterable[Expression], new: dict[Expression, Expression]) -> None:
    """Rebuild expressions with some of their parts replaced.

    Args:
        wanted: What to rebuild.
        new: What replaces what; every part of the wanted expressions is added.
    """
    for node in in_order(wanted, new):
        new[node] = node.trace.apply(node.op, *(new[x] for x in node.operands)) if node.operands else node
