"""Layers that prepare numbers: what they learn, and in models; files beside Keras."""

from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import layers
from tests.layers import exchange, networks_prepared

RNG = np.random.default_rng(2)
DATA = RNG.normal(3.0, 2.0, (100, 4)).astype("float32")


@pytest.mark.parametrize("axis", [-1, None, (0, 1)])
def test_normalization_learns_from_data(axis):
    layer = layers.Normalization(axis=axis)
    layer.adapt(DATA)
    over = {-1: 0, None: (0, 1), (0, 1): ()}[axis]
    mean, deviation = (f(DATA, axis=over, keepdims=True) for f in (np.mean, np.std))
    if axis == (0, 1):
        deviation = np.maximum(deviation, 1e-7)
    np.testing.assert_allclose(layer(DATA), (DATA - mean) / deviation, atol=1e-5)
    back = layers.Normalization(axis=axis, invert=True)
    back.adapt(DATA)
    np.testing.assert_allclose(back(layer(DATA)), DATA, atol=1e-4)


def test_batches_are_merged():
    """Of any sizes; and of (inputs, targets) the inputs count."""
    whole, parts, pairs = (layers.Normalization() for _ in range(3))
    whole.adapt(DATA)
    cuts = [DATA[:7], DATA[7:60], DATA[60:]]
    parts.adapt(iter(cuts))
    pairs.adapt(zip(cuts, cuts, strict=True))
    for other in (parts, pairs):
        np.testing.assert_allclose(other.adapt_mean, whole.adapt_mean, rtol=1e-6)
        np.testing.assert_allclose(
            other.adapt_variance, whole.adapt_variance, rtol=1e-6
        )
    whole.adapt(DATA * 2)  # anew
    np.testing.assert_allclose(whole.adapt_mean, 2 * DATA.mean(0), rtol=1e-5)
    assert [v.name for v in whole.weights] == ["mean", "variance", "count"]
    assert not whole.trainable_weights


def test_what_is_learned_is_part_of_the_program_that_is_there():
    """A model that was compiled before goes by what its layer learns later."""
    layer = layers.Normalization()
    model = cornu.Sequential([cornu.Input((4,)), layer])
    before = model.predict(DATA, verbose=0)
    np.testing.assert_allclose(before, DATA, rtol=1e-6)
    layer.adapt(DATA)
    found = model.predict(DATA, verbose=0)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-5)


def test_bins_have_as_much_data_each():
    layer = layers.Discretization(num_bins=5, epsilon=0.001)
    layer.adapt(iter([DATA[:30], DATA[30:]]))
    assert len(layer.bin_boundaries) == 4
    counts = np.bincount(np.asarray(layer(DATA)).ravel(), minlength=5)
    assert counts.sum() == DATA.size
    assert np.abs(counts - DATA.size / 5).max() < 12
    copy = layers.Discretization.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(copy(DATA), layer(DATA))


def test_published_bins():
    """Those of Keras's documentation."""
    data = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    layer = layers.Discretization(num_bins=4, epsilon=0.01)
    layer.adapt(data)
    assert layer(data).tolist() == [[0, 2, 3, 2], [1, 3, 3, 1]]
    given = layers.Discretization([0.0, 1.0, 2.0])
    assert given(data).tolist() == [[0, 2, 3, 1], [1, 3, 2, 1]]
    assert given([[np.nan, np.inf, -np.inf, 2.0]]).tolist() == [[3, 3, 0, 3]]


def test_categories():
    layer = layers.CategoryEncoding(4, output_mode="count")
    weights = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    found = layer([[0, 1, 1], [3, 0, 9]], count_weights=weights)
    np.testing.assert_allclose(found, [[0.1, 0.5, 0, 0], [2, 0, 0, 1]], rtol=1e-6)
    # Of several axes the last is that of a sample; -1 and 9 are no categories.
    cube = np.array([[[0, 1], [1, 1]], [[-1, 9], [2, 3]]])
    expected = [[[1, 1, 0, 0], [0, 2, 0, 0]], [[0, 0, 0, 0], [0, 0, 1, 1]]]
    assert layer(cube).tolist() == expected
    x, w = cornu.Input((3,), dtype="int32"), cornu.Input((3,))
    model = cornu.Model([x, w], layer(x, count_weights=w))
    np.testing.assert_allclose(
        model.predict([np.array([[0, 1, 1], [3, 0, 9]]), weights], verbose=0), found
    )


def test_rescaling_in_both_layouts():
    x = np.ones((2, 3, 4, 5), "float32")
    layer = layers.Rescaling([1.0, 2.0, 3.0])
    before = cornu.config.image_data_format()
    cornu.config.set_image_data_format("channels_first")
    try:
        found = np.asarray(layer(x))
    finally:
        cornu.config.set_image_data_format(before)
    np.testing.assert_array_equal(found[0, :, 0, 0], [1, 2, 3])
    assert layers.Rescaling(0.5)(np.array([[2]], "uint8")).dtype == "float32"


def test_files_are_exchanged_with_keras(tmp_path):
    path = Path(networks_prepared.__file__)
    exchange.check(path, networks_prepared.MODELS, tmp_path)
