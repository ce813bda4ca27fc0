"""The scheduler: all members without a limit, what fits into one, and something usable in any case."""

import json
import re
import time

import numpy as np
import pytest

from stackit import DiskStore
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData
from stackit.presets.members.shape import TableShape
from stackit.presets.scheduler import plan as plan_module
from stackit.presets.scheduler import scheduler as scheduler_module
from stackit.presets.scheduler.blends import Blends
from stackit.presets.scheduler.checkpoint import Checkpoint
from stackit.presets.scheduler.clock import Clock
from stackit.presets.scheduler.member_record import MemberRecord
from stackit.presets.scheduler.plan import Plan
from stackit.presets.scheduler.reporter import Reporter
from stackit.presets.scheduler.scheduler import Scheduler
from stackit.presets.scheduler.scout_facts import ScoutFacts
from stackit.presets.scheduler.scouts import Scouts
from stackit.tables import TableReader
from tests.presets.tiny_members import (
    SlowClassifier,
    StagedClassifier,
    classifiers,
    member,
    raw_table,
    regressors,
    staged,
)


def schedule(
    members, limit=None, n=200, classify=True, store=None, n_repeats=1, n_jobs=1, cv=5, observer=None
):
    """Train members on a raw table; return the blend, the records and the plan."""
    frame, labels, numbers = raw_table(n)
    typed = TableReader().fit(frame).transform(frame)
    data = TrainingData.of(typed, labels if classify else numbers, classify=classify)
    scoring = "neg_log_loss" if classify else "neg_root_mean_squared_error"
    config = RunConfig(n_jobs=n_jobs, on_error="skip", seed=0, scoring=scoring, store=store)
    clock = Clock(limit)
    plan = Plan(data, TableShape.of(typed, 2 if classify else 0), cv, config, clock, n_repeats)
    records = [MemberRecord(each) for each in members]
    return train(plan, records, observer), records, plan


def train(plan, records, observer=None):
    reporter = Reporter(plan.clock, observer)
    plan.on_start = reporter.begin
    blends = Blends(plan, records, Checkpoint(None, plan.clock, lambda best, path: None), reporter)
    scouts = Scouts(plan, ScoutFacts(plan.config.store, "key"), reporter, blends.keep_scouts)
    return Scheduler(plan, records, scouts, blends, reporter).run()


@pytest.mark.parametrize("classify", [True, False])
def test_without_a_limit_all_members_are_fitted_on_all_folds(classify):
    best, records, plan = schedule(classifiers() if classify else regressors(), classify=classify)
    assert [*best.runs[0]] == ["linear", "forest", "neighbors"]
    assert [record.left_out for record in records] == [None] * 3
    assert len(plan.runs) == 1
    assert set(best.used) <= {"linear", "forest", "neighbors"}
    assert best.used


def test_the_first_fold_is_that_of_the_scout_and_the_others_have_its_rounds(monkeypatch):
    monkeypatch.setattr(scheduler_module, "FEW_ROWS", 200)
    best, (record,), _ = schedule([staged()])
    models = [pipeline.steps[-1][1] for pipeline in best.runs[0]["staged"].fold_estimators]
    assert record.n_rounds == 8  # a tenth more than the scout's 7
    assert [model.n_rounds for model in models] == [100, 8, 8, 8, 8]
    assert [model.early_stopping_rounds is None for model in models] == [False, True, True, True, True]


class UnevenClassifier(StagedClassifier):
    """Finds other rounds in other rows."""

    def fit(self, X, y, eval_set=None, verbose=True):
        super().fit(X, y, eval_set)
        self.best_round_ = 5 + int(1e6 * abs(float(np.mean(X)))) % 20
        return self


def uneven():
    return member("staged", UnevenClassifier(), rounds=staged().rounds)


def test_where_rows_are_few_three_folds_stop_early_and_the_others_have_the_mean_of_their_rounds():
    best, (record,), _ = schedule([uneven()], n_repeats=2)
    models = [pipeline.steps[-1][1] for pipeline in best.runs[0]["staged"].fold_estimators]
    found = [round(1.1 * model.best_round_) for model in models[:3]]
    assert record.rounds == dict(enumerate(found))
    assert len({*found}) > 1
    assert record.n_rounds == round(sum(found) / 3)
    again = [pipeline.steps[-1][1] for pipeline in best.runs[1]["staged"].fold_estimators]
    assert [model.n_rounds for model in models] == [100, 100, 100, *[record.n_rounds] * 2]
    assert [model.n_rounds for model in again] == [record.n_rounds] * 5


@pytest.mark.parametrize("lost", [["0"], ["1", "2"], ["0", "1", "2"]])
def test_the_rounds_of_some_folds_are_found_again_after_a_run_was_killed(tmp_path, lost):
    store = DiskStore(tmp_path)
    first, (record,), _ = schedule([uneven()], store=store)
    facts = json.loads((tmp_path / "scouts.json").read_text())
    for split in lost:
        del facts["key"]["staged"][split]
    (tmp_path / "scouts.json").write_text(json.dumps(facts))
    second, (resumed,), _ = schedule([uneven()], store=store)
    assert resumed.rounds == record.rounds
    assert second.runs[0].n_stored == 5
    assert second.blend.score == first.blend.score


def test_on_large_tables_scouts_see_a_sample_and_the_first_fold_finds_the_rounds(monkeypatch):
    monkeypatch.setattr(plan_module, "MOST_SCOUT_ROWS", 100)
    monkeypatch.setattr(plan_module, "SAMPLE", 50)
    monkeypatch.setattr(scheduler_module, "FEW_ROWS", 200)
    best, (record,), plan = schedule([staged()])
    models = [pipeline.steps[-1][1] for pipeline in best.runs[0]["staged"].fold_estimators]
    assert [model.n_rounds for model in models] == [100, 8, 8, 8, 8]
    assert [model.early_stopping_rounds is None for model in models] == [False, True, True, True, True]
    run, ratio = plan.scout_run
    assert ratio == 160 / 50
    assert record.scout.held_out.shape == (25, 2)
    assert set(run.folds.splits[0][0]) <= set(plan.folds.splits[0][0])


def test_repeats_deal_the_rows_again_for_the_members_of_the_blend():
    best, _, plan = schedule(classifiers(), n_repeats=3)
    assert len(best.runs) == 3
    assert len({run.folds.digest for run in best.runs}) == 3
    assert set(best.runs[1]) <= set(best.runs[0])
    assert not plan.can_repeat


def test_a_member_that_takes_too_long_is_left_out_with_the_reason():
    slow = member("slow", SlowClassifier(3.0))
    started = time.monotonic()
    best, records, _ = schedule([*classifiers(), slow], limit=4.0, n_jobs=2)
    assert time.monotonic() - started < 7  # all folds of the slow one would take 9 seconds
    assert "slow" not in best.runs[0]
    assert records[-1].left_out
    assert best.used


def test_a_member_of_which_not_all_folds_fit_into_the_time_is_not_begun():
    slow = [member(name, SlowClassifier(0.35)) for name in ("slow", "slow_too")]
    best, records, _ = schedule([classifiers()[0], *slow], limit=6.0, cv=10)
    late = [record.left_out for record in records if record.left_out]
    assert re.match("all its folds take about|there was no time for|a fit took longer", late[-1])
    assert "linear" in best.runs[0]


def test_time_that_is_left_goes_to_members_that_had_no_scout():
    # The first phase is over after 30 % of 6 s; two scouts of 1 s are more than that.
    slow = [member(name, SlowClassifier(1.0)) for name in ("slow", "slow_too")]
    _, records, _ = schedule([*slow, *classifiers()], limit=6.0, cv=10)
    assert records[2].scout is not None


def test_a_member_that_fails_is_left_out_with_its_error():
    failing = member("failing", SlowClassifier("not a number"))
    best, records, _ = schedule([failing, *classifiers()])
    assert "failing" not in best.runs[0]
    assert "str" in records[0].left_out


def test_if_no_member_finishes_the_scouts_are_blended():
    slow = member("slow", SlowClassifier(0.6))
    best, _, plan = schedule([slow], limit=2.0, cv=10)
    held_out = plan.folds.splits[0][1]
    assert best.runs[0].coverage.nonzero()[0].tolist() == sorted(held_out)
    assert len(best.runs[0]["slow"].fold_estimators) == 1
    assert np.allclose(best.predict(plan.data.X).sum(axis=1), 1)


def test_if_not_even_a_scout_finishes_the_error_says_what_to_do():
    with pytest.raises(TimeoutError, match=r"within time_limit=0.5 seconds. Pass a time_limit of"):
        schedule([member("slow", SlowClassifier(5.0))], limit=0.5, n_jobs=2)


def test_a_second_run_takes_everything_from_the_store(tmp_path):
    store = DiskStore(tmp_path)
    first, _, _ = schedule([staged(), *classifiers()], store=store)
    n_stored = len(store.list())
    second, records, _ = schedule([staged(), *classifiers()], store=store)
    assert len(store.list()) == n_stored == 20
    assert second.runs[0].n_stored == 20
    assert records[0].n_rounds == 8
    assert second.blend.weights == first.blend.weights


def test_a_scout_of_which_the_store_has_lost_the_rounds_is_fitted_again(tmp_path):
    store = DiskStore(tmp_path)
    first, _, _ = schedule([staged(), *classifiers()], store=store)
    (tmp_path / "scouts.json").unlink()
    second, records, _ = schedule([staged(), *classifiers()], store=store)
    assert (records[0].left_out, records[0].n_rounds) == (None, 8)
    assert second.blend.weights == first.blend.weights
    assert (tmp_path / "scouts.json").exists()


def test_random_labels_score_as_chance():
    random = np.random.default_rng(0)
    frame, _, _ = raw_table(300)
    typed = TableReader().fit(frame).transform(frame)
    for _ in range(3):
        data = TrainingData.of(typed, random.integers(0, 2, 300), classify=True)
        config = RunConfig(n_jobs=1, on_error="skip", seed=0, scoring="roc_auc")
        plan = Plan(data, TableShape.of(typed, 2), 5, config, Clock(None))
        best = train(plan, [MemberRecord(each) for each in classifiers()])
        assert abs(best.blend.score - 0.5) <= 3 * best.blend.sem
