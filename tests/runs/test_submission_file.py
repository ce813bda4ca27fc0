"""What a run submits: like the sample, or in the form that the metric needs; ids as in the test table."""

import numpy as np
import pandas as pd
import pytest

from stackit.runs import RunConfig
from stackit.runs.run_tables import read_tables
from stackit.runs.submission_file import write_run_submission

PAIR = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
TRIPLE = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])


@pytest.fixture
def submit(tmp_path):
    """Write a submission of three rows, and return it as a table of texts."""

    def submit(y, values, sample=None, **settings):
        train = pd.DataFrame({"id": range(len(y)), "x": np.arange(len(y)) % 7, "y": y})
        train.to_csv(tmp_path / "train.csv", index=False)
        test = pd.DataFrame({"id": ["07", "a", "9"], "x": [1, 2, 3]})
        test.to_csv(tmp_path / "test.csv", index=False)
        if sample is not None:
            pd.DataFrame({"id": test["id"], **sample}).to_csv(tmp_path / "sample.csv", index=False)
            settings["sample"] = tmp_path / "sample.csv"
        files = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}
        config = RunConfig(**files, target="y", id="id", **settings)
        tables = read_tables(config)
        classes = np.unique(tables.training.y) if tables.task.is_classification else None
        path = tmp_path / "submission.csv"
        write_run_submission(path, config, tables, values, classes)
        return pd.read_csv(path, dtype=str)

    return submit


def test_labels_are_those_of_the_target(submit):
    table = submit([0, 1] * 20, PAIR)
    assert table.columns.tolist() == ["id", "y"]
    assert table["id"].tolist() == ["07", "a", "9"]
    assert table["y"].tolist() == ["0", "1", "0"]
    assert submit(["no", "yes"] * 20, PAIR)["y"].tolist() == ["no", "yes", "no"]


@pytest.mark.parametrize("metric", ["auc", "roc_auc", "logloss", "neg_log_loss", "neg_brier_score"])
def test_metrics_of_probabilities_get_the_second_class(submit, metric):
    assert submit([0, 1] * 20, PAIR, metric=metric)["y"].tolist() == ["0.1", "0.8", "0.4"]


def test_metrics_of_labels_get_labels(submit):
    assert submit([0, 1] * 20, PAIR, metric="accuracy")["y"].tolist() == ["0", "1", "0"]


def test_several_classes_get_a_column_each(submit):
    table = submit(["a", "b", "c"] * 10, TRIPLE, metric="logloss")
    assert table.columns.tolist() == ["id", "a", "b", "c"]
    assert table["c"].tolist() == ["0.1", "0.6", "0.3"]


def test_the_sample_decides_on_form_and_columns(submit):
    of_classes = {"Class_c": [0.2, 0.3, 0.3], "Class_a": [0.5, 0.3, 0.3], "Class_b": [0.3, 0.4, 0.4]}
    table = submit(["a", "b", "c"] * 10, TRIPLE, sample=of_classes)
    assert table.columns.tolist() == ["id", "Class_c", "Class_a", "Class_b"]
    assert table["Class_a"].tolist() == ["0.7", "0.1", "0.2"]
    assert submit([0, 1] * 20, PAIR, sample={"p": [0.5, 0.5, 0.4]})["p"].tolist() == ["0.1", "0.8", "0.4"]


def test_a_sample_of_zeros_is_filled_as_the_metric_needs(submit):
    zeros = {"y": [0, 0, 0]}
    assert submit([0, 1] * 20, PAIR, sample=zeros, metric="auc")["y"].tolist() == ["0.1", "0.8", "0.4"]
    assert submit([0, 1] * 20, PAIR, sample=zeros)["y"].tolist() == ["0", "1", "0"]


def test_the_setting_decides_before_all(submit):
    assert submit([0, 1] * 20, PAIR, predictions="probabilities")["y"].tolist() == ["0.1", "0.8", "0.4"]
    assert submit([0, 1] * 20, PAIR, metric="auc", predictions="labels")["y"].tolist() == ["0", "1", "0"]


def test_numbers_are_written_as_they_are(submit):
    y = np.linspace(0.0, 1.0, 40) * 7.3
    assert submit(y, np.array([1.5, -2.0, 0.25]))["y"].tolist() == ["1.5", "-2.0", "0.25"]


def test_a_sample_of_other_ids_is_refused(submit, tmp_path):
    with pytest.raises(ValueError, match=r"submission\.csv must be valid like sample\.csv"):
        submit([0, 1] * 20, PAIR, sample={"id": ["1", "2", "3"], "y": [0, 1, 0]})
    assert not (tmp_path / "submission.csv").exists()
