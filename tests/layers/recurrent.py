"""Sequences, masks and kinds that the tests of recurrent layers share."""

import numpy as np

import cornu
from cornu import layers as L
from cornu import ops
from cornu.graph import Spec, trace
from cornu.graph.tensor import set_keras_mask

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 6, 4)).astype("float32")
LENGTHS = [6, 2, 4]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]
KINDS = [L.SimpleRNN, L.GRU, L.LSTM]
CELLS = [L.SimpleRNNCell, L.GRUCell, L.LSTMCell]
IMAGES = RNG.normal(size=(2, 3, 5, 4, 2)).astype("float32")


def same(a, b, places=1e-5):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=places, atol=places)


def carrying(x, mask):
    x = ops.array(x)
    set_keras_mask(x, ops.array(mask))
    return x


class Leaky(L.Layer):
    """Two states in a nest, and an output that is none of them."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, [units]]
        self.output_size = 2 * units

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def get_initial_state(self, batch_size=None):
        return [ops.ones((batch_size, self.units)), [ops.zeros((batch_size, 3))]]

    def call(self, inputs, states):
        h, (n,) = states
        h = 0.5 * h + ops.tanh(inputs @ self.kernel)
        return ops.concatenate([h * 2.0, n], -1), [h, [n + 1.0]]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Sum:
    """No layer: an object with what a cell has."""

    state_size = 4

    def call(self, inputs, states):
        total = states[0] + inputs
        return total, total


def counted(layer, mask=False, gradient=True, **call):
    """How often each operation is in the graph of a layer and its gradients."""
    layer.build((3, 6, 4))

    def step(x, counts):
        with cornu.GradientTape() as tape:
            y = layer(x, mask=counts if mask else None, **call)
            total = ops.sum(ops.square(y))
        return tape.gradient(total, layer.trainable_weights) if gradient else y

    specs = Spec((3, 6, 4), "float32"), Spec((3, 6), "bool")
    return trace(step, specs)
