"""The base estimators of the House Prices stack, of four kinds."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import ExtraTreesRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import ElasticNet, Lasso
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVR

from competitions.house_prices.features import standardised, target_encoded
from competitions.house_prices.remainder import Remainder
from stackit.validation import import_optional

__all__ = ["base_estimators"]


def base_estimators(quick: bool = False) -> list[tuple[str, Any]]:
    """Return the named base estimators: pipelines from described houses to the logarithm of a price.

    Parameters
    ----------
    quick : bool, default=False
        Whether only those come that are fitted in a moment.
    """
    if quick:
        few = {"n_estimators": 60, "learning_rate": 0.1}
        fast = [("elastic_net", elastic_net()), ("svr", support_vectors()), ("xgboost", xg_boost(**few))]
        return [*fast, ("svr_and_xgboost", Remainder(support_vectors(), xg_boost(**few), n_splits=2))]
    after = {"n_estimators": 250}
    return [
        ("lasso", lasso()),
        ("elastic_net", elastic_net()),
        ("svr", support_vectors()),
        ("gaussian_process", gaussian_process()),
        ("extra_trees", extra_trees()),
        ("xgboost", xg_boost()),
        ("lightgbm", light_gbm()),
        ("net", net()),
        ("lasso_and_xgboost", Remainder(lasso(), xg_boost(**after))),
        ("svr_and_xgboost", Remainder(support_vectors(), xg_boost(**after))),
    ]


def lasso() -> Pipeline:
    """Return a sparse linear regression."""
    return make_pipeline(standardised(), Lasso(alpha=0.0006, max_iter=9999))


def elastic_net() -> Pipeline:
    """Return a linear regression that shares weights among columns that say the same."""
    return make_pipeline(standardised(), ElasticNet(alpha=0.004, l1_ratio=0.1, max_iter=9999))


def support_vectors() -> Pipeline:
    """Return a smooth regression that does not mind errors below 4 percent."""
    return make_pipeline(standardised(), SVR(C=6.0, epsilon=0.04, gamma=0.0006))


def gaussian_process() -> Pipeline:
    """Return a process that is linear with smooth deviations."""
    kernel = ConstantKernel(0.4) * RBF(20.0) + ConstantKernel(0.001) * DotProduct(1.0) + WhiteKernel(0.05)
    process = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True, alpha=1e-8)
    return make_pipeline(standardised(), process)


def extra_trees() -> Pipeline:
    """Return trees with random cuts."""
    trees = ExtraTreesRegressor(300, max_features=0.4, min_samples_leaf=2, random_state=0, n_jobs=1)
    return make_pipeline(target_encoded(), trees)


def xg_boost(**parameters: Any) -> Pipeline:
    """Return boosted small trees, each on some of the rows and columns."""
    boosting = import_optional("xgboost", "boost").XGBRegressor(
        **{
            "n_estimators": 1500,
            "learning_rate": 0.03,
            "max_depth": 3,
            "min_child_weight": 2,
            "subsample": 0.7,
            "colsample_bytree": 0.15,
            "reg_lambda": 1.0,
            "random_state": 0,
            "n_jobs": 1,
            **parameters,
        }
    )
    return make_pipeline(target_encoded(), boosting)


def light_gbm() -> Pipeline:
    """Return boosted trees that grow where it pays most, few leaves each."""
    boosting = import_optional("lightgbm", "boost").LGBMRegressor(
        n_estimators=1200,
        learning_rate=0.03,
        num_leaves=6,
        min_child_samples=5,
        subsample=0.7,
        subsample_freq=1,
        colsample_bytree=0.2,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    return make_pipeline(target_encoded(), boosting)


def net() -> Pipeline:
    """Return four small nets with batch norm, averaged."""
    preset = import_optional("stackit.neural", "torch").modern_mlp_regressor
    nets = preset(
        hidden_layer_sizes=(64,),
        learning_rate_init=0.02,
        max_iter=20,
        n_estimators=4,
        precision="float32",
        random_state=0,
    )
    return make_pipeline(standardised(), nets)
