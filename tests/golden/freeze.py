"""Run configurations, freeze what they return as digests, and compare it with what was frozen."""

from __future__ import annotations

import hashlib
import json
import platform
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from tests.golden.configurations import CONFIGURATIONS

__all__ = ["compare_with_frozen", "environment", "freeze", "frozen", "run"]

DIGESTS = Path(__file__).parent / "digests.json"
LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas", "torch", "lightgbm", "xgboost")
N_SAMPLED = 10

Record = dict[str, Any]


@cache
def environment() -> dict[str, str]:
    """Return what the last bits of results depend on: libraries, processor and BLAS."""
    found = {"python": platform.python_version(), "processor": _processor()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    # The BLAS of numpy and scipy: torch may bring another, which counts only once it is imported.
    blas = [
        pool
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and ("numpy" in pool["filepath"] or "scipy" in pool["filepath"])
    ]
    found["blas"] = ", ".join(
        sorted({f"{one['internal_api']} {one['version']} {one.get('architecture', '')}" for one in blas})
    )
    return found


def _processor() -> str:
    """Return the model of the processor and a digest of its instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    flags = hashlib.sha256(facts.get("flags", "").encode()).hexdigest()[:8]
    model = [facts.get(name, "?") for name in ("model name", "cpu family", "model")]
    return " ".join([*model, flags])


def run(name: str) -> dict[str, Record]:
    """Run a configuration on one thread per library, and return the records of its values."""
    with warnings.catch_warnings(), threadpool_limits(1), _one_thread_of_torch(name.startswith("nets")):
        warnings.simplefilter("ignore")
        values = CONFIGURATIONS[name]()
    return {key: _record(value) for key, value in values.items() if value is not None}


@contextmanager
def _one_thread_of_torch(is_needed: bool) -> Iterator[None]:
    """Limit torch itself: what a program has set is stronger than any limit on the libraries below it."""
    torch = import_module("torch") if is_needed else None
    before = torch.get_num_threads() if torch is not None else 1
    if torch is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


def _record(value: Any) -> Record:
    """Return the digest of a value's bytes, its shape, types and labels, and some of its numbers."""
    if isinstance(value, pd.DataFrame):
        columns = [value.iloc[:, place].to_numpy() for place in range(value.shape[1])]
        labels = {"columns": [str(name) for name in value.columns], "index": _digest_of_text(value.index)}
        if len(value) <= N_SAMPLED:
            labels["index"] = [str(label) for label in value.index]
        return {"shape": list(value.shape), **labels, **_record_of_arrays(columns)}
    if sparse.issparse(value):
        value = value.toarray()
    array = np.asarray(value)
    return {"shape": list(array.shape), **_record_of_arrays([array])}


def _record_of_arrays(arrays: list[Any]) -> Record:
    arrays = [_plain(array) for array in arrays]
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(_digest_of_text(array).encode() if array.dtype == object else array.tobytes())
    numbers = [array.ravel() for array in arrays if array.dtype.kind == "f"]
    return {
        "dtypes": sorted({str(array.dtype) for array in arrays}),
        "digest": digest.hexdigest()[:24],
        "sample": _sample(np.concatenate(numbers)) if numbers else [],
    }


def _plain(array: Any) -> Any:
    """Return numbers in one byte order with one NaN, and all else as objects."""
    array = np.ascontiguousarray(array)
    if array.dtype.kind == "f":
        return np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return array if array.dtype.kind in "biu" else array.astype(object)


def _sample(numbers: Any) -> list[float | None]:
    """Return some numbers in equal steps, and their mean; None for NaN."""
    places = np.unique(np.linspace(0, len(numbers) - 1, N_SAMPLED - 1).round().astype(int))
    sampled = [*numbers[places], numbers[np.isfinite(numbers)].mean()] if len(numbers) else []
    return [float(f"{number:.9g}") if np.isfinite(number) else None for number in sampled]


def _digest_of_text(values: Iterable[Any]) -> str:
    text = "\0".join(str(value) for value in np.asarray(values, dtype=object).ravel())
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def frozen() -> Record:
    """Read the environment and the records that were frozen."""
    found: Record = json.loads(DIGESTS.read_text(encoding="utf-8"))
    return found


def freeze(names: Iterable[str] = ()) -> None:
    """Write the records of some configurations, or of all, in place of those that were frozen."""
    names = list(names)
    known = frozen()["configurations"] if names else {}
    records = {name: run(name) for name in names or CONFIGURATIONS}
    found = {
        name: {**known, **records}[name] for name in sorted({**known, **records}) if name in CONFIGURATIONS
    }
    DIGESTS.write_text(_as_json({"environment": environment(), "configurations": found}), encoding="utf-8")


def _as_json(found: Record) -> str:
    """Return JSON with a line per value that was frozen, so that differences can be read."""
    configurations = [
        f"{json.dumps(name)}: {{\n" + ",\n".join(_lines(records)) + "\n}"
        for name, records in found["configurations"].items()
    ]
    of_environment = json.dumps(found["environment"], indent=1)
    return (
        f'{{"environment": {of_environment},\n"configurations": {{\n' + ",\n".join(configurations) + "\n}}\n"
    )


def _lines(records: dict[str, Record]) -> list[str]:
    return [f" {json.dumps(key)}: {json.dumps(record)}" for key, record in records.items()]


def compare_with_frozen(name: str, records: dict[str, Record], known: Record) -> list[str]:
    """Return a line per difference between a configuration's records and the frozen ones.

    In the environment where they were frozen, results are compared to the bit. Elsewhere the sampled
    numbers are compared to the tolerance, since BLAS and vector instructions round differently.
    """
    expected = known["configurations"].get(name)
    if expected is None:
        return [f"{name} was never frozen: run `python -m tests.golden --freeze {name}`"]
    differences = [f"{key}: frozen, and now missing" for key in expected.keys() - records.keys()]
    differences += [f"{key}: not frozen" for key in records.keys() - expected.keys()]
    is_equal = _bits_are_equal if environment() == known["environment"] else _numbers_are_close
    for key in expected.keys() & records.keys():
        before, now = expected[key], records[key]
        differences += [
            f"{key}: {fact} was {before[fact]}, and is {now.get(fact)}"
            for fact in before.keys() - {"digest", "sample"}
            if before[fact] != now.get(fact)
        ]
        if not is_equal(before, now):
            differences.append(f"{key}: values were {before['sample']}, and are {now['sample']}")
    return sorted(differences)


def _bits_are_equal(before: Record, now: Record) -> bool:
    return bool(before["digest"] == now["digest"])


def _numbers_are_close(before: Record, now: Record) -> bool:
    if not before["sample"]:
        return _bits_are_equal(before, now)
    numbers, expected = (np.array(one["sample"], dtype=float) for one in (now, before))
    if numbers.shape != expected.shape:
        return False
    return bool(np.allclose(numbers, expected, rtol=1e-7, atol=1e-9, equal_nan=True))
