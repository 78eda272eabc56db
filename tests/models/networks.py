"""Networks to list and draw, made with Cornu or with real Keras.

As a script it prints what real Keras says of them (`KERAS_BACKEND=numpy`).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any


def chain(keras: Any, n: int = 30) -> Any:
    """Layers one after the other."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((784,))], name="chain")
    for i in range(n - 1):
        model.add(layers.Dense(64 + i, "relu") if i % 3 else layers.Dropout(0.2))
    model.add(layers.Dense(10, "softmax", name="classes"))
    return model


def compiled(keras: Any) -> Any:
    """With an optimizer that has state."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((784,)), layers.Dense(512, "relu"), layers.Dense(10)]
    )
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def functional_chain(keras: Any) -> Any:
    """A chain that shows its input."""
    x = y = keras.Input((4, 5))
    for layer in (keras.layers.Flatten(), keras.layers.Dense(3)):
        y = layer(y)
    return keras.Model(x, y, name="plain")


def inception(keras: Any, blocks: int = 1) -> Any:
    """Branches of different length side by side."""
    layers = keras.layers
    x = y = keras.Input((28, 28, 192), name="images")
    for i in range(blocks):
        one = layers.Dense(24, "relu", name=f"b1_1x1_{i}")(y)
        two = layers.Dense(24, "relu", name=f"b2_1x1_{i}")(y)
        two = layers.Dense(48, "relu", name=f"b2_3x3_{i}")(two)
        three = layers.Dense(12, "relu", name=f"b3_1x1_{i}")(y)
        three = layers.Dense(24, "relu", name=f"b3_3x3_{i}")(three)
        three = layers.Dense(24, "relu", name=f"b3_last_{i}")(three)
        four = layers.Dropout(0.1, name=f"b4_pool_{i}")(y)
        four = layers.Dense(24, "relu", name=f"b4_1x1_{i}")(four)
        y = layers.concatenate([one, two, three, four], name=f"mixed_{i}")
    y = layers.Dense(10, "softmax", name="classes")(y)
    return keras.Model(x, y, name="inception")


def siamese(keras: Any) -> Any:
    """One tower for two inputs, and operations on what it gives."""
    layers, ops = keras.layers, keras.ops
    left, right = keras.Input((784,), name="left"), keras.Input((784,), name="right")
    tower = keras.Sequential(
        [keras.Input((784,)), layers.Dense(128, "relu"), layers.Dense(64)], name="tower"
    )
    apart = ops.square(tower(left) - tower(right))
    apart = ops.sqrt(ops.sum(apart, axis=1, keepdims=True))
    same = layers.Dense(1, "sigmoid", name="same")(apart)
    return keras.Model([left, right], same, name="siamese")


def tickets(keras: Any) -> Any:
    """Two inputs and three outputs."""
    layers = keras.layers
    title, body = keras.Input((100,), name="title"), keras.Input((1000,), name="body")
    one = layers.Dense(64, "relu", name="title_features")(title)
    two = layers.Dense(64, "relu", name="body_hidden")(body)
    two = layers.Dense(32, "relu", name="body_features")(two)
    both = layers.concatenate([one, two], name="features")
    deep = layers.Dense(64, "relu", name="deep")(both)
    deep = layers.add([deep, layers.Dense(64, name="short")(both)], name="residual")
    outputs = [
        layers.Dense(1, "sigmoid", name="priority")(deep),
        layers.Dense(4, "softmax", name="department")(deep),
        two,
    ]
    return keras.Model([title, body], outputs, name="tickets")


def nested(keras: Any) -> Any:
    """Models in a model, one of them in another one, one with two outputs."""
    layers = keras.layers
    z = keras.Input((16,), name="z")
    up = layers.Dense(16, name="up2")(layers.Dense(32, "relu", name="up1")(z))
    skip = layers.Dense(16, name="skip")(z)
    total = layers.add([up, skip], name="sum")
    generator = keras.Model(z, [total, skip], name="generator")
    innermost = keras.Sequential(
        [keras.Input((8,)), layers.Dense(4, name="in1"), layers.Dense(4, name="in2")],
        name="innermost",
    )
    critic = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(8, name="first"),
            innermost,
            layers.Dense(1, "sigmoid", name="last"),
        ],
        name="critic",
    )
    noise = keras.Input((16,), name="noise")
    image, rest = generator(noise)
    outputs = [critic(image), layers.Dense(3, name="other")(rest)]
    return keras.Model(noise, outputs, name="gan")


def residual(keras: Any, blocks: int = 4) -> Any:
    """Shortcuts around two layers."""
    layers = keras.layers
    x = y = keras.Input((32,), name="x")
    for _ in range(blocks):
        inner = layers.Dense(32)(layers.Dense(32, "relu")(y))
        y = layers.add([y, inner])
    return keras.Model(x, layers.Dense(2)(y), name="residual")


def recurrent(keras: Any) -> Any:
    """A layer whose output comes back to it, and one that is called on itself."""
    layers = keras.layers
    x = keras.Input((8,), name="x")
    shared, twice = layers.Dense(8, name="shared"), layers.Dense(8, name="twice")
    y = shared(layers.Dense(8, name="between")(shared(x)))
    return keras.Model(x, twice(twice(y)), name="recurrent")


def pair(keras: Any) -> Any:
    """A model of two inputs and three outputs, called twice; names to be escaped."""
    layers = keras.layers
    a, b = keras.Input((4,), name="user_<id>"), keras.Input((3,), name="$item$")
    x, y = layers.Dense(4, name="a&b")(a), layers.Dense(4, name='"q"')(b)
    outputs = [layers.multiply([x, y]), layers.add([x, y]), x]
    encoder = keras.Model([a, b], outputs, name="encoder")
    p, q, r = (
        keras.Input((n,), name=name) for n, name in ((4, "p"), (3, "q"), (3, "r"))
    )
    one, two = encoder([p, q]), encoder([p, r])
    joined = layers.concatenate([one[0], two[1], one[2]], name="joined")
    frozen = layers.Dense(2, "tanh", trainable=False, name="frozen")(joined)
    return keras.Model([p, q, r], {"out": frozen, "mid": one[2]}, name="pair")


def unbuilt(keras: Any) -> Any:
    """Without a shape of its input."""
    return keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(2)])


def subclassed(keras: Any) -> Any:
    """A class, called on data."""
    import numpy as np

    class Twice(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = keras.layers.Dense(3)
            self.heads = [keras.layers.Dense(4)]

        def call(self, x: Any) -> Any:
            return self.heads[0](self.hidden(x))

    model = Twice()
    model(np.zeros((2, 3), "float32"))
    return model


NETWORKS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        *(chain, compiled, functional_chain, inception, siamese, tickets, nested),
        *(residual, recurrent, pair, unbuilt, subclassed),
    )
}


def texts(keras: Any) -> dict[str, str]:
    """Summaries of all networks, in lines that are long enough for them."""
    found: dict[str, str] = {}
    for name, network in NETWORKS.items():
        for nested_too, trainable in ((False, False), (False, True), (True, True)):
            keras.utils.clear_session()
            parts: list[str] = []
            network(keras).summary(
                line_length=160,
                print_fn=parts.append,
                expand_nested=nested_too,
                show_trainable=trainable,
            )
            found[f"{name}-{nested_too:d}{trainable:d}"] = "".join(parts)
    return found


def signatures(keras: Any) -> dict[str, list[list[str]]]:
    """Arguments and their defaults."""
    found = {}
    utils = keras.utils
    for function in (utils.plot_model, utils.model_to_dot, keras.Model.summary):
        parameters = inspect.signature(function).parameters.values()
        found[function.__name__] = [
            [p.name, str(p.kind), "" if p.default is p.empty else repr(p.default)]
            for p in parameters
        ]
    return found


if __name__ == "__main__":
    import keras

    print(json.dumps({"texts": texts(keras), "signatures": signatures(keras)}))
