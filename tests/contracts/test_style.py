"""The habits that a linter does not know."""

import ast
import re

ROOMS = ("devices", "circuits", "arch", "workloads", "studies")
LONGEST = 400
SKIPPED = {".venv", "build", "dist", "results", "__pycache__", "beolith.egg-info"}
TEXT = {"", ".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".bib", ".cff", ".csv", ".json"}
MACHINE_PATH = re.compile(r"(?<![\w.~:/$}])/(?:home|root|work|Users|mnt|opt|farm)/\w")
REGISTRY_HOST = re.compile(r"(?:pypi|pythonhosted|anaconda|download\.pytorch)\.org", re.IGNORECASE)


def texts(root):
    for file in sorted(root.rglob("*")):
        parts = file.relative_to(root).parts
        hidden = parts[0].startswith(".") and parts[0] not in {".ci", ".pre-commit-config.yaml", ".gitignore"}
        if file.is_file() and not hidden and not SKIPPED & set(parts) and file.suffix in TEXT:
            yield file.relative_to(root), file.read_text(encoding="utf-8")


def public(tree):
    """Public functions and classes of a module, and the public methods of its public classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (n for n in node.body if isinstance(n, kinds) and not n.name.startswith("_"))


def test_files_are_short(root, trees):
    for file, _ in trees():
        lines = len((root / file).read_text(encoding="utf-8").splitlines())
        assert lines < LONGEST, f"{file} has {lines} lines; one thing in a file"


def test_everything_public_says_what_it_is(trees):
    bare = [
        f"{file}:{node.lineno} {node.name}"
        for file, tree in trees(*ROOMS, "src")
        for node in public(tree)
        if not ast.get_docstring(node)
    ]
    assert bare == []
    assert [str(file) for file, tree in trees(*ROOMS, "src") if not ast.get_docstring(tree)] == []


def test_rooms_do_not_print(trees):
    calls = [
        f"{file}:{node.lineno}"
        for file, tree in trees(*ROOMS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == []


def test_no_machine_path_and_no_registry_host(root):
    assert MACHINE_PATH.search('open("/' + 'home/me")')
    seen = 0
    for file, text in texts(root):
        seen += 1
        for pattern in (MACHINE_PATH, REGISTRY_HOST):
            found = pattern.search(text)
            assert not found, f"{file}: {found[0]}"
    assert seen > 100
