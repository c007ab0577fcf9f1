"""The IDX format of MNIST and its descendants: a magic number, the length of each dimension, then the bytes.

References:
    LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from beolith.errors import DataError

_UNSIGNED_BYTE = 0x08


def parse(raw: bytes, dimensions: int, name: str) -> Tensor:
    """The array of unsigned bytes held by an IDX file.

    Args:
        raw: Content of the uncompressed file.
        dimensions: Dimensions expected: 3 for images, 1 for labels.
        name: What to call the file in an error.

    Returns:
        uint8 tensor of the shape that the file announces.

    Raises:
        DataError: The magic number is another one, the array is empty, or the file is too short or too long.
    """
    header = 4 * (1 + dimensions)
    if len(raw) < header:
        raise DataError(f"{name}: expected an IDX header of {header} bytes, found a file of {len(raw)} bytes")
    magic, *shape = struct.unpack(f">{1 + dimensions}I", raw[:header])
    expected = _UNSIGNED_BYTE << 8 | dimensions
    if magic != expected:
        raise DataError(
            f"{name}: expected the magic number 0x{expected:08x} (unsigned bytes, {dimensions} dimensions), "
            f"found 0x{magic:08x}"
        )
    announced = " x ".join(map(str, shape))
    if 0 in shape:
        raise DataError(f"{name}: expected at least one entry, found an array of {announced}")
    if len(raw) - header != math.prod(shape):
        raise DataError(
            f"{name}: expected {math.prod(shape)} bytes of data ({announced}), found {len(raw) - header} bytes"
        )
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=header).reshape(shape)


def read(path: Path, dimensions: int) -> Tensor:
    """The array held by a gzipped IDX file; arguments, result and errors as for :func:`parse`."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as fault:
        raise DataError(f"{path}: expected a gzip file, found one that cannot be unpacked: {fault}") from fault
    return parse(raw, dimensions, str(path))
