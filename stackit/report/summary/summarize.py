"""The summary: evidence as one plain dict, section by section."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from stackit.engine.threads import single_threaded
from stackit.report.evidence import Evidence
from stackit.report.scores import Scores
from stackit.report.summary.calibration import calibration
from stackit.report.summary.checks import checks
from stackit.report.summary.contributions import contributions
from stackit.report.summary.data import data
from stackit.report.summary.diversity import diversity
from stackit.report.summary.errors import errors
from stackit.report.summary.folds import fold_scores
from stackit.report.summary.leaderboard import leaderboard
from stackit.report.summary.learning_curves import learning_curves
from stackit.report.summary.ranking import ranking
from stackit.report.summary.regions import regions
from stackit.report.summary.shift import shift
from stackit.report.summary.usual_metrics import usual_metrics
from stackit.report.summary.verdict import verdict
from stackit.report.text import clean, plain

__all__ = ["summarize"]

FORMAT = 1


@single_threaded()  # many small steps, which are slower on several threads
def summarize(evidence: Evidence, ignore: Collection[str] = ()) -> dict[str, Any]:
    """Return all that a report shows as a plain dict that JSON can hold.

    Scores have scikit-learn's sign: higher is better, and losses are negative. Numbers that do not exist are
    None, and so are sections that do not apply. Names from the data are text without control characters, cut
    after 60 characters.

    Parameters
    ----------
    evidence : Evidence
        What is reported.
    ignore : collection of str
        The codes of checks to leave out, such as "STK004".

    Returns
    -------
    dict
        With these keys:

        * ``format``: 1, the format of the dict. ``name``: the name of the run.
        * ``data``: ``task``, ``metric`` (``name``, ``label``, ``lower_is_better``), ``n_rows``,
          ``n_scored_rows``, ``n_test_rows``, ``n_columns``, ``n_members``, ``n_groups``, ``is_weighted``,
          ``combiner``, ``target`` (the classes with their shares, or the range of the numbers), ``folds``.
        * ``verdict``: ``sentences`` (two), ``stack_score``, ``stack_sem``, ``caveats``, and ``comparisons``
          with ``best_member`` and ``plain_average``: ``name``, ``score``, ``difference`` (positive where the
          stack is better), ``standard_error``, ``low``, ``high``, ``p_value``, ``method``, ``n``, ``outcome``
          ("better", "worse", "no difference", "equal", "unknown") and ``sentence``.
        * ``checks``: one dict per numbered check: ``code``, ``title``, ``severity``, ``status`` ("issue",
          "tip", "passed", "not applicable" or "ignored"), ``sentence``, ``remedy``, ``docs_url``. One that
          `ignore_checks` leaves out has ``found``: the ``status`` and ``sentence`` that it had.
        * ``leaderboard``: one dict per member, for the stack and the plain average: ``name``, ``role``,
          ``family``, ``score``, ``sem``, ``fold_std``, ``weight``, ``seconds``, ``rounds``, ``calibrated``,
          ``kind``, ``optimistic``, ``status``.
        * ``metrics``: the usual metrics of the stack, the best member and the plain average.
        * ``folds``: the scores fold by fold. ``diversity``: the correlation of errors.
        * ``contributions``: the Shapley values of members in the score of the plain average.
        * ``ranking``: the ROC curves of two classes with their areas, and the precision-recall curves where
          the second class is rare.
        * ``calibration``: predictions and outcomes in bins, and their mean gap.
        * ``errors``: the confusion matrix (``kind`` "confusion") or the residuals ("residuals"), and
          ``worst_rows``.
        * ``regions``: the worst region of columns. ``shift``: columns that differ between training and test.
        * ``learning_curves``: the losses of nets by epoch. ``versions``: those of the libraries.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import out_of_fold
    >>> from stackit.report import Evidence, summarize
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> members = [("bayes", GaussianNB()), ("logistic", LogisticRegression(max_iter=1000))]
    >>> evidence = Evidence.from_out_of_fold(out_of_fold(members, X, y, cv=5, n_jobs=1), X)
    >>> summary = summarize(evidence)
    >>> [row["name"] for row in summary["leaderboard"]]
    ['logistic', 'stack', 'plain average', 'bayes']
    >>> summary["verdict"]["comparisons"]["best_member"]["outcome"]
    'no difference'
    """
    scores = Scores(evidence)
    found: dict[str, Any] = plain(
        {
            "format": FORMAT,
            "name": clean(evidence.name),
            "data": data(evidence),
            "verdict": verdict(scores),
            "checks": checks(evidence, ignore),
            "leaderboard": leaderboard(scores),
            "metrics": usual_metrics(scores),
            "folds": fold_scores(scores),
            "diversity": diversity(scores),
            "contributions": contributions(scores),
            "ranking": ranking(scores),
            "calibration": calibration(scores),
            "errors": errors(scores),
            "regions": regions(scores),
            "shift": shift(evidence),
            "learning_curves": learning_curves(evidence),
            "versions": {clean(name): clean(version) for name, version in evidence.versions.items()},
        }
    )
    return found
