"""What CIFAR-10 and CIFAR-100 have in common: small colour photographs, pickled."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from cornu.datasets import images, lookup, pickles
from cornu.datasets.damaged import Unfit, corrupt, reading

_SIDE = 32  # pixels
_WIDTH = 3 * _SIDE * _SIDE  # bytes of an image
# All that is in an archive; each of the two has about 180 MB.
_MOST_BYTES = 2**28


class Batches(NamedTuple):
    """How the images are spread over the files of an archive.

    Args:
        folder: the folder in the archive.
        train: names of the files with training images, and how many are in each.
        test: name of the file with test images, and how many are in it.
        classes: number of classes by the name of the labels.
    """

    folder: str
    train: Mapping[str, int]
    test: Mapping[str, int]
    classes: Mapping[str, int]


def load(
    file: lookup.RemoteFile,
    path: str | os.PathLike[str] | None,
    batches: Batches,
    labels: str,
) -> tuple[images.Pair, images.Pair]:
    """Training and test set, from an archive, the folder it was unpacked to, or .npz.

    Args:
        file: the archive.
        path: another name than the archive's usual ones.
        batches: what is in it.
        labels: name of the labels that are wanted.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images, uint8 `(n, 32, 32, 3)`, and
        labels, uint8 `(n, 1)`.
    """
    found = lookup.find(file, path)
    if found.suffix == ".npz":
        return images.load(found, (_SIDE, _SIDE, 3), (1,))
    expected = f"{file.title} as it was published, in {file.name}"
    names = [*batches.train, *batches.test]
    with reading(found, expected):
        if found.is_dir():
            contents = _of_folder(found, batches.folder, names)
        else:
            contents = _of_archive(found, batches.folder, names)
    read = _Reading(found, expected, contents, labels, batches.classes[labels])
    return read.join(batches.train), read.join(batches.test)


class _Reading(NamedTuple):
    """Pickles that were read, and what is wanted of them."""

    found: Path
    expected: str
    contents: dict[str, bytes]
    labels: str
    classes: int

    def join(self, sizes: Mapping[str, int]) -> images.Pair:
        """The images and labels of the files of these names."""
        x = np.empty((sum(sizes.values()), _SIDE, _SIDE, 3), "uint8")
        y = np.empty((len(x), 1), "uint8")
        start = 0
        for name, size in sizes.items():
            # Each is forgotten once it is read: together they are large.
            pixels, numbers = self.batch(name, self.contents.pop(name), size)
            part = slice(start, start + size)
            # All reds come first in the file, then the greens, then the blues.
            x[part] = pixels.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
            y[part, 0] = numbers
            start += size
        return x, y

    def batch(self, name: str, content: bytes, size: int) -> images.Pair:
        with reading(self.found, self.expected):
            try:
                pixels, numbers = pickles.images(content, self.labels, _WIDTH)
            except Unfit as error:
                raise Unfit(f"{name} {error}") from None
        if len(pixels) != size:
            found = f"{name} has {len(pixels)} images instead of {size}"
            raise corrupt(self.found, found, self.expected)
        if numbers.max(initial=0) >= self.classes:
            found = f"{name} has the label {numbers.max()}"
            raise corrupt(self.found, found, f"labels below {self.classes}")
        return pixels, numbers


def _of_folder(found: Path, inner: str, names: list[str]) -> dict[str, bytes]:
    """The files in a folder, or in the folder of the archive within it."""
    folder = found / inner if (found / inner).is_dir() else found
    contents = {}
    for name in names:
        file = folder / name
        if not file.is_file():
            raise Unfit(f"there is no file {name} in it")
        if file.stat().st_size > pickles.MOST_BYTES:
            raise Unfit(f"{name} is too large")
        contents[name] = file.read_bytes()
    return contents


def _of_archive(found: Path, inner: str, names: list[str]) -> dict[str, bytes]:
    """The files of a .tar.gz, read into memory: none is written where it says."""
    contents = {}
    with gzip.open(found) as unzipped:
        stream = _Bounded(cast(BinaryIO, unzipped))
        with tarfile.open(fileobj=stream, mode="r|", bufsize=2**20) as archive:  # type: ignore[call-overload]
            for member in archive:
                folder, _, name = member.name.removeprefix("./").rpartition("/")
                if folder != inner or name not in names or name in contents:
                    continue
                if not member.isfile() or member.issparse():
                    raise Unfit(f"{name} is no ordinary file in it")
                if member.size > pickles.MOST_BYTES:
                    raise Unfit(f"{name} is too large")
                data = archive.extractfile(member)
                assert data is not None  # as for every ordinary file
                contents[name] = data.read()
        while stream.read(2**20):  # on to the checksum, which is at the end
            pass
    for name in names:
        if name not in contents:
            raise Unfit(f"there is no file {inner}/{name} in it")
    return contents


class _Bounded:
    """A stream that ends in an error where it has more than it should."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.left = stream, _MOST_BYTES

    def read(self, size: int) -> bytes:
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise Unfit("unpacks to more than it should")
        return content
