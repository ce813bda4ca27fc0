"""The networks are those that were published: by their parameters, their layers and their padding."""

import numpy as np
import pytest
import torch

from stackit.images import (
    VGG_CONFIGURATIONS,
    cifar_resnet,
    layer_names,
    mobilenet,
    resnet,
    squeezenet,
    tapped,
    vgg,
)
from stackit.images.architectures.layers import sequence
from stackit.images.architectures.mobilenet import SameConv2d
from stackit.images.architectures.resnet import Residual, Subsampled

PUBLISHED = [
    (vgg, {"configuration": "A"}, 132_863_336),
    (vgg, {"configuration": "A-LRN"}, 132_863_336),
    (vgg, {"configuration": "B"}, 133_047_848),
    (vgg, {"configuration": "C"}, 133_638_952),
    (vgg, {"configuration": "D"}, 138_357_544),
    (vgg, {"configuration": "E"}, 143_667_240),
    (vgg, {"configuration": "D", "batch_norm": True}, 138_365_992),
    (vgg, {"configuration": "D", "n_classes": None}, 14_714_688),
    (mobilenet, {}, 4_231_976),
    (mobilenet, {"width": 0.75}, 2_585_560),
    (mobilenet, {"width": 0.5}, 1_331_592),
    (mobilenet, {"width": 0.25}, 470_072),
    (squeezenet, {}, 1_235_496),
    (squeezenet, {"n_classes": None}, 722_496),
    (cifar_resnet, {"depth": 20}, 269_722),
    (cifar_resnet, {"depth": 56}, 853_018),
    (resnet, {"depth": 18}, 11_689_512),
    (resnet, {"depth": 34}, 21_797_672),
    (resnet, {"depth": 50}, 25_557_032),
]


@pytest.mark.parametrize(("make", "options", "count"), PUBLISHED)
def test_networks_have_exactly_the_published_parameters(make, options, count):
    with torch.device("meta"):
        network = make(**options)
    assert sum(weights.numel() for weights in network.parameters()) == count


@pytest.mark.parametrize(
    ("configuration", "count"), [("A", 11), ("A-LRN", 11), ("B", 13), ("C", 16), ("D", 16), ("E", 19)]
)
def test_vgg_configurations_have_their_layers_with_weights(configuration, count):
    network = vgg(configuration, n_classes=2, image_size=32, channels=(1, 1, 1, 1, 1), hidden=2)
    assert sum(hasattr(part, "weight") for part in network) == count
    assert sum(map(len, VGG_CONFIGURATIONS[configuration])) + 3 == count


def tiny_vgg():
    torch.manual_seed(0)
    return vgg("D", n_classes=3, image_size=64, channels=(2, 3, 4, 5, 6), hidden=7).eval()


def test_codes_are_those_behind_the_rectified_first_and_second_dense_layer():
    network, images = tiny_vgg(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        flat = tapped(network, "flatten", images)
        sixth = torch.relu(network.fc6(flat))
        torch.testing.assert_close(tapped(network, "relu6", images), sixth)
        torch.testing.assert_close(tapped(network, "relu7", images), torch.relu(network.fc7(sixth)))
        torch.testing.assert_close(tapped(network, "fc8", images), network(images))


@pytest.mark.parametrize(
    ("network", "size"),
    [
        (tiny_vgg(), 64),
        (mobilenet(0.25), 64),
        (squeezenet(), 64),
        (cifar_resnet(), 32),
        (resnet(18), 64),
        (resnet(50), 64),
    ],
    ids=["vgg", "mobilenet", "squeezenet", "cifar", "resnet18", "resnet50"],
)
def test_every_layer_can_be_tapped_and_what_is_computed_ends_there(network, size):
    network.eval()
    images = torch.randn(1, 3, size, size)
    for layer in layer_names(network)[-12:] + layer_names(network)[:3]:
        with torch.no_grad():
            assert len(tapped(network, layer, images)) == 1
    assert not any(part._forward_hooks for part in network.modules())


def test_blocks_of_a_network_can_be_looked_into():
    network = cifar_resnet().eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert tapped(network, "layer3.0.conv1", images).shape == (2, 64, 8, 8)
        rectified = tapped(network, "layer1.0.relu1", images)
        torch.testing.assert_close(rectified, torch.relu(tapped(network, "layer1.0.bn1", images)))


@pytest.mark.parametrize("layer", ["relu9", "", "conv1_9"])
def test_a_layer_that_is_not_there_is_refused_with_those_that_are(layer):
    with pytest.raises(
        ValueError, match=r"layer must be one of the network's, such as conv1_1.*fc8; got layer="
    ):
        tapped(tiny_vgg(), layer, torch.zeros(1, 3, 64, 64))


def test_a_layer_that_no_image_passes_is_refused():
    network = torch.nn.Sequential()
    network.unused = torch.nn.Identity()
    network.forward = lambda images: images
    with pytest.raises(ValueError, match="layer='unused' is not used for images"):
        tapped(network, "unused", torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("size", "stride", "kernel"), [(8, 2, 3), (7, 2, 3), (8, 1, 3), (9, 3, 5), (8, 4, 3), (5, 2, 1)]
)
def test_same_padding_equals_the_sum_written_out(size, stride, kernel):
    """TensorFlow's rule: the window of output i begins at i × stride - (zeros // 2)."""
    convolution = SameConv2d(1, 1, kernel, stride=stride, bias=False).double()
    image = torch.randn(size, size, dtype=torch.float64)
    n = -(-size // stride)
    before = max((n - 1) * stride + kernel - size, 0) // 2
    weights = convolution.weight.detach().numpy()[0, 0]
    expected = np.zeros((n, n))
    for i, j, u, v in np.ndindex(n, n, kernel, kernel):
        row, column = i * stride + u - before, j * stride + v - before
        if 0 <= row < size and 0 <= column < size:
            expected[i, j] += weights[u, v] * image[row, column]
    np.testing.assert_allclose(convolution(image[None, None]).detach()[0, 0], expected, atol=1e-12)


def test_same_padding_is_not_torchs_where_the_stride_is_two():
    convolution = SameConv2d(1, 1, 3, stride=2)
    image = torch.randn(1, 1, 8, 8)
    symmetric = torch.nn.functional.conv2d(image, convolution.weight, convolution.bias, 2, 1)
    assert not torch.allclose(convolution(image), symmetric)


def test_the_squeezenets_of_torchvision_and_keras_agree_where_no_window_is_cut():
    torch.manual_seed(0)
    ceiled, floored = squeezenet(n_classes=None), squeezenet(n_classes=None, ceil_mode=False)
    floored.load_state_dict(ceiled.state_dict())
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ceiled(image), floored(image))
        cut = torch.rand(1, 3, 100, 100)
        assert not torch.allclose(ceiled(cut), floored(cut))


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: vgg("F"), "configuration must be one of A, A-LRN, B, C, D, E; got configuration='F'"),
        (lambda: vgg(image_size=100), "image_size must be a multiple of 32; got image_size=100"),
        (lambda: mobilenet(0), "width must be a number of at least 1/32; got width=0"),
        (lambda: mobilenet(0.001), "width must be a number of at least 1/32; got width=0.001"),
        (lambda: mobilenet("1"), "width must be a number of at least 1/32; got width='1'"),
        (lambda: mobilenet(float("nan")), "got width=nan"),
        (lambda: mobilenet(n_classes=0), "n_classes must be a positive integer; got n_classes=0"),
        (lambda: squeezenet(n_classes=2.5), "n_classes must be a positive integer; got n_classes=2.5"),
        (lambda: vgg("D", channels=(1, 2, 3, 4)), r"channels must be 5 numbers.*got channels=\(1, 2, 3, 4\)"),
        (lambda: vgg("D", channels=(1, 2, 3, 4, 0)), "channels must be a positive integer; got channels=0"),
        (lambda: vgg(image_size=64.0), "image_size must be a multiple of 32; got image_size=64.0"),
        (lambda: vgg(hidden=0), "hidden must be a positive integer; got hidden=0. Pass 4096"),
        (lambda: vgg(n_classes=0), "n_classes must be a positive integer; got n_classes=0. Pass None"),
        (lambda: resnet(18, n_classes=0), "n_classes must be a positive integer"),
        (lambda: cifar_resnet("20"), r"depth must be 6 n \+ 2 .*; got depth='20'"),
        (lambda: cifar_resnet(20, n_classes=0), "n_classes must be a positive integer"),
        (lambda: resnet(19), "depth must be 18, 34 or 50; got depth=19"),
        (lambda: cifar_resnet(21), r"depth must be 6 n \+ 2 .*; got depth=21"),
    ],
)
def test_networks_that_are_not_published_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_same_padding_of_an_even_side_begins_at_the_first_pixel():
    convolution = SameConv2d(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(convolution.weight)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert convolution(image)[0, 0, 0, 0].item() == 45.0  # pixels 0, 1, 2, 4, 5, 6, 8, 9, 10


def test_layers_of_a_sequence_are_applied_in_order():
    network = sequence({"threshold": torch.nn.Threshold(0, -1), "flat": torch.nn.Flatten()})
    assert network(torch.zeros(1, 1, 2)).tolist() == [[-1.0, -1.0]]


def test_a_residual_block_adds_its_input_before_relu():
    block = Residual({"same": torch.nn.Dropout(0)}, torch.nn.Identity())
    assert block(torch.tensor([[[-1.0, 2.0]]])).tolist() == [[[0.0, 4.0]]]


def test_a_subsampled_shortcut_halves_the_sides_and_pads_channels_on_both_sides():
    assert Subsampled(1)(torch.ones(1, 2, 8, 8)).sum(dim=(2, 3)).tolist() == [[0.0, 16.0, 16.0, 0.0]]
