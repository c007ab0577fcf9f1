from datetime import UTC, datetime

from beolith import provenance


def test_versions_name_what_numbers_pass_through():
    found = provenance.versions()
    assert {"python", "beolith", "numpy", "torch", "xarray"} <= found.keys()
    assert "not installed" not in found.values()


def test_the_code_version_follows_the_code(tmp_path):
    study = tmp_path / "study.py"
    study.write_text("x = 1")
    before = provenance.code_version(study)
    assert provenance.code_version(study) == before
    study.write_text("x = 2")
    assert provenance.code_version(study) != before


def test_now_is_in_utc():
    found = datetime.fromisoformat(provenance.now())
    assert found.tzinfo == UTC
    assert found.microsecond == 0
