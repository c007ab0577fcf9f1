"""Arrays of expressions that a torch kernel takes for tensors, so that running it writes down what it computes.

PyTorch hands every function that meets such an array over to it (the ``__torch_function__`` protocol), and NumPy does
the arithmetic on arrays of objects. A function that is not in the table below stops the trace; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin
from torch import Tensor

from beolith.errors import BeolithError, nearest

from .expression import Expression, Trace


class Traced(NDArrayOperatorsMixin):
    """An array of expressions and numbers that behaves like a float64 tensor on the CPU."""

    __slots__ = ("array",)
    dtype, device, requires_grad = torch.float64, torch.device("cpu"), False

    def __init__(self, array: object):
        self.array = np.asarray(array, dtype=object)

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run a torch function on arrays of expressions."""
        name = func.__name__.strip("_")
        if name not in RULES:
            raise BeolithError(f"torch.{name} cannot be exported; {nearest(name, RULES)}")
        return _wrapped(RULES[name](*map(_plain, args), **{key: _plain(x) for key, x in (kwargs or {}).items()}))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any) -> Traced:
        """Run a NumPy function element by element."""
        return Traced(getattr(ufunc, method)(*map(_plain, inputs), dtype=object))

    @property
    def shape(self) -> torch.Size:
        """Shape, as of a tensor."""
        return torch.Size(self.array.shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.array.ndim

    @property
    def item(self) -> Expression | float:
        """The only element."""
        return cast(Expression | float, self.array.item())

    def __getitem__(self, where: Any) -> Traced:
        return Traced(self.array[where])

    def __iter__(self) -> Iterator[Traced]:
        return (Traced(row) for row in self.array)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Methods of a tensor, by the same table as the functions."""
        if name.startswith("_") or name not in RULES:
            raise AttributeError(name)
        return lambda *args, **kwargs: self.__torch_function__(getattr(torch.Tensor, name), (), (self, *args), kwargs)


def symbol(trace: Trace, name: str) -> Tensor:
    """A scalar that is known by name only, in the guise of a tensor."""
    return cast(Tensor, Traced(trace.symbol(name)))


def expression(trace: Trace, value: Tensor) -> Expression:
    """What a kernel has made of its symbols, a number where it has used none.

    Raises:
        BeolithError: The value is a batch.
    """
    plain = _plain(value)
    if np.size(plain) != 1:
        raise BeolithError(f"An export describes one transistor, not a batch of shape {tuple(np.shape(plain))}.")
    found = np.asarray(plain, dtype=object).item()
    return found if isinstance(found, Expression) else trace.number(found)


def _plain(x: Any) -> Any:
    """Traced arrays and tensors as arrays of objects, also in a sequence; everything else as it is."""
    if isinstance(x, Traced):
        return x.array
    if isinstance(x, Tensor):
        return np.asarray(x.detach().tolist(), dtype=object)
    return tuple(map(_plain, x)) if isinstance(x, tuple | list) else x


def _wrapped(x: Any) -> Any:
    return tuple(map(_wrapped, x)) if isinstance(x, tuple | list) else Traced(x)


def _elementwise(op: str, count: int) -> Callable[..., Any]:
    """An operation on expressions as a function of arrays; numbers alone stay numbers."""

    def scalar(*args: Any) -> Any:
        trace = next((x.trace for x in args if isinstance(x, Expression)), None)
        return trace.apply(op, *args) if trace else Trace().apply(op, *args).value

    function: Callable[..., Any] = np.frompyfunc(scalar, count, 1)
    return function


_exp, _log1p, _sqrt, _tanh = (_elementwise(op, 1) for op in ("exp", "log1p", "sqrt", "tanh"))
_min, _max = (_elementwise(op, 2) for op in ("min", "max"))


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else _max(x, min)
    return x if max is None else _min(x, max)


RULES: dict[str, Callable[..., Any]] = {
    "add": lambda x, y, alpha=1.0: x + alpha * y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "reciprocal": lambda x: 1.0 / x,
    "pow": lambda x, y: x**y,
    "neg": lambda x: -x,
    "square": lambda x: x * x,
    "addcmul": lambda x, y, z, value=1.0: x + value * y * z,
    "abs": abs,
    "exp": _exp,
    "expm1": lambda x: _exp(x) - 1.0,
    "log": _elementwise("log", 1),
    "log1p": _log1p,
    "sqrt": _sqrt,
    "rsqrt": lambda x: 1.0 / _sqrt(x),
    "tanh": _tanh,
    "sin": _elementwise("sin", 1),
    "cos": _elementwise("cos", 1),
    "sigmoid": lambda x: 0.5 * (1.0 + _tanh(0.5 * x)),
    "hypot": lambda x, y: _sqrt(x * x + y * y),
    "logaddexp": lambda x, y: _max(x, y) + _log1p(_exp(-abs(x - y))),
    "minimum": _min,
    "maximum": _max,
    "clamp": _clamp,
    "where": _elementwise("where", 3),
    "lt": _elementwise("<", 2),
    "le": _elementwise("<=", 2),
    "gt": _elementwise(">", 2),
    "ge": _elementwise(">=", 2),
    "log_charge": _elementwise("log_charge", 3),
    "matmul": lambda x, y: np.matmul(x, y),
    "sum": lambda x, dim=None: np.sum(x, axis=dim),
    "stack": lambda parts, dim=0: np.stack(np.broadcast_arrays(*parts), axis=dim),
    "unsqueeze": np.expand_dims,
    "broadcast_tensors": lambda *parts: tuple(np.broadcast_arrays(*parts)),
    "zeros_like": lambda x: np.full(np.shape(x), 0.0, dtype=object),
    "ones_like": lambda x: np.full(np.shape(x), 1.0, dtype=object),
    "full_like": lambda x, value: np.full(np.shape(x), value, dtype=object),
}
"""Functions of torch that kernels may use, by name, on arrays of objects."""
