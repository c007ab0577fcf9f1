"""Energy, latency and area of one inference as a breakdown by layer and component that sums to its total."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping as Table
from dataclasses import asdict
from typing import get_args

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from beolith import __version__

from ..circuits.base import Cost, Macro, Operation
from .convert import cim_layers
from .counts import Counts, count_inference

COMPONENTS = ("array", "converter", "shift_add", "refresh")

BOTH, LAYER = ("layer", "component"), ("layer",)

VARIABLES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "energy": (BOTH, "J", "Energy per inference"),
    "latency": (BOTH, "s", "Latency per inference"),
    "area": (BOTH, "m^2", "Area"),
    "refresh_power": (LAYER, "W", "Mean power of refresh"),
    "refresh_duty": (LAYER, "1", "Share of the time that the arrays are being refreshed"),
    "write_energy": (LAYER, "J", "Energy to write all weights once"),
    "write_latency": (LAYER, "s", "Time to write all weights once, arrays in parallel"),
}

COUNTS = {
    "row_reads": "Rows driven by a one bit per inference",
    "conversions": "Converter operations per inference",
    "accumulations": "Shift-and-add operations per inference",
    "arrays": "Arrays",
    "converters": "Converters",
    "rows_written": "Rows that hold weights",
}

SHARES = {"utilisation": "Share of the cells that hold weights"}


def price(counts: Table[str, Counts], macro: Macro, inference_rate: float | Tensor | None = None) -> dict[str, Tensor]:
    """Costs of one inference as tensors, differentiable with respect to whatever the macro's costs depend on.

    Layers follow each other, and so do output positions and input bits; the arrays of a layer work in parallel, and a
    converter serves its columns in turn. Refresh runs in the background: it costs power, and the share of the time that
    `refresh_duty` tells, but no latency of its own. Every array refreshes all its rows once per retention time.

    Args:
        counts: Operations of every layer, by path.
        macro: Gives the cost of every operation; costs may be batched, shape (...,).
        inference_rate: Inferences per second, which share the refresh power [1/s]; None runs them back to back.

    Returns:
        The names of `VARIABLES`; energy, latency and area are (..., layers, components), all else (..., layers).
    """
    unit = {operation: _double(macro.cost(operation)) for operation in get_args(Operation)}
    retention = macro.retention_time().to(torch.float64).unsqueeze(-1)
    table = {name: _column(counts, name, retention) for name in Counts.__dataclass_fields__}
    latency = _stack(
        unit["read_row"].latency * table["read_cycles"],
        unit["convert"].latency * table["serial_conversions"],
        unit["shift_add"].latency * table["serial_conversions"],
        torch.zeros_like(table["arrays"]),
    )
    refresh_power = unit["refresh_row"].energy * table["array_rows"] * table["arrays"] / retention
    rate = 1.0 / latency.sum((-2, -1)) if inference_rate is None else torch.as_tensor(inference_rate).to(retention)
    energy = _stack(
        unit["read_row"].energy * table["row_reads"],
        unit["convert"].energy * table["conversions"],
        unit["shift_add"].energy * table["accumulations"],
        refresh_power / rate.unsqueeze(-1),
    )
    area = _stack(
        unit["read_row"].area * table["arrays"],
        unit["convert"].area * table["converters"],
        unit["shift_add"].area * table["converters"],
        (unit["refresh_row"].area + unit["write_row"].area) * table["arrays"],
    )
    return {
        "energy": energy,
        "latency": latency,
        "area": area,
        "refresh_power": refresh_power,
        "refresh_duty": unit["refresh_row"].latency * table["array_rows"] / retention,
        "write_energy": unit["write_row"].energy * table["rows_written"],
        "write_latency": unit["write_row"].latency * table["rows_per_array"],
    }


def ledger(
    model: nn.Module, macro: Macro, input_shape: tuple[int, ...], inference_rate: float | None = None
) -> xr.Dataset:
    """Energy [J], latency [s] and area [m^2] of one inference by layer and component, with the counts behind them.

    Args:
        model: From `convert`.
        macro: Gives the cost of every operation; batched costs add leading dimensions point_0, point_1, ...
        input_shape: Shape of one input of the network, without the batch dimension.
        inference_rate: Inferences per second, which share the refresh power [1/s]; None runs them back to back.

    Returns:
        Dimensions layer and component. Sums over them are totals: see `totals`.

    Raises:
        BeolithError: If the network has no layer on arrays.
    """
    counts = count_inference(model, macro, input_shape)
    tensors = price(counts, macro, inference_rate)
    depth = tensors["energy"].ndim - len(BOTH)
    points = tuple(f"point_{i}" for i in range(depth))
    data: dict[str, tuple[tuple[str, ...], object, dict[str, str]]] = {
        name: (
            points[depth + len(dims) - tensors[name].ndim :] + dims,
            tensors[name].detach().cpu().numpy(),
            {"units": units, "long_name": long_name},
        )
        for name, (dims, units, long_name) in VARIABLES.items()
    }
    layers = cim_layers(model)
    numbers = {name: [float(getattr(count, name)) for count in counts.values()] for name in COUNTS}
    numbers["utilisation"] = [layer.mapping.utilisation for layer in layers.values()]
    data |= {
        name: (LAYER, values, {"units": "1", "long_name": (COUNTS | SHARES)[name]}) for name, values in numbers.items()
    }
    return xr.Dataset(
        data,
        coords={"layer": list(counts), "component": list(COMPONENTS)},
        attrs={
            "config": json.dumps(asdict(next(iter(layers.values())).options) | {"input_shape": list(input_shape)}),
            "sources": "[]",
            "beolith_version": __version__,
            "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    )


def totals(dataset: xr.Dataset) -> xr.Dataset:
    """Sums of a ledger over its layers and components, units and names kept.

    What is no sum is left out: `utilisation`, and `refresh_duty`, which holds for each array.

    Args:
        dataset: From `ledger`.
    """
    return dataset.drop_vars(["utilisation", "refresh_duty"]).sum(["layer", "component"], keep_attrs=True)


def _double(cost: Cost) -> Cost:
    energy, latency, area = (t.to(torch.float64).unsqueeze(-1) for t in (cost.energy, cost.latency, cost.area))
    return Cost(energy, latency, area)


def _column(counts: Table[str, Counts], name: str, like: Tensor) -> Tensor:
    return like.new_tensor([float(getattr(c, name)) for c in counts.values()])


def _stack(*parts: Tensor) -> Tensor:
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return torch.stack([part.expand(shape) for part in parts], dim=-1)
