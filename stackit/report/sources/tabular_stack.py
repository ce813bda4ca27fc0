"""The evidence of a preset: its members as they are blended, and its cross-fitted blend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.estimators.scoring import Scoring
from stackit.report.sources.learning_curves import first_estimators, learning_curves
from stackit.report.sources.metric import scoring_name
from stackit.report.sources.tables import as_frame, check_n_rows
from stackit.report.sources.versions import versions

__all__ = ["fields_of_tabular_stack"]


def fields_of_tabular_stack(stack: Any, X: Any, y: Any, X_test: Any, groups: Any) -> dict[str, Any]:
    """Return the fields of the evidence of a fitted `TabularStackClassifier` or `TabularStackRegressor`."""
    oof, blend = stack.oof_, stack.blend_
    target, n = oof.target, len(oof.target.y)
    check_n_rows(X, n, "X")
    check_n_rows(y, n, "y")
    frame, board = as_frame(X), stack.leaderboard_
    members = stack.oof_members_
    scoring: Scoring = oof.scoring
    known_groups = oof.folds.constraints.groups if groups is None else np.asarray(groups)
    test_members: dict[str, Floats] = {} if X_test is None else stack.predict_members(X_test)
    test_stack = None if X_test is None else stack.blend_.predict(test_members)
    return {
        "task": target.kind,
        "scoring": scoring_name(scoring, target),
        "scorer": scoring,
        "y": target.y,
        "classes": target.classes if target.is_classification else None,
        "members": members,
        "stack": stack.oof_blend_,
        "folds": oof.folds,
        "test_members": test_members,
        "test_stack": test_stack,
        "weights": dict(blend.weights),
        "leaderboard": board,
        "seconds": board["seconds"].dropna().astype(float).to_dict(),
        "X": frame,
        "X_test": None if X_test is None else as_frame(X_test),
        "columns": stack.columns_,
        "groups": known_groups,
        "sample_weight": None if oof.sample_weight is None else np.asarray(oof.sample_weight),
        "failures": _left_out(board),
        "nets": learning_curves(oof.results),
        "kinds": {name: "probability" if target.is_classification else "number" for name in members},
        "combiner": blend.name,
        "estimators": first_estimators(oof.results),
        "final_estimator": blend.combiner,
        "versions": versions(),
    }


def _left_out(board: pd.DataFrame) -> dict[str, str]:
    mark = "left out: "
    return {
        str(name): status.removeprefix(mark)
        for name, status in board["status"].items()
        if status.startswith(mark)
    }
