"""From a trained network to the same network on a chip, and the same chip under another condition."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from beolith.errors import BeolithError

from ..circuits.base import Macro
from .base import CimLayer
from .cells import layer_seeds
from .layers import CimConv2d, CimLinear
from .options import CimOptions
from .quantize import percentile

ON_ARRAYS: dict[type[nn.Module], Callable[..., CimLayer]] = {nn.Linear: CimLinear, nn.Conv2d: CimConv2d}


def convert(model: nn.Module, macro: Macro, options: CimOptions, calibration: Tensor) -> nn.Module:
    """Copy of a network whose convolutions and linear layers compute on arrays, calibrated and programmed.

    Everything without parameters stays digital. The calibration batch fixes the input range of every layer, and from
    the integer column sums of ideal cells the range of its converters; it passes through the float network once for
    each. The result is in evaluation mode and lives in the dtype of the network: a double network stays double.

    Args:
        model: Trained network; it is not changed.
        macro: The cells, at the condition to begin with.
        options: Arithmetic of the chip.
        calibration: Representative inputs of the network, shape (batch, ...).

    Returns:
        The network on the chip that `options.seed` names.

    Raises:
        BeolithError: If a layer with parameters cannot be mapped, or the calibration batch does not reach a layer.
    """
    twin = copy.deepcopy(model).eval()
    layers = {path: _on_array(module, macro, options, path) for path, module in _mappable(twin).items()}
    with torch.no_grad():
        _calibrate_inputs(twin, layers, options, calibration)
        _calibrate_converters(twin, layers, calibration)
    chip = _replace(twin, layers).eval()
    return reprogram(chip, macro)


def reprogram(model: nn.Module, macro: Macro, seed: int | None = None) -> nn.Module:
    """Puts a converted network on a chip of another condition or seed; mapping and calibration stay as they are.

    Gradients flow from the network's output to whatever the macro's currents depend on; each call builds a new graph.

    Args:
        model: From `convert`; changed in place.
        macro: Cells of the geometry converted for, at any temperature, age and time since refresh.
        seed: Names the chip; None keeps the seed of the options.

    Returns:
        The same network.

    Raises:
        BeolithError: If the network has no layer on arrays or the macro has another geometry.
    """
    layers = list(cim_layers(model).values())
    chip = layers[0].options.seed if seed is None else seed
    for layer, layer_seed in zip(layers, layer_seeds(chip, len(layers)), strict=True):
        layer.program(macro, layer_seed if layer.options.mismatch else None)
    return model


def cim_layers(model: nn.Module) -> dict[str, CimLayer]:
    """The layers on arrays of a converted network, by path, in the network's order.

    Raises:
        BeolithError: If there is none.
    """
    layers = {layer.path: layer for layer in model.modules() if isinstance(layer, CimLayer)}
    if not layers:
        raise BeolithError(f"{type(model).__name__} has no layer on arrays; call convert(model, ...) first")
    return layers


def _mappable(model: nn.Module) -> dict[str, nn.Module]:
    """Layers to put on arrays, by path; a shared layer appears once."""
    found = {}
    for name, module in model.named_modules():
        path = name or "(network)"
        if type(module) in ON_ARRAYS:
            found[path] = module
        elif next(module.parameters(recurse=False), None) is not None:
            raise BeolithError(
                f"{path}: {type(module).__name__} has parameters, but only "
                f"{' and '.join(kind.__name__ for kind in ON_ARRAYS)} map onto arrays; "
                "fold it into a neighbouring layer "
                "(batch normalisation: torch.nn.utils.fusion.fuse_conv_bn_eval) or convert only the part without it"
            )
    if not found:
        raise BeolithError(f"{type(model).__name__} has no Linear or Conv2d layer to put on arrays")
    return found


def _on_array(module: nn.Module, macro: Macro, options: CimOptions, path: str) -> CimLayer:
    return ON_ARRAYS[type(module)](module, macro, options, path).eval()


def _watch(model: nn.Module, layers: dict[str, CimLayer], see: Callable[[str, Tensor], None], batch: Tensor) -> None:
    """Runs the float network and shows `see` the input of every layer that goes on arrays."""
    modules = dict(model.named_modules())

    def hook(path: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda module, inputs: see(path, inputs[0])

    handles = [modules["" if path == "(network)" else path].register_forward_pre_hook(hook(path)) for path in layers]
    try:
        model(batch)
    finally:
        for handle in handles:
            handle.remove()


def _calibrate_inputs(model: nn.Module, layers: dict[str, CimLayer], options: CimOptions, batch: Tensor) -> None:
    """Input range of every layer: a percentile of the magnitude, over all calls of a shared layer."""
    peaks: dict[str, list[Tensor]] = {path: [] for path in layers}
    lowest: dict[str, list[Tensor]] = {path: [] for path in layers}

    def see(path: str, x: Tensor) -> None:
        peaks[path].append(percentile(x.abs(), options.input_percentile))
        lowest[path].append(x.amin())

    _watch(model, layers, see, batch)
    for path, layer in layers.items():
        if not peaks[path]:
            raise BeolithError(f"{path}: the calibration batch does not reach this layer; remove it from the network")
        layer.set_input_range(torch.stack(peaks[path]).amax(), signed=bool(torch.stack(lowest[path]).amin() < 0))


def _calibrate_converters(model: nn.Module, layers: dict[str, CimLayer], batch: Tensor) -> None:
    """Converter ranges and input activity of every layer, over all calls of a shared layer."""
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {path: [] for path in layers}
    _watch(model, layers, lambda path, x: seen[path].append(layers[path].ideal_statistics(x)), batch)
    for path, layer in layers.items():
        histograms, activities = zip(*seen[path], strict=True)
        layer.set_converter(torch.stack(histograms).sum(0), torch.stack(activities).mean())


def _replace(model: nn.Module, layers: dict[str, CimLayer]) -> nn.Module:
    """The network with its layers exchanged, wherever they are shared."""
    if "(network)" in layers:
        return layers["(network)"]
    modules = dict(model.named_modules())
    by_identity = {id(modules[path]): layer for path, layer in layers.items()}
    for module in modules.values():
        for name, child in list(module._modules.items()):
            if id(child) in by_identity:
                setattr(module, name, by_identity[id(child)])
    return model
