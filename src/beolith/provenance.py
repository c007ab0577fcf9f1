"""Where a result comes from: the versions, code and works behind it."""

from __future__ import annotations

import importlib.util
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import __version__
from .canonical import digest
from .sources import ROOMS

PACKAGES = ("numpy", "scipy", "pandas", "torch", "xarray")


def now() -> str:
    """The time, in UTC and ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of python, beolith and the packages that numbers pass through; none of them is imported."""
    return {"python": platform.python_version(), "beolith": __version__, **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def code_version(*extra: Path) -> str:
    """The version of the program and a digest of the code that computes: every room but the studies.

    A change of that code, even without a new version number, makes stored points stale.

    Args:
        extra: Further files that count, such as that of the study.
    """
    specs = (importlib.util.find_spec(f"beolith.{room}") for room in ROOMS if room != "studies")
    folders = [Path(place) for spec in specs if spec for place in spec.submodule_search_locations or ()]
    files = {f"{folder.name}/{file.relative_to(folder)}": file for folder in folders for file in folder.rglob("*.py")}
    files |= {file.name: file for file in extra}
    return f"{__version__}+{digest({name: file.read_text(encoding='utf-8') for name, file in files.items()})[:12]}"
