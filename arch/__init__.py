"""The architecture: networks mapped onto arrays of multi-level cells, and what an inference costs there."""

from .convert import cim_layers, convert, reprogram
from .ideal import IdealMacro
from .layers import CimConv2d, CimLinear
from .ledger import ledger, price, totals
from .mapping import Mapping, map_matrix
from .options import CimOptions

__all__ = [
    "CimConv2d",
    "CimLinear",
    "CimOptions",
    "IdealMacro",
    "Mapping",
    "cim_layers",
    "convert",
    "ledger",
    "map_matrix",
    "price",
    "reprogram",
    "totals",
]
