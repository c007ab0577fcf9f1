"""Tiny published data sets, a mirror on the loopback interface, and the real data where they are at hand."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from torch import Tensor

from beolith.workloads.published import DIGITS, PUBLISHED, File, Published

NAMES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
NOWHERE = "http://mnist.invalid/"  # a domain that is reserved never to exist
PLACES = [os.environ.get("BEOLITH_DATA"), Path(__file__).resolve().parents[3] / "shared" / "data"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache; the user's own folder of data is forgotten."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("BEOLITH_DATA", raising=False)
    return tmp_path / "cache" / "beolith"


@pytest.fixture(scope="session")
def real_data() -> Path:
    for place in filter(None, PLACES):
        if (Path(place) / "mnist").is_dir():
            return Path(place)
    pytest.skip("the real MNIST is at neither BEOLITH_DATA nor ../shared/data")


def idx(array: Tensor, magic: int | None = None) -> bytes:
    """An uncompressed IDX file."""
    head = 0x0800 | array.ndim if magic is None else magic
    return struct.pack(f">{1 + array.ndim}I", head, *array.shape) + bytes(array.flatten().tolist())


Publish = Callable[..., Path]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Writes a tiny data set into a folder and lets it stand for MNIST; returns the folder."""

    def write(
        images: int = 5,
        labels: int = 5,
        magic: int | None = None,
        label: int = 9,
        mirrors: tuple[str, ...] = (NOWHERE,),
    ) -> Path:
        folder = tmp_path / "tiny"
        folder.mkdir()
        pixels = torch.arange(images * 4 * 4, dtype=torch.uint8).reshape(images, 4, 4)
        content = [gzip.compress(idx(pixels, magic)), gzip.compress(idx(torch.full((labels,), label)))]
        for pair in NAMES.values():
            for name, raw in zip(pair, content, strict=True):
                (folder / name).write_bytes(raw)
        rows = [hashlib.md5(raw).hexdigest() for raw in content]
        splits = {split: tuple(map(File, pair, rows)) for split, pair in NAMES.items()}
        monkeypatch.setitem(PUBLISHED, "mnist", Published(splits, DIGITS, ("mnist",), mirrors))
        return folder

    return write


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the folder ``tiny``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path / "tiny"))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
