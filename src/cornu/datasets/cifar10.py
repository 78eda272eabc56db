"""CIFAR-10: small colour photographs of ten things."""

from __future__ import annotations

import os

import numpy as np

from cornu.datasets import cifar, lookup

__all__ = ["load_data"]

_FILE = lookup.RemoteFile(
    title="CIFAR-10",
    name="cifar-10-python.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    checksum="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    others=("cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"),
    folders=("cifar-10-batches-py-target", "cifar-10-batches-py"),
)
_BATCHES = cifar.Batches(
    folder="cifar-10-batches-py",
    train={f"data_batch_{i}": 10000 for i in range(1, 6)},
    test={"test_batch": 10000},
    classes={"labels": 10},
)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the CIFAR-10 dataset.

    60,000 colour photographs, 32 by 32 pixels, 6,000 of each of ten classes; a sixth of
    them are the test set. Collected by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton;
    see https://www.cs.toronto.edu/~kriz/cifar.html.

    The classes are: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog,
    7 horse, 8 ship, 9 truck. A few of the labels are known to be wrong.

    `cifar-10-python.tar.gz`, or the folder `cifar-10-batches-py` that it unpacks to, is
    looked for in the folders of the environment variable `CORNU_DATA`, in Cornu's cache
    (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is in none of
    them, the archive (170 MB) is downloaded into Cornu's cache. It is read without
    unpacking it, and without running what its pickles might ask for.

    Args:
        path: another name of the archive or folder; or the name of an .npz file with
            `x_train`, `y_train`, `x_test` and `y_test`, which may also be a part of the
            whole. An absolute path is the only place then.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images, uint8 `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` with red, green and blue from 0 to 255, and labels, uint8
        `(50000, 1)` and `(10000, 1)` from 0 to 9.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the file that was found does not hold CIFAR-10.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.cifar10.load_data()
    ```

    License: none is stated. The authors ask to cite A. Krizhevsky, "Learning Multiple
    Layers of Features from Tiny Images", 2009.
    """
    return cifar.load(_FILE, path, _BATCHES, "labels")
