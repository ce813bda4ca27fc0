"""Files of photographs: inside their folder, of the formats that are meant, not kept when they are broken."""

import gc
import io
import os
import re
import tracemalloc
import warnings
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from stackit.images import CNNCodes, list_photographs
from stackit.images.io.photographs import FORMATS, decode


def noise(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_file(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def supported(kind):
    try:
        as_file(Image.fromarray(noise(0)), kind)
    except (KeyError, OSError):
        pytest.skip(f"Pillow was built without {kind}")


# --- names


@pytest.fixture
def place(tmp_path):
    """A folder with one photograph, and another photograph next to the folder."""
    (tmp_path / "inside").mkdir()
    for path, seed in ((tmp_path / "inside" / "1.png", 1), (tmp_path / "secret.png", 2)):
        Image.fromarray(noise(seed)).save(path)
    return tmp_path


def links_out(place):
    (place / "inside" / "link.png").symlink_to(place / "secret.png")
    (place / "inside" / "folder").symlink_to(place)


LEADING_OUT = ["../secret.png", "{place}/secret.png", "link.png", "folder/secret.png", "folder/../secret.png"]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_names_that_lead_out_of_a_folder_are_refused(place, network, name):
    links_out(place)
    name, root = name.format(place=place), place / "inside"
    text = (
        rf"^{re.escape(name)}: The name of a photograph must be that of a file inside root='{root}'.*got one"
    )
    with pytest.raises(ValueError, match=text + r" that leads to '/.*secret.png'\. Pass names inside"):
        CNNCodes(network, root=root).fit_transform(["1.png", name])
    with pytest.warns(UserWarning, match=r"1 of 2 photographs cannot be used .* rows of NaN: .*inside root"):
        codes = CNNCodes(network, root=root, on_error="nan").fit_transform(["1.png", name])
    assert np.isnan(codes).all(axis=1).tolist() == [False, True]


@pytest.mark.parametrize("name", ["../1.png", "a/../../1.png", "/1.png", "a/../1.png"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path, network, name):
    """Members can have any name; one like these would be written outside by whoever unpacks them."""
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, as_file(Image.fromarray(noise(1)), "PNG"))
    with pytest.raises(ValueError, match="must be that of a file inside root="):
        CNNCodes(network, root=path).fit_transform([name])
    if name == "/1.png":
        with pytest.raises(ValueError, match="must be that of a file inside root="):
            CNNCodes(network).fit_transform(path)
    else:  # hidden, like all names with a part that begins with a dot
        with pytest.raises(ValueError, match="There are no photographs in"):
            list_photographs(path)


def test_a_listed_link_that_leads_out_is_refused_when_it_is_read(place, network):
    links_out(place)
    assert "link.png" in list_photographs(place / "inside")["file"].tolist()
    with pytest.raises(ValueError, match=r"link.png: .* inside root="):
        CNNCodes(network).fit_transform(place / "inside")


def test_names_that_stay_inside_are_read_whatever_they_look_like(place, network):
    inside = place / "inside"
    (inside / "rose").mkdir()
    (inside / "rose" / "link.png").symlink_to(inside / "1.png")
    (place / "elsewhere").symlink_to(inside)  # root itself may be a link
    names = ["1.png", "rose/../1.png", "./1.png", str(inside / "1.png"), "rose/link.png"]
    for root in (inside, place / "elsewhere", f"{inside}/rose/.."):
        codes = CNNCodes(network, root=root).fit_transform(names)
        np.testing.assert_allclose(codes, network.codes([noise(1)] * 5), rtol=1e-4, atol=1e-5)


def test_without_a_root_paths_lead_anywhere(place, network, monkeypatch):
    monkeypatch.chdir(place / "inside")
    codes = CNNCodes(network).fit_transform(["../secret.png", str(place / "secret.png")])
    np.testing.assert_allclose(codes, network.codes([noise(2)] * 2), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path, network):
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(ValueError, match="A photograph must be a file; got a pipe or a device"):
        CNNCodes(network, root=tmp_path).fit_transform(["1.png"])
    with pytest.raises(OSError, match="Is a directory"):
        CNNCodes(network).fit_transform([str(tmp_path)] * 2)


# --- formats


@pytest.mark.parametrize("kind", FORMATS)
def test_the_formats_that_are_meant_are_read(kind):
    supported(kind)
    image = decode(as_file(Image.fromarray(np.full((20, 30, 3), 80, np.uint8)), kind))
    assert image.size == (30, 20)
    np.testing.assert_allclose(np.asarray(image), 80, atol=3)


@pytest.mark.parametrize("kind", ["DDS", "EPS", "ICO", "PCX", "PPM", "SGI", "TGA"])
def test_other_formats_of_pillow_are_refused_under_any_name(tmp_path, network, kind):
    """EPS is a program that Pillow would have another program run."""
    path = tmp_path / "photograph.jpg"
    path.write_bytes(as_file(Image.fromarray(noise(0)), kind))
    text = (
        r"photograph.jpg: A photograph must be an image file \(AVIF, BMP, .*\); got another content\. Convert"
    )
    with pytest.raises(ValueError, match=text):
        CNNCodes(network).fit_transform([str(path)])


def test_photographs_of_two_pictures_are_read_as_their_first(tmp_path):
    """Telephones write JPEG files with a second picture, which Pillow calls MPO."""
    file = io.BytesIO()
    first = Image.fromarray(np.full((20, 30, 3), 80, np.uint8))
    first.save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20))])
    np.testing.assert_allclose(np.asarray(decode(file.getvalue())), 80, atol=3)


# --- memory

SIDE, N_FILES = 400, 16
SIZE = SIDE * SIDE * 3


@contextmanager
def traced():
    """Measure how much memory is used at most, without what the collector of cycles might free in time."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    figures = {}
    try:
        yield figures
        figures["now"], figures["peak"] = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()


def broken(kind):
    if kind == "text":
        return b"A" * SIZE
    options = {"AVIF": {"speed": 10, "quality": 90}, "JPEG": {"quality": 95}}.get(kind, {})
    content = as_file(
        Image.fromarray(noise(0, SIDE, SIDE)), "PNG" if kind == "too large" else kind, **options
    )
    return content if kind == "too large" else content[: len(content) // 2]


@pytest.fixture(
    scope="module", params=["text", "too large", "AVIF", "BMP", "JPEG", "JPEG2000", "PNG", "TIFF"]
)
def broken_files(request, tmp_path_factory):
    """A folder of broken photographs, and an archive of them."""
    if request.param in FORMATS:
        supported(request.param)
    folder, content = tmp_path_factory.mktemp("broken"), broken(request.param)
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for number in range(N_FILES):
            (folder / f"{number}.png").write_bytes(content)
            archive.writestr(f"{number}.png", content)
    return folder, len(content)


@pytest.mark.parametrize(
    ("on_error", "archive"),
    [
        ("nan", False),
        ("skip", True),
        pytest.param("nan", True, marks=pytest.mark.slow),
        pytest.param("skip", False, marks=pytest.mark.slow),
    ],
)
def test_broken_photographs_are_not_kept(broken_files, network, on_error, archive):
    folder, size = broken_files
    root = folder / "photos.zip" if archive else folder
    codes = CNNCodes(network, root=root, on_error=on_error, max_pixels=SIDE * SIDE - 1).fit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codes.transform(["0.png"])  # what is loaded once is not counted
        with traced() as memory:
            codes.transform([f"{number}.png" for number in range(N_FILES)])
    assert len(codes.skipped_) == N_FILES
    assert memory["peak"] < 3.5 * size + 2**18
    assert memory["now"] < 2**18


def test_an_error_does_not_keep_the_photograph_that_it_names(broken_files, network):
    folder, _ = broken_files
    codes = CNNCodes(network, root=folder, max_pixels=SIDE * SIDE - 1).fit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"0.png: "):
            codes.transform(["0.png"])
        with traced() as memory, pytest.raises(ValueError, match=r"0.png: ") as error:
            codes.transform([f"{number}.png" for number in range(N_FILES)])
    assert memory["now"] < 2**18, error


@pytest.mark.parametrize("on_error", ["raise", "nan", "skip"])
def test_images_in_memory_are_not_kept_twice(network, on_error):
    images = [noise(number, 60, 60) for number in range(8)] + [Image.fromarray(noise(9, 60, 60))]
    codes = CNNCodes(network, on_error=on_error, max_pixels=50 * 50).fit()
    gc.collect()
    gc.disable()
    try:
        before = sum(issubclass(type(one), Image.Image) for one in gc.get_objects())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if on_error == "raise":
                with pytest.raises(ValueError, match=r"image 0: .*at most 2500 pixels"):
                    codes.transform(images)
            else:
                codes.transform(images)
        after = sum(issubclass(type(one), Image.Image) for one in gc.get_objects())
    finally:
        gc.enable()
    assert after == before
