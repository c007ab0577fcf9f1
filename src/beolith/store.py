"""Results on disk: each finished point of a sweep lands at once and whole, and a Dataset carries its provenance."""

from __future__ import annotations

import io
import json
import logging
import os
import textwrap
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .canonical import digest, plain
from .errors import BeolithError, DataError

if TYPE_CHECKING:
    from xarray import Dataset

__all__ = ["PointStore", "atomic", "check", "digest", "load_dataset", "prepare", "save_dataset"]

ATTRIBUTES = ("config", "sources", "beolith_version", "created_at")
VARIABLE_ATTRIBUTES = ("units", "long_name")
logger = logging.getLogger(__name__)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A file to write to that takes the place of ``path`` when it is complete, and never before.

    Raises:
        BeolithError: The disk says no.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BeolithError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def prepare(folder: Path) -> Path:
    """A folder that exists and can be written to; asked for before anything is computed.

    Raises:
        BeolithError: It cannot.
    """
    try:
        with atomic(folder / "probe") as draft:
            draft.touch()
        (folder / "probe").unlink()
    except (OSError, BeolithError) as error:
        raise BeolithError(f"cannot write to the output folder {folder}; choose another one: {error}") from error
    return folder


@dataclass(frozen=True)
class PointStore:
    """Finished points of a sweep, one JSON file each.

    Attributes:
        folder: Folder of the study; the points are in ``points/`` under it.
    """

    folder: Path

    def _path(self, key: str) -> Path:
        return self.folder / "points" / f"{key}.json"

    def __contains__(self, key: str) -> bool:
        return self.load(key) is not None

    def load(self, key: str) -> dict[str, Any] | None:
        """The record of a point, or None if there is none or its file is damaged."""
        try:
            record = json.loads(self._path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            record = error
        if isinstance(record, dict):
            return record
        logger.warning("%s is damaged and will be computed again", self._path(key).name)
        return None

    def save(self, key: str, record: dict[str, Any]) -> None:
        """Keep the record of a point, whole or not at all; NaN and the infinities survive.

        Raises:
            BeolithError: The disk says no.
        """
        with atomic(self._path(key)) as draft:
            draft.write_text(json.dumps(plain(record), indent=1), encoding="utf-8")


def check(ds: Dataset) -> None:
    """Refuse a Dataset that does not say what it holds and where it comes from.

    Raises:
        BeolithError: Naming every missing attribute.
    """
    faults = [f"attribute {name!r} is missing" for name in ATTRIBUTES if name not in ds.attrs]
    faults += [
        f"variable {variable!r} has no {name!r}"
        for variable, array in ds.variables.items()
        for name in VARIABLE_ATTRIBUTES
        if name not in array.attrs
    ]
    if faults:
        raise BeolithError(f"a result must say what it holds: {'; '.join(faults)}")


def save_dataset(ds: Dataset, path: Path) -> Path:
    """Write a Dataset as NetCDF.

    Args:
        ds: With ``units`` and ``long_name`` on every variable and its provenance as attributes.
        path: File, usually ``result.nc``.

    Raises:
        BeolithError: An attribute is missing, NetCDF cannot hold a variable, or the disk says no.
    """
    check(ds)
    with atomic(path) as draft:
        try:
            ds.to_netcdf(draft, engine="scipy")
        except (TypeError, ValueError, OverflowError) as error:
            raise BeolithError(f"{path.name}: NetCDF cannot hold this Dataset: {error}") from error
    return path


def load_dataset(path: Path) -> Dataset:
    """The Dataset that :func:`save_dataset` wrote, in memory.

    Raises:
        DataError: The file is missing, damaged or no result of beolith.
    """
    import xarray

    try:
        raw = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read the result {path}: {error.strerror}; run the study first") from error
    try:
        # units such as "days" are plain units here, not calendars
        with xarray.open_dataset(raw, engine="scipy", decode_times=False, decode_timedelta=False) as opened:
            ds = opened.load()
        check(ds)
    except Exception as error:  # a damaged file can fail anywhere in the reader
        reason = textwrap.shorten(str(error) or type(error).__name__, 200)
        raise DataError(f"{path} is damaged or no result of beolith: {reason}") from error
    return ds
