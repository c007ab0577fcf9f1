"""Lay out ``build/tree/beolith`` with links to the rooms, so that type checkers and docs see the real module names."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("devices", "circuits", "arch", "workloads", "studies")


def main() -> None:
    """Make the links anew."""
    tree = ROOT / "build" / "tree" / "beolith"
    tree.mkdir(parents=True, exist_ok=True)
    for stale in tree.iterdir():
        stale.unlink()
    tools = ROOT / "src" / "beolith"
    parts = [p for p in tools.iterdir() if p.name != "__pycache__"]
    for part in parts + [ROOT / room for room in ROOMS]:
        (tree / part.name).symlink_to(part)


if __name__ == "__main__":
    main()
