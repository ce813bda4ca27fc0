"""The settings of a run: files are read and written without loss, and each mistake is one sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackit.runs import RunConfig

FULL = {
    "train": "data/train.csv",
    "target": "Survived",
    "test": "data/test.csv",
    "id": "PassengerId",
    "sample": "data/sample.csv",
    "preset": "good",
    "time_limit": 90.5,
    "metric": "auc",
    "task": "classification",
    "folds": "data/folds.csv",
    "groups": "Family",
    "drop": ["Ticket", 'a "quoted", name'],
    "categories": ["Pclass"],
    "predictions": "labels",
    "output": "runs/a",
    "random_state": 7,
    "n_jobs": 2,
}


def written(tmp_path, text):
    path = tmp_path / "stackit.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("values", [FULL, {"train": "train.csv", "target": "y", "folds": 5}])
def test_a_file_gives_back_the_settings_that_were_written(values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = RunConfig(**values)
    Path("stackit.toml").write_text(config.to_toml(), encoding="utf-8")
    read = RunConfig.from_toml("stackit.toml")
    assert read.model_dump() == config.model_dump() | {"output": config.folder}
    assert read.to_toml() == RunConfig.from_toml("stackit.toml").to_toml()


def test_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = RunConfig(**FULL)
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    text = config.to_toml("runs/a")
    assert 'train = "../../data/train.csv"' in text
    assert 'output = "."' in text
    written(folder, text)
    assert RunConfig.from_toml("runs/a/stackit.toml") == config


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_of_a_column_survives(tmp_path_factory, name):
    config = RunConfig(train="train.csv", target=name, drop=[name], output="o")
    path = written(tmp_path_factory.getbasetemp(), config.to_toml(tmp_path_factory.getbasetemp()))
    assert RunConfig.from_toml(path).target == name
    assert RunConfig.from_toml(path).drop == (name,)


@pytest.mark.parametrize(
    ("text", "seconds"), [('"10m"', 600), ("600", 600), ('"1h30m"', 5400), ('"90s"', 90), ("0.5", 0.5)]
)
def test_durations(tmp_path, text, seconds):
    path = written(tmp_path, f'train = "t.csv"\ntarget = "y"\ntime_limit = {text}\n')
    assert RunConfig.from_toml(path).time_limit == seconds


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('traget = "y"', "'traget' is no setting. Did you mean target?"),
        ("x = 1", "'x' is no setting. The settings are train, target, test, "),
        ('preset = "bset"', "preset must be best, good or quick; got 'bset'. Write preset = \"good\"."),
        ('time_limit = "soon"', "time_limit must be a duration such as 90s, 10m, 1h30m or 600; got 'soon'."),
        ("time_limit = -1", "time_limit must be a duration such as 90s, 10m, 1h30m or 600; got -1."),
        ("time_limit = true", "time_limit must be a duration such as 90s, 10m, 1h30m or 600; got True."),
        ("folds = 1", "folds must be a number of folds from 2 on, or a folds file; got 1. Write folds = 5."),
        ("n_jobs = true", "n_jobs must be a number of fits at once, or -1 for one per core; got True."),
        ("random_state = 1.5", "random_state must be a whole number from 0 on; got 1.5."),
        ('drop = "Ticket"', "drop must be a list of names of columns; got 'Ticket'."),
        ('id = ""', "id must be the name of the column of ids; got ''."),
        ('metric = "acuracy"', "metric must be the name of a metric, such as accuracy, "),
        ('metric = "acuracy"', "got 'acuracy'. Write metric = \"accuracy\"."),
        ('categories = "Pclass"', "categories must be a list of names of columns; got 'Pclass'."),
        ("n_jobs = ", "is not TOML: "),
    ],
)
def test_each_mistake_is_a_sentence(tmp_path, line, message):
    path = written(tmp_path, f'train = "t.csv"\ntarget = "y"\n{line}\n')
    with pytest.raises(ValueError, match=r".") as refusal:
        RunConfig.from_toml(path)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_what_is_missing_is_named():
    with pytest.raises(
        ValueError, match=r'^train is missing\. Write train = "train\.csv"\. target is missing'
    ):
        RunConfig()


def test_the_default_folder_is_named_like_the_data(tmp_path, monkeypatch):
    assert RunConfig(train="titanic/train.csv", target="y").folder == Path("runs/titanic")
    assert RunConfig(train="titanic/houses.csv.gz", target="y").folder == Path("runs/houses")
    (tmp_path / "otto").mkdir()
    monkeypatch.chdir(tmp_path / "otto")
    assert RunConfig(train="train.csv", target="y").folder == Path("runs/otto")
