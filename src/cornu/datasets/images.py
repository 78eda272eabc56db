"""Reading sets of images with labels, in the forms in which they are published."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np

from cornu.datasets import npz
from cornu.datasets.damaged import Unfit, corrupt, reading

Pair = tuple[np.ndarray, np.ndarray]

# A compressed byte gives at most so many: the limit of the method (RFC 1951).
_MOST_PER_BYTE = 1032


def load(
    file: Path, image: tuple[int, ...], label: tuple[int, ...] = ()
) -> tuple[Pair, Pair]:
    """Training and test set of an .npz file.

    Args:
        file: path of the file.
        image: shape of an image.
        label: shape of a label.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images, uint8 `(n, *image)`, and labels,
        uint8 `(n, *label)`.

    Raises:
        ValueError: when the file does not hold such images, or no label for each.
    """
    shapes = {"x_train": (-1, *image), "y_train": (-1, *label)}
    shapes |= {"x_test": (-1, *image), "y_test": (-1, *label)}
    arrays = npz.load(file, shapes, "uint8")
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        if len(arrays[x]) != len(arrays[y]):
            found = f"{len(arrays[x])} images in {x}, {len(arrays[y])} labels in {y}"
            raise corrupt(file, found, "one label for each image")
    return (
        (arrays["x_train"], arrays["y_train"]),
        (arrays["x_test"], arrays["y_test"]),
    )


def load_idx(images: Path, labels: Path, image: tuple[int, ...]) -> Pair:
    """Images and labels of two IDX files.

    Args:
        images: path of the compressed file of images.
        labels: path of the compressed file of labels.
        image: shape of an image.

    Returns:
        Images, uint8 `(n, *image)`, and labels, uint8 `(n,)`.

    Raises:
        ValueError: when the files do not hold such images, or no label for each.
    """
    x, y = _idx(images, image), _idx(labels, ())
    if len(x) != len(y):
        found = f"{len(y)} labels, but {len(x)} images in {images.name}"
        raise corrupt(labels, found, "one label for each image")
    return x, y


def _idx(file: Path, item: tuple[int, ...]) -> np.ndarray:
    """An array, uint8 `(n, *item)`.

    The format, from http://yann.lecun.com/exdb/mnist/: two zeros, the type of the
    numbers (8: unsigned bytes), how many axes there are; the size of each in four
    bytes, high ones first; the numbers.
    """
    shape = str((-1, *item)).replace("-1", "n")
    with reading(file, f"a gzipped IDX file with an array of uint8: {shape}"):
        most = file.stat().st_size * _MOST_PER_BYTE
        with gzip.open(file) as stream:
            start = stream.read(4)
            if start != bytes([0, 0, 8, len(item) + 1]):
                raise Unfit(f"begins with the bytes {start.hex(' ') or '(none)'}")
            sizes = stream.read(4 * (len(item) + 1))
            found = tuple(np.frombuffer(sizes, ">u4").tolist())
            if len(found) != len(item) + 1 or found[1:] != item:
                raise Unfit(f"says that its shape is {found}")
            nbytes = math.prod(found)
            # Memory is only taken for what can be there.
            content = stream.read(nbytes + 1) if nbytes <= most else b""
            if len(content) != nbytes:
                raise Unfit(f"says that its shape is {found}, but has another size")
    return np.frombuffer(bytearray(content), "uint8").reshape(found)
