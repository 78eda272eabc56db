"""MNIST handwritten digits dataset."""

from __future__ import annotations

import os

import numpy as np

from cornu.datasets import images, lookup

__all__ = ["load_data"]

_FILE = lookup.RemoteFile(
    title="MNIST",
    name="mnist.npz",
    urls=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "https://s3.amazonaws.com/img-datasets/mnist.npz"
        "#md5:8a61469f7ea1b51cbae51d4f78837e45",
    ),
    checksum="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)


def load_data(
    path: str | os.PathLike[str] = "mnist.npz",
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the MNIST dataset.

    60,000 grayscale images of the ten digits, 28 by 28 pixels, written by hand, and a
    test set of 10,000 images. See http://yann.lecun.com/exdb/mnist/.

    The file is looked for in the folders of the environment variable `CORNU_DATA`, in
    Cornu's cache (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is
    in none of them, it is downloaded into Cornu's cache.

    Args:
        path: name of the file in these folders; or the absolute path of the file.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images, uint8 `(60000, 28, 28)` and
        `(10000, 28, 28)` with values from 0 (paper) to 255 (ink), and labels, uint8
        `(60000,)` and `(10000,)` from 0 to 9.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the file that was found does not hold MNIST.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.mnist.load_data()
    ```

    License: Yann LeCun and Corinna Cortes hold the copyright of MNIST, which is derived
    from data sets of NIST, and made it available under the terms of the Creative
    Commons Attribution-Share Alike 3.0 license.
    """
    return images.load(lookup.find(_FILE, path), (28, 28))
