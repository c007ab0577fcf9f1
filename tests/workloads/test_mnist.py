"""The real MNIST; skipped where it is not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from beolith.workloads import load, train


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_published_files(real_data: Path, name: str, split: str, count: int) -> None:
    dataset = load(name, split, real_data)
    assert dataset.images.shape == (count, 1, 28, 28)
    assert dataset.images.min() == 0
    assert dataset.images.max() == 1
    assert len(dataset.labels) == count
    assert set(dataset.labels.tolist()) == set(range(10))


def test_published_order(real_data: Path) -> None:
    """The first labels of the test split, as every tutorial shows them."""
    assert load("mnist", "test", real_data).labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@pytest.mark.slow
def test_lenet5_learns_mnist_in_one_epoch(real_data: Path, tmp_path: Path) -> None:
    trained = train("lenet5", "mnist", epochs=1, folder=real_data, cache=tmp_path)
    assert trained.accuracy >= 0.96
