"""Tracing and writing: what torch computes on numbers, the trace computes in symbols, and the text says the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from beolith.devices.export.expression import FOLD, Expression, Trace, in_order, substitute
from beolith.devices.export.text import assignments, write
from beolith.devices.export.tracing import RULES, Traced, expression, symbol
from beolith.devices.uccm import log_charge
from beolith.errors import BeolithError

X, Y, Z = (torch.tensor(v, dtype=torch.float64) for v in ([0.3, 1.7, 2.0], [1.1, 0.4, 2.0], [2.0, 0.1, 0.6]))
MATRIX = torch.arange(6, dtype=torch.float64).reshape(3, 2)
CALLS: dict[str, Callable[..., Any]] = {
    "addcmul": lambda x, y: torch.addcmul(x, y, y, value=0.5),
    "broadcast_tensors": lambda x, y: torch.broadcast_tensors(x, y[0])[1],
    "clamp": lambda x, y: x.clamp(min=0.5) + torch.clamp(y, 0.6, 1.0),
    "full_like": lambda x, y: torch.full_like(x, 3.0) * y,
    "log_charge": lambda x, y: log_charge(x, y, torch.tensor(0.4, dtype=torch.float64)),
    "add": lambda x, y: torch.add(x, y, alpha=2.0) + y + 1.0 + (Z + x),
    "div": lambda x, y: Z / x - 1.0 / y + torch.div(x, y),
    "matmul": lambda x, y: torch.stack((x @ MATRIX, MATRIX.T @ x)),
    "mul": lambda x, y: Z * x * y * 2.0,
    "pow": lambda x, y: x**2 + x**y + torch.pow(y, 0.25) + 2.0**x + Z**x,
    "sub": lambda x, y: Z - x - (2.0 - y),
    "stack": lambda x, y: torch.stack((x, y, Z)),
    "sum": lambda x, y: torch.stack((x, y)).sum(0) + x.sum(-1),
    "unsqueeze": lambda x, y: x.unsqueeze(-1) * MATRIX,
    "where": lambda x, y: torch.where(x > y, x, 7.0) + torch.where(x <= 1.0, y, Z),
}


@pytest.mark.parametrize("name", RULES)
def test_a_traced_function_is_that_of_torch(name: str) -> None:
    """Numbers in the guise of symbols: the trace folds them, or keeps what only a solver can do."""
    call = CALLS.get(name) or getattr(torch, name)
    two = name not in CALLS and name in {
        "hypot", "logaddexp", "minimum", "maximum", "lt", "le", "gt", "ge"
    }  # fmt: skip
    arguments = (X, Y) if two or name in CALLS else (X,)
    expected: Tensor = call(*arguments)
    trace = Trace()
    numbers = [Traced([trace.number(v) for v in x.tolist()]) for x in arguments]
    found = call(*numbers)
    assert tuple(found.shape) == tuple(expected.shape)
    values = [_value(expression(trace, Traced(x))) for x in found.array.ravel()]  # type: ignore[arg-type]
    np.testing.assert_allclose(values, expected.to(torch.float64).ravel(), rtol=1e-14)


def _value(node: Expression) -> float:
    if node.op == "log_charge":
        return float(log_charge(*(torch.tensor(x.value, dtype=torch.float64) for x in node.operands)))
    assert node.value is not None
    return node.value


def test_what_is_not_in_the_table_stops_the_trace() -> None:
    with pytest.raises(BeolithError, match=r"torch\.erf cannot be exported; did you mean 'neg'|allowed"):
        torch.erf(symbol(Trace(), "x"))


def test_equal_expressions_are_one() -> None:
    trace = Trace()
    x, y = trace.symbol("x"), trace.symbol("y")
    assert (x + y) * 2.0 is (x + y) * 2.0
    assert x + 0.0 is x
    assert 1.0 * x is x
    assert x / math.inf is trace.number(0.0)
    assert x**2 is x * x
    assert trace.apply("neg", -x) is x
    assert x - (-y) is x + y
    assert (x * y) * 0.0 is trace.number(0.0)
    assert trace.apply("where", trace.number(1.0), x, y) is x
    assert trace.apply("sqrt", trace.apply("exp", x)) is trace.apply("exp", 0.5 * x)


def test_a_batch_and_an_infinity_cannot_be_written() -> None:
    trace = Trace()
    with pytest.raises(BeolithError, match=r"one transistor, not a batch of shape \(3,\)"):
        expression(trace, X)
    with pytest.raises(BeolithError, match="inf at these parameters"):
        write(trace.symbol("x") + math.inf, {}, {})


NAMES = ("x", "y", "z")
BINARY = ("+", "-", "*", "/", "<", ">", "<=", ">=", "min", "max")
UNARY = ("neg", "tanh", "abs")
PYTHON = {"tanh": "tanh", "abs": "abs", "min": "min", "max": "max", "where": "where"}
NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 2) + 0.0)
TREES = st.recursive(
    st.one_of(st.sampled_from(NAMES), NUMBERS),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(BINARY), inner, inner),
        st.tuples(st.sampled_from(UNARY), inner),
        st.tuples(st.just("where"), inner, inner, inner),
    ),
    max_leaves=25,
)


def _build(trace: Trace, tree: Any) -> Expression:
    if isinstance(tree, str):
        return trace.symbol(tree)
    return (
        trace.apply(tree[0], *(_build(trace, x) for x in tree[1:])) if isinstance(tree, tuple) else trace.number(tree)
    )


@settings(max_examples=300, deadline=None)
@given(TREES, st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_text_and_assignments_mean_the_expression(tree: Any, values: tuple[float, float, float]) -> None:
    """Python reads the text, whole or cut into assignments, and finds the same number to the last bit."""
    trace = Trace()
    node = _build(trace, tree)
    scope = dict(zip(NAMES, values, strict=True))
    new = {trace.symbol(name): trace.number(value) for name, value in scope.items()}
    with np.errstate(all="ignore"):
        substitute([node], new)
    expected = new[node].value
    if expected is None or not all(math.isfinite(x.value or 0.0) for x in map(new.get, in_order([node])) if x):
        return  # a division by zero on the way
    functions = {name: partial(_number, op) for op, name in PYTHON.items()}
    names: dict[Expression, str] = {}
    for part in assignments([node], names, "t{}"):
        scope[names[part]] = _read(write(part, names, PYTHON), functions, scope)
    assert _read(write(node, names, PYTHON), functions, scope) == expected
    assert _read(write(node, {}, PYTHON), functions, scope) == expected


def _number(op: str, *values: float) -> float:
    return float(FOLD[op](*map(float, values)))  # type: ignore[arg-type]


def _read(text: str, functions: dict[str, Any], scope: dict[str, float]) -> float:
    return float(eval(text, {"__builtins__": {}}, {**functions, **scope}))
