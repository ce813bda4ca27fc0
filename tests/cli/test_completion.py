"""What shells complete."""

import json
from types import SimpleNamespace

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
    assert complete_columns(SimpleNamespace(params={"train": path}), "p") == ["price", "plan"]
    assert complete_columns(SimpleNamespace(params={"train": None}), "p") == []


def test_bash_gets_presets():
    environment = {
        "_STACKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": "stackit run --preset ",
        "COMP_CWORD": "3",
    }
    result = call(env=environment)
    assert {"quick", "good", "best"} <= set(result.stdout.split())
