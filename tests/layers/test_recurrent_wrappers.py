"""TimeDistributed and Bidirectional: what has no reference."""

import numpy as np
import pytest

from cornu import layers as L
from cornu import ops
from tests.layers.recurrent import MASK, X, counted, same

RNG = np.random.default_rng(5)


def test_each_step_has_the_same_weights():
    dense = L.Dense(2, activation="tanh")
    y = L.TimeDistributed(dense)(X)
    same(y, np.stack([dense(X[:, t]) for t in range(6)], 1))
    count = counted(L.TimeDistributed(L.Dense(2)), gradient=False).count()
    assert count["dot_general"] == 1  # all steps in one product


def test_what_learns_from_its_batch_does_it_step_by_step():
    """As in Keras 3: each step is a batch."""
    layer = L.TimeDistributed(L.BatchNormalization(momentum=0.5))
    y = np.asarray(layer(X, training=True))
    for t in range(6):
        spread = np.sqrt(X[:, t].var(0) + 1e-3)
        same(y[:, t], (X[:, t] - X[:, t].mean(0)) / spread, 1e-4)
    mean = np.zeros(4)
    for t in range(6):
        mean = 0.5 * mean + 0.5 * X[:, t].mean(0)
    same(layer.layer.moving_mean, mean)
    same(layer(X, training=False)[:, 2], layer.layer(X[:, 2]))


def test_a_layer_of_ones_own_sees_a_step_at_a_time():
    class Centered(L.Layer):
        def call(self, inputs, mask=None):
            return inputs - ops.mean(inputs, 0) + (0 if mask is None else mask[:, None])

    layer = L.TimeDistributed(Centered())
    same(layer(X), X - X.mean(0))
    same(layer(X, mask=ops.array(MASK)), X - X.mean(0) + MASK[..., None])


def test_a_stateful_layer_in_time():
    x = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    inner = L.LSTM(3, stateful=True)
    y = L.TimeDistributed(inner)(x)
    plain = L.LSTM(3)
    plain.build((2, None, 5))
    plain.set_weights(inner.get_weights())
    same(y[:, 2], plain(x.reshape(2, 12, 5)))


def test_the_penalty_of_a_layer_in_time_counts():
    """Keras loses it."""
    layer = L.TimeDistributed(L.Dense(2, activity_regularizer="l2"))
    y = np.asarray(layer(X))
    assert float(layer.losses[0]) == pytest.approx(0.01 * (y**2).sum() / 18, rel=1e-5)
    rnn = L.SimpleRNN(3, activity_regularizer="l2")  # which Keras leaves away here
    y = np.asarray(rnn(X))
    assert float(rnn.losses[0]) == pytest.approx(0.01 * (y**2).sum() / 3, rel=1e-5)
    assert rnn.get_config()["activity_regularizer"]["class_name"] == "L2"
    assert L.SimpleRNN(3, seed=4).get_config()["seed"] == 4  # neither does Keras


def test_both_directions_begin_with_given_weights():
    made = L.Bidirectional(L.GRU(3))
    made(X)
    values = [RNG.normal(size=w.shape).astype("f") for w in made.get_weights()]
    again = L.Bidirectional(L.GRU(3), weights=values)
    again(X)
    for a, b in zip(again.get_weights(), values, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [w.shape for w in values[:3]] == [w.shape for w in values[3:]]
    forward, backward = made.forward_layer, made.backward_layer
    assert not np.allclose(forward.cell.kernel, backward.cell.kernel)


def half(x):
    return x * 0.5


def test_functions_of_ones_own_go_in_both_directions():
    layer = L.LSTM(3, activation=half, recurrent_activation=half)
    both = L.Bidirectional(layer)
    assert both(X).shape == (3, 6)
    assert both.backward_layer.activation is half
