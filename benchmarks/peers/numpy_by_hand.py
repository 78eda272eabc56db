"""Dense networks written by hand in NumPy: what Cornu's programs are measured against.

Everything is allocated beforehand, every call has `out=`, and the gradient of softmax
(or sigmoid) and crossentropy is the textbook's p - y. Loss and accuracy are summed as
`fit` does.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.works import Work

_WIDTHS = {
    "mlp": (784, 512, 10),
    "reviews": (10_000, 16, 16, 1),
    "houses": (13, 64, 64, 1),
}


def make(work: Work, x: Any, y: np.ndarray) -> Callable[[], float | None] | None:
    """The work by hand, for networks of dense layers."""
    widths = _WIDTHS.get(work.network)
    if widths is None or work.kind == "tape":
        return None
    network = Network(widths, work.batch, not isinstance(x, np.ndarray))
    if work.kind in ("predict", "call"):
        row = x[:1]

        def predict() -> None:
            for _ in range(work.calls):
                network.forward(row).copy()

        return predict
    rng = np.random.default_rng(0)
    return lambda: network.epoch(x, y, rng.permutation(len(y)))


class Network:
    """Dense layers with relu, and softmax, sigmoid or nothing at the end; RMSprop.

    Args:
        widths: of the input and of each layer. Ten outputs are classes; one after
            10,000 inputs is a probability; otherwise it is a number.
        batch: rows per step at most.
        sparse: whether the input is a sparse matrix.
    """

    def __init__(self, widths: tuple[int, ...], batch: int, sparse: bool) -> None:
        rng = np.random.default_rng(0)
        pairs = list(pairwise(widths))
        limits = [np.sqrt(6 / (a + b)) for a, b in pairs]
        self.kernels = [
            rng.uniform(-limit, limit, pair).astype("f")
            for limit, pair in zip(limits, pairs, strict=True)
        ]
        self.biases = [np.zeros(b, "f") for _, b in pairs]
        self.end = {10: "softmax", 1: "sigmoid"}[widths[-1]]
        if widths[0] == 13:
            self.end = "number"
        weights = [*self.kernels, *self.biases]
        self.squares = [np.zeros_like(w) for w in weights]
        self.gradients = [np.empty_like(w) for w in weights]
        self.scratch = [np.empty_like(w) for w in weights]
        self.sparse = sparse
        self.rows = None if sparse else np.empty((batch, widths[0]), "f")
        self.targets = np.empty((batch, widths[-1]), "f")
        self.values = [np.empty((batch, b), "f") for _, b in pairs]
        self.deltas = [np.empty((batch, b), "f") for _, b in pairs]
        self.active = [np.empty((batch, b), bool) for _, b in pairs]
        self.column = np.empty((batch, 1), "f")

    def epoch(self, x: Any, y: np.ndarray, order: np.ndarray) -> float:
        """Train on all rows in this order; the loss."""
        batch = len(self.targets)
        total = 0.0
        for start in range(0, len(order), batch):
            index = order[start : start + batch]
            yb = self.targets[: len(index)]
            np.take(y, index, axis=0, out=yb, mode="clip")
            if self.rows is None:
                xb = x[index]
            else:
                xb = self.rows[: len(index)]
                np.take(x, index, axis=0, out=xb, mode="clip")
            loss, self.hits = self.step(xb, yb)
            total += loss
        return total / len(order)

    def forward(self, x: Any) -> np.ndarray:
        """The predictions for some rows."""
        n, given = x.shape[0], x
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            out = self.values[i][:n]
            if i == 0 and self.sparse:
                out[...] = given @ kernel
            else:
                np.matmul(given, kernel, out=out)
            np.add(out, bias, out=out)
            if i < len(self.kernels) - 1:
                np.maximum(out, 0, out=out)
            given = out
        column = self.column[:n]
        if self.end == "softmax":
            np.max(out, axis=1, keepdims=True, out=column)
            np.subtract(out, column, out=out)
            np.exp(out, out=out)
            np.sum(out, axis=1, keepdims=True, out=column)
            np.divide(out, column, out=out)
        elif self.end == "sigmoid":
            np.negative(out, out=out)
            np.exp(out, out=out)
            np.add(out, 1, out=out)
            np.reciprocal(out, out=out)
        return out

    def step(self, x: Any, y: np.ndarray) -> tuple[float, float]:
        """One batch: forward, loss, backward, update."""
        n = x.shape[0]
        p, d = self.forward(x), self.deltas[-1][:n]
        loss, hits = self._loss(p, y, d)
        np.subtract(p, y, out=d)
        np.multiply(d, (2 if self.end == "number" else 1) / n, out=d)
        count = len(self.kernels)
        for i in reversed(range(count)):
            d = self.deltas[i][:n]
            np.sum(d, axis=0, out=self.gradients[count + i])
            if i == 0:
                if self.sparse:
                    self.gradients[0][...] = x.T @ d
                else:
                    np.matmul(x.T, d, out=self.gradients[0])
                break
            before, below = self.values[i - 1][:n], self.deltas[i - 1][:n]
            active = self.active[i - 1][:n]
            np.matmul(before.T, d, out=self.gradients[i])
            np.matmul(d, self.kernels[i].T, out=below)
            np.greater(before, 0, out=active)
            np.multiply(below, active, out=below)
        self.update()
        return loss, hits

    def _loss(self, p: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[float, float]:
        if self.end == "number":
            np.subtract(p, y, out=t)
            return float(np.vdot(t, t)), float(np.abs(t).sum())
        np.maximum(p, 1e-7, out=t)
        np.log(t, out=t)
        if self.end == "softmax":
            np.multiply(t, y, out=t)
            return -float(t.sum()), int((p.argmax(1) == y.argmax(1)).sum())
        total = float(np.vdot(t, y))
        np.subtract(1, p, out=t)
        np.maximum(t, 1e-7, out=t)
        np.log(t, out=t)
        total += float(t.sum()) - float(np.vdot(t, y))
        return -total, int(((p > 0.5) == y).sum())

    def update(self, rate: float = 1e-3, rho: float = 0.9) -> None:
        """RMSprop: g / sqrt(mean square of g)."""
        for w, g, v, t in zip(
            [*self.kernels, *self.biases],
            self.gradients,
            self.squares,
            self.scratch,
            strict=True,
        ):
            np.multiply(g, g, out=t)
            np.multiply(t, 1 - rho, out=t)
            np.multiply(v, rho, out=v)
            np.add(v, t, out=v)
            np.add(v, 1e-7, out=t)
            np.sqrt(t, out=t)
            np.multiply(g, rate, out=g)
            np.divide(g, t, out=g)
            np.subtract(w, g, out=w)
