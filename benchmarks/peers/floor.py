"""What a work takes at least: its products, and the bytes that must be moved.

The products have the shapes of the network and run through NumPy's BLAS, forward and
backward. The bytes are those of the batch, which is gathered (read and written), and of
the update (weight, gradient and square read, weight and square written), at bandwidths
that are measured here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.works import Work

Product = tuple[tuple[int, ...], tuple[int, ...], int]  # two shapes, and how often

_STEPS = 20  # as many are run, and the time of an epoch follows


def make(work: Work, x: Any, y: np.ndarray) -> Callable[[], tuple[float, float]]:
    """Runs the products of a work, and says how long all takes.

    Returns:
        A function that returns seconds of the clock, and of the processor.
    """
    from cornu.lab import floors

    predicting = work.kind in ("predict", "call")
    found = [
        (np.ones(a, "f"), np.ones(b, "f"), np.empty((*a[:-1], b[-1]), "f"), times)
        for a, b, times in products(work, predicting)
    ]
    of_sparse = None if isinstance(x, np.ndarray) else _sparse(work, x)
    if of_sparse is not None:  # the first layer's products are those of SciPy
        found = found[2:]
    steps = 1 if predicting else -(-len(y) // work.batch)
    gathered = 0 if predicting else 2 * work.batch * (_row(x, y))
    updated = 0 if predicting else 5 * 4 * _WEIGHTS[work.network]
    moved = 0.0
    for nbytes in (gathered, updated):
        if nbytes:
            moved += nbytes / floors.bandwidth(floors.size_class(nbytes))

    def run() -> tuple[float, float]:
        repeats = min(steps, _STEPS) if steps > 1 else work.calls
        start, used = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            for a, b, out, times in found:
                for _ in range(times):
                    np.matmul(a, b, out=out)
            if of_sparse is not None:
                of_sparse()
        spent = (time.perf_counter() - start) / repeats
        used = (time.process_time() - used) / repeats
        count = steps if steps > 1 else work.calls
        return (spent + moved) * count, (used + moved) * count

    run.tells_seconds = True  # type: ignore[attr-defined]
    return run


def _row(x: Any, y: np.ndarray) -> int:
    if isinstance(x, np.ndarray):
        return (x.nbytes + y.nbytes) // len(y)
    return (x.data.nbytes + x.indices.nbytes + y.nbytes) // len(y)


def _sparse(work: Work, x: Any) -> Callable[[], None]:
    batch, kernel = x[: work.batch], np.ones((x.shape[1], 16), "f")
    d = np.ones((batch.shape[0], 16), "f")

    def run() -> None:
        batch @ kernel
        batch.T @ d

    return run


def products(work: Work, predicting: bool = False) -> list[Product]:
    """The products of one step (or of a prediction), with their shapes."""
    return list(_PRODUCTS[work.network](work.batch, predicting))


def _layer(m: int, k: int, n: int, first: bool, predicting: bool) -> Iterator[Product]:
    """Rows times a kernel; the gradient by the kernel, and by rows that have one."""
    yield (m, k), (k, n), 1
    if predicting:
        return
    yield (k, m), (m, n), 1
    if not first:
        yield (m, n), (n, k), 1


def _dense(*widths: int) -> Callable[[int, bool], Iterator[Product]]:
    def found(batch: int, predicting: bool) -> Iterator[Product]:
        for i, (k, n) in enumerate(pairwise(widths)):
            yield from _layer(batch, k, n, i == 0, predicting)

    return found


def _convnet(batch: int, predicting: bool) -> Iterator[Product]:
    for side, k, n in ((26, 9, 32), (11, 9 * 32, 64), (3, 9 * 64, 64)):
        yield from _layer(batch * side * side, k, n, k == 9, predicting)
    for k, n in ((576, 64), (64, 10)):
        yield from _layer(batch, k, n, False, predicting)


def _recurrent(gates: int) -> Callable[[int, bool], Iterator[Product]]:
    def found(batch: int, predicting: bool) -> Iterator[Product]:
        length, units, wide = 200, 32, gates * 32
        yield from _layer(batch * length, units, wide, False, predicting)
        yield (batch, units), (units, wide), length
        if not predicting:
            yield (batch, wide), (wide, units), length
            yield (units, batch * length), (batch * length, wide), 1
        yield from _layer(batch, units, 1, False, predicting)

    return found


def _transformer(batch: int, predicting: bool) -> Iterator[Product]:
    length, width, heads = 64, 128, 4
    rows = batch * length
    # The input itself has no gradient: three of the four projections read it.
    for i in range(4):
        yield from _layer(rows, width, width, i < 3, predicting)
    a, b = (batch * heads, length, 32), (batch * heads, 32, length)
    square = (batch * heads, length, length)
    yield a, b, 1 if predicting else 2  # scores; gradient of what they weigh
    yield square, a, 1 if predicting else 4  # the weighted; by value, query and key
    yield from _layer(rows, width, 512, False, predicting)
    yield from _layer(rows, 512, width, False, predicting)
    yield from _layer(batch, width, 10, False, predicting)


_PRODUCTS: dict[str, Callable[[int, bool], Iterator[Product]]] = {
    "mlp": _dense(784, 512, 10),
    "convnet": _convnet,
    "reviews": _dense(10_000, 16, 16, 1),
    "lstm": _recurrent(4),
    "gru": _recurrent(3),
    "transformer": _transformer,
    "houses": _dense(13, 64, 64, 1),
}


def _of_dense(*widths: int) -> int:
    return sum((a + 1) * b for a, b in pairwise(widths))


# How many weights a step moves.
_WEIGHTS = {
    "mlp": _of_dense(784, 512, 10),
    "convnet": 320 + 18_496 + 36_928 + _of_dense(576, 64, 10),
    "reviews": _of_dense(10_000, 16, 16, 1),
    "lstm": 320_000 + 65 * 128 + 33,
    "gru": 320_000 + 66 * 96 + 33,
    "transformer": 4 * 129 * 128 + _of_dense(128, 512, 128) + 4 * 128 + 1_290,
    "houses": _of_dense(13, 64, 64, 1),
}
