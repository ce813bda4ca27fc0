"""Photographs become codes: from wherever they come, each once, in their order, and the broken ones named."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

from stackit import out_of_fold
from stackit.images import CNNCodes, Preprocessing, PretrainedNetwork, cifar_resnet, list_photographs, vgg
from stackit.images.io.cache import CodeCache

ROOT = Path(__file__).parent.parent.parent


def real(file):
    """A file of the data sets, where they are."""
    folders = [Path(os.environ.get("STACKIT_DATA", ROOT / "data")), ROOT.parent / "shared" / "data"]
    found = [folder / file for folder in folders if (folder / file).exists()]
    return found[0] if found else pytest.skip(f"{file} is in none of {', '.join(map(str, folders))}")


def noise(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


class SizeRecordingNetwork(PretrainedNetwork):
    """A small network that says how many photographs passed through it."""

    def __init__(self, seed=0, preprocessing=None):
        torch.manual_seed(seed)
        super().__init__(
            cifar_resnet(8), preprocessing or Preprocessing.torchvision(32, 36), "flatten", "tiny"
        )
        self.sizes = []

    def codes_of_views(self, pixels, layer, pool="mean"):
        self.sizes.append(len(pixels))
        return super().codes_of_views(pixels, layer, pool)


@pytest.fixture
def network():
    return SizeRecordingNetwork()


@pytest.fixture
def folder(tmp_path):
    """Two classes with three photographs each, as PNG: decoded they are the arrays again."""
    for number in range(6):
        path = tmp_path / "photos" / ("rose" if number < 3 else "tulip") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(number)).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("no photograph")
    (tmp_path / "photos" / "rose" / ".hidden.png").write_text("no photograph")
    return tmp_path / "photos"


def zipped(folder):
    path = folder.parent / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


ARRAYS = [noise(number) for number in range(6)]


def close(codes, expected):
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-5)


def test_codes_are_the_same_from_wherever_photographs_come(folder, network):
    expected = network.codes(ARRAYS)
    archive, table = zipped(folder), list_photographs(folder)
    assert table["file"].tolist() == [f"{'rose' if i < 3 else 'tulip'}/{i}.png" for i in range(6)]
    assert table["label"].tolist() == ["rose"] * 3 + ["tulip"] * 3
    pd.testing.assert_frame_equal(list_photographs(archive), table)
    codes = CNNCodes(network).fit()
    paths = [folder / file for file in table["file"]]
    for X in (
        folder,
        str(archive),
        paths,
        list(map(str, paths)),
        pd.Series(map(str, paths)),
        np.stack(ARRAYS),
    ):
        close(codes.transform(X), expected)
    for X in (ARRAYS, [Image.fromarray(array) for array in ARRAYS]):
        close(codes.transform(X), expected)
    for root in (folder, archive):
        named = CNNCodes(network, root=root).fit()
        close(named.transform(table[["file"]]), expected)
        close(named.transform(table["file"][::-1]), expected[::-1])
        close(named.transform(table[["file"]].to_numpy(dtype=object)), expected)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 6, 100])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_batches_hold_all_photographs_and_the_last_one_the_rest(network, batch_size, n_jobs):
    codes = CNNCodes(network, batch_size=batch_size, n_jobs=n_jobs).fit()
    network.sizes.clear()
    result = codes.transform(ARRAYS)
    assert sum(network.sizes) == 6
    assert all(size == batch_size for size in network.sizes[:-1])
    assert result.dtype == np.float32
    close(result, PretrainedNetwork.codes(network, ARRAYS))


def test_grey_images_are_the_same_as_grey_in_colour(network):
    grey = np.stack(ARRAYS)[..., 0]
    codes = CNNCodes(network).fit()
    close(codes.transform(grey), codes.transform(np.stack([grey] * 3, axis=3)))


def test_equal_photographs_of_one_call_pass_once(network):
    codes = CNNCodes(network, batch_size=2).fit()
    network.sizes.clear()
    order = [0, 1, 0, 0, 2, 3, 1, 0, 3]
    result = codes.transform([ARRAYS[i] for i in order])
    assert sum(network.sizes) == 4
    close(result, network.codes([ARRAYS[i] for i in order]))


def test_no_photograph_passes_twice_where_codes_are_kept(tmp_path, folder, network):
    kept = CNNCodes(network, cache=tmp_path / "kept", batch_size=4).fit()
    first = kept.transform(folder)
    network.sizes.clear()
    (folder / "rose" / "0.png").rename(folder / "tulip" / "0.png")  # another name, another place
    again = kept.transform([folder / "tulip" / f"{number}.png" for number in (5, 0)])
    assert network.sizes == []
    np.testing.assert_array_equal(again, first[[5, 0]])
    Image.fromarray(noise(9)).save(folder / "tulip" / "0.png")  # the old name, another photograph
    close(kept.transform([folder / "tulip" / "0.png"]), network.codes([noise(9)]))


@pytest.mark.parametrize(
    "change",
    [
        lambda: CNNCodes(SizeRecordingNetwork(seed=1)),
        lambda: CNNCodes(SizeRecordingNetwork(preprocessing=Preprocessing.tensorflow(32, 36))),
        lambda: CNNCodes(SizeRecordingNetwork(), "layer2"),
        lambda: CNNCodes(SizeRecordingNetwork(), "layer3", pool="max"),
        lambda: CNNCodes(SizeRecordingNetwork(), n_views=2),
    ],
    ids=["weights", "preprocessing", "layer", "pool", "views"],
)
def test_kept_codes_are_of_one_way_through_one_network(tmp_path, network, change):
    CNNCodes(network, cache=tmp_path).fit().transform(ARRAYS)
    fresh, with_cache = change().fit(), change().set_params(cache=tmp_path).fit()
    close(with_cache.transform(ARRAYS), fresh.transform(ARRAYS))


def test_damaged_files_of_codes_are_left_aside(tmp_path, network):
    kept = CNNCodes(network, cache=tmp_path).fit()
    first = kept.transform(ARRAYS)
    (file,) = tmp_path.rglob("*.npy")
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-3] + b"abc", b"", b"\x93NUMPY rubbish"):
        file.write_bytes(content)
        with pytest.warns(UserWarning, match=r"cached codes in .* are damaged.*computed again"):
            close(kept.transform(ARRAYS), first)
        network.sizes.clear()
        close(kept.transform(ARRAYS), first)  # they were written again
        assert network.sizes == []


def test_codes_kept_by_several_are_all_there(tmp_path):
    like = np.float32([1, 2])
    one, other = CodeCache(tmp_path, "way", like), CodeCache(tmp_path, "way", like)
    rng = np.random.default_rng(0)
    codes = {bytes([i]) * 31 + b"\0": rng.normal(size=5).astype(np.float32) for i in range(8)}
    keys = list(codes)
    one.put({key: codes[key] for key in keys[:5]})
    other.put({key: codes[key] for key in keys[3:]})
    both = CodeCache(tmp_path, "way", like)
    assert all(np.array_equal(both.get(key), codes[key]) for key in keys)
    assert not list(tmp_path.rglob("*.part"))


@pytest.fixture
def spoilt(folder):
    """Two good photographs, and one of each kind that is not."""
    (folder / "cut.png").write_bytes((folder / "rose" / "0.png").read_bytes()[:3000])
    (folder / "text.png").write_text("hello")
    Image.fromarray(noise(0, 5, 5)).save(folder / "tiny.png")
    Image.fromarray(noise(0, 300, 300)).save(folder / "huge.png")
    names = ["rose/0.png", "cut.png", "text.png", "gone.png", "tiny.png", "huge.png", "rose/1.png"]
    return [str(folder / name) for name in names]


def test_the_first_photograph_that_is_none_is_named(spoilt, network):
    codes = CNNCodes(network, max_pixels=10_000).fit()
    kinds = ["complete image file", "an image file", "No such file", "at least 8 pixels", "at most 10000"]
    for path, kind in zip(spoilt[1:6], kinds, strict=True):
        error = FileNotFoundError if "gone" in path else ValueError
        with pytest.raises(error, match=rf"{Path(path).name}: .*{kind}"):
            codes.transform([spoilt[0], path, spoilt[6]])


@pytest.mark.parametrize("on_error", ["nan", "skip"])
def test_photographs_that_are_none_are_skipped_and_named(spoilt, network, on_error):
    codes = CNNCodes(network, max_pixels=10_000, on_error=on_error, n_jobs=2).fit()
    with pytest.warns(UserWarning, match=r"5 of 7 photographs cannot be used and get .*cut.png .*text.png"):
        result = codes.transform(spoilt)
    good = network.codes(ARRAYS[:2])
    assert [row for row, _, _ in codes.skipped_] == [1, 2, 3, 4, 5]
    assert [name for _, name, _ in codes.skipped_] == spoilt[1:6]
    if on_error == "skip":
        close(result, good)
    else:
        close(result[[0, 6]], good)
        assert np.isnan(result[1:6]).all()
    close(codes.transform(spoilt[:1]), good[:1])
    assert codes.skipped_ == []


def test_members_that_are_not_in_an_archive_are_named(folder, network):
    archive = zipped(folder)
    with pytest.raises(FileNotFoundError, match=r"rose/9.png: rose/9.png is not in .*photos.zip"):
        CNNCodes(network, root=archive).fit().transform(["rose/0.png", "rose/9.png"])


def test_an_empty_folder_and_a_file_that_is_no_archive_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"There are no photographs in '.*'. Put files there"):
        list_photographs(tmp_path)
    (tmp_path / "x.zip").write_text("hello")
    with pytest.raises(ValueError, match="is neither a folder nor a zip archive of photographs"):
        list_photographs(tmp_path / "x.zip")


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"layer": "fc8"}, "layer must be one of tiny's: conv1"),
        ({"pool": "sum"}, "pool must be one of mean, max, flatten; got pool='sum'. Pass 'mean'"),
        ({"n_views": 5}, "n_views must be one of 1, 2, 10; got n_views=5"),
        ({"on_error": "ignore"}, "on_error must be one of raise, nan, skip"),
        ({"batch_size": 0}, "batch_size must be a positive integer; got batch_size=0"),
        (
            {"network": cifar_resnet(8)},
            "network must be a name or a PretrainedNetwork; got network=Sequential",
        ),
        ({"network": "vgg"}, "name must be one of cifar10_resnet20"),
    ],
)
def test_parameters_that_cannot_be_are_refused(network, parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        CNNCodes(**{"network": network} | parameters).fit()


@pytest.mark.parametrize(
    "X", [[], np.zeros((2, 3)), np.zeros((3, 9, 9, 3)), np.zeros((2, 9, 9, 4), np.uint8), [1, 2]]
)
def test_what_holds_no_photographs_is_refused(network, X):
    with pytest.raises(ValueError, match=r"must be|X is empty"):
        CNNCodes(network).fit().transform(X)


def test_several_networks_stand_side_by_side(network):
    other = SizeRecordingNetwork(seed=5)
    other.name = "other"
    union = FeatureUnion([("one", CNNCodes(network)), ("other", CNNCodes(other, "layer2", pool="max"))])
    union.set_output(transform="pandas")
    codes = union.fit_transform(np.stack(ARRAYS))
    assert codes.shape == (6, 64 + 32)
    assert [codes.columns[0], codes.columns[-1]] == ["one__tiny_flatten_0", "other__other_layer2_31"]
    close(codes.iloc[:, :64], network.codes(ARRAYS))
    close(codes.iloc[:, 64:], other.codes(ARRAYS, "layer2", pool="max"))


def test_the_transformer_is_cloned_and_pickled(network, tmp_path):
    codes = CNNCodes(network, "layer3", n_views=2, cache=tmp_path)
    again = pickle.loads(pickle.dumps(clone(codes).fit()))
    close(again.transform(ARRAYS), codes.fit().transform(ARRAYS))


def test_paths_are_stacked_like_any_other_column(folder, tmp_path, network):
    """Bright and dark photographs, classified out of fold by a pipeline that gets names of files as X."""
    rng, names = np.random.default_rng(0), []
    for number in range(24):
        low = 0 if number % 2 else 150
        names.append(f"{number}.png")
        pixels = rng.integers(low, low + 100, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / names[-1])
    X, y = pd.DataFrame({"file": names}), np.arange(24) % 2
    codes = CNNCodes(network, root=folder, cache=tmp_path / "kept")
    oof = out_of_fold([("codes", make_pipeline(codes, LogisticRegression()))], X, y, cv=3, n_jobs=1)
    assert ((oof.meta_train["codes"] > 0.5) == y).all()


def test_the_bar_is_shown_where_it_is_wanted(network, capsys):
    CNNCodes(network, verbose=1).fit().transform(ARRAYS)
    assert "photographs: image 5" in capsys.readouterr().err
    CNNCodes(network).fit().transform(ARRAYS)
    assert capsys.readouterr().err == ""


def test_codes_of_vgg_are_as_those_of_the_notes():
    """relu6 codes of VGG16: 4096 a photograph, none negative, two thirds zeros; ours with random weights."""
    given = np.fromfile(real("flowers/vgg16_sample/codes"), np.float32).reshape(-1, 4096)
    assert given.shape == (80, 4096)
    assert given.min() == 0
    assert given.max() == pytest.approx(65.3, abs=0.02)
    assert np.mean(given == 0) == pytest.approx(0.675, abs=0.001)
    assert (np.ptp(given, axis=1) > 0).all()  # no row was left empty where the run broke off
    torch.manual_seed(0)
    network = vgg("D", image_size=64, channels=(4, 8, 8, 8, 8), n_classes=5)
    codes = CNNCodes(PretrainedNetwork(network, Preprocessing.caffe(64, 64), "relu6", "vgg")).fit_transform(
        ARRAYS
    )
    assert codes.shape == (6, given.shape[1])
    assert codes.dtype == given.dtype
    assert codes.min() == 0
    assert 0.1 < np.mean(codes == 0) < 0.9


def test_the_notes_codes_of_a_run_that_broke_off_have_more_labels_than_rows():
    """80 codes and 90 labels: which belong together cannot be known, and nothing is cut to fit."""
    given = np.fromfile(real("flowers/vgg16_sample/codes"), np.float32).reshape(-1, 4096)
    labels = np.array(real("flowers/vgg16_sample/labels").read_text().split())
    assert len(labels) == 90
    y = np.where(np.arange(90) % 2, labels, "another")  # they are all daisies
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[80, 90\]"):
        out_of_fold([("logistic", LogisticRegression())], given, y, cv=3, n_jobs=1)


def test_real_flowers_from_their_archive():
    archive = real("flowers/photos.zip")
    table = list_photographs(archive)
    assert table["label"].value_counts().to_dict() == {
        "daisy": 633,
        "dandelion": 898,
        "roses": 641,
        "sunflowers": 699,
        "tulips": 799,
    }
    chosen = table.groupby("label").head(4)
    codes = CNNCodes("mobilenet_v1_0.75", root=archive, n_jobs=2)
    try:
        result = codes.fit_transform(chosen[["file"]])
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    assert result.shape == (20, 768)
    assert result.min() >= 0
    assert result.max() <= 6
    unit = result / np.linalg.norm(result, axis=1, keepdims=True)
    same = chosen["label"].to_numpy()[:, None] == chosen["label"].to_numpy()
    cosines = unit @ unit.T
    assert cosines[same].mean() > cosines[~same].mean() + 0.1
