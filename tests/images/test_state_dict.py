"""Who wrote the names of weights."""

import torch

from stackit.images.weights.state_dict import writer_of


def test_a_kernel_is_a_name_of_keras():
    assert writer_of({"fc1/kernel": torch.ones(2, 2)}) == "Keras"
