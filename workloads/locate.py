"""Finding the files of a published data set on this machine, or bringing them here."""

from __future__ import annotations

import os
from pathlib import Path

from beolith.errors import DataError

from .fetch import checksum, fetch
from .files import user_cache
from .published import PUBLISHED, File, Published, Split

_VARIABLE = "BEOLITH_DATA"


def locate(name: str, split: Split, folder: Path | str | None = None) -> tuple[Path, Path]:
    """The image file and the label file of a split, each with the published checksum.

    Looked for in ``folder``, or else in the folder that the environment variable BEOLITH_DATA names, then in the user
    cache (``~/.cache/beolith/<name>``); what is found nowhere is downloaded into the user cache.

    Args:
        name: Key of :data:`.published.PUBLISHED`.
        split: ``train`` or ``test``.
        folder: Folder that holds the files, directly or in a sub-folder such as ``mnist`` or ``fashion-mnist``.

    Raises:
        DataError: The given folder does not exist or holds some of the files only, a file differs from the published
            one, or the files are nowhere and cannot be downloaded.
    """
    published = PUBLISHED[name]
    cache = user_cache() / name
    given = folder or os.environ.get(_VARIABLE)
    places = _places(Path(given), published) if given else []
    home = next((place for place in places if _present(place, published)), cache)
    missing = [file for file in published.splits[split] if not (home / file.name).is_file()]
    if missing and home != cache:
        raise DataError(
            f"{home}: expected the files of {name}, found {', '.join(_present(home, published))} "
            f"but not {', '.join(file.name for file in missing)}"
        )
    for file in missing:
        _download(file, name, [*places, cache])
    images, labels = (_verified(home / file.name, file.md5) for file in published.splits[split])
    return images, labels


def _places(folder: Path, published: Published) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of data sets (from --data or {_VARIABLE}), found no such folder")
    return [*(folder / sub for sub in published.folders), folder]


def _present(folder: Path, published: Published) -> list[str]:
    files = (file.name for pair in published.splits.values() for file in pair)
    return [name for name in files if (folder / name).is_file()]


def _download(file: File, name: str, looked: list[Path]) -> None:
    try:
        fetch(file, PUBLISHED[name].mirrors, looked[-1])
    except DataError as fault:
        raise DataError(
            f"{name}: {file.name} is missing. Looked in {', '.join(map(str, looked))}; then {fault}. To work without "
            f"the network, put the original .gz files into a folder DIR and pass --data DIR or set {_VARIABLE}=DIR."
        ) from fault


def _verified(path: Path, expected: str) -> Path:
    found = checksum(path)
    if found != expected:
        raise DataError(
            f"{path}: expected the published file with MD5 {expected}, found {path.stat().st_size} bytes with MD5 "
            f"{found}{_identity(found)}. Replace the file, or delete it to have it downloaded."
        )
    return path


def _identity(md5: str) -> str:
    """What a file with this checksum is, if it is another published one."""
    known = {
        file.md5: f" ({file.name} of {name})"
        for name, published in PUBLISHED.items()
        for pair in published.splits.values()
        for file in pair
    }
    return known.get(md5, "")
