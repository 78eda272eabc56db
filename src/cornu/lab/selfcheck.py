"""The checks that `cornu doctor` runs: does it learn, and how fast is the BLAS?"""

from __future__ import annotations

import time

import numpy as np

_SIDE = 1024  # of the matrices


def training_step() -> str:
    """Train a small network for one step, on which its loss must fall.

    Returns:
        What the loss was before and after.

    Raises:
        ArithmeticError: when it did not fall.
    """
    from cornu import initializers, layers, models, optimizers

    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 8)).astype("float32")
    y = (x.sum(axis=1, keepdims=True) > 0).astype("float32")
    network = models.Sequential(name="self_check")
    weights = [initializers.GlorotUniform(seed=seed) for seed in (1, 2)]
    network.add(
        layers.Dense(16, "relu", input_shape=(8,), kernel_initializer=weights[0])
    )
    network.add(layers.Dense(1, "sigmoid", kernel_initializer=weights[1]))
    network.compile(optimizers.SGD(0.1), "binary_crossentropy")
    before = network.train_on_batch(x, y)
    after = network.test_on_batch(x, y)
    if not after < before:  # NaN is not, either
        raise ArithmeticError(f"the loss went from {before:.4f} to {after:.4f}")
    return f"the loss fell from {before:.4f} to {after:.4f}"


def matrix_product() -> str:
    """Multiply two matrices, and check a part of the product.

    Returns:
        The speed, in floating-point operations per second.

    Raises:
        ArithmeticError: when the product is wrong.
    """
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, _SIDE, _SIDE), "float32")
    out = np.empty_like(a)
    seconds = []
    for _ in range(4):  # the first one wakes the threads
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        seconds.append(time.perf_counter() - start)
    expected = np.einsum("k,kj->j", a[-1].astype("float64"), b.astype("float64"))
    error = float(np.abs(out[-1] - expected).max())
    if not error < 1e-2:  # rounding gives about 1e-4
        raise ArithmeticError(f"the product is wrong by {error:g}")
    speed = 2 * _SIDE**3 / min(seconds) / 1e9
    return f"{speed:,.1f} GFLOP/s, float32 {_SIDE} x {_SIDE}"
