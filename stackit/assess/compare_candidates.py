"""Scores of final estimators and base estimators: cross-fitted, or nested where that is too optimistic."""

from __future__ import annotations

from typing import Any

from stackit.arrays import check_rows
from stackit.assess.candidates import (
    MEAN,
    PRIOR,
    candidate_finals,
    leaks_labels,
    passed_through,
    warn_of_isotonic,
)
from stackit.assess.comparison import Comparison
from stackit.assess.outer_folds import OuterFolds
from stackit.assess.repeats import cross_fit_finals, merge_results, oof_of, repeats_of, rescale_repeat_weights
from stackit.estimators.named_estimators import AnyEstimators
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.folds import as_folds
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings

__all__ = ["compare"]


def compare(
    run: Any,
    final_estimators: AnyEstimators | None = None,
    *,
    scoring: Scoring = None,
    cv: Any = None,
    groups: Any = None,
    X: Any = None,
    n_jobs: int | None = 1,
) -> Comparison:
    """Score base estimators, their plain mean, combiners and the stack in one table.

    Each final estimator is cross-fitted: it is trained on the out-of-fold predictions of the other folds and
    predicts those of a fold.

    The meta-features of the other folds were made by estimators that had seen the fold, so that the score of
    a final estimator is optimistic. How much depends on how many columns it can weigh. With random labels
    (200 rows, 5 folds, 10 tables, areas under the ROC curve to 0.02): four estimators of different kinds
    below logistic regression, a forest or boosting 0.53; 15 estimators of one column each 0.61, 0.60 and
    0.59, below a convex combiner 0.57, and their plain mean 0.50. `gain` warns where no base estimator is
    better than the prior, and `nested_score` is not optimistic.

    Where X is passed through, the leak is strong: a fold's predictions, next to the columns that they were
    made of, give away which rows the fold's estimators have seen. With random labels (200 rows, 60 columns,
    four estimators) logistic regression had an area of 0.77, and still of 0.65 with 3,000 rows. There
    everything is nested, as in `nested_score`: for each fold of the run the whole stack is fitted again on
    the other rows, which costs as many fits of the stack as there are folds. (A stack of fitted estimators,
    ``cv="prefit"``, cannot leak this way.)

    Parameters
    ----------
    run : OutOfFold, fitted stack or fitted levels
        What `out_of_fold` returned, or a stack, of which the final estimator is then the last row; of levels
        the last is compared, and those below it stay as they are.
    final_estimators : list of (str, estimator), dict, list of estimators, or estimator, optional
        Combiners of `stackit.combine`, or any estimators. Default: convex and, for metrics by which it is
        fast, greedy combiner, and "stack", the final estimator of a stack. The prior (shares of classes, or
        the mean) and the plain mean are always there.
    scoring : str, callable or None
        A scikit-learn scorer; None is that of the run.
    cv : Folds, splitter, int or iterable of (train, held_out) pairs, optional
        The folds of final estimators; None is the folds of the run.
    groups : (n,) array-like, optional
        The groups of the rows, where `cv` is given and the run does not know them.
    X : (n, n_features) table, optional
        The training table: needed for a stack or levels that pass X through to the final estimator or to a
        level above the first, and only used there.
    n_jobs : int or None
        How many fits run at once.

    Returns
    -------
    Comparison
        With `table`, `folds` and `scores`; `nested` says whether all fits excluded the scored rows.

    Raises
    ------
    ValueError
        When `run` is no run; when names are taken; when there is no such scorer, or folds leave nothing to
        learn from; when a stack passes X through and it is not passed here.

    Warns
    -----
    UserWarning
        When `IsotonicClassifier` is scored by log loss, which it raises.

    References
    ----------
    van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical Applications in
    Genetics and Molecular Biology 6, 25.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from stackit import compare, out_of_fold
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> logistic = make_pipeline(StandardScaler(), LogisticRegression())
    >>> oof = out_of_fold([("bayes", GaussianNB()), ("logistic", logistic)], X, y, cv=5, n_jobs=1)
    >>> compare(oof, scoring="neg_log_loss").table["whole"].round(3).to_dict()
    {'bayes': -0.652, 'logistic': -0.081, 'best member': -0.081, 'prior': -0.66, 'plain mean': -0.099, ...}
    """
    oof = oof_of(run)
    scorer_of(oof.scoring if scoring is None else scoring, oof.target)
    groups = check_rows(groups, "groups", len(oof.target.y))
    finals, own = candidate_finals(run, oof, final_estimators, scoring)
    warn_of_isotonic([*finals, *own], oof.scoring if scoring is None else scoring, oof.target)
    passed = passed_through(run, own, X)
    if leaks_labels(run, own):
        groups = oof.folds.constraints.groups if groups is None else groups
        folds = oof.folds if cv is None else as_folds(cv, X, oof.target, groups)
        wanted = oof.scoring if scoring is None else scoring
        outer = OuterFolds(X, oof.target, folds, oof.sample_weight, groups, wanted)
        others = [(name, final) for name, final in finals if name not in (PRIOR, MEAN)]
        return outer.score(run, others, n_jobs=n_jobs)
    repeats = repeats_of(run, scoring, cv, groups)
    if final_estimators is None and getattr(run, "rescales_weights", True):
        # As a stack fits its default final estimator.
        repeats = [rescale_repeat_weights(repeat) for repeat in repeats]
    results, warned = [], RepeatedWarnings("repeats")
    for repeat in repeats:
        with record_warnings() as caught:
            found = cross_fit_finals(finals, repeat, n_jobs=n_jobs)
            if passed is not None:
                found = merge_results(found, cross_fit_finals(own, repeat, X=passed, n_jobs=n_jobs))
        warned.add(caught)
        results.append(found)
    warned.warn()
    return Comparison(tuple(repeats), tuple(results))
