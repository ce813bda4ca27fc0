"""The held-out parts of folds are known where training parts are all other parts."""

from stackit import make_folds
from stackit.batched_fits.api import held_out_parts


def test_held_out_parts_make_up_each_repeat_where_all_other_parts_are_trained_on():
    folds = make_folds([0, 0, 1, 1], n_splits=2, random_state=0)
    assert [[part.tolist() for part in parts] for parts in held_out_parts(folds)] == [[[1, 2], [0, 3]]]
    assert held_out_parts(make_folds(range(9), scheme="forward", n_splits=2)) is None
