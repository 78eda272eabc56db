"""What `trainable` says of layers and of their weights."""

import numpy as np
import pytest

import cornu
from cornu import layers
from tests.training.networks import message


class Inner(layers.Layer):
    def build(self, input_shape):
        self.a = self.add_weight((), "ones")
        self.b = self.add_weight((), "ones", trainable=False)
        self.seed = cornu.random.SeedGenerator(1)

    def call(self, x):
        return x


class Outer(Inner):
    def build(self, input_shape):
        super().build(input_shape)
        self.inner = Inner()
        self.inner.build(None)


def counts(layer):
    return (
        len(layer.trainable_weights),
        len(layer.trainable_variables),
        len(layer.non_trainable_weights),
        len(layer.non_trainable_variables),
    )


@pytest.mark.parametrize("first", [True, False])
def test_the_weights_say_whether_their_layer_is_trained(first):
    layer = Outer(trainable=first)
    layer.build(None)
    layer.inner.trainable = first
    for now in (first, not first, first):
        layer.trainable = now
        assert counts(layer) == ((2, 2, 2, 4) if now else (0, 0, 4, 6))
        of_each = [layer.a.trainable, layer.inner.a.trainable]
        assert of_each == [now, now]
        assert not layer.b.trainable
        assert not layer.inner.b.trainable
    layer.trainable = True
    layer.a.trainable = False  # one weight alone
    assert counts(layer)[0] == 1
    assert layer.inner.a.trainable


def test_a_layer_that_is_frozen_is_written_as_before(tmp_path):
    model = cornu.Sequential([cornu.Input((2,)), layers.BatchNormalization()])
    layer = model.layers[0]
    model.set_weights([np.full(2, n) for n in (1.0, 2.0, 3.0, 4.0)])
    layer.trainable = False
    model.save_weights(tmp_path / "w.weights.h5")
    again = cornu.Sequential([cornu.Input((2,)), layers.BatchNormalization()])
    again.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(again.layers[0].gamma, [1.0, 1.0])
    np.testing.assert_array_equal(again.layers[0].moving_variance, [4.0, 4.0])


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_trainable_is_true_or_false(value):
    assert "Expected True or False" in message(layers.Dense, 2, trainable=value)


@pytest.mark.parametrize(("rows", "penalty"), [(0, 0.0), (1, 0.2), (5, 0.2)])
def test_the_penalty_on_an_output_is_the_mean_over_the_batch(rows, penalty):
    layer = layers.Activation("linear", activity_regularizer="l2")
    layer(np.full((rows, 5), 2.0, "float32"))  # 0.01 * 5 * 2²
    assert [float(x) for x in layer.losses] == pytest.approx([penalty])


def test_a_list_that_holds_itself():
    class Around(cornu.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(2)]
            self.blocks.append(self.blocks)

        def call(self, x):
            return self.blocks[0](x)

    model = Around()
    model(np.ones((1, 3), "float32"))
    assert len(model.weights) == 2
