import pytest

from beolith.errors import DataError
from beolith.sources import Sources, all_sources


@pytest.fixture
def works(tmp_path):
    path = tmp_path / "references.bib"
    path.write_text(
        "@string{jap = {J. Appl. Phys.}}\n@comment{hello}\n"
        "@article{nomura2004, title = {Room {T}}, journal = jap, year = 2004, doi = {10.1038/x_y}}\n"
        "@online{web2020, title = {A page}}\n"
    )
    return Sources.load([path])


def test_keys_and_entries(works):
    assert works.keys == ("nomura2004", "web2020")
    assert works.entry("nomura2004")["journal"] == "J. Appl. Phys."


def test_own_and_user_need_no_entry(works):
    assert "own" in works
    assert "user" in works
    assert works.bibtex(["own", "user"]) == ""


def test_bibtex_reads_back(works, tmp_path):
    again = tmp_path / "again.bib"
    again.write_text(works.bibtex(["web2020", "nomura2004", "nomura2004"]))
    assert Sources.load([again]).entries == works.entries


def test_an_unknown_key_names_the_nearest(works):
    with pytest.raises(DataError, match="did you mean 'nomura2004'"):
        works.bibtex(["nomura2005"])


@pytest.mark.parametrize(
    "text", ["@article{a, title = {x}\n@misc{b, title = {y}}", "@misc{a, title={x}}\n@misc{a, title={y}}"]
)
def test_a_malformed_or_repeated_entry_is_not_dropped_silently(tmp_path, text):
    path = tmp_path / "references.bib"
    path.write_text(text)
    with pytest.raises(DataError, match="malformed or repeated entries: a"):
        Sources.load([path])


def test_the_first_file_wins(works, tmp_path):
    other = tmp_path / "other.bib"
    other.write_text("@misc{web2020, title = {Another}}\n@misc{new, title = {New}}")
    both = Sources.load([tmp_path / "references.bib", other])
    assert both.entry("web2020")["title"] == "A page"
    assert "new" in both


def test_a_folder_of_ones_own_adds_works(works, tmp_path):
    assert "web2020" in all_sources(tmp_path)
    assert "web2020" not in all_sources()
