"""Stacks with a fault that starts to matter, and with a large one, to count how often its check finds it.

`python -m tests.report.checks.detection 30` prints the table of docs/guide/checks.md.
"""

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stackit.combine import IsotonicClassifier
from stackit.folds import Folds
from stackit.report.checks import CHECKS
from tests.report.checks.evidence_cases import certain, folds_of, mean_of, sound, two_classes

CHECK = {check.code: check for check in CHECKS}
N = 600


@dataclass(frozen=True)
class Fault:
    """A fault: how to make it from a generator and a strength, and two strengths with their words."""

    make: Any
    small: Any
    large: Any
    words: str
    small_words: str
    large_words: str

    def n_found(self, code, strength, n_seeds):
        """Return in how many stacks with the fault the check finds it."""
        check = CHECK[code]
        made = (self.make(np.random.default_rng(seed), seed, strength) for seed in range(n_seeds))
        return sum(check.run(evidence).status == check.severity for evidence in made)


def logit(probabilities):
    return np.log(probabilities[:, 1] / probabilities[:, 0])


def honest(seed, **changes):
    return sound(n=N, m=N, seed=seed, **changes)


def noisy_stack(rng, seed, by, n=N):
    """A stack that is its best member, or the plain average, with noise."""
    evidence = sound(n=n, m=200, seed=seed)
    return replace(evidence, stack=two_classes(logit(evidence.stack) + by * rng.normal(size=n)))


def member_that_leaks(rng, seed, by):
    evidence = honest(seed)
    leaky = two_classes(logit(evidence.members["forest"]) + by * (2 * evidence.y - 1))
    return replace(evidence, members={**evidence.members, "forest": leaky})


def member_in_sample(rng, seed, share):
    """A member with a share of the errors of the best other, and honest predictions of test rows."""
    evidence = honest(seed)
    errors = min((m.argmax(axis=1) != evidence.y).sum() for m in evidence.members.values())
    leaky = certain(evidence.y, n_wrong=int(share * errors), confidence=0.9)
    return replace(evidence, members={**evidence.members, "net": leaky})


def column(rng, seed, values, test_values=None):
    evidence = honest(seed)
    test = rng.permutation(values) if test_values is None else test_values
    return replace(evidence, X=evidence.X.assign(extra=values), X_test=evidence.X_test.assign(extra=test))


def column_of_target(rng, seed, wrong):
    y = honest(seed).y
    return column(rng, seed, 3.0 * np.where(rng.random(N) < wrong, 1 - y, y) + rng.random(N))


def encoded_column(rng, seed, rows_per_level):
    y = pd.Series(honest(seed).y)
    level = rng.integers(0, N // rows_per_level, N)
    return column(rng, seed, y.groupby(level).transform("mean").to_numpy())


def torn_groups(rng, seed, n_torn):
    groups = np.repeat(np.arange(N // 10), 10)
    assignment = groups % 5
    for group in rng.choice(N // 10, n_torn, replace=False):
        assignment[groups == group] = np.arange(10) % 5
    return honest(seed, groups=groups, folds=folds_of(assignment))


def torn_times(rng, seed, share):
    """Folds by time, but for some rows, which are in the first."""
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), unit="D")
    part = np.arange(N) // (N // 5)
    part[rng.choice(np.flatnonzero(part > 0), int(share * N), replace=False)] = 0
    folds = [(np.flatnonzero(part < at), np.flatnonzero(part == at)) for at in range(1, 5)]
    evidence = column(rng, seed, days, days + pd.Timedelta(days=N))
    return replace(evidence, folds=Folds(N, tuple(folds)))


def copied_rows(rng, seed, share, contradict=False):
    evidence = honest(seed)
    n = int(share * N / 2)  # the copies and their originals
    X, y = evidence.X.copy(), evidence.y.copy()
    X.iloc[:n] = X.iloc[n : 2 * n].to_numpy()
    y[:n] = 1 - y[n : 2 * n] if contradict else y[n : 2 * n]
    folds = np.r_[np.zeros(n), np.ones(n), np.arange(N - 2 * n) % 5].astype(int)
    return replace(evidence, X=X, y=y, folds=folds_of(folds))


def bad_fold(rng, seed, by):
    """In one fold the log-odds of the stack have a part of the signal, or its opposite."""
    evidence = honest(seed)
    stack, rows = evidence.stack.copy(), evidence.folds.splits[1][1]
    stack[rows] = two_classes((1 - by) * logit(stack[rows]))
    return replace(evidence, stack=stack)


def rare_class(rng, seed, n):
    y = rng.permutation(np.repeat([0, 1, 2], [N // 2, N // 2 - n, n]))
    return sound(task="multiclass", n=N, seed=seed, y=y, classes=np.arange(3))


def gaps(rng, seed, n):
    evidence = honest(seed)
    net = evidence.members["net"].copy()
    net[rng.choice(N, n, replace=False)] = np.nan
    return replace(evidence, members={**evidence.members, "net": net})


def no_gain(rng, seed, by):
    evidence = noisy_stack(rng, seed, by)
    base = logit(evidence.members["linear"])
    return replace(evidence, stack=two_classes(base + by * rng.normal(size=N)))


def certain_and_wrong(rng, seed, strength):
    evidence = honest(seed)
    if strength == "isotonic":
        return replace(evidence, final_estimator=IsotonicClassifier())
    stack, at = evidence.stack.copy(), rng.integers(N)
    stack[at] = certain(1 - evidence.y[[at]], confidence=1 - 1e-9)[0]
    return replace(evidence, stack=stack)


def out_of_calibration(rng, seed, factor):
    evidence = sound(n=2 * N, m=200, seed=seed)
    signal = (evidence.X["a"] + evidence.X["b"]).to_numpy()
    return replace(evidence, stack=two_classes(factor * signal))


def few_rows(rng, seed, per_member):
    y = rng.permutation(np.repeat([0, 1], [N - 3 * per_member, 3 * per_member]))
    return honest(seed, y=y)


def weights(rng, seed, negative):
    return honest(seed, weights={"linear": 0.5 + negative, "forest": 0.5, "net": -negative})


def worse_than_prior(rng, seed, by):
    evidence = honest(seed)
    wrong = two_classes(by * rng.normal(size=N))
    return replace(evidence, members={**evidence.members, "net": wrong})


def twins(rng, seed, by):
    evidence = honest(seed)
    twin = two_classes(logit(evidence.members["linear"]) + by * rng.normal(size=N))
    return replace(evidence, members={**evidence.members, "net": twin})


def idle(rng, seed, share):
    seconds = {"linear": 1 - share, "forest": 0.0, "net": share}
    return honest(seed, weights={"linear": 0.5, "forest": 0.5, "net": 0.0}, seconds=seconds)


def failures(rng, seed, why):
    return honest(seed, failures={"knn": why[seed % len(why)]})


def ids(rng, seed, kind):
    numbers = rng.permutation(N) + 1000 if kind == "in a row" else rng.choice(10**7, 2 * N, replace=False)
    if kind == "in a row":
        return column(rng, seed, numbers, numbers + N)
    names = np.array([f"P{number:07d}" for number in numbers])
    return column(rng, seed, names[:N], names[N:])


def constant(rng, seed, value):
    return column(rng, seed, np.full(N, value))


def golden(rng, seed, by):
    evidence = honest(seed)
    return column(rng, seed, logit(evidence.stack) + by * evidence.y, rng.normal(size=N))


def shifted(rng, seed, by):
    evidence = honest(seed)
    return replace(evidence, X_test=evidence.X_test.assign(b=evidence.X_test["b"] + by))


def outside(rng, seed, share):
    evidence = honest(seed)
    b = evidence.X_test["b"].to_numpy(copy=True)
    b[: int(share * N)] = evidence.X["b"].max() + rng.random(int(share * N))
    return replace(evidence, X_test=evidence.X_test.assign(b=b))


def unseen(rng, seed, share):
    evidence = honest(seed)
    colors = np.where(np.arange(N) < share * N, "violet", evidence.X_test["color"])
    return replace(evidence, X_test=evidence.X_test.assign(color=colors))


def shifted_predictions(rng, seed, by):
    evidence = honest(seed)
    return replace(evidence, test_stack=two_classes(logit(mean_of(evidence.test_members)) + by))


def outliers(rng, seed, size):
    evidence = honest(seed, task="regression")
    y = evidence.y.copy()
    y[rng.choice(N, N // 100, replace=False)] += size
    return replace(evidence, y=y)


def accuracy(rng, seed, share):
    return honest(seed, y=rng.permutation((np.arange(N) >= share * N).astype(int)), scoring="accuracy")


def unfinished(rng, seed, fall):
    """Losses of 40 epochs that fall by so much in the last tenth, with noise of a thousandth."""
    losses = (1 - fall) ** (np.arange(40) / 4) * (1 + 0.001 * rng.normal(size=40))
    frame = pd.DataFrame({"split": 0, "network": 0, "epoch": np.arange(40), "validation_loss": losses})
    return honest(seed, nets={"net": frame})


ERRORS = (
    "ValueError: a gap",
    "TypeError: no",
    "LinAlgError: singular",
    "MemoryError: 9 GB",
    "XGBoostError: x",
)
LATE = (
    "there was no time for its first fold",
    "TimeoutError: 60 s",
    "12 s were left, less was left than needed",
)
FAULTS = {
    "STK001": Fault(member_that_leaks, 1.0, 1.5, "log-odds moved to the truth by", "1", "1.5"),
    "STK002": Fault(member_in_sample, 0.45, 0.1, "errors of the best other member times", "0.45", "0.1"),
    "STK003": Fault(
        column_of_target, 0.002, 0.0, "values of the target's column that are wrong", "0.2 %", "none"
    ),
    "STK004": Fault(encoded_column, 20, 5, "rows per level that is encoded", "20", "5"),
    "STK005": Fault(
        lambda rng, seed, why: honest(seed, optimistic={"net": why}), "a", "b", "a marked member", "1", "1"
    ),
    "STK006": Fault(noisy_stack, 0.5, 1.0, "noise in the log-odds of the stack", "0.5", "1"),
    "STK007": Fault(torn_groups, 1, 30, "groups of 60 that are torn", "1", "30"),
    "STK008": Fault(torn_times, 0.01, 0.5, "rows in the first fold that are later", "1 %", "50 %"),
    "STK009": Fault(copied_rows, 0.03, 0.1, "rows with a copy in another fold", "3 %", "10 %"),
    "STK010": Fault(bad_fold, 1.0, 1.5, "log-odds of one fold times", "0", "-0.5"),
    "STK011": Fault(rare_class, 9, 3, "rows of a class, of 5 folds", "9", "3"),
    "STK012": Fault(gaps, 1, 60, "rows of 600 without a prediction", "1", "60"),
    "STK013": Fault(noisy_stack, 0.5, 1.0, "noise in the log-odds of the stack", "0.5", "1"),
    "STK014": Fault(no_gain, 0.0, 0.3, "noise on the best member", "none", "0.3"),
    "STK015": Fault(certain_and_wrong, "row", "isotonic", "certain and wrong", "1 row", "isotonic"),
    "STK016": Fault(out_of_calibration, 1.5, 2.5, "log-odds of the stack times", "1.5", "2.5"),
    "STK017": Fault(few_rows, 9, 2, "rows of the rarest class per member", "9", "2"),
    "STK018": Fault(weights, 1.1, 4.0, "negative weight, next to a sum of 1", "-1.1", "-4"),
    "STK019": Fault(worse_than_prior, 0.7, 1.5, "noise instead of log-odds", "0.7", "1.5"),
    "STK020": Fault(twins, 0.05, 0.0, "noise between two members", "0.05", "none"),
    "STK021": Fault(idle, 0.52, 0.9, "time of members without weight", "52 %", "90 %"),
    "STK022": Fault(failures, ERRORS, ERRORS, "a member with an error", "1", "1"),
    "STK023": Fault(failures, LATE, LATE, "a member out of time", "1", "1"),
    "STK024": Fault(ids, "codes", "in a row", "ids", "codes", "numbers in a row"),
    "STK025": Fault(constant, 7.0, np.nan, "a column", "of one value", "without values"),
    "STK026": Fault(golden, 0.05, 1.0, "a column that knows of the target, in log-odds", "0.05", "1"),
    "STK027": Fault(
        lambda *three: copied_rows(*three, True),
        0.02,
        0.1,
        "rows equal to one of another class",
        "2 %",
        "10 %",
    ),
    "STK028": Fault(shifted, 0.4, 1.0, "shift of a column, in standard deviations", "0.4", "1"),
    "STK029": Fault(outside, 0.02, 0.1, "test rows beyond the range", "2 %", "10 %"),
    "STK030": Fault(unseen, 0.06, 0.2, "test rows with a new level", "6 %", "20 %"),
    "STK031": Fault(shifted_predictions, 0.4, 1.0, "shift of the log-odds of test rows", "0.4", "1"),
    "STK032": Fault(
        outliers, 12.0, 50.0, "size of outliers (1 % of the rows), in deviations of the noise", "12", "50"
    ),
    "STK033": Fault(accuracy, 0.91, 0.98, "rows of the frequent class", "91 %", "98 %"),
    "STK034": Fault(unfinished, 0.015, 0.1, "fall of the loss in the last tenth", "1.5 %", "10 %"),
}


def main(n_seeds):
    print("| check | fault | where it starts to matter | found | where it is large | found |")
    print("|---|---|---|---|---|---|")
    for code, fault in FAULTS.items():
        small, large = (fault.n_found(code, one, n_seeds) for one in (fault.small, fault.large))
        cells = [code, fault.words, fault.small_words, f"{small} of {n_seeds}"]
        cells += [fault.large_words, f"{large} of {n_seeds}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
