"""Batch normalisation: published numbers, torch and automatic differentiation as references, invariances."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from stackit.neural import (
    batch_moments,
    batch_norm,
    batch_norm_backward,
    cumulative_decay,
    fold_batch_norm,
    moving_average,
    normalize,
    pooled_moments,
    population_moments,
    scale_invariance,
    warm_decay,
)

# The moments of a published batch of 10 rows and 5 features: over its rows, and over all of its 50 values.
MEANS = np.array([53.1, 46.8, 53.8, 57.1, 53.7])
VARIANCES = np.array([421.09, 896.96, 598.36, 1056.69, 542.61])
UNBIASED = [467.878, 996.622, 664.844, 1174.1, 602.9]
OVER_ALL = (52.9, 714.41)

IMAGES = (0, 2, 3)
seeds = st.integers(0, 2**32 - 1)
unhurried = settings(deadline=None, max_examples=15)


def normal(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


# Ten rows of five whole numbers that have exactly the published moments.
BATCH = np.array(
    [
        [52, 39, 43, 35, 74],
        [95, 2, 91, 13, 81],
        [52, 19, 11, 79, 44],
        [10, 93, 61, 38, 83],
        [36, 1, 58, 99, 86],
        [64, 43, 91, 56, 49],
        [60, 67, 21, 81, 29],
        [56, 59, 50, 72, 29],
        [45, 74, 49, 97, 31],
        [61, 71, 63, 1, 31],
    ]
)


def affine(seed, *shape):
    return normal(seed + 1, *shape), normal(seed + 2, *shape)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.float64])
def test_the_twelve_published_moments_of_ten_rows_of_whole_numbers(dtype):
    """Variances are biased, over 10 rows or 50 values; whole numbers are taken as they are."""
    mean, variance = batch_moments(BATCH.astype(dtype), axes=[0])
    assert_allclose(mean, MEANS, rtol=1e-6)
    assert_allclose(variance, VARIANCES, rtol=1e-6)
    assert_allclose(batch_moments(BATCH.astype(dtype), axes=[0, 1]), OVER_ALL, rtol=1e-6)
    assert mean.round(decimals=2).tolist() == mean.new_tensor(MEANS).tolist()
    assert_allclose(BATCH.var(axis=0, ddof=1), UNBIASED, atol=1e-3)


def test_the_published_moments_agree_with_each_other():
    assert_allclose(pooled_moments(MEANS, VARIANCES, 10), OVER_ALL)
    assert_allclose(population_moments(MEANS[None], VARIANCES[None], 10)[1], UNBIASED, atol=1e-3)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", ">i4", ">f8", "float32"])
def test_moments_take_any_numbers(dtype):
    x = np.array([[0, 1], [1, 1], [1, 0], [1, 1]], dtype=dtype)
    x.flags.writeable = False
    mean, variance = batch_moments(x[::-1])
    assert mean.dtype == (torch.float32 if dtype == "float32" else torch.float64)
    assert mean.tolist() == [0.75, 0.75]
    assert_allclose(variance, [0.1875, 0.1875])


def test_a_feature_map_shares_one_pair_of_moments():
    x = normal(0, 4, 6, 5, 7)
    mean, variance = batch_moments(x, IMAGES)
    assert mean.shape == variance.shape == (6,)
    rows = x.permute(0, 2, 3, 1).reshape(-1, 6)
    assert_allclose(mean, batch_moments(rows)[0])
    assert_allclose(batch_norm(x, axes=IMAGES).permute(0, 2, 3, 1).reshape(-1, 6), batch_norm(rows))


@unhurried
@given(seeds, st.sampled_from([((9, 3), 0), ((4, 3, 2, 5), IMAGES)]), st.sampled_from([1e-5, 1e-3, 0.5]))
def test_forward_and_backward_are_torchs(seed, case, eps):
    (shape, axes), upstream = case, normal(seed, *case[0])
    x, (gamma, beta) = normal(seed + 3, *shape), affine(seed, 3)
    leaves = [tensor.clone().requires_grad_() for tensor in (x, gamma, beta)]
    expected = torch.nn.functional.batch_norm(leaves[0], None, None, *leaves[1:], training=True, eps=eps)
    assert_allclose(batch_norm(x, gamma, beta, eps=eps, axes=axes), expected.detach(), atol=1e-12)
    expected.backward(upstream)
    found = batch_norm_backward(upstream, x, gamma, eps=eps, axes=axes)
    for gradient, leaf in zip(found, leaves, strict=True):
        assert_allclose(gradient, leaf.grad, atol=1e-11)


@unhurried
@given(seeds)
def test_automatic_differentiation_goes_through_the_moments(seed):
    x, upstream = normal(seed, 6, 2).requires_grad_(), normal(seed + 1, 6, 2)
    batch_norm(x).backward(upstream)
    assert_allclose(x.grad, batch_norm_backward(upstream, x.detach()).x, atol=1e-12)


@unhurried
@given(seeds, st.floats(-100, 100))
def test_a_bias_before_the_normalisation_does_nothing_and_learns_nothing(seed, bias):
    x, upstream = normal(seed, 8, 3), normal(seed + 1, 8, 3)
    assert_allclose(batch_norm(x + bias), batch_norm(x), atol=1e-9)
    assert_allclose(batch_norm_backward(upstream, x).x.sum(0), 0, atol=1e-12)


@given(seeds)
def test_the_right_scale_and_shift_give_the_batch_back(seed):
    x = 5 + 3 * normal(seed, 8, 3)
    mean, variance = batch_moments(x)
    assert_allclose(batch_norm(x, (variance + 1e-3).sqrt(), mean, eps=1e-3), x)
    assert_allclose(batch_moments(batch_norm(x, eps=0)), [[0] * 3, [1] * 3], atol=1e-12)


def test_two_rows_become_plus_and_minus_one():
    assert_allclose(batch_norm([[1.0, 9.0], [4.0, 2.0]], eps=0), [[-1, 1], [1, -1]])


@given(seeds)
def test_prediction_by_given_moments_ignores_the_other_rows(seed):
    x, (gamma, beta) = normal(seed, 8, 3), affine(seed, 3)
    together = normalize(x, *batch_moments(x), gamma, beta)
    assert_allclose(together, batch_norm(x, gamma, beta))
    alone = [normalize(row[None], *batch_moments(x), gamma, beta)[0] for row in x]
    assert (torch.stack(alone) == together).all()


def rising_bias(*, through_moments):
    """200 steps on a bias b that a normalised mean takes away: the loss, and b, before and after."""
    x, target, rate = normal(0, 16, 1), 3 + normal(1, 16, 1), 0.1
    bias, losses = 0.0, []
    for _ in range(200):
        gradient = batch_norm(x + bias) - target
        losses.append(gradient.square().mean().item())
        by_x = batch_norm_backward(gradient, x + bias, through_moments=through_moments).x
        bias -= rate * by_x.mean().item()
    return bias, losses


def test_without_the_gradient_through_the_moments_a_bias_grows_while_the_loss_stands_still():
    bias, losses = rising_bias(through_moments=False)
    assert bias > 50
    assert max(losses) - min(losses) < 1e-9
    bias, losses = rising_bias(through_moments=True)
    assert abs(bias) < 1e-12


@pytest.mark.parametrize("scale", [0.1, 2.0, 10.0, -0.1, -3.0])
def test_the_gradient_by_a_scaled_weight_is_divided_by_the_scale(scale):
    weight, inputs, upstream = normal(0, 4, 5), normal(1, 12, 5), normal(2, 12, 4)
    found = scale_invariance(weight, inputs, upstream, scale)
    assert_allclose(found.scaled_gradient, found.gradient / abs(scale), atol=1e-12)
    assert found.ratio == pytest.approx(1 / abs(scale))
    assert_allclose((weight * found.gradient).sum(1), 0, atol=1e-12)
    layer = inputs @ weight.T
    assert_allclose(batch_norm(scale * layer, eps=0), np.sign(scale) * batch_norm(layer, eps=0), atol=1e-12)


def test_the_gradient_by_the_unscaled_weight_has_no_factor():
    weight, inputs, upstream = normal(0, 4, 5).requires_grad_(), normal(1, 12, 5), normal(2, 12, 4)
    (batch_norm(inputs @ (10 * weight).T, eps=0) * upstream).sum().backward()
    expected = scale_invariance(weight.detach(), inputs, upstream, 10.0)
    assert_allclose(weight.grad, expected.gradient, atol=1e-12)
    assert_allclose(weight.grad, 10 * expected.scaled_gradient, atol=1e-12)


def test_a_small_weight_feels_eps():
    weight, inputs, upstream = normal(0, 4, 5), normal(1, 12, 5), normal(2, 12, 4)
    errors = [
        abs(scale * scale_invariance(weight, inputs, upstream, scale, eps=1e-5).ratio - 1)
        for scale in (0.1, 0.01, 0.001)
    ]
    assert errors[0] < 0.001 < errors[1] < 0.1 < errors[2]


def test_moving_averages_as_published():
    assert_allclose(moving_average([2, 3, 4], 1, 0.9), [1.1, 1.29, 1.561])
    assert_allclose(moving_average([2, 3, 4], 1, 0.9, warm=True), [1.9, 2.8, 3.7])
    assert_allclose(moving_average([2, 3, 4], 0, 0.9), [0.2, 0.48, 0.832])


@pytest.mark.parametrize(("decay", "reached"), [(0.9, 80), (0.99, 890), (0.999, 8990)])
def test_the_decay_warms_up_to_its_cap(decay, reached):
    assert warm_decay(decay, reached - 1) < decay
    assert warm_decay(decay, reached) == warm_decay(decay, 10 * reached) == decay


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.floats(-100, 100))
def test_the_cumulative_average_is_the_mean_of_all_values_so_far(values, start):
    expected = np.cumsum(values) / np.arange(1, len(values) + 1)
    assert_allclose(moving_average(values, start, None), expected, atol=1e-9)
    assert cumulative_decay(len(values)) == len(values) / (len(values) + 1)


@pytest.mark.parametrize(("decay", "momentum"), [(0.9, 0.1), (None, None)])
def test_torchs_running_statistics_are_moving_averages_of_unbiased_moments(decay, momentum):
    layer = torch.nn.BatchNorm1d(3, momentum=momentum, dtype=torch.float64)
    batches = [normal(seed, 6, 3) for seed in range(7)]
    for batch in batches:
        layer(batch)
    assert_allclose(layer.running_mean, moving_average([b.mean(0).tolist() for b in batches], 0, decay)[-1])
    assert_allclose(layer.running_var, moving_average([b.var(0).tolist() for b in batches], 1, decay)[-1])


def test_the_population_s_variance_is_estimated_from_variances_not_from_deviations():
    batches = normal(0, 20_000, 8, 1)
    means, variances = batch_moments(batches, axes=1)
    _, population = population_moments(means, variances, 8)
    found = [variances.sqrt().mean(), variances.mean().sqrt(), population.sqrt().item()]
    assert_allclose(found, [0.902, 0.934, 0.9985], atol=5e-3)
    assert_allclose(population, variances.mean(0) * 8 / 7)


@given(seeds, st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any))
def test_pooled_moments_are_those_of_all_rows(seed, sizes):
    rows = 2 + normal(seed, sum(sizes), 3)
    parts = [part for part in rows.split(sizes)]
    nothing = torch.full((3,), torch.nan, dtype=torch.float64)
    moments = [batch_moments(part) if len(part) else (nothing, nothing) for part in parts]
    means, variances = map(torch.stack, zip(*moments, strict=True))
    assert_allclose(pooled_moments(means, variances, sizes), torch.stack(batch_moments(rows)), atol=1e-12)
    if sum(sizes) > 1:
        unbiased = pooled_moments(means, variances, sizes, correction=1)[1]
        assert_allclose(unbiased, rows.var(0), atol=1e-12)


def test_batches_of_nets_side_by_side_have_their_own_sizes():
    means, variances = normal(0, 4, 2, 3), normal(1, 4, 2, 3).square()
    sizes = np.array([[5, 6], [5, 6], [5, 6], [2, 3]])
    for function in (population_moments, pooled_moments):
        together = torch.stack(function(means, variances, sizes))
        for net in range(2):
            alone = function(means[:, net], variances[:, net], sizes[:, net])
            assert_allclose(together[:, net], torch.stack(alone))


def evaluated(shape, seed):
    """Moments, scale and shift of a trained normalisation."""
    return (*affine(seed, *shape), normal(seed + 3, *shape), normal(seed + 4, *shape).square())


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_a_folded_dense_layer_predicts_the_same(biased, scaled):
    weight, x = normal(0, 4, 5), normal(1, 7, 5)
    gamma, beta, mean, variance = evaluated((4,), 2)
    gamma, beta = (gamma, beta) if scaled else (None, None)
    bias = normal(9, 4) if biased else None
    plain = x @ weight.T + (bias if biased else 0)
    folded, shift = fold_batch_norm(weight, bias, gamma, beta, mean, variance)
    assert_allclose(x @ folded.T + shift, normalize(plain, mean, variance, gamma, beta), atol=1e-12)
    if biased and scaled:
        expected = torch.nn.utils.fusion.fuse_linear_bn_weights(
            weight, bias, mean, variance, 1e-5, gamma, beta
        )
        assert_allclose(folded, expected[0].detach())
        assert_allclose(shift, expected[1].detach())


def test_a_folded_convolution_predicts_the_same():
    weight, x = normal(0, 4, 3, 2, 2), normal(1, 5, 3, 6, 6)
    gamma, beta, mean, variance = evaluated((4,), 2)
    folded, shift = fold_batch_norm(weight, None, gamma, beta, mean, variance, eps=1e-3)
    expected = normalize(torch.conv2d(x, weight), mean, variance, gamma, beta, eps=1e-3, axes=IMAGES)
    assert_allclose(torch.conv2d(x, folded, shift), expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 5), (4, 3, 2, 2)])
def test_nets_side_by_side_are_folded_each_by_its_own_moments(shape):
    weight, statistics = normal(0, 3, *shape), evaluated((3, 4), 1)
    together = fold_batch_norm(weight, None, *statistics)
    for net in range(3):
        alone = fold_batch_norm(weight[net], None, *(values[net] for values in statistics))
        assert_allclose(together[0][net], alone[0])
        assert_allclose(together[1][net], alone[1])


X = np.ones((4, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: batch_moments("rows"), "x must be an array of numbers; got str"),
        (lambda: batch_moments(X + 1j), r"x must be real numbers; got dtype=torch.complex128"),
        (lambda: batch_moments(X, 2), r"axes must be axes of x, of shape \(4, 3\); got axes=2"),
        (lambda: batch_moments(X[:0]), r"x must be a batch of at least one row; got shape=\(0, 3\)"),
        (lambda: batch_norm(X, gamma=[1, 2]), r"gamma must be of shape \(3,\); got shape=\(2,\)"),
        (lambda: batch_norm(X, eps=0), r"eps must be positive where a channel is constant; got eps=0"),
        (lambda: batch_norm(X, eps=-1), r"eps must be 0 or more; got eps=-1"),
        (lambda: batch_norm_backward(X[1:], X), r"gradient must be of shape \(4, 3\); got shape=\(3, 3\)"),
        (lambda: fold_batch_norm(X, None, None, None, [0.0], [1.0]), r"mean must be of shape \(4,\); got"),
        (lambda: warm_decay(1.0, 3), "decay must be at least 0 and less than 1; got decay=1.0"),
        (lambda: warm_decay(0.9, -1), "n_updates must be 0 or more; got n_updates=-1"),
        (lambda: moving_average([], 0), r"values must be a series; got shape=\(0,\)"),
        (lambda: moving_average(X, [0.0, 0.0]), r"start must be one number, or of a value's shape \(3,\)"),
        (lambda: moving_average([1.0], 0, 1.5), "decay must be at least 0 and less than 1; got decay=1.5"),
        (lambda: population_moments(X, X, [2, 2, 2, 1]), "sizes must be at least 2; got sizes="),
        (lambda: population_moments(X, X[1:], 5), r"means and variances must be of one shape.*\(3, 3\)"),
        (lambda: pooled_moments(X, X, [1, 2]), r"sizes must be one number, or one per batch \(4\)"),
        (lambda: pooled_moments(X, X, 0), "sizes must be more than 0 in all; got sum=0"),
        (lambda: scale_invariance(X, X, X, 0), "scale must be a number other than 0; got scale=0"),
        (lambda: scale_invariance(X, X.T, X, 2), r"weight and inputs must be of shapes .*\(3, 4\)"),
    ],
)
def test_faults_are_named(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_without_torch_one_line_says_how_to_install_it():
    code = (
        "from stackit import neural\n"
        "print(neural.learning_rates('constant', 1.0, 1, 1), neural.whiten([[0.0], [2.0]], eps=0).ravel())\n"
        "import sys; sys.modules['torch'] = None\n"
        "neural.batch_norm"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "[1.] [-1.  1.]\n"
    assert run.stderr.splitlines()[-1].endswith("Install it with: pip install 'stackit[torch]'")
