"""What notebooks show of folds: a row per split."""

import numpy as np
from sklearn import config_context

from stackit import make_folds


def test_a_row_per_split_says_how_many_rows_it_trains_on_and_holds_out():
    (section,) = make_folds(np.arange(10), scheme="kfold", n_splits=3, n_repeats=2).display_sections()
    assert section.columns == ["repeat", "fold", "training rows", "held-out rows"]
    assert len(section.rows) == 6
    assert sorted(section.rows[3:]) == [[1, 0, 6, 4], [1, 1, 7, 3], [1, 2, 7, 3]]


def test_groups_are_counted():
    groups = ["a", "a", "b", "c", "c", "c"]
    (section,) = make_folds(np.arange(6), scheme="group", n_splits=3, groups=groups).display_sections()
    assert section.columns[-1] == "held-out groups"
    assert [row[-1] for row in section.rows] == [1, 1, 1]


def test_the_scheme_is_escaped_and_text_is_always_there():
    folds = make_folds(np.arange(4), scheme="kfold", n_splits=2)
    folds.metadata["scheme"] = "<b>"
    bundle = folds._repr_mimebundle_()
    assert bundle["text/plain"] == repr(folds)
    assert "Folds(&lt;b&gt;," in bundle["text/html"]
    with config_context(display="text"):
        assert folds._repr_mimebundle_() == {"text/plain": repr(folds)}
        assert folds._repr_html_() is None
