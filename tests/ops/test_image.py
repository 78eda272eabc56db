"""Functions of images beside SciPy, colorsys and formulas."""

import colorsys

import numpy as np
import pytest
import scipy.ndimage

import cornu
from cornu import ops
from cornu.ops.image_warps import homography

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(size=(7, 9))
BATCH = RNG.uniform(size=(2, 6, 5, 3))
# What SciPy calls them; its 'constant' and 'wrap' are other things.
MODES = {"constant": "grid-constant", "wrap": "grid-wrap"}


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_map_coordinates_is_scipys(mode, order):
    places = RNG.uniform(-15, 25, size=(2, 4, 30))
    found = ops.image.map_coordinates(IMAGE, places, order, mode, 0.5)
    wanted = MODES.get(mode, mode)
    expected = scipy.ndimage.map_coordinates(
        IMAGE, places, order=order, mode=wanted, cval=0.5
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_affine_transform_is_scipys(mode):
    matrix = np.array([[0.8, -0.5, 1.5], [0.4, 1.2, -2.0]])
    transform = np.append(matrix.ravel(), [0.0, 0.0])
    found = ops.image.affine_transform(
        IMAGE[..., None], transform, fill_mode=mode, fill_value=0.3
    )
    (a0, a1, a2), (b0, b1, b2) = matrix
    expected = scipy.ndimage.affine_transform(
        IMAGE,
        [[b1, b0], [a1, a0]],
        [b2, a2],
        order=1,
        mode=MODES.get(mode, mode),
        cval=0.3,
    )
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-12)


def test_a_transform_may_be_projective():
    """As Keras documents it: both coordinates are divided by c0 x + c1 y + 1."""
    transform = np.array([1.0, 0.1, 0.5, 0.0, 1.0, 0.2, 0.01, 0.02])
    found = ops.image.affine_transform(IMAGE[..., None], transform)
    y, x = np.mgrid[:7, :9]
    depth = 0.01 * x + 0.02 * y + 1
    places = [(y + 0.2) / depth, (x + 0.1 * y + 0.5) / depth]
    expected = scipy.ndimage.map_coordinates(
        IMAGE, places, order=1, mode="grid-constant"
    )
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-12)


def test_a_homography_takes_points_to_points():
    start = np.array([[[0.0, 0], [8, 0], [0, 6], [8, 6]]])
    end = start + RNG.normal(size=start.shape)
    matrix = np.append(np.asarray(homography(ops.array(start), ops.array(end))), 1.0)
    back = np.c_[end[0], np.ones(4)] @ matrix.reshape(3, 3).T
    np.testing.assert_allclose(back[:, :2] / back[:, 2:], start[0], atol=1e-12)
    same = ops.image.perspective_transform(BATCH, start[0], start[0])
    np.testing.assert_allclose(same, BATCH, atol=1e-12)
    moved = ops.image.perspective_transform(BATCH[0], start[0], end[0])
    assert moved.shape == BATCH[0].shape


def test_colors_are_those_of_colorsys():
    hsv = ops.image.rgb_to_hsv(BATCH)
    flat = [colorsys.rgb_to_hsv(*pixel) for pixel in BATCH.reshape(-1, 3)]
    np.testing.assert_allclose(hsv, np.reshape(flat, BATCH.shape), atol=1e-12)
    np.testing.assert_allclose(ops.image.hsv_to_rgb(hsv), BATCH, atol=1e-12)
    gray = ops.image.rgb_to_grayscale(BATCH)
    expected = BATCH @ [[0.2989], [0.587], [0.114]]
    np.testing.assert_allclose(gray, expected, atol=1e-12)
    first = np.moveaxis(BATCH, -1, 1)
    for name in ("rgb_to_hsv", "hsv_to_rgb", "rgb_to_grayscale"):
        function = getattr(ops.image, name)
        found = function(first, data_format="channels_first")
        np.testing.assert_allclose(
            np.moveaxis(np.asarray(found), 1, -1), function(BATCH), atol=1e-12
        )
    assert ops.image.rgb_to_grayscale(BATCH[..., :1]).shape == (2, 6, 5, 1)


def test_a_blur_is_scipys():
    found = ops.image.gaussian_blur(BATCH, (5, 3), (1.5, 0.7))

    def bell(n, sigma):
        x = np.arange(n) - (n - 1) / 2
        return np.exp(-((x / sigma) ** 2) / 2) / np.exp(-((x / sigma) ** 2) / 2).sum()

    expected = scipy.ndimage.correlate1d(BATCH, bell(5, 1.5), 2, mode="constant")
    expected = scipy.ndimage.correlate1d(expected, bell(3, 0.7), 1, mode="constant")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_elastic_movements_are_of_the_seed_and_smooth():
    image = np.add.outer(np.arange(24.0), np.arange(24.0))[..., None]
    first, again, other = (
        np.asarray(ops.image.elastic_transform(image, 2.0, 2.0, seed=s))
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    moved = np.asarray(first)[..., 0] - image[..., 0]
    assert 0.05 < moved.std() < 5
    assert np.abs(np.diff(moved, axis=0)).max() < 2 * moved.std()


def test_borders():
    padded = ops.image.pad_images(BATCH, 1, target_height=9, left_padding=0,
                                  right_padding=2)  # fmt: skip
    np.testing.assert_array_equal(
        padded, np.pad(BATCH, ((0, 0), (1, 2), (0, 2), (0, 0)))
    )
    cropped = ops.image.crop_images(
        padded, bottom_cropping=2, target_height=6, left_cropping=0, right_cropping=2
    )
    np.testing.assert_array_equal(cropped, BATCH)
    first = np.zeros((3, 4, 5))
    found = ops.image.pad_images(first, 1, 1, 1, 1, data_format="channels_first")
    assert found.shape == (3, 6, 7)


ZEROS = np.zeros((2, 4, 4, 3))
WRONG = [
    ("affine_transform", (np.zeros((4, 4)), np.zeros(8)), {}, ["(4, 4)", "height"]),
    ("affine_transform", (ZEROS, np.zeros((3, 8))), {}, ["(3, 8)", "eight numbers"]),
    ("affine_transform", (ZEROS, np.zeros(8), "cubic"), {}, ["'cubic'", "'bilinear'"]),
    ("map_coordinates", (IMAGE, np.zeros((3, 2)), 1), {}, ["(3, 2)", "(7, 9)"]),
    ("map_coordinates", (IMAGE, np.zeros((2, 2)), 3), {}, ["order=3", "0, 1"]),
    ("perspective_transform", (ZEROS, np.zeros((3, 2)), np.zeros((3, 2))), {},
     ["(3, 2)", "(4, 2)"]),
    ("gaussian_blur", (np.zeros(3),), {}, ["(3,)"]),
    ("elastic_transform", (ZEROS,), {"fill_mode": "mean"}, ["'mean'", "'reflect'"]),
    ("rgb_to_grayscale", (np.zeros((2, 4, 4, 2)),), {}, ["(2, 4, 4, 2)", "1 or 3"]),
    ("rgb_to_hsv", (np.zeros((4, 4, 3), int),), {}, ["int64", "floating"]),
    ("pad_images", (ZEROS, 1, 1), {}, ["top_padding=1", "two of the three"]),
    ("pad_images", (ZEROS, 1, 0, 1, 0, 9), {}, ["target_height=9"]),
    ("crop_images", (ZEROS, 3, 0, 2, 0), {}, ["4 pixels", "top_cropping=3"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs", "parts"), WRONG)
def test_errors_say_what_to_do(name, args, kwargs, parts):
    with pytest.raises(ValueError) as caught:
        getattr(ops.image, name)(*args, **kwargs)
    message = str(caught.value)
    assert message.count("\n") == 2
    for part in (f"[{name}]", *parts):
        assert part in message


def test_they_are_parts_of_models(tmp_path):
    x = cornu.Input((6, 5, 3))
    transform = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    y = ops.image.affine_transform(ops.image.rgb_to_grayscale(x), transform)
    model = cornu.Model(x, y)
    expected = model(BATCH.astype("float32"))
    model.save(tmp_path / "a.keras")
    again = cornu.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(again.predict(BATCH, verbose=0), expected, atol=1e-6)
