"""Trained weights in a file: only tensors, written whole, checked when read."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import torch
from torch import nn

from .files import replacing

_log = logging.getLogger(__name__)


def save(module: nn.Module, path: Path) -> None:
    """Write the weights of a network; a folder that cannot be written costs a logged warning, not the training."""
    buffer = BytesIO()
    torch.save(module.state_dict(), buffer)
    try:
        with replacing(path) as file:
            file.write(buffer.getbuffer())
    except OSError as fault:
        _log.warning("%s: trained weights cannot be kept: %s", path, fault)


def restore(build: Callable[[], nn.Module], path: Path) -> nn.Module | None:
    """The network in evaluation mode with the weights of a file, or None if there is no such file or it is damaged.

    A damaged file is logged as a warning. The global random state is left as it was.

    Args:
        build: Makes the network.
        path: File written by :func:`save`.
    """
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # torch itself does not compare the CRC of what it reads
                raise zipfile.BadZipFile(f"wrong CRC of {damaged}")
        with torch.random.fork_rng(devices=[]):
            module = build()
        module.load_state_dict(torch.load(path, weights_only=True))
    except Exception as fault:  # whatever a damaged file makes the reader stumble over
        _log.warning("%s: damaged weights are trained again: %s: %s", path, type(fault).__name__, fault)
        return None
    return module.eval()
