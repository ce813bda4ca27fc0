"""`stackit folds`: what it writes, what it prints where, and what it refuses."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from competitions.data import find
from stackit.cli.errors import ExitCode, usage_error
from stackit.cli.folds import SchemeName
from stackit.folds import SCHEMES, Folds, make_folds
from stackit.validation import invalid_value
from tests.cli.calls import call, run


def change(table, column, row, value):
    frame = pd.read_csv(table, dtype=str)
    frame.loc[row, column] = value
    frame.to_csv(table, index=False)


def folds_of(table, *arguments):
    """Run `stackit folds` with its output next to the table."""
    return call("folds", table, "-o", table.with_name("folds.csv"), *arguments)


def summary_of(table, *arguments):
    result = folds_of(table, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def titanic():
    try:
        return find("titanic", ["train.csv"], "its Kaggle page") / "train.csv"
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("arguments", "scheme", "reason"),
    [
        (["--target", "label"], "stratified", "label has 2 classes"),
        (["--target", "user"], "stratified", "user has 15 classes"),
        (["--target", "price"], "binned", "price is a number of 60 values"),
        (["--target", "count"], "binned", "count is a number of 60 values"),
        (
            ["--target", "label", "--groups", "user"],
            "stratified-group",
            "--groups is given, label has 2 classes",
        ),
        (
            ["--target", "price", "--groups", "user"],
            "group",
            "--groups is given, price is a number of 60 values",
        ),
        (["--target", "label", "--time", "day"], "forward", "--time is given"),
        (["--target", "label", "--scheme", "kfold"], "kfold", "--scheme is given"),
    ],
)
def test_the_scheme_is_chosen_by_what_is_there_and_the_output_says_so(table, arguments, scheme, reason):
    arguments = [*arguments, "--n-splits", "3"]
    summary = summary_of(table, *arguments)
    assert (summary["scheme"], summary["reason"]) == (scheme, reason)
    shown = folds_of(table, *arguments).stdout
    assert f"{scheme} folds ({reason}), seed 42" in shown


@pytest.mark.parametrize(
    "scheme", [scheme for scheme in SCHEMES if "group" not in scheme and scheme != "forward"]
)
@pytest.mark.parametrize("repeats", [1, 3])
def test_the_file_holds_the_folds_that_python_makes(table, scheme, repeats):
    target = "price" if scheme == "binned" else "label"
    summary = summary_of(
        table,
        "--target",
        target,
        "--id",
        "id",
        "--scheme",
        scheme,
        "--n-repeats",
        repeats,
        "--random-state",
        7,
    )
    frame = pd.read_csv(table, dtype={"id": str})
    folds = make_folds(frame[target], scheme=scheme, n_repeats=repeats, random_state=7)
    assert Folds.load(table.with_name("folds.csv"), frame["id"]).digest == folds.digest
    assert summary["folds_digest"] == folds.digest
    sizes = [(fold["n_train"], fold["n_held_out"]) for fold in summary["folds"]]
    assert sizes == [(len(train), len(held_out)) for train, held_out in folds.splits]
    assert [(fold["repeat"], fold["fold"]) for fold in summary["folds"]] == list(folds.labels)


def test_the_counts_of_a_repeat_add_up_to_those_of_the_table(table):
    summary = summary_of(table, "--target", "label", "--n-repeats", "2")
    assert summary["all"] == {"n_held_out": 60, "classes": {"no": 40, "yes": 20}}
    for repeat in range(2):
        folds = [fold for fold in summary["folds"] if fold["repeat"] == repeat]
        for label, count in summary["all"]["classes"].items():
            assert sum(fold["classes"][label] for fold in folds) == count


def test_the_moments_of_a_number_add_up_too(table):
    summary = summary_of(table, "--target", "price")
    means = [fold["mean"] for fold in summary["folds"]]
    assert np.average(means, weights=[fold["n_held_out"] for fold in summary["folds"]]) == pytest.approx(
        summary["all"]["mean"]
    )
    assert summary["all"]["std"] == pytest.approx(pd.read_csv(table)["price"].std(ddof=0))


def test_a_group_is_in_one_fold(table):
    summary = summary_of(table, "--target", "price", "--groups", "user")
    assert sum(fold["n_groups"] for fold in summary["folds"]) == summary["all"]["n_groups"] == 15


@pytest.mark.parametrize(("gap", "lost"), [([], 0), (["--gap", "4"], 4), (["--gap", "7D"], 7)])
def test_folds_in_time_are_trained_on_the_past_less_the_gap(table, gap, lost):
    summary = summary_of(table, "--target", "label", "--time", "day", "--n-splits", "3", *gap)
    assert [fold["n_train"] for fold in summary["folds"]] == [15 - lost, 30 - lost, 45 - lost]
    assert summary["never_held_out"] == 15
    assert summary["folds"][0]["from"].startswith("2024-01-16")
    assert (
        "15 rows are never held out"
        in folds_of(
            table, "--target", "label", "--time", "day", "-o", table.with_name("f.csv"), "--n-splits", "3"
        ).stdout
    )


def test_times_may_be_numbers_and_the_ids_too(table):
    assert summary_of(table, "--target", "label", "--time", "year")["folds"][-1]["to"] == "2009"
    assert summary_of(table, "--target", "label", "--time", "day", "--id", "day")["id"] == "day"
    assert summary_of(table, "--target", "label", "--time", "count", "--id", "count")["all"]["to"] == "59"


def test_without_an_id_the_rows_are_numbered(table):
    result = folds_of(table, "--target", "label")
    assert "ids=range(n))" in result.stderr
    assert Folds.load(table.with_name("folds.csv"), range(60)).n_samples == 60


def test_ids_keep_their_leading_zeros(table):
    folds_of(table, "--target", "label", "--id", "id")
    assert table.with_name("folds.csv").read_text().startswith("id,kfold\n000,")


def test_results_go_to_stdout_and_messages_to_stderr(table):
    result = folds_of(table, "--target", "label", "--id", "id")
    assert "Wrote" not in result.stdout
    assert result.stderr.startswith(f"Wrote {table.with_name('folds.csv')}. In Python: Folds.load(")
    assert result.stderr.count("\n") == 1
    json.loads(folds_of(table, "--target", "label", "--json").stdout)


def test_a_table_shows_each_class_of_few_and_how_far_the_shares_of_many_stray(table):
    few = folds_of(table, "--target", "label").stdout
    assert "label no" in few
    assert "8 (66.7%)" in few
    many = folds_of(table, "--target", "user", "--n-splits", "2").stdout
    assert "largest shift of a share" in many
    assert "user 3" not in many


def test_brackets_in_a_class_are_shown_as_they_are(table):
    frame = pd.read_csv(table, dtype=str)
    frame["label"] = frame["label"].map({"no": "[bold]", "yes": ":smile:"})
    frame.to_csv(table, index=False)
    shown = folds_of(table, "--target", "label").stdout
    assert "label [bold]" in shown
    assert "label :smile:" in shown


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zip", ".csv.xz"])
def test_compressed_tables_give_the_same_folds(table, suffix):
    plain = summary_of(table, "--target", "label")
    packed = table.with_name("packed" + suffix)
    pd.read_csv(table, dtype=str).to_csv(packed, index=False)
    assert summary_of(packed, "--target", "label")["folds_digest"] == plain["folds_digest"]


def test_parquet_gives_the_same_folds(table):
    plain = summary_of(table, "--target", "price", "--id", "id")
    packed = table.with_name("train.parquet")
    pd.read_csv(table, dtype={"id": str}).to_parquet(packed)
    assert summary_of(packed, "--target", "price", "--id", "id")["folds_digest"] == plain["folds_digest"]


def test_parquet_without_pyarrow_says_how_to_install_it(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    packed = table.with_name("train.parquet")
    packed.write_bytes(b"PAR1")
    result = folds_of(packed, "--target", "label")
    assert result.exit_code == ExitCode.DATA
    assert result.stderr.startswith("stackit: pyarrow.parquet is needed here")
    assert result.stderr.endswith("Install it with: pip install 'stackit[parquet]'\n")
    assert len(result.stderr.splitlines()) == 1


def test_titanic_folds_are_as_the_readme_says(tmp_path):
    train = titanic()
    output = tmp_path / "folds.csv"
    options = "--target Survived --id PassengerId --scheme stratified --n-splits 5 --random-state 42".split()
    result = call("folds", train, *options, "-o", output, "--json")
    folds = json.loads(result.stdout)["folds"]
    assert sorted((fold["n_train"], fold["n_held_out"]) for fold in folds) == [(712, 179), *[(713, 178)] * 4]
    assert sum(fold["classes"]["1"] for fold in folds) == 342
    assert Folds.load(output, pd.read_csv(train)["PassengerId"]).n_samples == 891


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (
            ["--target", "id", "--id", "id"],
            ExitCode.USAGE,
            "--target must be another column than --id; got --target=id. Name the column to predict.",
        ),
        (
            ["--target", "user", "--groups", "user"],
            ExitCode.USAGE,
            "--target must be another column than --groups",
        ),
        (
            ["--target", "lable", "--id", "Id"],
            ExitCode.USAGE,
            "--target and --id must be in the table {table}; got --target=lable, --id=Id. "
            "Did you mean label and id?",
        ),
        (
            ["--target", "zzzz"],
            ExitCode.USAGE,
            "--target must be in the table {table}; got --target=zzzz. "
            "Its columns are id, label, price, count, user, day, year.",
        ),
        (
            ["--target", "label", "--id", "user"],
            ExitCode.DATA,
            "Ids in user must be unique; got 15 repeated (0, 1, 2, 3, 4, and 10 more). "
            "Drop the duplicates, or use another column.",
        ),
        (
            ["--target", "label", "--n-splits", "21"],
            ExitCode.DATA,
            "Each class must have at least n_splits=21 rows for scheme='stratified'; 'yes' has 20. "
            "Use fewer folds, merge rare classes, or use scheme='kfold'.",
        ),
        (
            ["--target", "label", "--n-splits", "61", "--scheme", "kfold"],
            ExitCode.DATA,
            "n_splits must be a whole number from 2 to the number of rows, 60; got n_splits=61. "
            "Use fewer folds.",
        ),
        (
            ["--target", "label", "--scheme", "group"],
            ExitCode.USAGE,
            "--groups must be given for --scheme group; got none. Name the column, as --groups NAME.",
        ),
        (
            ["--target", "label", "--scheme", "stratified-group"],
            ExitCode.USAGE,
            "--groups must be given for --scheme stratified-group; got none. Name the column",
        ),
        (
            ["--target", "label", "--scheme", "forward"],
            ExitCode.USAGE,
            "--time must be given for --scheme forward; got none. Name the column, as --time NAME.",
        ),
        (
            ["--target", "label", "--scheme", "stratified", "--groups", "user"],
            ExitCode.USAGE,
            "--groups must be left out for --scheme stratified, which ignores it; got --groups=user. "
            "Use --scheme group or stratified-group.",
        ),
        (
            ["--target", "label", "--scheme", "kfold", "--time", "day"],
            ExitCode.USAGE,
            "--time must be left out for --scheme kfold, which ignores it; got --time=day. "
            "Use --scheme forward.",
        ),
        (
            ["--target", "label", "--groups", "user", "--time", "day"],
            ExitCode.USAGE,
            "--groups and --time must be given one at a time; got both. Leave out one of them.",
        ),
        (
            ["--target", "label", "--gap", "3"],
            ExitCode.USAGE,
            "--gap must be left out without --time; got --gap=3. Only forward folds have a gap.",
        ),
        (
            ["--target", "label", "--time", "day", "--n-repeats", "2"],
            ExitCode.USAGE,
            "--n-repeats must be 1 for forward folds; got --n-repeats=2. There is only one order of time.",
        ),
        (
            ["--target", "label", "--time", "day", "--gap", "soon"],
            ExitCode.DATA,
            "gap must be a number of rows, or",
        ),
        (
            ["--target", "label", "--time", "day", "--gap", "-3"],
            ExitCode.DATA,
            "gap must be at least 0; got gap=-3.",
        ),
        (
            ["--target", "price", "--time", "label"],
            ExitCode.DATA,
            "label, the time, must be numbers, or dates such as 2024-12-31 or 2024-12-31 23:59:00; "
            "got 60 other values (no, no, yes, no, no, and 55 more).",
        ),
        (
            ["--target", "price", "--groups", "label"],
            ExitCode.DATA,
            "n_splits must be at most the number of groups, 2",
        ),
        (["--target", "price", "--scheme", "stratified"], ExitCode.DATA, ""),
        (
            ["--target", "label", "-o", "{folder}/no/folds.csv"],
            ExitCode.USAGE,
            "--output must be in a folder that exists",
        ),
        (
            ["--target", "label", "-o", "{folder}"],
            ExitCode.USAGE,
            "--output must be a .csv file; got --output={folder}",
        ),
        (["--target", "label", "-o", "{folder}/f.csv.gz"], ExitCode.USAGE, "--output must be a .csv file"),
        (
            ["--target", "label", "-o", "{table}"],
            ExitCode.USAGE,
            "--output must be another file than TABLE; got",
        ),
        ([], ExitCode.USAGE, "Missing option '--target' (see stackit folds --help)"),
        (
            ["--target", "label", "--n-splits", "1"],
            ExitCode.USAGE,
            "Invalid value for '--n-splits': ",
        ),
        (
            ["--target", "label", "--scheme", "stratfied"],
            ExitCode.USAGE,
            "Invalid value for '--scheme': 'stratfied'",
        ),
        (["--target", "label", "--sede", "1"], ExitCode.USAGE, "No such option: --sede"),
    ],
)
def test_refusals_take_one_line_and_write_nothing(table, arguments, code, text):
    places = {"table": str(table), "folder": str(table.parent)}
    before = table.read_bytes()
    result = folds_of(table, *(argument.format(**places) for argument in arguments))
    assert result.stderr.startswith(f"stackit: {text.format(**places)}")
    assert result.stderr.count("\n") == 1
    assert (result.exit_code, result.stdout) == (code, "")
    assert list(table.parent.iterdir()) == [table]
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("column", "value", "arguments", "text"),
    [
        (
            "id",
            "001",
            ["--id", "id"],
            "Ids in id must be unique; got 1 repeated (001). Drop the duplicates, or",
        ),
        (
            "id",
            None,
            ["--id", "id"],
            "Ids in id must be without missing values; got 1 missing (rows 5). Fill them.",
        ),
        (
            "label",
            None,
            ["--id", "id"],
            "label, the target, must be without missing or infinite values; got 1 of them (ids 005). "
            "Drop or fill these rows; empty cells, NA, None and null are read as missing.",
        ),
        (
            "user",
            None,
            ["--groups", "user"],
            "user, the group, must be without missing or infinite values; got 1 of",
        ),
        (
            "day",
            None,
            ["--time", "day"],
            "day, the time, must be without missing or infinite values; got 1 of",
        ),
        ("day", "31/12/2024", ["--time", "day"], "day, the time, must be numbers, or dates such as"),
    ],
)
def test_bad_cells_are_refused(table, column, value, arguments, text):
    change(table, column, 5, value)
    result = folds_of(table, "--target", "label", *arguments)
    assert result.stderr.startswith(f"stackit: {text}")
    assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (ExitCode.DATA, 1, "")


def test_an_infinite_target_is_refused(table):
    change(table, "price", 5, "inf")
    result = folds_of(table, "--target", "price", "--groups", "user")
    assert (
        "price, the target, must be without missing or infinite values; got 1 of them (ids 5)"
        in result.stderr
    )


def test_a_missing_table_is_named(tmp_path):
    result = call("folds", tmp_path / "none.csv", "--target", "y")
    advice = "Check the path. (see stackit folds --help)"
    text = f"stackit: TABLE must be a file that exists; got {tmp_path / 'none.csv'}. {advice}\n"
    assert (result.exit_code, result.stderr) == (ExitCode.USAGE, text)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("empty.csv", b"", "empty.csv is empty. Pass a table with a line of column names."),
        ("header.csv", b"y\n", "header.csv has names of columns and no rows. Pass a table"),
        ("page.csv", b"<!doctype html><p>log in", "page.csv is a web page, not a table."),
        ("text.csv.zip", b"PK\x03\x04", "text.csv.zip cannot be read (File is"),
        ("one.csv", b"y\na\na\na\na\n", "y must have at least two classes; it has only one class, 'a'"),
    ],
)
def test_unreadable_tables_are_bad_data(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    result = folds_of(tmp_path / name, "--target", "y", "--n-splits", "2")
    assert text in result.stderr
    assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (ExitCode.DATA, 1, "")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_table_with_another_separator_is_read_and_that_is_reported(table, separator):
    frame = pd.read_csv(table, dtype=str)
    expected = summary_of(table, "--target", "label", "--id", "id")["folds_digest"]
    frame.to_csv(table, index=False, sep=separator)
    result = folds_of(table, "--target", "label", "--id", "id", "--json")
    assert json.loads(result.stdout)["folds_digest"] == expected
    assert "is read with" in result.stderr.splitlines()[0]


def test_other_separators_inside_the_names_of_columns_are_names(table):
    frame = pd.read_csv(table, dtype=str).rename(columns={"price": "price; net", "user": "a|b"})
    frame.to_csv(table, index=False)
    assert summary_of(table, "--target", "price; net")["target"] == "price; net"
    refused = folds_of(table, "--target", "price")
    assert "must be in the table" in refused.stderr


@pytest.mark.filterwarnings("default")
def test_a_refusal_is_one_line_where_scikit_learn_warns_too(table):
    result = folds_of(table, "--target", "day")
    assert result.stderr.startswith("stackit: Each class must have at least n_splits=5 rows")
    assert (result.exit_code, result.stderr.count("\n")) == (ExitCode.DATA, 1)


def test_titanic_names_as_a_target_are_refused_in_one_line(tmp_path):
    arguments = ["folds", str(titanic()), "--target", "Name", "-o", str(tmp_path / "folds.csv")]
    done = run(*arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (ExitCode.DATA, 1, "")
    assert done.stderr.startswith("stackit: Each class must have at least n_splits=5 rows")


def test_each_warning_is_one_line_after_the_work(table):
    change(table, "label", 0, "rare")
    result = folds_of(table, "--target", "label", "--groups", "user")
    warning, wrote = result.stderr.splitlines()
    assert warning.startswith("stackit: warning: The least populated class in y has only 1 members")
    assert wrote.startswith("Wrote ")
    assert result.exit_code == ExitCode.OK


def test_the_schemes_to_choose_from_are_those_of_the_folds():
    assert tuple(str(scheme) for scheme in SchemeName) == SCHEMES


def test_usage_errors_have_the_form_of_other_errors():
    parts = ("gap", "at least 0", "gap=-1", "Pass 0")
    assert str(usage_error(*parts)) == str(invalid_value(*parts))
