"""Each check: evidence where it finds something, where it passes, and where it has nothing to look at."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stackit.combine import IsotonicClassifier, TemperatureClassifier
from stackit.report.checks import CHECKS
from tests.report.checks.evidence_cases import (
    certain,
    draw,
    folds_of,
    mean_of,
    sound,
    two_classes,
    with_member,
)

CHECK = {check.code: check for check in CHECKS}


def of(seed):
    return np.random.default_rng(seed)


def with_column(name, values, test_values=None, **changes):
    evidence = sound(**changes)
    X_test = evidence.X_test if test_values is None else evidence.X_test.assign(**{name: test_values})
    return replace(evidence, X=evidence.X.assign(**{name: values}), X_test=X_test)


def in_sample():
    evidence = sound()
    return with_member(evidence, "leaky", certain(evidence.y, confidence=0.95))


def leaking(test_confidence):
    """A member that is right and certain on all training rows, and less certain on test rows."""
    test = certain(of(1).integers(0, 2, 200), confidence=test_confidence)
    return replace(in_sample(), test_members={**sound().test_members, "leaky": test})


def good_member_of_test():
    """A member that is far better than the others, and as certain on test rows."""
    evidence = sound()
    good = certain(evidence.y, n_wrong=6, confidence=0.98)
    test = certain(of(1).integers(0, 2, 200), confidence=0.98)
    return replace(with_member(evidence, "good", good), test_members={"good": test})


def encoded(inside, leave_out=False):
    """A target encoding of 40 levels: of the whole table, or by the other folds."""
    evidence = sound(n=600)
    levels = of(2).integers(0, 40, 600)
    table = pd.DataFrame({"level": levels, "y": evidence.y + of(3).normal(size=600) * 1e-3})
    mean = table.groupby("level")["y"].transform("mean")
    if leave_out:
        count = table.groupby("level")["y"].transform("size")
        mean = (mean * count - table["y"]) / (count - 1)
        evidence = sound("regression", n=600, y=table["y"].to_numpy())
    if inside:
        for train, held_out in evidence.folds.splits:
            means = table.iloc[train].groupby("level")["y"].mean()
            mean.iloc[held_out] = table["level"].iloc[held_out].map(means).fillna(table["y"].mean())
    X_test = evidence.X_test.assign(code=0.5)
    return replace(evidence, X=evidence.X.assign(code=mean.to_numpy()), X_test=X_test)


def grouped(torn):
    groups = np.repeat(np.arange(60), 5)
    return sound(groups=groups, folds=folds_of(np.arange(300) % 5 if torn else groups % 5))


def dated(forward=False, test_is_later=True):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(300), unit="D")
    test = days[:200] + pd.Timedelta(days=300 if test_is_later else 0)
    evidence = with_column("day", days, test)
    if not forward:
        return evidence
    assignment = np.arange(300) // 60
    folds = [(np.flatnonzero(assignment < at), np.flatnonzero(assignment == at)) for at in range(1, 5)]
    return replace(evidence, folds=type(evidence.folds)(300, tuple(folds)))


def repeated(across, test=True):
    """Thirty copies of rows, in another fold than their original or in the same."""
    evidence = sound()
    X = evidence.X.copy()
    X.iloc[:30] = X.iloc[30:60].to_numpy()
    assignment = np.arange(300) % 5
    assignment[:30] = (assignment[30:60] + across) % 5
    y = evidence.y.copy()
    y[:30] = y[30:60]
    return replace(evidence, X=X, y=y, folds=folds_of(assignment), X_test=evidence.X_test if test else None)


def alike_by_chance(test):
    """A table of two categories, in which rows are equal by chance."""
    evidence = sound()
    X, X_test = (pd.DataFrame(of(n).integers(0, 3, (n, 2)), columns=["u", "v"]) for n in (300, 200))
    return replace(evidence, X=X, X_test=X_test if test else None)


def bad_fold(metric="neg_log_loss", swap=True):
    """The stack is turned round in one fold."""
    evidence = sound(scoring=metric)
    stack = evidence.stack.copy()
    rows = evidence.folds.splits[2][1]
    if swap:
        stack[rows] = stack[rows][:, ::-1]
    return replace(evidence, stack=stack)


def rare(n_rare):
    y = np.repeat([0, 1, 2], [150, 150 - n_rare, n_rare])
    return sound(task="multiclass", y=y, classes=np.arange(3))


def uncovered(gap):
    evidence = sound()
    net = evidence.members["net"].copy()
    net[gap] = np.nan
    return replace(evidence, members={**evidence.members, "net": net})


def worse_stack(by):
    """The stack is the best member with so much noise."""
    evidence = sound()
    logit = np.log(evidence.members["linear"][:, 1] / evidence.members["linear"][:, 0])
    return replace(evidence, stack=two_classes(logit + of(5).normal(size=300) * by))


def better_stack():
    """A stack that knows the signal, above members that know a part of it."""
    rng = of(0)
    a, b = rng.normal(size=(2, 2000)) * 2
    y = draw(rng, a + b, "binary")
    members = {"one": two_classes(a), "other": two_classes(b)}
    weights = {"one": 1.0, "other": 1.0}
    return sound(n=2000, y=y, members=members, stack=two_classes(a + b), weights=weights, test_members={})


def one_member():
    members = {"linear": sound().members["linear"]}
    return sound(members=members, stack=members["linear"], weights={"linear": 1.0}, test_members={})


def overconfident(factor):
    rng = of(1)
    signal = rng.normal(size=3000) * 1.5
    evidence = sound(n=3000, y=draw(rng, signal, "binary"))
    return replace(evidence, stack=two_classes(factor * signal))


def stretched(slope):
    evidence = sound("regression", n=1000)
    signal = evidence.X["a"] + evidence.X["b"]
    return replace(evidence, stack=signal.to_numpy() / slope)


def zero_for_truth():
    evidence = sound()
    stack = evidence.stack.copy()
    stack[0] = certain(1 - evidence.y[:1], confidence=1.0)
    return replace(evidence, stack=stack)


def turned_round(scoring="neg_log_loss"):
    evidence = sound(scoring=scoring)
    return with_member(evidence, "wrong", evidence.members["linear"][:, ::-1])


def twin(noise):
    evidence = sound()
    logit = np.log(evidence.members["linear"][:, 1] / evidence.members["linear"][:, 0])
    return with_member(evidence, "twin", two_classes(logit + noise * of(7).normal(size=300)))


def contradictory(share):
    evidence = repeated(0)
    y = evidence.y.copy()
    y[: int(300 * share)] = 1 - y[30 : 30 + int(300 * share)]
    return replace(evidence, y=y)


def golden(good):
    evidence = sound()
    order = evidence.stack[:, 1] + 0.3 * evidence.y
    return with_column("gold", order if good else of(9).normal(size=300), of(8).normal(size=200))


def shifted(by):
    evidence = sound()
    return replace(evidence, X_test=evidence.X_test.assign(a=evidence.X_test["a"] + by))


def unseen(n):
    evidence = sound()
    colors = evidence.X_test["color"].to_numpy(copy=True)
    colors[:n] = "violet"
    return replace(evidence, X_test=evidence.X_test.assign(color=colors))


def test_probability(by):
    evidence = sound()
    logit = np.log(evidence.test_stack[:, 1] / evidence.test_stack[:, 0])
    return replace(evidence, test_stack=two_classes(logit + by))


def outliers(size):
    evidence = sound("regression")
    y = evidence.y.copy()
    y[:3] += size
    return replace(evidence, y=y)


def mostly_zeros(share, scoring="accuracy"):
    y = (np.arange(300) >= 300 * share).astype(int)
    return sound(y=y, scoring=scoring)


def curves(fall, n=40):
    losses = 1.0 - fall * np.arange(n)
    frame = pd.DataFrame({"split": 0, "network": 0, "epoch": np.arange(1, n + 1), "validation_loss": losses})
    return sound(nets={"net": frame})


ID = np.arange(1000, 1300)
WHY_NOT = "longer than there is time for"
# By code: evidence where the check finds something and words of its sentence, where it passes, where it is
# not applicable and words of the reason.
CASES = {
    "STK001": (
        lambda: leaking(0.6),
        "'leaky'",
        sound,
        lambda: sound(test_members={}),
        "predictions of 30 test",
    ),
    "STK002": (in_sample, "the error 0, ", good_member_of_test, one_member, "no other member"),
    "STK003": (
        lambda: with_column("died", sound().y * 3),
        "'died' alone removes 100.0%",
        sound,
        lambda: sound(X=None, X_test=None),
        "no training table",
    ),
    "STK004": (
        lambda: encoded(inside=False),
        "'code': the target varies less",
        lambda: encoded(inside=True),
        lambda: sound(X=sound().X[["color"]]),
        "no column of numbers",
    ),
    "STK005": (
        lambda: sound(optimistic={"forest": "it stopped early on the rows that it is scored on"}),
        "1 of 3 members",
        sound,
        None,
        "",
    ),
    "STK006": (
        lambda: sound(optimistic={"stack": "it sees columns of X"}),
        "it sees columns of X",
        better_stack,
        sound,
        "the plain average",
    ),
    "STK007": (
        lambda: grouped(torn=True),
        "60 of 60 groups are on both sides of a fold, with 100%",
        lambda: grouped(torn=False),
        sound,
        "No groups are known",
    ),
    "STK008": (dated, "by 'day'", lambda: dated(forward=True), sound, "No column of dates is later"),
    "STK009": (
        lambda: repeated(across=1),
        "20.0% of held-out rows have a duplicate in their training part, and 0.0%",
        lambda: repeated(across=0),
        lambda: alike_by_chance(test=False),
        "distinct enough",
    ),
    "STK010": (bad_fold, "(fold 2)", sound, lambda: sound(folds=None), "No folds"),
    "STK011": (
        lambda: rare(3),
        "1 of 3 classes have too few rows for 5 folds: 2 with 3 rows",
        lambda: rare(10),
        lambda: sound("regression"),
        "no classes",
    ),
    "STK012": (
        lambda: uncovered(range(7)),
        "7 of 300 rows have no prediction of all members; 'net' lacks 7",
        sound,
        None,
        "",
    ),
    "STK013": (lambda: worse_stack(1.5), "'forest', the stack is worse by", sound, one_member, "one member"),
    "STK014": (
        lambda: worse_stack(0.1),
        "'forest', the stack is worse",
        better_stack,
        one_member,
        "one member",
    ),
    "STK015": (
        zero_for_truth,
        "1 of 300 rows have a probability below 1e-06",
        sound,
        lambda: sound("regression"),
        "not log loss",
    ),
    "STK016": (
        lambda: overconfident(3),
        "differ by",
        lambda: overconfident(1),
        lambda: sound(scoring="roc_auc"),
        "order of predictions",
    ),
    "STK017": (lambda: sound(n=40), "for 3 members", sound, one_member, "one member"),
    "STK018": (
        lambda: sound(weights={"linear": 3.0, "forest": -2.5, "net": 0.5}),
        "add up to 1, their sizes to 6; the lowest is that of 'forest', -2.5",
        sound,
        lambda: sound(weights={}),
        "no weights",
    ),
    "STK019": (
        turned_round,
        "'wrong' is worse than the prior",
        sound,
        lambda: sound(scoring="no metric", folds=None),
        "cannot be scored",
    ),
    "STK020": (
        lambda: twin(0.001),
        "1 pair of members is alike",
        lambda: twin(1.0),
        one_member,
        "no two members",
    ),
    "STK021": (
        lambda: sound(weights={"linear": 1.0, "forest": 0.5, "net": 0.0}, seconds={"linear": 1, "net": 9}),
        "1 of 2 members have no weight ('net') and took 9 of 10 seconds, 90%",
        sound,
        lambda: sound(seconds={}),
        "not known",
    ),
    "STK022": (
        lambda: sound(failures={"gp": "ValueError: no kernel", "cat": f"TimeoutError: {WHY_NOT}"}),
        "1 of 4 members failed ('gp'); 'gp': ValueError: no kernel.",
        lambda: sound(failures={"knn": "the table has too many rows for it"}),
        None,
        "",
    ),
    "STK023": (
        lambda: sound(failures={"cat": f"a fit took {WHY_NOT} on all folds", "gp": "ValueError: no"}),
        "1 of 4 members ran out of time ('cat')",
        lambda: sound(failures={"gp": "ValueError: a datetime has no scale"}),
        None,
        "",
    ),
    "STK024": (
        lambda: with_column("PassengerId", ID, ID[:200] + 300),
        "1 of 4 columns is ids: 'PassengerId'",
        sound,
        lambda: sound(X=None),
        "no training table",
    ),
    "STK025": (
        lambda: with_column("year", 1912, 1912),
        "1 of 4 columns is constant: 'year'",
        sound,
        lambda: sound(X=None),
        "no training table",
    ),
    "STK026": (
        lambda: golden(good=True),
        "'gold', has an area under the curve of",
        lambda: golden(good=False),
        lambda: sound("multiclass"),
        "more than two classes",
    ),
    "STK027": (
        lambda: contradictory(0.05),
        "10.0% of the rows are equal to a row of another class",
        lambda: contradictory(0.0),
        lambda: sound("regression"),
        "no classes",
    ),
    "STK028": (lambda: shifted(1.0), "'a', by 0.", sound, lambda: sound(X_test=None), "no test table"),
    "STK029": (
        lambda: shifted(5.0),
        "of the test rows are beyond the range of 'a'",
        sound,
        lambda: sound(X_test=sound().X[["a"]]),
        "lacks columns",
    ),
    "STK030": (
        lambda: unseen(20),
        "10.0% of the test rows have a level of 'color' that no training row has",
        sound,
        lambda: sound(X=sound().X[["a"]], X_test=sound().X_test[["a"]]),
        "no category",
    ),
    "STK031": (
        lambda: test_probability(0.8),
        "The mean prediction of the stack of class",
        sound,
        lambda: sound(test_members={}, test_stack=None),
        "no predictions of test rows",
    ),
    "STK032": (
        lambda: outliers(100.0),
        "3 of 300 rows make 99%",
        lambda: outliers(0.0),
        sound,
        "The target has classes",
    ),
    "STK033": (
        lambda: mostly_zeros(0.95),
        "95.0% of the rows are of the class 0",
        lambda: mostly_zeros(0.8),
        lambda: mostly_zeros(0.95, "roc_auc"),
        "not accuracy",
    ),
    "STK034": (
        lambda: curves(0.02),
        "1 of 1 nets ('net'): the validation loss of 'net' fell by",
        lambda: curves(0.0),
        sound,
        "No net has a validation loss",
    ),
}
test_probability.__test__ = False


def test_all_checks_have_cases():
    assert list(CASES) == [check.code for check in CHECKS]


@pytest.mark.parametrize("code", CASES)
def test_it_finds_what_is_wrong(code):
    make, words, *_ = CASES[code]
    result = CHECK[code].run(make())
    assert result.status == CHECK[code].severity
    assert words in result.sentence


@pytest.mark.parametrize("code", CASES)
def test_it_passes_a_sound_stack(code):
    result = CHECK[code].run(CASES[code][2]())
    assert (result.status, result.sentence[-1]) == ("passed", ".")


@pytest.mark.parametrize("code", [code for code, case in CASES.items() if case[3]])
def test_it_says_why_it_is_not_applicable(code):
    *_, make, words = CASES[code]
    result = CHECK[code].run(make())
    assert result.status == "not applicable"
    assert words in result.sentence


# What the table above has no place for.


def test_a_leak_is_measured_against_the_bound_of_cauchy_and_schwarz():
    result = CHECK["STK001"].run(leaking(0.6))
    y, test = sound().y, of(1).integers(0, 2, 200)
    claimed, bound = 0.9 * y.var(), 0.2 * test.std() * y.std()  # predictions are 0.05 or 0.95, 0.4 or 0.6
    assert f"a covariance of {claimed:.3g} with the target, and" in result.sentence
    assert f"allow {bound:.3g} at most" in result.sentence


def test_a_member_that_is_as_certain_of_test_rows_does_not_leak():
    assert CHECK["STK001"].run(leaking(0.95)).status == "passed"


def test_without_test_rows_a_member_may_be_twice_as_good_as_the_next():
    evidence = sound()
    codes = (evidence.members["linear"][:, 1] > 0.5).astype(int)
    n_wrong = int((codes != evidence.y).sum() * 0.4)
    good = with_member(evidence, "good", certain(evidence.y, n_wrong=n_wrong))
    assert CHECK["STK002"].run(good).status == "passed"
    great = with_member(evidence, "great", certain(evidence.y, n_wrong=n_wrong // 4))
    assert CHECK["STK002"].run(great).status == "issue"


def test_encodings_that_leave_the_row_out_are_found():
    result = CHECK["STK004"].run(encoded(inside=False, leave_out=True))
    assert "100% of the values of 'code' are means of the target in other rows" in result.sentence


def test_members_are_marked_as_optimistic_and_not_the_stack():
    result = CHECK["STK005"].run(sound(optimistic={"stack": "it sees columns"}))
    assert result.status == "passed"


def test_a_final_estimator_that_is_worse_than_the_average_is_overfitted():
    result = CHECK["STK006"].run(worse_stack(2.0))
    assert result.status == "issue"
    assert "Against the plain average the stack is worse by" in result.sentence


def test_groups_of_the_folds_count_where_no_others_are_given():
    groups = np.repeat(np.arange(60), 5)
    folds = folds_of(np.arange(300) % 5, groups=groups)
    assert CHECK["STK007"].run(sound(folds=folds)).status == "issue"


def test_times_of_the_folds_need_no_test_table():
    times = pd.Series(np.arange(300.0))
    folds = folds_of(np.arange(300) % 5, times=times)
    result = CHECK["STK008"].run(sound(folds=folds, X_test=None))
    assert (result.status, result.sentence[:4]) == ("issue", "100%")


def test_dates_that_are_not_later_in_the_test_rows_ask_for_no_order():
    assert CHECK["STK008"].run(dated(test_is_later=False)).status == "not applicable"


def test_copies_are_found_without_test_rows():
    result = CHECK["STK009"].run(repeated(across=1, test=False))
    assert result.status == "issue"
    assert result.sentence == "20.0% of held-out rows have a duplicate in their training part."


def test_rows_that_are_equal_by_chance_are_so_in_the_test_table():
    assert CHECK["STK009"].run(alike_by_chance(test=True)).status == "passed"


def test_rows_are_equal_whatever_their_id():
    evidence = repeated(across=1)
    X, X_test = evidence.X.assign(Id=ID), evidence.X_test.assign(Id=ID[:200])
    assert CHECK["STK009"].run(replace(evidence, X=X, X_test=X_test)).status == "issue"


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy"])
def test_folds_are_compared_by_any_metric(metric):
    assert CHECK["STK010"].run(bad_fold(metric)).status == "issue"
    assert CHECK["STK010"].run(bad_fold(metric, swap=False)).status == "passed"


@pytest.mark.parametrize("code", ["STK013", "STK019"])
@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "neg_brier_score"])
def test_predictions_are_compared_by_the_metric(code, metric):
    make = {
        "STK013": lambda: replace(worse_stack(8.0), scoring=metric),
        "STK019": lambda: turned_round(metric),
    }
    result = CHECK[code].run(make[code]())
    assert result.status == CHECK[code].severity


def test_the_stack_is_compared_with_the_plain_average_too():
    evidence = better_stack()
    average = replace(evidence, stack=mean_of(evidence.members))
    assert "Against its best member" in CHECK["STK014"].run(average).sentence
    noisy = replace(evidence, stack=evidence.stack * 0.02 + mean_of(evidence.members) * 0.98 - 1e-5)
    assert CHECK["STK014"].run(noisy).status == "passed"


@pytest.mark.parametrize("final", [IsotonicClassifier(), TemperatureClassifier(IsotonicClassifier())])
def test_isotonic_steps_are_found_in_the_final_estimator(final):
    result = CHECK["STK015"].run(sound(final_estimator=final))
    assert result.status == "issue"
    assert "(IsotonicClassifier)" in result.sentence
    assert CHECK["STK015"].run(sound(final_estimator=TemperatureClassifier())).status == "passed"


def test_numbers_are_calibrated_where_the_slope_is_one():
    assert CHECK["STK016"].run(stretched(1.0)).status == "passed"
    result = CHECK["STK016"].run(stretched(2.0))
    assert (result.status, "too close together" in result.sentence) == ("tip", True)


def test_columns_that_the_run_left_out_are_no_concern():
    evidence = with_column("Id", ID, ID[:200])
    columns = pd.DataFrame({"kind": ["number", "number", "category", "id"]}, index=["a", "b", "color", "Id"])
    result = CHECK["STK024"].run(replace(evidence, columns=columns))
    assert result.status == "passed"
    assert result.sentence.endswith("of 4, is an id; 1 is left out by the run.")


def test_numbers_are_ranked_against_the_best_column():
    evidence = sound("regression")
    gold = replace(evidence, X=evidence.X.assign(gold=evidence.y))
    assert "a rank correlation of 1.000" in CHECK["STK026"].run(gold).sentence


def test_missing_values_are_a_shift():
    evidence = sound()
    a = evidence.X_test["a"].where(np.arange(200) % 2 == 0)
    result = CHECK["STK028"].run(replace(evidence, X_test=evidence.X_test.assign(a=a)))
    assert (result.status, "'a', by 0.5" in result.sentence) == ("issue", True)
