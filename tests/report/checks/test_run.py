"""All checks together: their results, those that are ignored, and the page that describes them."""

import inspect
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from stackit.report.checks import CHECKS, run_checks
from tests.report.checks.evidence_cases import sound

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "checks.md"


def plain(text):
    return " ".join(text.split())


def described(check):
    about = inspect.getdoc(type(check))
    return f"**{check.title}** ({check.severity}). {about} *What to do:* {check.remedy}"


def test_codes_are_numbered_without_gaps():
    assert [check.code for check in CHECKS] == [f"STK{at:03}" for at in range(1, len(CHECKS) + 1)]
    assert len({check.title for check in CHECKS}) == len(CHECKS) >= 20


def test_each_check_has_one_result_that_is_ready_for_json():
    results = run_checks(sound())
    assert [result.code for result in results] == [check.code for check in CHECKS]
    for result in json.loads(json.dumps([result.to_dict() for result in results])):
        assert set(result) == {"code", "title", "severity", "status", "sentence", "remedy", "docs_url"}
        assert result["docs_url"] == f"docs/guide/checks.md#{result['code'].lower()}"
        assert result["remedy"].endswith(".")
        assert result["sentence"].endswith(".")


def test_ignored_checks_are_not_run():
    evidence = sound(failures={"gp": "ValueError: no"})
    by_code = {result.code: result for result in run_checks(evidence, ignore=("STK022", "STK001"))}
    assert by_code["STK022"].status == by_code["STK001"].status == "ignored"
    assert sum(result.status == "ignored" for result in by_code.values()) == 2


@pytest.mark.parametrize(
    ("given", "nearest"), [("STK999", "STK0"), ("stk004", "STK004"), ("STK-17", "STK017"), ("leaks", "STK0")]
)
def test_unknown_codes_are_refused_with_the_nearest_known_one(given, nearest):
    with pytest.raises(ValueError, match=rf"got '{given}'\. Did you mean {nearest}"):
        run_checks(sound(), ignore=[given])


def test_a_single_code_may_be_ignored_by_itself():
    assert run_checks(sound(), ignore="STK004")[3].status == "ignored"


def test_checks_change_nothing_and_depend_on_nothing_but_the_evidence():
    evidence = sound()
    before = evidence.X.copy()
    first = run_checks(evidence)
    assert run_checks(evidence) == first
    pd.testing.assert_frame_equal(evidence.X, before)


def test_columns_of_any_name_and_kind_are_looked_at():
    evidence = sound()
    odd = {
        "<script>\n": range(300),
        3: pd.Categorical(["x", "y"] * 150),
        ("two", "parts"): [[1], [2]] * 150,
        "when": pd.date_range("2024", periods=300, tz="Europe/Rome"),
        "nothing": None,
        "complex": 1j,
        "duration": pd.to_timedelta(range(300), unit="h"),
        "nullable": pd.array([1, None] * 150, dtype="Int64"),
        "infinite": [float("inf"), 1.0] * 150,
    }
    X = pd.concat(
        [evidence.X, pd.DataFrame({str(at): column for at, column in enumerate(odd.values())})], axis=1
    )
    X.columns = [*evidence.X.columns, *odd]
    results = {one.code: one for one in run_checks(replace(evidence, X=X, X_test=X.iloc[:200]))}
    assert "'<script>\\n'" in results["STK024"].sentence
    assert "'nothing'" in results["STK025"].sentence


def test_two_columns_of_one_name_are_compared_by_position():
    evidence = sound()
    X, X_test = (table.set_axis(["a", "a", "c"], axis=1) for table in (evidence.X, evidence.X_test))
    results = {one.code: one for one in run_checks(replace(evidence, X=X, X_test=X_test))}
    assert results["STK028"].status == "passed"


def test_evidence_without_anything_but_predictions_is_enough():
    bare = sound(folds=None, X=None, X_test=None, test_members={}, test_stack=None, weights={}, seconds={})
    statuses = {result.status for result in run_checks(bare)}
    assert statuses <= {"passed", "tip", "not applicable"}


def test_the_page_describes_each_check_as_the_code_does():
    page = PAGE.read_text(encoding="utf-8").partition("## All checks")[2]
    sections = {
        part.partition("\n")[0].strip(): plain(part.partition("\n")[2]) for part in page.split("### ")[1:]
    }
    assert sections == {check.code: plain(described(check)) for check in CHECKS}
