"""Download of published files: several mirrors, a progress bar, and nothing kept that fails its checksum."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path

from rich.console import Console
from rich.progress import wrap_file

from beolith.errors import DataError

from .files import replacing
from .published import File

_TIMEOUT = 20.0  # of one network operation, not of the download [s]
_BLOCK = 1 << 16  # read at a time [byte]


def checksum(path: Path) -> str:
    """Hexadecimal MD5 checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fetch(file: File, mirrors: Iterable[str], folder: Path) -> None:
    """Put a published file into a folder, from the first mirror that delivers it intact.

    Args:
        file: The file and its checksum.
        mirrors: Addresses, each ending in a slash, tried in this order.
        folder: Where the file goes; created if needed.

    Raises:
        DataError: No mirror delivered the file; says what went wrong with each.
    """
    faults = []
    for mirror in mirrors:
        try:
            return _fetch(file, mirror + file.name, folder / file.name)
        except (OSError, HTTPException, DataError) as fault:
            faults.append(f"{mirror}{file.name} ({fault})")
    raise DataError(f"{file.name} cannot be downloaded; tried {', '.join(faults)}")


def _fetch(file: File, address: str, target: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    console = Console(stderr=True)
    with urllib.request.urlopen(address, timeout=_TIMEOUT) as response, replacing(target) as written:
        size = int(response.headers.get("Content-Length", 0))
        with wrap_file(
            response, size, description=file.name, console=console, disable=not console.is_terminal
        ) as blocks:
            while block := blocks.read(_BLOCK):
                digest.update(block)
                written.write(block)
        if digest.hexdigest() != file.md5:
            raise DataError(f"expected MD5 {file.md5}, received {digest.hexdigest()}")
