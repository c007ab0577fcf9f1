"""YAML without its traps: a repeated key is a fault, 1e16 is a number, and every mishap is one message."""

from __future__ import annotations

import re
from typing import Any

import yaml

from .errors import DataError


class _Loader(yaml.SafeLoader):
    """SafeLoader that remembers repeated keys."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, after noting the keys that it sets twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                self.repeated.append(f"line {key.start_mark.line + 1}: key {key.value!r} is set twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 asks for a dot and a sign (1.0e+16) and reads 1e16 as text
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def parse(text: str) -> tuple[Any, list[str]]:
    """The content of a YAML text and the faults that did not keep it from being read.

    Raises:
        DataError: The text is not YAML; the message names the line.
    """
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_data(), loader.repeated
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise DataError(f"{line}not YAML: {error.problem or error.context}") from error
    except Exception as error:  # PyYAML lets through whatever the parsing of a date or a number meets
        raise DataError(f"not YAML: {' '.join(str(error).split()) or type(error).__name__}") from error
    finally:
        if loader is not None:
            loader.dispose()
