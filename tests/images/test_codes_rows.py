"""Each row of photographs is read by itself, and an error in one row does not affect the others."""

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from stackit.images import CNNCodes, Preprocessing, PretrainedNetwork, list_photographs
from stackit.images.io.photographs import decode


def noise(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def close(codes, expected):
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-5)


def as_file(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def taken(codes, X, bad):
    """The codes of X, of which some rows are bad and named."""
    with pytest.warns(UserWarning, match=f"^{len(bad)} of {len(X)} photographs cannot be used"):
        result = codes.fit_transform(X)
    assert [row for row, _, _ in codes.skipped_] == bad
    return result


# --- images in memory


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (np.zeros((20, 20, 3)), "an array of uint8"),
        (np.zeros((20, 20, 4), np.uint8), "an array of uint8"),
        (np.zeros((1, 20, 3), np.uint8), "at least 8 pixels wide and high; got 20×1"),
        (noise(0, 90, 90), "at most 5000 pixels; got 90×90"),
        (Image.new("I;16", (20, 20)), "8 bits per channel"),
        (None, "a path or an image; got None"),
        (7, "an array of uint8"),
    ],
    ids=["floats", "four channels", "tiny", "huge", "16 bits", "none", "number"],
)
def test_an_image_in_memory_that_is_none_is_at_fault_alone(network, bad, complaint):
    X = [noise(1), bad, noise(2)]
    good = network.codes([noise(1), noise(2)])
    with pytest.raises(ValueError, match=rf"^image 1: .* must be .*{complaint}"):
        CNNCodes(network, max_pixels=5000).fit_transform(X)
    filled = taken(CNNCodes(network, max_pixels=5000, on_error="nan"), X, [1])
    assert np.isnan(filled[1]).all()
    close(filled[[0, 2]], good)
    close(taken(CNNCodes(network, max_pixels=5000, on_error="skip"), X, [1]), good)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_path_that_is_missing_is_at_fault_alone(tmp_path, network, missing):
    Image.fromarray(noise(1)).save(tmp_path / "1.png")
    X = pd.DataFrame({"file": ["1.png", missing, "1.png"]})
    codes = CNNCodes(network, root=tmp_path, on_error="nan")
    for column in (X, X["file"].astype("string"), X["file"].astype("category"), X["file"].tolist()):
        result = taken(codes, column, [1])
        close(result[[0, 2]], network.codes([noise(1)] * 2))
        assert np.isnan(result[1]).all()
    with pytest.raises(ValueError, match=r"image 1: A photograph must be a path or an image; got"):
        CNNCodes(network, root=tmp_path).fit_transform(X)


def test_paths_and_images_stand_side_by_side(tmp_path, network):
    Image.fromarray(noise(1)).save(tmp_path / "1.png")
    codes = CNNCodes(network).fit_transform([str(tmp_path / "1.png"), noise(2), tmp_path / "1.png"])
    close(codes, network.codes([noise(1), noise(2), noise(1)]))


def test_images_are_read_when_their_turn_comes(network):
    """At most two batches ahead: a file of photographs that is mapped may be larger than memory."""
    waiting, most = [0], [0]

    class Rows(list):
        """Rows that say when they are made images, and how many lie between that and the network."""

        def __init__(self, n):
            super().__init__(Row(number) for number in range(n))

    class Row:
        def __init__(self, number):
            self.number = number

        def __array__(self, dtype=None, copy=None):
            waiting[0] += 1
            most[0] = max(most[0], waiting[0])
            return noise(self.number)

    class CountdownNetwork(PretrainedNetwork):
        def codes_of_views(self, pixels, layer, pool="mean"):
            waiting[0] -= len(pixels)
            return super().codes_of_views(pixels, layer, pool)

    counting = CountdownNetwork(network.network, network.preprocessing, "flatten")
    codes = CNNCodes(counting, batch_size=4).fit()
    waiting[0] = 0
    result = codes.transform(Rows(50))
    assert 4 <= most[0] <= 12
    close(result[[0, 49]], network.codes([noise(0), noise(49)]))


def test_one_image_of_pillow_may_be_there_many_times(tmp_path, network):
    """Its file is read at the first use, and two threads must not do it at once."""
    Image.fromarray(noise(1, 400, 400)).save(tmp_path / "1.jpg")
    expected = network.codes([Image.open(tmp_path / "1.jpg")])
    for _ in range(3):
        with Image.open(tmp_path / "1.jpg") as image:
            close(CNNCodes(network, n_jobs=4).fit_transform([image] * 8), np.repeat(expected, 8, axis=0))


def test_one_photograph_is_no_pile_of_grey_ones(network):
    with pytest.raises(
        ValueError, match=r"got shape=\(40, 50, 3\), one photograph. Pass image\[np.newaxis\]"
    ):
        CNNCodes(network).fit_transform(noise(0))
    assert CNNCodes(network).fit_transform(noise(0)[np.newaxis]).shape == (1, 64)


def test_an_image_of_pillow_is_upright_as_its_file_is(tmp_path, network):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    path = tmp_path / "turned.png"
    Image.fromarray(noise(1)).save(path, exif=exif)
    turned = network.codes([np.rot90(noise(1), -1)])
    close(CNNCodes(network).fit_transform([str(path)]), turned)
    close(CNNCodes(network).fit_transform([Image.open(path)]), turned)
    close(network.codes([Image.open(path)]), turned)


# --- files


def damaged(content, seed):
    rng = np.random.default_rng(seed)
    broken = bytearray(content)
    for place in rng.integers(0, min(len(content), 300), rng.integers(1, 8)):
        broken[place] = rng.integers(0, 256)
    return bytes(broken[: rng.integers(20, len(content))] if rng.random() < 0.2 else broken)


@pytest.mark.parametrize("kind", ["AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP"])
def test_whatever_a_damaged_file_does_to_pillow_is_one_error(kind):
    try:
        content = as_file(Image.fromarray(noise(0)), kind)
    except (KeyError, OSError):
        pytest.skip(f"Pillow was built without {kind}")
    for seed in range(80):
        with suppress(ValueError):
            decode(damaged(content, seed))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own, of what it finds in damaged files
@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_whatever_a_damaged_archive_does_is_the_fault_of_one_photograph(tmp_path, network, packed):
    path, names = tmp_path / "photos.zip", ["0.bmp", "1.bmp", "2.bmp"]
    with zipfile.ZipFile(path, "w", packed) as archive:
        for number, name in enumerate(names):
            archive.writestr(name, as_file(Image.fromarray(noise(number)), "BMP"))
        start, length = archive.getinfo("1.bmp").header_offset + 35, archive.getinfo("1.bmp").compress_size
    whole, good = path.read_bytes(), network.codes([noise(0), noise(2)])
    codes, rng = CNNCodes(network, root=path, on_error="nan").fit(), np.random.default_rng(0)
    faults = []
    for _ in range(12):
        broken = bytearray(whole)
        broken[start + rng.integers(0, min(length, 200))] ^= int(rng.integers(1, 255))
        path.write_bytes(broken)
        result = codes.transform(names)
        close(result[[0, 2]], good)
        assert np.isnan(result[1]).all()
        faults += codes.skipped_
    assert {name for _, name, _ in faults} == {"1.bmp"}
    assert all("must be readable in its archive" in fault for _, _, fault in faults)


def test_what_is_too_large_is_refused_whether_its_codes_are_kept_or_not(tmp_path, network):
    Image.fromarray(noise(0, 200, 200)).save(tmp_path / "0.png")
    codes = CNNCodes(network, root=tmp_path, cache=tmp_path / "kept")
    codes.fit_transform(["0.png"])
    with pytest.raises(ValueError, match=r"0.png: .*at most 100 pixels; got 200×200"):
        codes.set_params(max_pixels=100).fit_transform(["0.png"])


def test_photographs_are_found_by_all_their_suffixes(tmp_path):
    names = sorted(f"{suffix}.{suffix}" for suffix in ("avif", "jfif", "jp2", "jpe", "jpg", "png", "webp"))
    for name in [*names, "notes.txt", "raw.heic"]:
        (tmp_path / name).touch()
    assert list_photographs(tmp_path)["file"].tolist() == names


class ReadCountingImage(Image.Image):
    """An image that knows how many threads have read it at once."""

    now = most = 0

    def load(self):
        ReadCountingImage.now += 1
        ReadCountingImage.most = max(ReadCountingImage.most, ReadCountingImage.now)
        time.sleep(0.002)
        ReadCountingImage.now -= 1
        return super().load()


def test_two_transforms_read_an_image_of_pillow_one_after_the_other(network):
    image = Image.fromarray(noise(1))
    image.__class__ = ReadCountingImage
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: CNNCodes(network).fit_transform([image] * 8), range(2))
    close(first, second)
    assert ReadCountingImage.most == 1


def test_a_huge_image_of_pillow_is_refused_before_it_is_decoded(tmp_path, network):
    Image.new("1", (900, 900)).save(tmp_path / "huge.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "huge.png").read_bytes()[:60])  # its pixels are not there
    with (
        Image.open(tmp_path / "cut.png") as image,
        pytest.raises(ValueError, match="of at most 1000 pixels; got 900×900"),
    ):
        CNNCodes(network, max_pixels=1000).fit_transform([image])


def test_one_photograph_is_no_pile_for_a_network_either(network):
    with pytest.raises(ValueError, match="one photograph"):
        network.codes(np.zeros((40, 50, 3), np.uint8))


def test_one_number_an_image_is_a_column():
    class MeanOfPixels(torch.nn.Module):
        def forward(self, x):
            return x.mean((1, 2, 3))

    lone = torch.nn.Sequential(MeanOfPixels())
    codes = PretrainedNetwork(lone, Preprocessing.torchvision(32, 36), "0").codes(
        np.zeros((3, 40, 50, 3), np.uint8)
    )
    assert codes.shape == (3, 1)


def test_what_a_module_keeps_next_to_its_weights_is_part_of_its_digest(tmp_path):
    class Kept(torch.nn.Flatten):
        value = 1

        def get_extra_state(self):
            return {"value": self.value}

        def set_extra_state(self, state):
            self.value = state["value"]

    network = PretrainedNetwork(torch.nn.Sequential(Kept()), Preprocessing.torchvision(8, 8), "0")
    before = network.digest
    network.network[0].value = 2
    assert network.digest != before


def test_left_out_rows_leave_an_index_of_its_kind(network):
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["g", "i"])
    images = [np.zeros((40, 50, 3), np.uint8), None, np.full((40, 50, 3), 9, np.uint8)]
    X = pd.DataFrame({"image": images}, index=index)
    codes = CNNCodes(network, on_error="skip").set_output(transform="pandas")
    with pytest.warns(UserWarning, match="image 1"):
        found = codes.fit_transform(X)
    assert found.index.names == ["g", "i"]
    assert found.index.tolist() == [("a", 1), ("b", 1)]
