"""The checkout as its files show it; nothing of the program is imported to read them."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("devices", "circuits", "arch", "workloads", "studies")
CODE = (*ROOMS, "src", "tests", "tools", "examples")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def trees() -> Callable[..., Iterator[tuple[Path, ast.Module]]]:
    """Every Python file of some top-level folders, relative to the root, with its syntax tree."""

    def walk(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
        for folder in folders or CODE:
            for file in sorted((ROOT / folder).rglob("*.py")):
                if "__pycache__" not in file.parts:
                    yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))

    return walk
