"""Normalizations: moving averages in training, freezing, precision."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu.graph import GradientTape

RNG = np.random.default_rng(5)
X = RNG.normal(3.0, 2.0, (64, 4)).astype("float32")
Y = RNG.normal(size=(64, 1)).astype("float32")


def network(*layers, width=4):
    model = cornu.Sequential([cornu.Input((width,)), *layers, L.Dense(1)])
    model.compile(cornu.optimizers.SGD(0.01), "mse")
    return model


def test_fit_keeps_averages_of_the_batches_that_it_saw():
    layer = L.BatchNormalization(momentum=0.9)
    network(layer).fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    mean, variance = np.zeros(4), np.ones(4)
    for _ in range(2):
        for batch in X.reshape(4, 16, 4):
            mean = 0.9 * mean + 0.1 * batch.mean(0)
            variance = 0.9 * variance + 0.1 * batch.var(0)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-5)


def test_training_and_inference_differ():
    layer = L.BatchNormalization(epsilon=0.0)
    y = layer(X, training=True).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(0), 1, rtol=1e-5)
    layer.moving_mean.assign(np.full(4, 1.0))
    layer.moving_variance.assign(np.full(4, 4.0))
    np.testing.assert_allclose(layer(X), (X - 1) / 2, rtol=1e-5, atol=1e-6)


def test_a_frozen_layer_works_by_its_averages_and_keeps_them():
    layer = L.BatchNormalization()
    layer(X, training=True)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(X, training=True), layer(X, training=False))
    network(layer).fit(X, Y, verbose=0)
    assert all(map(np.array_equal, before, layer.get_weights()))
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 4


def averages_after(layer, step):
    before = layer.moving_mean.numpy()
    step()
    return not np.array_equal(before, layer.moving_mean.numpy())


def test_compile_notes_whether_a_layer_is_frozen():
    """As for the discriminator of a GAN, which the GAN's training leaves alone."""
    layer = L.BatchNormalization()
    inner = network(layer)
    layer.trainable = False
    outer = cornu.Sequential([cornu.Input((4,)), L.Dense(4), inner])
    outer.compile("sgd", "mse")
    assert averages_after(layer, lambda: inner.train_on_batch(X, Y))
    assert not averages_after(layer, lambda: outer.train_on_batch(X, Y))
    assert averages_after(layer, lambda: inner.train_on_batch(X, Y))
    inner.compile("sgd", "mse")
    assert not averages_after(layer, lambda: inner.train_on_batch(X, Y))


def test_what_is_masked_does_not_count():
    x = RNG.normal(size=(3, 5, 4)).astype("float32")
    mask = np.arange(5) < np.array([[5], [2], [3]])
    layer = L.BatchNormalization(momentum=0.0, epsilon=0.0)
    y = layer(x, training=True, mask=mask).numpy()
    np.testing.assert_allclose(layer.moving_mean, x[mask].mean(0), atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, x[mask].var(0), rtol=1e-5)
    np.testing.assert_allclose(y[mask].mean(0), 0, atol=1e-6)


def test_statistics_are_no_part_of_the_gradient():
    layer = L.BatchNormalization()
    x = cornu.ops.array(X)
    with GradientTape() as tape:
        loss = cornu.ops.sum(cornu.ops.square(layer(x, training=True)) * Y)
    found = tape.gradient(loss, [x, *layer.trainable_variables])
    assert all(g is not None for g in found)
    # Moving all of a channel changes nothing: the gradient sums to 0.
    np.testing.assert_allclose(np.sum(found[0], axis=0), 0, atol=1e-4)


@pytest.mark.parametrize(
    "layer", [L.LayerNormalization(), L.RMSNormalization(), L.GroupNormalization(2)]
)
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_half_precision_is_computed_in_more(layer, dtype):
    """Squares of these numbers have no place in float16."""
    x = (X * 100).astype(dtype)
    same = type(layer).from_config({**layer.get_config(), "dtype": dtype})
    found, wide = same(x), layer(x.astype("float32"))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wide, rtol=1e-2 if dtype == "float16" else 1e-5)


def test_axes_of_mixed_signs():
    # Keras takes the weights in the order of the numbers then: those of axis -1 first.
    x = RNG.normal(size=(2, 3, 4)).astype("float32")
    mixed, plain = L.LayerNormalization(axis=[-1, 1]), L.LayerNormalization(axis=[1, 2])
    for layer in (mixed, plain):
        layer(x)
        layer.gamma.assign(np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(mixed(x), plain(x))
    along = L.RMSNormalization(axis=1)
    along(x)
    along.scale.assign([1.0, 2.0, 3.0])  # which Keras multiplies the last axis by
    expected = x / np.sqrt((x * x).mean(1, keepdims=True)) * [[1.0], [2.0], [3.0]]
    np.testing.assert_allclose(along(x), expected, rtol=1e-5)


def test_spectral_normalization_keeps_the_norm_at_one():
    dense = L.Dense(6, use_bias=False)
    layer = L.SpectralNormalization(dense, power_iterations=3)
    model = network(layer)
    model.fit(X, Y, epochs=30, verbose=0)
    norm = np.linalg.norm(dense.kernel, 2)  # after the last update
    assert 0.9 < norm < 1.1
    before = dense.kernel.numpy()
    layer(X)  # outside training nothing changes
    np.testing.assert_array_equal(dense.kernel, before)


def test_spectral_normalization_of_a_kernel_of_zeros():
    layer = L.SpectralNormalization(L.Dense(3, kernel_initializer="zeros"))
    layer.build((None, 4))
    before = layer.vector_u.numpy()
    assert np.array_equal(layer(X, training=True), np.zeros((64, 3)))
    np.testing.assert_array_equal(layer.vector_u, before)
    assert np.isfinite(layer.layer.kernel.numpy()).all()


def test_spectral_normalization_of_embeddings():
    layer = L.SpectralNormalization(L.Embedding(5, 3), power_iterations=50)
    words = np.array([[0, 1], [2, 4]])
    y = layer(words, training=True)
    assert y.dtype == "float32"
    assert np.linalg.norm(layer.layer.embeddings, 2) == pytest.approx(1, rel=1e-4)
    np.testing.assert_array_equal(y, layer.layer.embeddings.numpy()[words])
