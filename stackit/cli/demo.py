"""`stackit demo`: a two-level stack on data that comes with scikit-learn, from table to submission."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackit.cli.errors import ExitCode, exit_on_error, usage_error
from stackit.cli.options import AsJson
from stackit.cli.output import print_json, print_message, print_table

if TYPE_CHECKING:
    import pandas as pd

    from stackit.folds import Folds
    from stackit.results.oof import OutOfFold

__all__ = ["demo_command"]


@dataclass(frozen=True)
class Problem:
    """The training and test tables, their labels, and the folds."""

    train: pd.DataFrame
    y: pd.Series[Any]
    test: pd.DataFrame
    y_test: pd.Series[Any]
    folds: Folds


def demo_command(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write to.")
    ] = Path("demo"),
    random_state: Annotated[int, typer.Option(min=0, metavar="N", help="The seed.")] = 42,
    n_jobs: Annotated[int, typer.Option(metavar="N", help="How many fits at a time; -1: one per core.")] = -1,
    as_json: AsJson = False,
) -> None:
    """Run a two-level stack on handwritten digits, a table of scikit-learn's, in seconds.

    $ stackit demo
    $ stackit demo -o digits

    Shows the scores of six models, of their plain average and of their stack.
    Writes folds.csv, oof.csv, sample_submission.csv and submission.csv.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        expected = "a folder that can be written to"
        raise usage_error("--output", expected, f"--output={output}", str(error.strerror)) from error
    problem = _problem(random_state)
    base, final = _fit_levels(problem, random_state, n_jobs)
    scores = _scores(base, final)
    if not as_json:
        _print_scores(problem, scores)
    _write_predictions(output, problem, base, final)
    with exit_on_error(ExitCode.SUBMISSION):
        right = _submit(output, problem, final)
    if as_json:
        print_json("demo", {"output": output, "scores": scores, "accuracy_of_submission": right})
    else:
        typer.echo(
            f"The submission is valid; it names the right digit in {right:.1%} of {len(problem.test)} rows."
        )
    print_message(f"Wrote folds.csv, oof.csv, sample_submission.csv, submission.csv to {output}.")


def _problem(seed: int) -> Problem:
    """Return the table of handwritten digits, a quarter of it as the test table."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from stackit.folds import make_folds

    table, labels = load_digits(return_X_y=True, as_frame=True)
    table.index = labels.index = [f"digit-{row:04d}" for row in range(len(table))]
    parts = train_test_split(table, labels, test_size=0.25, stratify=labels, random_state=seed)
    train, test, y, y_test = parts
    return Problem(train, y, test, y_test, make_folds(y, scheme="stratified", random_state=seed))


def _base_estimators() -> list[tuple[str, Any]]:
    """Return base estimators of different kinds, which make different errors."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return [
        ("neighbours", KNeighborsClassifier(5)),
        ("logistic", make_pipeline(MinMaxScaler(), LogisticRegression())),
        ("discriminant", LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)),
        ("naive Bayes", GaussianNB(var_smoothing=0.01)),
        ("forest", RandomForestClassifier(100)),
        ("extra trees", ExtraTreesClassifier(100)),
    ]


def _fit_levels(problem: Problem, seed: int, n_jobs: int) -> tuple[OutOfFold, OutOfFold]:
    """Run both levels on the same folds; the second learns from the meta-features of the first."""
    from sklearn.linear_model import LogisticRegression

    from stackit.combine import MeanClassifier
    from stackit.engine.cross_fit import out_of_fold

    shared: dict[str, Any] = {"cv": problem.folds, "scoring": "neg_log_loss", "random_state": seed}
    base = out_of_fold(
        _base_estimators(), problem.train, problem.y, problem.test, n_jobs=n_jobs, verbose=1, **shared
    )
    finals = [("plain average", MeanClassifier()), ("stack", LogisticRegression())]
    # These fits take milliseconds: starting processes for them would take longer.
    final = out_of_fold(finals, base.meta_train, problem.y, base.meta_test, n_jobs=1, **shared)
    return base, final


def _scores(base: OutOfFold, final: OutOfFold) -> list[dict[str, Any]]:
    """Return the scores of the rows held out: base estimators, then final estimators."""
    rows = []
    for number, level in enumerate((base, final), start=1):
        accuracy = replace(level, scoring="accuracy").summary["whole"]
        for name, mean, error, whole in level.summary[["mean", "sem", "whole"]].itertuples():
            losses = {"log_loss": -mean, "sem": error, "log_loss_of_all_rows": -whole}
            rows.append({"level": number, "estimator": name, **losses, "accuracy": accuracy[name]})
    return rows


def _print_scores(problem: Problem, scores: list[dict[str, Any]]) -> None:
    """Print the table of scores."""
    size = f"{len(problem.y)} rows in {len(problem.folds.splits)} folds"
    typer.echo(f"Handwritten digits, {size}: scores for the rows held out")
    names = ("estimator", "log loss, mean", "std. error", "all rows", "accuracy")
    rows = ([name, *cells] for _, name, *cells in map(dict.values, scores))
    print_table(names, rows)


def _write_predictions(output: Path, problem: Problem, base: OutOfFold, final: OutOfFold) -> None:
    from stackit.files import atomic_write

    problem.folds.save(output / "folds.csv", problem.train.index)
    oof = base.meta_train.join(final.meta_train)
    atomic_write(output / "oof.csv", oof.to_csv(index_label="id", lineterminator="\n"))


def _submit(out: Path, problem: Problem, final: OutOfFold) -> float:
    """Write and check the submission; return the share of rows with the right most probable class."""
    import pandas as pd

    from stackit.submission import check_submission, write_submission

    ids, classes = sorted(problem.test.index), sorted(problem.y.unique())
    sample = out / "sample_submission.csv"
    even = {f"digit_{label}": 1 / len(classes) for label in classes}
    pd.DataFrame({"id": ids, **even}).to_csv(sample, index=False)
    predictions = pd.DataFrame(final.meta_test).filter(like="stack__")
    path = write_submission(out / "submission.csv", predictions.index, predictions, sample=sample)
    check_submission(path, sample)
    return float((predictions.to_numpy().argmax(axis=1) == problem.y_test).mean())
