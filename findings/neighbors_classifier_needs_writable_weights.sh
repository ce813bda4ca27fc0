#!/usr/bin/env bash
# scikit-learn 1.9.1: KNeighborsClassifier refuses weights that a callable returns as a read-only array.
#
# Expected: `weights` may be a callable that returns an array of weights, as the documentation says; whether that
#   array can be written to does not matter, for weights are only read, and KNeighborsRegressor takes both kinds.
# Observed: the classifier hands the weights to compiled code that asks for a writable buffer: the same numbers
#   in a read-only array (numpy.broadcast_to gives one) raise a ValueError in predict and in predict_proba.
# Output seen:
#   KNeighborsRegressor writable ok, read-only ok
#   KNeighborsClassifier writable ok, read-only ValueError: buffer source array is read-only
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
cat > "$folder/weights.py" <<'PYTHON'
import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)


def read_only(distances):
    return np.broadcast_to(1 / np.arange(1, distances.shape[1] + 1), distances.shape)


def writable(distances):
    return read_only(distances).copy()


def outcome(kind, weights):
    try:
        kind(5, weights=weights).fit(X, y).predict(X[:3])
    except ValueError as error:
        return f"ValueError: {error}"
    return "ok"


for kind in (KNeighborsRegressor, KNeighborsClassifier):
    seen = outcome(kind, writable), outcome(kind, read_only)
    print(f"{kind.__name__} writable {seen[0]}, read-only {seen[1]}")
    expected = "ok" if kind is KNeighborsRegressor else "ValueError: buffer source array is read-only"
    assert seen == ("ok", expected)
PYTHON
"$folder/venv/bin/python" "$folder/weights.py"
