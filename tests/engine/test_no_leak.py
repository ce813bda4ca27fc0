"""No label of a row reaches its own out-of-fold predictions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import make_folds
from tests.engine.cases import LR, NB, X3, XR, Y3, YR, column, few, out_of_fold


def own_label_reaches(table_of, y, row, other):
    """Tell whether the row of a table changes when that row's own label does."""
    altered = y.copy()
    altered[row] = other
    return not np.array_equal(table_of(y)[row], table_of(altered)[row])


NUMBER_MEMBERS = [
    ("ridge", Ridge()),
    ("tree", DecisionTreeRegressor(random_state=0)),
    ("nn", KNeighborsRegressor(1)),
    ("scaled", TransformedTargetRegressor(Ridge(), transformer=StandardScaler())),
]
CLASS_MEMBERS = [
    ("nb", NB),
    ("tree", DecisionTreeClassifier(random_state=0)),
    ("nn", KNeighborsClassifier(1)),
]


@few
@given(st.integers(0, 89), st.floats(-1e6, 1e6), st.integers(1, 2))
def test_a_rows_own_number_never_reaches_its_own_predictions(row, other, n_repeats):
    folds = make_folds(YR, scheme="kfold", n_splits=3, n_repeats=n_repeats)
    assert not own_label_reaches(
        lambda y: column(out_of_fold(NUMBER_MEMBERS, XR, y, cv=folds)), YR, row, other
    )


@few
@given(st.integers(0, 89), st.integers(1, 2))
def test_a_rows_own_class_never_reaches_its_own_predictions(row, step):
    folds = make_folds(Y3, n_splits=3)
    other = (Y3[row] + step) % 3
    assert not own_label_reaches(
        lambda y: column(out_of_fold(CLASS_MEMBERS, X3, y, cv=folds)), Y3, row, other
    )


def test_the_leak_test_catches_predictions_of_rows_seen_in_training():
    def in_sample(y):
        return np.column_stack([estimator.fit(XR, y).predict(XR) for _, estimator in NUMBER_MEMBERS])

    assert own_label_reaches(in_sample, YR, 7, YR[7] + 50)


NOISE = np.random.default_rng(5).normal(size=(400, 3))
COINS = np.random.default_rng(6).permutation(np.arange(400) % 2)
THREE_SIGMA = 3 * np.sqrt(401 / (12 * 200 * 200))


def test_random_labels_are_predicted_at_chance():
    members = [
        ("lr", LR),
        ("nn", KNeighborsClassifier(1)),
        ("tree", DecisionTreeClassifier(random_state=0)),
        ("nb", NB),
    ]
    table = out_of_fold(members, NOISE, COINS, cv=make_folds(COINS)).meta_train
    for name, _ in members:
        assert abs(roc_auc_score(COINS, table[name]) - 0.5) < THREE_SIGMA


def test_the_chance_test_catches_predictions_of_rows_seen_in_training():
    in_sample = KNeighborsClassifier(1).fit(NOISE, COINS).predict_proba(NOISE)[:, 1]
    assert abs(roc_auc_score(COINS, in_sample) - 0.5) > THREE_SIGMA
