"""The blend of a preset: chosen by cross-fitted scores, honest on noise, and the same by any names."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.metrics import log_loss, make_scorer, mean_pinball_loss, roc_auc_score

from stackit import Folds, make_folds
from stackit.combine import ConvexClassifier
from stackit.presets import choose_blend
from stackit.presets.blend import cross_fitting
from stackit.target import classification_target, regression_target


def classes_and_members(n=600, n_classes=2, k=5, seed=0, knows=1.0):
    """Return labels, and members that know of them, each with noise of its own and noise of all."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % n_classes)
    shared = knows * np.eye(n_classes)[y] + 0.5 * random.normal(size=(n, n_classes))
    scores = {f"m{at}": shared + random.normal(size=(n, n_classes)) for at in range(k)}
    return y, {name: softmax(each, axis=1) for name, each in scores.items()}


def numbers_and_members(n=600, k=5, seed=0):
    random = np.random.default_rng(seed)
    y = 50 + 10 * random.normal(size=n)
    return y, {f"m{at}": y + (3 + at) * random.normal(size=n) for at in range(k)}


def own_families(members):
    return {name: name for name in members}


def chosen(y, members, scoring="neg_log_loss", folds=None, **options):
    is_classes = np.asarray(y).dtype.kind in "iuOU"
    target = classification_target(y) if is_classes else regression_target(y)
    if folds is None:
        folds = make_folds(y, scheme="stratified" if is_classes else "kfold", n_splits=5, random_state=0)
    options = {"families": own_families(members)} | options
    return choose_blend(members, target, folds, scoring=scoring, **options)


def used(blend):
    return [name for name, weight in blend.weights.items() if weight]


# What is chosen


def test_one_member_is_its_own_blend():
    y, members = classes_and_members(k=1, knows=2.0)
    blend = chosen(y, members, "roc_auc")
    assert (blend.name, blend.weights) == ("best member", {"m0": 1.0})
    assert_allclose(blend.predict(members), members["m0"], rtol=1e-9)
    assert_allclose(blend.oof, members["m0"], rtol=1e-9)


def test_few_rows_get_the_mean_of_the_best_of_four_families():
    y, members = classes_and_members(n=200, k=6)
    members["copy"] = members["m0"]
    blend = chosen(y, members, families=own_families(members) | {"copy": "m0"})
    assert (blend.name, len(used(blend))) == ("mean of families", 4)
    assert not {"m0", "copy"} <= {*used(blend)}
    assert_allclose(
        blend.predict(members), np.mean([members[name] for name in used(blend)], axis=0), rtol=1e-9
    )
    best = max(np.log(each[np.arange(200), y]).mean() for each in members.values())
    assert blend.score > best - blend.sem


def test_a_member_that_is_far_better_is_not_averaged_away():
    y, members = classes_and_members(n=300, k=4)
    _, better = classes_and_members(n=300, k=1, knows=8.0)
    blend = chosen(y, members | {"better": better["m0"]})
    assert (blend.name, used(blend)) == ("best member", ["better"])


@pytest.mark.parametrize(("n_classes", "scoring"), [(2, "roc_auc"), (2, "neg_log_loss"), (3, "neg_log_loss")])
def test_many_rows_are_weighed_and_that_pays_on_new_rows(n_classes, scoring):
    y, members = classes_and_members(2000, n_classes, k=4)
    y_useless, useless = classes_and_members(2000, n_classes, k=3, seed=1)
    members |= {f"n{at}": each for at, each in enumerate(useless.values())}
    assert (y != y_useless).any()
    blend = chosen(y[:1000], {name: each[:1000] for name, each in members.items()}, scoring)
    new = blend.predict({name: each[1000:] for name, each in members.items()})
    mean = np.mean([each[1000:] for each in members.values()], axis=0)
    assert blend.name.startswith("logistic")
    assert log_loss(y[1000:], new) < log_loss(y[1000:], mean) - 0.02
    if n_classes == 2:
        assert roc_auc_score(y[1000:], new[:, 1]) > roc_auc_score(y[1000:], mean[:, 1])


def test_log_loss_gets_a_temperature_where_the_blend_is_too_sure():
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 900)
    scores = np.eye(3)[y] + random.normal(size=(900, 3))
    blend = chosen(y, {"sure": softmax(6 * scores, axis=1)})
    assert blend.name == "best member, temperature"
    assert blend.combiner.temperature_ > 3
    honest = chosen(y, {"honest": softmax(scores, axis=1)})
    assert honest.name == "best member"


@pytest.mark.parametrize(
    "scoring",
    ["neg_root_mean_squared_error", "r2", "neg_mean_absolute_error", "neg_mean_squared_error", None],
)
def test_numbers_are_blended_by_any_metric(scoring):
    y, members = numbers_and_members()
    blend = chosen(y, members, scoring)
    assert blend.name in ("convex", "greedy")
    assert sum(blend.weights.values()) == pytest.approx(1)
    assert blend.predict(members).shape == (600,)
    best = chosen(y, {"m0": members["m0"]}, scoring)
    assert blend.score > best.score + 2 * best.sem


@pytest.mark.parametrize("scoring", ["f1", "accuracy", "balanced_accuracy", "neg_brier_score"])
def test_labels_are_blended_by_any_metric(scoring):
    y, members = classes_and_members(700)
    blend = chosen(y, members, scoring)
    assert blend.sem > 0
    assert blend.score > chosen(y, {"m0": members["m0"]}, scoring).score


def test_a_scorer_of_the_user_chooses_too():
    y, members = numbers_and_members()
    scorer = make_scorer(mean_pinball_loss, greater_is_better=False, alpha=0.9)
    blend = chosen(y, members, scorer)
    assert [*blend.candidates.index] == ["greedy", "convex", "mean of families", "best member"]
    assert blend.score == pytest.approx(blend.candidates["score"][blend.name])


# Scores


def test_the_score_is_that_of_the_cross_fitted_combiner():
    y, members = classes_and_members(600, k=3)
    folds = make_folds(y, n_splits=4, random_state=1)
    blend = chosen(y, members, folds=folds)
    table = np.column_stack([each[:, 1] for each in members.values()])
    found = np.zeros(600)
    for train, held_out in folds.split():
        fitted = ConvexClassifier().fit(table[train], y[train])
        found[held_out] = fitted.predict_proba(table[held_out])[:, 1]
    assert blend.candidates["score"]["convex"] == pytest.approx(-log_loss(y, found))


def test_no_label_reaches_the_cross_fitted_prediction_of_its_row():
    y, members = classes_and_members(600, 3, k=3)
    folds = make_folds(y, n_splits=5, random_state=0)
    before = chosen(y, members, folds=folds)
    row = folds.splits[0][1][:40]  # so many labels change that a leak would show
    other = y.copy()
    other[row] = (other[row] + 1) % 3
    after = chosen(other, members, folds=folds)
    assert before.name == after.name
    assert_allclose(after.oof[folds.splits[0][1]], before.oof[folds.splits[0][1]], rtol=1e-9)
    assert abs(after.oof[folds.splits[1][1]] - before.oof[folds.splits[1][1]]).max() > 1e-4


def test_blends_of_noise_score_chance():
    areas, losses = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        y = random.permutation(np.arange(500) % 2)
        proba = random.uniform(0.2, 0.8, (15, 500))
        members = {f"m{at}": np.column_stack([1 - p, p]) for at, p in enumerate(proba)}
        folds = make_folds(y, n_splits=3, random_state=seed)
        areas.append(chosen(y, members, "roc_auc", folds).score)
        losses.append(chosen(y, members, "neg_log_loss", folds).score)
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas) / np.sqrt(20)
    assert np.mean(losses) < -np.log(2) + 3 * np.std(losses) / np.sqrt(20)


def test_times_are_respected_and_rows_without_predictions_left_out():
    y, members = classes_and_members(800, k=3)
    folds = make_folds(y, scheme="forward", n_splits=4)
    covered = np.concatenate([held_out for _, held_out in folds.split()])
    for each in members.values():
        each[np.setdiff1d(np.arange(800), covered)] = np.nan
    blend = chosen(y, members, folds=folds)
    first = folds.splits[0][1]
    assert np.isnan(blend.oof[first]).all()  # nothing before it has predictions to learn from
    assert np.isfinite(blend.oof[np.setdiff1d(covered, first)]).all()
    assert np.isfinite(blend.score)
    other = y.copy()  # what comes later may not matter
    other[folds.splits[-1][1]] = 1 - other[folds.splits[-1][1]]
    later = chosen(other, members, folds=folds)
    assert_allclose(later.oof[folds.splits[1][1]], blend.oof[folds.splits[1][1]], rtol=1e-9)


def test_a_single_split_is_blended_by_a_mean():
    y, members = classes_and_members(600, k=5)
    held_out = np.arange(400, 600)
    for each in members.values():
        each[:400] = np.nan
    blend = chosen(y, members, folds=Folds(600, ((np.arange(400), held_out),)))
    assert blend.name == "mean of families"
    assert np.isfinite(blend.score)
    assert np.isfinite(blend.oof[held_out]).all()


def test_groups_widen_the_standard_error():
    y, members = classes_and_members(600, k=3)
    y, members = np.repeat(y, 4), {name: np.repeat(each, 4, axis=0) for name, each in members.items()}
    groups = np.repeat(np.arange(600), 4)
    plain = chosen(y, members, "roc_auc", folds=make_folds(y, n_splits=5, random_state=0))
    grouped = chosen(
        y, members, "roc_auc", folds=make_folds(y, scheme="group", n_splits=5, groups=groups, random_state=0)
    )
    assert grouped.sem == pytest.approx(2 * plain.sem, rel=0.1)


def test_weights_of_rows_count():
    y, members = classes_and_members(600, k=3)
    weights = np.where(np.arange(600) < 300, 1.0, 0.0)
    weighted = chosen(y, members, "roc_auc", sample_weight=weights)
    for each in members.values():
        each[300:] = each[300:, ::-1]  # rows of weight 0
    other = chosen(y, members, "roc_auc", sample_weight=weights)
    assert other.score == pytest.approx(weighted.score)
    assert other.weights == pytest.approx(weighted.weights)


def test_a_class_that_a_fold_lacks_keeps_its_columns():
    y, members = classes_and_members(600, 3, k=3)
    y = np.where(np.arange(600) == 0, 2, y % 2)
    folds = make_folds(y, scheme="kfold", n_splits=5, random_state=0)
    blend = chosen(y, members, folds=folds)
    assert np.isfinite(blend.oof).all()
    assert blend.predict(members).shape == (600, 3)


# Many rows


def test_many_rows_are_blended_by_a_sample_as_by_all(monkeypatch):
    y, members = classes_and_members(6000, k=4)
    _, useless = classes_and_members(6000, k=2, seed=1)
    members |= {f"n{at}": each for at, each in enumerate(useless.values())}
    whole = chosen(y, members, "roc_auc")
    monkeypatch.setattr(cross_fitting, "MOST_ROWS", 4800)  # as many as the other folds have
    same = chosen(y, members, "roc_auc")
    assert_array_equal(same.oof, whole.oof)
    monkeypatch.setattr(cross_fitting, "MOST_ROWS", 1500)
    sampled = chosen(y, members, "roc_auc")
    assert sampled.name == whole.name
    assert sampled.weights == whole.weights  # in the end all rows are learned from
    assert sampled.score == pytest.approx(whole.score, abs=whole.sem / 4)
    assert abs(sampled.oof - whole.oof).max() > 1e-4
    assert np.isfinite(sampled.oof).all()


# Interface


def test_names_and_labels_may_be_any_strings():
    y, members = classes_and_members(600, 3, k=2)
    labels = np.array(["a", "b", "a-b"])[y]
    order = np.argsort(["a", "b", "a-b"], kind="stable")
    named = {"x__a": members["m0"][:, order], "x": members["m1"][:, order]}
    blend, plain = chosen(labels, named), chosen(y, members)
    assert_allclose([*blend.weights.values()], [*plain.weights.values()], rtol=1e-4)


def test_only_members_with_a_weight_are_needed_for_new_rows():
    y, members = classes_and_members(300, k=6)
    blend = chosen(y, members)
    assert len(used(blend)) == 4
    few = {name: members[name][:7] for name in used(blend)}
    assert blend.predict(few).shape == (7, 2)
    few.popitem()
    with pytest.raises(ValueError, match=r"The blend needs the predictions of .* missing"):
        blend.predict(few)


def test_one_column_is_enough_for_two_classes():
    y, members = classes_and_members(600, k=3)
    second = {name: each[:, 1] for name, each in members.items()}
    assert chosen(y, second).score == pytest.approx(chosen(y, members).score)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda members: {}, "predictions must have at least one member"),
        (lambda members: members | {"m0": members["m0"][:5]}, "All members must predict the same rows"),
        (lambda members: members | {"m0": np.ones((600, 3))}, "of m0 must have 2 columns, one per class"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(change, text):
    y, members = classes_and_members(600, k=2)
    with pytest.raises(ValueError, match=text):
        chosen(y, change(members))


def test_a_metric_that_is_none_is_refused():
    y, members = classes_and_members(600, k=2)
    with pytest.raises(ValueError, match="scoring must be the name of a scikit-learn scorer"):
        chosen(y, members, "no_metric")
