"""What shells complete."""

import json
from types import SimpleNamespace

import pytest

from stackit.cli.completion import complete_columns, complete_metrics, complete_run_folders
from tests.cli.calls import call


def test_metrics_are_those_of_scikit_learn():
    assert "neg_log_loss" in complete_metrics("neg_l")
    assert complete_metrics("zzz") == []


def test_run_folders_have_a_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("runs/a", "runs/b", "other/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text(json.dumps({}))
    (tmp_path / "runs" / "plain").mkdir()
    assert complete_run_folders("") == ["runs/a", "runs/b"]
    assert complete_run_folders("runs/b") == ["runs/b"]
    assert complete_run_folders("other/") == ["other/c"]


def test_columns_are_those_of_the_table(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("\ufeffid,price,plan\n1,2,3\n", encoding="utf-8")
    assert complete_columns(SimpleNamespace(params={"train": path}, args=[]), "p") == ["price", "plan"]
    assert complete_columns(SimpleNamespace(params={"train": None}, args=["no.csv"]), "p") == []


def completed(line):
    """Return what bash offers after a line."""
    place = str(len(line.split(" ")) - 1)
    found = call(env={"_STACKIT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": place})
    return found.stdout.split()


def test_bash_gets_presets():
    assert {"quick", "good", "best"} <= set(completed("stackit run --preset "))


@pytest.mark.parametrize(
    "line",
    [
        "stackit run train.csv test.csv --target p",
        "stackit run train.csv --preset quick --id p",
        "stackit folds train.csv --target p",
        "stackit blend oof.csv --train train.csv --target p",
    ],
)
def test_bash_gets_columns_of_the_table_that_the_line_names(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text("id;price;plan\n1;2,5;3\n")
    (tmp_path / "test.csv").write_text("id;price\n1;2,5\n")
    assert completed(line) == ["price", "plan"]
