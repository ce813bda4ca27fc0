"""Values of parameters are recognised, and optional modules imported."""

import numpy as np
import pytest

from stackit.validation import import_optional, is_number, is_whole


@pytest.mark.parametrize(
    ("value", "expected"), [(1, True), (np.float32(0.5), True), ("1", False), (True, False)]
)
def test_texts_and_bools_are_not_numbers(value, expected):
    assert is_number(value) is expected


@pytest.mark.parametrize(("value", "expected"), [(2, True), (np.int64(2), True), (2.0, False)])
def test_floats_are_not_whole_numbers(value, expected):
    assert is_whole(value) is expected


def test_an_installed_module_is_imported():
    assert import_optional("json", "all").dumps([1]) == "[1]"
