"""Fitted ensembles saved to files, pickled and copied."""

from __future__ import annotations

import copy
import os
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from stackit.persistence.container import load_ensemble, save_ensemble
from stackit.results.placeholders import keeps_rows

__all__ = ["SavingMixin"]


class SavingMixin:
    """Save, load, pickle and copy an ensemble; files and pickles hold no tables of the training rows."""

    def save(self, path: str | os.PathLike[str], *, oof: bool = False) -> Path:
        """Write the fitted ensemble into one file that is read without pickle.

        The file holds all that predicts. Only with ``oof=True`` does it also hold y, the folds and the
        out-of-fold predictions, from which rows of the training table can be inferred; without them ``oof_``
        of the loaded ensemble raises an error that says so. The store, caches, splitters given as ``cv``,
        the groups and times of folds and the training table are never in it. scikit-learn's parts are written
        by skops (``pip install 'stackit[secure]'``) and nets as safetensors, also inside pipelines,
        calibrations, searches or other wrappers. Of `CNNCodes` it holds the pretrained network, if its
        architecture is a published one; of `PrecomputedClassifier` the predictions by id.

        Parameters
        ----------
        path : path
            The file; it is written whole or not at all.
        oof : bool, default=False
            Whether y, folds and out-of-fold predictions are kept too.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        ValueError
            When some part cannot be written without pickle, such as a lambda; the error names the place.
        """
        check_is_fitted(self)
        return save_ensemble(self, path, with_rows=oof)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, trusted: Iterable[str] = ()) -> Self:
        """Read a fitted ensemble that `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        trusted : iterable of str
            Types that may be created besides those of stackit and those that skops trusts, by the full names
            that the error gives. Most of scikit-learn is trusted, but not trees
            (``"sklearn.tree._tree.Tree"``) and neighbors: a forged file of one could crash the process.

        Returns
        -------
        ensemble
            It predicts what the saved one predicts.

        Raises
        ------
        ValueError
            When the file holds something else, or a type that is not trusted; the error names it.
        """
        ensemble: Self = load_ensemble(cls, path, trusted)
        return ensemble

    @abstractmethod
    def state_for_prediction(self) -> dict[str, Any]:
        """Return the attributes that predict new rows, without tables of the training rows."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle: without tables of the training rows, except for copies in a run."""
        return dict(vars(self)) if keeps_rows() else self.state_for_prediction()

    def __copy__(self) -> Self:
        own = type(self).__new__(type(self))
        vars(own).update(vars(self))
        return own

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        own = memo[id(self)] = type(self).__new__(type(self))
        vars(own).update(copy.deepcopy(vars(self), memo))
        return own
