"""The networks by hand in JAX: an epoch is one `lax.scan` over shuffled rows.

But for convolutions: in a loop they take ten times as long on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

BATCH = 128


def _weights(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.normal(0, 0.05, s).astype("float32")) for s in shapes]


def _epoch(
    weights: list[Any],
    x: Any,
    y: Any,
    forward: Any,
    loss_of: Any,
    hits_of: Any,
    scan: bool = True,
) -> Callable[[], None]:
    rng = np.random.default_rng(0)
    squares = [jnp.zeros_like(w) for w in weights]
    x, y = jnp.asarray(x), jnp.asarray(y)

    def loss_and_hits(weights: Any, a: Any, b: Any) -> Any:
        p = forward(weights, a)
        return loss_of(p, b).mean(), hits_of(p, b)

    def step(carry: Any, rows: Any) -> Any:
        weights, squares, total, hits = carry
        (loss, right), g = jax.value_and_grad(loss_and_hits, has_aux=True)(
            weights, x[rows], y[rows]
        )
        squares = [0.9 * v + 0.1 * d * d for v, d in zip(squares, g, strict=True)]
        weights = [
            w - 1e-3 * d / jnp.sqrt(v + 1e-7)
            for w, d, v in zip(weights, g, squares, strict=True)
        ]
        return (weights, squares, total + loss, hits + right), None

    one = jax.jit(step, donate_argnums=0)

    @jax.jit
    def whole(carry: Any, order: Any) -> Any:
        return lax.scan(step, carry, order)

    def run() -> None:
        nonlocal weights, squares
        order = rng.permutation(len(x)).astype("int32")
        order = order[: len(x) // BATCH * BATCH].reshape(-1, BATCH)
        carry = weights, squares, jnp.zeros(()), jnp.zeros((), jnp.int32)
        if scan:
            carry, _ = whole(carry, jnp.asarray(order))
        else:
            for rows in order:
                carry, _ = one(carry, rows)
        weights, squares, total, hits = carry
        float(total), int(hits)

    return run


def _of_classes(
    weights: Any, x: Any, y: Any, forward: Any, scan: bool = True
) -> Callable[[], None]:
    return _epoch(
        weights,
        x,
        y,
        forward,
        lambda p, b: -(b * jax.nn.log_softmax(p)).sum(-1),
        lambda p, b: (p.argmax(-1) == b.argmax(-1)).sum(),
        scan,
    )


def dense(x: Any, y: Any) -> Callable[[], None]:
    """Two layers."""

    def forward(weights: Any, a: Any) -> Any:
        k1, b1, k2, b2 = weights
        return jax.nn.relu(a @ k1 + b1) @ k2 + b2

    weights = _weights((784, 512), (512,), (512, 10), (10,))
    return _of_classes(weights, x, y, forward)


def convnet(x: Any, y: Any) -> Callable[[], None]:
    """Three convolutions."""

    def layer(weights: Any, a: Any, i: int) -> Any:
        order = ("NHWC", "HWIO", "NHWC")
        a = lax.conv_general_dilated(
            a, weights[i], (1, 1), "VALID", dimension_numbers=order
        )
        return jax.nn.relu(a + weights[i + 1])

    def pool(a: Any) -> Any:
        window = (1, 2, 2, 1)
        return lax.reduce_window(a, -jnp.inf, lax.max, window, window, "VALID")

    def forward(weights: Any, a: Any) -> Any:
        a = pool(layer(weights, a, 0))
        a = layer(weights, pool(layer(weights, a, 2)), 4)
        a = jax.nn.relu(a.reshape(-1, 576) @ weights[6] + weights[7])
        return a @ weights[8] + weights[9]

    weights = _weights(
        (3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (3, 3, 64, 64), (64,),
        (576, 64), (64,), (64, 10), (10,),
    )  # fmt: skip
    return _of_classes(weights, x, y, forward, scan=False)


def lstm(x: Any, y: Any) -> Callable[[], None]:
    """An embedding, and a scan over the steps of an LSTM."""

    def forward(weights: Any, a: Any) -> Any:
        words, kernel, recurrent, bias, k, b = weights
        z = words[a].swapaxes(0, 1) @ kernel + bias

        def step(carry: Any, z: Any) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(z + h @ recurrent, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((a.shape[0], 32))
        return lax.scan(step, (zero, zero), z)[0][0] @ k + b

    weights = _weights((10_000, 32), (32, 128), (32, 128), (128,), (32, 1), (1,))
    return _epoch(
        weights,
        x,
        y,
        forward,
        lambda p, b: jax.nn.softplus(p) - b * p,
        lambda p, b: ((p > 0) == (b > 0.5)).sum(),
    )
