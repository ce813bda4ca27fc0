"""The layout of the package: folders import one way, and heavy libraries stay out of the core."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import stackit
from stackit import images, neural

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "stackit"
FILES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts) for path in FILES if path.name == "__init__.py"
)
MODULES = sorted(".".join(path.with_suffix("").relative_to(ROOT).parts) for path in FILES)
HEAVY = {
    "torch",
    "xgboost",
    "lightgbm",
    "matplotlib",
    "dask",
    "ray",
    "skrub",
    "catboost",
    "interpret",
    "jinja2",
    "skops",
    "onnx",
    "onnxruntime",
}
# Networks know tables, checks and files, and nothing of stacking.
FOR_NETWORKS = {"_lazy", "arrays", "files", "progress", "validation"}


@cache
def folder_of(path: Path) -> str:
    """Return the folder of the package that a file is in, or the name of a module of its root."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports_of(path: Path, within_functions: bool = True) -> frozenset[str]:
    """Return all modules that a file imports when it runs, not those for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    nodes = [node for node in (ast.walk(tree) if within_functions else tree.body) if id(node) not in skipped]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def folders_imported_by(path: Path) -> set[str]:
    found = {name.split(".")[1] for name in imports_of(path) if name.startswith("stackit.")}
    return (found & FOLDERS) - {folder_of(path)}


def constants_then_classes_then_functions(name: str) -> tuple[bool, bool, str]:
    return (not name.isupper(), name[0].islower(), name)


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_folders_import_one_way():
    graph: dict[str, set[str]] = {}
    for path in FILES:
        graph.setdefault(folder_of(path), set()).update(folders_imported_by(path))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
        arrows = [
            f"{relative(path)} imports {folder}"
            for path in FILES
            for folder in folders_imported_by(path)
            if folder_of(path) in circle and folder in circle
        ]
        pytest.fail(f"folders import each other: {circle}\n" + "\n".join(arrows))


def test_modules_import_one_way():
    modules = set(MODULES)
    graph = {
        ".".join(path.with_suffix("").relative_to(ROOT).parts): {
            name for name in imports_of(path, within_functions=False) if name in modules
        }
        for path in FILES
        if path.name != "__init__.py"
    }
    TopologicalSorter(graph).prepare()


@cache
def names_defined_in(path: Path) -> frozenset[str]:
    """Return the names of functions, classes, variables and attributes that a file defines."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return frozenset(found)


FOLDERS = {folder_of(path) for path in FILES}


def files_of(folder: str) -> list[Path]:
    return [path for path in FILES if folder_of(path) == folder]


@cache
def names_defined_in_folder(folder: str) -> frozenset[str]:
    return frozenset().union(*map(names_defined_in, files_of(folder)))


def is_underscored(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def underscored_names_used_in(path: Path) -> set[str]:
    """Return the underscored names that a file imports from stackit, or reads from objects but itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("stackit"):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found |= set() if own else {node.attr}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
            found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return {name for name in found if isinstance(name, str) and is_underscored(name)}


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_no_folder_uses_underscored_names_of_another(folder):
    inside = names_defined_in_folder(folder)
    outside = set().union(*(names_defined_in_folder(other) for other in FOLDERS - {folder}))
    found = {relative(path): underscored_names_used_in(path) & outside - inside for path in files_of(folder)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", ["neural", "images"])
def test_networks_know_nothing_of_stacking(folder):
    allowed = FOR_NETWORKS | {"neural", "images"}
    for path in (PACKAGE / folder).rglob("*.py"):
        assert folders_imported_by(path) <= allowed, relative(path)


def test_nothing_below_imports_the_package_itself():
    importers = {relative(path) for path in FILES if "stackit.__version__" in imports_of(path)}
    assert {folder.split("/")[0] for folder in importers} <= {"cli"}


def test_the_root_holds_at_most_eight_modules():
    assert len([*PACKAGE.glob("*.py")]) <= 8


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_heavy_libraries_are_not_imported_at_module_level(folder):
    heavy = HEAVY - {"torch"} if folder in ("neural", "images") else HEAVY
    found = {
        relative(path): {name.split(".")[0] for name in imports_of(path, within_functions=False)} & heavy
        for path in files_of(folder)
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_files_have_one_sentence_that_says_what_they_are_for(folder):
    docs = {
        relative(path): ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        for path in files_of(folder)
    }
    assert [path for path, doc in docs.items() if not (doc or "").split("\n\n")[0].endswith(".")] == []


def test_no_file_is_a_shed():
    names = {path.stem for path in FILES}
    assert not names & {"utils", "helpers", "base", "common", "misc"}


def test_no_file_grows_beyond_reading():
    sizes = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in sizes.items() if lines > 400} == {}


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("__init__", "__main__"))])
def test_public_names_exist_and_are_sorted(name):
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__, key=constants_then_classes_then_functions)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_the_public_names_of_folders_exist_and_are_sorted(name):
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__, key=constants_then_classes_then_functions)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("package", [stackit, neural, images], ids=lambda package: package.__name__)
def test_lazy_names_are_the_public_names(package):
    assert set(package.__all__) == set(dir(package))
    with pytest.raises(AttributeError, match=rf"'{package.__name__}' has no attribute 'Nothing'; it has "):
        _ = package.Nothing


def test_importing_stackit_loads_nothing_heavy():
    code = "import sys, stackit; print(*(sorted(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & (HEAVY | {"sklearn", "numpy", "pandas", "scipy", "joblib"})


def test_the_whole_core_loads_neither_torch_nor_xgboost_nor_matplotlib():
    core = [name for name in PACKAGES if name.split(".")[1:2] not in (["neural"], ["images"])]
    code = f"import sys, importlib\nfor name in {core!r}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & HEAVY


@pytest.mark.parametrize("script", sorted(ROOT.glob("competitions/*/solve.py")), ids=lambda p: p.parent.name)
def test_scripts_are_thin(script):
    assert len(script.read_text(encoding="utf-8").splitlines()) < 120


SCRIPTS = sorted(ROOT.glob("competitions/**/*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_competitions_use_public_names_only(path):
    folders = {*PACKAGES, *(name for name in MODULES if name.count(".") == 1)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stackit":
            assert node.module in folders, f"{node.module} is inside a folder: import from the folder"
            public = {
                *importlib.import_module(node.module).__all__,
                *(name.split(".")[-1] for name in folders),
            }
            assert {alias.name for alias in node.names} <= public
