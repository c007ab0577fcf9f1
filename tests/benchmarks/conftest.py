"""CPU seconds, because wall seconds of a shared machine count nothing; run with ``make bench`` and nothing else."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cpu_seconds() -> Callable[[Callable[[], object]], float]:
    """CPU time of a call, its child processes included, best of three."""

    def used() -> float:
        return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    def measure(call: Callable[[], object], repeats: int = 3) -> float:
        times = []
        for _ in range(repeats):
            start = used()
            call()
            times.append(used() - start)
        return min(times)

    return measure
