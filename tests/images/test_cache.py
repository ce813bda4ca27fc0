"""Cached codes belong to one configuration of one network."""

import numpy as np
import pytest

from stackit.images.io.cache import CodeCache

KEY, PROBE = b"k" * 32, np.float32([0.5, 0.25])


def test_cached_codes_are_found_again(tmp_path):
    CodeCache(tmp_path, "resnet18 relu", PROBE).put({KEY: np.float32([1, 2])})
    assert CodeCache(tmp_path, "resnet18 relu", PROBE).get(KEY).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("configuration", "probe"), [("resnet18 conv1", PROBE), ("resnet18 relu", PROBE[::-1])]
)
def test_another_layer_or_other_weights_have_other_codes(tmp_path, configuration, probe):
    CodeCache(tmp_path, "resnet18 relu", PROBE).put({KEY: np.float32([1, 2])})
    assert CodeCache(tmp_path, configuration, probe).get(KEY) is None
