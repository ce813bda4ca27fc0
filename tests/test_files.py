"""Files are written completely or not at all, and tables are read strictly."""

import io
import json
import os

import pytest

from stackit.files import atomic_write, check_ids, metadata_path, read_csv, read_metadata, write_metadata


def refuse(*arguments):
    raise OSError("no space left on device")


def test_a_file_that_fails_in_the_middle_of_writing_stays_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    atomic_write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        atomic_write(path, "new" * 100_000 + "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_reach_the_disk_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    atomic_write(path, "old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="no space left"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    atomic_write(path, "old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        atomic_write(path, "new")
    assert path.read_text() == "old"


def table_of(text, **options):
    return read_csv(io.StringIO(text), "table.csv", **options)


def test_cells_are_read_as_they_are_written():
    table = table_of('\ufeffid,a,a\n007,1.50,NA\n"x, y",,1e3\n')
    assert list(table.columns) == ["id", "a", "a"]
    assert table.to_numpy().tolist() == [["007", "1.50", "NA"], ["x, y", "", "1e3"]]


def test_types_are_inferred_for_the_columns_without_one():
    table = table_of("id,n\n007,1\n008,\n", dtype={"id": str})
    assert table["id"].tolist() == ["007", "008"]
    assert table["n"].isna().tolist() == [False, True]
    assert list(table_of("id,n\n007,1\n", dtype={}, nrows=0).columns) == ["id", "n"]


@pytest.mark.parametrize("dtype", [None, {}], ids=["text", "inferred"])
@pytest.mark.parametrize("text", ["a,b\n1,2,3\n", "a,b\n1,2\n1,2,3\n", 'a,b\n"1,2\n'])
def test_a_row_with_too_many_cells_or_an_open_quote_is_an_error(dtype, text):
    with pytest.raises(ValueError, match=r"table\.csv has rows with more cells than its header, or an open"):
        table_of(text, dtype=dtype)


def test_short_rows_end_in_empty_cells():
    assert table_of("a,b\n1\n")["b"].tolist() == [""]


def test_an_empty_file_is_an_error():
    with pytest.raises(ValueError, match=r"table\.csv is empty"):
        table_of("")


def test_metadata_are_next_to_their_file(tmp_path):
    path = tmp_path / "oof.csv"
    assert read_metadata(path, {"folds": str}) == {}
    write_metadata(path, {"folds": "ids 1f"})
    assert metadata_path(path).name == "oof.csv.json"
    assert read_metadata(path, {"folds": str}) == {"folds": "ids 1f"}


@pytest.mark.parametrize("text", ["{", "[1]", "{}", json.dumps({"folds": 3})])
def test_damaged_metadata_are_an_error(tmp_path, text):
    (tmp_path / "oof.csv.json").write_text(text)
    with pytest.raises(ValueError, match=r"oof\.csv\.json is damaged \(.*\)\. Restore it"):
        read_metadata(tmp_path / "oof.csv", {"folds": str})


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([1, 2], "ids must be one per row, 3; got 2 ids"),
        ([1, None, 2], r"ids must be without missing values; got 1 missing \(rows 1\)"),
        ([1, "1", 2], r"ids must be unique; got 1 repeated \(1\)"),
    ],
)
def test_ids_are_checked(ids, text):
    with pytest.raises(ValueError, match=text):
        check_ids(ids, 3)


def test_ids_become_text():
    assert check_ids([1, 2], 2).tolist() == ["1", "2"]
    assert check_ids([1, 1], None, unique=False).tolist() == ["1", "1"]
