"""How standard normal deviates are drawn: at random, as a scrambled Sobol net or as a Latin hypercube, and correlated.

Every way goes through uniform numbers strictly between 0 and 1 that carry 53 bits, so that tails reach 8 sigma (a Sobol
net of 30 bits alone ends at 6), and then through the inverse normal distribution. A seed fixes the points whatever the
size of the parts they are drawn in.

References:
    owen1998_jcom (scrambled nets and Latin hypercubes; the random digits below a scrambled net are those of his nested
    scrambling).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from beolith.errors import BeolithError, nearest

Generator = np.random.Generator
Seed = int | Sequence[int]
"""What fixes a sample: numbers that are not negative."""


def uniform(count: int, dimension: int, method: str = "random", seed: Seed = 0) -> Tensor:
    """Points in the unit cube, none on its surface, shape (count, dimension) [1].

    Args:
        count: Number of points; a Sobol net is best balanced at powers of two.
        dimension: Number of coordinates.
        method: ``random``, ``sobol`` or ``latin``.
        seed: Equal seeds give equal points.

    Raises:
        BeolithError: Unknown method.
    """
    nothing = torch.empty(0, dimension, dtype=torch.float64)
    return torch.cat([nothing, *parts(count, dimension, method, seed, max(count, 1))])


def normal(count: int, dimension: int, method: str = "random", seed: Seed = 0) -> Tensor:
    """Independent standard normal deviates, shape (count, dimension) [1]; arguments as for :func:`uniform`."""
    z: Tensor = torch.special.ndtri(uniform(count, dimension, method, seed))
    return z


def parts(count: int, dimension: int, method: str, seed: Seed, size: int) -> Iterator[Tensor]:
    """The points of :func:`uniform` in turn, at most ``size`` at a time, so that a large sample fits the memory."""
    if method not in _METHODS:
        raise BeolithError(f"sampling method {method!r} is unknown; {nearest(method, _METHODS)}")
    if method == "sobol" and not 1 <= dimension <= SobolEngine.MAXDIM:
        raise BeolithError(f"a Sobol net has 1 to {SobolEngine.MAXDIM} dimensions, not {dimension}; draw at random")
    numbers = [int(number) for number in np.atleast_1d(seed)]
    if min(numbers) < 0:
        raise BeolithError(f"seed {min(numbers)} is negative; allowed: 0, 1, 2 ...")
    generator = np.random.Generator(np.random.PCG64([*numbers, dimension]))
    sizes = [min(size, count - start) for start in range(0, count, size)]
    return _METHODS[method](sizes, dimension, generator)


def _random(sizes: list[int], dimension: int, generator: Generator) -> Iterator[Tensor]:
    for size in sizes:
        yield _open(torch.from_numpy(generator.random((size, dimension))))


def _sobol(sizes: list[int], dimension: int, generator: Generator) -> Iterator[Tensor]:
    engine = SobolEngine(dimension, scramble=True, seed=int(generator.integers(2**31)))
    for size in sizes:
        net = engine.draw(size, dtype=torch.float64)
        yield _open(net + torch.from_numpy(generator.random((size, dimension))) * 2.0**-SobolEngine.MAXBIT)


def _latin(sizes: list[int], dimension: int, generator: Generator) -> Iterator[Tensor]:
    count = sum(sizes)
    strata = np.stack([generator.permutation(count) for _ in range(dimension)], axis=-1)
    start = 0
    for size in sizes:
        place = strata[start : start + size] + generator.random((size, dimension))
        start += size
        yield _open(torch.from_numpy(place / count))


_METHODS = {"random": _random, "sobol": _sobol, "latin": _latin}


def _open(u: Tensor) -> Tensor:
    """Numbers of [0, 1] pushed off its ends, where the normal deviate would be infinite."""
    return u.clamp(2.0**-53, 1.0 - 2.0**-53)


def factor(correlation: Tensor) -> Tensor:
    """A matrix F with F F^T equal to a correlation matrix: its Cholesky factor, or a root of it where it is singular.

    Args:
        correlation: Symmetric with a unit diagonal, shape (..., n, n) [1].

    Raises:
        BeolithError: No random numbers can be so correlated, because the matrix has a negative eigenvalue.
    """
    root: Tensor
    root, failed = torch.linalg.cholesky_ex(correlation)
    if not bool(failed.any()):
        return root
    values, vectors = torch.linalg.eigh(correlation)
    least = float(values.detach().min())
    if not least >= -1e-10:
        raise BeolithError(
            f"correlations contradict each other: their matrix has the eigenvalue {least:.3g}, and none may be negative"
        )
    root = vectors * values.clamp(min=0.0).sqrt().unsqueeze(-2)
    return root


def correlate(z: Tensor, root: Tensor) -> Tensor:
    """Deviates of the correlation whose :func:`factor` is given, from independent ones of shape (..., n) [1]."""
    return (root @ z.unsqueeze(-1)).squeeze(-1)


def spatial_correlation(positions: Tensor, length: Tensor) -> Tensor:
    """Correlation exp(-d^2/l^2) of a Gaussian field between places a distance d apart, shape (n, n) [1].

    Args:
        positions: Coordinates of n devices, shape (n, 2) or (n, 3) [m].
        length: Correlation length l [m].
    """
    apart = positions.unsqueeze(-2) - positions.unsqueeze(-3)
    return torch.exp(-(apart**2).sum(dim=-1) / length**2)
