"""Expressions as text: which of them get a name of their own, and how the rest is written."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from itertools import count

import beolith
from beolith.card import Card
from beolith.errors import BeolithError

from .expression import LEAVES, Expression, in_order

PRECEDENCE = {"where": 1, "<": 2, "<=": 2, ">": 2, ">=": 2, "+": 3, "-": 3, "neg": 3, "*": 4, "/": 4}
_ATOM = 6
WIDTH = 118
_COMPARED = frozenset({"<", "<=", ">", ">="})
_SPACED = _COMPARED | {"+", "-"}
_INLINE = _COMPARED | {"neg"}
_MIRRORED = (
    "p-type: the parameters are those of its n-type mirror image, where all voltages and currents have the opposite "
    "sign; a positive shift of the threshold makes it harder to turn on."
)
_COST = {"exp": 4, "log": 4, "log1p": 4, "pow": 4, "tanh": 4, "sin": 4, "cos": 4, "sqrt": 2}


def write(node: Expression, names: Mapping[Expression, str], functions: Mapping[str, str]) -> str:
    """An expression in infix notation, written out down to what has a name.

    Args:
        node: What to write; its own name is not used.
        names: What to call other expressions by.
        functions: Names of the functions in the language, by operation.

    Raises:
        BeolithError: An infinity or no number at all, which no netlist can hold.
    """

    def inner(x: Expression, least: int) -> str:
        if x in names:
            return names[x]
        strength = PRECEDENCE.get(x.op, _ATOM)
        if x.value is not None and x.value < 0:
            strength = PRECEDENCE["neg"]
        return outer(x) if strength >= least else f"({outer(x)})"

    def outer(x: Expression) -> str:
        if x.op in LEAVES:
            text = str(x.args[0])
            if text in {"inf", "-inf", "nan"}:
                raise BeolithError(f"A quantity of the model is {text} at these parameters; nothing can be exported.")
            return text
        if x.op in functions:
            return f"{functions[x.op]}({', '.join(inner(y, 0) for y in x.operands)})"
        mine = PRECEDENCE[x.op]
        if x.op == "neg":
            return f"-{inner(x.operands[0], _ATOM)}"
        if x.op == "where":
            condition, yes, no = (inner(y, mine + 1) for y in x.operands)
            return f"{condition} ? {yes} : {no}"
        # the order of the operations is kept, so that the text rounds as the kernel does
        left, right = inner(x.operands[0], mine + (x.op in _COMPARED)), inner(x.operands[1], mine + 1)
        return f"{left} {x.op} {right}" if x.op in _SPACED else f"{left}{x.op}{right}"

    return outer(node)


def assignments(
    wanted: Iterable[Expression],
    names: dict[Expression, str],
    pattern: str,
    least: int = 1,
    given: Container[Expression] = (),
) -> list[Expression]:
    """What to assign, each after what it needs; temporaries are named by a pattern.

    Args:
        wanted: What must be assigned or is written out in full later.
        names: Names that are known; those of temporaries are added.
        pattern: Name of a temporary, with ``{}`` for its number.
        least: Cost of writing a shared expression again and again at which it gets a name.
        given: What is assigned elsewhere.
    """
    order = in_order(wanted, given)
    uses = Counter(operand for node in order for operand in node.operands)
    cost: dict[Expression, int] = {}
    found, number = [], count(1)
    for node in order:
        if node.op in LEAVES:
            continue
        cost[node] = _COST.get(node.op, 1) + sum(cost.get(operand, 0) for operand in node.operands)
        again = (uses[node] - 1) * cost[node]
        if node not in names and node.op not in _INLINE and again >= least:
            names[node] = pattern.format(next(number))
        if node in names:
            found.append(node)
            cost[node] = 0
    return found


def identifier(key: str) -> str:
    """The key of a card as a name that every simulator takes."""
    text = "".join(c if c.isascii() and c.isalnum() else "_" for c in key)
    return text if text[:1].isalpha() else f"card_{text}"


def header(card: Card, mark: str) -> list[str]:
    """What the file is, where it holds and whose numbers it has, as comment lines."""
    covered = {name: f"{value:g}" for name, value in card.values("validity").items()}
    changed = [
        f"{section}.{given.name} = {given.given_value:g} {given.given_unit}".rstrip()
        for section, given in card.items()
        if given.source == "user"
    ]
    paragraphs = [
        f"{card.key}: {card.title}",
        card.summary,
        *([_MIRRORED] if card.polarity == "p" else []),
        f"T-EKV compact model, written by beolith {beolith.__version__} from card {card.digest[:12]}; do not edit.",
        f"Covers L = {covered['shortest_length']} to {covered['longest_length']} m, "
        f"T = {covered['lowest_temperature']} to {covered['highest_temperature']} K.",
        f"SI units throughout. Sources of the numbers: {', '.join(card.sources)}.",
        *([f"CHANGED by the user: {'; '.join(changed)}."] if changed else []),
    ]
    return [line for text in paragraphs for line in wrap(text, f"{mark} ", f"{mark} ")]


def wrap(text: str, first: str, then: str) -> list[str]:
    """A long statement on several lines.

    Args:
        text: The statement, with blanks where it may be broken.
        first: Start of its first line.
        then: Start of the others.
    """
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
