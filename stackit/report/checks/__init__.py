"""Numbered checks of a stack: what is wrong, with the numbers, and what to do."""

from stackit.report.checks.check import Check, CheckResult
from stackit.report.checks.run import CHECKS, run_checks

__all__ = ["CHECKS", "Check", "CheckResult", "run_checks"]
