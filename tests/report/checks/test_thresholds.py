"""Checks find what is just beyond their limits, and pass what is just within."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stackit.report.checks import CHECKS
from tests.report.checks.evidence_cases import folds_of, sound

CHECK = {check.code: check for check in CHECKS}


def idle(seconds):
    weights = {"linear": 0.5, "forest": 0.5, "net": 0.0}
    return sound(weights=weights, seconds={"linear": 1.0, "forest": 2.0, "net": seconds})


def correlated(by):
    """Two members, the errors of which have this very correlation."""
    evidence = sound("regression")
    random = np.random.default_rng(0).normal(size=(300, 2))
    first, other = np.linalg.qr(random - random.mean(axis=0))[0].T
    second = by * first + np.sqrt(1 - by**2) * other
    members = {"one": evidence.y - first, "two": evidence.y - second}
    weights = {"one": 0.5, "two": 0.5}
    return replace(evidence, members=members, weights=weights, test_members={})


def cancelling(least):
    return sound(weights={"linear": 1.0 - least, "forest": least})


def with_rare_class(n):
    y = np.repeat([0, 1, 2], [150, 150 - n, n])
    return sound(task="multiclass", y=y, classes=np.arange(3))


def with_error_of_three_rows(share):
    """Of 300 rows, 297 have an error of 1, and three have this share of the squared error."""
    evidence = sound("regression")
    error = np.ones(300)
    error[:3] = np.sqrt(share / (1 - share) * 297 / 3)
    return replace(evidence, stack=evidence.y - error)


def with_last_losses(last):
    losses = np.where(np.arange(40) < 36, 1.0, last)
    frame = pd.DataFrame({"split": 0, "network": 0, "epoch": np.arange(1, 41), "validation_loss": losses})
    return sound(nets={"net": frame})


def moved(by):
    """A column that is uniform from 0 to 1, of which a share is elsewhere in the test rows."""
    evidence = sound(n=5000, m=5000)
    even = (np.arange(5000) + 0.5) / 5000
    return replace(evidence, X=evidence.X.assign(a=even), X_test=evidence.X_test.assign(a=even + by))


def with_new_level(n_of_200):
    evidence = sound()
    colors = evidence.X_test["color"].to_numpy(copy=True)
    colors[:n_of_200] = "violet"
    return replace(evidence, X_test=evidence.X_test.assign(color=colors))


def with_copies(n_of_300):
    """Copies of rows in the next fold: twice as many rows have a duplicate."""
    evidence = sound(m=2000)
    X, y, assignment = evidence.X.copy(), evidence.y.copy(), np.arange(300) % 5
    X.iloc[:n_of_300] = X.iloc[30 : 30 + n_of_300].to_numpy()
    y[:n_of_300] = y[30 : 30 + n_of_300]
    assignment[:n_of_300] = (assignment[30 : 30 + n_of_300] + 1) % 5
    return replace(evidence, X=X, y=y, folds=folds_of(assignment))


def with_bad_fold(factor):
    """The squared errors of one fold are so many times larger, but for one row that is larger by far."""
    evidence = sound("regression")
    error = np.random.default_rng(1).normal(size=300)
    rows = evidence.folds.splits[2][1]
    error[rows] *= np.sqrt(factor)
    error[rows[0]] = 1e4
    return replace(evidence, stack=evidence.y - error)


CASES = {
    "STK009": (with_copies, 10, 1),
    "STK010": (with_bad_fold, 9.0, 1.0),
    "STK011": (with_rare_class, 9, 10),
    "STK018": (cancelling, -1.1, -0.9),
    "STK020": (correlated, 0.9995, 0.998),
    "STK021": (idle, 3.3, 2.7),
    "STK028": (moved, 0.15, 0.05),
    "STK030": (with_new_level, 14, 6),
    "STK032": (with_error_of_three_rows, 0.6, 0.4),
    "STK034": (with_last_losses, 0.98, 0.995),
}


@pytest.mark.parametrize("code", CASES)
def test_what_is_beyond_a_limit_is_found_and_what_is_within_passes(code):
    make, beyond, within = CASES[code]
    assert CHECK[code].run(make(beyond)).status == CHECK[code].severity
    assert CHECK[code].run(make(within)).status == "passed"
