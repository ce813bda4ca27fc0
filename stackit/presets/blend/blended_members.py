"""The members of a blend with their fold estimators and calibrators: what predicts new rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.engine.threads import single_threaded
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds, make_folds
from stackit.folds.subset import reindex
from stackit.presets.blend.blend import Blend, choose_blend
from stackit.presets.blend.calibration import Calibrator, calibrate_member
from stackit.presets.blend.cross_fitting import held_out_rows, row_weights
from stackit.presets.blend.floor import Floor, floor_of
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.results.estimator_result import EstimatorResult
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import Placeholder, without_rows
from stackit.target import Target

__all__ = ["BlendedMembers", "Calibrations", "blend_members"]

Calibrations = dict[
    tuple[str, int], tuple[Floats, Calibrator | Floor | None]
]  # by name and number of repeats
INNER_SPLITS = 5  # by which a blend is cross-fitted where only one fold was held out


@dataclass(frozen=True, eq=False)
class BlendedMembers:
    """Fitted members and how they are blended.

    Parameters
    ----------
    runs : list of OutOfFold
        The members of each repeat; a member may be in the first ones only.
    calibrators : dict of str to Calibrator or Floor
        Those of the members that are calibrated.
    blend : Blend
        The combiner with its weights, its score and the spread of the score.
    scores : dict of str to (float, float)
        The score of each member, calibrated as it is blended, and its standard error.
    oof : dict of str to array
        The out-of-fold predictions of the members in the rows that were held out: (n_covered, n_classes), or
        (n_covered, 1) for regression, calibrated as they are blended.
    """

    runs: list[OutOfFold]
    calibrators: dict[str, Calibrator | Floor]
    blend: Blend
    scores: dict[str, tuple[float, float]]
    oof: dict[str, Floats]

    @property
    def used(self) -> list[str]:
        """The names of the members that the blend uses."""
        return [name for name, weight in self.blend.weights.items() if weight]

    def predict(self, X: Any) -> Floats:
        """Return the (m, n_classes) probabilities or the (m,) numbers of a typed frame."""
        return np.asarray(self.blend.predict(self.predict_members(X)))

    def predict_members(self, X: Any, names: Collection[str] | None = None) -> dict[str, Floats]:
        """Return the (m, width) predictions of a typed frame by members, or by those that the blend uses."""
        if not len(X):
            raise ValueError("The table must have at least one row; it has none. Pass the rows to predict.")
        wanted = [name for name in self.runs[0] if name in (self.used if names is None else names)]
        by_run = [run.predict(X, skip=set(run) - set(wanted)) for run in self.runs]
        return {
            name: self._average(name, [found[name] for found in by_run if name in found]) for name in wanted
        }

    def test(self) -> dict[str, Floats] | None:
        """Return the (m, width) predictions of the test rows; None where some member has none."""
        by_name = {name: [run[name].test for run in self.runs if name in run] for name in self.runs[0]}
        found = {name: [table for table in tables if table is not None] for name, tables in by_name.items()}
        if any(len(found[name]) < len(by_name[name]) for name in by_name):
            return None
        return {name: self._average(name, tables) for name, tables in found.items()}

    def _average(self, name: str, predictions: Sequence[Floats]) -> Floats:
        """Return the average of a member's predictions over repeats, calibrated as it is blended."""
        average = np.mean(predictions, axis=0)
        calibrator = self.calibrators.get(name)
        return average if calibrator is None else calibrator.predict(average)

    def on_all_rows(self, oof: Floats) -> Floats:
        """Return out-of-fold predictions of the covered rows as those of all rows, NaN in the others."""
        rows, width = np.flatnonzero(self.runs[0].coverage), oof.shape[1]
        table = np.full((len(self.runs[0].coverage), width), np.nan)
        table[rows] = oof
        return table[:, 0] if self.blend.target_type.kind == "regression" else table

    def without_times(self) -> BlendedMembers:
        """Return the same without what differs between equal runs: seconds, and fits out of a store."""

        def change(result: EstimatorResult) -> EstimatorResult:
            return replace(result, seconds=[0.0] * len(result.seconds))

        return replace(self, runs=[run.with_results(change, n_stored=0) for run in self.runs])

    def for_prediction(self) -> BlendedMembers:
        """Return the same without the members that are not used, and without tables of training rows."""
        used = set(self.used)
        runs = [without_rows(run.without(set(run) - used)) for run in self.runs if used & set(run)]
        calibrators = {name: one for name, one in self.calibrators.items() if name in used}
        missing: Any = Placeholder("out-of-fold predictions")
        blend = replace(self.blend, oof=missing, candidates=missing)
        return replace(self, runs=runs, calibrators=calibrators, blend=blend, oof=missing)


@single_threaded()  # with so few columns, threads of BLAS mostly wait for each other
def blend_members(
    runs: Sequence[OutOfFold],
    families: Mapping[str, str],
    calibrated: Collection[str],
    *,
    scoring: Scoring,
    seed: int = 0,
    calibrations: Calibrations | None = None,
    most: int | None = None,
) -> BlendedMembers:
    """Calibrate the members, and choose a blend of them by what they predict out of fold.

    Rows that no fold holds out are left out. `calibrations` keeps what was calibrated for the next blend. Of
    more members than `most`, those with the best scores are blended.
    """
    first, calibrations = runs[0], {} if calibrations is None else calibrations
    rows = np.flatnonzero(first.coverage)
    target, folds = _target_of(first.target, rows), _folds_for_blending(first.folds, rows, seed)
    weights = None if first.sample_weight is None else np.asarray(first.sample_weight)[rows]
    predictions: dict[str, Floats] = {}
    calibrators: dict[str, Calibrator | Floor] = {}
    floor = floor_of(scoring, target)
    for name in first:
        repeats = [run.average(name)[rows] for run in runs if name in run]
        key = name, len(repeats)
        if key not in calibrations:
            average = np.mean(repeats, axis=0)
            wanted = name in calibrated and target.is_classification
            if floor is not None:
                calibrations[key] = floor.predict(average), floor
            else:
                calibrations[key] = (
                    calibrate_member(average, target, folds, weights) if wanted else (average, None)
                )
        predictions[name], calibrator = calibrations[key]
        if calibrator is not None:
            calibrators[name] = calibrator
    covered, row_weight = np.arange(len(rows)), row_weights(weights, len(rows))
    metric = HeldOutMetric(
        target, held_out_rows(folds, covered), scoring, row_weight, folds.constraints.groups
    )
    scores = {name: metric.estimate(metric.contributions(table)) for name, table in predictions.items()}
    best = sorted(scores, key=lambda name: scores[name][0], reverse=True)[:most]
    blend = choose_blend(
        {name: table for name, table in predictions.items() if name in best},
        target,
        folds,
        scoring=scoring,
        families=families,
        sample_weight=weights,
    )
    return BlendedMembers([*runs], calibrators, blend, scores, predictions)


def _target_of(target: Target, rows: Rows) -> Target:
    return replace(target, y=target.y[rows], codes=target.codes[rows])


def _folds_for_blending(folds: Folds, rows: Rows, seed: int) -> Folds:
    """Return the folds of the rows held out; new ones by groups and times where those were a single fold."""
    own = reindex(folds, rows)  # without the first of folds in time, before which no row was held out
    if own is not None:
        return own
    constraints, n_splits = folds.constraints.subset(rows), min(INNER_SPLITS, len(rows))
    if constraints.groups is not None and (n_groups := len(np.unique(constraints.groups))) > 1:
        n_splits = min(INNER_SPLITS, n_groups)
        return make_folds(
            rows, scheme="group", n_splits=n_splits, groups=constraints.groups, random_state=seed
        )
    if constraints.times is not None and (n_times := constraints.times.nunique()) > 2:
        n_splits = min(INNER_SPLITS, n_times - 1)
        return make_folds(rows, scheme="forward", n_splits=n_splits, time=constraints.times)
    return make_folds(rows, scheme="kfold", n_splits=n_splits, random_state=seed)
