"""At most n_jobs fits run at once, each on one thread."""

import threading
import time

import joblib
import pytest
from joblib._parallel_backends import ThreadingBackend
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info

from tests.engine.cases import XR, YR, ConcurrencyCounter, Stamped, Threads, out_of_fold


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_no_more_fits_than_n_jobs_run_at_once(concurrency, n_jobs):
    members = [(f"w{number}", ConcurrencyCounter(0.02)) for number in range(4)]
    with joblib.parallel_config("threading"):
        out_of_fold(members, XR, YR, cv=3, n_jobs=n_jobs)
    assert concurrency.fits == 12
    assert concurrency.most <= n_jobs
    assert n_jobs == 1 or concurrency.most > 1


def test_searches_inside_do_not_multiply_the_fits_at_once(concurrency):
    search = GridSearchCV(ConcurrencyCounter(0.02), {"fail_on": [1, 2]}, cv=2, n_jobs=2)
    n_jobs = joblib.cpu_count()
    with joblib.parallel_config("threading"):
        out_of_fold([("a", search), ("b", search)], XR, YR, cv=2, n_jobs=n_jobs)
    assert concurrency.most <= n_jobs


@pytest.mark.usefixtures("without_torch")
def test_no_more_than_n_jobs_processes_fit_at_once(tmp_path):
    out_of_fold([(f"s{k}", Stamped(tmp_path)) for k in range(3)], XR, YR, cv=2, n_jobs=2)
    spans = [tuple(map(float, path.read_text().split())) for path in tmp_path.iterdir()]
    assert len(spans) == 6
    assert max(sum(a <= begin < b for a, b in spans) for begin, _ in spans) == 2


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_blas_thread_inside_a_task_and_all_of_them_afterwards(n_jobs):
    before = [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()]
    oof = out_of_fold([("t", Threads())], XR, YR, cv=4, n_jobs=n_jobs)
    assert [member.threads_ for member in oof["t"].fold_estimators] == [1] * 4
    after = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    assert all(after[path] == threads for path, threads in before)


def test_one_blas_thread_inside_a_task_of_a_thread():
    before = [pool["num_threads"] for pool in threadpool_info()]
    with joblib.parallel_config("threading"):
        oof = out_of_fold([("t", Threads())], XR, YR, cv=4, n_jobs=2)
    assert [member.threads_ for member in oof["t"].fold_estimators] == [1] * 4
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_two_overlapping_runs_give_the_threads_back():
    before = [pool["num_threads"] for pool in threadpool_info()]
    runs = [
        threading.Thread(
            target=out_of_fold, args=([("w", ConcurrencyCounter(seconds))], XR, YR), kwargs={"cv": 2}
        )
        for seconds in (0.1, 0.2)
    ]
    for pause, overlapping in zip((0.05, 0), runs, strict=True):
        overlapping.start()
        time.sleep(pause)
    for overlapping in runs:
        overlapping.join()
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_jobs_of_an_estimator_are_bounded_while_it_fits_and_given_back():
    cores = joblib.cpu_count()
    with joblib.parallel_config("threading"):
        oof = out_of_fold([("t", Threads(n_jobs=-1)), ("one", Threads())], XR, YR, cv=2, n_jobs=cores)
    assert [member.jobs_ for member in oof["t"].fold_estimators] == [1, 1]
    assert [member.n_jobs for member in oof["t"].fold_estimators] == [-1, -1]
    assert [member.jobs_ for member in oof["one"].fold_estimators] == [None, None]


class CountingBackend(ThreadingBackend):
    """Threads that count what they are given."""

    tasks = 0

    def submit(self, func, callback=None):
        CountingBackend.tasks += 1
        return super().submit(func, callback)


def test_a_backend_chosen_outside_does_the_work():
    joblib.register_parallel_backend("counting", CountingBackend)
    CountingBackend.tasks = 0
    with joblib.parallel_config("counting", n_jobs=2):
        out_of_fold([("a", ConcurrencyCounter(0.01)), ("b", Ridge())], XR, YR, cv=3, n_jobs=None)
    assert 0 < CountingBackend.tasks <= 6
