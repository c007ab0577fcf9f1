"""Imports go one way: devices, circuits, arch, studies; workloads beside arch; the tools know no room."""

import ast
import subprocess
import sys

import pytest

MAY_IMPORT = {
    "devices": set(),
    "circuits": {"devices"},
    "arch": {"circuits"},  # and of circuits only its contract, see below
    "workloads": set(),
    "studies": {"devices", "circuits", "arch", "workloads"},
}


def target(file, node):
    """Dotted names that an import statement asks for, as seen from the package beolith."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = ["beolith", *file.parts[:-1]][: len(file.parts) + 1 - node.level] if node.level else []
    module = ".".join([*base, *filter(None, [node.module])])
    return [f"{module}.{alias.name}" for alias in node.names]


def imports(file, tree):
    return [
        (node, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in target(file, node)
    ]


def room_of(name):
    parts = name.split(".")
    return parts[1] if parts[0] == "beolith" and len(parts) > 1 and parts[1] in MAY_IMPORT else None


def test_the_reader_of_imports_reads_them(root):
    file = (root / "arch" / "sub" / "x.py").relative_to(root)
    code = "from .a import b\nfrom .. import c\nfrom ...circuits.base import d\nimport beolith.card"
    found = [name for _, name in imports(file, ast.parse(code))]
    assert found == ["beolith.arch.sub.a.b", "beolith.arch.c", "beolith.circuits.base.d", "beolith.card"]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_one_way(room, trees):
    allowed = MAY_IMPORT[room] | {room, None}
    wrong = [f"{file}: {name}" for file, tree in trees(room) for _, name in imports(file, tree)
             if room_of(name) not in allowed]  # fmt: skip
    assert wrong == []


def test_arch_sees_of_circuits_the_contract_only(trees):
    found = {name for file, tree in trees("arch") for _, name in imports(file, tree) if room_of(name) == "circuits"}
    assert found
    assert {name.rpartition(".")[0] for name in found} == {"beolith.circuits.base"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_each_other_relatively_and_the_tools_absolutely(room, trees):
    for file, tree in trees(room):
        for node, name in imports(file, tree):
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            if name.split(".")[0] in MAY_IMPORT:
                pytest.fail(f"{file}: {name} is a bare name; write it relatively")
            if name.startswith("beolith"):
                assert relative == (room_of(name) is not None), f"{file}: {name}"


def test_tools_import_rooms_lazily_if_at_all(trees):
    for file, tree in trees("src/beolith"):
        lazy = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"))
            for inner in ast.walk(node)
        }
        eager = [name for node, name in imports(file, tree) if room_of(name) and id(node) not in lazy]
        assert eager == [], file


def test_importing_beolith_is_fast():
    code = "import sys, beolith; print(*sorted({'torch', 'numpy', 'xarray', 'pydantic', 'pint'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
