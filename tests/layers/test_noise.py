"""Noise: its statistics, its seeds, and that it is for training alone."""

import numpy as np
import pytest

import cornu
from cornu import layers as L

X = np.full((200, 500), 2.0, "float32")
MAPS = np.ones((8, 5, 5, 400), "float32")
NOISY = [
    (lambda **k: L.GaussianNoise(0.5, **k), X),
    (lambda **k: L.GaussianDropout(0.2, **k), X),
    (lambda **k: L.AlphaDropout(0.3, **k), X),
    (lambda **k: L.AlphaDropout(0.3, (None, 1), **k), X),
    (lambda **k: L.Dropout(0.3, **k), X),
    (lambda **k: L.SpatialDropout1D(0.3, **k), MAPS[:, 0]),
    (lambda **k: L.SpatialDropout2D(0.3, **k), MAPS),
    (lambda **k: L.SpatialDropout3D(0.3, **k), MAPS[:, None]),
]


@pytest.mark.parametrize(("make", "x"), NOISY)
def test_one_seed_gives_one_noise(make, x):
    first, second, other = make(seed=3), make(seed=3), make(seed=4)
    noise = first(x, training=True).numpy()
    np.testing.assert_array_equal(noise, second(x, training=True))
    assert not np.array_equal(noise, other(x, training=True))
    assert not np.array_equal(noise, first(x, training=True))  # at each call another
    cornu.utils.set_random_seed(1)
    a = make()(x, training=True).numpy()
    cornu.utils.set_random_seed(1)
    np.testing.assert_array_equal(a, make()(x, training=True))


@pytest.mark.parametrize(("make", "x"), NOISY)
def test_outside_training_nothing_happens(make, x):
    np.testing.assert_array_equal(make()(x), x)
    model = cornu.Sequential([cornu.Input(x.shape[1:]), make()])
    np.testing.assert_array_equal(model.predict(x[:4], verbose=0), x[:4])


@pytest.mark.parametrize(("make", "x"), NOISY)
def test_a_program_draws_what_the_layer_draws(make, x):
    class Noise(cornu.Model):
        def __init__(self):
            super().__init__()
            self.noise = make(seed=9)
            self.seen = self.add_weight(x[:4].shape, "zeros", trainable=False)
            self.scale = self.add_weight((), "ones")

        def call(self, inputs, training=None):
            y = self.noise(inputs, training=training)
            self.seen.assign(y)
            return y * self.scale

    model = Noise()
    model.compile("sgd", "mse")
    expected = make(seed=9)
    for _ in range(2):  # the state goes on from step to step
        model.fit(x[:4], x[:4], verbose=0)
        y = expected(x[:4], training=True)
        np.testing.assert_allclose(model.seen, y, rtol=1e-5, atol=1e-6)


def test_gaussian_noise_has_its_deviation():
    noise = L.GaussianNoise(0.5, seed=1)(X, training=True).numpy() - X
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(0.5, rel=0.02)
    assert L.GaussianNoise(3.0)(X, training=True).numpy().std() > 2


def test_gaussian_dropout_has_the_deviation_of_dropout():
    factors = L.GaussianDropout(0.2, seed=1)(X, training=True).numpy() / X
    assert factors.mean() == pytest.approx(1, rel=0.01)
    assert factors.std() == pytest.approx(np.sqrt(0.2 / 0.8), rel=0.02)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).normal(size=(400, 500)).astype("float32")
    y = L.AlphaDropout(0.3, seed=1)(x, training=True).numpy()
    assert abs(y.mean()) < 0.01
    assert y.std() == pytest.approx(1, rel=0.01)
    _, counts = np.unique(y, return_counts=True)
    assert counts.max() / x.size == pytest.approx(0.3, rel=0.02)
    rows = L.AlphaDropout(0.5, (None, 1), seed=1)(x, training=True).numpy()
    alike = (rows == rows[:, :1]).all(1)
    assert 0.4 < alike.mean() < 0.6


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        (L.SpatialDropout1D(0.4, seed=1), (1,)),
        (L.SpatialDropout2D(0.4, seed=1), (1, 2)),
        (L.SpatialDropout2D(0.4, "channels_first", seed=1), (2, 3)),
        (L.SpatialDropout3D(0.4, seed=1), (1, 2, 3)),
        (L.SpatialDropout3D(0.4, "channels_first", seed=1), (2, 3, 4)),
    ],
)
def test_spatial_dropout_drops_whole_channels(layer, axes):
    ndim = len(axes) + 2
    shape = [3 if i in axes else 60 for i in range(ndim)]
    y = layer(np.ones(shape, "float32"), training=True).numpy()
    per_channel = y.transpose(*[i for i in range(ndim) if i not in axes], *axes)
    flat = per_channel.reshape(60 * 60, -1)
    assert (flat == flat[:, :1]).all()
    assert set(np.unique(flat)) == {np.float32(0), np.float32(1) / np.float32(0.6)}
    assert (flat[:, 0] == 0).mean() == pytest.approx(0.4, abs=0.03)


def test_the_penalty_is_part_of_the_loss():
    model = cornu.Sequential([cornu.Input((500,)), L.ActivityRegularization(0.5, 0.1)])
    model.compile("sgd", "mse")
    loss = model.evaluate(X, X, batch_size=200, verbose=0)
    assert loss == pytest.approx(500 * (0.5 * 2 + 0.1 * 4), rel=1e-5)
