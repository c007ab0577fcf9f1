"""A tiny study, a tiny model and a tiny card that the tools are tried on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

STUDY = '''
"""How far a ball falls."""
import os
from pathlib import Path
import xarray
from pydantic import BaseModel, ConfigDict, Field
from beolith import figure

TITLE = "How far does a ball fall?"


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    times: tuple[float, ...] = Field(
        (1.0, 2.0, 3.0), description="Fall times", json_schema_extra={"unit": "s", "axis": True}
    )
    gravity: float = Field(9.81, gt=0, description="Acceleration", json_schema_extra={"unit": "m/s**2"})
    fail_at: float = Field(-1.0, description="Time that fails", json_schema_extra={"unit": "s"})
    log: str = Field("", description="File that counts evaluations")
    stop_at: str = Field("", description="File whose presence interrupts")


def points(config):
    return [{"time": t} for t in config.times]


def context(config):
    return {"cards": {"ball": "0" * 64}}


def evaluate(point, config):
    if config.log:
        with Path(config.log).open("a") as file:
            file.write(f"{point['time']}\\n")
    if config.stop_at and Path(config.stop_at).exists() and point["time"] == 2.0:
        raise KeyboardInterrupt
    if point["time"] == config.fail_at:
        raise ArithmeticError("the ball hit the ground")
    print("a study that chats")
    return {"distance": config.gravity * point["time"] ** 2 / 2}


def assemble(config, points, results):
    times = [p["time"] for p in points]
    distances = [r.get("distance", float("nan")) for r in results]
    return xarray.Dataset(
        {
            "distance": ("time", distances, {"units": "m", "long_name": "distance"}),
            "message": ("time", [r["message"] for r in results], {"units": "1", "long_name": "what went wrong"}),
        },
        coords={"time": ("time", times, {"units": "s", "long_name": "fall time"})},
    )


def plot(ds):
    fig = figure.new()
    axes = fig.add_subplot(xlabel="time (s)", ylabel="distance (m)")
    axes.plot(ds["time"], ds["distance"])
    return fig


def table(ds):
    return figure.table(ds, "distance")


def sources(config):
    return ["own"]
'''

BIB = """
@article{galilei1638, title = {Two {New} Sciences}, author = {Galilei, Galileo}, year = {1638}}
@online{web2020, title = {A page}, url = {https://example.org/x}}
"""

CARD = """
title: A ball
kind: ball
model: sphere
summary: It falls.
body:
  mass: {value: 12, unit: g, source: galilei1638, where: "Fig. 1", how: measured, sigma: 0.5}
  temperature: {value: 85, unit: degC, source: own, how: assumed, note: As warm as it gets., sigma: 1}
"""


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    """The study in a file of one's own."""
    path = tmp_path / "falling.py"
    path.write_text(STUDY)
    return path


@pytest.fixture
def write_card(tmp_path: Path) -> Callable[[str], Path]:
    """Write a card and return its path; a bibliography lies beside it."""
    (tmp_path / "references.bib").write_text(BIB)

    def write(text: str = CARD) -> Path:
        path = tmp_path / "ball.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(autouse=True)
def _leave_logging_alone() -> Iterator[None]:
    """The command line configures the root logger; undo that."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
