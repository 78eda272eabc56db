"""What benchmarks train on: MNIST where it is at hand, otherwise drawn digits."""

from __future__ import annotations

import numpy as np


def digits() -> tuple[np.ndarray, np.ndarray]:
    """60,000 images as float32 rows, and their labels as one-hot rows."""
    from cornu.datasets import DatasetUnavailable, mnist, synthetic_digits
    from cornu.utils import to_categorical

    try:
        (x, y), _ = mnist.load_data()
    except DatasetUnavailable:
        (x, y), _ = synthetic_digits.load_data()
    x = x.reshape(len(x), 784).astype("float32") / 255
    return x, to_categorical(y).astype("float32")
