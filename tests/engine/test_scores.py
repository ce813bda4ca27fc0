"""Scores of out-of-fold predictions."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, log_loss, make_scorer, r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from stackit import make_folds
from tests.engine.cases import (
    EVEN,
    KNN,
    LABELS,
    NAMES,
    NAMES3,
    NB,
    OUTPUTS,
    RARE,
    RARE_FOLDS,
    RARE_X,
    X3,
    XR,
    YR,
    ConcurrencyCounter,
    X,
    Y,
    column,
    out_of_fold,
)


@pytest.mark.parametrize(
    ("scoring", "metric"),
    [
        ("roc_auc", roc_auc_score),
        ("neg_log_loss", lambda y, p: -log_loss(y, p)),
        (make_scorer(roc_auc_score, response_method="predict_proba"), roc_auc_score),
        ("accuracy", lambda y, p: accuracy_score(y, p > 0.5)),
        (
            lambda estimator, X, y: accuracy_score(y, estimator.predict(X)),
            lambda y, p: accuracy_score(y, p > 0.5),
        ),
    ],
    ids=["auc", "log loss", "own scorer", "accuracy", "callable"],
)
def test_any_scorer_judges_the_predictions(scoring, metric):
    oof = out_of_fold([("nb", NB)], X[EVEN], Y[EVEN], cv=StratifiedKFold(3), scoring=scoring)
    found = oof.meta_train["nb"]
    by_hand = [metric(Y[EVEN][rows], found[rows]) for _, rows in StratifiedKFold(3).split(X[EVEN], Y[EVEN])]
    assert oof.scores["score"].tolist() == pytest.approx(by_hand)
    summary = oof.summary.loc["nb"]
    assert summary["mean"] == pytest.approx(np.mean(by_hand))
    assert summary["std"] == pytest.approx(np.std(by_hand, ddof=1))
    assert summary["sem"] == pytest.approx(np.std(by_hand, ddof=1) / np.sqrt(3))
    assert summary["whole"] == pytest.approx(metric(Y[EVEN], found))


def test_decisions_are_ranked_by_auc():
    oof = out_of_fold([("svm", LinearSVC())], X[EVEN], NAMES[EVEN], cv=3, scoring="roc_auc")
    assert oof.summary.loc["svm", "whole"] == roc_auc_score(Y[EVEN], oof.meta_train["svm"])


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "neg_log_loss", "f1_macro"])
def test_three_named_classes_are_scored(scoring):
    oof = out_of_fold([("nb", NB)], X3, NAMES3, cv=StratifiedKFold(3), scoring=scoring)
    assert np.isfinite(oof.summary["whole"]).all()


def test_several_labels_are_ranked_by_auc():
    oof = out_of_fold([("knn", KNN)], X, LABELS, cv=3, scoring="roc_auc")
    assert oof.summary.loc["knn", "whole"] == pytest.approx(roc_auc_score(LABELS, oof.meta_train))


def test_several_labels_are_right_together():
    oof = out_of_fold([("knn", KNN)], X, LABELS, cv=3)
    assert oof.summary.loc["knn", "whole"] == accuracy_score(LABELS, oof.meta_train > 0.5)


def test_several_outputs_are_scored():
    oof = out_of_fold([("ridge", Ridge())], XR, OUTPUTS, cv=3)
    assert oof.summary.loc["ridge", "whole"] == pytest.approx(r2_score(OUTPUTS, oof.meta_train))


def test_a_held_out_part_without_all_classes_is_scored_by_log_loss():
    with pytest.warns(UserWarning, match="lacks c"):
        oof = out_of_fold([("nb", NB)], RARE_X, RARE, cv=RARE_FOLDS, scoring="neg_log_loss")
    by_hand = -log_loss(RARE[RARE_FOLDS[1][1]], column(oof)[RARE_FOLDS[1][1]], labels=["a", "b", "c"])
    assert oof.scores["score"].tolist()[1] == pytest.approx(by_hand)


def test_scores_name_the_estimator_the_repeat_and_the_fold():
    oof = out_of_fold(
        [("a", Ridge()), ("b", Ridge(5))], XR, YR, cv=make_folds(YR, scheme="kfold", n_splits=4, n_repeats=2)
    )
    table = oof.scores
    assert table.columns.tolist() == ["estimator", "repeat", "fold", "n_held_out", "score", "seconds"]
    assert table["estimator"].tolist() == ["a"] * 8 + ["b"] * 8
    assert table["repeat"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1] * 2
    assert table["fold"].tolist() == [0, 1, 2, 3] * 4
    assert table.groupby(["estimator", "repeat"])["n_held_out"].sum().tolist() == [90] * 4
    assert (table["seconds"] >= 0).all()


def test_labels_are_not_scored_as_probabilities_and_that_is_said_once():
    oof = out_of_fold([("nb", NB)], X, Y, cv=3, stack_method="predict", scoring="neg_log_loss")
    with pytest.warns(UserWarning, match="'nb' cannot be scored by 'neg_log_loss'.*predict_proba") as caught:
        assert oof.scores["score"].isna().all()
    assert len(caught) == 1


def test_an_unknown_scorer_is_refused_before_anything_is_fitted(concurrency):
    with pytest.raises(ValueError, match="scoring"):
        out_of_fold([("w", ConcurrencyCounter())], XR, YR, cv=3, scoring="magic")
    assert concurrency.fits == 0
