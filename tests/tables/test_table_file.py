"""Tables are read from files that no one has prepared: a good frame, or one sentence that says why not."""

import bz2
import gzip
import io
import lzma
import os
import re
import time
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackit.tables import read_table

PLAIN = "id,name,price,sold\n007,Zoë,1.5,yes\n008,Łukasz,,no\n010,東京,-2,yes\n"
EXPECTED = pd.DataFrame(
    {
        "id": ["007", "008", "010"],
        "name": ["Zoë", "Łukasz", "東京"],
        "price": [1.5, np.nan, -2.0],
        "sold": ["yes", "no", "yes"],
    }
)


def file_of(tmp_path, content, name="train.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(tmp_path, content, **options):
    """Return the table of a text, and what is reported about it."""
    path = file_of(tmp_path, content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = read_table(path, **options)
    assert len(caught) <= 1
    return table, [str(one.message).removeprefix(f"{path} is read ") for one in caught]


def zipped(text, *others):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data/train.csv", text)
        for other in others:
            archive.writestr(other, "x")
    return buffer.getvalue()


DATA = PLAIN.encode()
QUIET = {
    "plain": DATA,
    "byte-order mark": PLAIN.encode("utf-8-sig"),
    "windows": PLAIN.replace("\n", "\r\n").encode(),
    "old mac": PLAIN.replace("\n", "\r").encode(),
    "no last line end": DATA.rstrip(),
    "empty last lines": DATA + b"\n\r\n\n",
    "empty first lines": b"\n\n" + DATA,
    "gz": gzip.compress(DATA),
    "bz2": bz2.compress(DATA),
    "xz": lzma.compress(DATA),
    "zip": zipped(PLAIN),
    "zip of a Mac": zipped(PLAIN, "__MACOSX/data/._train.csv"),
    "spaces around names": DATA.replace(b"id,name", b"id , name"),
    "quoted": re.sub(r"([^,\n]+)", r'"\1"', PLAIN).encode(),
    "words for gaps": DATA.replace(b",,", b",NA,"),
    "None among numbers": DATA.replace(b",,", b",None,"),
}


@pytest.mark.parametrize("case", QUIET)
def test_what_changes_no_cell_is_read_without_a_word(tmp_path, case):
    table, notes = read(tmp_path, QUIET[case])
    pd.testing.assert_frame_equal(table, EXPECTED, check_dtype=False)
    assert notes == []


REPORTED = {
    "semicolons": (PLAIN.replace(",", ";"), "with ';' between cells."),
    "tabs": (PLAIN.replace(",", "\t"), "with tabs between cells."),
    "bars": (PLAIN.replace(",", "|"), "with '|' between cells."),
    "Excel's first line": ("sep=;\n" + PLAIN.replace(",", ";"), "with ';' between cells."),
    "decimal commas": (
        PLAIN.replace(",", ";").replace("1.5", "1,5"),
        "with ';' between cells and with decimal commas in price.",
    ),
    "quoted decimal commas": (PLAIN.replace("1.5", '"1,5"'), "with decimal commas in price."),
    "UTF-16": (PLAIN.replace(",", "\t").encode("utf-16"), "as UTF-16 and with tabs between cells."),
    "an index": (
        "\n".join(f"{at},{line}" for at, line in zip(["", 5, 3, 4], PLAIN.splitlines(), strict=True)),
        "without its first column, an index.",
    ),
    "an index read and written": (
        "\n".join(
            f"{at},{line}" for at, line in zip(["Unnamed: 0", 5, 3, 4], PLAIN.splitlines(), strict=True)
        ),
        "without its first column, an index.",
    ),
    "an index written twice": (
        "\n".join(
            f"{first},{line}"
            for first, line in zip([",Unnamed: 0", "0,5", "1,3", "2,4"], PLAIN.splitlines(), strict=True)
        ),
        "without its first 2 columns, indices.",
    ),
    "blank columns and rows": (
        "\n".join(f"{line},," for line in [*PLAIN.splitlines(), ",,,", ",,,"]),
        "without 2 blank columns and without 2 blank rows at its end.",
    ),
}


@pytest.mark.parametrize("case", REPORTED)
def test_what_another_reader_would_not_do_is_reported(tmp_path, case):
    content, text = REPORTED[case]
    table, notes = read(tmp_path, content)
    pd.testing.assert_frame_equal(table, EXPECTED, check_dtype=False)
    assert notes == [text]


def test_a_text_in_an_encoding_of_windows_is_read(tmp_path):
    table, notes = read(tmp_path, "Größe,Preis\n1,5 €\n".encode("cp1252"))
    assert table.to_dict("list") == {"Größe": [1], "Preis": ["5 €"]}
    assert notes == ["as Windows-1252."]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2", "3"], [1, 2, 3]),
        (["007", "8", "9"], ["007", "8", "9"]),
        (["-01", "", "9"], ["-01", None, "9"]),
        (["0.5", "0", "-0.25"], [0.5, 0, -0.25]),
        (["1e3", ".5", "5."], [1000, 0.5, 5]),
        (["9007199254740993", "", "1"], ["9007199254740993", None, "1"]),
        (["123456789012345678901234567890", "2", "3"], ["123456789012345678901234567890", "2", "3"]),
        (["1,5", "2", "-,5"], [1.5, 2, -0.5]),
        (["1,500", "12,000,000.5", "3"], [1500, 12_000_000.5, 3]),
        (["1.234,5", "12", "1.000"], [1234.5, 12, 1000]),
        (["1,2,3", "4", "5"], ["1,2,3", "4", "5"]),
        (["1.2.2024", "2.2.2024", "3.2.2024"], ["1.2.2024", "2.2.2024", "3.2.2024"]),
        (["None", "a", "b"], ["None", "a", "b"]),
        (["-", "1.5", "none"], [np.nan, 1.5, np.nan]),
        (["True", "False", "True"], [True, False, True]),
        (["e5", "1", "2"], ["e5", "1", "2"]),
    ],
    ids=str,
)
def test_cells_are_numbers_only_where_all_of_a_column_are_and_none_is_a_code(tmp_path, cells, expected):
    text = "a,b\n" + "".join(f'x,"{cell}"\n' for cell in cells)
    table, _ = read(tmp_path, text)
    wanted = pd.Series(expected, name="b")
    pd.testing.assert_series_equal(table["b"], wanted, check_dtype=False)
    assert (table["b"].dtype.kind in "ifb") == (wanted.dtype.kind in "ifb")


def test_one_column_with_decimal_commas_decides_for_the_others(tmp_path):
    table, notes = read(tmp_path, 'a,b,c\n"1,5","1,500",1.234\n"2,5","2,250",12\n')
    assert table.to_dict("list") == {"a": [1.5, 2.5], "b": [1.5, 2.25], "c": [1234, 12]}
    assert notes == ["with decimal commas in a, b and with dots between thousands in c."]


def test_ids_are_text_as_they_are_written(tmp_path):
    table, _ = read(tmp_path, "key,y\n1.0,1\nNA,2\n12345678901234567890,3\n 1,4\n", id="key")
    assert table["key"].tolist() == ["1.0", "NA", "12345678901234567890", " 1"]
    table, notes = read(tmp_path, ",y\n1,1\n2,2\n", id="Unnamed: 0")
    assert table["Unnamed: 0"].tolist() == ["1", "2"]
    assert notes == []


def test_any_name_may_be_that_of_a_column(tmp_path):
    table, _ = read(tmp_path, 'self,func,"a\nb",Unnamed: 3,\n"1,5",2,3,4,x\n')
    assert table.to_dict("list") == {
        "self": [1.5],
        "func": [2],
        "a\nb": [3],
        "Unnamed: 3": [4],
        "Unnamed: 4": ["x"],
    }


def test_a_nameless_column_that_is_no_index_stays(tmp_path):
    table, notes = read(tmp_path, ",y\nb,1\na,2\n")
    assert table.to_dict("list") == {"Unnamed: 0": ["b", "a"], "y": [1, 2]}
    assert notes == []


def test_cells_may_hold_line_ends_separators_and_json(tmp_path):
    cell = '{""a"": [1, 2], ""b"": ""x;y""}'
    table, notes = read(tmp_path, f'id,text,json\n1,"two\nlines, and more","{cell}"\n2,"a;b;c;d",\n')
    assert table["text"].tolist() == ["two\nlines, and more", "a;b;c;d"]
    assert table["json"].iloc[0] == '{"a": [1, 2], "b": "x;y"}'
    assert notes == []


NO_TABLES = {
    "empty": (b"", "is empty. Pass a table with a line of column names."),
    "blank": (b"\xef\xbb\xbf\r\n \n", "is empty."),
    "empty gz": (gzip.compress(b""), "is empty."),
    "names alone": (b"a,b\n", "has names of columns and no rows. Pass a table"),
    "web page": (b"\n<!DOCTYPE html><html><body>Sign in, please", "is a web page, not a table. Download"),
    "json": (b'[{"a": 1}]', "is a JSON file, not a table. Convert it in Python"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid x", "is a pointer of Git LFS, not a table."),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "is an Excel file, not a table. Save it as CSV"),
    "xlsx": (zipped(PLAIN, "[Content_Types].xml"), "is an Excel file, not a table as text. Save it as CSV"),
    "binary": (b"a,b\n\x00\x01,2\n", "is not text, since it holds zero bytes."),
    "archive of two": (zipped(PLAIN, "test.csv"), "holds 2 files (data/train.csv, test.csv). Extract it"),
    "cut gz": (gzip.compress(DATA)[:-9], "cannot be read ("),
    "cut zip": (zipped(PLAIN)[:-30], "cannot be read ("),
    "cut parquet": (b"PAR1xxxx", "cannot be read ("),
    "repeated names": (b"a,b,a\n1,2,3\n", "has several columns named 'a'. Rename them in the file; if its"),
    "a long line": (
        b'a,b\n1,"x\ny"\n1,2,3\n',
        "Line 4 of {path} has 3 cells (1, 2, 3), and the line of names",
    ),
    "a short line": (b"a,b,c\n1,2,3\n4,5\n7,8,9\n", "Line 3 of {path} has 2 cells (4, 5), and the line of"),
    "a line of one cell": (b"a,b\n1,2\n3\n", "Line 3 of {path} has 1 cell (3), and the line of names has 2."),
    "all lines long": (b"a,b\n1,2,3\n1,2,3\n", "Line 2 of {path} has 3 cells"),
    "an open quote": (b'a,b\n1,2\n3,"4\n5,6\n7,8\n', "has a quote in line 3 that is not closed."),
    "a file that was cut off": (b"a,b,c\n1,2,3\n4,", "Line 3 of {path} has 2 cells (4, ), and"),
}


@pytest.mark.parametrize("case", NO_TABLES)
def test_what_is_no_table_gets_one_sentence(tmp_path, case):
    content, text = NO_TABLES[case]
    path = file_of(tmp_path, content)
    with pytest.raises(ValueError, match=re.escape(text.format(path=path))) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_waits_for_a_pipe_and_folders_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    file_of(tmp_path, PLAIN)
    with pytest.raises(OSError, match="is a pipe or a device"):
        read_table(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a pipe or a device"):
        read_table("/dev/zero")
    with pytest.raises(IsADirectoryError, match=r"is a folder, not a table\. It holds train\.csv\. Pass"):
        read_table(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*tset\.csv"):
        read_table(tmp_path / "tset.csv")


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_columnar_files_are_read(tmp_path, kind):
    pytest.importorskip("pyarrow")
    path = tmp_path / "train.data"  # the content decides, not the suffix
    getattr(EXPECTED.assign(key=[7, 8, 9]), f"to_{kind}")(path)
    pd.testing.assert_frame_equal(read_table(path)[[*EXPECTED]], EXPECTED, check_dtype=False)
    assert read_table(path, id="key")["key"].tolist() == ["7", "8", "9"]


def test_an_index_of_a_columnar_file_is_a_column_if_it_has_a_name(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "train.parquet"
    EXPECTED.set_index("id").to_parquet(path)
    assert read_table(path)["id"].tolist() == ["007", "008", "010"]
    EXPECTED.iloc[[2, 0]].to_parquet(path)
    pd.testing.assert_frame_equal(
        read_table(path), EXPECTED.iloc[[2, 0]].reset_index(drop=True), check_dtype=False
    )


def test_a_large_file_is_read_quickly(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(20_000, 5)).round(4)).rename(columns="x{}".format)
    table.insert(0, "id", np.arange(20_000))
    path = tmp_path / "large.csv"
    table.to_csv(path, index=False, sep=";", decimal=",")
    start = time.process_time()
    with pytest.warns(UserWarning, match="decimal commas in x0, x1, x2, x3, x4"):
        found = read_table(path, id="id")
    assert time.process_time() - start < 5
    np.testing.assert_array_equal(found.drop(columns="id").to_numpy(), table.drop(columns="id").to_numpy())


words = st.text(st.sampled_from(list("x ,;\t|\"'\né東1")), max_size=6).map("x{}x".format)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=5),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    lineterminator=st.sampled_from(["\n", "\r\n"]),
)
def test_words_of_any_kind_are_read_as_they_are(tmp_path, rows, separator, encoding, lineterminator):
    table = pd.DataFrame(rows, columns=["a", "bé", "c c"])
    text = table.to_csv(index=False, sep=separator, lineterminator=lineterminator)
    found, _ = read(tmp_path, text.encode(encoding))
    assert found.to_numpy().tolist() == table.to_numpy().tolist()
    assert list(found.columns) == list(table.columns)
