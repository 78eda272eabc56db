"""Fashion-MNIST: small photographs of clothes, in the form of MNIST."""

from __future__ import annotations

import os

import numpy as np

from cornu.datasets import images, lookup

__all__ = ["load_data"]

_ADDRESSES = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)
_WHOLE = "fashion_mnist.npz"


def _file(name: str, md5: str, *others: str) -> lookup.RemoteFile:
    """One of the four files. MNIST's have the same names: so only in its own folders.

    Args:
        name: name of the file.
        md5: the checksum that the makers publish.
        others: other names on this computer.
    """
    return lookup.RemoteFile(
        title="Fashion-MNIST",
        name=f"fashion-mnist/{name}",
        urls=tuple(f"{address}/{name}" for address in _ADDRESSES),
        checksum=f"md5:{md5}",
        others=(*others, f"FashionMNIST/raw/{name}"),
    )


_TRAIN = (
    _file("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", _WHOLE),
    _file("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
)
_TEST = (
    _file("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
    _file("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
)
_NPZ = lookup.RemoteFile("Fashion-MNIST", _WHOLE, (), "")


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the Fashion-MNIST dataset.

    60,000 grayscale images of articles of a fashion shop, 28 by 28 pixels, and a test
    set of 10,000 images: the form of MNIST, but harder. See
    https://github.com/zalandoresearch/fashion-mnist.

    The classes are: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal,
    6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Its four files (`fashion-mnist/train-images-idx3-ubyte.gz` and so on), or one
    `fashion_mnist.npz`, are looked for in the folders of the environment variable
    `CORNU_DATA`, in Cornu's cache (`~/.cornu/datasets`) and in Keras's
    (`~/.keras/datasets`). What is in none of them is downloaded into Cornu's cache.

    Args:
        path: name of an .npz file in these folders with `x_train`, `y_train`, `x_test`
            and `y_test`, or its absolute path: for another file than the usual ones.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images, uint8 `(60000, 28, 28)` and
        `(10000, 28, 28)` with values from 0 (background) to 255, and labels, uint8
        `(60000,)` and `(10000,)` from 0 to 9.

    Raises:
        DatasetUnavailable: when a file is nowhere, and cannot be downloaded.
        ValueError: when a file that was found does not hold Fashion-MNIST.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.fashion_mnist.load_data()
    ```

    License: Zalando SE holds the copyright of Fashion-MNIST, and made it available
    under the MIT license.
    """
    if path is not None:
        return images.load(lookup.find(_NPZ, path), (28, 28))
    first = lookup.find(_TRAIN[0])
    if first.suffix == ".npz":
        return images.load(first, (28, 28))
    train = images.load_idx(first, lookup.find(_TRAIN[1]), (28, 28))
    test = images.load_idx(lookup.find(_TEST[0]), lookup.find(_TEST[1]), (28, 28))
    return train, test
