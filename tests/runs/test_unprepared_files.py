"""Files that no one has prepared: each run ends in a good result, or in one clear sentence."""

import gzip
import io
import json
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

from stackit.runs import RunConfig, run
from stackit.runs.run_tables import read_tables
from stackit.submission import check_submission, sample_of_test

TARGET, ID = "выжил", "號碼"
N_TRAIN, N_TEST = 150, 30
CITIES = ["Köln", "Łódź", "東京"]


def rows_of(n, seed, first, cities):
    """Return rows with names and words in many scripts, dates in three formats, gaps and JSON; and labels."""
    random = np.random.default_rng(seed)
    sex, age = random.choice(["женщина", "мужчина"], n), random.integers(1, 80, n).astype(float)
    days = pd.date_range("2024-01-01", periods=n, freq="D")
    table = pd.DataFrame(
        {
            ID: [f"{number:05d}" for number in range(first, first + n)],
            "пол": sex,
            "Größe": random.normal(170, 10, n).round(1),
            "age": age,
            "iso": days.strftime("%Y-%m-%d"),
            "us": days.strftime("%m/%d/%Y"),
            "de": days.strftime("%d.%m.%Y"),
            "json": [json.dumps({"a": int(one), "b": ["x;y", "z"]}) for one in random.integers(0, 9, n)],
            "city": random.choice(cities, n),
        }
    )
    table.loc[::11, "age"] = np.nan
    return table, (sex == "женщина") * 2.0 + (age < 20) + random.normal(0, 0.7, n) > 1


def train_and_test():
    """Return tables with gaps in the target, a class with one row, and a test that lacks a column."""
    train, is_one = rows_of(N_TRAIN, 0, 1, CITIES)
    y = pd.Series(np.where(is_one, "да", "нет"), dtype=object)
    y[[5, 7]] = None
    y[9] = "редкий"
    train.insert(1, TARGET, y)
    train["only in train"] = np.arange(N_TRAIN) / 2
    return train, rows_of(N_TEST, 1, 1 + N_TRAIN, [*CITIES, "Rīga"])[0]


def in_zip(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("table.csv", data)
    return buffer.getvalue()


def german(table):
    return table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")


WRITERS = {
    "plain": lambda table: table.to_csv(index=False).encode(),
    "semicolons, decimal commas, Windows line ends, a byte-order mark": lambda t: german(t).encode(
        "utf-8-sig"
    ),
    "UTF-16": lambda table: german(table).encode("utf-16"),
    "tabs and empty last lines": lambda table: table.to_csv(index=False, sep="\t").encode() + b"\n\n",
    "zip": lambda table: in_zip(german(table)),
    "gz": lambda table: gzip.compress(table.to_csv(index=False).encode()),
    "an index": lambda table: table.to_csv().encode(),
    "parquet": lambda table: table.to_parquet(index=False),
}


def config_of(folder, writer="plain", train=None, test=None, **changes):
    """Write both tables, and return the settings of a run on them."""
    own_train, own_test = train_and_test()
    for name, table in {"train": train, "test": test}.items():
        table = table if table is not None else {"train": own_train, "test": own_test}[name]
        (folder / f"{name}.csv").write_bytes(WRITERS[writer](table))
    settings = {"target": TARGET, "id": ID, "preset": "quick", "folds": 3, "n_jobs": 1, **changes}
    return RunConfig(train=folder / "train.csv", test=folder / "test.csv", output=folder / "run", **settings)


@pytest.mark.parametrize("writer", WRITERS)
def test_one_table_is_the_same_however_it_is_written(writer, tmp_path):
    if writer == "parquet":
        pytest.importorskip("pyarrow")
    plain = read_tables(config_of(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        tables = read_tables(config_of(tmp_path, writer))
    pd.testing.assert_frame_equal(tables.X, plain.X, check_dtype=False)
    pd.testing.assert_frame_equal(tables.X_test, plain.X_test, check_dtype=False)
    assert tables.training.y.tolist() == plain.training.y.tolist()
    assert tables.training.ids.tolist() == plain.training.ids.tolist()
    assert tables.test_ids.tolist() == [f"{number:05d}" for number in range(151, 181)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a run on tables that are hard to read, and what it reports."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folder = run(config_of(tmp_path_factory.mktemp("unprepared"), "zip"))
    return folder, [str(one.message) for one in caught]


def test_a_run_on_tables_that_are_hard_to_read_ends_in_a_good_submission(finished):
    folder, _ = finished
    table, is_one = rows_of(N_TEST, 1, 1 + N_TRAIN, [*CITIES, "Rīga"])
    expected = sample_of_test(table[ID], ["да", "нет"] * 5, target=TARGET)
    check_submission(folder.path / "submission.csv", expected)
    submitted = pd.read_csv(folder.path / "submission.csv", dtype=str)
    assert ((submitted[TARGET] == "да") == is_one).mean() > 0.7


def test_a_run_reports_what_it_did_with_such_tables(finished):
    _, notes = finished
    text = "\n".join(notes)
    assert "train.csv is read with ';' between cells and with decimal commas in Größe" in text
    assert "2 of 150 training rows have no 'выжил' and are left out." in text
    assert "test.csv has no only in train: left out of training too." in text
    assert "lacks редкий" in text


def with_repeated_ids(train):
    return train.assign(**{ID: train[ID].replace("00002", "00001")})


REFUSED = {
    "ids that are not unique": (
        with_repeated_ids,
        {},
        r"Ids in column '號碼' .* unique; got 1 repeated \(00001\)",
    ),
    "ids with gaps": (
        lambda train: train.assign(**{ID: train[ID].where(train.index != 3)}),
        {},
        r"without missing values; got 1 missing \(rows 3\)",
    ),
    "a target that is not there": (
        lambda train: train,
        {"target": "выжила"},
        r"has no column 'выжила' \(the target\)\. Did you mean 'выжил'\?",
    ),
    "a target without values": (
        lambda train: train.assign(**{TARGET: None}),
        {},
        "'выжил' of .* is empty in all rows",
    ),
    "a target that is always the same": (
        lambda train: train.assign(**{TARGET: "да"}),
        {},
        "at least two distinct values; it has one",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_gets_one_sentence(case, tmp_path):
    change, settings, text = REFUSED[case]
    config = config_of(tmp_path, train=change(train_and_test()[0]), **settings)
    with pytest.raises(ValueError, match=text) as caught:
        run(config)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "submission.csv").exists()


def test_a_test_table_of_another_file_is_refused(tmp_path):
    other = pd.DataFrame({ID: ["1", "2"], "a": [1, 2], "b": [3, 4]})
    with pytest.raises(ValueError, match="Check that the two tables belong together"):
        read_tables(config_of(tmp_path, test=other))


@pytest.mark.slow
def test_two_hundred_thousand_rows_end_in_a_submission(tmp_path):
    random = np.random.default_rng(0)
    n = 200_000
    numbers = random.normal(size=(n, 8)).round(4)
    table = pd.DataFrame(numbers, columns=[f"x{at}" for at in range(8)])
    table.insert(0, "id", np.arange(n))
    y = np.where(numbers[:, 0] + random.normal(size=n) > 0, "yes", "no")
    table.assign(y=y).to_csv(tmp_path / "train.csv", index=False)
    table.head(1000).assign(id=np.arange(n, n + 1000)).to_csv(tmp_path / "test.csv", index=False)
    folder = run(
        RunConfig(
            train=tmp_path / "train.csv",
            test=tmp_path / "test.csv",
            target="y",
            id="id",
            preset="quick",
            time_limit=60,
            output=tmp_path / "run",
        )
    )
    expected = sample_of_test(np.arange(n, n + 1000), ["yes", "no"] * 5, target="y")
    check_submission(folder.path / "submission.csv", expected)
