"""An epoch of MNIST on the engine jax, beside a lax.scan written by hand and Keras.

    python -m benchmarks.jax_epoch [rounds]

All train Dense(512, relu), Dense(10, softmax) by RMSprop on the same batches of 128.
Keras runs in a process of its own on its JAX back end, and is timed there.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

BATCH = 128

KERAS = """
import os, sys, time
os.environ["KERAS_BACKEND"] = "jax"
import numpy as np, keras
from benchmarks.data import digits
x, y = digits()
keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.Input((784,)),
    keras.layers.Dense(512, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=128, epochs=1, verbose=0)
for line in sys.stdin:
    start = time.perf_counter()
    model.fit(x, y, batch_size=128, epochs=1, verbose=0)
    print(time.perf_counter() - start, flush=True)
"""


def by_hand(x: Any, y: Any) -> Any:
    """An epoch as one lax.scan over shuffled rows, loss and accuracy summed."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    sizes = ((784, 512), (512,), (512, 10), (10,))
    weights = [jnp.asarray(rng.normal(0, 0.05, s).astype("float32")) for s in sizes]
    squares = [jnp.zeros_like(w) for w in weights]
    x, y = jnp.asarray(x), jnp.asarray(y)

    def loss_of(weights: Any, a: Any, b: Any) -> Any:
        k1, b1, k2, b2 = weights
        p = jax.nn.softmax(jax.nn.relu(a @ k1 + b1) @ k2 + b2)
        loss = -(b * jnp.log(jnp.maximum(p, 1e-7))).sum(-1).mean()
        return loss, (p.argmax(-1) == b.argmax(-1)).sum()

    @jax.jit
    def epoch(weights: Any, squares: Any, order: Any) -> Any:
        def step(carry: Any, rows: Any) -> Any:
            weights, squares, total, hits = carry
            (loss, right), g = jax.value_and_grad(loss_of, has_aux=True)(
                weights, x[rows], y[rows]
            )
            squares = [0.9 * v + 0.1 * d * d for v, d in zip(squares, g, strict=True)]
            weights = [
                w - 1e-3 * d / jnp.sqrt(v + 1e-7)
                for w, d, v in zip(weights, g, squares, strict=True)
            ]
            return (weights, squares, total + loss, hits + right), None

        start = (weights, squares, jnp.zeros(()), jnp.zeros((), jnp.int32))
        return jax.lax.scan(step, start, order)[0]

    def run() -> None:
        nonlocal weights, squares
        order = rng.permutation(len(x)).astype("int32")
        order = order[: len(x) // BATCH * BATCH].reshape(-1, BATCH)
        weights, squares, total, hits = epoch(weights, squares, order)
        float(total), int(hits)

    return run


def main(rounds: int = 7) -> None:
    """Print the times of an epoch, in turn, and their ratios."""
    import cornu
    from benchmarks.data import digits

    x, y = digits()
    cornu.config.set_backend("jax")
    cornu.utils.set_random_seed(0)
    model = cornu.Sequential(
        [
            cornu.Input((784,)),
            cornu.layers.Dense(512, activation="relu"),
            cornu.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    hand = by_hand(x, y)
    keras = subprocess.Popen(
        [sys.executable, "-c", KERAS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert keras.stdin is not None
    assert keras.stdout is not None

    def timed(run: Any) -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    found = []
    for _ in range(rounds + 1):
        ours = timed(lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0))
        scan = timed(hand)
        keras.stdin.write("go\n")
        keras.stdin.flush()
        found.append((ours, scan, float(keras.stdout.readline())))
    keras.stdin.close()
    found = found[1:]
    for name, column in (("Cornu on jax", 0), ("lax.scan", 1), ("Keras on JAX", 2)):
        print(f"{name:<14}{statistics.median(t[column] for t in found):.3f} s")
    for name, column in (("lax.scan", 1), ("Keras on JAX", 2)):
        ratios = [t[0] / t[column] for t in found]
        print(
            f"ratio to {name}: {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
