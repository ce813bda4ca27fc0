"""A network, its weights and its preprocessing as one: real photographs are seen for what they are."""

import copy
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stackit.images import Preprocessing, PretrainedNetwork, cifar_resnet, pretrained, swap_channels, vgg
from stackit.images.io.photographs import decode

ROOT = Path(__file__).parent.parent.parent
DAISY = 985


def real(file):
    """A file of the data sets, where they are."""
    folders = [Path(os.environ.get("STACKIT_DATA", ROOT / "data")), ROOT.parent / "shared" / "data"]
    found = [folder / file for folder in folders if (folder / file).is_file()]
    return found[0] if found else pytest.skip(f"{file} is in none of {', '.join(map(str, folders))}")


def published(name):
    try:
        return pretrained(name)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def small(preprocessing=None, seed=0):
    torch.manual_seed(seed)
    return PretrainedNetwork(cifar_resnet(8), preprocessing or Preprocessing.torchvision(32, 32), "flatten")


def test_the_three_scales_written_out():
    pixels = noise(4, 4)[None]
    rgb = pixels.transpose(0, 3, 1, 2).astype(np.float64)
    np.testing.assert_allclose(Preprocessing.tensorflow(4, 4).scaled(pixels), rgb / 127.5 - 1, atol=1e-6)
    means = np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1)
    np.testing.assert_allclose(Preprocessing.caffe(4, 4).scaled(pixels), rgb[:, ::-1] - means, atol=1e-4)
    mean, std = (np.array(v).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    np.testing.assert_allclose(
        Preprocessing.torchvision(4, 4).scaled(pixels), (rgb / 255 - mean) / std, atol=1e-5
    )


def test_blue_first_equals_red_first_with_a_flipped_first_convolution():
    torch.manual_seed(0)
    network = vgg("A", n_classes=None, channels=(4, 4, 4, 4, 4), image_size=32)
    caffe = Preprocessing.caffe(32, 32)
    flipped = copy.deepcopy(network)
    swap_channels(flipped)
    reverse = Preprocessing(32, 32, "RGB", caffe.mean[::-1], caffe.std)
    images = noise(32, 32)[None]
    codes = PretrainedNetwork(network, caffe, "relu1_1").codes(images)
    np.testing.assert_allclose(PretrainedNetwork(flipped, reverse, "relu1_1").codes(images), codes, rtol=1e-4)


def test_the_middle_is_cut_out_and_mirrored():
    image = noise(40, 60)
    pixels = Preprocessing.tensorflow(32, 40).views(Image.fromarray(image), 2)
    np.testing.assert_array_equal(pixels[0], image[4:36, 14:46])
    np.testing.assert_array_equal(pixels[1], image[4:36, 14:46][:, ::-1])


def test_ten_views_are_the_corners_and_the_middle_each_with_its_mirror_image():
    image = noise(40, 40)
    pixels = Preprocessing.tensorflow(32, 40).views(Image.fromarray(image), 10)
    for square, (top, left) in zip(pixels, [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)], strict=False):
        np.testing.assert_array_equal(square, image[top : top + 32, left : left + 32])
    np.testing.assert_array_equal(pixels[5:], pixels[:5, :, ::-1])


def test_the_short_side_is_scaled_as_by_scaling_the_whole_and_cutting():
    smooth = Image.fromarray(noise(6, 9)).resize((300, 200), Image.Resampling.BICUBIC)
    square = Preprocessing.torchvision(50, 64).views(smooth)[0].astype(int)
    whole = np.asarray(smooth.resize((96, 64), Image.Resampling.BILINEAR)).astype(int)[7:57, 23:73]
    assert np.abs(square - whole)[2:-2, 2:-2].max() <= 1


def test_codes_over_views_are_their_means():
    network, image = small(Preprocessing.torchvision(32, 40)), noise(40, 40)
    mean = np.mean([network.codes([image])[0], network.codes([image[:, ::-1]])[0]], axis=0)
    np.testing.assert_allclose(network.codes([image], n_views=2)[0], mean, rtol=1e-4, atol=1e-6)
    mirrored = network.codes([image[:, ::-1]], n_views=10)
    np.testing.assert_allclose(network.codes([image], n_views=10), mirrored, rtol=1e-4, atol=1e-6)


def test_layers_of_images_are_pooled_or_kept():
    network, images = small(), np.stack([noise(32, 32, seed) for seed in range(3)])
    flat = network.codes(images, "layer3", pool="flatten").reshape(3, 64, 64)
    np.testing.assert_allclose(network.codes(images, "layer3"), flat.mean(2), rtol=1e-5)
    np.testing.assert_allclose(network.codes(images, "layer3", pool="max"), flat.max(2))
    np.testing.assert_allclose(network.codes(images), flat.mean(2), rtol=1e-5)


def test_codes_do_not_depend_on_the_other_photographs():
    network, images = small(), np.stack([noise(32, 32, seed) for seed in range(5)])
    alone = np.concatenate([network.codes(images[[i]]) for i in range(5)])
    np.testing.assert_allclose(network.codes(images), alone, rtol=1e-4, atol=1e-6)


def test_the_digest_is_that_of_weights_and_preprocessing():
    network = small()
    assert network.digest == small().digest == pickle.loads(pickle.dumps(network)).digest
    other_scale = small(Preprocessing.tensorflow(32, 32))
    other_mean = small()
    other_mean.network.bn1.running_mean += 0.1
    assert len({network.digest, small(seed=1).digest, other_scale.digest, other_mean.digest}) == 4


def test_grey_and_transparent_and_turned_photographs_are_brought_to_red_green_blue():
    grey = noise(20, 30)[:, :, 0]
    for mode in ("L", "LA", "RGBA", "CMYK", "P"):
        file = io.BytesIO()
        Image.fromarray(grey).convert(mode).save(file, "TIFF" if mode == "CMYK" else "PNG")
        np.testing.assert_array_equal(np.asarray(decode(file.getvalue())), np.stack([grey] * 3, axis=2))
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.fromarray(noise(20, 30)).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(np.asarray(decode(file.getvalue())), np.rot90(noise(20, 30), -1))


def as_png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", r"an image file \(AVIF, .*\); got another content"),
        (b"GIF89a and no more", "A photograph must be"),
        (as_png(noise(50, 50))[:2000], "a complete image file; got"),
        (as_png(noise(7, 50)), "at least 8 pixels wide and high; got 50×7"),
        (
            as_png(noise(200, 200)),
            "of at most 10000 pixels; got 200×200. Make it smaller, or raise max_pixels",
        ),
        (as_png(np.zeros((20, 20), np.uint16)), "of 8 bits per channel; got mode=I"),
    ],
)
def test_what_is_no_photograph_is_refused(content, complaint):
    with pytest.raises(ValueError, match=complaint):
        decode(content, max_pixels=10_000)


def test_a_small_file_of_very_many_pixels_is_refused_before_it_is_decoded():
    bomb = as_png(np.zeros((10_000, 10_000), np.uint8))
    with pytest.raises(ValueError, match="A photograph must be small enough for Pillow"):
        decode(bomb)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: pretrained("resnet19"),
            "name must be one of cifar10_resnet20, .*vgg19; got name='resnet19'",
        ),
        (lambda: small().codes([]), "images is empty"),
        (
            lambda: small().codes([noise(9, 9)], "fc6"),
            "layer must be one of network's: conv1, bn1.*got layer='fc6'",
        ),
        (
            lambda: small().codes([noise(9, 9)], pool="min"),
            "pool must be one of mean, max, flatten; got pool='min'",
        ),
        (lambda: small().codes([noise(9, 9)], n_views=3), "n_views must be 1, 2 or 10; got n_views=3"),
        (lambda: small().codes([np.zeros((9, 9, 3))]), "An image must be an array of uint8.*dtype=float64"),
        (
            lambda: Preprocessing.caffe(300, 224),
            "crop_size must be a whole number from 1 to resize_size=224; got crop_size=300",
        ),
        (lambda: Preprocessing(9, 9, "RBG", (0, 0, 0), (1, 1, 1)), "channel_order must be 'RGB' or 'BGR'"),
        (lambda: Preprocessing(9, 9, "RGB", (0, 0, 0), (1, 0, 1)), "std positive; got mean"),
        (lambda: Preprocessing(9, 9, "RGB", (0, np.nan, 0), (1, 1, 1)), "three finite numbers each"),
        (lambda: Preprocessing(9, 9, "RGB", (0, 0, 0), (1, 1, np.inf)), "three finite numbers each"),
        (
            lambda: Preprocessing(9.0, 9.0, "RGB", (0, 0, 0), (1, 1, 1)),
            "a whole number .*; got crop_size=9.0",
        ),
        (lambda: pretrained(["resnet18"]), r"name must be one of .*got name=\['resnet18'\]"),
        (lambda: PretrainedNetwork(cifar_resnet(8), Preprocessing.caffe(), "fc"), "got layer='fc'"),
    ],
)
def test_what_cannot_be_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_weights_are_found_where_they_are_said_to_be(tmp_path, monkeypatch):
    torch.manual_seed(0)
    state = {name: part.numpy() for name, part in cifar_resnet(20).state_dict().items()}
    file = tmp_path / "pretrained" / "cifar10_resnet20.npz"
    file.parent.mkdir()
    np.savez(file, **state)
    monkeypatch.setenv("STACKIT_DATA", str(tmp_path))
    networks = [pretrained("cifar10_resnet20", weights) for weights in (None, file, file.parent)]
    assert len({network.digest for network in networks}) == 1
    assert networks[0].layer == "flatten"
    assert pretrained("cifar10_resnet20", layer="layer2").layer == "layer2"
    with pytest.raises(
        FileNotFoundError, match=r"cifar10_resnet20.npz was not found at .*other.* Pass its path"
    ):
        pretrained("cifar10_resnet20", tmp_path / "other")
    with pytest.raises(ValueError, match="lacks the running statistics"):
        pretrained("resnet18", file.rename(tmp_path / "own.npz"))


def test_a_published_file_of_another_checksum_is_refused(tmp_path):
    torch.save(cifar_resnet(8).state_dict(), tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(ValueError, match=r"of the sha256 f37072fd\.\.\."):
        pretrained("resnet18", tmp_path)


def test_a_file_that_is_fetched_is_kept_only_with_its_checksum(tmp_path):
    from stackit.images.weights.catalogue import download_file

    source = tmp_path / "source"
    source.write_bytes(b"weights")
    with pytest.raises(ValueError, match=r"not the published file .*00000000"):
        download_file(source.as_uri(), tmp_path / "kept" / "file", "00000000")
    assert list((tmp_path / "kept").iterdir()) == []
    with pytest.raises(OSError, match=r"cannot be downloaded .* yourself"):
        download_file((tmp_path / "gone").as_uri(), tmp_path / "kept" / "file", "9a129038")
    assert download_file(source.as_uri(), tmp_path / "kept" / "file", "9a129038").read_bytes() == b"weights"


def members(path, start, n):
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith(start) and name.endswith(".jpg")]
        chosen = names[:: max(len(names) // n, 1)][:n]
        return chosen, [decode(archive.read(name)) for name in chosen]


def accuracy_on_cifar(n):
    network = published("cifar10_resnet20")
    names, images = members(real("cifar10/cifar10_subset.zip"), "test/", n)
    classes = sorted({name.split("/")[1] for name in names})
    assert len(classes) == 10
    batches = [images[start : start + 200] for start in range(0, len(images), 200)]
    predicted = np.concatenate([network.codes(batch, "linear").argmax(1) for batch in batches])
    return np.mean(predicted == [classes.index(name.split("/")[1]) for name in names])


def test_the_residual_network_knows_the_objects_of_cifar():
    assert accuracy_on_cifar(100) > 0.7


@pytest.mark.slow
def test_the_residual_network_has_its_published_accuracy_on_these_photographs():
    assert accuracy_on_cifar(2000) == pytest.approx(0.8135, abs=0.003)


def share_of_daisies(n):
    network = published("mobilenet_v1_0.75")
    classes = real("pretrained/imagenet_synset.txt").read_text().splitlines()
    assert classes[DAISY] == "n11939491 daisy"
    _, images = members(real("flowers/photos.zip"), "daisy/", n)
    batches = [images[start : start + 50] for start in range(0, len(images), 50)]
    return np.mean([network.codes(batch, "flatten").argmax(1) == DAISY for batch in batches])


def test_daisies_are_daisies():
    assert share_of_daisies(6) > 0.6


@pytest.mark.slow
def test_four_in_five_daisies_are_daisies():
    """As measured: some hide among other flowers, and only the first class of a thousand counts."""
    assert share_of_daisies(600) == pytest.approx(0.8, abs=0.01)


def test_squeezenet_tells_daisies_from_tulips():
    """Its file ends before the classes: the nearest mean of three codes each must do."""
    network = published("squeezenet1.1_notop")
    codes = [network.codes(members(real("flowers/photos.zip"), kind, 6)[1]) for kind in ("daisy/", "tulips/")]
    assert codes[0].shape == (6, 512)
    unit = [code / np.linalg.norm(code, axis=1, keepdims=True) for code in codes]
    inside = np.mean([unit[0] @ unit[0].T, unit[1] @ unit[1].T])
    assert inside > np.mean(unit[0] @ unit[1].T)
