"""The networks: one file each, found by its name, satisfying :class:`beolith.workloads.base.Network`."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import cast

from torch import nn

from beolith.errors import BeolithError, nearest

from ..base import Network


def names() -> tuple[str, ...]:
    """Names of the networks, which are the files of this folder."""
    return tuple(entry.name for entry in pkgutil.iter_modules(__path__))


def find(name: str) -> Network:
    """The file that holds a network.

    Raises:
        BeolithError: There is no such network.
    """
    if name not in names():
        raise BeolithError(f"no network is called {name!r}; {nearest(name, names())}")
    return cast(Network, import_module(f".{name}", __name__))


def build(name: str, channels: int, size: int, classes: int) -> nn.Module:
    """A freshly initialised network by name; arguments as for :meth:`.base.Network.build`.

    Raises:
        BeolithError: There is no such network, or it cannot take images of this size.
    """
    return find(name).build(channels, size, classes)
