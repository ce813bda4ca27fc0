"""Gradients of batch normalisation in closed form, and their dependence on the scale of weights."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from stackit.neural.batchnorm.tensors import (
    Axes,
    Numbers,
    along,
    as_floats,
    check_axes,
    inverse_root,
    with_shape,
)
from stackit.neural.batchnorm.transform import batch_norm
from stackit.validation import invalid_value

__all__ = ["Gradients", "ScaleInvariance", "batch_norm_backward", "scale_invariance"]


class Gradients(NamedTuple):
    """The gradients of a loss by input, scale and shift, in their shapes."""

    x: torch.Tensor
    gamma: torch.Tensor
    beta: torch.Tensor


class ScaleInvariance(NamedTuple):
    """The (outputs, inputs) gradients by W at W and by a W at a W, and the ratio of their norms."""

    gradient: torch.Tensor
    scaled_gradient: torch.Tensor
    ratio: float


def batch_norm_backward(
    gradient: Numbers,
    x: Numbers,
    gamma: Numbers | None = None,
    *,
    eps: float = 1e-5,
    axes: Axes = 0,
    through_moments: bool = True,
) -> Gradients:
    """Return the gradients of a loss by the input, scale and shift of `batch_norm`, in closed form.

    With ``g = gamma * gradient``, the gradient by x is
    ``(g - mean(g) - x_hat * mean(g * x_hat)) / sqrt(variance + eps)``, that by gamma is
    ``sum(gradient * x_hat)``, and that by beta ``sum(gradient)``; means and sums run along `axes`.

    Parameters
    ----------
    gradient : tensor or array
        Of the loss by the output of `batch_norm`; the shape of x.
    x, gamma, eps, axes
        The arguments of `batch_norm`.
    through_moments : bool, default=True
        False treats mean and variance as constants: the mistake that section 2 of the paper warns of. Steps
        then grow a bias that the normalisation removes again, without end, while the loss does not change.

    Returns
    -------
    Gradients
        By x, gamma and beta.

    Raises
    ------
    ValueError
        As `batch_norm` does.

    References
    ----------
    arXiv:1502.03167, section 3 (the chain rule, simplified).

    Examples
    --------
    >>> by_x, by_gamma, by_beta = batch_norm_backward([[1.0], [0.0], [0.0]], [[0.0], [1.0], [2.0]], eps=0)
    >>> by_x.flatten().numpy().round(3).tolist(), by_beta.item()
    ([0.204, -0.408, 0.204], 1.0)
    """
    x = as_floats(x, "x")
    chosen = check_axes(x, axes)
    gradient = with_shape(gradient, x.shape, "gradient")
    x_hat = batch_norm(x, eps=eps, axes=axes)
    inner = gradient if gamma is None else gradient * along(x, gamma, chosen, "gamma")
    if through_moments:
        inner = inner - inner.mean(chosen, keepdim=True) - x_hat * (inner * x_hat).mean(chosen, keepdim=True)
    root = inverse_root(x.var(chosen, correction=0, keepdim=True), eps)
    return Gradients(inner * root, (gradient * x_hat).sum(chosen), gradient.sum(chosen))


def scale_invariance(
    weight: Numbers, inputs: Numbers, gradient: Numbers, scale: float, *, eps: float = 0.0
) -> ScaleInvariance:
    """Return the gradients by a weight and by its multiple, for a dense layer before batch normalisation.

    ``BN((a W) u) = BN(W u)`` for a > 0, so ``dBN((a W) u) / d(a W) = (1 / a) dBN(W u) / dW``: the larger a
    weight, the smaller its gradient, which limits the growth of weights. The factor belongs to the derivative
    by the *scaled* weight; that by W itself does not change. For a < 0 the output changes its sign, and the
    factor is ``1 / abs(a)``. Since W and a W have the same loss, each row of W is orthogonal to its gradient.
    All this is exact only for eps = 0.

    Parameters
    ----------
    weight : (outputs, inputs) tensor or array
        W.
    inputs : (n, inputs) tensor or array
        u, one row per sample.
    gradient : (n, outputs) tensor or array
        Of the loss by the normalised output.
    scale : float
        a, not 0.
    eps : float, default=0
        That of the normalisation: with 1e-5, the scale of very small weights matters.

    Returns
    -------
    ScaleInvariance
        The two gradients, and the ratio of their norms.

    Raises
    ------
    ValueError
        When shapes do not fit, the scale is 0 or not finite, or eps is 0 and an output constant.

    References
    ----------
    arXiv:1502.03167, section 3.3.

    Examples
    --------
    >>> found = scale_invariance([[1.0, 2.0]], [[1, 0], [0, 1], [3, 1]], [[1], [0], [0]], scale=10.0)
    >>> round(found.ratio, 9)
    0.1
    """
    if not math.isfinite(scale) or scale == 0:
        raise invalid_value("scale", "a number other than 0", f"{scale=}", "Pass scale=10.0")
    weight, inputs = as_floats(weight, "weight"), as_floats(inputs, "inputs")
    if weight.ndim != 2 or inputs.ndim != 2 or weight.shape[1] != inputs.shape[1]:
        expected = "of shapes (outputs, inputs) and (n, inputs)"
        got = f"shapes {tuple(weight.shape)} and {tuple(inputs.shape)}"
        raise invalid_value("weight and inputs", expected, got, "Pass two tables")
    plain, scaled = (_by_weight(w, inputs, gradient, eps) for w in (weight, scale * weight))
    return ScaleInvariance(plain, scaled, (scaled.norm() / plain.norm()).item())


def _by_weight(weight: torch.Tensor, inputs: torch.Tensor, gradient: Numbers, eps: float) -> torch.Tensor:
    """Return the gradient of the loss by the weight of a dense layer before a normalisation."""
    inputs = inputs.to(weight.dtype)
    return batch_norm_backward(gradient, inputs @ weight.T, eps=eps).x.to(weight.dtype).T @ inputs
