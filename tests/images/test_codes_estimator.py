"""CNNCodes as scikit-learn and the store know it: fitted or not, as a table, and its files."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from stackit import DiskStore, out_of_fold
from stackit.images import CNNCodes, cifar_resnet
from stackit.store.fingerprint import describe


def noise(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    for number in range(12):
        Image.fromarray(noise(number)).save(path / f"{number}.png")
    return path


def test_before_fit_there_are_no_codes(network):
    for ask in (lambda codes: codes.transform([noise(0)]), lambda codes: codes.get_feature_names_out()):
        with pytest.raises(NotFittedError):
            ask(CNNCodes(network))


@pytest.mark.parametrize("on_error", ["skip", "nan"])
def test_tables_have_the_index_of_the_rows_that_are_left(folder, network, on_error):
    (folder / "bad.png").write_text("no photograph")
    X = pd.DataFrame({"file": ["0.png", "bad.png", "1.png"]}, index=[10, 11, 12])
    codes = CNNCodes(network, root=folder, on_error=on_error).set_output(transform="pandas")
    for given in (X, X["file"]):
        with pytest.warns(UserWarning, match="1 of 3 photographs cannot be used and get"):
            table = codes.fit_transform(given)
        assert table.index.tolist() == ([10, 12] if on_error == "skip" else [10, 11, 12])
        assert list(table.columns) == [f"tiny_flatten_{number}" for number in range(64)]
        np.testing.assert_allclose(
            table.loc[[10, 12]], network.codes([noise(0), noise(1)]), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"n_jobs": 0}, "n_jobs must be an integer other than 0, or None; got n_jobs=0. Pass -1"),
        ({"n_jobs": "2"}, "got n_jobs='2'"),
        ({"weights": "nowhere"}, "weights='nowhere' was passed with a PretrainedNetwork, which has its own"),
        ({"n_views": [1]}, r"n_views must be one of 1, 2, 10; got n_views=\[1\]"),
    ],
)
def test_parameters_that_cannot_be_are_refused(network, parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        CNNCodes(network, **parameters).fit()


def test_what_was_fitted_another_way_is_to_be_fitted_again(network):
    codes = CNNCodes(network, "layer3").fit()
    with pytest.raises(
        ValueError, match=r"pool must be that of fit, 'mean'; got pool='flatten'. Fit it again"
    ):
        codes.set_params(pool="flatten").transform([noise(0)])
    with pytest.raises(ValueError, match="n_views must be one of"):
        codes.set_params(pool="mean", n_views=3).transform([noise(0)])


def test_the_home_folder_is_the_home_folder(tmp_path, monkeypatch, folder, network):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    codes = CNNCodes(network, root="~/photos", cache="~/kept").fit_transform(["0.png"])
    np.testing.assert_allclose(codes, network.codes([noise(0)]), rtol=1e-4, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "photos"]


def test_a_store_sees_that_photographs_of_the_root_have_changed(tmp_path, folder, network):
    X, y = pd.DataFrame({"file": [f"{number}.png" for number in range(12)]}), np.arange(12) % 2
    store = DiskStore(tmp_path / "store")

    def run():
        codes = CNNCodes(network, root=folder)
        return out_of_fold(
            [("codes", make_pipeline(codes, LogisticRegression()))], X, y, cv=3, n_jobs=1, store=store
        )

    first = run()
    assert (first.n_stored, run().n_stored) == (0, 3)
    for number in range(12):
        Image.fromarray(noise(100 + number)).save(folder / f"{number}.png")
        os.utime(folder / f"{number}.png", ns=(10**18, 10**18))
    changed = run()
    assert changed.n_stored == 0
    assert not np.allclose(changed.meta_train, first.meta_train)
    assert run().n_stored == 3


def test_an_archive_and_a_file_of_weights_are_known_by_size_and_time(tmp_path, folder):
    weights = tmp_path / "cifar10_resnet20.npz"
    np.savez(weights, **{name: part.numpy() for name, part in cifar_resnet(20).state_dict().items()})
    archive = tmp_path / "photos.zip"
    archive.write_bytes(b"any")
    codes = CNNCodes("cifar10_resnet20", weights=weights, root=archive)
    assert codes.files_read() == [weights, archive]
    seen = {describe(codes)}
    for file in (weights, archive):
        os.utime(file, ns=(10**18, 10**18))
        seen.add(describe(codes))
    archive.write_bytes(b"another")
    seen.add(describe(codes))
    assert len(seen) == 4
    # What a cache or a store writes there is no photograph.
    codes = CNNCodes("cifar10_resnet20", weights=weights, root=folder)
    before = describe(codes)
    (folder / "codes.npy").write_bytes(b"kept")
    assert describe(codes) == before
    assert CNNCodes("cifar10_resnet20", weights=tmp_path / "gone", root=tmp_path / "gone").files_read() == []
