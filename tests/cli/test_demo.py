"""`stackit demo`: the files it writes, and how it ends."""

import pandas as pd
import pytest

from stackit.cli import demo as demo_module
from stackit.cli.errors import ExitCode
from stackit.folds import Folds
from stackit.submission import check_submission
from stackit.validation import invalid_value
from tests.cli.calls import call


@pytest.fixture
def small_demo(monkeypatch):
    """The demo with one quick base estimator."""
    quick = demo_module._base_estimators()[:1]
    monkeypatch.setattr(demo_module, "_base_estimators", lambda: quick)


def test_the_demo_writes_what_it_says(tmp_path, small_demo):
    out = tmp_path / "new" / "demo"
    result = call("demo", "--output", out, "--n-jobs", "1")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "folds.csv",
        "folds.csv.json",
        "oof.csv",
        "sample_submission.csv",
        "submission.csv",
    ]
    check_submission(out / "submission.csv", out / "sample_submission.csv")
    oof = pd.read_csv(out / "oof.csv")
    assert Folds.load(out / "folds.csv", oof["id"]).coverage.tolist() == [1] * len(oof)
    assert oof.shape == (1347, 1 + 3 * 10)
    assert not oof.isna().any().any()
    assert "The submission is valid" in result.stdout
    assert "plain average" in result.stdout


def test_the_same_seed_gives_the_same_files(tmp_path, small_demo):
    for name, n_jobs in (("a", 1), ("b", 2)):
        assert call("demo", "-o", tmp_path / name, "--n-jobs", n_jobs, "--random-state", 3).exit_code == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_invalid_submission_ends_the_demo_with_its_own_code(tmp_path, small_demo, monkeypatch):
    def refuse(*_, **__):
        raise invalid_value("submission.csv", "valid", "1 missing id", "Correct it")

    monkeypatch.setattr("stackit.submission.write_submission", refuse)
    result = call("demo", "--output", tmp_path, "--n-jobs", "1")
    assert result.exit_code == ExitCode.SUBMISSION
    assert result.stderr.endswith(
        "stackit: submission.csv must be valid; got 1 missing id. Correct it. (see stackit demo --help)\n"
    )


def test_a_file_is_no_folder_for_the_demo(table):
    result = call("demo", "--output", table)
    text = f"--output must be a folder that can be written to; got --output={table}. File exists."
    line = f"stackit: {text} (see stackit demo --help)\n"
    assert (result.exit_code, result.stderr) == (ExitCode.USAGE, line)
