"""What is measured: the works, and the data that all peers are given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Work(NamedTuple):
    """Something that all peers do.

    Attributes:
        name: as the command line has it.
        title: heading of its table.
        text: what is done, for the page.
        network: which of `networks.py`, and of each peer's own.
        rows: samples of the data.
        quick_rows: the same for `--quick`.
        batch: samples per step.
        kind: 'fit', 'predict', 'call' or 'tape' (a loop written by hand).
        per: what a time is of: 'epoch', 'step' or 'call'.
        calls: how often a call is repeated for one time.
    """

    name: str
    title: str
    text: str
    network: str
    rows: int
    quick_rows: int
    batch: int
    kind: str = "fit"
    per: str = "epoch"
    calls: int = 1

    def size(self, quick: bool) -> int:
        """How many rows there are."""
        return self.quick_rows if quick else self.rows

    def parts(self, rows: int) -> int:
        """By how many a time is divided."""
        if self.per == "epoch":
            return 1
        return (
            self.calls if self.kind in ("predict", "call") else -(-rows // self.batch)
        )


def _of(*works: Work) -> dict[str, Work]:
    return {work.name: work for work in works}


WORKS = _of(
    Work(
        "mnist",
        "MNIST, two dense layers",
        "784-512-10, relu and softmax, batches of 128 of 60,000 images",
        "mlp",
        60_000,
        3_840,
        128,
    ),
    Work(
        "convnet",
        "MNIST, a convolutional network",
        "32, 64 and 64 filters of 3x3 with relu, max-pooling by 2x2 after the first "
        "two, then 64-10; batches of 64 of 12,800 images",
        "convnet",
        12_800,
        128,
        64,
    ),
    Work(
        "imdb",
        "IMDB, multi-hot",
        "10,000-16-16-1, batches of 512 of 5,120 rows, from a dense array",
        "reviews",
        5_120,
        1_024,
        512,
    ),
    Work(
        "imdb-sparse",
        "IMDB, multi-hot, sparse",
        "the same from a sparse matrix of SciPy",
        "reviews",
        5_120,
        1_024,
        512,
    ),
    Work(
        "lstm",
        "LSTM on words",
        "Embedding(10000, 32), LSTM(32), one sigmoid; length 200, batches of 128 of "
        "1,280 rows",
        "lstm",
        1_280,
        128,
        128,
    ),
    Work(
        "gru",
        "GRU on words",
        "the same with a GRU",
        "gru",
        1_280,
        128,
        128,
    ),
    Work(
        "transformer",
        "A transformer block",
        "length 64, width 128, 4 heads of 32, feed-forward 512 with relu, normalized "
        "after each sum, mean over time, 10 classes; batches of 64 of 1,280 rows",
        "transformer",
        1_280,
        64,
        64,
    ),
    Work(
        "boston",
        "Boston housing, batches of one",
        "13-64-64-1, one row per step, 404 rows an epoch",
        "houses",
        404,
        404,
        1,
        per="step",
    ),
    Work(
        "predict",
        "Predict one MNIST row",
        "`model.predict` of one row of 784 by the network of the first table",
        "mlp",
        128,
        128,
        1,
        kind="predict",
        per="call",
        calls=200,
    ),
    Work(
        "call",
        "Call the model on one MNIST row",
        "`model(row)`, by the same network",
        "mlp",
        128,
        128,
        1,
        kind="call",
        per="call",
        calls=200,
    ),
    Work(
        "tape",
        "A training loop written by hand",
        "the network of the first table in a loop over a `GradientTape` (in PyTorch: "
        "`backward`), 100 batches of 128",
        "mlp",
        12_800,
        1_280,
        128,
        kind="tape",
    ),
)


# Data. The driver makes it once; the peers are given files.


def write_data(work: Work, rows: int, folder: Path) -> None:
    """Write `x` and `y` of a work, the same for all peers.

    Real data is used where CORNU_DATA says where it is, and made data of the same
    shape elsewhere: the time does not depend on it.
    """
    x, y = _MAKERS[work.network](rows)
    if work.name == "imdb-sparse":
        from scipy import sparse

        sparse.save_npz(folder / "x.npz", sparse.csr_matrix(x))
    else:
        np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)


def read_data(folder: Path) -> tuple[Any, np.ndarray]:
    """What `write_data` wrote."""
    if (folder / "x.npz").exists():
        from scipy import sparse

        return sparse.load_npz(folder / "x.npz"), np.load(folder / "y.npy")
    return np.load(folder / "x.npy"), np.load(folder / "y.npy")


def is_real(network: str) -> bool:
    """Whether the data of a network is real here."""
    return bool(os.environ.get("CORNU_DATA")) and network != "transformer"


def _digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Images as rows of float32, and classes one-hot."""
    if is_real("mlp"):
        from cornu.datasets import mnist

        (x, labels), _ = mnist.load_data()
        x, labels = x[:rows].reshape(rows, 784) / np.float32(255), labels[:rows]
    else:
        rng = np.random.default_rng(0)
        x, labels = rng.random((rows, 784), "float32"), rng.integers(0, 10, rows)
    return x, np.eye(10, dtype="float32")[labels]


def _images(rows: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = _digits(rows)
    return x.reshape(rows, 28, 28, 1), y


def _reviews(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Words that occur in each review, multi-hot, and whether it is positive."""
    x = np.zeros((rows, 10_000), "float32")
    words, labels = _words(rows)
    for row, each in zip(x, words, strict=True):
        row[each] = 1.0
    return x, labels


def _words(rows: int) -> tuple[list[np.ndarray], np.ndarray]:
    if is_real("reviews"):
        from cornu.datasets import imdb

        (x, y), _ = imdb.load_data(num_words=10_000)
        words = [np.asarray(each) for each in x[:rows]]
        return words, np.asarray(y[:rows], "float32").reshape(rows, 1)
    rng = np.random.default_rng(0)
    lengths = rng.integers(60, 400, rows)
    # Words as in a language: the n-th is met about 1/n as often as the first.
    weights = 1 / np.arange(1.0, 10_001)
    edges = np.cumsum(weights / weights.sum())
    words = [np.minimum(np.searchsorted(edges, rng.random(n)), 9_999) for n in lengths]
    return words, rng.integers(0, 2, (rows, 1)).astype("float32")


def _sequences(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The last 200 words of each review, zeros before shorter ones."""
    words, labels = _words(rows)
    x = np.zeros((rows, 200), "int32")
    for row, each in zip(x, words, strict=True):
        last = each[-200:]
        row[200 - len(last) :] = last
    return x, labels


def _vectors(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 64, 128)).astype("float32")
    return x, np.eye(10, dtype="float32")[rng.integers(0, 10, rows)]


def _houses(rows: int) -> tuple[np.ndarray, np.ndarray]:
    if is_real("houses"):
        from cornu.datasets import boston_housing

        (x, y), _ = boston_housing.load_data()
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    else:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(404, 13))
        y = x.sum(axis=1) + 22.0
    return x[:rows].astype("float32"), y[:rows].astype("float32").reshape(-1, 1)


_MAKERS = {
    "mlp": _digits,
    "convnet": _images,
    "reviews": _reviews,
    "lstm": _sequences,
    "gru": _sequences,
    "transformer": _vectors,
    "houses": _houses,
}
