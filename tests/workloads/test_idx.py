from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from beolith.errors import DataError
from beolith.workloads.idx import parse, read

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3)


def header(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


@given(shapes, st.data())
def test_parse_returns_what_was_written(shape: list[int], data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=math.prod(shape), max_size=math.prod(shape)))
    array = parse(header(0x0800 | len(shape), *shape) + content, len(shape), "file")
    assert array.dtype == torch.uint8
    assert list(array.shape) == shape
    assert bytes(array.flatten().tolist()) == content


@given(st.binary(max_size=64), st.sampled_from([1, 3]))
@example(header(0x0803, 2**32 - 1, 2**32 - 1, 2**32 - 1), 3)
@example(header(0x0801, 0), 1)
@example(b"", 1)
def test_any_bytes_are_refused_or_fully_used(raw: bytes, dimensions: int) -> None:
    try:
        array = parse(raw, dimensions, "file")
    except DataError:
        return
    assert array.ndim == dimensions
    assert 4 * (1 + dimensions) + array.numel() == len(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\0\0\x08", "expected an IDX header of 8 bytes, found a file of 3 bytes"),
        (header(0x0803, 1) + b"\1", "expected the magic number 0x00000801 .* found 0x00000803"),
        (header(0x0D01, 1) + b"\1", "expected the magic number 0x00000801 .* found 0x00000d01"),
        (header(0x0801, 0), "expected at least one entry"),
        (header(0x0801, 3) + b"\1\2", "expected 3 bytes of data .* found 2 bytes"),
        (header(0x0801, 1) + b"\1\2", "expected 1 bytes of data .* found 2 bytes"),
    ],
)
def test_fault_is_named(raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"^labels: {message}"):
        parse(raw, 1, "labels")


@pytest.mark.parametrize("cut", [0, 1, 5, 12, 20, -1])
def test_truncated_gzip_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(header(0x0801, 3) + b"\1\2\3")[:cut])
    with pytest.raises(DataError, match=r"labels\.gz"):
        read(path, 1)


def test_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(header(0x0801, 3) + b"\1\2\3")
    with pytest.raises(DataError, match="expected a gzip file"):
        read(path, 1)
