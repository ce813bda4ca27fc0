"""About how long one fit of a member takes, by the size of the table."""

from __future__ import annotations

from stackit.presets import TableShape

__all__ = ["seconds_per_fit"]

# Seconds of a fit on one core, and more of them per million cells (rows times columns times trees per round):
# rough figures, which tell seconds from hours.
SECONDS = {
    "linear": (0.3, 1.0),
    "lgbm_td": (0.2, 2.0),
    "catboost": (2.0, 15.0),
    "kernel": (0.3, 3.0),
    "lgbm_xt": (0.4, 4.0),
    "extra_trees": (0.4, 8.0),
    "prep_small": (0.8, 8.0),
    "xgb_td": (0.3, 4.0),
    "ebm": (2.0, 20.0),
    "net": (1.0, 5.0),
    "realmlp": (1.5, 20.0),
    "neighbors": (0.1, 2.0),
    "extra_trees_full": (0.4, 6.0),
    "prep_lgbm": (0.8, 8.0),
    "lgbm_small": (0.3, 2.0),
    "prep_xt": (0.8, 8.0),
    "lgbm_xt_large": (0.6, 6.0),
    "neighbors_far": (0.1, 2.0),
    "random_forest": (0.5, 10.0),
    "lgbm_large": (0.8, 8.0),
    "tabm": (3.0, 60.0),
}
USUAL = (0.5, 5.0)


def seconds_per_fit(name: str, shape: TableShape) -> float:
    """Return about how many seconds one fit of a member takes on one core.

    Examples
    --------
    >>> seconds_per_fit("linear", TableShape(n_rows=1_000, n_numbers=10)) < 1
    True
    """
    fixed, per_million = SECONDS.get(name, USUAL)
    return fixed + per_million * shape.n_rows * max(1, shape.n_columns) * shape.n_outputs / 1e6
