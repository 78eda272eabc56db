"""Functions of images beside real Keras."""

import numpy as np
import pytest

import cornu

RNG = np.random.default_rng(7)
BATCH = RNG.uniform(size=(2, 6, 5, 3))
FIRST = np.ascontiguousarray(np.moveaxis(BATCH, -1, 1))
AFFINE = np.array([[0.8, -0.5, 1.5, 0.4, 1.2, -2.0, 0, 0], [1, 0, 0.5, 0, 1, -1, 0, 0]])
VOLUMES = RNG.uniform(size=(2, 3, 4, 5, 2))
SCALE = np.array([1.6, 0.7])
LARGE = RNG.uniform(size=(14, 13, 2))
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
    ("extract_patches", (BATCH, 2), {}),
    ("extract_patches", (BATCH, (3, 2), (1, 2)), {"padding": "same"}),
    ("extract_patches", (BATCH[0], 2, 1), {"dilation_rate": 2}),
    ("extract_patches", (FIRST, (2, 3), 2), {"data_format": "channels_first"}),
    ("extract_patches", (VOLUMES, (2, 1, 2)), {}),
    ("extract_patches_3d", (VOLUMES, 2, 1), {"padding": "same"}),
    ("extract_patches_3d", (VOLUMES[0], (2, 1, 2), (1, 2, 1)), {}),
    ("extract_patches_3d", (np.moveaxis(VOLUMES, -1, 1), (1, 2, 2)),
     {"data_format": "channels_first"}),
    *[("scale_and_translate",
       (BATCH, (2, 9, 3, 3), SCALE, np.array([-0.4, 0.3]), (1, 2), method),
       {"antialias": antialias})
      for method in ("linear", "cubic", "lanczos3", "lanczos5")
      for antialias in (True, False)],
    ("scale_and_translate",
     (BATCH[0, 0], (7, 3), np.array([0.5]), np.array([2.5]), (0,), "tricubic"), {}),
    ("sobel_edges", (BATCH,), {}),
    ("sobel_edges", (FIRST,), {"data_format": "channels_first"}),
    ("ssim", (BATCH, BATCH[::-1]), {"filter_size": 3, "filter_sigma": 0.8}),
    ("ssim", (FIRST * 255, FIRST[::-1] * 255),
     {"filter_size": 5, "max_val": 255.0, "data_format": "channels_first"}),
    ("ssim", (LARGE, LARGE**2), {"k1": 0.1, "k2": 0.2}),
]  # fmt: skip

WITH_GRADIENTS = {"extract_patches", "scale_and_translate", "sobel_edges", "ssim"}


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_a_function_is_what_keras_means(both, name, args, kwargs):
    target = {"object": f"ops.image.{name}"}
    request = {"target": target, "args": list(args), "kwargs": kwargs}
    both.same("call", **request, floatx="float64")


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [call for call in CALLS if call[0] in WITH_GRADIENTS],
)
def test_gradients(both, name, args, kwargs):
    target = {"object": f"ops.image.{name}"}
    request = {"target": target, "args": list(args), "kwargs": kwargs, "gradient": 0}
    both.same("call", **request, floatx="float64")


def test_perspective_transform(both):
    """Keras solves for the map in float32, also here."""
    start = np.array([[[0.0, 0], [4, 0], [0, 5], [4, 5]]] * 2)
    end = start + RNG.normal(size=start.shape) / 3
    target = {"object": "ops.image.perspective_transform"}
    mine, theirs = both.ask("call", target=target, args=[BATCH, start, end])
    np.testing.assert_allclose(mine["value"], theirs["value"], atol=1e-4)


def test_the_scale_has_a_gradient(both):
    """By scale and translation, as by anything else."""
    args = [BATCH[0, ..., 0], (7, 4), np.array([1.3, 0.9]), np.array([0.2, -0.3])]
    for place in (2, 3):
        both.same(
            "call",
            target={"object": "ops.image.scale_and_translate"},
            args=[*args, (0, 1), "cubic"],
            gradient=place,
            floatx="float64",
        )


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("extract_patches", (BATCH, 0), ["size=0"]),
        ("extract_patches", (BATCH, 7), ["(7, 7)", "'same'"]),
        ("extract_patches", (BATCH[0, 0], 2), ["(5, 3)", "channels"]),
        ("extract_patches", (BATCH, 2, 1, 1, "causal"), ["'causal'"]),
        ("extract_patches_3d", (BATCH[0], 2), ["(6, 5, 3)", "depth"]),
        ("sobel_edges", (BATCH[0],), ["(6, 5, 3)"]),
        ("ssim", (BATCH, BATCH), ["11 pixels"]),
        ("ssim", (BATCH, BATCH[:1]), ["(1, 6, 5, 3)"]),
        ("scale_and_translate", (BATCH, (2, 6, 5, 3), [1.0], [1.0], (1,), "nearest"),
         ["'nearest'"]),
        ("scale_and_translate", (BATCH, (2, 6, 5, 3), [1.0], [1.0], (1, 2), "cubic"),
         ["(1,)"]),
        ("scale_and_translate", (BATCH, (1, 6, 5, 3), [1.0], [1.0], (1,), "cubic"),
         ["(1, 6, 5, 3)"]),
    ],
)  # fmt: skip
def test_messages(name, args, words):
    with pytest.raises(ValueError) as caught:
        getattr(cornu.ops.image, name)(*args)
    message = str(caught.value)
    assert message.count("\n") == 2
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", ["extract_patches", "extract_patches_3d"])
@pytest.mark.parametrize("size", [2.5, None, "a", (2, 2, 2.5), (4, 4)])
def test_sizes_that_are_no_sizes(both, name, size):
    """As in Keras the error is a TypeError; two sizes are those of an image."""
    if (name, size) == ("extract_patches", (4, 4)):
        return
    x = VOLUMES if "3d" in name else BATCH
    request = {"target": {"object": f"ops.image.{name}"}, "args": [x, size]}
    mine, theirs = both.ask_anyway("call", **request, kwargs={})
    assert mine["error"] == theirs["error"] == "TypeError"
    assert mine["message"].count("\n") == 2


def test_a_size_that_stays_may_be_left_open():
    args = ([1.5, 1.0], [0.5, 0.0], (1, 2), "linear")
    x = cornu.Input((6, 5, 3))
    resize = cornu.ops.image.scale_and_translate
    assert resize(x, (None, 9, 5, None), *args).shape == (None, 9, 5, 3)
    found = resize(BATCH, (None, 9, 5, 3), *args)
    np.testing.assert_array_equal(found, resize(BATCH, (2, 9, 5, 3), *args))
    with pytest.raises(TypeError):
        resize(BATCH, (2, None, 5, 3), *args)


def test_in_a_model(tmp_path):
    """On symbolic tensors, of open batch, compiled, and from a file."""
    x = cornu.Input((6, 5, 3))
    image = cornu.ops.image
    outputs = [
        image.extract_patches(x, 2, padding="same"),
        image.sobel_edges(x),
        image.ssim(x, x * 0.5, filter_size=3),
        image.scale_and_translate(x[0], (3, 5, 3), [0.5], [0.0], (0,), "linear"),
    ]
    model = cornu.Model(x, outputs)
    small = BATCH.astype("float32")
    again = [
        image.extract_patches(small, 2, padding="same"),
        image.sobel_edges(small),
        image.ssim(small, small * np.float32(0.5), filter_size=3),
        image.scale_and_translate(small[0], (3, 5, 3), [0.5], [0.0], (0,), "linear"),
    ]
    for a, b in zip(model.predict_on_batch(small), again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    model = cornu.Model(x, outputs[:3])
    model.save(tmp_path / "images.keras")
    loaded = cornu.saving.load_model(tmp_path / "images.keras")
    for a, b in zip(loaded.predict_on_batch(small), again[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    places = {
        (layer["module"], layer["class_name"])
        for layer in model.get_config()["layers"][2:]
    }
    room = "keras.src.ops.image"  # where real Keras keeps and seeks them
    assert places == {(room, n) for n in ("ExtractPatches", "SobelEdges", "SSIM")}
