"""CMOS nodes are cards."""

from __future__ import annotations

from pathlib import Path

import pytest

from beolith.circuits import node
from beolith.errors import BeolithError


def test_numbers_arrive_in_si() -> None:
    values = node.load("cmos_45nm").values
    assert float(values.feature_size) == pytest.approx(45e-9)
    assert float(values.adder_energy_8bit) == pytest.approx(0.03e-12)
    assert float(values.wire_capacitance) == pytest.approx(0.265e-9)


def test_unknown_node_names_the_nearest() -> None:
    with pytest.raises(BeolithError, match="cmos_45nm"):
        node.load("cmos_45")


def test_a_transistor_is_no_node(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("title: x\nkind: transistor\nnode: {}\n")
    with pytest.raises(BeolithError, match=r"(?s)mine.yaml.*kind.*feature_size"):
        node.load(str(file))
