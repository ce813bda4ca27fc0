"""Normal quantiles of numbers, by hand."""

import numpy as np
import torch
from scipy.stats import norm

from stackit.neural.training.quantiles import FARTHEST, Quantiles, fit_quantiles


def quantiles_of(train, x):
    quantiles = Quantiles(1, 1, 5).double()
    quantiles.values[0] = torch.as_tensor(fit_quantiles(np.array(train, dtype=float)[:, None], None, 5))
    return quantiles(torch.tensor(x, dtype=torch.float64)[None, :, None])[0, :, 0].numpy()


def test_a_number_has_the_normal_quantile_of_its_rank_and_what_is_beyond_the_last():
    ranks = [0.25, 0.5, 0.625]
    found = quantiles_of([0, 1, 2, 3, 4], [1, 2, 2.5, -9, 9])
    np.testing.assert_allclose(found, [*norm.ppf(ranks), -FARTHEST, FARTHEST], atol=1e-12)


def test_a_number_that_occurs_often_has_the_middle_of_its_ranks():
    np.testing.assert_allclose(quantiles_of([0, 1, 1, 1, 4], [1]), norm.ppf([0.5]), atol=1e-12)
    np.testing.assert_allclose(quantiles_of([0, 0, 0, 3, 4], [0]), norm.ppf([0.25]), atol=1e-12)


def test_a_missing_number_stays_missing():
    assert np.isnan(quantiles_of([0, 1, np.nan, 3, 4], [np.nan])).all()
