"""Cornu, and Keras on each of its back ends: one script for both."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.works import Work

LOSSES = {"reviews": "binary_crossentropy", "lstm": "binary_crossentropy"}
LOSSES |= {"gru": "binary_crossentropy", "houses": "mse"}


def _keras() -> Any:
    if "KERAS_BACKEND" in os.environ:
        import keras

        return keras
    import cornu

    return cornu


def make(work: Work, x: Any, y: np.ndarray) -> Callable[[], float | None] | None:
    """The work as a user of Keras writes it."""
    keras = _keras()
    keras.utils.set_random_seed(0)
    model = _NETWORKS[work.network](keras)
    loss = LOSSES.get(work.network, "categorical_crossentropy")
    metric = "mae" if work.network == "houses" else "accuracy"
    model.compile("rmsprop", loss, metrics=[metric])
    row = x[:1]
    if work.kind == "predict":
        return _repeated(work, lambda: model.predict(row, verbose=0), np.asarray)
    if work.kind == "call":
        return _repeated(work, lambda: model(row), keras.ops.convert_to_numpy)
    if work.kind == "tape":
        return _tape(work, keras, x, y)

    def fit() -> float:
        history = model.fit(x, y, batch_size=work.batch, epochs=1, verbose=0)
        return history.history["loss"][-1]

    return fit


def _repeated(
    work: Work, call: Callable[[], Any], read: Callable[[Any], Any]
) -> Callable[[], None]:
    def run() -> None:
        for _ in range(work.calls):
            found = call()
        read(found)  # what computes in the background has to be done

    return run


def _tape(work: Work, keras: Any, x: Any, y: np.ndarray) -> Any:
    if "KERAS_BACKEND" in os.environ or "CORNU_ENGINE" in os.environ:
        return None  # each back end has a loop of its own
    layers = keras.layers
    model = keras.Sequential([keras.Input((784,)), layers.Dense(512, "relu")])
    model.add(layers.Dense(10))
    optimizer = keras.optimizers.RMSprop(1e-3)
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True)

    def loop() -> float:
        for start in range(0, len(x), work.batch):
            with keras.GradientTape() as tape:
                logits = model(x[start : start + work.batch], training=True)
                loss = loss_of(y[start : start + work.batch], logits)
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply(gradients, model.trainable_weights)
        return float(loss)

    return loop


def _mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _convnet(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _reviews(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((10_000,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def _recurrent(keras: Any, layer: str) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((200,), dtype="int32"),
            layers.Embedding(10_000, 32),
            getattr(layers, layer)(32),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def _transformer(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((64, 128))
    attended = layers.MultiHeadAttention(4, 32)(x, x)
    a = layers.LayerNormalization()(x + attended)
    b = layers.Dense(128)(layers.Dense(512, activation="relu")(a))
    b = layers.LayerNormalization()(a + b)
    pooled = layers.GlobalAveragePooling1D()(b)
    return keras.Model(x, layers.Dense(10, activation="softmax")(pooled))


def _houses(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((13,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(1),
        ]
    )


_NETWORKS: dict[str, Callable[[Any], Any]] = {
    "mlp": _mlp,
    "convnet": _convnet,
    "reviews": _reviews,
    "lstm": lambda keras: _recurrent(keras, "LSTM"),
    "gru": lambda keras: _recurrent(keras, "GRU"),
    "transformer": _transformer,
    "houses": _houses,
}
