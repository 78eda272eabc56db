"""Models of all kinds, built by either library: this file is run by both.

`MODELS[kind](keras)` gives a model that is trained a little, where it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

if __package__:
    from tests.saving.course import train
    from tests.saving.own import own
else:  # in the process with real Keras
    from course import train
    from own import own

MODELS: dict[str, Callable[[Any], Any]] = {}
# Kinds that Keras itself does not read or train on JAX.
CORNU_ALONE = {"shared_across", "optimizer_averages"}


def model(function: Callable[..., Any]) -> Callable[..., Any]:
    MODELS[function.__name__] = function
    return function


# Sequential


def small(keras: Any, **compiled: Any) -> Any:
    layers = keras.layers
    found = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(2, "softmax")]
    )
    found.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return train(found)


@model
def sequential(keras: Any) -> Any:
    layers, init = keras.layers, keras.initializers
    found = keras.Sequential(
        [
            keras.Input((4,), name="entrance"),
            layers.Dense(
                5,
                activation=keras.activations.tanh,
                name="first",
                kernel_initializer=init.VarianceScaling(0.5, "fan_avg", "uniform"),
                bias_initializer=init.Constant(0.1),
                kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02),
                bias_regularizer="l2",
                activity_regularizer=keras.regularizers.L1(0.003),
                kernel_constraint=keras.constraints.MaxNorm(1.5, axis=0),
                bias_constraint="non_neg",
            ),
            layers.Dense(6, use_bias=False, kernel_initializer=init.Orthogonal()),
            layers.Reshape((3, 2)),
            layers.Dense(2, activation="leaky_relu"),
            layers.Flatten(),
            layers.Activation("elu"),
            layers.Dense(3, activation="softmax"),
        ],
        name="whole",
    )
    found.compile(
        keras.optimizers.Adam(0.01, clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return train(found)


@model
def dropout(keras: Any) -> Any:
    layers = keras.layers
    found = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dropout(0.5, seed=3),
            layers.Dense(5),
            layers.Dropout(0.25),
            layers.Dense(2),
        ]
    )
    found.compile("rmsprop", "mse")
    return train(found)


@model
def late(keras: Any) -> Any:
    """Built by the first data, and not by an Input."""
    found = keras.Sequential([keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    found.build((None, 4))
    found.compile("rmsprop", "mae")
    return train(found)


@model
def fixed_batch(keras: Any) -> Any:
    x = keras.Input(batch_shape=(4, 3), name="x")
    found = keras.Model(x, keras.layers.Dense(2)(x))
    found.compile("sgd", "mse")
    return train(found)


@model
def uncompiled(keras: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])


@model
def untrained(keras: Any) -> Any:
    found = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    found.compile("adam", "mse", metrics=["mae"])
    return found


# Functional


def two(keras: Any) -> Any:
    layers = keras.layers
    a, b = keras.Input((3,), name="b"), keras.Input((2, 3), name="a")
    flat = layers.Flatten()(b)
    both = layers.Concatenate()([layers.Dense(4, "relu")(a), flat])
    yes = layers.Dense(1, "sigmoid", name="yes")(both)
    what = layers.Dense(3, "softmax", name="what")(both)
    return a, b, yes, what


@model
def lists(keras: Any) -> Any:
    a, b, yes, what = two(keras)
    found = keras.Model([a, b], [yes, what], name="lists")
    found.compile(
        keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        ["binary_crossentropy", keras.losses.MeanSquaredError()],
        loss_weights=[0.3, 2.0],
        metrics=[["mae"], ["mse", keras.metrics.RootMeanSquaredError(name="root")]],
    )
    return train(found)


@model
def dicts(keras: Any) -> Any:
    a, b, yes, what = two(keras)
    found = keras.Model({"a": b, "b": a}, {"what": what, "yes": yes})
    found.compile(
        "adam",
        {"yes": keras.losses.BinaryCrossentropy(label_smoothing=0.1), "what": "mse"},
        loss_weights={"yes": 0.5, "what": 2.0},
        metrics={"yes": ["mae"], "what": [keras.metrics.MeanSquaredError(), "mae"]},
        weighted_metrics={"yes": ["mse"], "what": ["mae"]},
    )
    return train(found)


@model
def names(keras: Any) -> Any:
    """Losses by the names of the layers that make the outputs."""
    a, b, yes, what = two(keras)
    found = keras.Model([a, b], [yes, what])
    loss = {"what": "categorical_crossentropy", "yes": "mse"}
    found.compile("sgd", loss, metrics={"what": "accuracy"})
    return train(found)


@model
def nests(keras: Any) -> Any:
    a, b, yes, what = two(keras)
    return keras.Model([{"one": a, "two": b}], {"x": [yes, what], "y": what})


@model
def shared(keras: Any) -> Any:
    layers = keras.layers
    x, y = keras.Input((3,)), keras.Input((3,))
    one = layers.Dense(3, "tanh", name="same")
    twice = one(one(x))
    z = layers.Add()([twice, one(y)])
    found = keras.Model([x, y], [layers.Dense(2)(z), layers.Dense(2)(one(z))])
    found.compile("sgd", ["mse", "mse"])
    return train(found)


@model
def used_before(keras: Any) -> Any:
    """Layers that are called elsewhere too: numbers of calls are not those of Keras."""
    layers = keras.layers
    x, y = keras.Input((3,)), keras.Input((3,))
    one = layers.Dense(3, name="same")
    one(keras.Input((3,)))
    kept = one(y)
    one(keras.Input((3,)))
    found = keras.Model([x, y], layers.Dense(2)(layers.Multiply()([kept, one(x)])))
    found.compile("sgd", "mse")
    return train(found)


@model
def inner(keras: Any) -> Any:
    """Models inside models, of both kinds, four deep, and one used twice."""
    layers = keras.layers
    z = keras.Input((3,), name="z")
    deepest = keras.Sequential(
        [keras.Input((3,)), layers.Dense(3, "relu")], name="deepest"
    )
    deep = keras.Model(z, layers.Add()([deepest(z), z]), name="deep")
    middle = keras.Sequential([deep, layers.Dense(3, name="after")], name="middle")
    x = keras.Input((3,))
    y = middle(x)
    several = keras.Model(z, [layers.Dense(2)(z), layers.Dense(2, "tanh")(z)])
    p, q = several(y)
    again = middle(layers.Dense(3, name="wider")(q))
    found = keras.Model(x, layers.Subtract()([p, layers.Dense(2)(again)]))
    found.compile("rmsprop", "mse")
    return train(found)


@model
def shared_across(keras: Any) -> Any:
    """A model and a layer that are parts of two models of this one."""
    layers = keras.layers
    z = keras.Input((3,))
    dense = layers.Dense(3, name="both")
    deep = keras.Model(z, dense(z), name="deep")
    middle = keras.Sequential([deep, layers.Dense(3, name="after")], name="middle")
    x = keras.Input((3,))
    found = keras.Model(x, layers.Dense(2)(deep(middle(dense(deep(x))))))
    found.compile("rmsprop", "mse")
    return train(found)


@model
def functional_in_sequential(keras: Any) -> Any:
    x = keras.Input((4,))
    body = keras.Model(x, keras.layers.Dense(3, "relu")(x), name="body")
    found = keras.Sequential([keras.Input((4,)), body, keras.layers.Dense(2)])
    found.compile("sgd", "mse")
    return train(found)


@model
def dict_inside(keras: Any) -> Any:
    """A model inside that takes and gives dicts."""
    layers = keras.layers
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    out = {"s": layers.Dense(2)(a), "t": layers.Concatenate()([a, b])}
    within = keras.Model({"a": a, "b": b}, out)
    x = keras.Input((3,), name="x")
    found = within({"a": x, "b": layers.Dense(2)(x)})
    end = keras.Model(
        x, layers.Dense(1)(layers.Concatenate()([found["t"], found["s"]]))
    )
    end.compile("sgd", "mse")
    return train(end)


@model
def merging(keras: Any) -> Any:
    layers = keras.layers
    x, y = keras.Input((3,)), keras.Input((3,))
    a, b = layers.Dense(4)(x), layers.Dense(4, "tanh")(y)
    merged = [
        layers.Add()([a, b, a]),
        layers.Subtract()([a, b]),
        layers.Multiply()([a, b]),
        layers.Average()([a, b]),
        layers.Maximum()([a, b]),
        layers.Minimum()([a, b]),
        layers.Dot(axes=1, normalize=True)([a, b]),
        layers.add([a, b]),
    ]
    found = keras.Model([x, y], layers.Dense(2)(layers.Concatenate(axis=1)(merged)))
    found.compile("sgd", "mse")
    return train(found)


@model
def unused_input(keras: Any) -> Any:
    x, y = keras.Input((3,), name="x"), keras.Input((2,), name="y")
    return keras.Model([x, y], keras.layers.Dense(2)(x))


@model
def passed_through(keras: Any) -> Any:
    """An input that is an output too, and an output that comes twice."""
    x = keras.Input((3,), name="x")
    y = keras.layers.Dense(3)(x)
    return keras.Model(x, [x, y, y])


# Functions in the DAG


@model
def operators(keras: Any) -> Any:
    ops = keras.ops
    x = keras.Input((4,))
    y = keras.layers.Dense(4, name="d")(x)
    z = (x + y) * 2.0 - y / 3.0 + (1.0 - x) ** 2.0 - (-y)
    z = z * np.array([1.0, 2.0, 3.0, 4.0]) + ops.abs(x) + 2.0 / (ops.square(y) + 1.0)
    z = ops.concatenate([z[:, :2], ops.tanh(z)[:, 1:], z[..., None][:, 0]], axis=-1)
    z = ops.where(z > 0.5, z, 0.1 * z)
    found = keras.Model(x, keras.layers.Dense(2)(z))
    found.compile("sgd", "mse")
    return train(found)


@model
def functions(keras: Any) -> Any:
    ops = keras.ops
    x = keras.Input((2, 3), name="x")
    y = ops.transpose(x, (0, 2, 1))
    z = ops.matmul(x, y)
    z = ops.softmax(ops.relu(z), axis=1)
    z = ops.reshape(z, (-1, 4))
    parts = ops.split(z, 2, axis=1)
    top = ops.max(x, axis=(1, 2), keepdims=True)
    z = ops.stack([parts[1], parts[0]], axis=1) + top
    z = ops.sum(ops.expand_dims(z, 1), axis=[1, 2])
    z = ops.clip(z, -0.5, 0.5) + ops.mean(x, axis=1)[:, :2]
    z = ops.take(ops.pad(z, ((0, 0), (1, 1))), np.array([2, 1, 0]), axis=1)
    z = z + ops.logsumexp(y, axis=1)[:, :1] + ops.cast(x[:, 0, 0:1] > 0, "float64")
    found = keras.Model(x, keras.layers.Dense(2)(z))
    found.compile("sgd", "mse")
    return train(found)


# What is frozen


@model
def frozen(keras: Any) -> Any:
    layers = keras.layers
    deep = keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.Dense(3)])
    deep.layers[1].trainable = False
    z, x = keras.Input((3,)), keras.Input((3,))
    middle = keras.Model(z, layers.Dense(3)(layers.Dense(3, trainable=False)(z)))
    still = keras.Model(z, layers.Dense(3)(z))
    still.trainable = False
    first = layers.Dense(3, trainable=False)
    found = keras.Model(x, layers.Dense(2)(still(middle(deep(first(x))))))
    found.compile("adam", "mse")
    return train(found)


@model
def all_frozen(keras: Any) -> Any:
    found = small(keras)
    found.trainable = False
    found.compile("adam", "mse")
    return found


@model
def gan(keras: Any) -> Any:
    """A part that is compiled itself, and frozen in the whole."""
    layers = keras.layers
    judge = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)]
    )
    judge.compile(keras.optimizers.RMSprop(0.001), "mse")
    train(judge)
    judge.trainable = False
    x = keras.Input((2,))
    found = keras.Model(x, judge(layers.Dense(3)(x)))
    found.compile("adam", "mse")
    return train(found)


@model
def thawed(keras: Any) -> Any:
    """A model that says that it is trainable, of layers that are not."""
    found = small(keras)
    for layer in found.layers:
        layer.trainable = False
    found.layers[0].trainable = True
    found.compile("adam", "mse")
    return train(found)


# Classes and functions of the user's own


@model
def own_layers(keras: Any) -> Any:
    mine = own(keras)
    x = keras.Input((4,))
    y = mine["Scale"](0.5, keras.layers.Dense(4, name="within"))(x)
    y = mine["Registered"](3)(y)
    y = keras.layers.Dense(3, activation=mine["own_activation"])(y)
    y = keras.layers.Dense(2, kernel_regularizer=mine["own_regularizer"])(y)
    found = keras.Model(x, y)
    found.compile(
        "sgd",
        mine["own_loss"],
        metrics=[mine["OwnMetric"](2.0), mine["own_loss"]],
    )
    return train(found)


@model
def own_loss_object(keras: Any) -> Any:
    return small(keras, loss=own(keras)["OwnLoss"](3.0))


@model
def subclassed(keras: Any) -> Any:
    found = own(keras)["Net"](5, name="net")
    found.compile("rmsprop", "mse", metrics=["mae"])
    return train(found)


@model
def subclass_inside(keras: Any) -> Any:
    x = keras.Input((4,))
    found = keras.Model(x, keras.layers.Dense(2)(own(keras)["Net"](3)(x)))
    found.compile("sgd", "mse")
    return train(found)


@model
def named_lambda(keras: Any) -> Any:
    x = keras.Input((4,))
    layer = keras.layers.Lambda(own(keras)["doubled"], arguments={"by": 3.0})
    found = keras.Model(x, keras.layers.Dense(2)(layer(x)))
    found.compile("sgd", "mse")
    return train(found)


@model
def containers(keras: Any) -> Any:
    x = keras.Input((4,))
    found = keras.Model(x, keras.layers.Dense(2)(own(keras)["Containers"]()(x)))
    found.compile("sgd", "mse")
    return train(found)


@model
def kept(keras: Any) -> Any:
    x = keras.Input((4,))
    found = keras.Model(x, own(keras)["Kept"]()(keras.layers.Dense(2)(x)))
    found.compile("adam", "mse")
    return train(found)


@model
def tracking(keras: Any) -> Any:
    found = own(keras)["Tracking"](name="vae")
    found.compile("adam", "mse")
    return train(found)


# Optimizers, losses, metrics


def settings(name: str) -> dict[str, Any]:
    own = {
        "SGD": {"momentum": 0.9, "nesterov": True},
        "RMSprop": {"rho": 0.8, "momentum": 0.3, "centered": True},
        "Adam": {"beta_1": 0.8, "amsgrad": True},
    }
    return {"learning_rate": 0.02, **own.get(name, {})}


OPTIMIZERS = (
    "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Ftrl", "Lion",
    "Nadam", "Adafactor", "Lamb", "Muon",
)  # fmt: skip
SCHEDULES = {
    "ExponentialDecay": (0.1, 2, 0.9, True),
    "PiecewiseConstantDecay": ([2, 4], [0.1, 0.05, 0.01]),
    "PolynomialDecay": (0.1, 10, 0.001, 2.0),
    "InverseTimeDecay": (0.1, 3, 0.5),
    "CosineDecay": (0.1, 10, 0.1),
    "CosineDecayRestarts": (0.1, 5),
}


def with_optimizer(name: str, **more: Any) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        made = getattr(keras.optimizers, name)(**settings(name), **more)
        return small(keras, optimizer=made)

    return make


def with_schedule(name: str) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        schedule = getattr(keras.optimizers.schedules, name)(*SCHEDULES[name])
        return small(keras, optimizer=keras.optimizers.SGD(schedule, momentum=0.5))

    return make


for _name in OPTIMIZERS:
    MODELS[f"optimizer_{_name}"] = with_optimizer(_name)
for _name in SCHEDULES:
    MODELS[f"schedule_{_name}"] = with_schedule(_name)
MODELS["optimizer_averages"] = with_optimizer(
    "Adam", use_ema=True, ema_momentum=0.9, weight_decay=0.01, clipvalue=0.1
)
MODELS["optimizer_accumulates"] = with_optimizer("SGD", gradient_accumulation_steps=2)


@model
def losses_and_metrics(keras: Any) -> Any:
    metrics = keras.metrics
    return small(
        keras,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=[
            "accuracy",
            metrics.CategoricalAccuracy(name="right"),
            metrics.TopKCategoricalAccuracy(k=1),
            "kl_divergence",
            keras.losses.MeanAbsoluteError(),
            metrics.MeanMetricWrapper(keras.losses.mean_squared_error, name="wrapped"),
        ],
        weighted_metrics=["mse", metrics.CosineSimilarity(axis=-1)],
    )
