"""Classes and functions of the user's own, for either library: run by both."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np


@functools.cache
def own(keras: Any) -> dict[str, Any]:
    """What the custom models are made of, by name."""
    scale = _scale(keras)
    return {
        "Scale": scale,
        "Net": _net(keras, scale),
        "Containers": _containers(keras, scale),
        "Kept": _kept(keras),
        "Tracking": _tracking(keras),
        **_registered(keras),
        **_functions(keras),
        **_losses(keras),
    }


def _scale(keras: Any) -> Any:
    layers = keras.layers

    class Scale(layers.Layer):
        def __init__(self, start=1.0, inner=None, **kwargs):
            super().__init__(**kwargs)
            self.start = start
            self.inner = inner

        def build(self, input_shape):
            self.factor = self.add_weight(
                shape=(input_shape[-1],),
                initializer=keras.initializers.Constant(self.start),
                name="factor",
            )
            self.fixed = self.add_weight(
                shape=(), initializer="ones", trainable=False, name="fixed"
            )
            if self.inner is not None and not self.inner.built:
                self.inner.build(input_shape)
            self.built = True

        def call(self, inputs):
            x = inputs if self.inner is None else self.inner(inputs)
            return x * self.factor + self.fixed

        def compute_output_shape(self, input_shape):
            return input_shape

        def get_config(self):
            config = {**super().get_config(), "start": self.start}
            config["inner"] = keras.saving.serialize_keras_object(self.inner)
            return config

        @classmethod
        def from_config(cls, config):
            config["inner"] = keras.saving.deserialize_keras_object(config["inner"])
            return cls(**config)

    return Scale


def _registered(keras: Any) -> dict[str, Any]:
    ops, layers = keras.ops, keras.layers

    @keras.saving.register_keras_serializable("zoo")
    class Registered(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def build(self, input_shape):
            self.dense.build(input_shape)
            self.built = True

        def call(self, inputs):
            return own_activation(self.dense(inputs))

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.units)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    @keras.saving.register_keras_serializable("zoo", name="bent")
    def own_activation(x):
        return ops.tanh(x) + 0.1 * x

    return {"Registered": Registered, "own_activation": own_activation}


def _net(keras: Any, Scale: Any) -> Any:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, width=3, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.start = layers.Dense(width)
            self.blocks = [layers.Dense(width, "relu"), Scale(0.5)]
            self.heads = {"out": layers.Dense(2), "other": layers.Dense(2)}

        def build(self, input_shape):
            self.start.build(input_shape)
            for each in (*self.blocks, *self.heads.values()):
                each.build((None, self.width))
            self.built = True

        def call(self, inputs):
            x = self.start(inputs)
            for block in self.blocks:
                x = block(x)
            return self.heads["out"](x) - self.heads["other"](x)

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    return Net


def _containers(keras: Any, Scale: Any) -> Any:
    layers = keras.layers

    class Containers(layers.Layer):
        """Layers in lists of lists, in a dict, and behind a property."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.nest = [[layers.Dense(3)], {"b": layers.Dense(3), "a": [Scale()]}]
            self.some = (layers.Dense(3), [layers.Dense(3), layers.Dense(3)])
            self._hidden = layers.Dense(3)
            self.names = ["x", ["y"]]

        @property
        def first(self):
            return self._hidden

        @property
        def broken(self):
            raise RuntimeError("not now")

        def every(self):
            (a,), others = self.nest
            b, (c, d) = self.some
            return [a, others["b"], others["a"][0], b, c, d, self._hidden]

        def build(self, input_shape):
            for i, layer in enumerate(self.every()):
                layer.build(input_shape if i == 0 else (*input_shape[:-1], 3))
            self.built = True

        def call(self, inputs):
            for layer in self.every():
                inputs = layer(inputs)
            return inputs

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 3)

    return Containers


def _kept(keras: Any) -> Any:
    layers = keras.layers

    class Kept(layers.Layer):
        """Says itself what files keep of it."""

        def build(self, input_shape):
            self.factor = self.add_weight(shape=(), initializer="ones", name="f")
            self.built = True

        def call(self, inputs):
            return inputs * self.factor

        def save_own_variables(self, store):
            store["half"] = np.asarray(self.factor) / 2

        def load_own_variables(self, store):
            self.factor.assign(np.asarray(store["half"]) * 2)

    return Kept


def _tracking(keras: Any) -> Any:
    layers = keras.layers

    class Tracking(keras.Model):
        """As the book's VAE: metrics and losses of its own."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.tracker = keras.metrics.Mean(name="tracked")
            self.encoder = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
            self.decoder = layers.Dense(2)

        def build(self, input_shape):
            self.decoder.build((None, 2))
            self.built = True

        def call(self, inputs):
            return self.decoder(self.encoder(inputs))

        @classmethod
        def from_config(cls, config):
            return cls(name=config["name"])

    return Tracking


def _functions(keras: Any) -> dict[str, Any]:
    ops = keras.ops

    def doubled(x, by=2.0):
        return x * by

    def own_loss(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred) * 3.0, axis=-1)

    def own_regularizer(x):
        return 0.01 * ops.sum(ops.abs(x))

    return {
        "doubled": doubled,
        "own_loss": own_loss,
        "own_regularizer": own_regularizer,
    }


def _losses(keras: Any) -> dict[str, Any]:
    ops = keras.ops

    class OwnLoss(keras.losses.Loss):
        def __init__(self, power=2.0, **kwargs):
            super().__init__(**kwargs)
            self.power = power

        def call(self, y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred) ** self.power, axis=-1)

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    class OwnMetric(keras.metrics.Metric):
        def __init__(self, scale=1.0, name="own", **kwargs):
            super().__init__(name=name, **kwargs)
            self.scale = scale
            self.total = self.add_weight(shape=(), initializer="zeros", name="total")

        def update_state(self, y_true, y_pred, sample_weight=None):
            gap = ops.sum(ops.cast(y_true, "float64") - ops.cast(y_pred, "float64"))
            self.total.assign(self.total + ops.cast(gap * self.scale, self.dtype))

        def result(self):
            return self.total * 1.0

        def get_config(self):
            return {**super().get_config(), "scale": self.scale}

    return {"OwnLoss": OwnLoss, "OwnMetric": OwnMetric}
