"""Checks of shift: columns and predictions that are distributed differently in the test rows."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import STACK, Facts
from stackit.report.checks.table_facts import TableFacts
from stackit.report.checks.target_columns import table_of
from stackit.validation import format_list

__all__ = ["ShiftedColumns", "ShiftedPredictions", "both_tables_of", "distances"]

# A tenth of the rows would have to move for the distributions to be the same,
MIN_DISTANCE = 0.1
# and chance makes such a distance once in a thousand tables.
SHIFT_P = 0.001
MIN_ROWS = 30
# A mean of predictions is shifted by four standard errors, and by a tenth of their standard deviation.
STANDARD_ERRORS, MIN_SHIFT = 4.0, 0.1
KINDS = ("number", "boolean", "category", "duplicate")


class ShiftedColumns(Check):
    """Columns are distributed differently in the training and in the test rows.

    Each column is compared by the distance of Kolmogorov and Smirnov, words in the order of their hashes,
    missing values first. Ids, dates and texts are not compared.
    """

    code = "STK028"
    title = "Shift between train and test"
    severity = "issue"
    remedy = (
        "Find out why: another time, another source, a unit or a code that changed. Drop or repair the "
        "column, or weight the training rows; out-of-fold scores hold for rows like the training rows only."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare samples of both tables, column by column."""
        table = both_tables_of(facts)
        columns = [one for one in table.of_kind(*KINDS) if table.is_comparable(one.at)]
        if not columns or min(table.n_test_rows, table.n_rows) < MIN_ROWS:
            raise NotApplicableError(
                f"There is no column to compare, or there are fewer than {MIN_ROWS} rows."
            )
        at = [one.at for one in columns]
        train, test = table.sample[:, at], table.test_sample[:, at]
        found = distances(train, test)
        size = len(train) * len(test) / (len(train) + len(test))
        p_values = 2 * np.exp(-2 * size * found**2)  # of one column, without corrections for few rows
        wrong = (found >= MIN_DISTANCE) & (p_values < SHIFT_P / len(columns))
        worst = np.argsort(-found, kind="stable")
        shifted = [columns[place] for place in worst if wrong[place]]
        first = f"{columns[worst[0]].name!r}, by {found[worst[0]]:.2f}"
        if not shifted:
            return Finding(
                False, f"The column that differs most is {first}: chance, or too little to matter."
            )
        names = format_list(repr(one.name) for one in shifted)
        return Finding(
            True, f"{len(shifted)} of {len(columns)} columns are shifted ({names}); the most is {first}."
        )


class ShiftedPredictions(Check):
    """Predictions are on average higher or lower in the test rows than out of fold.

    A mean is the same for a single fold's model and the average over folds, so that the two can be compared.
    """

    code = "STK031"
    title = "Predictions are shifted in the test rows"
    severity = "issue"
    remedy = (
        "Check that the test table is prepared as the training table is, columns in the same order and "
        "units. If the test rows are different, the shares of classes may be so too."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the means of the stack's predictions; without these, those of the best member."""
        own, test, what = _both_predictions(facts)
        if min(len(own), len(test)) < MIN_ROWS:
            raise NotApplicableError(f"There are fewer than {MIN_ROWS} predicted rows.")
        difference = test.mean(axis=0) - own.mean(axis=0)
        error = np.sqrt(own.var(axis=0) / len(own) + test.var(axis=0) / len(test))
        spread = own.std(axis=0)
        z = np.divide(np.abs(difference), error, out=np.zeros_like(error), where=error > 1e-12)
        wrong = (z > STANDARD_ERRORS) & (np.abs(difference) > MIN_SHIFT * spread)
        at = int(np.where(wrong, z, -1).argmax()) if wrong.any() else int(z.argmax())
        of_class = f" of class {facts.target.classes.tolist()[at]!r}" if facts.classify else ""
        return Finding(
            bool(wrong.any()),
            f"The mean prediction of {what}{of_class} is {own.mean(axis=0)[at]:.4g} out of fold and "
            f"{test.mean(axis=0)[at]:.4g} in the test rows ({z[at]:.1f} standard errors).",
        )


def both_tables_of(facts: Facts) -> TableFacts:
    """Return the tables, or raise with the reason why there is no test table to compare with."""
    table = table_of(facts)
    if facts.evidence.X_test is None:
        raise NotApplicableError("There is no test table.")
    if not table.n_test_rows:
        raise NotApplicableError("The test table has no rows, or lacks columns of the training table.")
    return table


def distances(train: Floats, test: Floats) -> Floats:
    """Return the distance of Kolmogorov and Smirnov of each column, where missing values are the least."""
    found = np.zeros(train.shape[1])
    for at in range(train.shape[1]):
        both = np.concatenate([train[:, at], test[:, at]])
        both[np.isnan(both)] = -np.inf
        order = np.argsort(both)
        steps = np.where(order < len(train), 1 / len(train), -1 / len(test)).cumsum()
        ordered = both[order]
        is_last = np.append(ordered[1:] != ordered[:-1], True)  # equal values are one step
        found[at] = np.abs(steps[is_last]).max()
    return found


def _both_predictions(facts: Facts) -> tuple[Floats, Floats, str]:
    """Return predictions out of fold and of test rows, as tables, and what predicts."""
    evidence = facts.evidence
    name, own, test = STACK, evidence.stack, evidence.test_stack
    if test is None:
        known = [name for name in facts.members if name in evidence.test_members]
        if not known:
            raise NotApplicableError("There are no predictions of test rows.")
        name = facts.best if facts.best in known else known[0]
        own, test = evidence.members[name], evidence.test_members[name]
    what = name if name == STACK else repr(name)
    own, test = own[facts.rows].reshape(len(facts.rows), -1), test.reshape(len(test), -1)
    return own, test[np.isfinite(test).all(axis=1)], what
