"""Build the wheel, look inside it, install it into an empty folder and ask it who it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run every check; the first fault ends it."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        wheel = build(place / "dist")
        count = check_content(wheel)
        check_installed(wheel, place)
    print(f"{wheel.name}: {count} files, complete, installs and runs")


def build(folder: Path) -> Path:
    """The wheel of this checkout, isolated as a packager builds it, or with what is installed where that cannot be."""
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # setuptools would pack what lies there from before
    line = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        print("an isolated build failed; trying with the setuptools that is installed", file=sys.stderr)
        done = subprocess.run([*line, "--no-isolation"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the wheel cannot be built:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def expected() -> set[str]:
    """Files that the wheel must hold, from the folders themselves."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    files = set()
    for package, place in tables["package-dir"].items():
        for file in (ROOT / place).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".md":
                files.add(f"{package.replace('.', '/')}/{file.relative_to(ROOT / place).as_posix()}")
    return files


def check_content(wheel: Path) -> int:
    """Compare what the wheel holds with what the folders hold; how many files it has."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    inside = {name for name in names if ".dist-info/" not in name}
    missing, stray = sorted(expected() - inside), sorted(inside - expected())
    if missing or stray:
        raise SystemExit(f"{wheel.name}: missing {missing}; not ours {stray}")
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        raise SystemExit(f"{wheel.name}: no LICENSE inside")
    return len(names)


def check_installed(wheel: Path, place: Path) -> None:
    """Install without dependencies beside nothing of this checkout, and run it from elsewhere."""
    target, away = place / "site", place / "away"
    away.mkdir()
    run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)], away)
    strays = {file.name for file in target.iterdir()} - {"beolith", "bin"}
    if any(not name.endswith(".dist-info") for name in strays):
        raise SystemExit(f"installs more than beolith: {sorted(strays)}")
    # PYTHONPATH comes before the finder of an editable installation, so this is the wheel and nothing else
    env = {**os.environ, "PYTHONPATH": str(target)}
    where = run([sys.executable, "-c", "import beolith.arch as a; print(a.__file__)"], away, env).strip()
    if not Path(where).is_relative_to(target):
        raise SystemExit(f"the wheel is shadowed by {where}")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    said = run([sys.executable, "-m", "beolith", "--version"], away, env).strip()
    if said != f"beolith {version}":
        raise SystemExit(f"says {said!r}, not version {version}")
    listed = json.loads(run([sys.executable, "-m", "beolith", "list", "--json"], away, env))
    here = json.loads(run([sys.executable, "-m", "beolith", "list", "--json"], ROOT))
    if listed != here or not all(listed.values()):
        raise SystemExit(f"lists {listed}, but the checkout has {here}")
    cited = run([sys.executable, "-m", "beolith", "cite", next(iter(listed["cards"]))], away, env)
    if "@" not in cited:
        raise SystemExit("cites nothing: references.bib is not found")


def run(line: list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    """What a command says on standard output."""
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
