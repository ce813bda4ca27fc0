"""A torch module as a network of layers."""

import torch

from stackit.images.module import TorchModule


def test_the_output_of_a_layer_is_that_of_the_layers_up_to_it():
    module = TorchModule.for_inference(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)))
    assert module.output("0", torch.zeros(5, 3, 2, 2)).shape == (5, 12)
