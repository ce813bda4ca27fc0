"""The report of a run, in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stackit.arrays import Floats
from stackit.report import Evidence, Report
from stackit.runs.member_files import STACK
from stackit.runs.run_tables import RunTables
from stackit.validation import warn

__all__ = ["write_report"]


def write_report(tables: RunTables, stack: Any, tested: Mapping[str, Floats], folder: Path) -> None:
    """Write the report of a fitted stack; where that fails, warn, since everything else is there."""
    training = tables.training
    evidence = Evidence.from_tabular_stack(
        stack, tables.X, training.y, groups=training.groups, name=folder.absolute().name
    )
    if tested:
        members = {name: table for name, table in tested.items() if name != STACK}
        evidence = replace(evidence, X_test=tables.X_test, test_members=members, test_stack=tested[STACK])
    try:
        Report(evidence).save(folder)
    except Exception as error:  # noqa: BLE001 - hours of fits must not be lost for a page
        warn(f"The report is not written ({type(error).__name__}): {error}")
