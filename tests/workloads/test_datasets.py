from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from beolith.errors import DataError
from beolith.workloads import Dataset, load
from beolith.workloads.files import user_cache

Publish = Callable[..., Path]
LABELS = "train-labels-idx1-ubyte.gz"


@pytest.mark.parametrize("sub", ["", "mnist"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_load_scales_to_one(publish: Publish, tmp_path: Path, sub: str, split: str) -> None:
    folder = publish()
    if sub:
        (tmp_path / "all").mkdir()
        folder = folder.rename(tmp_path / "all" / sub).parent
    dataset = load("mnist", split, folder)
    assert dataset.name == "mnist"
    assert dataset.images.dtype == torch.float32
    assert torch.equal(dataset.images, torch.arange(80).reshape(5, 1, 4, 4) / 255)
    assert dataset.labels.dtype == torch.int64
    assert dataset.labels.tolist() == [9] * 5
    assert len(dataset) == 5


def test_folder_from_the_environment(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEOLITH_DATA", str(publish()))
    assert len(load("mnist", "test")) == 5


def test_given_folder_goes_before_the_environment(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEOLITH_DATA", "/nowhere")
    assert len(load("mnist", "test", publish())) == 5


def test_user_cache_is_the_last_resort(publish: Publish, cache: Path, tmp_path: Path) -> None:
    folder = publish()
    cache.mkdir(parents=True)
    folder.rename(cache / "mnist")
    (tmp_path / "empty").mkdir()
    assert len(load("mnist", "test", tmp_path / "empty")) == 5


def test_user_cache_without_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert user_cache() == Path.home() / ".cache" / "beolith"


def test_missing_file_is_named(publish: Publish) -> None:
    folder = publish()
    (folder / LABELS).unlink()
    with pytest.raises(DataError, match=rf"{folder}.*found train-images.* but not {LABELS}$"):
        load("mnist", "train", folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path / 'typo'}.*no such folder"):
        load("mnist", "train", tmp_path / "typo")


@pytest.mark.parametrize("content", [lambda raw: raw[:-1], lambda raw: b"", lambda raw: raw[:-1] + b"\xff"])
def test_file_other_than_the_published_is_refused(publish: Publish, content: Callable[[bytes], bytes]) -> None:
    path = publish() / LABELS
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(DataError, match=rf"{path}: expected the published file with MD5 \w+, found \d+ bytes with MD5"):
        load("mnist", "train", path.parent)


def test_file_of_the_other_data_set_is_recognised(publish: Publish) -> None:
    folder = publish()
    with pytest.raises(DataError, match=r"\(\S+-images-idx3-ubyte.gz of mnist\)"):
        load("fashion_mnist", "train", folder)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"magic": 0x0802}, "train-images.*expected the magic number 0x00000803 .*found 0x00000802"),
        ({"images": 5, "labels": 4}, "found 5 images and 4 labels"),
        ({"label": 10}, r"expected labels 0 \.\. 9, found \[10\]"),
    ],
)
def test_inconsistent_files_are_refused(publish: Publish, fault: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load("mnist", "train", publish(**fault))


@pytest.mark.parametrize(("name", "split", "near"), [("mnits", "test", "mnist"), ("digits", "tests", "test")])
def test_unknown_name_answers_with_the_nearest(name: str, split: str, near: str) -> None:
    with pytest.raises(DataError, match=f"did you mean '{near}'"):
        load(name, split)


def test_digits_split_is_a_stable_stratified_partition() -> None:
    train, test = load("digits", "train"), load("digits", "test")
    assert train.images.shape == (1297, 1, 8, 8)
    assert test.images.shape == (500, 1, 8, 8)
    assert torch.equal(test.images, load("digits", "test").images)
    assert test.labels[:10].tolist() == [4, 8, 8, 3, 9, 0, 6, 3, 9, 8]
    whole = torch.cat([train.images, test.images])
    assert whole.min() == 0
    assert whole.max() == 1
    assert len(whole.unique(dim=0)) == 1797  # scikit-learn's images are all different, so none is in both splits
    share = torch.bincount(test.labels) / torch.bincount(torch.cat([train.labels, test.labels]))
    assert torch.allclose(share, torch.tensor(500 / 1797), atol=0.004)


def test_first_keeps_images_and_labels_together() -> None:
    whole = load("digits", "test")
    some = whole.first(7)
    assert isinstance(some, Dataset)
    assert len(some) == 7
    assert torch.equal(some.images, whole.images[:7])
    assert torch.equal(some.labels, whole.labels[:7])
