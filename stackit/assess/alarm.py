"""The result of the overfitting alarm: a table of evidence and a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from stackit.validation import format_list

__all__ = ["OverfittingAlarm"]

# Why an estimator has an alarm, and what to do about it.
REASONS = {
    "encoded": "they read columns of X that were encoded with y",
    "duplicates": "they are better where a row has a duplicate in the training part",
    "reversal": (
        "they become worse where the level below has seen a row, so they have learned to invert it, from "
        "labels of held-out rows: use Level(..., nested=True), and rely on nested_score alone"
    ),
    "overconfident": (
        "they are more confident on held-out rows than on new ones: look for columns made with y, duplicates "
        "or related rows across folds, and predictions of rows that were trained on"
    ),
    "measured": (
        "new rows are predicted worse: look for columns made with y, duplicates or related rows across "
        "folds, or new rows that are harder"
    ),
    "too good": (
        "they make less than half the errors of the best other: look for predictions of rows that were "
        "trained on"
    ),
}


@dataclass(frozen=True, eq=False, repr=False)
class OverfittingAlarm:
    """Losses that out-of-fold predictions claim, and the evidence against them.

    Attributes
    ----------
    table : data frame
        One row per estimator: `claimed`, the loss out of fold; `expected` (or, with labels, `measured`), that
        on new rows; `difference`, `standard_error` and `z` of it; `reversal`, by how many standard errors an
        estimator of a higher level becomes worse where the level below has seen a row, and `duplicates`, by
        how many it is better where a row has a duplicate (NaN where these do not apply); the `p_value` of all
        that together; `too_good`, whether it is far better than the others; whether there is an `alarm`, and
        its `reason`, one of "encoded", "duplicates", "reversal", "overconfident", "measured", "too good"
        or "".
    loss : str
        Log loss for classes, squared error for numbers; of predictions that are calibrated first.
    encoded : tuple of str
        The columns of X that look as if they were made with y.
    duplicates : (float, float) or None
        The share of held-out rows that have a duplicate in their training part, and that of new rows, where
        the first is larger than chance makes it. Columns that were encoded with y do not count.
    suspects : tuple of str
        The columns of X that alone predict y nearly perfectly.
    """

    table: pd.DataFrame
    loss: str
    encoded: tuple[str, ...] = ()
    duplicates: tuple[float, float] | None = None
    suspects: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.summary()

    @property
    def alarmed(self) -> list[str]:
        """The estimators with an alarm."""
        return list(self.table.index[self.table["alarm"]])

    @property
    def verdict(self) -> str:
        """Which estimators not to believe, and why, in a sentence or two."""
        return " ".join([*self._about_estimators(), *self._about_X()])

    def summary(self) -> str:
        """Return verdict and table as text."""
        return f"{self.verdict}\n{self.table.to_string(float_format=lambda value: f'{value:.4g}')}"

    def _about_X(self) -> list[str]:
        found = []
        if self.encoded:
            found.append(
                "Columns of X look as if they had been encoded with y before the folds: "
                f"{format_list(self.encoded)}; encode inside the folds."
            )
        if self.suspects:
            found.append(
                f"Columns of X alone predict y nearly perfectly: {format_list(self.suspects)}; they may be y "
                "under another name, or known only with it."
            )
        if self.duplicates is not None:
            found.append(
                f"{self.duplicates[0]:.1%} of held-out rows have a duplicate in their training part, and "
                f"{self.duplicates[1]:.1%} of new rows: keep duplicates together by groups."
            )
        return found

    def _about_estimators(self) -> list[str]:
        names = self.alarmed
        if not names:
            return ["No estimator looks better out of fold than it does on new rows."]
        only_losses = set(self.table["reason"]) <= {"", "overconfident", "measured"}
        if only_losses and 1 < len(names) == len(self.table):
            return [
                f"All estimators look better out of fold than on new rows ({self._details(names)}): X holds "
                "something of y (a target encoding, duplicates or relatives of held-out rows), or the new "
                "rows are harder."
            ]
        found = []
        for reason, text in REASONS.items():
            some = list(self.table.index[self.table["reason"] == reason])
            if some:
                found.append(
                    f"Do not believe the out-of-fold predictions of {format_list(some, 20)} "
                    f"({self._details(some)}): {text}."
                )
        return found

    def _details(self, names: list[str]) -> str:
        new = "expected" if "expected" in self.table.columns else "measured"
        details = []
        for name in names:
            row = self.table.loc[name]
            if row["reason"] == "too good":
                details.append(f"{name}: less than half the errors of the best other")
            else:
                details.append(f"{name}: {self.loss} {row['claimed']:.4g} claimed, {row[new]:.4g} {new}")
        return "; ".join(details)
