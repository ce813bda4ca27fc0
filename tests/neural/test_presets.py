"""The preset is a net like others, learns in few epochs, and beats scikit-learn's where that was promised."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from competitions.data import find
from stackit import out_of_fold
from stackit.neural import modern_mlp_classifier, modern_mlp_regressor


def test_presets_learn_with_the_defaults_of_their_users():
    X, y = load_breast_cancer(return_X_y=True)
    oof = out_of_fold([("net", modern_mlp_classifier(hidden_layer_sizes=(64, 64)))], X, y, cv=3, n_jobs=1)
    assert log_loss(y, oof.meta_train.to_numpy().ravel()) < 0.15
    X, y = load_diabetes(return_X_y=True)
    oof = out_of_fold([("net", modern_mlp_regressor(hidden_layer_sizes=(64, 64)))], X, y, cv=3, n_jobs=1)
    assert np.corrcoef(oof.meta_train.to_numpy().ravel(), y)[0, 1] > 0.6


@pytest.mark.parametrize(
    ("net", "activation"), [(modern_mlp_classifier(), "selu"), (modern_mlp_regressor(), "mish")]
)
def test_the_presets_are_what_they_say(net, activation):
    """Their parts, as the docstring names them."""
    said = {
        "activation": activation,
        "hidden_layer_sizes": (256, 256, 256),
        "parametrization": "ntk",
        "scaling": "robust",
        "smooth_clip": True,
        "learned_scaling": True,
        "solver": "adam",
        "beta_2": 0.95,
        "learning_rate": "cosine",
        "learning_rate_init": 0.04,
        "alpha": 0.04,
        "max_iter": 10,
        "embedding": None,
        "n_estimators": 1,
    }
    assert {name: net.get_params()[name] for name in said} == said


def test_what_is_overridden_is_overridden():
    assert modern_mlp_classifier(alpha=0.5, embedding="periodic").embedding == "periodic"
    with pytest.raises(TypeError, match="width"):
        modern_mlp_classifier(width=3)


def found(folder, file):
    try:
        return find(folder, [file], f"https://www.kaggle.com/c/{folder}") / file
    except FileNotFoundError as error:
        pytest.skip(str(error))


def log_losses(estimators, X, y, n_splits):
    """Of each estimator's out-of-fold probabilities, as a whole."""
    folds = list(StratifiedKFold(n_splits, shuffle=True, random_state=0).split(X, y))
    oof = out_of_fold(estimators, X, y, cv=folds, n_jobs=1, random_state=0)
    classes = np.unique(y)
    columns = {
        name: [column for column in oof.meta_train if column.startswith(name)] for name, _ in estimators
    }
    losses = {name: log_loss(y, oof.meta_train[columns[name]], labels=classes) for name in columns}
    print({name: round(loss, 4) for name, loss in losses.items()})
    return losses, oof, folds


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_on_otto_the_preset_beats_scikit_learns_mlp():
    """Ten thousand rows, three folds, counts as log(1 + x); scikit-learn's as it is and stopped early."""
    rows = pd.read_csv(found("otto", "train.csv.gz")).sample(10_000, random_state=0)
    X, y = np.log1p(rows.filter(like="feat").to_numpy(float)), rows["target"].to_numpy()
    sklearn = {
        "sk_default": MLPClassifier(max_iter=30),
        "sk_stopped": MLPClassifier(early_stopping=True),
        "sk_wide": MLPClassifier((256, 256, 256), early_stopping=True, alpha=1e-2),
    }
    estimators = [(name, make_pipeline(StandardScaler(), net)) for name, net in sklearn.items()]
    estimators += [("modern", modern_mlp_classifier()), ("four", modern_mlp_classifier(n_estimators=4))]
    losses, _, _ = log_losses(estimators, X, y, 3)
    assert losses["modern"] < min(losses[name] for name in sklearn) - 0.01
    assert losses["four"] < losses["modern"]


@pytest.mark.slow
def test_on_titanic_a_stack_is_no_worse_for_the_preset():
    train = pd.read_csv(found("titanic", "train.csv"))
    X = train[["Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked"]]
    X = X.assign(Age=X["Age"].fillna(28), Embarked=X["Embarked"].fillna("S"))
    encoded = make_pipeline(OneHotEncoder(handle_unknown="ignore", max_categories=40), SimpleImputer())
    estimators = [
        ("logistic", make_pipeline(encoded, LogisticRegression(max_iter=500))),
        ("forest", make_pipeline(encoded, RandomForestClassifier(200, min_samples_leaf=3))),
        ("modern", modern_mlp_classifier()),
    ]
    y = train["Survived"].to_numpy()
    losses, oof, folds = log_losses(estimators, X, y, 5)
    finals = {}
    for names in (["logistic", "forest"], ["logistic", "forest", "modern"]):
        final = out_of_fold([("final", LogisticRegression())], oof.meta_train[names], y, cv=folds, n_jobs=1)
        finals[len(names)] = log_loss(y, final.meta_train.to_numpy().ravel())
    print({n: round(loss, 4) for n, loss in finals.items()})
    assert losses["modern"] < losses["logistic"]
    assert finals[3] <= finals[2]
