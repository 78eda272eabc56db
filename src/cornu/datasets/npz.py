"""Reading .npz files of data sets: what is not as announced is refused, unread."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cornu.datasets import pickles
from cornu.datasets.damaged import Unfit, reading

# The data sets here are far below; a small file can unpack to a thousand times more.
_MOST_BYTES = 2**31

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load(
    file: Path, shapes: Mapping[str, tuple[int, ...]], *dtypes: str
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; code that a file might carry is never run.

    Args:
        file: path of the file.
        shapes: name and shape of each array that is wanted; -1 stands for any size.
        dtypes: what the arrays may be made of; no objects, which would be pickled.

    Returns:
        The arrays by name.

    Raises:
        ValueError: when the file cannot be read or holds something else; it names the
            file.
    """
    wanted = ", ".join(f"{k} {s}".replace("-1", "n") for k, s in shapes.items())
    expected = f"an .npz file with arrays of {' or '.join(dtypes)}: {wanted}"
    with _opened(file, expected) as archive:
        return {k: _numbers(archive, k, shapes[k], dtypes) for k in shapes}


def load_lists(file: Path, names: Sequence[str]) -> dict[str, list[list[int]]]:
    """The lists of integers in an .npz file, where each row has a length of its own.

    NumPy can only pickle such rows. Here they are unpickled by a reader that knows
    lists of integers and nothing else.

    Args:
        file: path of the file.
        names: names of the arrays that are wanted, each `(n,)`, of lists.

    Returns:
        The rows by name.

    Raises:
        ValueError: when the file cannot be read or holds something else; it names the
            file.
    """
    wanted = ", ".join(f"{name} (n,)" for name in names)
    expected = f"an .npz file with arrays of lists of integers: {wanted}"
    with _opened(file, expected) as archive:
        return {name: _lists(archive, name) for name in names}


@contextmanager
def _opened(file: Path, expected: str) -> Iterator[zipfile.ZipFile]:
    with reading(file, expected):
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise Unfit(f"not a whole .npz file ({error})") from error
        with archive:
            yield archive


class _Header(NamedTuple):
    """What an array says of itself, and where in the archive it is."""

    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype
    length: int  # of the header itself, in bytes

    @property
    def nbytes(self) -> int:
        """Number of bytes behind the header."""
        return self.info.file_size - self.length


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    if f"{name}.npy" not in archive.namelist():
        raise Unfit(f"there is no array {name!r} in it")
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        read_header = _HEADERS[np.lib.format.read_magic(member)]
        shape, _, dtype = read_header(member)
        return _Header(info, shape, dtype, member.tell())


def _numbers(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtypes: Sequence[str]
) -> np.ndarray:
    """An array, after its header is found to fit: only then is memory taken."""
    header = _header(archive, name)
    found = header.shape
    fits = len(found) == len(shape) and all(
        have >= 0 and want in (-1, have) for want, have in zip(shape, found)
    )
    if not fits or header.dtype not in map(np.dtype, dtypes):
        raise Unfit(f"{name} is {header.dtype} of shape {found}")
    nbytes = math.prod(found) * header.dtype.itemsize
    if nbytes > _MOST_BYTES:
        raise Unfit(f"{name} is {header.dtype} of shape {found}, which is too large")
    if nbytes != header.nbytes:
        raise Unfit(f"{name} says that its shape is {found}, but has another size")
    with archive.open(header.info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _lists(archive: zipfile.ZipFile, name: str) -> list[list[int]]:
    header = _header(archive, name)
    if len(header.shape) != 1 or header.dtype != np.dtype(object):
        raise Unfit(f"{name} is {header.dtype} of shape {header.shape}")
    if header.nbytes > pickles.MOST_BYTES:
        raise Unfit(f"{name} is too large: {header.nbytes} bytes")
    with archive.open(header.info) as member:
        content = member.read()[header.length :]
    try:
        return pickles.rows(content, header.shape[0])
    except Unfit as error:
        raise Unfit(f"{name} {error}") from None
