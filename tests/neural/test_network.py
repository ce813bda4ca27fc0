"""Sizes of a network and of what it is trained with, by hand."""

import pytest
import torch

from stackit.neural.batchnorm.tensors import as_floats
from stackit.neural.estimators.fitted import choose_device
from stackit.neural.layers.network import Network, NetworkPlan
from stackit.neural.training.batches import n_batches
from stackit.neural.training.embeddings import embedding_width
from stackit.neural.training.optimizers import Adam


def test_the_number_of_parameters_is_that_of_one_network():
    plan = NetworkPlan(layers=(("dense", 8), "batch_norm", "relu", ("dense", 3)), shape=(4,))
    assert Network(plan, n_nets=5).n_parameters == 4 * 8 + 2 * 8 + 8 * 3 + 3


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "expected"),
    [(2, 64, 1), (63, 64, 1), (713, 64, 11), (60_000, 64, 938), (3, 2, 1)],
)
def test_the_number_of_batches_is_rounded_and_leaves_no_row_alone(n_rows, batch_size, expected):
    assert n_batches(n_rows, batch_size) == expected


@pytest.mark.parametrize(("n_levels", "expected"), [(3, 3), (10, 6), (1000, 50)])
def test_an_embedding_grows_with_the_levels_up_to_50(n_levels, expected):
    assert embedding_width(n_levels) == expected


def test_the_first_step_of_adam_has_the_length_of_the_learning_rate():
    parameter = torch.tensor([1.0])
    Adam([parameter], [1.0], beta_1=0.9, beta_2=0.999).step([torch.tensor([5.0])], rate=0.1)
    assert parameter.item() == pytest.approx(0.9, abs=1e-6)


def test_integers_become_double_precision():
    found = as_floats([[1, 2]], "x")
    assert (found.tolist(), found.dtype) == ([[1.0, 2.0]], torch.float64)


def test_a_device_is_chosen_by_name():
    assert choose_device("cpu") == torch.device("cpu")
