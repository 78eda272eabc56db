# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""The networks by hand in TensorFlow: variables, a tape, one tf.function per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

BATCH = 128


def _weights(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [tf.Variable(rng.normal(0, 0.05, s).astype("float32")) for s in shapes]


def _epoch(
    weights: list[Any], x: Any, y: Any, forward: Any, loss_of: Any, hits_of: Any
) -> Callable[[], None]:
    squares = [tf.Variable(tf.zeros_like(w)) for w in weights]
    total, hits = tf.Variable(0.0), tf.Variable(0)
    x, y = tf.constant(x), tf.constant(y)

    @tf.function
    def step(rows: Any) -> None:
        a, b = tf.gather(x, rows), tf.gather(y, rows)
        with tf.GradientTape() as tape:
            p = forward(a)
            loss = tf.reduce_mean(loss_of(b, p))
        found = tape.gradient(loss, weights)
        for w, v, g in zip(weights, squares, found, strict=True):
            g = tf.convert_to_tensor(g)
            v.assign(0.9 * v + 0.1 * g * g)
            w.assign_sub(1e-3 * g / tf.sqrt(v + 1e-7))
        total.assign_add(loss)
        hits.assign_add(hits_of(p, b))

    def run() -> None:
        order = tf.random.shuffle(tf.range(len(x)))
        for start in range(0, len(x), BATCH):
            step(order[start : start + BATCH])
        float(total), int(hits)

    return run


def _classes_hit(p: Any, b: Any) -> Any:
    return tf.reduce_sum(tf.cast(tf.argmax(p, -1) == tf.argmax(b, -1), tf.int32))


def _of_classes(weights: Any, x: Any, y: Any, forward: Any) -> Callable[[], None]:
    loss_of = tf.nn.softmax_cross_entropy_with_logits
    return _epoch(weights, x, y, forward, loss_of, _classes_hit)


def dense(x: Any, y: Any) -> Callable[[], None]:
    """Two layers."""
    k1, b1, k2, b2 = weights = _weights((784, 512), (512,), (512, 10), (10,))
    return _of_classes(weights, x, y, lambda a: tf.nn.relu(a @ k1 + b1) @ k2 + b2)


def convnet(x: Any, y: Any) -> Callable[[], None]:
    """Three convolutions."""
    weights = _weights(
        (3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (3, 3, 64, 64), (64,),
        (576, 64), (64,), (64, 10), (10,),
    )  # fmt: skip

    def layer(a: Any, i: int) -> Any:
        a = tf.nn.conv2d(a, weights[i], 1, "VALID")
        return tf.nn.relu(tf.nn.bias_add(a, weights[i + 1]))

    def forward(a: Any) -> Any:
        a = tf.nn.max_pool2d(layer(a, 0), 2, 2, "VALID")
        a = layer(tf.nn.max_pool2d(layer(a, 2), 2, 2, "VALID"), 4)
        a = tf.nn.relu(tf.reshape(a, (-1, 576)) @ weights[6] + weights[7])
        return a @ weights[8] + weights[9]

    return _of_classes(weights, x, y, forward)


def lstm(x: Any, y: Any) -> Callable[[], None]:
    """An embedding, and a loop over the steps of an LSTM."""
    words, kernel, recurrent, bias, k, b = weights = _weights(
        (10_000, 32), (32, 128), (32, 128), (128,), (32, 1), (1,)
    )

    def forward(a: Any) -> Any:
        z = tf.transpose(tf.gather(words, a), (1, 0, 2))
        z = tf.reshape(tf.reshape(z, (-1, 32)) @ kernel + bias, (-1, len(a), 128))
        steps = tf.TensorArray(tf.float32, len(z)).unstack(z)

        def step(t: Any, h: Any, c: Any) -> Any:
            parts = tf.split(steps.read(t) + h @ recurrent, 4, 1)
            i, f, o = map(tf.sigmoid, (parts[0], parts[1], parts[3]))
            c = f * c + i * tf.tanh(parts[2])
            return t + 1, o * tf.tanh(c), c

        zero = tf.zeros((BATCH, 32))
        h = tf.while_loop(lambda t, h, c: t < len(z), step, (0, zero, zero))[1]
        return h @ k + b

    return _epoch(
        weights,
        x,
        y,
        forward,
        lambda b, p: tf.nn.sigmoid_cross_entropy_with_logits(b, p),
        lambda p, b: tf.reduce_sum(tf.cast((p > 0) == (b > 0.5), tf.int32)),
    )
