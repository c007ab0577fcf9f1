import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from beolith import registry
from beolith.errors import BeolithError


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """A package with parts that must not be imported to be listed."""
    room = tmp_path / "fake_room"
    (room / "cells").mkdir(parents=True)
    (room / "cards").mkdir()
    (room / "__init__.py").write_text("")
    (room / "cells" / "__init__.py").write_text("")
    (room / "cells" / "base.py").write_text("raise SystemExit")
    (room / "cells" / "_private.py").write_text("raise SystemExit")
    (room / "cells" / "bomb.py").write_text('"""A bomb.\n\nIt explodes."""\nraise RuntimeError("boom")')
    (room / "cells" / "gain2t.py").write_text('"""Two transistors."""\nSOURCES = ("own",)')
    (room / "cards" / "ball2024.yaml").write_text("title: A ball")
    for name in [name for name in sys.modules if name.partition(".")[0] == "fake_room"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    kinds = {
        "cells": registry.Kind(("fake_room",), "cells", ".py", "beolith.fake.cells"),
        "cards": registry.Kind(("fake_room",), "cards", ".yaml", "beolith.fake.cards"),
    }
    monkeypatch.setattr(registry, "KINDS", kinds)
    return room


def test_names_are_those_of_the_files_and_nothing_is_imported(rooms):
    assert registry.names("cells") == ("bomb", "gain2t")
    assert registry.names("cards") == ("ball2024",)
    assert "fake_room.cells.bomb" not in sys.modules
    assert registry.title("cells", "bomb") == "A bomb."
    assert registry.title("cards", "ball2024") == "A ball"


def test_get_gives_modules_and_paths(rooms):
    assert registry.module("cells", "gain2t").SOURCES == ("own",)
    assert registry.path("cards", "ball2024") == rooms / "cards" / "ball2024.yaml"
    assert registry.find("gain2t") == "cells"


def test_a_kind_may_have_parts_in_several_rooms(rooms, monkeypatch):
    other = rooms.parent / "other_room"
    (other / "cells").mkdir(parents=True)
    (other / "__init__.py").write_text("")
    (other / "cells" / "__init__.py").write_text("")
    (other / "cells" / "gain3t.py").write_text('"""Three transistors."""')
    both = registry.Kind(("fake_room", "other_room"), "cells", ".py", "beolith.fake.cells")
    monkeypatch.setitem(registry.KINDS, "cells", both)
    assert registry.names("cells") == ("bomb", "gain2t", "gain3t")
    assert registry.module("cells", "gain3t").__name__ == "other_room.cells.gain3t"
    assert registry.module("cells", "gain2t").__name__ == "fake_room.cells.gain2t"


def test_no_two_rooms_have_parts_of_one_name():
    for kind in registry.KINDS:
        files = [file.stem for _, folder in registry._folders(kind) for file in folder.glob("[!_]*.*")]
        assert len(files) == len(set(files)), kind


def test_an_unknown_name_gives_the_nearest(rooms):
    with pytest.raises(BeolithError, match="did you mean 'gain2t'"):
        registry.get("cells", "gain2")
    with pytest.raises(BeolithError, match="did you mean 'cells'"):
        registry.names("cell")
    with pytest.raises(BeolithError, match="did you mean 'ball2024'"):
        registry.find("ball2023")


def test_a_file_of_ones_own_is_a_part(rooms, tmp_path):
    own = tmp_path / "mine.py"
    own.write_text("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: 'int' = 3\n")
    module = registry.module("cells", str(own))
    assert module.A().x == 3
    assert registry.module("cells", str(own)) is module
    card = tmp_path / "mine.yaml"
    card.write_text("title: Mine")
    assert registry.path("cards", str(card)) == card
    assert registry.find(str(card)) == "cards"


def test_a_file_of_ones_own_that_fails_says_so(rooms, tmp_path):
    own = tmp_path / "broken.py"
    own.write_text("1 / 0")
    with pytest.raises(BeolithError, match=r"broken\.py cannot be imported: ZeroDivisionError"):
        registry.get("cells", str(own))


def test_another_distribution_adds_parts(rooms, monkeypatch):
    added = EntryPoint("path_part", "os:path", "beolith.fake.cells")
    monkeypatch.setattr(registry, "entry_points", lambda group: [added] if group == added.group else [])
    assert registry.names("cells") == ("bomb", "gain2t", "path_part")
    assert registry.module("cells", "path_part").__name__ in ("posixpath", "ntpath")
    assert registry.title("cells", "path_part") == ""


def test_a_name_of_two_parts_is_ambiguous(rooms):
    (rooms / "cards" / "gain2t.yaml").write_text("title: Same")
    with pytest.raises(BeolithError, match="--kind: cells, cards"):
        registry.find("gain2t")


def test_listing_the_installed_rooms_imports_none_of_them():
    code = (
        "import sys; from beolith import registry; [registry.names(k) for k in registry.KINDS];"
        "print([m for m in sys.modules if m == 'torch' or m.startswith('beolith.devices')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_installed_part_can_be_found(kind):
    for name in registry.names(kind):
        place = registry.locate(kind, name)
        assert place is None or Path(place).is_file()
