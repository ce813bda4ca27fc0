"""Whitening: features rotated and scaled until they are uncorrelated, each with variance one."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.validation import invalid_value

__all__ = ["Whitening", "whiten"]

Table = npt.NDArray[np.floating]
WhiteningKind = Literal["pca", "zca"]


class Whitening(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns features into uncorrelated ones of mean 0 and variance 1.

    With the covariance ``C = E diag(l) E.T``, ``Z = (X - mean) @ W`` where

    * ``"pca"``: ``W = E diag(l + eps)**-1/2``: features are the principal axes, the widest first;
    * ``"zca"``: ``W = E diag(l + eps)**-1/2 E.T``: rotated back, so each feature stays as close to its
      original as whitened features can.

    Batch normalisation divides each feature by its own deviation and leaves correlations: whitening the
    inputs of a layer in each step would need a matrix root and its gradient.

    Parameters
    ----------
    kind : {"pca", "zca"}, default="zca"
        The rotation. `zca` is closest to the centred X; to be closest to the standardised X (ZCA-cor), put a
        `StandardScaler` before it.
    eps : float, default=1e-5
        Added to the eigenvalues, so that noise is not amplified where features depend on each other. With
        eps=0 the covariance of the result is the identity, up to rounding.

    Attributes
    ----------
    mean_ : (d,) array
        The features' means.
    whitening_ : (d, d) array
        W.
    coloring_ : (d, d) array
        Its inverse.
    n_features_in_ : int
        d.

    Raises
    ------
    ValueError
        In `fit`, when the kind is unknown, eps is negative, or eps is 0 and features are linearly dependent.

    See Also
    --------
    sklearn.decomposition.PCA : ``whiten=True`` is "pca" with eps=0, up to signs and the divisor (n - 1 there;
        here n, as in batch normalisation), and can drop dimensions.

    References
    ----------
    Kessy, Lewin and Strimmer (2018), Optimal whitening and decorrelation, arXiv:1512.00809. Krizhevsky
    (2009), Learning multiple layers of features from tiny images, appendix A (ZCA).

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [2.0, 1.0], [4.0, 5.0], [6.0, 4.0]])
    >>> Z = Whitening(eps=0).fit_transform(X)
    >>> np.cov(Z.T, bias=True).round(6).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, *, kind: WhiteningKind = "zca", eps: float = 1e-5) -> None:
        self.kind = kind
        self.eps = eps

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn mean and covariance.

        Parameters
        ----------
        X : (n, d) array-like
            At least two rows.
        y : ignored
            Accepted for pipelines.
        """
        self._check_parameters()
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        self.mean_ = X.mean(axis=0)
        centred = X - self.mean_
        values, vectors = _axes_of(centred.T @ centred / len(X))
        self._check_rank(values)
        roots = np.sqrt(values + self.eps)
        back = vectors.T if self.kind == "zca" else np.eye(len(roots), dtype=X.dtype)
        self.whitening_ = vectors / roots @ back
        self.coloring_ = back.T @ (vectors * roots).T
        return self

    def transform(self, X: Any) -> Table:
        """Return the whitened features, of shape (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return np.asarray((X - self.mean_) @ self.whitening_)

    def inverse_transform(self, X: Any) -> Table:
        """Return the original features of whitened ones, of shape (n, d)."""
        check_is_fitted(self)
        return np.asarray(X @ self.coloring_ + self.mean_)

    @property
    def _n_features_out(self) -> int:
        return len(self.mean_)

    def _check_parameters(self) -> None:
        if self.kind not in ("pca", "zca"):
            raise invalid_value("kind", "'pca' or 'zca'", f"kind={self.kind!r}", "Pass kind='zca'")
        if not self.eps >= 0:
            raise invalid_value("eps", "0 or more", f"eps={self.eps!r}", "Pass eps=1e-5")

    def _check_rank(self, values: Table) -> None:
        least = values[0] * len(values) * np.finfo(values.dtype).eps
        if self.eps == 0 and not values[-1] > least:
            rank = int((values > least).sum())
            advice = f"{rank} of {len(values)} directions vary: pass eps=1e-5"
            raise invalid_value(
                "eps", "positive where features depend on each other", f"eps={self.eps!r}", advice
            )


def whiten(X: Any, kind: WhiteningKind = "zca", *, eps: float = 1e-5) -> Table:
    """Return X whitened by its own mean and covariance: `Whitening` for one table.

    Parameters
    ----------
    X : (n, d) array-like
        At least two rows.
    kind, eps
        As in `Whitening`.

    Returns
    -------
    (n, d) array
        Mean 0, covariance the identity (with eps=0, and n as the divisor).

    Raises
    ------
    ValueError
        As `Whitening.fit` does.

    Examples
    --------
    >>> whiten([[0.0, 3.0], [2.0, 3.0], [0.0, 9.0], [2.0, 9.0]], eps=0).round(6).tolist()
    [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """
    return np.asarray(Whitening(kind=kind, eps=eps).fit_transform(X))


def _axes_of(covariance: Table) -> tuple[Table, Table]:
    """Return eigenvalues, the largest first, and principal axes with positive largest entries."""
    values, vectors = eigh(covariance)
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    return values, vectors * np.sign(vectors[largest, np.arange(len(values))])
