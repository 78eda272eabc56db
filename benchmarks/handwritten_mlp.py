"""The notes' MNIST network, written by hand in NumPy: what Cornu is measured against.

Everything is allocated beforehand, every call has `out=`, and the gradient of softmax
and crossentropy is the textbook's p - y. Loss and accuracy are summed as `fit` does.

    python -m benchmarks.handwritten_mlp [rounds]

trains both for an epoch each, in turn, and prints the ratios of their times.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

BATCH, WIDTH, HIDDEN, CLASSES = 128, 784, 512, 10


class HandwrittenMLP:
    """Dense(512, relu), Dense(10, softmax), categorical crossentropy, RMSprop."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self.weights = [w.copy() for w in weights]
        self.squares = [np.zeros_like(w) for w in weights]
        self.gradients = [np.empty_like(w) for w in weights]
        self.scratch = [np.empty_like(w) for w in weights]
        self.rows = np.empty((BATCH, WIDTH), "float32"), np.empty((BATCH, CLASSES), "f")
        self.hidden = np.empty((BATCH, HIDDEN), "float32")
        self.d_hidden = np.empty((BATCH, HIDDEN), "float32")
        self.active = np.empty((BATCH, HIDDEN), bool)
        self.p = np.empty((BATCH, CLASSES), "float32")
        self.d_p = np.empty((BATCH, CLASSES), "float32")
        self.column = np.empty((BATCH, 1), "float32")

    def epoch(self, x: np.ndarray, y: np.ndarray, order: np.ndarray) -> tuple:
        """Train on all rows in this order; loss and accuracy."""
        total = correct = 0.0
        for start in range(0, len(order), BATCH):
            index = order[start : start + BATCH]
            n = len(index)
            xb, yb = self.rows[0][:n], self.rows[1][:n]
            np.take(x, index, axis=0, out=xb, mode="clip")
            np.take(y, index, axis=0, out=yb, mode="clip")
            loss, hits = self.step(xb, yb)
            total += loss
            correct += hits
        return total / len(order), correct / len(order)

    def step(self, x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
        """One batch: forward, loss, backward, update."""
        n = len(x)
        kernel1, bias1, kernel2, bias2 = self.weights
        d_kernel1, d_bias1, d_kernel2, d_bias2 = self.gradients
        hidden, d_hidden, active = self.hidden[:n], self.d_hidden[:n], self.active[:n]
        p, d_p, column = self.p[:n], self.d_p[:n], self.column[:n]
        np.matmul(x, kernel1, out=hidden)
        np.add(hidden, bias1, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, kernel2, out=p)
        np.add(p, bias2, out=p)
        np.max(p, axis=1, keepdims=True, out=column)
        np.subtract(p, column, out=p)
        np.exp(p, out=p)
        np.sum(p, axis=1, keepdims=True, out=column)
        np.divide(p, column, out=p)
        np.maximum(p, 1e-7, out=d_p)
        np.log(d_p, out=d_p)
        np.multiply(d_p, y, out=d_p)
        loss = -float(d_p.sum())
        hits = int((p.argmax(1) == y.argmax(1)).sum())
        np.subtract(p, y, out=d_p)
        np.divide(d_p, n, out=d_p)
        np.matmul(hidden.T, d_p, out=d_kernel2)
        np.sum(d_p, axis=0, out=d_bias2)
        np.matmul(d_p, kernel2.T, out=d_hidden)
        np.greater(hidden, 0, out=active)
        np.multiply(d_hidden, active, out=d_hidden)
        np.matmul(x.T, d_hidden, out=d_kernel1)
        np.sum(d_hidden, axis=0, out=d_bias1)
        self.update()
        return loss, hits

    def update(self, rate: float = 1e-3, rho: float = 0.9) -> None:
        """RMSprop: g / sqrt(mean square of g)."""
        for w, g, v, t in zip(
            self.weights, self.gradients, self.squares, self.scratch, strict=True
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


def floor(rounds: int = 200) -> float:
    """Seconds of the five products of one step alone, the least of many."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, WIDTH)).astype("f")
    kernel1 = rng.normal(size=(WIDTH, HIDDEN)).astype("f")
    hidden = rng.normal(size=(BATCH, HIDDEN)).astype("f")
    kernel2 = rng.normal(size=(HIDDEN, CLASSES)).astype("f")
    p = rng.normal(size=(BATCH, CLASSES)).astype("f")
    outs = [np.empty_like(a) for a in (hidden, p, kernel2, hidden, kernel1)]
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        np.matmul(x, kernel1, out=outs[0])
        np.matmul(hidden, kernel2, out=outs[1])
        np.matmul(hidden.T, p, out=outs[2])
        np.matmul(p, kernel2.T, out=outs[3])
        np.matmul(x.T, hidden, out=outs[4])
        times.append(time.perf_counter() - start)
    return min(times)


def main(rounds: int = 7) -> None:
    """Print the times of an epoch, in turn, and their ratios."""
    import cornu
    from benchmarks.data import digits

    x, y = digits()
    cornu.utils.set_random_seed(0)
    model = cornu.Sequential(
        [
            cornu.layers.Dense(HIDDEN, activation="relu", input_shape=(WIDTH,)),
            cornu.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    by_hand = HandwrittenMLP(model.get_weights())
    rng = np.random.default_rng(0)
    ratios, ours, theirs = [], [], []
    for i in range(rounds + 1):
        start = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        middle = time.perf_counter()
        loss, accuracy = by_hand.epoch(x, y, rng.permutation(len(x)))
        stop = time.perf_counter()
        if i:  # the first round compiles, and warms the caches
            ours.append(middle - start)
            theirs.append(stop - middle)
            ratios.append(ours[-1] / theirs[-1])
    steps = -(-len(x) // BATCH)
    history = model.history.history
    print(f"rows {len(x):,}, batch {BATCH}, {rounds} rounds in alternation")
    print(f"floor (products alone)  {floor() * steps * 1e3:8.0f} ms/epoch")
    print(f"by hand, median         {statistics.median(theirs) * 1e3:8.0f} ms/epoch")
    print(f"cornu, median           {statistics.median(ours) * 1e3:8.0f} ms/epoch")
    print(
        f"ratio cornu / by hand   {statistics.median(ratios):8.3f}"
        f"   (from {min(ratios):.3f} to {max(ratios):.3f})"
    )
    print(f"loss {history['loss'][-1]:.4f} and {loss:.4f} by hand,", end=" ")
    print(f"accuracy {history['accuracy'][-1]:.4f} and {accuracy:.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
