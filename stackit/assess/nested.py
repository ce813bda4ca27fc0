"""Nested cross-validation of a whole stack: base estimators, folds and final estimator."""

from __future__ import annotations

from typing import Any

from stackit.assess.candidates import BEST, MEAN, PRIOR, STACK, warn_of_isotonic
from stackit.assess.comparison import Comparison
from stackit.assess.outer_folds import OuterFolds
from stackit.engine.training_data import TrainingData
from stackit.ensemble.ensemble import StackedEnsemble
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.store import Store

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
    """Score a stack by nested cross-validation: no part of it has seen the rows of an outer fold.

    In each outer fold the whole stack is fitted on the other rows, with inner folds of its own, and predicts
    the held-out rows, as its members and their plain mean do. It costs as much as the stack times the outer
    folds, and is not optimistic. For levels the members are those of the last; all levels are fitted again.

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
        are cut to the rows of each outer fold.
    sample_weight, groups : (n,) array-like, optional
        Used in everything: outer and inner folds, base estimators, final estimator, and scores.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy or R2.
    n_jobs : int or None
        How many fits of a stack run at once; None is the stack's own. Outer folds follow one another.
    store : DiskStore, MemoryStore or None
        Where finished fits are kept; None is the stack's own. A stopped run continues where it was; but the
        fitted estimators of several levels predict the held-out rows, and a `DiskStore` does not keep these:
        with it those of finished outer folds are fitted again.

    Returns
    -------
    Comparison
        Of each member, "best member" (by the out-of-fold score inside the outer fold), "prior", "plain mean"
        and "stack": `table`, `folds` and `scores`.

    Raises
    ------
    ValueError
        When `stack` is no ensemble, or prefit; when an outer training part lacks a class; when a member has
        the name of a row of the table.

    Warns
    -----
    UserWarning
        When members are precomputed predictions, which are not made again without the held-out rows; when the
        final estimator is `IsotonicClassifier` and the score is log loss.

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
    warn_of_isotonic([(STACK, stack.final_estimator)], scoring, data.target)
    folds = data.resolve_folds(cv)
    groups = folds.constraints.groups if data.groups is None else data.groups
    outer = OuterFolds(data.X, data.target, folds, data.sample_weight, groups, scoring)
    own = {"n_jobs": n_jobs, "store": store}
    changed: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    return outer.score(stack, inner_cv=inner_cv, **changed)


def _check(stack: Any, inner_cv: Any) -> None:
    if not isinstance(stack, StackedEnsemble):
        raise ValueError(f"{stack=} must be a StackingClassifier or StackingRegressor, or such levels.")
    if isinstance(stack.cv if inner_cv is None else inner_cv, str):
        raise ValueError(
            f"cv={stack.cv!r} cannot be nested: fitted estimators have seen all rows. Pass folds as cv."
        )
    members = stack.resolve_levels()[-1].members
    taken = sorted({BEST, PRIOR, MEAN, STACK} & {name for name, _ in members})
    if taken:
        raise ValueError(f"The names {taken} of estimators are rows of the table of scores. Rename them.")
