"""Checks find the faults that they are there for; the page of the checks has the rates."""

import re
from pathlib import Path

import pytest

from tests.report.checks.detection import CHECK, FAULTS

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "checks.md"
ROW = re.compile(r"^\| (STK\d+) \| .* \| (\d+) of (\d+) \| .* \| (\d+) of (\d+) \|$", re.MULTILINE)
RATES = {code: tuple(map(int, counts)) for code, *counts in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def test_the_page_has_the_rates_of_all_checks():
    assert [*RATES] == [*FAULTS] == [*CHECK]
    assert all(n == m == 50 for _, n, _, m in RATES.values())


@pytest.mark.parametrize("code", FAULTS)
def test_large_faults_are_found(code):
    fault = FAULTS[code]
    assert fault.n_found(code, fault.large, 3) == 3


@pytest.mark.slow
@pytest.mark.parametrize("code", FAULTS)
def test_rates_are_those_of_the_page(code):
    small, n, large, _ = RATES[code]
    found = [FAULTS[code].n_found(code, strength, n) for strength in (FAULTS[code].small, FAULTS[code].large)]
    assert found == [pytest.approx(small, abs=3), pytest.approx(large, abs=3)]
