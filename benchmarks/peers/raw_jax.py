"""JAX without a framework above it: an epoch is one compiled lax.scan over batches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.works import Work

Weights = dict[str, Any]


def make(work: Work, x: Any, y: np.ndarray) -> Callable[[], float | None] | None:
    """The work as one call of a compiled function."""
    if not isinstance(x, np.ndarray) or work.kind == "tape":
        return None
    shapes, apply = _NETWORKS[work.network]
    rng = np.random.default_rng(0)
    weights = {
        name: jnp.asarray(_first(rng, name, shape)) for name, shape in shapes.items()
    }
    if work.kind in ("predict", "call"):
        return _calls(work, weights, apply, x)
    squares = {name: jnp.zeros_like(w) for name, w in weights.items()}
    inputs, targets = jnp.asarray(x), jnp.asarray(y)
    epoch = _epoch(work, apply, inputs, targets)

    def run() -> float:
        nonlocal weights, squares
        whole = len(y) // work.batch * work.batch
        order = rng.permutation(len(y))[:whole].astype("int32")
        rows = order.reshape(-1, work.batch)
        weights, squares, total, hits = epoch(weights, squares, rows)
        int(hits)
        return float(total) / len(rows)

    return run


def _first(rng: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.startswith("bias"):
        return np.zeros(shape, "float32")
    if name.startswith("scale"):
        return np.ones(shape, "float32")
    inner = int(np.prod(shape[:-1]))
    limit = np.sqrt(6 / (inner + shape[-1])) if "table" not in name else 0.05
    return rng.uniform(-limit, limit, shape).astype("float32")


def _epoch(work: Work, apply: Any, x: Any, y: Any) -> Any:
    def loss_of(weights: Weights, a: Any, b: Any) -> Any:
        out = apply(weights, a)
        if work.network == "houses":
            return jnp.square(out - b).mean(), jnp.abs(out - b).sum()
        if out.shape[-1] == 1:
            loss = jnp.logaddexp(0.0, out) - b * out
            return loss.mean(), ((out > 0) == (b > 0.5)).sum().astype("float32")
        loss = -(b * jax.nn.log_softmax(out)).sum(-1).mean()
        hits = out.argmax(-1) == b.argmax(-1)
        return loss, hits.sum().astype("float32")

    def step(carry: Any, rows: Any) -> Any:
        weights, squares, total, hits = carry
        gradient = jax.value_and_grad(loss_of, has_aux=True)
        (loss, right), g = gradient(weights, x[rows], y[rows])
        squares = {k: 0.9 * v + 0.1 * g[k] * g[k] for k, v in squares.items()}
        weights = {
            k: w - 1e-3 * g[k] / jnp.sqrt(squares[k] + 1e-7) for k, w in weights.items()
        }
        return (weights, squares, total + loss, hits + right), None

    @jax.jit
    def epoch(weights: Weights, squares: Weights, order: Any) -> Any:
        start = (weights, squares, jnp.zeros(()), jnp.zeros(()))
        return lax.scan(step, start, order)[0]

    return epoch


def _calls(work: Work, weights: Weights, apply: Any, x: np.ndarray) -> Any:
    row = x[:1]
    predict = jax.jit(lambda weights, row: jax.nn.softmax(apply(weights, row)))

    def run() -> None:
        for _ in range(work.calls):
            found = predict(weights, row)
            if work.kind == "predict":
                np.asarray(found)
        found.block_until_ready()

    return run


# Networks: the shapes of their weights, and their outputs before softmax or sigmoid.


def _dense_shapes(*widths: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for i, (a, b) in enumerate(pairwise(widths)):
        found |= {f"kernel{i}": (a, b), f"bias{i}": (b,)}
    return found


def _dense(w: Weights, x: Any) -> Any:
    count = len(w) // 2
    for i in range(count):
        x = x @ w[f"kernel{i}"] + w[f"bias{i}"]
        x = jax.nn.relu(x) if i < count - 1 else x
    return x


_CONVNET = {
    "filters0": (3, 3, 1, 32),
    "bias_f0": (32,),
    "filters1": (3, 3, 32, 64),
    "bias_f1": (64,),
    "filters2": (3, 3, 64, 64),
    "bias_f2": (64,),
    "kernel0": (576, 64),
    "bias0": (64,),
    "kernel1": (64, 10),
    "bias1": (10,),
}


def _convnet(w: Weights, x: Any) -> Any:
    for i in range(3):
        numbers = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(
            x, w[f"filters{i}"], (1, 1), "VALID", dimension_numbers=numbers
        )
        x = jax.nn.relu(x + w[f"bias_f{i}"])
        if i < 2:
            window = (1, 2, 2, 1)
            x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
    x = jax.nn.relu(x.reshape(len(x), -1) @ w["kernel0"] + w["bias0"])
    return x @ w["kernel1"] + w["bias1"]


def _recurrent_shapes(gates: int) -> dict[str, tuple[int, ...]]:
    return {
        "table": (10_000, 32),
        "kernel": (32, gates * 32),
        "recurrent": (32, gates * 32),
        "bias": (gates * 32,),
        "bias_r": (gates * 32,),
        "dense": (32, 1),
        "bias_d": (1,),
    }


def _lstm(w: Weights, x: Any) -> Any:
    given = jnp.swapaxes(w["table"][x] @ w["kernel"] + w["bias"], 0, 1)

    def step(carry: Any, row: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(row + h @ w["recurrent"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((len(x), 32))
    (h, _), _ = lax.scan(step, (zeros, zeros), given)
    return h @ w["dense"] + w["bias_d"]


def _gru(w: Weights, x: Any) -> Any:
    given = jnp.swapaxes(w["table"][x] @ w["kernel"] + w["bias"], 0, 1)

    def step(h: Any, row: Any) -> Any:
        xz, xr, xh = jnp.split(row, 3, axis=-1)
        hz, hr, hh = jnp.split(h @ w["recurrent"] + w["bias_r"], 3, axis=-1)
        z, r = jax.nn.sigmoid(xz + hz), jax.nn.sigmoid(xr + hr)
        return z * h + (1 - z) * jnp.tanh(xh + r * hh), None

    h, _ = lax.scan(step, jnp.zeros((len(x), 32)), given)
    return h @ w["dense"] + w["bias_d"]


_TRANSFORMER: dict[str, tuple[int, ...]] = {
    **{f"{name}": (128, 128) for name in ("query", "key", "value", "output")},
    **{f"bias_{name}": (128,) for name in ("query", "key", "value", "output")},
    "scale0": (128,),
    "bias_s0": (128,),
    "wide": (128, 512),
    "bias_wide": (512,),
    "narrow": (512, 128),
    "bias_narrow": (128,),
    "scale1": (128,),
    "bias_s1": (128,),
    "classes": (128, 10),
    "bias_classes": (10,),
}


def _transformer(w: Weights, x: Any) -> Any:
    n = len(x)

    def heads(name: str) -> Any:
        return (x @ w[name] + w[f"bias_{name}"]).reshape(n, 64, 4, 32)

    def normal(a: Any, i: int) -> Any:
        mean, variance = a.mean(-1, keepdims=True), a.var(-1, keepdims=True)
        return (a - mean) / jnp.sqrt(variance + 1e-3) * w[f"scale{i}"] + w[f"bias_s{i}"]

    scores = jnp.einsum("nqhd,nkhd->nhqk", heads("query"), heads("key"))
    part = jax.nn.softmax(scores / jnp.sqrt(32.0))
    mixed = jnp.einsum("nhqk,nkhd->nqhd", part, heads("value")).reshape(n, 64, 128)
    a = normal(x + mixed @ w["output"] + w["bias_output"], 0)
    b = jax.nn.relu(a @ w["wide"] + w["bias_wide"]) @ w["narrow"] + w["bias_narrow"]
    return normal(a + b, 1).mean(1) @ w["classes"] + w["bias_classes"]


_NETWORKS: dict[str, tuple[dict[str, tuple[int, ...]], Any]] = {
    "mlp": (_dense_shapes(784, 512, 10), _dense),
    "convnet": (_CONVNET, _convnet),
    "reviews": (_dense_shapes(10_000, 16, 16, 1), _dense),
    "lstm": (_recurrent_shapes(4), _lstm),
    "gru": (_recurrent_shapes(3), _gru),
    "transformer": (_TRANSFORMER, _transformer),
    "houses": (_dense_shapes(13, 64, 64, 1), _dense),
}
