"""Nested scores: rows are held out from everything, base estimators, folds and final estimator."""

from __future__ import annotations

from typing import Any

from stackit.assess.candidates import BEST, MEAN, PRIOR, STACK
from stackit.assess.comparison import Comparison
from stackit.assess.outer_folds import OuterFolds
from stackit.engine.training_data import TrainingData
from stackit.ensemble.ensemble import StackedEnsemble
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.store import Store
from stackit.validation import invalid_value

__all__ = ["nested_score"]


def nested_score(  # noqa: PLR0913 - a stack, its data, and how; all but three by keyword
    stack: StackedEnsemble,
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    inner_cv: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    scoring: Scoring = None,
    n_jobs: int | None = None,
    store: Store | None = None,
) -> Comparison:
    """Score a stack by the full nested loop: rows of an outer fold are new to all of it.

    In each outer fold the whole stack is fitted anew on the other rows, with inner folds of its own, and
    predicts the rows held out, as its members and their plain mean do. It costs as much as the stack times
    the outer folds, and has no optimism left. Of levels the members are those of the last; all levels are
    fitted anew.

    Parameters
    ----------
    stack : StackingClassifier, StackingRegressor, LevelsClassifier or LevelsRegressor
        Not changed; fitted or not.
    X : array-like, data frame or sparse matrix with n rows
        The training table.
    y : (n,) or (n, n_outputs) array-like
        The target.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        The outer folds; None is 5. With `groups`, an int or None keeps groups whole.
    inner_cv : as cv
        The inner folds, instead of those of the stack, or those that all levels share. Fixed folds (`Folds`,
        or a list of pairs) are of all n rows, here, in the stack and in levels with folds of their own, and
        are cut to those of each outer fold.
    sample_weight, groups : (n,) array-like, optional
        Reach everything: outer and inner folds, base estimators, final estimator, and scores.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy or R2.
    n_jobs : int or None
        How many fits of a stack run at once; None is the stack's own. Outer folds follow one another.
    store : DiskStore, MemoryStore or None
        Where finished fits are kept; None is the stack's own. What was stopped goes on where it was; but
        levels ask their fitted estimators about the rows held out, which a `DiskStore` does not keep: with it
        those of finished outer folds are fitted again.

    Returns
    -------
    Comparison
        Of each member, "best member" (by the out-of-fold score inside the outer fold), "prior", "plain mean"
        and "stack": `table`, `folds` and `scores`.

    Raises
    ------
    ValueError
        When `stack` is none, or prefit; when an outer training part lacks a class; when a member is called
        as a row of the table.

    Warns
    -----
    UserWarning
        When members are predictions made elsewhere, which are not made again without the rows held out.

    References
    ----------
    van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical Applications in
    Genetics and Molecular Biology 6, 25.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from stackit import StackingClassifier, nested_score
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = StackingClassifier([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())])
    >>> nested_score(stack, X, y, cv=3).table["whole"].round(2).to_dict()
    {'bayes': 0.94, 'knn': 0.98, 'best member': 0.96, 'prior': 0.32, 'plain mean': 0.95, 'stack': 0.95}
    """
    _check(stack, inner_cv)
    data = TrainingData.of(X, y, sample_weight, groups, classify=is_classifier(stack))
    scorer_of(scoring, data.target)
    folds = data.resolve_folds(cv)
    groups = folds.constraints.groups if data.groups is None else data.groups
    outer = OuterFolds(data.X, data.target, folds, data.sample_weight, groups, scoring)
    own = {"n_jobs": n_jobs, "store": store}
    changed: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    return outer.score(stack, inner_cv=inner_cv, **changed)


def _check(stack: Any, inner_cv: Any) -> None:
    if not isinstance(stack, StackedEnsemble):
        raise invalid_value(
            "stack",
            "a StackingClassifier or StackingRegressor, or such levels",
            f"stack={stack!r}",
            "Pass one, fitted or not",
        )
    if isinstance(stack.cv if inner_cv is None else inner_cv, str):
        raise invalid_value(
            "cv of the stack", "folds", f"cv={stack.cv!r}", "Fitted estimators have seen all rows"
        )
    members = stack.resolve_levels()[-1].members
    taken = sorted({BEST, PRIOR, MEAN, STACK} & {name for name, _ in members})
    if taken:
        raise invalid_value(
            "Names of estimators", f"others than {BEST}, {PRIOR}, {MEAN}, {STACK}", f"{taken}", "Rename them"
        )
