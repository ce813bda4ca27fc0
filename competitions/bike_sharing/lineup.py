"""The base estimators of the Bike Sharing stack."""

from __future__ import annotations

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVR

from competitions.bike_sharing.features import AboveLevel, numbers, standardised
from stackit.validation import import_optional

__all__ = ["base_estimators"]


def base_estimators(quick: bool = False) -> list[tuple[str, Any]]:
    """Return the named base estimators: from described hours to log(1 + count).

    Parameters
    ----------
    quick : bool, default=False
        Whether only those come that are fitted in a moment.
    """
    ridge = make_pipeline(standardised(), Ridge(alpha=30.0))
    fast = [("as_before", as_before()), ("ridge", ridge)]
    if quick:
        return [*fast, ("boosting_above", AboveLevel(boosting(max_iter=60)))]
    return [
        *fast,
        ("svr_above", AboveLevel(make_pipeline(standardised(), SVR(C=0.5, epsilon=0.1, gamma=0.01)))),
        ("extra_trees_above", AboveLevel(extra_trees())),
        ("boosting", boosting()),
        ("boosting_above", AboveLevel(boosting())),
        ("xgboost", xg_boost()),
        ("lightgbm", light_gbm()),
        ("net_above", AboveLevel(net())),
    ]


def as_before() -> Pipeline:
    """Return what needs no other estimator: as much as at this hour of such days before the gap."""
    past = ColumnTransformer(
        [("past", SimpleImputer(strategy="median", keep_empty_features=True), ["level_at_hour_of_week"])]
    )
    return make_pipeline(past, LinearRegression())


def extra_trees() -> Pipeline:
    """Return trees with random cuts, on three hours at least."""
    trees = ExtraTreesRegressor(100, min_samples_leaf=3, max_features=0.6, random_state=0, n_jobs=1)
    return make_pipeline(numbers(), trees)


def boosting(max_iter: int = 300) -> Pipeline:
    """Return boosted trees on histograms."""
    trees = HistGradientBoostingRegressor(
        max_iter=max_iter,
        learning_rate=0.05,
        max_leaf_nodes=16,
        l2_regularization=5.0,
        max_features=0.5,
        early_stopping=False,
        random_state=0,
    )
    return make_pipeline(numbers(), trees)


def xg_boost() -> Pipeline:
    """Return boosted trees of another make, each on some of the rows and columns."""
    trees = import_optional("xgboost", "boost").XGBRegressor(
        n_estimators=400,
        learning_rate=0.04,
        max_depth=5,
        min_child_weight=5,
        subsample=0.7,
        colsample_bytree=0.6,
        random_state=0,
        n_jobs=1,
    )
    return make_pipeline(numbers(), trees)


def light_gbm() -> Pipeline:
    """Return boosted trees that grow where it pays most."""
    trees = import_optional("lightgbm", "boost").LGBMRegressor(
        n_estimators=400,
        learning_rate=0.04,
        num_leaves=16,
        min_child_samples=15,
        subsample=0.7,
        subsample_freq=1,
        colsample_bytree=0.6,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    return make_pipeline(numbers(), trees)


def net() -> Pipeline:
    """Return two nets with batch norm, averaged."""
    presets = import_optional("stackit.neural", "torch")
    nets = presets.modern_mlp_regressor(
        hidden_layer_sizes=(64, 64), n_estimators=2, max_iter=10, precision="float32", random_state=0
    )
    return make_pipeline(standardised(), nets)
