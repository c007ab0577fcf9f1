"""What every network file promises."""

from __future__ import annotations

from typing import Protocol

from torch import nn


class Network(Protocol):
    """A file in ``networks/``; its name is the key in YAML and on the command line."""

    def build(self, channels: int, size: int, classes: int) -> nn.Module:
        """A freshly initialised network that maps images (N, channels, size, size) to logits (N, classes).

        Plain layers in a :class:`torch.nn.Sequential`, so that the architecture can convert it layer by layer.

        Args:
            channels: Colour channels of an image.
            size: Height and width of an image [pixel].
            classes: Classes to tell apart.
        """
