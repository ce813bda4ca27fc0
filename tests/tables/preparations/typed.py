"""A typed frame with columns of all kinds, for the tests of preparations."""

import numpy as np
import pandas as pd

from stackit.tables import TableReader


def typed_frame(n=240, seed=0):
    rng = np.random.default_rng(seed)
    gap = rng.random(n) < 0.1
    raw = pd.DataFrame(
        {
            "size": np.where(gap, np.nan, rng.normal(size=n) * 10),
            "count": rng.integers(0, 9, n),
            "active": rng.random(n) < 0.5,
            "few": rng.choice(["a", "b", "c", None], n, p=[0.5, 0.3, 0.15, 0.05]),
            "some": [f"s{at}" for at in rng.integers(0, 30, n)],
            "many": [f"m{at}" for at in rng.integers(0, 70, n)],
            "day": pd.Timestamp(2020, 1, 1) + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "at": pd.Timestamp(2020, 1, 1) + pd.to_timedelta(rng.integers(0, 90_000, n), unit="h"),
            "words": [" ".join(rng.choice([*"abcdefgh"], 6) + "xx") for _ in range(n)],
        }
    )
    return TableReader().fit_transform(raw)


def without_values(frame):
    """Return a frame of the same dtypes in which each column lacks values or levels."""
    sparse = frame.copy()
    sparse["size"], sparse["few"], sparse["words"] = np.nan, np.nan, None
    sparse["few"] = sparse["few"].astype(frame["few"].dtype)
    sparse.loc[sparse["some"] != sparse["some"].iloc[0], "some"] = np.nan
    sparse["at"] = pd.Series(pd.NaT, index=frame.index).astype(frame["at"].dtype)
    return sparse
