"""Arrays as images."""

import numpy as np

from stackit.images.io.photographs import as_image


def test_an_array_of_bytes_is_height_by_width():
    image = as_image(np.zeros((20, 30), np.uint8))
    assert (image.size, image.mode) == ((30, 20), "RGB")  # width, height
