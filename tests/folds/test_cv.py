"""Splitters that use groups are recognised."""

import pytest
from sklearn.model_selection import GroupKFold, KFold

from stackit.folds.cv import wants_groups


@pytest.mark.parametrize(("splitter", "expected"), [(GroupKFold(2), True), (KFold(2), False)])
def test_the_metadata_request_of_a_splitter_decides_whether_it_uses_groups(splitter, expected):
    assert wants_groups(splitter) is expected
