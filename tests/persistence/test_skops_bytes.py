"""Equal values have equal files, and the files are read as any other of skops."""

import io
import json
import time
import zipfile

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops

from stackit.persistence.skops_bytes import dump_reproducibly, zip_reproducibly


def value():
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] > 0)
    # A user's own keys and texts that look like those of skops stay as they are.
    return {"model": model, "twice": [model, X], '"__id__": 7': '"file": "1.npy"', "file": b"1.npy"}


def test_equal_values_have_equal_files(monkeypatch):
    first = dump_reproducibly(value())
    others = [value() for _ in range(3)]  # at other addresses
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(1e9))
    assert dump_reproducibly(others[-1]) == first


def test_the_file_is_that_of_skops_but_for_addresses_and_indents():
    mine, theirs = (
        zipfile.ZipFile(io.BytesIO(data)) for data in (dump_reproducibly(value()), skops.dumps(value()))
    )
    schemas = [json.loads(file.read("schema.json")) for file in (mine, theirs)]
    assert without_addresses(schemas[0]) == without_addresses(schemas[1])
    assert list(schemas[0]) == list(schemas[1])


def without_addresses(node):
    if isinstance(node, list):
        return [without_addresses(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {name: without_addresses(part) for name, part in node.items() if name not in ("__id__", "file")}


def test_the_file_is_read_by_skops():
    before = value()
    data = dump_reproducibly(before)
    after = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    X = before["twice"][1]
    assert after.keys() == before.keys()
    assert after['"__id__": 7'] == '"file": "1.npy"'
    assert after["file"] == b"1.npy"
    assert after["twice"][0] is after["model"]
    assert np.array_equal(after["twice"][1], X)
    assert np.array_equal(after["model"].predict_proba(X), before["model"].predict_proba(X))


def test_archives_have_no_times():
    content = {"a": b"x" * 1000, "b": b""}
    assert zip_reproducibly(content) == zip_reproducibly(content)
    assert len(zip_reproducibly(content, 1)) < len(zip_reproducibly(content))
