"""Where files live on this machine, and how one is put there without a reader ever seeing half of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def user_cache() -> Path:
    """Folder for what can be fetched or computed again: ``beolith`` in XDG_CACHE_HOME, by default in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beolith"


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file open for writing that takes the place of the target when the block ends, and vanishes if it fails.

    Args:
        target: File to create or replace; its folder is created if needed.

    Raises:
        OSError: The folder or the file cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.", suffix=".part")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
