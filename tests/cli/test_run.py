"""`stackit run`: options and files of settings, what it prints, how it goes on, how it stops."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from stackit.cli.errors import ExitCode
from stackit.cli.options import PresetName
from stackit.presets.portfolio import PRESETS
from stackit.runs import RunConfig, RunFolder
from tests.cli.calls import ROOT, call
from tests.cli.quick_run import write_tables

QUICK = "--target bought --id key --preset quick --folds 3 --n-jobs 1".split()


def test_two_files_become_a_folder_with_a_submission(in_shop, shop):
    result = shop[1]
    first, *_ = lines = result.stdout.splitlines()
    assert first.startswith("runs/shop: roc_auc 0.")
    assert "120 rows, 4 columns" in first
    board = {line.split()[0] for line in lines if line.strip()}
    assert {"stack", "linear", "forest", "neighbors", "huge"} <= board
    assert "Submission: runs/shop/submission.csv" in lines
    assert RunFolder.open("runs/shop").is_finished


def test_progress_and_what_comes_next_are_on_standard_error(shop):
    result = shop[1]
    lines = result.stderr.splitlines()
    assert any(line.startswith("linear: score ") for line in lines)
    assert "huge is left out: the table is too large" in lines
    assert "To predict other rows: stackit predict runs/shop new.csv" in lines
    assert "\x1b" not in result.stderr + result.stdout


def test_a_finished_run_is_not_repeated_and_json_is_all_of_standard_output(in_shop, tiny):
    result = call("run", "runs/shop", "--json")
    found = json.loads(result.stdout)
    assert found["command"] == "run"
    assert found["folder"] == "runs/shop"
    assert {row["member"] for row in found["members"]} >= {"stack", "linear"}
    assert found["files"]["submission.csv"] == "runs/shop/submission.csv"
    assert "runs/shop was finished before: nothing is fitted. --overwrite starts again." in result.stderr


def test_print_config_writes_the_file_that_equals_the_options(in_shop, tmp_path):
    printed = call(
        "run", "train.csv", "test.csv", *QUICK, "--time-limit", "2m", "--drop", "noise", "--print-config"
    )
    (tmp_path / "stackit.toml").write_text(printed.stdout, encoding="utf-8")
    expected = RunConfig(
        train="train.csv", test="test.csv", target="bought", id="key", preset="quick",
        folds=3, n_jobs=1, time_limit=120, drop=["noise"],
    )  # fmt: skip
    found = RunConfig.from_toml(tmp_path / "stackit.toml")
    assert found.model_dump(exclude={"train", "test", "output"}) == expected.model_dump(
        exclude={"train", "test", "output"}
    )
    assert printed.stderr == ""


def test_a_dry_run_shows_what_would_be_done_and_writes_nothing(in_shop):
    before = sorted(in_shop.rglob("*"))
    shown = call("run", "train.csv", "test.csv", *QUICK, "--dry-run")
    assert shown.exit_code == 0, shown.stderr
    assert "3 members on 3 folds: about " in shown.stdout
    assert " with one fit at a time." in shown.stdout
    gaps = pd.read_csv("train.csv").isna().mean()
    assert gaps.any()
    assert {f"{share:.1%}" for share in gaps if share} <= {*shown.stdout.split()}
    assert {"age", "city", "linear", "extra_trees"} <= {
        line.split()[0] for line in shown.stdout.split("\n") if line.strip()
    }
    found = json.loads(call("run", "train.csv", "test.csv", *QUICK, "--dry-run", "--json").stdout)
    assert (found["rows"], found["folds"], found["scoring"]) == (120, 3, "roc_auc")
    assert sorted(in_shop.rglob("*")) == before


def test_options_come_before_the_file(in_shop, tmp_path):
    text = call("run", "train.csv", *QUICK, "--print-config").stdout
    (in_shop / "other.toml").write_text(text, encoding="utf-8")
    printed = call("run", "other.toml", "--preset", "good", "--print-config")
    assert 'preset = "good"' in printed.stdout
    assert "folds = 3" in printed.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "end"),
    [
        (["train.csv", "test.csv"], ExitCode.USAGE, "test.csv lacks bought. Type: --target bought"),
        (["train.csv"], ExitCode.USAGE, "Type: --target bought"),
        (["trian.csv"], ExitCode.USAGE, "Did you mean train.csv? (see stackit run --help)"),
        (["train.csv", "--target", "bougth"], ExitCode.DATA, "mean 'bought'? (see stackit run --help)"),
        (["train.csv", "--target", "bought", "--preset", "bset"], ExitCode.USAGE, "(see stackit run --help)"),
        (["train.csv", "--target", "bought", "--folds", "1"], ExitCode.USAGE, "--folds 5."),
        (["train.csv", "--target", "bought", "--time-limit", "soon"], ExitCode.USAGE, "--time-limit 10m."),
        (["zz/settings.toml"], ExitCode.USAGE, "Check the path. (see stackit run --help)"),
        (["runs"], ExitCode.USAGE, "Check the path. (see stackit run --help)"),
    ],
)  # fmt: skip
def test_refusals_are_one_line_that_ends_with_what_to_type(in_shop, arguments, code, end):
    result = call("run", *arguments, "-q")
    assert result.stderr.endswith(f"{end}\n"), result.stderr
    assert (result.exit_code, result.stderr.count("\n"), result.stdout) == (code, 1, "")


def test_unknown_settings_in_a_file_are_refused_with_the_nearest_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stackit.toml").write_text('train = "t.csv"\ntarget = "y"\ntime_limt = 3\n', encoding="utf-8")
    result = call("run")
    assert result.exit_code == ExitCode.USAGE
    assert "'time_limt' is no setting. Did you mean" in result.stderr


def test_without_a_table_it_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("run")
    assert (result.exit_code, result.stderr.count("\n")) == (ExitCode.USAGE, 1)
    assert result.stderr.endswith("Type: stackit run train.csv test.csv --target NAME\n")


def test_other_settings_in_the_same_folder_need_overwrite(tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(write_tables(tmp_path))
    assert call("run", "train.csv", *QUICK, "-o", "it", "-q").exit_code == 0
    refused = call("run", "train.csv", *QUICK, "-o", "it", "-q", "--random-state", "1")
    assert refused.exit_code == ExitCode.DATA
    assert refused.stderr.endswith("or pass --overwrite.\n")
    again = call(
        *("run", "train.csv", *QUICK, "-o", "it", "-q", "--random-state", "1", "--overwrite", "--json"),
        obj=time.monotonic() - 1000.0,
    )
    assert again.exit_code == 0, again.stderr
    found = json.loads(again.stdout)
    assert "submission.csv" not in found["files"]
    assert found["seconds"] > 1000.0  # from the start of the process


def test_the_presets_to_choose_from_are_those_of_the_library():
    assert {str(name) for name in PresetName} == set(PRESETS)


def test_ctrl_c_keeps_what_is_finished_and_the_run_goes_on(tmp_path):
    code = "from tests.cli.quick_run import *; use(slow_portfolio); from stackit.cli import main; main()"
    arguments = [sys.executable, "-c", code, "run", "train.csv", *QUICK, "-o", "it"]
    started = {"cwd": write_tables(tmp_path), "text": True, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    with subprocess.Popen(arguments, stdout=-1, stderr=-1, **started) as running:
        for line in running.stderr:
            if line.startswith("linear: score"):
                break
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        out, rest = running.communicate(timeout=60)
    assert (running.returncode, out) == (ExitCode.INTERRUPTED, ""), rest
    assert rest.splitlines()[-1].startswith("Stopped; ")
    assert rest.endswith("finished fits are kept. To go on: stackit run it\n")
    assert not RunFolder.open(tmp_path / "it").is_finished
    again = subprocess.run([*arguments[:3], "run", "it"], capture_output=True, **started)
    assert again.returncode == 0, again.stderr
    assert "from the store" in again.stderr
    assert RunFolder.open(tmp_path / "it").is_finished
