"""Batch normalisation as pure functions: its moments, the transform, and its folding into a layer.

The functions return torch tensors, and accept arrays and lists of numbers too; integers become float64.
"""

from __future__ import annotations

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

__all__ = ["batch_moments", "batch_norm", "fold_batch_norm", "normalize"]


def batch_moments(x: Numbers, axes: Axes = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean and the biased variance of a batch.

    ``mean = sum(x) / m`` and ``variance = sum((x - mean)**2) / m`` over the m values along `axes`, as batch
    normalisation uses them in training.

    Parameters
    ----------
    x : tensor or array
        A batch: (n, channels) for dense layers; (n, channels, height, width) for convolutions.
    axes : int or sequence of int, default=0
        The axes to average over: 0 for dense layers, (0, 2, 3) for convolutions, where each channel has one
        pair of moments from m = n × height × width values.

    Returns
    -------
    mean, variance : tensor
        The shape of x without `axes`.

    Raises
    ------
    ValueError
        When x is not an array of numbers, an axis does not exist, or there is nothing to average.

    References
    ----------
    Ioffe and Szegedy (2015), Batch normalization, arXiv:1502.03167, algorithm 1.

    Examples
    --------
    >>> mean, variance = batch_moments([[1, 10], [3, 50]])
    >>> mean.tolist(), variance.tolist()
    ([2.0, 30.0], [1.0, 400.0])
    """
    x = as_floats(x, "x")
    chosen = check_axes(x, axes)
    return x.mean(chosen), x.var(chosen, correction=0)


def normalize(
    x: Numbers,
    mean: Numbers,
    variance: Numbers,
    gamma: Numbers | None = None,
    beta: Numbers | None = None,
    *,
    eps: float = 1e-5,
    axes: Axes = 0,
) -> torch.Tensor:
    """Normalise by given moments, as batch normalisation does in prediction.

    ``y = gamma * (x - mean) / sqrt(variance + eps) + beta``. No row depends on the other rows.

    Parameters
    ----------
    x : tensor or array
        A batch, as in `batch_moments`.
    mean, variance : tensor or array
        The shape of x without `axes`.
    gamma, beta : tensor or array, optional
        Scale and shift, of that shape; by default 1 and 0.
    eps : float, default=1e-5
        Added to the variance, under the root.
    axes : int or sequence of int, default=0
        The axes of x that share one mean.

    Returns
    -------
    tensor
        The shape of x.

    Raises
    ------
    ValueError
        When shapes do not fit, or eps is negative.

    References
    ----------
    arXiv:1502.03167, algorithm 2, line 11.

    Examples
    --------
    >>> normalize([[1.0], [5.0]], mean=[3.0], variance=[4.0], eps=0).tolist()
    [[-1.0], [1.0]]
    """
    x = as_floats(x, "x")
    axes = check_axes(x, axes)
    centre, spread = along(x, mean, axes, "mean"), along(x, variance, axes, "variance")
    y: torch.Tensor = (x - centre) * inverse_root(spread, eps)
    y = y if gamma is None else y * along(x, gamma, axes, "gamma")
    return y if beta is None else y + along(x, beta, axes, "beta")


def batch_norm(
    x: Numbers,
    gamma: Numbers | None = None,
    beta: Numbers | None = None,
    *,
    eps: float = 1e-5,
    axes: Axes = 0,
) -> torch.Tensor:
    """Normalise a batch by its own moments, as batch normalisation does in training.

    ``x_hat = (x - mean) / sqrt(variance + eps)`` and ``y = gamma * x_hat + beta``, with the biased variance
    of `batch_moments`. With gamma = sqrt(variance + eps) and beta = mean it changes nothing; a constant added
    to a channel of x (a bias of the layer before it) is removed again.

    Parameters
    ----------
    x : tensor or array
        A batch: (n, channels) or (n, channels, height, width).
    gamma, beta : tensor or array, optional
        Scale and shift, one pair per channel: the shape of x without `axes`; by default 1 and 0.
    eps : float, default=1e-5
        Added to the variance, under the root.
    axes : int or sequence of int, default=0
        As in `batch_moments`. K batches at once, of shape (K, n, channels), have ``axes=1``.

    Returns
    -------
    tensor
        The shape of x. Automatic differentiation goes through the moments, as it must.

    Raises
    ------
    ValueError
        When shapes do not fit, eps is negative, or eps is 0 and a channel constant.

    References
    ----------
    arXiv:1502.03167, algorithm 1; section 3.2 for convolutions.

    Examples
    --------
    >>> batch_norm([[1.0], [3.0]], gamma=[2.0], beta=[5.0], eps=0).tolist()
    [[3.0], [7.0]]
    """
    x = as_floats(x, "x")
    return normalize(x, *batch_moments(x, axes), gamma, beta, eps=eps, axes=axes)


def fold_batch_norm(
    weight: Numbers,
    bias: Numbers | None,
    gamma: Numbers | None,
    beta: Numbers | None,
    mean: Numbers,
    variance: Numbers,
    *,
    eps: float = 1e-5,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias of the one layer that equals a layer and the batch normalisation after it.

    ``weight' = weight * gamma / sqrt(variance + eps)`` for each output channel, and
    ``bias' = (bias - mean) * gamma / sqrt(variance + eps) + beta``. Prediction then needs no normalisation.

    Parameters
    ----------
    weight : tensor or array
        (outputs, inputs), or (outputs, inputs, height, width) of a convolution; or K of these at once, as
        (K, outputs, ...). The leading axes of weight are those of mean.
    bias : tensor or array, optional
        That of the layer, of the shape of mean; usually there is none.
    gamma, beta : tensor or array, optional
        Scale and shift, of the shape of mean; by default 1 and 0.
    mean, variance : tensor or array
        (outputs,) or (K, outputs): moving averages, or the moments of the population.
    eps : float, default=1e-5
        That of the normalisation.

    Returns
    -------
    weight, bias : tensor
        The shapes of weight and of mean.

    Raises
    ------
    ValueError
        When shapes do not fit, or eps is negative.

    References
    ----------
    arXiv:1502.03167, algorithm 2, line 11, for the layer before it.

    Examples
    --------
    >>> weight, bias = fold_batch_norm([[3.0, 4.0]], None, [2.0], [1.0], mean=[5.0], variance=[4.0], eps=0)
    >>> weight.tolist(), bias.tolist()
    ([[3.0, 4.0]], [-4.0])
    """
    weight, mean = as_floats(weight, "weight"), as_floats(mean, "mean")
    shape = weight.shape[: mean.ndim]
    given = {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta, "bias": bias}
    tensors = {name: with_shape(value, shape, name) for name, value in given.items() if value is not None}
    scale = inverse_root(tensors["variance"], eps) * tensors.get("gamma", 1)
    shifted = (tensors.get("bias", 0) - tensors["mean"]) * scale + tensors.get("beta", 0)
    return weight * scale.reshape(*shape, *(1,) * (weight.ndim - mean.ndim)), shifted
