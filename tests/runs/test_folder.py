"""The folder of a run: later formats, other files, other data; and names that are no file names."""

import json
import shutil

import pandas as pd
import pytest

from stackit.runs import RunConfig, RunFolder, run
from stackit.runs.member_files import file_names, read_predictions_of, write_predictions
from tests.runs.conftest import tiny_members


def test_a_later_format_is_refused_by_name(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(
        ValueError, match="has the format 2 of a later stackit, and this one reads formats up to 1"
    ):
        RunFolder.open(folder)
    with pytest.raises(ValueError, match="has the format 2 of a later stackit"):
        run(finished.config.model_copy(update={"output": folder}))


@pytest.mark.parametrize("text", ["", "{"])
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json is damaged"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 1, "icons": []}'])
def test_the_manifest_of_something_else_protects_its_folder(settings, tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match=r"is no run: its manifest\.json is not that of one"):
        RunFolder.open(tmp_path)
    with pytest.raises(ValueError, match=r"is no run"):
        run(RunConfig(**settings, output=tmp_path), overwrite=True)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_folder_without_a_manifest_is_no_run(tmp_path):
    with pytest.raises(ValueError, match=r"is no run: it has no manifest\.json"):
        RunFolder.open(tmp_path)


def test_a_folder_with_other_files_is_left_alone(settings, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="has other files than those of a run"):
            run(RunConfig(**settings, output=tmp_path), overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_other_data_in_the_same_folder_are_refused_unless_overwritten(finished, settings, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    (folder / "mine.txt").write_text("notes")
    changed = pd.read_csv(settings["test"]).iloc[:10]
    changed.to_csv(tmp_path / "test.csv", index=False)
    config = RunConfig(**{**settings, "test": tmp_path / "test.csv", "sample": None}, output=folder)
    with pytest.raises(ValueError, match=r"the content of test .*has changed; sample is gone"):
        run(config)
    with tiny_members():
        again = run(config, overwrite=True)
    assert len(again.test) == 10
    assert (folder / "mine.txt").read_text() == "notes"


def test_a_run_that_failed_before_any_fit_is_started_with_other_settings(settings, tmp_path):
    with pytest.raises(ValueError, match="scoring must be able to score y"):
        run(RunConfig(**settings, metric="f1_samples", output=tmp_path / "run"))
    assert RunFolder.open(tmp_path / "run").manifest["status"] == "failed"
    with tiny_members():
        assert run(RunConfig(**settings, metric="accuracy", output=tmp_path / "run")).is_finished


def test_moved_data_are_the_same_data(finished, settings, tmp_path):
    moved = {name: tmp_path / path.name for name, path in settings.items() if hasattr(path, "name")}
    for name, path in moved.items():
        shutil.copy(settings[name], path)
    config = RunConfig(**{**settings, **moved}, output=finished.path)
    assert run(config).manifest["finished"] == finished.manifest["finished"]


def test_any_name_of_a_member_becomes_a_file(tmp_path):
    names = ["linear", "LINEAR", "a/b", "..", "", "nul", "x" * 300, "Ω <b>", "a\nb", "com1.net"]
    files = file_names(names)
    assert len({file.lower() for file in files.values()}) == len(names)
    index = pd.Index(["7", "9"], name="id")
    tables = {name: pd.DataFrame({name or "none": [0.5, None]}, index=index) for name in names}
    write_predictions(tmp_path / "oof", tables, files)
    assert {path.name for path in (tmp_path / "oof").iterdir()} == set(files.values())
    read = read_predictions_of(tmp_path / "oof", files)
    assert read.columns.tolist() == [name or "none" for name in names]
    assert read["linear"].tolist()[0] == 0.5
    assert read["a\nb"].isna().tolist() == [False, True]
