"""The commands that look at runs: predict, submit, list, compare, blend, report."""

import io
import json
import re
import shutil

import pandas as pd
import pytest

from stackit.cli.errors import ExitCode
from stackit.submission import Upload
from tests.cli.calls import call


def test_predictions_are_a_csv_table_on_standard_output(in_shop):
    result = call("predict", "runs/shop", "test.csv")
    table = pd.read_csv(io.StringIO(result.stdout))
    assert [*table] == ["key", "bought", "bought__no", "bought__yes"]
    assert table["key"].tolist() == pd.read_csv("test.csv")["key"].tolist()
    assert table["bought"].tolist() == pd.read_csv("runs/shop/submission.csv")["bought"].tolist()


def test_predictions_go_to_a_file_on_request(in_shop, tmp_path):
    path = tmp_path / "out.csv"
    result = call("predict", "runs/shop", "test.csv", "-o", path, "--json")
    assert json.loads(result.stdout)["rows"] == len(pd.read_csv(path)) == 40
    assert result.stderr == f"Wrote 40 rows to {path}.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["predict", "runs/shop", "tset.csv"], ExitCode.USAGE, "Did you mean test.csv?"),
        (["predict", "runs/none", "test.csv"], ExitCode.DATA, "runs/none is no run"),
        (["predict", "runs/shop", "test.csv", "-o", "test.csv"], ExitCode.USAGE, "must be another file"),
        (["predict", "runs/shop", "test.csv", "-o", "a/b.csv"], ExitCode.USAGE, "Type: mkdir -p a"),
        (["submit", "test.csv"], ExitCode.USAGE, "--sample must be given for a file"),
        (["submit", "runs/shop", "--upload"], ExitCode.USAGE, "--competition must be given for --upload"),
        (["submit", "runs/shop", "-c", "shop"], ExitCode.USAGE, "--competition must be left out without"),
        (["compare", "runs/shop", "runs/none"], ExitCode.DATA, "runs/none is no run"),
        (["blend", "train.csv"], ExitCode.USAGE, "The files are not those of a run. Pass --train train.csv"),
        (["list", "nowhere"], ExitCode.DATA, "There is no folder nowhere"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(in_shop, arguments, code, text):
    result = call(*arguments)
    assert result.stderr.startswith("stackit: "), result.stderr
    assert text in result.stderr
    assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (code, 1, "")


def test_a_submission_is_checked(in_shop, tmp_path):
    good = call("submit", "runs/shop")
    assert (good.exit_code, good.stdout) == (0, "runs/shop/submission.csv is valid.\n"), good.stderr
    assert "stackit submit runs/shop --upload --competition NAME" in good.stderr
    table = pd.read_csv("runs/shop/submission.csv")
    table.iloc[1:].to_csv(tmp_path / "short.csv", index=False)
    bad = call("submit", tmp_path / "short.csv", "--sample", "runs/shop/submission.csv")
    assert (bad.exit_code, bad.stderr.count("\n"), bad.stdout) == (ExitCode.SUBMISSION, 1, "")
    assert json.loads(call("submit", "runs/shop", "--json").stdout)["is_valid"] is True


@pytest.mark.parametrize(("right", "wrong"), [("k1000", "k9999"), (",yes", ",maybe"), (",yes", ",0.5")])
def test_a_submission_that_does_not_fit_the_tables_is_refused(shop, tmp_path, right, wrong):
    shutil.copytree(shop[0], tmp_path / "all", ignore=shutil.ignore_patterns("store"))
    path = tmp_path / "all" / "runs" / "shop" / "submission.csv"
    path.write_text(path.read_text().replace(right, wrong))
    result = call("submit", path.parent)
    assert result.exit_code == ExitCode.SUBMISSION
    assert wrong.strip(",") in result.stderr


def copied(shop, tmp_path):
    """Return the folder of a copy of the run, which may be changed."""
    shutil.copytree(shop[0], tmp_path / "all", ignore=shutil.ignore_patterns("store"))
    return tmp_path / "all" / "runs" / "shop"


def test_a_submission_is_written_again_like_another_sample(shop, tmp_path):
    run = copied(shop, tmp_path)
    before = pd.read_csv(run / "submission.csv")
    sample = before.iloc[::-1].set_axis(["key", "P"], axis=1).assign(P=0.5)
    sample.to_csv(tmp_path / "sample.csv", index=False)
    result = call("submit", run, "--sample", tmp_path / "sample.csv")
    assert result.exit_code == 0, result.stderr
    written = pd.read_csv(run / "submission.csv")
    assert [*written] == ["key", "P"]
    assert written["key"].tolist() == before["key"].tolist()[::-1]
    predicted = pd.read_csv(run / "test" / "stack.csv", index_col=0)["stack"]
    assert written["P"].tolist() == pytest.approx(predicted.loc[written["key"]].tolist())
    first, second = result.stdout.splitlines()
    assert "The columns are key, P; they were key, bought. The rows are in the order of the sample." in first
    assert second.endswith(f"is valid like {tmp_path / 'sample.csv'}.")
    assert f"--sample {tmp_path / 'sample.csv'} --upload" in result.stderr
    again = json.loads(call("submit", run, "--sample", tmp_path / "sample.csv", "--json").stdout)
    assert again["changes"] == []


def test_rows_that_a_sample_does_not_have_are_left_out_and_missing_ones_refused(shop, tmp_path):
    run = copied(shop, tmp_path)
    text = (run / "submission.csv").read_bytes()
    whole = pd.read_csv(run / "submission.csv")
    other = pd.concat([whole, whole.iloc[:1].assign(key="k9999")])
    other.to_csv(tmp_path / "other.csv", index=False)
    refused = call("submit", run, "--sample", tmp_path / "other.csv")
    assert refused.exit_code == ExitCode.SUBMISSION
    assert "1 missing id (k9999)" in refused.stderr
    assert (run / "submission.csv").read_bytes() == text
    whole.iloc[5:].to_csv(tmp_path / "less.csv", index=False)
    less = call("submit", run, "--sample", tmp_path / "less.csv")
    assert "5 rows are left out: the sample does not have their ids." in less.stdout
    assert pd.read_csv(run / "submission.csv").equals(whole.iloc[5:].reset_index(drop=True))


def test_an_upload_is_handed_to_the_kaggle_command(in_shop, monkeypatch):
    monkeypatch.setenv("PATH", "")
    result = call("submit", "runs/shop", "--upload", "-c", "shop")
    assert result.exit_code == ExitCode.NO_KAGGLE == 4
    assert result.stderr.endswith("Install it with: pip install kaggle\n"), result.stderr


@pytest.mark.parametrize(
    ("script", "code", "text"),
    [
        ("echo 403 Forbidden >&2; exit 1", 7, "Kaggle refuses access to the competition shop."),
        ("echo Max retries exceeded >&2; exit 1", 5, "Kaggle cannot be reached."),
        ("echo Oops >&2; exit 1", 1, "kaggle competitions submissions failed (Oops)."),
        ("echo No module named \\'six\\' >&2; exit 1", 4, "Install it with: pip install six"),
    ],
)  # fmt: skip
def test_each_failure_of_an_upload_has_an_exit_code(in_shop, tmp_path, monkeypatch, script, code, text):
    (tmp_path / "kaggle").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "kaggle").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = call("submit", "runs/shop", "--upload", "-c", "shop")
    assert result.exit_code == code
    assert text in result.stderr


def test_a_submission_that_is_not_scored_in_time_has_an_exit_code(in_shop, monkeypatch):
    def uploaded(path, competition, message):
        return Upload(competition, "7", "pending", "")

    monkeypatch.setattr("stackit.submission.upload_submission", uploaded)
    result = call("submit", "runs/shop", "--upload", "-c", "shop", "--json")
    assert result.exit_code == ExitCode.TIMED_OUT == 5
    assert json.loads(result.stdout)["status"] == "pending"


def test_runs_are_listed(in_shop, monkeypatch, tmp_path):
    shown = call("list").stdout
    assert "runs/shop" in shown
    assert "finished" in shown
    (row,) = json.loads(call("list", "--json").stdout)["runs"]
    assert (row["run"], row["status"]) == ("runs/shop", "finished")
    monkeypatch.chdir(tmp_path)
    empty = call("list")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "Type: stackit run train.csv" in empty.stderr
    assert json.loads(call("list", "--json").stdout)["runs"] == []


def test_a_run_is_as_good_as_itself(in_shop):
    result = call("compare", "runs/shop", "runs/shop")
    assert result.exit_code == 0, result.stderr
    assert "equally good on 120 rows" in result.stdout
    assert {"runs/shop (first)", "runs/shop (second)"} <= set(re.split(r"  +", result.stdout))
    found = json.loads(call("compare", "runs/shop", "runs/shop", "--json").stdout)
    assert (found["difference"], found["rows"], found["same_folds"]) == (0, 120, True)


def test_the_files_of_a_run_are_blended_without_further_options(in_shop, tmp_path):
    files = [f"runs/shop/oof/{name}.csv" for name in ("linear", "forest")]
    tests = [f"--test=runs/shop/test/{name}.csv" for name in ("linear", "forest")]
    result = call("blend", *files, *tests, "-o", tmp_path / "both", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert {row["member"] for row in found["members"]} == {"stack", "linear", "forest"}
    assert len(pd.read_csv(tmp_path / "both" / "oof.csv")) == found["rows"] == 120
    assert len(pd.read_csv(tmp_path / "both" / "test.csv")) == 40
    options = "--train train.csv --target bought --id key --folds 3".split()
    shown = call("blend", *files, *options).stdout
    assert "the best of 2 members" in shown


def test_the_stack_of_a_run_is_not_blended_with_its_members(in_shop):
    files = [f"runs/shop/oof/{name}.csv" for name in ("linear", "stack", "forest")]
    result = call("blend", *files, "--json")
    assert [row["member"] for row in json.loads(result.stdout)["members"]].count("stack") == 1
    assert "runs/shop/oof/stack.csv is left out: it is the blend of the others." in result.stderr


@pytest.mark.parametrize("command", [["run", "train.csv", "--target", "bought"], ["blend", "a.csv"]])
def test_an_unknown_metric_is_refused_with_similar_ones(in_shop, command):
    result = call(*command, "--metric", "acuracy")
    assert (result.exit_code, result.stderr.count("\n")) == (ExitCode.USAGE, 1)
    assert "such as accuracy, " in result.stderr
    assert result.stderr.endswith("got --metric=acuracy. Pass --metric accuracy.\n")


def test_a_metric_of_another_task_is_refused_before_anything_is_written(in_shop):
    result = call("run", "train.csv", "--target", "bought", "--metric", "rmse", "-o", "none")
    assert result.stderr.endswith("got --metric rmse. Pass --metric roc_auc.\n")
    assert not (in_shop / "none").exists()


def test_checks_are_ignored_and_found_again(shop, tmp_path):
    folder = shutil.copytree(shop[0] / "runs/shop", tmp_path / "run")
    before = {name: (folder / name).read_bytes() for name in ("report.json", "report.md", "report.html")}
    checks = json.loads(before["report.json"])["checks"]
    code, sentence = next((one["code"], one["sentence"]) for one in checks if one["status"] == "passed")
    shown = call("report", folder, "--ignore", code)
    assert shown.exit_code == 0, shown.stderr
    assert "The check is ignored." in shown.stdout
    assert "The check is ignored." in (folder / "report.html").read_text(encoding="utf-8")
    assert sentence not in (folder / "report.html").read_text(encoding="utf-8")
    call("report", folder)
    assert {name: (folder / name).read_bytes() for name in before} == before
    wrong = call("report", folder, "--ignore", "STK999")
    assert wrong.exit_code == ExitCode.USAGE
    assert "--ignore must hold codes of checks, from STK001" in wrong.stderr


def test_the_report_is_text_and_json(in_shop):
    shown = call("report", "runs/shop")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout == (in_shop / "runs/shop/report.md").read_text(encoding="utf-8") + "\n"
    assert shown.stderr == "The page is runs/shop/report.html.\n"
    found = json.loads(call("report", "runs/shop", "--json").stdout)
    assert found["report"] == json.loads((in_shop / "runs/shop/report.json").read_text(encoding="utf-8"))
