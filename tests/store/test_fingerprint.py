"""Keys of a store: all code of the user's that a fit can reach, in whatever module, and what objects hide."""

import functools
import importlib
import os
import py_compile
import re
import subprocess
import sys
import types
import warnings
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import stackit
from stackit import DiskStore, MemoryStore, out_of_fold
from stackit.store.fingerprint import IndescribableError, describe

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 3)), RNG.normal(size=24)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Modules in a folder on the path; `load` imports them as a new process would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    # Sources of one size within one second would be taken for the same.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(**sources):
        for name, source in sources.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")

    def load(name="main"):
        for module in [*sys.modules]:
            attributes = getattr(sys.modules[module], "__dict__", {})
            if str(tmp_path) in f"{attributes.get('__file__')} {attributes.get('__path__')}":
                del sys.modules[module]
        importlib.invalidate_caches()
        return importlib.import_module(name)

    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    yield types.SimpleNamespace(write=write, load=load, path=tmp_path)
    load("json")


# Each: the modules, and one that changes; `main.g` is what is fitted with.
THIRD = "def h(X): return X * 2\n"
THIRD_CHANGED = "def h(X): return X * 3\n"
SCALING = """
class Scale:
    def __init__(self, by):
        self.by = by

    def __call__(self, X):
        return {}
"""
DECORATING = """
import functools
def twice(f):
    @functools.wraps(f)
    def inner(X):
        return {} * f(X)
    return inner
"""
CHANGES = {
    "a module of a module": (
        {
            "main": "import feat\ndef g(X): return feat.f(X)\n",
            "feat": "from third import h\ndef f(X): return h(X)\n",
        },
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a module of a module, by its name": (
        {
            "main": "import feat\ndef g(X): return feat.f(X)\n",
            "feat": "import third\ndef f(X): return third.h(X)\n",
        },
        ("third", THIRD, THIRD_CHANGED),
    ),
    "imports inside functions": (
        {
            "main": "def g(X):\n    from feat import f\n    return f(X)\n",
            "feat": "def f(X):\n    import third\n    return third.h(X)\n",
        },
        ("third", THIRD, THIRD_CHANGED),
    ),
    "an import inside a function under another name": (
        {"main": "def g(X):\n    import third as t\n    return t.h(X)\n"},
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a re-export": (
        {
            "main": "from pack import h\ndef g(X): return h(X)\n",
            "pack/__init__": "from pack.inner import h\n",
        },
        ("pack/inner", THIRD, THIRD_CHANGED),
    ),
    "a re-export by name of the package": (
        {"main": "import pack\ndef g(X): return pack.h(X)\n", "pack/__init__": "from .inner import h\n"},
        ("pack/inner", THIRD, THIRD_CHANGED),
    ),
    "a lazy re-export": (
        {
            "main": "import pack\ndef g(X): return pack.h(X)\n",
            "pack/__init__": "def __getattr__(name):\n    from pack.inner import h\n    return h\n",
        },
        ("pack/inner", THIRD, THIRD_CHANGED),
    ),
    "a namespace package": (
        {"main": "import space.inner\ndef g(X): return space.inner.h(X)\n"},
        ("space/inner", THIRD, THIRD_CHANGED),
    ),
    "a relative import inside a function": (
        {
            "main": "from pack.feat import f as g\n",
            "pack/__init__": "",
            "pack/feat": "def f(X):\n    from .inner import h\n    return h(X)\n",
        },
        ("pack/inner", THIRD, THIRD_CHANGED),
    ),
    "a relative import of a module inside a function": (
        {
            "main": "from pack.feat import f as g\n",
            "pack/__init__": "",
            "pack/feat": "def f(X):\n    from . import inner\n    return inner.h(X)\n",
        },
        ("pack/inner", THIRD, THIRD_CHANGED),
    ),
    "a dotted import inside a function": (
        {"main": "def g(X):\n    import pack.inner\n    return pack.inner.h(X)\n", "pack/__init__": ""},
        ("pack/inner", THIRD, THIRD_CHANGED),
    ),
    "a module handed on as an object": (
        {"main": "import third\ndef g(X): return use(third, X)\ndef use(m, X): return m.h(X)\n"},
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a name that getattr takes": (
        {"main": "import third\ndef g(X): return getattr(third, 'h')(X)\n"},
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a module that is a default": (
        {"main": "import third\ndef g(X, m=third): return m.h(X)\n"},
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a setting of another module": (
        {"main": "import third\ndef g(X): return X * third.SCALE\n"},
        ("third", "SCALE = 2\n", "SCALE = 3\n"),
    ),
    "a setting imported from another module": (
        {"main": "from third import SCALE\ndef g(X): return X * SCALE\n"},
        ("third", "SCALE = 2\n", "SCALE = 3\n"),
    ),
    "a setting in a mapping of another module": (
        {"main": "import third\ndef g(X): return X * third.SETTINGS['scale']\n"},
        ("third", "SETTINGS = {'scale': 2}\n", "SETTINGS = {'scale': 3}\n"),
    ),
    "a setting that a setting is made of": (
        {"main": "import feat\ndef g(X): return feat.BY(X)\n", "feat": "import third\nBY = third.Scale(2)\n"},
        (
            "third",
            SCALING.format("X * self.by"),
            SCALING.format("X + self.by"),
        ),
    ),
    "a method of a base class": (
        {
            "main": "from feat import B\ndef g(X): return B().f(X)\n",
            "feat": "import third\nclass B(third.A): pass\n",
        },
        (
            "third",
            "class A:\n    def f(self, X): return X\n",
            "class A:\n    def f(self, X): return -X\n",
        ),
    ),
    "what a method calls": (
        {
            "main": "from feat import A\ndef g(X): return A().f(X)\n",
            "feat": "import third\nclass A:\n    @staticmethod\n    def f(X): return third.h(X)\n",
        },
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a function that another module registers by type": (
        {
            "main": "import feat, third\ndef g(X): return feat.f(X)\n",
            "feat": "from functools import singledispatch\n@singledispatch\ndef f(X): return X\n",
        },
        (
            "third",
            "import feat, numpy\n@feat.f.register(numpy.ndarray)\ndef h(X): return X * 2\n",
            "import feat, numpy\n@feat.f.register(numpy.ndarray)\ndef h(X): return X * 3\n",
        ),
    ),
    "a function in a table of functions": (
        {
            "main": "import feat\ndef g(X): return feat.ALL['h'](X)\n",
            "feat": "from third import h\nALL = {'h': h}\n",
        },
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a decorator": (
        {"main": "from third import twice\n@twice\ndef g(X): return X\n"},
        (
            "third",
            DECORATING.format(2),
            DECORATING.format(3),
        ),
    ),
    "a partial of a function elsewhere": (
        {"main": "from functools import partial\nimport third\ng = partial(third.h)\n"},
        ("third", THIRD, THIRD_CHANGED),
    ),
    "a lambda that calls a lambda": (
        {"main": "import third\ng = lambda X: third.h(X)\n"},
        ("third", "h = lambda X: X * 2\n", "h = lambda X: X * 3\n"),
    ),
    "a global that a query names": (
        {"main": "from third import LIMIT\ndef g(X): return X.query('a > @LIMIT')\n"},
        ("third", "LIMIT = 2\n", "LIMIT = 3\n"),
    ),
    "a module called like one of Python's": (
        {"main": "from colorsys import h\ndef g(X): return h(X)\n"},
        ("colorsys", THIRD, THIRD_CHANGED),
    ),
    "a class nested in a function": (
        {"main": "import third\ndef g(X):\n    class A:\n        by = third.SCALE\n    return X * A.by\n"},
        ("third", "SCALE = 2\n", "SCALE = 3\n"),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_key_changes_with(what, project):
    modules, (changing, before, after) = CHANGES[what]
    project.write(**modules, **{changing: before})
    first = describe(project.load().g)
    assert describe(project.load().g) == first
    project.write(**{changing: f"# A comment.\n\n{before}# and another\n"})
    assert describe(project.load().g) == first
    project.write(**{changing: after})
    assert describe(project.load().g) != first


def test_a_reloaded_module_counts_as_it_is_now(project):
    project.write(main="import third\ndef g(X): return third.h(X)\n", third=THIRD)
    main = project.load()
    before = describe(main.g)
    project.write(third=THIRD_CHANGED)
    # What runs is what is loaded, whatever the file says.
    assert describe(main.g) == before
    importlib.reload(main.third)
    assert describe(main.g) != before


def test_settings_that_are_changed_while_the_process_runs_count(project):
    project.write(
        main="import third\ndef g(X): return X * third.S['a'] * third.K\n", third="S = {'a': 1}\nK = 1\n"
    )
    main = project.load()
    texts = {describe(main.g)}
    main.third.S["a"] = 2
    texts.add(describe(main.g))
    main.third.K = 2
    texts.add(describe(main.g))
    assert len(texts) == 3


def test_unused_parts_of_a_module_do_not_count(project):
    project.write(main="import third\ndef g(X): return third.h(X)\n", third=THIRD + "OTHER = 1\n")
    before = describe(project.load().g)
    project.write(
        third=THIRD + "import threading\nLOCK = threading.Lock()\nOTHER = 2\ndef k(): return LOCK\n"
    )
    assert describe(project.load().g) == before


def test_a_module_that_a_function_imports_counts_before_it_is_loaded_and_after(project):
    project.write(main="def g(X):\n    import third\n    return third.h(X)\n", third=THIRD)
    main = project.load()
    assert "third" not in sys.modules
    before = describe(main.g)
    main.g(1)
    assert describe(main.g) == before


def test_compiled_modules_without_sources_count(project):
    texts = set()
    for source in (THIRD, THIRD_CHANGED):
        project.write(third=source, main="import third\ndef g(X): return third.h(X)\n")
        compiled = project.path / "third.pyc"
        py_compile.compile(str(project.path / "third.py"), cfile=str(compiled), doraise=True)
        (project.path / "third.py").unlink()
        texts.add(describe(project.load().g))
    assert len(texts) == 2


def test_compiled_extensions_count_by_their_file(project, monkeypatch):
    """A built-in function with the name of such a file as its module, so that no compiler is needed."""
    extension = project.path / "third.so"
    module = types.ModuleType("third")
    module.__file__ = str(extension)
    monkeypatch.setattr("stackit.store.versions.EXTENSION_SUFFIXES", [".so"])
    monkeypatch.setitem(sys.modules, "third", module)
    texts = set()
    for content in (b"one", b"two"):
        extension.write_bytes(content)
        module.Kind = type("Kind", (), {"__module__": "third"})
        texts.add(describe(module.Kind))
    assert len(texts) == 2


UNKNOWABLE = {
    "importlib": "import importlib\ndef g(X): return importlib.import_module('thi' + 'rd').h(X)\n",
    "by name": "from importlib import import_module\ndef g(X): return import_module('third').h(X)\n",
    "inside": "def g(X):\n    import importlib as i\n    return i.import_module('third').h(X)\n",
    "__import__": "def g(X): return __import__('third').h(X)\n",
    "eval": "def g(X): return eval('X * 2')\n",
    "exec": "def g(X):\n    exec('X = X * 2')\n    return X\n",
    "globals": "def g(X): return globals()['S'] * X\nS = 2\n",
    "sys.modules": "import sys\ndef g(X): return sys.modules['third'].h(X)\n",
    "sys.modules by name": "from sys import modules\ndef g(X): return modules['third'].h(X)\n",
    "runpy": "import runpy\ndef g(X): return runpy.run_path('third.py')['h'](X)\n",
    "a program": "import subprocess\ndef g(X): return subprocess.run(['mine'])\n",
    "a file loaded as a module": (
        "import importlib.util\n"
        "def g(X):\n    spec = importlib.util.spec_from_file_location('t', 'third.py')\n    return X\n"
    ),
    "deeper": "import feat\ndef g(X): return feat.f(X)\n",
}


@pytest.mark.parametrize("what", UNKNOWABLE)
def test_code_known_only_at_run_time_is_refused(what, project):
    project.write(main=UNKNOWABLE[what], third=THIRD, feat="def f(X): return eval('X')\n")
    name = "f" if what == "deeper" else "g"
    with pytest.raises(IndescribableError, match=rf"which (runs|shows) .*, which {name} uses"):
        describe(project.load().g)


def test_what_cannot_be_described_is_reported_once_and_not_reused(project):
    project.write(main="def g(X): return eval('X * 2')\ndef k(X): return X\n")
    main, store = project.load(), MemoryStore()
    members = [
        ("e", make_pipeline(FunctionTransformer(main.g), Ridge())),
        ("k", make_pipeline(main_k(main), Ridge())),
    ]
    for _ in range(2):
        with pytest.warns(
            UserWarning, match=r"not possible for e \(eval of builtins, .* which g uses\)\. They are not"
        ) as caught:
            oof = out_of_fold(members, X, Y, cv=2, n_jobs=1, store=store)
        assert len(caught) == 1
    assert oof.n_stored == 2


def main_k(main):
    return FunctionTransformer(main.k)


LINE_UP = """
import sys
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from stackit import DiskStore, out_of_fold
import feat
def g(X):
    return feat.f(X)
def n_stored(path):
    X = np.random.default_rng(0).normal(size=(20, 2))
    members = [("own", make_pipeline(FunctionTransformer(g), Ridge())), ("ridge", Ridge())]
    return out_of_fold(members, X, X[:, 0], cv=2, n_jobs=1, store=DiskStore(path)).n_stored
"""


def test_another_process_and_folder_hit_and_a_third_module_that_changes_misses(project, tmp_path_factory):
    project.write(main=LINE_UP, feat="from third import h\ndef f(X): return h(X)\n", third=THIRD)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = str(elsewhere / "store")
    assert project.load().n_stored(path) == 0
    places = [str(project.path), str(Path(stackit.__file__).parent.parent)]
    done = subprocess.run(
        [sys.executable, "-c", f"import main; print(main.n_stored({path!r}))"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 4
    project.write(third=THIRD_CHANGED)
    assert project.load().n_stored(path) == 2


# --- objects that show only part of their state


class Hides:
    def __init__(self, by):
        self.by = by

    def __call__(self, X):
        return X * self.by

    def __getstate__(self):
        return {}


class Reduces(Hides):
    def __reduce__(self):
        return (Reduces, (1,))


class SlottedWithoutState:
    __slots__ = ("by",)

    def __init__(self, by):
        self.by = by

    def __getstate__(self):
        return None


class Poses(Hides):
    """An instance with the module and name of a function of numpy."""

    def __init__(self, by):
        super().__init__(by)
        self.__module__, self.__name__, self.__qualname__ = "numpy", "clip", "clip"

    def __reduce__(self):
        return "clip"


class FunctionWrapper:
    def __init__(self, function, by):
        functools.update_wrapper(self, function)
        self.by = by

    def __call__(self, X):
        return self.__wrapped__(X) * self.by


class Mapping(dict):
    def __reduce__(self):
        return (Mapping, ())


class Number(float):
    def __reduce__(self):
        return (Number, (1.0,))


class Column(pd.Series):
    _metadata = ("by",)


class Table(np.ndarray):
    pass


def identity(X):
    return X


def scaled(by, function=identity):
    @functools.wraps(function)
    def inner(X):
        return function(X) * by

    return inner


def with_attribute(by):
    def function(X):
        return X * function.by

    function.by = by
    return function


def table(by):
    values = np.eye(2).view(Table)
    values.by = by
    return values


def column(by):
    values = Column([1.0, 2.0])
    values.by = by
    return values


def frame(by):
    values = pd.DataFrame({"a": [1]})
    values.attrs["by"] = by
    return values


HIDING = {
    "__getstate__": Hides,
    "__reduce__": Reduces,
    "slots": SlottedWithoutState,
    "a callable with the identity of a function": lambda by: FunctionWrapper(identity, by),
    "a callable with the identity of a function of numpy": lambda by: FunctionWrapper(np.clip, by),
    "a function with the identity of another": scaled,
    "a function with the identity of one of numpy": lambda by: scaled(by, np.clip),
    "a function with an attribute": with_attribute,
    "a partial": lambda by: functools.partial(scaled(by)),
    "a method": lambda by: Hides(by).__call__,
    "a mapping that reduces to an empty one": lambda by: Mapping(by=by),
    "a number that reduces to another": Number,
    "an array with an attribute": table,
    "a column with an attribute": column,
    "attributes of a frame": frame,
    "two functions of one name in another order": lambda by: [scaled(by), scaled(3 - by)],
}


@pytest.mark.parametrize("what", HIDING)
def test_objects_that_differ_have_descriptions_that_differ(what):
    make = HIDING[what]
    assert describe(make(1)) == describe(make(1))
    assert describe(make(1)) != describe(make(2))
    assert describe(FunctionTransformer(make(1))) != describe(FunctionTransformer(make(2)))


def test_an_object_that_pretends_to_be_one_of_a_library_is_refused():
    with pytest.raises(IndescribableError, match="clip of numpy, which shows neither its parts nor its code"):
        describe(Poses(1))


def test_pipelines_of_the_same_functions_in_another_order_are_two():
    one, two = (FunctionTransformer(scaled(by)) for by in (1, 2))
    assert describe(make_pipeline(one, two, Ridge())) != describe(make_pipeline(two, one, Ridge()))


@dataclass(frozen=True)
class Settings:
    by: int = 2


class Colour(Enum):
    RED = 1


class Pair(NamedTuple):
    a: int = 1


class Learner(BaseEstimator):
    def __init__(self, settings=None):
        self.settings = settings


class Compiled:
    """Stands for a function that numba compiles: its pickle has a part that differs in each process."""

    def __init__(self, py_func, **options):
        self.py_func, self.targetoptions = py_func, options

    def __reduce__(self):
        return (Compiled, (self.py_func, os.urandom(4)))


def test_functions_that_numba_compiles_count_by_their_code_and_options():
    texts = [describe(Compiled(scaled(by), fast=fast)) for by in (1, 2) for fast in (True, False)]
    assert texts == [describe(Compiled(scaled(by), fast=fast)) for by in (1, 2) for fast in (True, False)]
    assert len(set(texts)) == 4


ORDINARY = [Settings(), Colour.RED, Pair(), Settings, Colour, Pair, np.random.rand, re.compile("a+")]


@pytest.mark.parametrize("value", ORDINARY)
def test_ordinary_classes_and_global_generators_have_stable_descriptions(value):
    before = describe(Learner(value))
    np.random.rand()  # noqa: NPY002 - the draws that all share
    assert describe(Learner(value)) == before
    assert " at 0x" not in before


def test_a_class_that_was_pickled_is_the_same_class():
    class Fresh:
        __slots__ = ("a",)

    before = describe(Fresh)
    Fresh().__reduce_ex__(2)
    assert describe(Fresh) == before


def test_functions_that_refer_to_each_other_are_described():
    def even(n, odd):
        return n == 0 or odd(n - 1)

    group = {even, scaled, identity}
    even.friends = group
    assert describe(even) == describe(even)


# --- the folder


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    store = DiskStore("runs")
    out_of_fold([("a", Ridge())], X, Y, cv=2, n_jobs=1, store=store)
    monkeypatch.chdir(tmp_path / "other")
    assert out_of_fold([("a", Ridge())], X, Y, cv=2, n_jobs=1, store=store).n_stored == 2
    assert len(store.list()) == 2
    assert store == DiskStore(tmp_path / "runs")
    assert not (tmp_path / "other" / "runs").exists()


@pytest.fixture
def full(tmp_path):
    store = DiskStore(tmp_path / "store")
    out_of_fold([("a", Ridge())], X, Y, cv=3, n_jobs=1, store=store)
    return store


def test_prune_follows_no_link_and_leaves_other_files(full, tmp_path):
    own = full.list()["key"].tolist()
    others = DiskStore(tmp_path / "others")
    out_of_fold([("b", Ridge(2.0))], X, Y, cv=2, n_jobs=1, store=others)
    outside = sorted(path for path in others.path.rglob("*") if path.is_file())
    name = outside[0].parent.name
    if not (full.path / name).exists():
        (full.path / name).symlink_to(outside[0].parent, target_is_directory=True)
    precious = tmp_path / "precious.result"
    precious.write_text("precious")
    folder = full.path / own[0][:2]
    (folder / f"{own[0][:2]}{'0' * 62}.result").symlink_to(precious)
    (full.path / "zz").symlink_to(tmp_path, target_is_directory=True)
    foreign = [
        folder / "notes.result",
        folder / "notes.txt",
        folder / ".mine.part",
        folder / f"{own[0][:2]}.result",
        full.path / "notes.result",
    ]
    for path in foreign:
        path.write_text("mine")
        os.utime(path, (0, 0))
    (folder / f"{own[0][:2]}{'1' * 62}.result").mkdir()
    (full.path / "qq").write_text("mine")
    assert full.list()["key"].tolist() == own
    assert full.verify() == []
    gone = full.prune(keep=[])
    assert sorted(path.stem for path in gone) == sorted(own)
    assert all(path.exists() for path in [*foreign, *outside, precious])
    assert full.list().empty


def test_linked_folders_are_neither_read_nor_written(full, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    for folder in list(full.path.iterdir()):
        folder.rename(away / folder.name)
        folder.symlink_to(away / folder.name, target_is_directory=True)
    before = sorted(away.rglob("*"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with pytest.warns(UserWarning, match="cannot be read or written.* is a link"):
            oof = out_of_fold([("a", Ridge())], X, Y, cv=3, n_jobs=1, store=full)
    assert oof.n_stored == 0
    assert sorted(away.rglob("*")) == before


@pytest.mark.parametrize("owner", ["the class", "a base of it", "its module"])
def test_functions_patched_into_installed_code_count(owner, project, monkeypatch):
    kind = sys.modules[Ridge.__module__]
    place = {"the class": (Ridge, "predict"), "a base of it": (Ridge.__mro__[2], "_decision_function")}
    at, name = place.get(owner, (kind, "_preprocess_data"))
    texts = [describe(Ridge())]
    for factor in (2, 3):
        project.write(main=f"def patch(*args, **params): return {factor}\n")
        monkeypatch.setattr(at, name, project.load().patch, raising=False)
        texts.append(describe(Ridge()))
    assert len(set(texts)) == 3
    monkeypatch.undo()
    assert describe(Ridge()) == texts[0]


READERS = {
    "a parameter": ("import numpy as np\ndef g(X, path): return X * np.loadtxt(path)\n", True),
    "a constant in a folder": (
        "import numpy as np\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
        "def g(X, path=None): return X * np.loadtxt(HERE / 'by.txt')\n",
        False,
    ),
    "a path of the module": (
        "from pathlib import Path\nBY = Path(__file__).with_name('by.txt')\n"
        "def g(X, path=None): return X * float(BY.read_text())\n",
        False,
    ),
}


@pytest.mark.parametrize("how", READERS)
def test_files_that_functions_read_count_by_content(how, project):
    source, is_passed = READERS[how]
    project.write(main=source)
    file, texts = project.path / "by.txt", []
    for content in ("2", "3", "2"):
        file.write_text(content)
        params = {"path": file} if is_passed else None
        texts.append(describe(FunctionTransformer(project.load().g, kw_args=params)))
    assert texts[0] == texts[2] != texts[1]


class Logging(BaseEstimator):
    def __init__(self, log):
        self.log = log

    def fit(self, X, y):
        with open(self.log, "a") as log:
            log.write("fitted ")
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_files_that_estimators_write_do_not_count(tmp_path):
    store, log = MemoryStore(), tmp_path / "fits.log"
    for _ in range(2):
        oof = out_of_fold([("a", Logging(log))], X, Y, cv=2, n_jobs=1, store=store)
    assert oof.n_stored == 2
    assert log.read_text() == "fitted fitted "


def test_variables_of_the_environment_do_not_count(project, monkeypatch):
    project.write(main="import os\nfrom os import environ as E\ndef g(X): return os.getenv('BY'), E['BY']\n")
    g, texts = project.load().g, set()
    for by in "23":
        monkeypatch.setenv("BY", by)
        texts.add(describe(g))
    assert len(texts) == 1


def test_an_ensemble_counts_by_its_parameters_whatever_it_learned():
    from stackit import StackingRegressor

    plain = StackingRegressor([("ridge", Ridge())], cv=2, n_jobs=1)
    fitted = StackingRegressor([("ridge", Ridge())], cv=2, n_jobs=None, store=MemoryStore()).fit(X, Y)
    assert describe(plain) == describe(fitted)
