"""Who may import whom: data flows one way through the house."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import stackit
from stackit import images, neural

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "stackit"
# A room imports only rooms to its left.
ORDER = [
    "check",
    "kept",
    "frames",
    "class_names",
    "row_labels",
    "traits",
    "copies",
    "target",
    "isolation",
    "folds",
    "failures",
    "sample_weight",
    "inner_groups",
    "progress",
    "repeated_warnings",
    "neural",
    "images",
    "prediction_checks",
    "schema",
    "response",
    "routing",
    "scores",
    "pooled",
    "scored",
    "fold_estimators",
    "result",
    "threads",
    "fork_safety",
    "parent_death",
    "stopping",
    "label_params",
    "labels",
    "label_codes",
    "slices",
    "data",
    "line_up",
    "seeds",
    "given",
    "shared_fits",
    "task",
    "store",
    "together",
    "parcel",
    "task_queue",
    "fork_pool",
    "joblib_pool",
    "schedule",
    "collected",
    "settings",
    "worklist",
    "oof",
    "saved",
    "combine",
    "stacking",
    "levels",
    "assess",
    "submission",
    "cli",
    "__main__",
]
HEAVY = {
    "torch",
    "xgboost",
    "lightgbm",
    "matplotlib",
    "dask",
    "ray",
    "skrub",
    "jinja2",
    "skops",
    "onnx",
    "onnxruntime",
}
PUBLIC = [
    "stackit",
    *(f"stackit.{path.stem}" for path in HOUSE.glob("*.py") if path.stem not in ("__init__", "__main__")),
]
PUBLIC += [
    "stackit.assess",
    "stackit.cli",
    "stackit.combine",
    "stackit.folds",
    "stackit.given",
    "stackit.images",
    "stackit.levels",
    "stackit.neural",
    "stackit.shared_fits",
    "stackit.saved",
    "stackit.stacking",
    "stackit.stopping",
    "stackit.store",
]
PUBLIC += ["stackit.submission"]


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """All modules that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module_level_imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = ast.Module(
        body=[node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], type_ignores=[]
    )
    return {
        name.split(".")[0]
        for node in top.body
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }


def constants_then_classes_then_functions(name: str) -> tuple[bool, bool, str]:
    return (not name.isupper(), name[0].islower(), name)


FILES = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_imports_only_rooms_to_its_left(path):
    room = room_of(path)
    assert room in ORDER, f"{room} is a new room: give it its place in ORDER"
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "stackit" and len(parts) > 1 and parts[1] in ORDER and parts[1] != room:
            assert ORDER.index(parts[1]) < ORDER.index(room), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_heavy_libraries_are_not_imported_at_module_level(path):
    own = {"torch"} if room_of(path) in ("neural", "images") else set()
    assert not module_level_imports_of(path) & (HEAVY - own)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_rooms_have_one_sentence_that_says_what_they_are_for(path):
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc
    assert doc.split("\n\n")[0].endswith(".")


def test_no_room_is_a_shed():
    names = {path.stem for path in HOUSE.rglob("*.py")}
    assert not names & {"utils", "helpers", "base", "common", "misc"}


def test_no_room_grows_beyond_reading():
    sizes = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in sizes.items() if lines > 400} == {}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_exist_and_are_sorted(name):
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__, key=constants_then_classes_then_functions)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


def test_the_lazy_names_are_the_public_names():
    assert sorted(stackit._ROOM_OF) == stackit.__all__ == dir(stackit)
    with pytest.raises(AttributeError, match="no attribute 'Stack'; it has DiskStore, Folds"):
        _ = stackit.Stack


def test_the_lazy_names_of_the_nets_are_their_public_names():
    assert set(neural._FILE_OF) == set(neural.__all__) == set(dir(neural))
    with pytest.raises(AttributeError, match=r"'stackit.neural' has no attribute 'MLP'; it has SCHEDULES"):
        _ = neural.MLP


def test_the_lazy_names_of_the_images_are_their_public_names():
    assert set(images._FILE_OF) == set(images.__all__) == set(dir(images))
    with pytest.raises(AttributeError, match=r"'stackit.images' has no attribute 'VGG'; it has PUBL"):
        _ = images.VGG


def test_importing_stackit_loads_nothing_heavy():
    code = "import sys, stackit; print(*(sorted(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & (HEAVY | {"sklearn", "numpy", "pandas", "scipy", "joblib"})


def test_the_whole_core_loads_neither_torch_nor_xgboost_nor_matplotlib():
    code = (
        f"import sys, importlib\nfor name in {PUBLIC!r}: importlib.import_module(name)\nprint(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & HEAVY


@pytest.mark.parametrize("script", sorted(ROOT.glob("competitions/*/solve.py")), ids=lambda p: p.parent.name)
def test_scripts_are_thin(script):
    assert len(script.read_text(encoding="utf-8").splitlines()) < 120
