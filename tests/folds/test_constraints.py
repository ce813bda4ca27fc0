"""Times of rows are read so that they sort as time does."""

from stackit.folds.constraints import times_of


def test_texts_of_numbers_sort_as_numbers():
    assert times_of(["9", "10"]).tolist() == [9, 10]
