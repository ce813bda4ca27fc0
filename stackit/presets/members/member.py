"""A member of a portfolio: a pipeline with its hyperparameters, their source, and its rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from sklearn.pipeline import Pipeline

from stackit.estimators.label_encoding.wrappers import LabelEncodedClassifier
from stackit.presets.members.shape import TableShape

__all__ = ["Member", "Rounds", "patience_of"]

# The extra that installs each library.
EXTRAS = {
    "catboost": "boost",
    "interpret": "ebm",
    "lightgbm": "boost",
    "torch": "torch",
    "xgboost": "boost",
}
USUAL_RATE = 0.04
MANY_ROWS = 20_000
EXTRA_ROUNDS = 1.1  # the scout has stopped on nine tenths of the rows; all rows carry a tenth more rounds

Make = Callable[[TableShape, Any], Pipeline]
Unsuitable = Callable[[TableShape], str | None]


def suits_all(shape: TableShape) -> str | None:
    """Return None: a member without limits is fitted on tables of all shapes."""
    return None


@dataclass(frozen=True)
class Rounds:
    """How a model that is built in rounds stops early, and how its rounds are read and set.

    `parameter` is the model's number of rounds, `stopping` the parameter that switches early stopping on,
    `count` reads from a fitted model how many rounds were best.
    """

    parameter: str
    stopping: str
    count: Callable[[Any], int]


@dataclass(frozen=True)
class Member:
    """One member of a portfolio: how its pipeline is made, and for which tables.

    Parameters
    ----------
    name, family : str
        Such as "lgbm_xt" of the family "lightgbm".
    make : callable (shape, random_state) -> Pipeline
        Makes the whole pipeline for a typed frame. Its steps are "prepare", "model" and any between them.
    hyperparameters, source : str
        What is set, and where the values come from: one line each.
    unsuitable : callable (shape) -> str or None
        A sentence that says why the member is left out for such a table, or None.
    calibrated : bool
        Whether its probabilities are calibrated before they are blended.
    requires : str, optional
        The module without which it cannot run.
    rounds : Rounds, optional
        How its rounds are found; None for models without rounds.
    patience : callable (shape) -> int
        How many rounds without progress end the scout.

    Examples
    --------
    >>> from stackit.presets.members import linear
    >>> shape = TableShape(n_rows=100, n_numbers=3)
    >>> [name for name, _ in linear.LINEAR.pipeline(shape).steps]
    ['prepare', 'model']
    """

    name: str
    family: str
    make: Make
    hyperparameters: str
    source: str
    unsuitable: Unsuitable = suits_all
    calibrated: bool = False
    requires: str | None = None
    rounds: Rounds | None = None
    patience: Callable[[TableShape], int] = field(default=lambda shape: patience_of(shape))

    def pipeline(self, shape: TableShape, random_state: Any = None) -> Pipeline:
        """Return the pipeline without early stopping, with as many rounds as it may have at most."""
        return self.make(shape, random_state)

    def scout(self, shape: TableShape, random_state: Any = None) -> Pipeline:
        """Return the pipeline with early stopping on; without rounds, the plain pipeline."""
        made = self.make(shape, random_state)
        if self.rounds is not None:
            made.set_params(**{f"model__{self.rounds.stopping}": self.patience(shape)})
        return made

    def final(self, shape: TableShape, scout: Any, random_state: Any = None) -> Pipeline:
        """Return the pipeline without early stopping, with a tenth more rounds than the fitted scout's best.

        It is fitted on all training rows of a fold, of which the scout has held a tenth back.
        """
        made = self.make(shape, random_state)
        if self.rounds is not None:
            best = self.rounds.count(model_of(scout))
            made.set_params(**{f"model__{self.rounds.parameter}": max(1, round(EXTRA_ROUNDS * best))})
        return made

    def left_out(self, shape: TableShape) -> str | None:
        """Return a sentence that says why the member is left out, or None where it can be fitted."""
        if self.requires is not None and find_spec(self.requires) is None:
            return f"not installed: pip install 'stackit[{EXTRAS[self.requires]}]'"
        return self.unsuitable(shape)


def patience_of(shape: TableShape, learning_rate: float = USUAL_RATE) -> int:
    """Return the patience of a scout: 60 rounds, fewer where each round takes long.

    On small tables those that learn slowly wait for as much progress as the others.
    """
    if shape.n_rows > MANY_ROWS:
        return 30
    slowness = USUAL_RATE / learning_rate if shape.pace == 1 else 1.0
    return round(60 * max(1.0, slowness))


def model_of(fitted: Any) -> Any:
    """Return the last step of a fitted pipeline, also of one that is wrapped to encode labels."""
    while isinstance(fitted, Pipeline | LabelEncodedClassifier):
        fitted = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted.estimator
    return fitted
