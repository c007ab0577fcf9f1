"""What every study promises: one question, asked of many points, answered by a Dataset and a figure of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from pydantic import BaseModel
    from xarray import Dataset

Point = dict[str, Any]


class Study(Protocol):
    """A module in ``studies/`` (or a file of one's own) with these names; see :mod:`beolith.study` for how it is run.

    Attributes:
        TITLE: The question, in one line.
        Config: Frozen pydantic model that forbids extra keys; every field has a description, and physical ones
            ``json_schema_extra={"unit": "K"}``. A field that only chooses points also has ``"axis": True``, so
            that a longer axis keeps the points that are already there.
    """

    TITLE: str
    Config: type[BaseModel]

    def points(self, config: Any) -> Sequence[Point]:
        """What to vary: one JSON-able mapping for each point of the sweep."""

    def context(self, config: Any) -> Mapping[str, Any]:
        """What else a result depends on, such as ``{"cards": {name: digest}}``."""

    def evaluate(self, point: Point, config: Any) -> Mapping[str, float | str]:
        """Results at one point, by name; runs on a worker and may raise."""

    def assemble(self, config: Any, points: Sequence[Point], results: Sequence[Mapping[str, Any]]) -> Dataset:
        """All results, with ``units`` and ``long_name`` on every variable.

        Each result is what :meth:`evaluate` returned, with ``status`` (``ok`` or ``failed``) and ``message``; a
        failed one has nothing else.
        """

    def plot(self, ds: Dataset) -> Figure:
        """The figure, from the Dataset alone."""

    def table(self, ds: Dataset) -> DataFrame:
        """The numbers that the figure shows, with units in the headers: ``retention_time [s]``."""

    def sources(self, config: Any) -> Sequence[str]:
        """BibTeX keys of every work that a number comes from."""
