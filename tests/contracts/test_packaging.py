"""What pyproject.toml promises is what the folders hold; one version everywhere."""

import re
import subprocess
import sys

import pytest
import yaml

import beolith

ROOMS = ("devices", "circuits", "arch", "workloads", "studies")


def package_folder(pyproject, package):
    places = pyproject["tool"]["setuptools"]["package-dir"]
    known = max((name for name in places if package == name or package.startswith(f"{name}.")), key=len)
    return places[known] + package[len(known) :].replace(".", "/")


def test_the_table_of_packages_is_the_folders(root, pyproject):
    listed = {package_folder(pyproject, name) for name in pyproject["tool"]["setuptools"]["packages"]}
    found = {
        file.parent.relative_to(root).as_posix()
        for place in ("src/beolith", *ROOMS)
        for file in (root / place).rglob("__init__.py")
    }
    assert listed == found


def test_every_python_file_lies_in_a_package(root, pyproject):
    listed = {package_folder(pyproject, name) for name in pyproject["tool"]["setuptools"]["packages"]}
    for place in ("src/beolith", *ROOMS):
        for file in (root / place).rglob("*.py"):
            assert file.parent.relative_to(root).as_posix() in listed, f"{file} would be missing in the wheel"


def test_data_patterns_match_and_miss_nothing(root, pyproject):
    matched = set()
    for package, patterns in pyproject["tool"]["setuptools"]["package-data"].items():
        for pattern in patterns:
            files = list((root / package_folder(pyproject, package)).glob(pattern))
            assert files, f"{package}: {pattern} matches nothing"
            matched.update(files)
    data = {
        file
        for place in ("src/beolith", *ROOMS)
        for file in (root / place).rglob("*")
        if file.is_file() and file.suffix not in {".py", ".pyc", ".md"}
    }
    assert data == matched


def test_one_version(root, pyproject):
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\]", changes, re.MULTILINE)
    assert newest
    assert "### Numbers" in changes
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    versions = {pyproject["project"]["version"], beolith.__version__, newest[1], str(citation["version"])}
    assert len(versions) == 1, versions
    assert citation["license"] == pyproject["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (root / "LICENSE").read_text(encoding="utf-8")


def test_the_pinned_torch_is_one_that_is_allowed(root, pyproject):
    from packaging.requirements import Requirement

    wanted = {r.name: r for r in map(Requirement, pyproject["project"]["dependencies"])}
    for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, version = line.split("==")
        assert wanted[name].specifier.contains(version)


@pytest.mark.parametrize(
    "file", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", ".ci/run", "Makefile"]
)
def test_the_front_of_the_house(root, file):
    assert (root / file).stat().st_size > 300


def test_the_readme_is_short_and_its_links_hold(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if not link.startswith("http"):
            assert (root / link).exists(), link


def test_the_nomenclature_is_current(root):
    line = [sys.executable, "tools/nomenclature.py", "--check"]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
