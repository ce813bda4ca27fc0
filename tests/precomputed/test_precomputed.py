"""Predictions made elsewhere: found by id, checked, and as good as the estimators that they came from."""

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    MemoryStore,
    PrecomputedClassifier,
    PrecomputedRegressor,
    StackingClassifier,
    StackingRegressor,
    make_folds,
    out_of_fold,
    save_predictions,
)

ROOT = Path(__file__).parent.parent.parent
quick = settings(max_examples=30, deadline=None, derandomize=True)


def titanic():
    """Return X, y, X_test with PassengerId as index, or skip, naming the file."""
    roots = [os.environ.get("STACKIT_DATA", ROOT / "data"), ROOT / "data", ROOT.parent / "shared" / "data"]
    for root in roots:
        if (Path(root) / "titanic" / "train.csv").exists():
            train, test = (pd.read_csv(Path(root) / "titanic" / f"{part}.csv") for part in ("train", "test"))
            numbers = [_numbers(table.set_index("PassengerId")) for table in (train, test)]
            return numbers[0], train["Survived"].to_numpy(), numbers[1]
    pytest.skip(
        "titanic/train.csv from kaggle.com/c/titanic is in none of $STACKIT_DATA, data, ../shared/data"
    )


def _numbers(table):
    female = (table["Sex"] == "female").astype(float)
    return table[["Pclass", "Age", "SibSp", "Fare"]].fillna(30.0).assign(female=female)


def flowers():
    """Return iris with an index named id, its labels as text, and ten rows to test."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = X.set_index(pd.Index([f"{at:03}" for at in range(150)], name="id"))
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    test = np.arange(0, 150, 15)
    train = np.setdiff1d(np.arange(150), test)
    return X.iloc[train], names[train], X.iloc[test]


def passengers(n=60, seed=0):
    """Return a small X with an index named id, y of 0 and 1, and an honest column of probabilities."""
    random = np.random.default_rng(seed)
    index = pd.Index(range(100, 100 + n), name="id")
    X = pd.DataFrame(random.normal(size=(n, 2)), columns=["a", "b"], index=index)
    y = random.permutation(np.arange(n) % 2)
    return X, y, pd.Series(random.random(n), index=index, name="cnn")


def line_up(estimator):
    return [("bayes", GaussianNB()), ("cnn", estimator)]


def run(estimator, X, y, X_test=None, **options):
    return out_of_fold(line_up(estimator), X, y, X_test, **({"cv": 3, "n_jobs": 1} | options))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two estimators on Titanic, by the engine, and the files that it wrote."""
    X, y, X_test = titanic()
    folds = make_folds(y, n_splits=4, random_state=1)
    estimators = [("bayes", GaussianNB()), ("forest", RandomForestClassifier(20))]
    oof = out_of_fold(estimators, X, y, X_test, cv=folds, n_jobs=1)
    folder = tmp_path_factory.mktemp("titanic")
    save_predictions(oof, folder / "oof.csv", folder / "test.csv")
    folds.save(folder / "folds.csv", X.index)
    return X, y, X_test, folds, estimators, oof, folder


def forest_of(folder, **options):
    return PrecomputedClassifier.load(folder / "oof.csv", folder / "test.csv", estimator="forest", **options)


def test_a_run_from_files_equals_the_run_that_wrote_them(saved):
    X, y, X_test, folds, (bayes, _), oof, folder = saved
    again = out_of_fold([bayes, ("forest", forest_of(folder))], X, y, X_test, cv=folds, n_jobs=1)
    pd.testing.assert_frame_equal(again.meta_train, oof.meta_train, rtol=1e-12)
    pd.testing.assert_frame_equal(again.meta_test, oof.meta_test, rtol=1e-12)
    assert np.allclose(again.summary, oof.summary)
    assert np.allclose(again.transform(X_test), oof.meta_test, rtol=1e-12)


@pytest.mark.parametrize("refit", [False, True])
def test_a_stack_from_files_predicts_as_the_stack_that_trains(saved, refit):
    X, y, X_test, folds, (bayes, forest), _, folder = saved
    trained = StackingClassifier([bayes, forest], cv=folds, random_state=0).fit(X, y)
    stack = StackingClassifier([bayes, ("forest", forest_of(folder))], cv=folds, random_state=0, refit=refit)
    found = clone(stack).fit(X, y)
    assert np.allclose(found.oof_.meta_train, trained.oof_.meta_train, rtol=1e-12)
    assert np.allclose(found.final_estimator_.coef_, trained.final_estimator_.coef_, rtol=1e-9)
    if not refit:
        assert np.allclose(found.predict_proba(X_test), trained.predict_proba(X_test), rtol=1e-9)


def test_several_classes_decisions_and_numbers_are_saved_and_loaded(tmp_path):
    X, y, X_test = flowers()
    pairs = [("bayes", GaussianNB()), ("svc", make_pipeline(StandardScaler(), LinearSVC()))]
    oof = out_of_fold(pairs, X, y, X_test, cv=3, n_jobs=1)
    path = save_predictions(oof, tmp_path / "oof.csv", tmp_path / "test.csv")
    estimators = [
        (name, PrecomputedClassifier.load(path, tmp_path / "test.csv", estimator=name)) for name, _ in pairs
    ]
    again = out_of_fold(estimators, X, y, X_test, cv=3, n_jobs=1)
    pd.testing.assert_frame_equal(again.meta_train, oof.meta_train, rtol=1e-12)
    pd.testing.assert_frame_equal(again.meta_test, oof.meta_test, rtol=1e-12)
    assert [result.spec.kind for result in again.values()] == ["probability", "decision"]
    assert np.allclose(again.summary["whole"], oof.summary["whole"])


def test_a_regressor_from_files_is_the_one_that_was_trained(tmp_path):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X = X.rename_axis("id")
    oof = out_of_fold([("ridge", Ridge())], X[:400], y[:400], X[400:], cv=4, n_jobs=1)
    save_predictions(oof, tmp_path / "oof.csv", tmp_path / "test.csv")
    found = PrecomputedRegressor.load(tmp_path / "oof.csv", tmp_path / "test.csv")
    stack = StackingRegressor([("ridge", found)], Ridge(), cv=4).fit(X[:400], y[:400])
    assert np.allclose(stack.oof_.meta_train, oof.meta_train, rtol=1e-12)
    assert np.allclose(stack.transform(X[400:]), oof.meta_test, rtol=1e-12)


@quick
@given(st.randoms(use_true_random=False), st.booleans())
def test_rows_are_found_by_id_in_whatever_order_they_are(random, as_column):
    X, y, column = passengers()
    order = random.sample(range(len(X)), len(X))
    table = column.iloc[order].reset_index()
    known = PrecomputedClassifier.load(pd.concat([table, pd.DataFrame({"id": [1, 2], "cnn": [0.1, 0.9]})]))
    rows = random.sample(range(len(X)), len(X))
    own = X.reset_index() if as_column else X
    oof = run(known, own.iloc[rows], y[rows])
    assert oof.meta_train["cnn"].tolist() == column.iloc[rows].tolist()


@quick
@given(st.permutations(["setosa", "versicolor", "virginica"]), st.sampled_from(["", "cnn__", "my_net__"]))
def test_columns_of_classes_are_matched_by_name(order, prefix):
    X, y, _ = flowers()
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.dirichlet([1, 1, 1], len(X)), X.index, ["setosa", "versicolor", "virginica"])
    known = PrecomputedClassifier.load(table[order].add_prefix(prefix))
    oof = run(known, X, y)
    assert np.array_equal(oof.meta_train[[f"cnn__{name}" for name in table]], table)
    assert known.fit(X, y).predict(X).tolist() == table.idxmax(axis=1).tolist()


def test_columns_of_the_test_table_are_matched_by_name_too():
    X, y, X_test = flowers()
    names = ["virginica", "setosa", "versicolor"]
    table = pd.DataFrame(
        np.random.default_rng(0).dirichlet([1, 1, 1], 150), X.index.append(X_test.index), names
    )
    oof = run(PrecomputedClassifier.load(table[:140], table[names[::-1]][140:]), X, y, X_test)
    assert np.allclose(oof.meta_test[[f"cnn__{name}" for name in names]], table[140:], rtol=1e-12)


@pytest.mark.parametrize("kind", [int, float, str, bool])
def test_labels_of_any_type_are_matched_as_they_are_written(kind):
    X, y, column = passengers()
    labels = y.astype(bool) if kind is bool else y.astype(kind)
    names = ["True", "False"] if kind is bool else ["1", "0"]
    table = pd.DataFrame(np.column_stack([column, 1 - column]), X.index, names)
    assert run(PrecomputedClassifier.load(table), X, labels).meta_train["cnn"].tolist() == column.tolist()


def test_arrays_go_with_their_ids_and_classes_in_order(tmp_path):
    X, y, X_test = flowers()
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], 150)
    np.save(tmp_path / "oof.npy", probabilities[:140])
    known = PrecomputedClassifier.load(
        tmp_path / "oof.npy", probabilities[140:], ids=pd.Series(X.index, name="id"), test_ids=X_test.index
    )
    oof = run(known, X, y, X_test)
    assert np.allclose(oof.meta_train.filter(like="cnn"), probabilities[:140], rtol=1e-12)
    assert np.allclose(oof.meta_test.filter(like="cnn"), probabilities[140:], rtol=1e-12)


def test_files_keep_ids_as_they_are_written_and_numbers_to_the_last_digit(tmp_path):
    values = [1 / 3, 0.1 + 0.2, 5e-324, 1.0]
    ids = ["007", "7", "NA", "1e3"]
    (tmp_path / "oof.csv").write_text(
        "\ufeffid,p\n" + "".join(f"{id},{value!r}\n" for id, value in zip(ids, values, strict=True)), "utf-8"
    )
    X = pd.DataFrame({"a": [1, 2, 3, 4]}, index=pd.Index(ids, name="id"))
    known = PrecomputedClassifier.load(tmp_path / "oof.csv").fit(X, [0, 1, 0, 1])
    assert known.predict_proba(X)[:, 1].tolist() == values


def test_a_table_without_a_name_of_its_index_can_be_given_one(tmp_path):
    X, y, column = passengers()
    column.rename_axis(None).to_csv(tmp_path / "oof.csv")
    known = PrecomputedClassifier.load(tmp_path / "oof.csv", id="id")
    assert run(known, X, y).meta_train["cnn"].tolist() == column.tolist()


def test_rows_that_no_fold_holds_out_need_no_prediction():
    X, y, column = passengers()
    folds = make_folds(y, scheme="forward", n_splits=3)
    never = folds.coverage == 0
    assert never.any()
    for table in (column[~never], column.where(~never)):
        oof = run(PrecomputedClassifier.load(table), X, y, cv=folds)
        assert oof.meta_train["cnn"].equals(column.where(~never))
    with pytest.raises(ValueError, match=r"got 1 unknown ids \(159\)"):
        run(PrecomputedClassifier.load(column[~never][:-1]), X, y, cv=folds)


def test_repeats_use_the_same_predictions():
    X, y, column = passengers()
    folds = make_folds(y, n_splits=3, n_repeats=3, random_state=0)
    oof = run(PrecomputedClassifier.load(column), X, y, X[:5], cv=folds)
    assert np.allclose(oof.meta_train["cnn"], column, rtol=1e-12)
    assert np.allclose(oof.meta_test["cnn"], column[:5], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:The training part of some folds lacks")
def test_a_fold_that_lacks_a_class_keeps_all_columns():
    X, y, _ = flowers()
    table = pd.DataFrame(np.full((len(X), 3), 1 / 3), X.index, np.unique(y))
    by_class = [(np.flatnonzero(y != name), np.flatnonzero(y == name)) for name in np.unique(y)]
    oof = out_of_fold([("cnn", PrecomputedClassifier.load(table))], X, y, cv=by_class, n_jobs=1)
    assert np.allclose(oof.meta_train, 1 / 3)


def test_a_missing_class_of_two_leaves_the_positive_column_alone():
    X, y, column = passengers()
    by_class = [(np.flatnonzero(y != label), np.flatnonzero(y == label)) for label in (0, 1)]
    with pytest.warns(UserWarning, match="lacks classes"):
        oof = out_of_fold([("cnn", PrecomputedClassifier.load(column))], X, y, cv=by_class, n_jobs=1)
    assert oof.meta_train["cnn"].tolist() == column.tolist()


def wrong(table, X, **load):
    return lambda: run(PrecomputedClassifier.load(table, **load), X, passengers()[1])


X, Y, COLUMN = passengers()
SAME = X.set_axis([100] * 60).rename_axis("id")
TWO = pd.DataFrame({"0": 1 - COLUMN, "1": COLUMN})
WRONG = {
    "X must be a data frame with an index or a column named 'id'.*ndarray": wrong(COLUMN, X.to_numpy()),
    "named 'id'.*columns a, b, index None.*X.set_index": wrong(COLUMN, X.rename_axis(None)),
    r"Rows of X must be among .* by id; got 3 unknown ids \(100, 101, 102\)": wrong(COLUMN[3:], X),
    r"ids of the out-of-fold table must be unique; got 1 repeated \(100\)": wrong(COLUMN.iloc[[0, 1, 0]], X),
    r"ids 'id' of X must be unique; got 1 repeated \(100\)": wrong(
        COLUMN, X.set_axis([100] * 60).rename_axis("id")
    ),
    r"60 ids of the test table are also ids of training rows": wrong(COLUMN, X, test=COLUMN),
    r"must be probabilities between 0 and 1; got 60 others \(ids 100, 101, 102": wrong(COLUMN + 2, X),
    "must be probabilities that add up to 1 in each row": wrong(TWO / 2, X),
    "must be finite numbers; got 1 others": wrong(TWO.mask((TWO.index == 103)[:, None] & [True, False]), X),
    "must be numbers; got could not convert": wrong(COLUMN.astype(str) + "x", X),
    r"must be one per class of y \(0, 1\), or one of the positive class 1; got columns=yes, no": wrong(
        TWO.set_axis(["yes", "no"], axis=1), X
    ),
    "got one column, named as the negative class 0": wrong(COLUMN.rename("cnn__0"), X),
    "got 3 columns": wrong(np.full((60, 3), 1 / 3), X, ids=X.index),
    "have no ids, so they cannot be matched .*Pass ids=": wrong(COLUMN.to_numpy(), X),
    "The ids have no name.*Pass for example id=": wrong(COLUMN.to_numpy(), X, ids=list(X.index)),
    "must be one per row, 60; got 59 ids": wrong(COLUMN.to_numpy(), X, ids=X.index[1:]),
    r"Columns of the test table must be those of the out-of-fold .* \(0, 1\); got columns=0, 2": wrong(
        TWO, X, test=TWO.set_axis(["0", "2"], axis=1).set_axis(TWO.index + 500).rename_axis("id")
    ),
    "must be a table of ids and predictions of 'rf'; got 60 rows of cnn": wrong(COLUMN, X, estimator="rf"),
    "has no column of ids; got columns=cnn, and an index without a name": wrong(COLUMN.rename_axis(None), X),
    "has no column of ids named 'PassengerId'": wrong(COLUMN.reset_index(), X, id="PassengerId"),
    "folds must be a folds file, Folds or None; got folds=5": wrong(COLUMN, X, folds=5),
    "values must be 'probability' or 'decision'": wrong(COLUMN, X, values="votes"),
    "one of numbers; got 2 columns": lambda: PrecomputedRegressor.load(TWO),
    "predictions must be a table of predictions by id": lambda: PrecomputedClassifier(COLUMN).fit(X, Y),
    "must be a single column; got 2 outputs": lambda: out_of_fold(
        [("cnn", PrecomputedRegressor.load(COLUMN))], X, np.column_stack([Y, Y]) * 0.5, n_jobs=1
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_errors_name_what_is_wrong(text):
    with pytest.raises(ValueError, match=text):
        WRONG[text]()


def test_an_unknown_test_row_is_found_before_the_work():
    X, y, column = passengers()
    with pytest.raises(ValueError, match=r"Rows of X_test must be among .*got 1 unknown ids \(7\)") as caught:
        run(PrecomputedClassifier.load(column), X, y, X[:1].set_axis([7]).rename_axis("id"))
    assert caught.value.__notes__ == ["The predictions are those of estimator 'cnn'."]


def test_a_submission_of_labels_is_not_taken_for_probabilities():
    _, _, column = passengers()
    labels = pd.Series([0, 1, 1], index=pd.Index([1, 2, 3], name="id"), name="Survived")
    with pytest.warns(UserWarning, match="must be probabilities, as .* are; got only 0 and 1"):
        PrecomputedClassifier.load(column, labels)


def test_folds_are_compared_whatever_the_order_of_rows_and_of_folds(saved):
    X, y, _, folds, (bayes, _), _, folder = saved
    mixed = np.random.default_rng(0).permutation(len(X))
    table = pd.read_csv(folder / "folds.csv").iloc[mixed]
    table.assign(kfold=(table["kfold"] + 1) % 4).to_csv(folder / "mixed.csv", index=False)
    for known in (folds, folder / "folds.csv", folder / "mixed.csv", None):
        out_of_fold([bayes, ("forest", forest_of(folder, folds=known))], X, y, cv=folds, n_jobs=1)
    # And rows of X in another order, with the folds that go with them.
    position = np.argsort(mixed)
    splits = [(position[train], position[held_out]) for train, held_out in folds.split()]
    out_of_fold([bayes, ("forest", forest_of(folder))], X.iloc[mixed], y[mixed], cv=splits, n_jobs=1)


@pytest.mark.parametrize("name", [None, "folds.csv", "Folds"])
def test_other_folds_are_reported(saved, name):
    X, y, _, folds, (bayes, _), _, folder = saved
    known = folds if name == "Folds" else name and folder / name
    others = make_folds(y, n_splits=4, random_state=2)
    with pytest.warns(UserWarning, match="The predictions of 'forest' were made with other folds"):
        out_of_fold([bayes, ("forest", forest_of(folder, folds=known))], X, y, cv=others, n_jobs=1)


def test_predictions_of_which_no_folds_are_known_are_taken(saved):
    X, y, _, _, _, oof, _ = saved
    known = PrecomputedClassifier.load(oof.meta_train[["forest"]])
    assert run(known, X, y).meta_train["cnn"].tolist() == oof.meta_train["forest"].tolist()


def test_in_sample_predictions_are_reported_and_honest_ones_are_not(saved):
    X, y, X_test, folds, _, oof, _ = saved
    forest = RandomForestClassifier(100, random_state=0).fit(X, y)
    seen = PrecomputedClassifier.load(
        pd.Series(forest.predict_proba(X)[:, 1], X.index, name="forest"),
        pd.Series(forest.predict_proba(X_test)[:, 1], X_test.index, name="forest"),
    )
    with pytest.warns(UserWarning, match="The predictions of 'cnn' look in-sample"):
        run(seen, X, y, cv=folds)
    run(PrecomputedClassifier.load(oof.meta_train[["forest"]], oof.meta_test[["forest"]]), X, y, cv=folds)


def test_in_sample_numbers_are_reported_too():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X = X.rename_axis("id")
    forest = RandomForestRegressor(50, random_state=0).fit(X, y)
    seen = PrecomputedRegressor.load(pd.Series(forest.predict(X), X.index, name="forest"))
    pairs = [("ridge", Ridge(0.01)), ("seen", seen)]
    with pytest.warns(UserWarning, match="The predictions of 'seen' look in-sample"):
        out_of_fold(pairs, X, y, cv=3, n_jobs=1)


def test_a_strong_model_next_to_weak_ones_is_accepted_if_it_is_as_certain_of_test_rows():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(600, 2)), columns=["a", "b"]).rename_axis("id")
    y = (X["a"] * X["b"] > 0).to_numpy(dtype=int)  # nothing for a linear or a naive estimator
    strong = np.where(random.random(600) < 0.97, y, 1 - y) * 0.94 + 0.03
    table = pd.Series(strong, X.index, name="net")
    with pytest.warns(UserWarning, match="look in-sample"):
        run(PrecomputedClassifier.load(table[:400]), X[:400], y[:400])
    run(PrecomputedClassifier.load(table[:400], table[400:]), X[:400], y[:400])


def test_a_model_that_is_always_certain_is_reported():
    X, y, _ = passengers(200)
    tree = DecisionTreeClassifier(random_state=0).fit(X[:150], y[:150])
    column = pd.Series(tree.predict_proba(X)[:, 1], X.index, name="tree")
    assert column.isin([0, 1]).all()
    with pytest.warns(UserWarning, match="look in-sample"):
        run(PrecomputedClassifier.load(column[:150], column[150:]), X[:150], y[:150])


def test_a_few_errors_less_may_be_chance():
    X, y, _ = passengers(300)
    X["a"] = (
        np.where(np.arange(300) % 50 == 0, 1 - y, y) + X["b"] / 1000
    )  # six rows look like the other class
    better = np.where(np.arange(300) % 150 == 0, 1 - y, y) * 0.9 + 0.05  # two errors
    oof = run(PrecomputedClassifier.load(pd.Series(better, X.index, name="net")), X, y)
    errors = 1 - oof.summary["whole"]
    assert errors.tolist() == pytest.approx([6 / 300, 2 / 300])


def test_without_a_trained_estimator_only_perfection_is_reported():
    X, y, column = passengers()
    out_of_fold([("a", PrecomputedClassifier.load(column))], X, y, cv=3, n_jobs=1)
    almost = pd.Series(np.where(np.arange(60) == 5, 1 - y, y) * 0.8 + 0.1, X.index, name="a")
    out_of_fold([("a", PrecomputedClassifier.load(almost))], X, y, cv=3, n_jobs=1)
    with pytest.warns(UserWarning, match="look in-sample"):
        out_of_fold(
            [("a", PrecomputedClassifier.load(almost.where(np.arange(60) != 5, y[5])))], X, y, n_jobs=1
        )


def test_random_labels_stay_unpredictable():
    """Honest predictions of noise, given, are worth as little as those of an estimator trained here."""
    aucs = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        X = pd.DataFrame(random.normal(size=(300, 4)), columns=list("abcd")).rename_axis("id")
        y = random.permutation(np.arange(300) % 2)
        folds = make_folds(y, n_splits=5, random_state=seed)
        oof = out_of_fold([("knn", KNeighborsClassifier(3))], X, y, cv=folds, n_jobs=1)
        again = run(PrecomputedClassifier.load(oof.meta_train), X, y, cv=folds)
        aucs.append(roc_auc_score(y, again.meta_train["cnn"]))
    assert abs(np.mean(aucs) - 0.5) < 0.05


def test_a_label_does_not_reach_the_precomputed_prediction_of_its_row():
    X, y, column = passengers()
    before = run(PrecomputedClassifier.load(column), X, y).meta_train["cnn"]
    y[17] = 1 - y[17]
    assert run(PrecomputedClassifier.load(column), X, y).meta_train["cnn"].equals(before)


def test_copies_share_one_table():
    X, y, column = passengers()
    known = PrecomputedClassifier.load(column * 0.99)  # a table that no other test holds
    copies = [
        clone(known),
        copy.deepcopy(known),
        copy.copy(known),
        pickle.loads(pickle.dumps(known.fit(X, y))),
    ]
    assert all(each.predictions is known.predictions for each in copies)
    oof = run(known, X, y)
    assert all(each.predictions is known.predictions for each in oof["cnn"].fold_estimators)
    assert not known.predictions.values.flags.writeable
    assert column.to_numpy().flags.writeable or pd.__version__ >= "3"


def test_child_processes_send_back_estimators_that_share_one_table():
    X, y, column = passengers()
    slow = RandomForestClassifier(150)
    known = PrecomputedClassifier.load(column * 0.98)
    pairs = [("forest", slow), ("cnn", known)]
    two, one = (out_of_fold(pairs, X, y, X[:9], cv=4, n_jobs=n_jobs) for n_jobs in (2, 1))
    assert two.meta_train.equals(one.meta_train)
    assert {id(each.predictions) for each in two["cnn"].fold_estimators} == {id(known.predictions)}


def test_other_predictions_have_other_keys_in_a_store():
    X, y, column = passengers()
    store = MemoryStore()
    assert run(PrecomputedClassifier.load(column), X, y, store=store).n_stored == 0
    again = run(
        PrecomputedClassifier.load(column.sample(frac=1.0, random_state=0)[column.index]), X, y, store=store
    )
    assert again.n_stored == 6
    other = run(PrecomputedClassifier.load(1 - column), X, y, store=store)
    assert other.n_stored == 3
    assert np.allclose(other.meta_train["cnn"], 1 - column)


def test_a_regressor_may_be_among_classifiers():
    X, y, column = passengers()
    oof = run(PrecomputedRegressor.load(column * 7 - 3), X, y)
    assert oof.meta_train["cnn"].tolist() == (column * 7 - 3).tolist()


def test_weights_cause_no_warning():
    X, y, column = passengers()
    weights = np.arange(60) / 60
    run(PrecomputedClassifier.load(column), X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        bayes = GaussianNB().set_fit_request(sample_weight=True)
        pairs = [("bayes", bayes), ("cnn", PrecomputedClassifier.load(column))]
        stack = StackingClassifier(pairs, cv=3).fit(X, y, sample_weight=weights)
    assert stack.oof_.meta_train["cnn"].tolist() == column.tolist()


def test_a_stack_of_estimators_trained_before_takes_predictions_too():
    X, y, column = passengers()
    pairs = [(name, each.fit(X, y)) for name, each in line_up(PrecomputedClassifier.load(column))]
    stack = StackingClassifier(pairs, cv="prefit").fit(X, y)
    assert stack.transform(X)[:, 1].tolist() == column.tolist()


def test_levels_and_pipelines_pass_ids_on():
    X, y, column = passengers()
    inner = StackingClassifier(line_up(PrecomputedClassifier.load(column)), LogisticRegression(), cv=3)
    oof = out_of_fold([("stack", inner), ("bayes", GaussianNB())], X, y, cv=3, n_jobs=1)
    second = run(PrecomputedClassifier.load(column), oof.meta_train, y)
    assert second.meta_train["cnn"].tolist() == column.tolist()
    assert second.meta_train.index.name == "id"


def test_ids_are_needed_to_write_and_can_be_passed(tmp_path):
    X, y, _ = passengers()
    oof = out_of_fold([("bayes", GaussianNB())], X.to_numpy(), y, cv=3, n_jobs=1)
    with pytest.raises(ValueError, match=r"ids must be the ids of the rows.*got ids=None"):
        save_predictions(oof, tmp_path / "oof.csv")
    with pytest.raises(ValueError, match="test_path must be None if no test rows were predicted"):
        save_predictions(oof, tmp_path / "oof.csv", tmp_path / "test.csv", ids=X.index)
    path = save_predictions(oof, tmp_path / "oof.csv", ids=X.index)
    assert pd.read_csv(path).columns.tolist() == ["id", "bayes"]
    assert (
        run(PrecomputedClassifier.load(path), X, y).meta_train["cnn"].tolist()
        == oof.meta_train["bayes"].tolist()
    )


def test_damaged_metadata_are_refused(tmp_path):
    X, y, _ = passengers()
    oof = out_of_fold([("bayes", GaussianNB())], X, y, cv=3, n_jobs=1)
    path = save_predictions(oof, tmp_path / "oof.csv")
    (tmp_path / "oof.csv.json").write_text("{}")
    with pytest.raises(ValueError, match=r"oof\.csv\.json is damaged \(KeyError: .folds.\)"):
        PrecomputedClassifier.load(path)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("semicolons.csv", b"id;p\n1;0.5\n2;0,3\n", "has rows with more cells than its header"),
        ("utf16.csv", "id,p\n1,0.5\n".encode("utf-16"), "is not encoded in UTF-8"),
        ("empty.csv", b"", "is empty"),
        ("text.npy", b"id,p\n1,0.5\n", "cannot be read .*Check that its suffix names its format"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} {text}"):
        PrecomputedClassifier.load(tmp_path / name, ids=pd.Series([1], name="id"))


def test_a_series_of_ids_is_matched_by_its_index(tmp_path):
    X = pd.DataFrame({"a": [0.1, 0.9, 0.2, 0.8]}, index=[7, 8, 9, 10])
    oof = out_of_fold([("b", GaussianNB())], X, [0, 1, 0, 1], cv=2, n_jobs=1)
    ids = pd.Series(list("dcba"), index=[10, 9, 8, 7], name="id")
    for given_ids in (ids, ids[::-1].to_numpy()):
        save_predictions(oof, tmp_path / "b.csv", ids=given_ids)
        assert pd.read_csv(tmp_path / "b.csv")["id"].tolist() == list("abcd")
    table = pd.DataFrame({"b": [0.1, 0.9, 0.2, 0.8]}, index=[7, 8, 9, 10])
    read = PrecomputedClassifier.load(table, ids=ids).predictions
    assert dict(zip(read.ids, read.values[:, 0], strict=True)) == {"a": 0.1, "b": 0.9, "c": 0.2, "d": 0.8}
    named = out_of_fold([("b", GaussianNB())], X.rename_axis("id"), [0, 1, 0, 1], cv=2, n_jobs=1)
    with pytest.raises(
        ValueError, match="ids must be in the order of the rows; the index of the table holds the same ids"
    ):
        save_predictions(named, tmp_path / "b.csv", ids=[10, 9, 8, 7])


@pytest.mark.parametrize(
    "names", [["Class_10", "Class_2", "Class_1"], ["x__10", "x__2", "x__1"], [10.0, 2.0, 1.0]]
)
def test_columns_of_classes_are_found_as_in_submissions(names):
    y = [1, 2, 10, 1, 2, 10]
    X = pd.DataFrame({"a": range(6)}, index=pd.Index(range(6), name="id"))
    right = pd.DataFrame(np.eye(3)[[2, 1, 0, 2, 1, 0]], columns=names, index=X.index)
    assert PrecomputedClassifier.load(right).fit(X, y).predict(X).tolist() == y


def test_columns_of_several_estimators_are_not_taken_for_those_of_one():
    X = pd.DataFrame({"a": range(4)}, index=pd.Index(range(4), name="id"))
    table = pd.DataFrame({"a__0": [1.0] * 4, "b__1": [0.0] * 4}, index=X.index)
    with pytest.raises(ValueError, match="Columns of the out-of-fold table must be one per class of y"):
        PrecomputedClassifier.load(table).fit(X, [0, 1, 0, 1])


def test_rows_that_were_rounded_add_up_to_one_again():
    X = pd.DataFrame({"a": range(6)}, index=pd.Index(range(6), name="id"))
    rounded = pd.DataFrame({"id": range(6), "0": 0.33, "1": 0.33, "2": [0.33, 0.34] * 3})
    members = [("given", PrecomputedClassifier.load(rounded))]
    oof = out_of_fold(members, X, [0, 1, 2, 0, 1, 2], cv=2, n_jobs=1)
    assert np.allclose(oof.meta_train.sum(axis=1), 1, atol=1e-12)
    assert oof.meta_train.iloc[1].tolist() == [0.33, 0.33, 0.34]
