"""The engine: each estimator is trained once per fold, and predicts the held-out rows and the test set."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from stackit.engine.failures import all_failed
from stackit.engine.fold_run import FoldRun
from stackit.engine.run_config import OnError, RunConfig, seed_from
from stackit.engine.training_data import TrainingData
from stackit.estimators.copies import warn_of_lost_parameters
from stackit.estimators.early_stopping import EarlyStopping
from stackit.estimators.estimator_type import classifiers_among
from stackit.estimators.metadata_routing import FitParams, fit_params_of
from stackit.estimators.named_estimators import (
    AnyEstimators,
    NamedEstimators,
    check_estimators,
    name_estimators,
)
from stackit.estimators.sample_weight import warn_of_scale
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds
from stackit.precomputed.checks import warn_of_in_sample
from stackit.results.oof import OutOfFold
from stackit.store import Store
from stackit.validation import invalid_value

__all__ = ["cross_fit", "out_of_fold"]


def out_of_fold(  # noqa: PLR0913 - the engine's one front door, all but three by keyword
    estimators: AnyEstimators,
    X: Any,
    y: Any,
    X_test: Any = None,
    *,
    cv: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    stack_method: str = "auto",
    scoring: Scoring = None,
    n_jobs: int | None = -1,
    store: Store | None = None,
    on_error: OnError = "raise",
    early_stopping: EarlyStopping = "training",
    random_state: Any = 0,
    return_estimator: bool = True,
    verbose: int = 0,
    time_limit: float | None = None,
) -> OutOfFold:
    """Train each estimator once per fold; predict the rows that were held out, and the whole test set.

    Parameters
    ----------
    estimators : list of (str, estimator), dict, list of estimators, or estimator
        Classifiers for classes, regressors for numbers; they are cloned, never changed. If any is a
        classifier, y holds classes, and regressors among them predict class positions. An estimator with
        ``predict_proba`` that is not tagged as a regressor is a classifier.
        Estimators without a name are named after their class, such as "ridge".
    X : array-like, data frame or sparse matrix with n rows
        Passed to the estimators in its own container; frames of other libraries reach gradient boosting
        libraries as pandas frames. Estimators of known libraries share a read-only slice of an array; all
        others get copies, so that nothing of the caller's is written into.
    y : (n,) or (n, n_outputs) array-like
        Labels of any type, or numbers.
    X_test : like X, with m rows, optional
        Its columns are checked against those of X: names, order, kinds. Each fold's estimator predicts it,
        and the average is kept.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        How rows are held out; see `stackit.folds.as_folds`.
    sample_weight : (n,) array-like, optional
        Finite numbers of at least 0. Passed as they are to the scores and to the estimators that take
        weights, also inside pipelines and searches.
    groups : (n,) array-like, optional
        Passed to the splitter; with an int or None as `cv`, the rows of a group are held out together. These
        groups, or else those of the folds, are also passed to splitters inside estimators, such as searches.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        The method by which classifiers predict; "auto" takes the first that each one has.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy or R2.
    n_jobs : int or None
        How many fits run at once, -1 for one per core. A joblib backend chosen outside is used. With 1 all
        fits run in this process, and one that ends its process (a crash in compiled code) ends the program.
        With more that cannot happen, except for estimators that cannot be pickled, and, in the first call of
        a program with threads, such as a notebook, for pipelines with functions or transformers of your own:
        they run in the program while the process starts from which workers are forked. joblib's
        multiprocessing backend waits for ever when a worker dies; loky, its default, does not.
    store : DiskStore, MemoryStore or None
        Where the predictions of each fit are kept as soon as it is finished. A fit that is in the store is
        not repeated: start an interrupted run again, and it continues. The key of a fit is a digest of the
        estimator's class, code and parameters, X, y, fold, weights, seed and the library versions;
        `n_jobs`, `verbose`, other estimators and the final estimator do not count.
    on_error : {"raise", "skip"}
        "raise" stops at the first estimator that fails, and "skip" drops it with a warning.
    early_stopping : {"training", "held_out"}
        Rows used as validation data for early stopping: "training" splits them off the fold's training part
        as the folds are split (groups stay whole; in time, the last stretch) and does not fit on them;
        "held_out" uses the held-out rows, which biases scores and warns.
    random_state : int, RandomState or None
        Seeds the estimators of which ``random_state`` is None: each (estimator, repeat, fold) gets a seed
        that does not depend on what else runs. With None they stay unseeded.
    return_estimator : bool
        Whether the fitted fold estimators are kept. Without them a run takes the memory of one fit per
        worker; they are fitted again when they are accessed.
    verbose : int
        1 shows a progress bar on standard error.
    time_limit : float, optional
        Seconds after which the call returns, counted from its start. Fits that run then are killed, and
        estimators that lack folds are in ``failures`` with a TimeoutError; a store keeps their finished
        folds, and a second call continues there. So that the first estimators are complete, each is fitted
        on all folds before the next. Fits run in processes of their own, with ``n_jobs=1`` in one. Threads
        of a joblib backend chosen outside and estimators that cannot be pickled cannot be killed.

    Returns
    -------
    OutOfFold
        With ``meta_train`` (n, k), ``meta_test`` (m, k), ``scores``, ``coverage``; a mapping of names to the
        result of each estimator.

    Raises
    ------
    ValueError
        When the arguments do not fit together.
    TimeoutError
        When no estimator is finished within `time_limit`.
    Exception
        Whatever an estimator raises, with a note that names the estimator and the fold. Its attribute
        ``finished`` is an OutOfFold of what is finished, or None.

    Warns
    -----
    UserWarning
        When estimators cannot take the weights, depend on the scale of such weights, or lose parameters when
        they are copied; when a training part lacks a class; when an estimator is dropped or not finished in
        time; when the store cannot be read or written, or cannot identify an estimator; when predictions made
        elsewhere (`PrecomputedClassifier`) look in-sample, or were made with other folds; when estimators
        stop early on held-out rows, or on an internal split that separates groups or mixes times.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> oof = out_of_fold([("bayes", GaussianNB())], X, y, X[:10], cv=5, n_jobs=1)
    >>> oof.meta_train.shape, oof.meta_test.shape
    ((150, 3), (10, 3))
    >>> oof.summary.round(3)
                mean   std    sem  whole
    estimator
    bayes      0.953  0.03  0.013  0.953
    """
    started = time.monotonic()
    _check_time_limit(time_limit)
    estimators = name_estimators(estimators)
    check_estimators(estimators)
    classify = bool(classifiers_among(estimators, skip_unknown=on_error == "skip"))
    data = TrainingData.of(X, y, sample_weight, groups, X_test, classify=classify)
    folds = data.resolve_folds(cv)
    params = fit_params_of(estimators, data.sample_weight, data.groups, folds.constraints.groups)
    warn_of_scale(estimators, params, data.sample_weight)
    warn_of_lost_parameters(estimators)
    config = RunConfig(
        stack_method=stack_method,
        n_jobs=n_jobs,
        on_error=on_error,
        seed=seed_from(random_state),
        verbose=verbose,
        return_estimator=return_estimator,
        scoring=scoring,
        store=store,
        early_stopping=early_stopping,
    )
    run = FoldRun(data, folds, config=config)
    deadline = None if time_limit is None else started + time_limit
    deque(run.fit(estimators, fit_params=params, deadline=deadline), maxlen=0)
    if time_limit is not None:
        run.drop_unfinished(time_limit)
    return _finished(run, estimators)


def cross_fit(
    estimators: NamedEstimators,
    data: TrainingData,
    *,
    folds: Folds,
    fit_params: Mapping[str, FitParams],
    config: RunConfig,
    like: Folds | None = None,
) -> OutOfFold:
    """Run all fits of all estimators on all folds as one flat list of tasks.

    Estimators that stop early split their training parts by the scheme of `like`, where `folds` are only some
    of its splits.
    """
    run = FoldRun(data, folds, config=config, like=like)
    deque(run.fit(estimators, fit_params=fit_params), maxlen=0)
    return _finished(run, estimators)


def _check_time_limit(time_limit: Any) -> None:
    is_number = isinstance(time_limit, int | float | np.number) and not isinstance(time_limit, bool)
    if time_limit is not None and not (is_number and time_limit > 0):
        raise invalid_value(
            "time_limit",
            "a number of seconds above 0, or None",
            f"time_limit={time_limit!r}",
            "Pass time_limit=600",
        )


def _finished(run: FoldRun, estimators: NamedEstimators) -> OutOfFold:
    """Return the result of a run, or raise the error of the first estimator if all failed."""
    oof = run.result()
    if oof is None:
        raise all_failed(run.failures)
    warn_of_in_sample(estimators, oof)
    return oof
