"""Convolutions, pooling and shapes: what has no reference, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu.datasets import synthetic_digits
from tests.layers import exchange, networks_spatial

IMAGES = np.zeros((2, 5, 6, 3), "float32")
STEPS = np.zeros((2, 7, 4), "float32")


def built(layer, x):
    layer(x)
    return layer


# Error, what makes it, and words that its message has
ERRORS = [
    (ValueError, lambda: L.Conv2D(0, 3), ["Conv2D 'conv2d", "filters=0"]),
    (ValueError, lambda: L.Conv2D(True, 3), ["filters=True"]),
    (ValueError, lambda: L.Conv2D(4, 0), ["kernel_size=0", "(3, 3)"]),
    (ValueError, lambda: L.Conv2D(4, (3, 3, 3)), ["kernel_size=(3, 3, 3)", "or 2"]),
    (ValueError, lambda: L.Conv2D(4, 2.5), ["kernel_size=2.5"]),
    (ValueError, lambda: L.Conv2D(4, "3"), ["kernel_size='3'"]),
    (ValueError, lambda: L.Conv2D(4, 3, strides=(0, 1)), ["strides=(0, 1)"]),
    (ValueError, lambda: L.Conv2D(4, 3, 2, dilation_rate=2), ["strides=(2, 2)"]),
    (ValueError, lambda: L.Conv2D(4, 3, padding="causal"), ["'valid', 'same'"]),
    (ValueError, lambda: L.Conv2D(4, 3, padding=1), ["padding=1"]),
    (ValueError, lambda: L.Conv1D(4, 3, padding="full"), ["'causal'"]),
    (ValueError, lambda: L.Conv2D(4, 3, data_format="NCHW"), ["Conv2D", "'NCHW'"]),
    (ValueError, lambda: L.Conv2D(4, 3, groups=3), ["groups=3", "4 filters"]),
    (ValueError, lambda: L.Conv2D(4, 3, groups=0), ["groups=0"]),
    (ValueError, lambda: L.Conv2D(4, 3, groups=2)(IMAGES), ["3 input channels"]),
    (ValueError, lambda: L.Conv2D(4, 3)(STEPS), ["(2, 7, 4)", "4 axes"]),
    (ValueError, lambda: L.Conv1D(4, 3)(IMAGES), ["(2, 5, 6, 3)", "3 axes"]),
    (
        ValueError,
        lambda: L.Conv2D(4, (3, 7))(IMAGES),
        ["its input is 5 x 6", "kernel_size 3 x 7", "at least 3 x 7"],
    ),
    (
        ValueError,
        lambda: L.Conv1D(4, 3, dilation_rate=4)(STEPS),
        ["7 long", "at least 9 long"],
    ),
    (
        ValueError,
        lambda: L.Conv2D(4, 7)(cornu.Input((5, 5, 3))),
        ["Conv2D", "(None, 5, 5, 3)", "padding='same'"],
    ),
    (
        ValueError,
        lambda: L.Conv2D(4, 3)(cornu.Input((5, 5, None))),
        ["channels of its input are open"],
    ),
    (
        ValueError,
        lambda: built(L.Conv2D(4, 3), IMAGES)(np.zeros((2, 5, 6, 1))),
        ["its input has 1 channels", "built for 3"],
    ),
    (
        ValueError,
        lambda: built(L.Conv2D(4, 3), IMAGES)(np.zeros((2, 2, 6, 3))),
        ["2 x 6", "at least 3 x 3"],
    ),
    (TypeError, lambda: L.Conv2D(4, 3, kernel_initialiser="zeros"), ["initializer"]),
    # Keras 1
    (
        TypeError,
        lambda: L.Convolution2D(nb_filter=4, nb_row=3, nb_col=3),
        ["'nb_filter'", "'filters'"],
    ),
    (
        TypeError,
        lambda: L.Conv2D(4, 3, border_mode="same"),
        ["'border_mode'", "padding='same'"],
    ),
    (TypeError, lambda: L.Conv2D(4, 3, subsample=(2, 2)), ["strides=(2, 2)"]),
    (
        TypeError,
        lambda: L.MaxPooling2D((2, 2), dim_ordering="th"),
        ["data_format='channels_first'"],
    ),
    (TypeError, lambda: L.MaxPooling1D(pool_length=2), ["pool_size=2"]),
    (TypeError, lambda: L.UpSampling1D(length=3), ["size=3"]),
    (TypeError, lambda: L.Conv1D(4, 3, init="uniform"), ["kernel_initializer="]),
    # Others with a kernel
    (ValueError, lambda: L.Conv2DTranspose(4, 3, 2, output_padding=2), ["stride"]),
    (ValueError, lambda: L.Conv2DTranspose(4, 3, 2, output_padding=-1), ["from 0"]),
    (
        ValueError,
        lambda: L.Conv1DTranspose(4, 2, padding="same", output_padding=0)(
            np.zeros((1, 1, 3))
        ),
        ["nothing would be left"],
    ),
    (
        ValueError,
        lambda: built(L.Conv1DTranspose(4, 2), STEPS)(STEPS[..., :3]),
        ["its input has 3 channels", "built for 4"],
    ),
    (ValueError, lambda: L.DepthwiseConv2D(3, depth_multiplier=0), ["multiplier=0"]),
    (ValueError, lambda: L.DepthwiseConv2D(9)(IMAGES), ["DepthwiseConv2D", "9 x 9"]),
    (ValueError, lambda: L.SeparableConv2D(-1, 3), ["filters=-1"]),
    (ValueError, lambda: L.SeparableConv1D(4, 8)(STEPS), ["7 long", "8 long"]),
    # Pooling
    (ValueError, lambda: L.MaxPooling2D(0), ["pool_size=0"]),
    (ValueError, lambda: L.MaxPooling2D(2, strides=0), ["strides=0"]),
    (ValueError, lambda: L.MaxPooling2D(2, padding="causal"), ["'causal'"]),
    (ValueError, lambda: L.MaxPooling2D(6)(IMAGES), ["5 x 6", "pool_size 6 x 6"]),
    (ValueError, lambda: L.AveragePooling1D(8)(STEPS), ["AveragePooling1D", "8 long"]),
    (ValueError, lambda: L.MaxPooling2D()(STEPS), ["(2, 7, 4)"]),
    (ValueError, lambda: L.GlobalMaxPooling2D()(STEPS), ["GlobalMaxPooling2D"]),
    (ValueError, lambda: L.GlobalMaxPooling1D()(STEPS[:, :0]), ["0 long"]),
    (ValueError, lambda: L.GlobalAveragePooling1D()(STEPS[:, :0]), ["0 long"]),
    (
        ValueError,
        lambda: L.GlobalAveragePooling1D()(STEPS, mask=np.ones((2, 4), bool)),
        ["7 steps", "(2, 4)"],
    ),
    (ValueError, lambda: L.AdaptiveMaxPooling2D((2, 0)), ["output_size=(2, 0)"]),
    (ValueError, lambda: L.AdaptiveMaxPooling1D((2, 2)), ["output_size=(2, 2)"]),
    # Shapes
    (ValueError, lambda: L.ZeroPadding2D(-1), ["padding=-1"]),
    (ValueError, lambda: L.ZeroPadding2D((1, 2, 3)), ["padding=(1, 2, 3)"]),
    (ValueError, lambda: L.ZeroPadding1D(((1, 2), (1, 2))), ["(1, 1)"]),
    (ValueError, lambda: L.Cropping2D(((1, 2), (-1, 0))), ["cropping="]),
    (ValueError, lambda: L.Cropping2D(3)(IMAGES), ["Cropping2D", "6 are cut off"]),
    (ValueError, lambda: L.Cropping1D((3, 4))(STEPS), ["size 7"]),
    (ValueError, lambda: L.UpSampling2D(0), ["size=0"]),
    (ValueError, lambda: L.UpSampling2D(2, interpolation="area"), ["'bicubic'"]),
    (TypeError, lambda: L.UpSampling1D(2.0), ["size=2.0"]),
    (ValueError, lambda: L.UpSampling1D(0), ["size=0"]),
    (TypeError, lambda: L.RepeatVector("3"), ["n='3'"]),
    (ValueError, lambda: L.RepeatVector(0), ["n=0"]),
    (ValueError, lambda: L.RepeatVector(3)(STEPS), ["(2, 7, 4)"]),
    (ValueError, lambda: L.Permute((0, 1)), ["dims=(0, 1)"]),
    (ValueError, lambda: L.Permute((1, 3)), ["dims=(1, 3)"]),
    (ValueError, lambda: L.Permute((2, 1))(IMAGES), ["(2, 5, 6, 3)"]),
    (ValueError, lambda: cornu.config.set_image_data_format("last"), ["'last'"]),
]


@pytest.mark.parametrize(("kind", "make", "words"), ERRORS)
def test_errors_say_what_was_expected_and_how_to_mend_it(kind, make, words):
    with pytest.raises(kind) as caught:
        make()
    text = str(caught.value)
    assert type(caught.value) is kind
    assert len(text.splitlines()) == 3, text
    assert all(word in text for word in words), text


# Layouts


@pytest.fixture
def channels_first():
    cornu.config.set_image_data_format("channels_first")
    yield
    cornu.config.set_image_data_format("channels_last")


@pytest.mark.usefixtures("channels_first")
def test_the_layout_that_is_set_is_the_default():
    assert cornu.config.image_data_format() == "channels_first"
    x = np.zeros((2, 3, 5, 6), "float32")
    conv = L.Conv2D(4, 3)
    assert conv(x).shape == (2, 4, 3, 4)
    assert conv.kernel.shape == (3, 3, 3, 4)
    assert conv.get_config()["data_format"] == "channels_first"
    assert L.MaxPooling2D()(x).shape == (2, 3, 2, 3)
    assert L.GlobalMaxPooling2D()(x).shape == (2, 3)
    assert L.ZeroPadding2D()(x).shape == (2, 3, 7, 8)
    assert cornu.ops.image.resize(x, (2, 2)).shape == (2, 3, 2, 2)
    assert cornu.ops.max_pool(x, 2).shape == (2, 3, 2, 3)
    assert L.Conv2D(4, 3, data_format="channels_last")(IMAGES).shape == (2, 3, 4, 4)
    order = L.Flatten()(np.arange(24.0).reshape(1, 2, 3, 4))
    assert np.asarray(order)[0, :3].tolist() == [0, 12, 1]  # as from channels last


def test_both_layouts_give_the_same():
    x = np.random.default_rng(1).normal(size=(2, 7, 6, 4))
    for layer in (
        L.Conv2D(6, 3, groups=2, padding="same", dtype="float64"),
        L.SeparableConv2D(5, 2, dtype="float64"),
        L.Conv2DTranspose(3, 3, strides=2, dtype="float64"),
        L.AveragePooling2D(3, 2, "same", dtype="float64"),
        L.UpSampling2D(2, interpolation="bicubic", dtype="float64"),
    ):
        last = layer(x)
        config = {**layer.get_config(), "data_format": "channels_first"}
        other = type(layer).from_config(config)
        other.build((2, 4, 7, 6))
        other.set_weights(layer.get_weights())
        first = other(np.moveaxis(x, -1, 1))
        np.testing.assert_allclose(np.moveaxis(first, 1, -1), last, atol=1e-12)


# Own behaviour


def test_causal_convolution_does_not_look_ahead():
    layer = L.Conv1D(3, 4, padding="causal", dilation_rate=2)
    x = np.random.default_rng(0).normal(size=(1, 12, 2)).astype("float32")
    before = np.asarray(layer(x))
    assert before.shape == (1, 12, 3)
    for step in range(12):
        changed = x.copy()
        changed[:, step] += 1
        moved = np.abs(np.asarray(layer(changed)) - before).max(axis=(0, 2)) > 1e-6
        assert np.flatnonzero(moved).tolist() == [
            t for t in range(step, 12) if (t - step) % 2 == 0 and t - step <= 6
        ]


def test_a_sequence_that_is_masked_altogether_has_the_mean_0():
    mask = np.array([[True, False], [False, False]])
    x = np.array([[[2.0], [4.0]], [[3.0], [5.0]]])
    assert L.GlobalAveragePooling1D()(x, mask=mask).tolist() == [[2], [0]]


OPEN = [
    (L.Conv2D(4, 3, strides=2), (None, None, 3), (None, None, None, 4)),
    (L.Conv1D(4, 100), (None, 3), (None, None, 4)),
    (L.AveragePooling1D(10), (None, 3), (None, None, 3)),
    (L.MaxPooling2D(40), (None, None, 3), (None, None, None, 3)),
    (L.Conv2DTranspose(4, 3, strides=2), (None, 5, 3), (None, None, 11, 4)),
    (L.UpSampling2D(3, interpolation="bilinear"), (None, 2, 1), (None, None, 6, 1)),
    (L.AdaptiveMaxPooling2D(3), (None, None, 2), (None, 3, 3, 2)),
    (L.GlobalAveragePooling2D(), (None, None, 2), (None, 2)),
    (L.Cropping1D(2), (None, 2), (None, None, 2)),
    (L.ZeroPadding2D(1), (None, None, 2), (None, None, None, 2)),
    (L.Permute((2, 1)), (None, 2), (None, 2, None)),
]


@pytest.mark.parametrize(("layer", "given", "expected"), OPEN)
def test_axes_of_open_size(layer, given, expected):
    layer = type(layer).from_config(layer.get_config())
    assert layer(cornu.Input(given)).shape == expected
    assert layer.compute_output_shape((None, *given)) == expected


def test_both_names_are_one_class_and_files_may_use_either():
    assert L.Convolution2D is L.Conv2D
    assert L.MaxPool2D is L.MaxPooling2D
    assert L.AvgPool1D is L.AveragePooling1D
    assert L.GlobalAvgPool2D is L.GlobalAveragePooling2D
    for name in ("Conv2D", "Convolution2D"):
        config = {"class_name": name, "config": {"filters": 4, "kernel_size": 3}}
        assert type(L.deserialize(config)) is L.Conv2D


def test_defaults_are_shown_for_each_axis_and_subclasses_show_their_own():
    import inspect

    class Mine(L.Conv2D):
        def __init__(self, filters, strides=2):
            super().__init__(filters, 3, strides)

    assert inspect.signature(L.Conv2D).parameters["strides"].default == (1, 1)
    assert inspect.signature(L.Conv1D).parameters["strides"].default == 1
    assert str(inspect.signature(Mine)) == "(filters, strides=2)"
    assert Mine(4)(IMAGES).shape == (2, 2, 2, 4)


# Networks


def test_files_are_exchanged_with_keras(tmp_path):
    path = Path(networks_spatial.__file__)
    exchange.check(path, networks_spatial.MODELS, tmp_path)


def test_the_convnet_of_the_book_learns(tmp_path):
    (x_train, y_train), (x_test, y_test) = synthetic_digits.load_data()
    x_train, y_train = x_train[:1500, ..., None] / 255, y_train[:1500]
    x_test, y_test = x_test[:200, ..., None] / 255, y_test[:200]
    cornu.utils.set_random_seed(0)
    model = cornu.Sequential()
    model.add(L.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(L.MaxPooling2D((2, 2)))
    model.add(L.Conv2D(64, (3, 3), activation="relu"))
    model.add(L.MaxPooling2D((2, 2)))
    model.add(L.Conv2D(64, (3, 3), activation="relu"))
    model.add(L.Flatten())
    model.add(L.Dense(64, activation="relu"))
    model.add(L.Dense(10, activation="softmax"))
    assert model.count_params() == 93322  # the book's summary
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=2, batch_size=64, verbose=0)
    first, last = history.history["loss"]
    assert last < first / 2
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert accuracy > 0.8
    model.save(tmp_path / "convnet.keras")
    again = cornu.models.load_model(tmp_path / "convnet.keras")
    np.testing.assert_allclose(
        again.predict(x_test, verbose=0), model.predict(x_test, verbose=0), rtol=1e-6
    )
    assert again.evaluate(x_test, y_test, verbose=0) == pytest.approx([loss, accuracy])
