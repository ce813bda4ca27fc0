"""The tests of images use one thread of torch, and often a small network."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def one_thread(single_torch_thread):
    """Let torch work in one thread in every module of this folder."""


@pytest.fixture
def network():
    """A small network with random weights, always the same."""
    import torch

    from stackit.images import Preprocessing, PretrainedNetwork, cifar_resnet

    torch.manual_seed(0)
    return PretrainedNetwork(cifar_resnet(8), Preprocessing.torchvision(32, 36), "flatten", "tiny")
