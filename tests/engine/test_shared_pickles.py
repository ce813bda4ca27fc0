"""Objects that forked processes share are made once, and read by all."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from stackit.engine.shared_pickles import SharedPickles

FORK = multiprocessing.get_context("fork")


def in_children(function, count=3):
    """Return what a function returns in each of some forked processes at once."""
    with FORK.Pool(count) as pool:
        return pool.map(function, range(count))


def test_one_process_makes_an_object_and_all_read_it():
    shared = SharedPickles()
    number = shared.reserve()
    makers = FORK.Value("i", 0)

    def make():
        with makers:
            makers.value += 1
        time.sleep(0.05)  # the others wait meanwhile
        return {"table": np.arange(12.0).reshape(3, 4), "maker": os.getpid()}, True

    global found_in_child

    def found_in_child(_):
        found = shared.get(number, make)
        return found["maker"], found["table"].sum()

    found = in_children(found_in_child)
    assert makers.value == 1
    assert len({maker for maker, _ in found}) == 1
    assert {total for _, total in found} == {66.0}
    assert shared.get(number, make)["table"].tolist() == np.arange(12.0).reshape(3, 4).tolist()


@pytest.mark.parametrize(
    "table",
    [
        np.asfortranarray(np.random.default_rng(0).normal(size=(5, 3))),
        np.zeros((0, 3)),
        np.array([["a", None]], dtype=object),
        pd.DataFrame({"a": [1.0, np.nan], "b": pd.Categorical(["x", None]), "c": ["text", "more"]}),
        sparse.random(20, 9, 0.3, format="csr", random_state=0),
    ],
    ids=["fortran", "empty", "objects", "frame", "sparse"],
)
def test_what_is_read_equals_what_was_made(table):
    shared = SharedPickles()
    number = shared.reserve()
    assert shared.get(number, lambda: (table, True)) is table
    read = shared.get(number, pytest.fail)
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(read, table)
    elif sparse.issparse(table):
        assert (read != table).nnz == 0
    else:
        assert read.tolist() == table.tolist()
        assert (read.dtype, read.flags.f_contiguous) == (table.dtype, table.flags.f_contiguous)


def test_what_one_writes_into_an_array_is_seen_by_no_other():
    shared = SharedPickles()
    number = shared.reserve()
    for _ in range(3):
        table = shared.get(number, lambda: (np.zeros(5), True))
        assert not table.any()
        table[:] = 1.0


def test_what_is_too_large_or_not_for_all_is_made_by_each():
    shared = SharedPickles(most_bytes=200_000)
    numbers = [shared.reserve() for _ in range(4)]
    sizes = iter([10_000, 10_000, 100])
    for number, size in zip(numbers, sizes, strict=False):
        shared.get(number, lambda size=size: (np.zeros(size), True))
    shared.get(numbers[3], lambda: (1, False))
    assert [shared.is_refused(number) for number in numbers] == [False, True, False, True]
    assert shared.get(numbers[1], lambda: ("made again", True)) == "made again"


def test_what_cannot_be_pickled_is_made_by_each():
    shared = SharedPickles()
    number = shared.reserve()
    for _ in range(2):
        assert isinstance(shared.get(number, lambda: (threading.Lock(), True)), type(threading.Lock()))


def test_an_error_is_raised_and_the_next_one_tries_again():
    shared = SharedPickles()
    number = shared.reserve()
    with pytest.raises(ZeroDivisionError):
        shared.get(number, lambda: 1 / 0)
    assert shared.get(number, lambda: (3, True)) == 3
    assert shared.get(number, pytest.fail) == 3


def test_a_process_that_is_killed_leaves_nothing_behind():
    shared = SharedPickles()
    number = shared.reserve()
    child = FORK.Process(target=lambda: shared.get(number, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert shared.get(number, lambda: ("made", True)) == "made"


def test_threads_of_one_process_make_it_once_too():
    shared = SharedPickles()
    number, made = shared.reserve(), []

    def make():
        time.sleep(0.02)
        made.append(1)
        return 5, True

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lambda _: shared.get(number, make), range(4))] == [5] * 4
    assert len(made) == 1


def test_its_file_has_no_name_and_is_closed_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    shared = SharedPickles()
    shared.get(shared.reserve(), lambda: (np.zeros(1000), True))
    assert not [*tmp_path.iterdir()]
    del shared
    assert not before or len(os.listdir("/proc/self/fd")) == before
