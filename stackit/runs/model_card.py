"""The model card of a run: what it predicts, from what, how well, and how to use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from stackit.runs.config import RunConfig

__all__ = ["model_card"]

WORDS = {
    "binary": "a classification of two classes",
    "multiclass": "a classification of several classes",
    "regression": "a regression",
}
SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$-])")


def model_card(config: RunConfig, manifest: Mapping[str, Any], scores: pd.DataFrame) -> str:
    """Return the text of ``README.md``; it has no times, so that equal runs have equal cards."""
    data = "\n".join(
        f"| {name} | {_plain(each['file'])} | `{each['sha256']}` |" for name, each in manifest["data"].items()
    )
    members = "\n".join(
        f"| {_plain(name)} | {_number(row['score'])} | {_number(row['sem'])} | {_number(row['weight'])} | "
        f"{_plain(row['status'])} |"
        for name, row in scores.iterrows()
    )
    notes = "".join(f"\n- {_plain(note)}" for note in manifest["notes"])
    return f"""# A stack that predicts {_plain(config.target)}

Made by stackit with the preset {config.preset}: {WORDS[manifest["task"]]} from {manifest["rows"]} rows and
{manifest["columns"]} columns. {_plain(manifest["scoring"])} is {_number(manifest["score"])}, with a standard
error of {_number(manifest["sem"])} (higher is better). It is cross-fitted: each row was predicted by models
that had not seen it.

## Use

    from stackit.runs import RunFolder

    stack = RunFolder.open("this folder").stack()
    stack.predict(table)  # a data frame with the columns of the training table

## Members

| member | score | standard error | weight | status |
|---|---|---|---|---|
{members}

The blend is: {_plain(manifest["blend"])}.

## Data

| table | file | SHA-256 |
|---|---|---|
{data}
{notes}

## Limits

The score holds for rows that come from where the training rows come from. The model knows nothing of rows of
other times or places, and what it has learned are associations, not causes.
"""


def _plain(value: Any) -> str:
    """Return text that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def _number(value: Any) -> str:
    return "" if value is None or pd.isna(value) else f"{value:.5g}"
