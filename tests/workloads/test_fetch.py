from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from beolith.errors import DataError
from beolith.workloads import load
from beolith.workloads.fetch import fetch
from beolith.workloads.published import PUBLISHED, File

Publish = Callable[..., Path]
NOWHERE = "http://mnist.invalid/"


def test_download_lands_in_the_cache_once(
    publish: Publish, mirror: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = publish(mirrors=(NOWHERE, mirror))
    first = load("mnist", "test")
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(p.name for p in folder.glob("t10k*"))
    for path in folder.iterdir():
        path.unlink()
    assert torch.equal(load("mnist", "test").images, first.images)
    assert capsys.readouterr().out == ""


def test_progress_is_shown_on_a_terminal_only(
    publish: Publish, mirror: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(mirrors=(mirror,))
    load("mnist", "train")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    load("mnist", "test")
    out, err = capsys.readouterr()
    assert out == ""
    assert "t10k-images-idx3-ubyte.gz" in err


def test_interrupted_download_is_completed(publish: Publish, mirror: str, cache: Path) -> None:
    folder = publish(mirrors=(mirror,))
    (cache / "mnist").mkdir(parents=True)
    (folder / "t10k-images-idx3-ubyte.gz").rename(cache / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert len(load("mnist", "test")) == 5


def test_wrong_content_is_not_kept(publish: Publish, mirror: str, tmp_path: Path) -> None:
    name = "train-labels-idx1-ubyte.gz"
    (publish() / name).write_bytes(b"something else")
    target = tmp_path / "target"
    received = hashlib.md5(b"something else").hexdigest()
    with pytest.raises(DataError, match=rf"{name} cannot be downloaded.*{mirror}.*expected MD5 0+, .*{received}"):
        fetch(File(name, "0" * 32), (mirror,), target)
    assert list(target.iterdir()) == []


def test_file_that_the_mirror_lacks(publish: Publish, mirror: str, tmp_path: Path) -> None:
    publish()
    with pytest.raises(DataError, match="404"):
        fetch(File("other.gz", "0" * 32), (mirror,), tmp_path / "target")


def test_offline_message_says_what_where_and_how(publish: Publish, cache: Path, tmp_path: Path) -> None:
    publish()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        load("mnist", "test", tmp_path / "empty")
    message = str(caught.value)
    for part in ("t10k-images-idx3-ubyte.gz", str(tmp_path / "empty"), str(cache / "mnist"), NOWHERE, "--data DIR"):
        assert part in message
    assert "BEOLITH_DATA=DIR" in message
    assert "\n" not in message


def test_every_published_file_has_a_checksum_of_its_own() -> None:
    files = [file for entry in PUBLISHED.values() for pair in entry.splits.values() for file in pair]
    assert len({file.md5 for file in files}) == len(files) == 8
    assert all(len(file.md5) == 32 and int(file.md5, 16) for file in files)
