"""Whitening: the identity as covariance, the way back, and ZCA as the whitening closest to its input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import ortho_group
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from stackit.neural import Whitening, batch_norm, whiten

KINDS = ("pca", "zca")
seeds = st.integers(0, 2**32 - 1)


def correlated(seed, n=40, d=4):
    rng = np.random.default_rng(seed)
    # Axes of lengths 0.5 to 5: of a table that is nearly flat no arithmetic knows the last direction well.
    turns = [np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2)]
    return rng.normal(size=(n, d)) @ (turns[0] * rng.uniform(0.5, 5, d) @ turns[1]) + rng.normal(size=d) * 10


def covariance(table):
    return np.cov(table.T, bias=True)


@parametrize_with_checks([Whitening(), Whitening(kind="pca", eps=1e-3)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", KINDS)
@given(seeds)
def test_whitened_features_are_uncorrelated_with_variance_one(kind, seed):
    Z = whiten(correlated(seed), kind, eps=0)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-6)
    assert_allclose(covariance(Z), np.eye(4), atol=1e-6)


def test_batch_normalisation_alone_leaves_correlations():
    X = load_iris().data
    normalised = covariance(batch_norm(X, eps=0).numpy())
    assert_allclose(np.diag(normalised), 1)
    assert_allclose(normalised, np.corrcoef(X.T))
    assert normalised[2, 3] > 0.95
    assert abs(covariance(whiten(X, eps=0))[2, 3]) < 1e-9


@pytest.mark.parametrize("kind", KINDS)
@given(seeds, st.sampled_from([0.0, 1e-5, 0.1]))
def test_the_way_back(kind, seed, eps):
    X = correlated(seed)
    fitted = Whitening(kind=kind, eps=eps).fit(X)
    assert_allclose(fitted.inverse_transform(fitted.transform(X)), X, atol=1e-6)


@given(seeds)
def test_no_other_whitening_is_closer_to_the_standardised_data_than_zca(seed):
    X = StandardScaler().fit_transform(correlated(seed))
    closest = np.square(whiten(X, "zca", eps=0) - X).mean()
    pca = whiten(X, "pca", eps=0)
    turns = ortho_group.rvs(4, size=20, random_state=seed)
    assert all(np.square(pca @ turn - X).mean() > closest - 1e-9 for turn in [np.eye(4), *turns])


def test_pca_whitening_is_scikit_learns_up_to_signs_and_the_divisor():
    X = load_iris().data
    ours, theirs = whiten(X, "pca", eps=0), PCA(whiten=True).fit_transform(X)
    assert_allclose(np.abs(ours), np.abs(theirs) * np.sqrt(150 / 149), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_result_depends_on_the_rows_of_fit_alone(kind):
    X = correlated(0)
    fitted = Whitening(kind=kind).fit(X[:30])
    assert_allclose(fitted.transform(X)[35:36], fitted.transform(X[35:36]), rtol=1e-12)


def test_eps_keeps_directions_without_spread_small():
    X = np.c_[np.arange(5.0), np.arange(5.0), np.ones(5)]
    for kind in KINDS:
        assert np.abs(whiten(X, kind)).max() < 2
    with pytest.raises(ValueError, match=r"eps must be positive where features .* 1 of 3 directions vary"):
        whiten(X, eps=0)


def test_names_of_features():
    X = correlated(0)
    assert Whitening().fit(X).get_feature_names_out().tolist() == [f"whitening{at}" for at in range(4)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kind": "cholesky"}, "kind must be 'pca' or 'zca'; got kind='cholesky'. Pass kind='zca'."),
        ({"eps": -1.0}, "eps must be 0 or more; got eps=-1.0. Pass eps=1e-5."),
    ],
)
def test_faults_are_named(options, text):
    with pytest.raises(ValueError, match=text):
        Whitening(**options).fit(correlated(0))
