"""The blend of a preset: chosen by cross-fitted scores, the simplest of the good ones, chance on noise."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.metrics import roc_auc_score

from stackit import make_folds
from stackit.presets import choose_blend
from stackit.presets.area_under_curve import area_contributions
from stackit.target import classification_target, regression_target


def classes_and_members(n=600, n_classes=2, k=5, noise=1.0, seed=0):
    """Return labels, and predictions of members that are truth and noise of their own."""
    random = np.random.default_rng(seed)
    y = random.integers(0, n_classes, n)
    truth = np.eye(n_classes)[y]
    scores = {f"m{at}": truth + noise * random.normal(size=(n, n_classes)) for at in range(k)}
    return y, {name: softmax(each, axis=1) for name, each in scores.items()}


def own_families(members):
    return {name: name for name in members}


def chosen(y, members, scoring="neg_log_loss", **options):
    target = classification_target(y) if np.asarray(y).dtype.kind in "iu" else regression_target(y)
    scheme = "stratified" if target.is_classification else "kfold"
    folds = make_folds(y, scheme=scheme, n_splits=5, random_state=0)
    options = {"families": own_families(members)} | options
    return choose_blend(members, target, folds, scoring=scoring, **options)


def test_one_member_is_its_own_blend():
    y, members = classes_and_members(k=1)
    blend = chosen(y, members)
    assert (blend.name, blend.weights) == ("best member", {"m0": 1.0})
    assert_allclose(blend.predict(members), members["m0"], rtol=1e-9)
    assert_allclose(blend.oof, members["m0"], rtol=1e-9)
    assert blend.score == pytest.approx(np.log(members["m0"][np.arange(len(y)), y]).mean())


def test_few_rows_get_the_mean_of_the_best_of_the_families():
    y, members = classes_and_members(n=200, k=6)
    members["copy"] = members["m0"]
    families = own_families(members) | {"copy": "m0"}
    blend = chosen(y, members, families=families)
    used = [name for name, weight in blend.weights.items() if weight]
    assert blend.name == "mean of families"
    assert len(used) == 4
    assert not {"m0", "copy"} <= {*used}
    assert_allclose(blend.predict(members), np.mean([members[name] for name in used], axis=0), rtol=1e-9)


def test_the_area_is_the_mean_of_contributions_and_delong_their_variance():
    random = np.random.default_rng(0)
    y, score = random.integers(0, 2, 80), random.normal(size=80).round(1)
    proba = np.column_stack([1 - expit(score), expit(score)])
    found = area_contributions(proba, y, np.ones(80))
    assert found.mean() == pytest.approx(roc_auc_score(y, score))
    pairs = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (score[y == 1][:, None] == score[y == 0])
    delong = pairs.mean(axis=1).var() / (y == 1).sum() + pairs.mean(axis=0).var() / (y == 0).sum()
    assert found.var() / 80 == pytest.approx(delong)
