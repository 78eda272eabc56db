"""`ops.image.resize` beside real Keras, with every option."""

import numpy as np
import pytest

RNG = np.random.default_rng(4)
IMAGE = RNG.random((2, 5, 7, 3)) * 255
KINDS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def resize(both, images, *args, **kwargs):
    request = {"target": {"object": "ops.image.resize"}, "args": [images, *args]}
    return both.same("call", **request, kwargs=kwargs, floatx="float64")


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_and_sizes(both, kind):
    resize(both, IMAGE, (8, 5), kind)
    resize(both, IMAGE, (3, 14), kind, True)


@pytest.mark.parametrize("which", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_proportions(both, which):
    resize(both, IMAGE, (6, 3), **{which: True})
    resize(both, IMAGE[0], (3, 9), fill_value=9.0, **{which: True})


def test_layouts(both):
    first = np.moveaxis(IMAGE, -1, 1).copy()
    resize(both, first[0], (6, 3), data_format="channels_first")


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("bicubic", "uint8"), ("nearest", "int32"), ("lanczos3", "float16")],
)
def test_dtypes(both, kind, dtype):
    images = np.array([[0, 255, 3], [7, 250, 128], [5, 6, 254]]).astype(dtype)
    request = {"target": {"object": "ops.image.resize"}, "args": [images[..., None]]}
    mine, theirs = both.ask(
        "call", **request, kwargs={"size": (5, 4), "interpolation": kind}
    )
    assert mine["value"].dtype == theirs["value"].dtype == dtype
    # One unit: numbers half-way between two are rounded after another rounding.
    near = 0.5 if dtype == "float16" else 1
    np.testing.assert_allclose(
        mine["value"].astype("float64"), theirs["value"].astype("float64"), atol=near
    )


def test_gradients(both):
    for kind, size in (("nearest", (8, 5)), ("bicubic", (3, 9))):
        request = {
            "target": {"object": "ops.image.resize"},
            "args": [IMAGE, size, kind],
        }
        both.same("call", **request, gradient=0, floatx="float64")
