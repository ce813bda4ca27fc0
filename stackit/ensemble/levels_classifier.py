"""Several levels of classifiers."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin

from stackit.engine.run_config import OnError
from stackit.ensemble.final import FinalClassifier
from stackit.ensemble.level_columns import Passthrough
from stackit.ensemble.levels import Levels
from stackit.estimators.early_stopping import EarlyStopping
from stackit.store import Store

__all__ = ["LevelsClassifier"]


class LevelsClassifier(ClassifierMixin, FinalClassifier, Levels):  # type: ignore[misc]
    """Several levels of classifiers: the out-of-fold predictions of one level are the features of the next.

    Every level is trained out of fold on the table of the one below, and predicts new rows by the average of
    its fold estimators; a final classifier learns from the last level.

    **What shared folds cost.** By default all levels have the same folds. The level-1 columns of a row come
    from estimators that have not seen it; but those of the *other* rows come from estimators that have, and
    level 2 is trained on these. So a row's own label reaches its level-2 prediction, through the other rows'
    columns. It does with folds of its own for each level, too. With ``nested=True`` a level trains all that
    is below it anew inside the training part of each of its folds, and the label does not reach the
    prediction on any way. It is enough that the *last* level is nested for its predictions to be so.

    **When it matters.** The leak is as strong as a single row is for the estimators below: with many rows
    and estimators that do not chase single labels it is not worth the fits, and shared folds are usual
    practice. It matters on a few hundred rows, with flexible estimators above others that memorise (deep
    trees, nearest neighbours), where out-of-fold scores of a higher level are to be believed to the second
    digit: with random labels of 200 rows we measured an AUC of level 2 of 0.508 with shared folds and of
    0.493 with nested ones, to 0.004 (over 110 tables); with 15 members of a column each below logistic
    regression of 0.61. Where a level above the first sees columns of X (`passthrough`) beside predictions on
    shared folds, the two together give labels away whatever the members are: 0.76 on 200 rows and 60
    columns, 0.65 on 3,000. Scores of such a level warn; nest it, or believe `nested_score` and `compare`
    alone. Scores on new rows are honest with either. Predictions made elsewhere (`PrecomputedClassifier`)
    cannot be made again inside a fold, and are refused below a nested level.

    Parameters
    ----------
    levels : list of Level or of lists of (str, estimator)
        From the first level, which sees X, to the last. See `Level` for columns of X at higher levels, folds
        of a level's own, and nested folds.
    final_estimator : classifier, optional
        Learns from the last level's out-of-fold predictions. Default: LogisticRegression.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs or None
        The folds that all levels share which have none of their own. None is 5 stratified folds; with
        `groups`, group folds. Rows that no fold of a level holds out are not learned from above it.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        What classifiers are asked; "auto" takes the first that each has.
    n_jobs : int, optional
        How many fits run at once; None is 1, -1 is one a core.
    passthrough : bool or list of columns
        What the final estimator sees of X beside the last level.
    verbose : int
        1 shows a progress bar a level.
    refit : bool
        False predicts new rows with the average of the K fold estimators at each level. True refits those
        that somebody reads on all rows that their level can learn from, K + 1 fits, for prediction alone:
        what is learned from are the out-of-fold predictions in either case. A nested level then has the
        levels inside its folds refitted on the training part, too. One that cannot be refitted
        (``on_error="skip"``) predicts by the average of its folds. A `Level` may say otherwise for itself.
    on_error : {"raise", "skip"}
        What happens when an estimator fails: stop, or leave it out with a warning.
    early_stopping : {"training", "held_out"}
        Which rows tell an estimator to stop that is set to stop early; see `stackit.out_of_fold`.
    random_state : int, RandomState or None
        Seeds each estimator whose own ``random_state`` is None, for each level and fold anew.
    store : DiskStore, MemoryStore or None
        Where finished fits of all levels are kept; see `stackit.StackingClassifier`.

    Attributes
    ----------
    levels_ : list of OutOfFold
        The out-of-fold predictions of each level, with scores and coverage.
    oof_ : OutOfFold
        Those of the last.
    top_ : FittedLevel or NestedLevel
        The last level as it was fitted, with those below it: what predicts.
    classes_ : (n_classes,) array
        The classes.
    final_estimator_ : classifier
        The fitted final estimator. Estimators that it, or all that is above them, gives the weight 0 are not
        asked by `predict`.
    n_features_in_, feature_names_in_
        The columns of X.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from stackit import Level, LevelsClassifier
    >>> from stackit.combine import MeanClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> first = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]
    >>> second = Level([("logistic", LogisticRegression()), ("stump", DecisionTreeClassifier(max_depth=2))])
    >>> ensemble = LevelsClassifier([first, second], MeanClassifier(), random_state=0)
    >>> ensemble.fit(X, y).predict(X[:2]).tolist()
    [0, 0]
    >>> [level.meta_train.shape for level in ensemble.levels_]
    [(150, 6), (150, 6)]
    >>> ensemble.count_fits(), ensemble.set_params(level_2__nested=True).count_fits()
    ([10, 10], [50, 10])
    """

    def __init__(  # noqa: PLR0913 - as of a stack
        self,
        levels: Any,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        stack_method: str = "auto",
        n_jobs: int | None = None,
        passthrough: Passthrough = False,
        verbose: int = 0,
        refit: bool = False,
        on_error: OnError = "raise",
        early_stopping: EarlyStopping = "training",
        random_state: Any = None,
        store: Store | None = None,
    ) -> None:
        self.levels = levels
        self.final_estimator = final_estimator
        self.cv = cv
        self.stack_method = stack_method
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.refit = refit
        self.on_error = on_error
        self.early_stopping = early_stopping
        self.random_state = random_state
        self.store = store
