"""Columns that are the target under another name are suspected, and others are not."""

import numpy as np
import pandas as pd
import pytest

from stackit.tables import TableReader, suspect_columns


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 300
    label = rng.integers(0, 3, n)
    price = rng.gamma(2.0, 100.0, n)
    raw = pd.DataFrame(
        {
            "label_name": np.array(["low", "mid", "high"])[label],
            "label_code": label * 10.0 + 5,
            "label_helps": label + rng.normal(size=n),
            "log_price": np.log(price),
            "price_helps": price + rng.normal(size=n) * 60,
            "noise": rng.normal(size=n),
            "day": pd.Timestamp(2020, 1, 1) + pd.to_timedelta(np.round(price * 24), unit="h"),
        }
    )
    return TableReader().fit_transform(raw), label, price


def test_another_name_of_the_class_is_suspected(frame):
    typed, label, _ = frame
    assert suspect_columns(typed, np.array(["c", "a", "b"])[label], True) == {
        "label_name": 1.0,
        "label_code": 1.0,
    }


def test_a_function_of_the_number_is_suspected(frame):
    typed, _, price = frame
    assert set(suspect_columns(typed, price, False)) == {"log_price", "day"}


def test_random_targets_are_not_found_in_columns(frame):
    typed = frame[0].assign(key=[f"{at}" for at in range(300)])
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert suspect_columns(typed, rng.integers(0, 2, 300), True) == {}
        assert suspect_columns(typed, rng.normal(size=300), False) == {}


def test_few_rows_are_not_judged():
    frame = pd.DataFrame({"same": np.arange(20.0) % 2})
    assert suspect_columns(frame, np.arange(20) % 2, True) == {}
