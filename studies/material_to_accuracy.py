"""What does the choice of oxide do to the accuracy and energy of a gain-cell compute macro?

Material x temperature x time since refresh x age under bias -> accuracy, energy per inference, retention time. The
Dataset keeps what lies between: threshold shift, voltage lost, margin between levels.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from torch import nn
    from xarray import Dataset

    from .. import workloads
    from ..circuits.gain_macro import GainCellMacro
    from ..devices.library import Device

TITLE = "Oxide material to accuracy and energy of compute-in-memory"
_YEAR = 365.25 * 86400.0


def _axis(unit: str) -> dict[str, Any]:
    return {"unit": unit, "axis": True}


def _network(name: str) -> str:
    from ..workloads import networks

    networks.find(name)
    return name


def _dataset(name: str) -> str:
    from ..workloads import datasets

    return datasets.check_name(name)


_Temperature = Annotated[float, Field(gt=0.0, le=1000.0)]
_Time = Annotated[float, Field(ge=0.0)]


class Config(BaseModel):
    """Options of the study (SI)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    materials: list[str] = Field(
        ["belmonte2023_igzo", "liu2023_ito", "pandey2025_in2o3"],
        min_length=1,
        description="Transistor cards to compare",
        json_schema_extra={"axis": True},
    )
    temperatures: list[_Temperature] = Field(
        [300.0, 358.0, 398.0], min_length=1, description="Temperatures of the array", json_schema_extra=_axis("K")
    )
    hold_times: list[_Time] = Field(
        [1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6],
        min_length=1,
        description="Times since the last refresh",
        json_schema_extra=_axis("s"),
    )
    ages: list[_Time] = Field(
        [0.0, 10 * _YEAR], min_length=1, description="Times in use, under stored levels", json_schema_extra=_axis("s")
    )
    network: Annotated[str, AfterValidator(_network)] = Field("lenet5", description="Network")
    dataset: Annotated[str, AfterValidator(_dataset)] = Field(
        "digits", description="Data set: digits is embedded; mnist and fashion_mnist are files"
    )
    images: int = Field(500, ge=1, description="Test images")
    seed: int = Field(0, ge=0, description="Seed of training and of the cells' mismatch")
    weight_bits: int = Field(8, ge=2, le=16, description="Bits of a weight, sign included")
    input_bits: int = Field(8, ge=1, le=16, description="Bits of an activation")
    adc_bits: int = Field(8, ge=1, le=16, description="Bits of a column converter")
    levels: int = Field(16, ge=2, le=32, description="Storage levels of a cell")
    rows: int = Field(128, ge=1, le=1024, description="Rows of an array")
    columns: int = Field(128, ge=4, le=1024, description="Columns of an array")
    mismatch: bool = Field(True, description="Whether cells differ from each other")
    reference: Literal["tracking", "fixed"] = Field("tracking", description="What the converters count by")
    v_hold: float = Field(
        -0.8, ge=-5, le=0, description="Word-line voltage while holding", json_schema_extra={"unit": "V"}
    )
    inference_rate: float = Field(
        10.0, gt=0, description="Inferences that share the refresh power", json_schema_extra={"unit": "1/s"}
    )
    node: str = Field("cmos_45nm", description="CMOS node of the periphery")
    overrides: dict[str, str | float] = Field({}, description="Card values to change, such as tekv.mobility")


QUANTITIES = {
    "accuracy": ("1", "Accuracy"),
    "accuracy_float": ("1", "Accuracy of the float network"),
    "accuracy_ideal": ("1", "Accuracy with ideal cells"),
    "energy": ("J", "Energy per inference"),
    "refresh_energy": ("J", "Refresh energy per inference"),
    "refresh_row_energy": ("J", "Energy of one row refresh"),
    "refresh_duty": ("1", "Share of the time that an array is being refreshed; above 1 the design cannot work"),
    "restored_energy": ("J", "Energy that a refresh puts back into the cells of a row"),
    "latency": ("s", "Latency per inference"),
    "area": ("m^2", "Area of the arrays and converters"),
    "retention_time": ("s", "Retention time of the weakest cell"),
    "threshold_shift": ("V", "Threshold shift of the read transistor since fabrication"),
    "storage_loss": ("V", "Voltage lost by the highest level"),
    "current_ratio": ("1", "Full-scale current over that at calibration"),
    "level_error": ("1", "Largest departure of a level from its place, in level steps"),
    "margin": ("1", "Smallest distance between levels over the sum of their spreads"),
}
_AXES = {
    "material": ("", "Material"),
    "temperature": ("K", "Temperature"),
    "hold_time": ("s", "Time since refresh"),
    "age": ("s", "Time in use"),
}


def points(config: Config) -> Sequence[dict[str, Any]]:
    """Every combination of material (with the digest of its card), temperature, time since refresh and age."""
    axes = config.materials, config.temperatures, config.hold_times, config.ages
    cards = {name: _device(name, config).card.digest for name in config.materials}
    grid = itertools.product(*axes)
    return [{**dict(zip(_AXES, values, strict=True)), "card": cards[values[0]]} for values in grid]


def context(config: Config) -> Mapping[str, Any]:
    """Digest of the CMOS node; the digest of its own transistor card is in every point."""
    from ..circuits import node

    return {"cards": {config.node: node.load(config.node).card.digest}}


def sources(config: Config) -> Sequence[str]:
    """Works cited by the cards in use."""
    from ..circuits import node

    cards = [_device(name, config).card for name in config.materials] + [node.load(config.node).card]
    model = {"enz1995_ekv", "leenathan2011", "warddutton1978", "pelgrom1989"}
    return sorted(model.union(*(card.sources for card in cards)) - {"own", "user"})


def evaluate(point: Mapping[str, Any], config: Config) -> Mapping[str, float]:
    """Accuracy, energy and what explains them at one material, temperature, time since refresh and age."""
    import torch

    from .. import arch, workloads

    settings = config.model_dump_json()
    chip, test, float_accuracy, ideal_accuracy = _chip(settings)
    macros, facts = _macros(point["material"], settings)
    key = (point["temperature"], point["age"], point["hold_time"])
    macro = macros[key]
    with torch.inference_mode():
        arch.reprogram(chip, macro, config.seed)
    book = arch.ledger(chip, macro, tuple(test.images.shape[1:]), config.inference_rate)
    totals = arch.totals(book)
    return {
        "accuracy": workloads.evaluate(chip, test),
        "accuracy_float": float_accuracy,
        "accuracy_ideal": ideal_accuracy,
        "energy": float(totals["energy"]),
        "refresh_energy": float(book["energy"].sel(component="refresh").sum()),
        "refresh_row_energy": float(macro.cost("refresh_row").energy),
        "refresh_duty": float(book["refresh_duty"].max()),
        "restored_energy": float(macro.restored) * config.columns * _design(config).v_high,
        "latency": float(totals["latency"]),
        "area": float(totals["area"]),
        "retention_time": float(macro.retention_time()),
        **facts[key],
    }


def assemble(config: Config, points: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> Dataset:
    """All results on the four axes; a failed point is NaN and says why."""
    import numpy as np
    import xarray as xr

    axes: tuple[Sequence[Any], ...] = (config.materials, config.temperatures, config.hold_times, config.ages)
    shape = tuple(len(axis) for axis in axes)
    dims = tuple(_AXES)
    variables = {
        name: (dims, np.array([r.get(name, np.nan) for r in results]).reshape(shape), {"units": u, "long_name": text})
        for name, (u, text) in QUANTITIES.items()
    }
    status = np.array([r["status"] for r in results]).reshape(shape)
    message = np.array([r["message"] for r in results]).reshape(shape)
    coords = {d: (d, a, {"units": u, "long_name": text}) for (d, (u, text)), a in zip(_AXES.items(), axes, strict=True)}
    cards = {point["material"]: point["card"] for point in points}
    return xr.Dataset(variables, coords).assign(
        card=("material", [cards[m] for m in config.materials], {"units": "", "long_name": "SHA-256 of the card"}),
        status=(dims, status, {"units": "", "long_name": "Status of the point"}),
        message=(dims, message, {"units": "", "long_name": "Message of the point"}),
    )


def table(ds: Dataset) -> DataFrame:
    """Every quantity at every point."""
    from beolith import figure

    return figure.table(ds, *QUANTITIES)


def plot(ds: Dataset) -> Figure:
    """Accuracy against time since refresh, and refresh energy against temperature; one colour for each material."""
    from ._material_to_accuracy_figure import draw

    return draw(ds)


def _device(name: str, config: Config) -> Device:
    from ..devices import library

    return library.load(name, config.overrides)


@lru_cache(maxsize=8)
def _macros(
    material: str, settings: str
) -> tuple[dict[tuple[float, float, float], GainCellMacro], dict[tuple[float, float, float], dict[str, float]]]:
    """Macros of one material at every temperature, age and hold time, solved as one batch."""
    import torch

    from ..circuits import node
    from ..circuits.gain_macro import Condition, build, calibrate
    from ..devices.stress.mission import constant

    config = Config.model_validate_json(settings)
    device, design = _device(material, config), _design(config)
    pairs = list(itertools.product(config.temperatures, config.ages))
    temperature = torch.tensor([t for t, _ in pairs], dtype=torch.float64)
    age = torch.tensor([a for _, a in pairs], dtype=torch.float64)
    with torch.no_grad():
        plan = calibrate(device, design)
        width, length = (torch.tensor(x, dtype=torch.float64) for x in (design.read_width, design.read_length))
        fresh = device.transistor(width, length, temperature)
        # the read gate sits at the mean stored level; the write gate is on for a negligible share of the time
        overdrive = plan.storage.mean() - fresh.coefficients.v_t
        read = device.age(constant(age, temperature, overdrive))
        write = device.age(constant(age, temperature, 0.0, duty=0.0))
        condition = Condition(temperature, write, read)
        grid = build(device, design, node.load(config.node), condition, config.hold_times, plan)
        aged = device.transistor(width, length, temperature, read)
        shift = (aged.coefficients.v_t - fresh.coefficients.v_t).tolist()

    macros, facts = {}, {}
    for i, (t, a) in enumerate(pairs):
        for hold, macro in zip(config.hold_times, grid[i], strict=True):
            macros[t, a, hold] = macro
            lost = float(plan.storage[-1] - macro.storage[-1].mean())
            facts[t, a, hold] = {"threshold_shift": shift[i], "storage_loss": lost, **_levels(macro, plan.unit_current)}
    return macros, facts


def _levels(macro: GainCellMacro, unit: Any) -> dict[str, float]:
    """How far the levels of a macro stand apart."""
    import torch

    level = torch.arange(macro.levels)
    zero = torch.zeros(macro.levels, dtype=torch.float64)
    with torch.no_grad():
        mean = macro.currents(level, zero, zero)
        by_read = 0.5 * (macro.currents(level, zero, zero + 1) - macro.currents(level, zero, zero - 1))
        by_write = 0.5 * (macro.currents(level, zero + 1, zero) - macro.currents(level, zero - 1, zero))
    sigma = torch.hypot(by_read, by_write)
    place = (mean - mean[0]) / macro.unit_current
    error = (place - level).abs().amax()
    margin = ((mean[1:] - mean[:-1]) / (sigma[1:] + sigma[:-1])).amin()
    ratio = (mean[-1] - mean[0]) / (unit * (macro.levels - 1))
    return {"current_ratio": float(ratio), "level_error": float(error), "margin": float(margin)}


def _design(config: Config) -> Any:
    from ..circuits.design import GainCellDesign

    return GainCellDesign(
        levels=config.levels,
        rows=config.rows,
        columns=config.columns,
        converter_bits=config.adc_bits,
        reference=config.reference,
        v_hold=config.v_hold,
    )


@lru_cache(maxsize=8)
def _chip(settings: str) -> tuple[nn.Module, workloads.Dataset, float, float]:
    """A trained network on ideal cells, the test images, and its accuracy on them in float and on ideal cells."""
    import torch

    from .. import arch, workloads

    config = Config.model_validate_json(settings)
    trained = workloads.train(config.network, config.dataset, seed=config.seed)
    test = workloads.load(config.dataset, "test").first(config.images)
    calibration = workloads.load(config.dataset, "train").first(256)
    options = arch.CimOptions(
        weight_bits=config.weight_bits,
        input_bits=config.input_bits,
        adc_bits=config.adc_bits,
        mismatch=config.mismatch,
        seed=config.seed,
    )
    ideal = arch.IdealMacro(config.rows, config.columns, config.levels)
    with torch.inference_mode():
        chip = arch.convert(trained.module, ideal, options, calibration.images)
    return chip, test, workloads.evaluate(trained.module, test), workloads.evaluate(chip, test)
