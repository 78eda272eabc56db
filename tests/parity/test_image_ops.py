"""Functions of images beside real Keras."""

import numpy as np
import pytest

RNG = np.random.default_rng(7)
BATCH = RNG.uniform(size=(2, 6, 5, 3))
FIRST = np.ascontiguousarray(np.moveaxis(BATCH, -1, 1))
AFFINE = np.array([[0.8, -0.5, 1.5, 0.4, 1.2, -2.0, 0, 0], [1, 0, 0.5, 0, 1, -1, 0, 0]])
CALLS = [
    *[("affine_transform", (BATCH, AFFINE), {"fill_mode": mode, "fill_value": 0.5})
      for mode in ("constant", "nearest", "wrap", "mirror", "reflect")],
    ("affine_transform", (BATCH[0], AFFINE[0]), {"interpolation": "nearest"}),
    ("affine_transform", (FIRST, AFFINE), {"data_format": "channels_first"}),
    ("map_coordinates", (BATCH[0, ..., 0], RNG.uniform(-3, 9, (2, 4, 3)), 1), {}),
    ("rgb_to_grayscale", (BATCH,), {}),
    ("rgb_to_hsv", (BATCH[0],), {}),
    ("hsv_to_rgb", (FIRST,), {"data_format": "channels_first"}),
    ("gaussian_blur", (BATCH, (3, 5), (1.0, 0.6)), {"data_format": "channels_last"}),
    ("pad_images", (BATCH, 1, 2), {"target_height": 9, "target_width": 8}),
    ("crop_images", (BATCH[0], 1, 2), {"target_height": 3, "target_width": 2}),
    ("resize", (BATCH, (4, 9)), {"interpolation": "lanczos3"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_a_function_is_what_keras_means(both, name, args, kwargs):
    target = {"object": f"ops.image.{name}"}
    both.same("call", target=target, args=list(args), kwargs=kwargs, floatx="float64")


def test_perspective_transform(both):
    """Keras solves for the map in float32, also here."""
    start = np.array([[[0.0, 0], [4, 0], [0, 5], [4, 5]]] * 2)
    end = start + RNG.normal(size=start.shape) / 3
    target = {"object": "ops.image.perspective_transform"}
    mine, theirs = both.ask("call", target=target, args=[BATCH, start, end])
    np.testing.assert_allclose(mine["value"], theirs["value"], atol=1e-4)
