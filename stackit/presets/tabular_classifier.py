"""The preset for classes as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from stackit.arrays import Floats
from stackit.presets.tabular_stack import TabularStack

__all__ = ["TabularStackClassifier"]


class TabularStackClassifier(TabularStack, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The strongest ensemble of classifiers for a raw table within the time that one has.

    Raw columns go in: numbers, strings, categories, booleans, dates, text, with gaps. A portfolio of members
    (linear models, boosted trees, forests, neighbors, nets) is trained out of fold on them, each with a
    preparation of its own that is fitted inside the folds, and blended by what they predict out of fold.

    First comes the first fold of each member, its *scout*: it gives the member's seconds, its score and, by
    early stopping on a tenth of its training rows, its number of rounds. The other folds follow, of those
    members first that improve the blend most per second, with these rounds on all their training rows. On
    small tables the time that is left goes into repeats with other folds.

    Parameters
    ----------
    preset : {"best", "good", "quick"}
        How many members: all that are worth their time, the few most valuable, or three quick ones.
    time_limit : float, optional
        The seconds from the call of `fit` to its return. Without it all members of the preset are trained.
    scoring : str or callable, optional
        The scikit-learn scorer to be good at, or a usual name such as "auc" or "logloss". Default: the area
        under the ROC curve for two classes, log loss for more.
    cv : int, splitter, Folds or None
        How rows are held out. None is 10 folds below 1 000 rows, 8 below 3 000, 5 below 30 000, else 4.
    categories : collection, optional
        The names of columns that are categories whatever their values are, such as numbers that are ids of
        departments. Numbers are taken for numbers otherwise.
    n_jobs : int or None
        How many fits run at once, -1 for one per core.
    random_state : int, RandomState or None
        The seed of folds and members. With a time limit, how many members are finished depends on the
        machine, too.
    store : DiskStore, MemoryStore or None
        Where finished fits are kept: `fit` on the same rows takes them from there and goes on. A `DiskStore`
        also gets the file ``stack.stackit``, saved after new blends once a twentieth of the limit (or
        10 seconds, without one) has passed: where a run was killed, load it by `load`, or call `fit` again.
    verbose : int
        0 is silent; 1 shows a line at the start and at the end, and the progress, on standard error.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The classes.
    leaderboard_ : pandas.DataFrame
        One row per member: its score and standard error out of fold, weight in the blend, seconds, rounds,
        and why it was left out.
    columns_ : pandas.DataFrame
        One row per raw column: its kind, and why it is left out.
    score_ : float
        The score of the blend, cross-fitted; higher is better.
    blend_ : Blend
        The combiner, its weights, its score and standard error.
    oof_ : OutOfFold
        The out-of-fold predictions of the members, of the first repeat.
    seconds_ : float
        How long `fit` took.
    n_features_in_, feature_names_in_
        The raw columns.

    References
    ----------
    Erickson, N. et al. (2020). AutoGluon-Tabular: robust and accurate AutoML for structured data.
    arXiv:2003.06505.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from stackit import TabularStackClassifier
    >>> random = np.random.default_rng(0)
    >>> train = pd.DataFrame({"age": random.integers(1, 80, 150), "port": random.choice(["C", "S"], 150)})
    >>> y = np.where(train["age"] + 20 * (train["port"] == "C") > 45, "yes", "no")
    >>> stack = TabularStackClassifier("quick", cv=3, n_jobs=1, verbose=0).fit(train, y)
    >>> stack.predict(pd.DataFrame({"age": [5, 70], "port": ["S", "C"]})).tolist()
    ['no', 'yes']
    """

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : data frame, array or list of m rows
            Raw columns, as in `fit`.

        Returns
        -------
        (m, n_classes) array
            In the order of ``classes_``.
        """
        return self.predict_blend(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : data frame, array or list of m rows
            Raw columns, as in `fit`.

        Returns
        -------
        (m,) array
            Labels as in y.
        """
        places = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[places])
