"""The blends of a run: what they cost, and how many members there is time for."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from stackit import make_folds, out_of_fold
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData
from stackit.presets.blend.blended_members import blend_members
from stackit.presets.members.shape import TableShape
from stackit.presets.scheduler.blends import Blends
from stackit.presets.scheduler.checkpoint import Checkpoint
from stackit.presets.scheduler.clock import Clock
from stackit.presets.scheduler.member_record import MemberRecord
from stackit.presets.scheduler.plan import Plan
from stackit.presets.scheduler.reporter import Reporter
from tests.presets.tiny_members import classifiers, member, raw_table


def blends_of(limit, n=1000):
    X, y = np.zeros((n, 2)), np.arange(n) % 2
    data, clock = TrainingData.of(X, y, classify=True), Clock(limit)
    plan = Plan(data, TableShape(n, 2, n_classes=2), 5, RunConfig(seed=0), clock)
    return Blends(plan, [], Checkpoint(None, clock, lambda best, path: None), Reporter(clock, None))


def test_without_a_limit_nothing_is_reserved():
    assert blends_of(None).reserve(10) == 0.0


def test_more_members_need_a_larger_reserve_up_to_a_share_of_the_limit():
    blends = blends_of(120.0, n=50_000)
    reserves = [blends.reserve(n) for n in (1, 4, 20, 1000)]
    assert reserves == sorted(reserves)
    assert reserves[0] < reserves[1] < reserves[-1] == pytest.approx(0.1 * 0.98 * 120)


@pytest.mark.parametrize(("most", "n_blended"), [(None, 3), (2, 2), (1, 1)])
def test_of_more_members_than_there_is_time_for_the_best_are_blended(most, n_blended):
    frame, y, _ = raw_table(200)
    X = frame[["age", "noise"]].fillna(0).assign(rome=frame["city"] == "Rome").to_numpy(float)
    estimators = [(one.name, one.pipeline(None).steps[-1][1]) for one in classifiers()]
    oof = out_of_fold(estimators, X, y, cv=make_folds(y, n_splits=3), n_jobs=1)
    names = {name: name for name in oof}
    best = blend_members([oof], names, [], scoring="neg_log_loss", most=most)
    assert len(best.blend.weights) == n_blended
    assert len(best.scores) == 3
    left_out = min(best.scores[name][0] for name in best.blend.weights)
    assert all(best.scores[name][0] <= left_out for name in oof if name not in best.blend.weights)


@pytest.mark.parametrize(("seconds_since", "blended"), [(10.0, ["first"]), (1000.0, ["first", "second"])])
def test_a_blend_is_refreshed_if_what_it_will_cost_is_a_small_part_of_the_time_since(
    seconds_since, blended, monkeypatch
):
    blends, model = blends_of(None, n=200), LogisticRegression()
    blends.records = [MemberRecord(member(name, model)) for name in ("first", "second")]
    monkeypatch.setattr(blends, "_cost", lambda n_members: 2.0 * n_members)
    for name in ("first", "second"):
        assert [*blends.plan.run(0).fit([(name, model)])]
        blends.refresh_if_cheap()
        assert [*blends.best.scores] == ["first"]  # the first blend is made in any case
    blends.plan.clock.started -= seconds_since
    blends.refresh_if_cheap()
    assert [*blends.best.scores] == blended
