"""Networks of timm and torchvision: their own words for a preprocessing, and any torch module with it."""

from enum import Enum
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from stackit.images import CNNCodes, Preprocessing, PretrainedNetwork

MEAN, STD = (0.48, 0.45, 0.4), (0.23, 0.22, 0.25)
TIMM = {"input_size": (3, 32, 32), "interpolation": "bicubic", "mean": MEAN, "std": STD}
TIMM |= {"crop_pct": 0.8, "crop_mode": "center"}


class Mode(Enum):
    """As torchvision's InterpolationMode."""

    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    NEAREST = "nearest"


TORCHVISION = {"crop_size": [32], "resize_size": [40], "mean": list(MEAN), "std": list(STD)}
TORCHVISION |= {"interpolation": Mode.BICUBIC}


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


IMAGES = [noise(80, 120, 0), noise(120, 80, 1), noise(40, 40, 2)]


class Block(torch.nn.Module):
    """A convolution with a way around it."""

    def __init__(self, channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(x + self.norm(self.conv(x)))


class Tokens(torch.nn.Module):
    """Patches as a sequence, as vision transformers have them: (n, tokens, channels)."""

    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


class Written(torch.nn.Module):
    """A hand-written network with parts inside parts."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 6, 4, stride=4)
        self.stages = torch.nn.ModuleList([Block(6), Block(6)])
        self.tokens = Tokens()
        self.head = torch.nn.ModuleDict({"norm": torch.nn.LayerNorm(6), "dense": torch.nn.Linear(6, 5)})

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head["dense"](self.head["norm"](self.tokens(x).mean(1)))


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = Written()
    for _ in range(10):
        network(torch.randn(8, 3, 32, 32))
    return network.eval()


def written_out(image):
    """The short side to 40 pixels, bicubic; the middle 32; numbers from 0 to 1; mean and deviation."""
    scale = 40 / min(image.shape[:2])
    height, width = (round(scale * side) for side in image.shape[:2])
    scaled = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    top, left = (height - 32) // 2, (width - 32) // 2
    pixels = torch.tensor(scaled[top : top + 32, left : left + 32]).permute(2, 0, 1) / 255
    return (pixels - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)


@pytest.mark.parametrize("config", [TIMM, SimpleNamespace(**TORCHVISION)], ids=["timm", "torchvision"])
def test_codes_are_those_of_plain_torch_with_the_preprocessing_written_out(network, config):
    batch = torch.stack([written_out(image) for image in IMAGES])
    with torch.inference_mode():
        stage = network.stages[0](network.stem(batch))
        tokens = network.tokens(network.stages[1](stage))
        expected = {"stages.0": stage.mean((2, 3)), "tokens": tokens.mean(1), "head.dense": network(batch)}
    coded = PretrainedNetwork(network, Preprocessing.from_config(config), "stages.0", "written")
    for layer, values in expected.items():
        np.testing.assert_allclose(coded.codes(IMAGES, layer), values, rtol=1e-4, atol=1e-5)
        codes = CNNCodes(coded, layer, batch_size=2).fit_transform(IMAGES)
        np.testing.assert_allclose(codes, values, rtol=1e-4, atol=1e-5)


def test_channels_are_where_it_is_said(network):
    class Last(torch.nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1)

    stages = torch.nn.Sequential(network.stem, Last())
    preprocessing = Preprocessing.from_config(TIMM)
    first = PretrainedNetwork(stages, preprocessing, "0")
    last = PretrainedNetwork(stages, preprocessing, "1", channels="last")
    for pool in ("mean", "max"):
        np.testing.assert_allclose(last.codes(IMAGES, pool=pool), first.codes(IMAGES, pool=pool), atol=1e-6)
    tokens = PretrainedNetwork(network, preprocessing, "tokens", channels="first")
    assert tokens.codes(IMAGES).shape == (3, 64)
    assert PretrainedNetwork(network, preprocessing, "tokens").codes(IMAGES).shape == (3, 6)


def test_timm_is_read_as_it_means_it():
    assert Preprocessing.from_config(TIMM) == Preprocessing.from_config(SimpleNamespace(**TORCHVISION))
    silent = Preprocessing.from_config({"input_size": (3, 224, 224), "mean": MEAN, "std": STD})
    assert (silent.crop_size, silent.resize_size, silent.interpolation) == (224, 256, "bicubic")
    # It rounds down: 240 / 0.95 is 252.6.
    of_240 = TIMM | {"input_size": (3, 240, 240), "crop_pct": 0.95}
    assert Preprocessing.from_config(of_240).resize_size == 252
    assert Preprocessing.from_config(TIMM | {"crop_pct": 1.0}).resize_size == 32


def test_torchvision_has_our_own_preprocessing_of_its_networks():
    theirs = {"crop_size": [224], "resize_size": [256], "mean": [0.485, 0.456, 0.406]}
    theirs |= {"std": [0.229, 0.224, 0.225], "interpolation": Mode.BILINEAR}
    assert Preprocessing.from_config(SimpleNamespace(**theirs)) == Preprocessing.torchvision()
    two = Preprocessing.from_config(SimpleNamespace(**theirs | {"crop_size": (200, 200), "resize_size": 256}))
    assert (two.crop_size, two.resize_size) == (200, 256)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"mean": MEAN}, "with mean, std and input_size; got config without std, input_size"),
        (
            TIMM | {"input_size": (1, 32, 32)},
            r"squares of three channels, cut from the centre; got input_size=\(1, 32",
        ),
        (TIMM | {"input_size": (3, 32, 48)}, "of squares of three channels"),
        (TIMM | {"crop_mode": "squash"}, "crop_mode='squash'. Pass the arguments of Preprocessing instead"),
        (TIMM | {"mean": (0.5,)}, r"of three channels; got mean=\(0.5,\)"),
        (TIMM | {"interpolation": "random"}, "interpolation must be one of bilinear, bicubic, lanczos"),
        (TIMM | {"std": (1, 0, 1)}, "std positive"),
        (
            SimpleNamespace(mean=MEAN, std=STD),
            "timm's mapping or torchvision's transforms.*without crop_size",
        ),
        (SimpleNamespace(**TORCHVISION | {"crop_size": [32, 48]}), r"of squares; got crop_size=\[32, 48\]"),
        (SimpleNamespace(**TORCHVISION | {"interpolation": Mode.NEAREST}), "got interpolation='nearest'"),
        ("resnet18", "torchvision's transforms.* got config=str without mean"),
    ],
)
def test_what_is_not_done_here_is_refused(config, complaint):
    with pytest.raises(ValueError, match=complaint):
        Preprocessing.from_config(config)


def test_batch_normalisation_without_running_statistics_is_refused(network):
    network.stages[1].norm = torch.nn.BatchNorm2d(6, track_running_stats=False)
    complaint = r"Batch normalisation in stages.1.norm has no running statistics"
    with pytest.raises(ValueError, match=complaint):
        PretrainedNetwork(network, Preprocessing.from_config(TIMM), "stages.0")


def test_a_network_and_its_preprocessing_are_no_other_things(network):
    with pytest.raises(
        ValueError, match=r"must be a Preprocessing; got preprocessing=dict. Pass Preprocessing.from_config"
    ):
        PretrainedNetwork(network, TIMM, "stages.0")
    with pytest.raises(
        ValueError, match=r"network must be a torch.nn.Module or an OnnxFile; got network=str"
    ):
        PretrainedNetwork("resnet18", Preprocessing.from_config(TIMM), "stages.0")
    with pytest.raises(
        ValueError, match="layer must be one of network's: stem, stages, tokens, head; got layer=None"
    ):
        PretrainedNetwork(network, Preprocessing.from_config(TIMM))
    with pytest.raises(ValueError, match="channels must be 'first', 'last' or None; got channels='middle'"):
        PretrainedNetwork(network, Preprocessing.from_config(TIMM), "stem", channels="middle")


def smooth(side):
    """An image without edges, on which a square half a pixel aside is nearly the same."""
    return Image.fromarray(noise(8, 8, 0)).resize((side, side), Image.Resampling.BICUBIC)


def test_a_network_of_timm():
    timm = pytest.importorskip("timm", exc_type=ImportError)
    model = timm.create_model("resnet18", pretrained=False)
    config = timm.data.resolve_model_data_config(model)
    coded = PretrainedNetwork(model, Preprocessing.from_config(config), "global_pool", "timm")
    transform = timm.data.create_transform(**config, is_training=False)
    image = smooth(512)
    with torch.inference_mode():
        expected = model.forward_head(model.forward_features(transform(image)[None]), pre_logits=True)
    np.testing.assert_allclose(coded.codes([image]), expected, rtol=1e-2, atol=1e-2)


def test_a_network_of_torchvision():
    torchvision = pytest.importorskip("torchvision", exc_type=ImportError)
    model = torchvision.models.resnet18(weights=None).eval()
    transforms = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    coded = PretrainedNetwork(model, Preprocessing.from_config(transforms), "fc", "torchvision")
    image = smooth(512)
    with torch.inference_mode():
        expected = model(transforms(image)[None])
    np.testing.assert_allclose(coded.codes([image]), expected, rtol=1e-2, atol=1e-2)
