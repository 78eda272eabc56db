"""Reading the pickles in files of data sets; nothing that they name is ever run.

Some data sets were published as pickles: lists of word numbers (IMDB, Reuters), and
dictionaries with an array (CIFAR). A pickle is a program for a small stack machine, and
could call any function. So:

1. The program is looked through before it runs. Only instructions that make numbers,
   texts, lists, tuples and dictionaries are admitted, and the few that make an array;
   and none that would take more memory than it has bytes itself.
2. The names in it, of NumPy's functions, are looked up in a list here. What stands for
   them are inert objects that note how they were called. NumPy is never called.
3. What was noted must be an array exactly of the kind that is wanted.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any

import numpy as np

from cornu.datasets.damaged import Unfit

# Of one pickle. CIFAR-100's images are 154 MB in a single one.
MOST_BYTES = 2**28

# Of instructions, without the content of texts and arrays. An empty list takes 64 times
# more memory than the byte that makes it: so this is at most 2 GiB.
_MOST_INSTRUCTIONS = 2**25

# Instructions and their arguments, many at a time, since a data set has millions.
_PLAIN = re.compile(
    rb"(?:K.|M..|J....|[\](aetbRNsu})\x85-\x89\x94]|h.|q."
    rb"|[IL]-?[0-9]{1,19}L?\n"
    rb"|j..[\x00-\x0f]\x00|r..[\x00-\x0f]\x00"  # the memo: up to a million objects
    rb"|\x80[\x02-\x05]|\x95.{8}|\x93|c[^\n]{1,40}\n[^\n]{1,40}\n)*+",
    re.DOTALL,
)
_STOP = b"."
# Instructions that are followed by the size of their content: the bytes of that size.
_SIZED = {
    b"\x8a": 1,  # an integer
    b"U": 1,  # texts, of Python 2 and of Python 3
    b"T": 4,
    b"\x8c": 1,
    b"X": 4,
    b"C": 1,  # bytes
    b"B": 4,
}


def rows(content: bytes, count: int) -> list[list[int]]:
    """Lists of integers, from the pickle of an array of such lists.

    Args:
        content: the pickle.
        count: how many lists there must be.

    Raises:
        Unfit: when the pickle makes anything else.
    """
    shape, kind, data = _array(_unpickle(content))
    if shape != (count,) or kind != "O" or type(data) is not list:
        raise Unfit("is not the array of lists that it says it is")
    if len(data) != count:
        raise Unfit(f"says that it has {count} rows, but has {len(data)}")
    for row in data:
        if type(row) is not list or not set(map(type, row)) <= {int}:
            raise Unfit("has a row that is no list of integers")
    # Rows could be one long row, again and again: a small file, and no end of words.
    if sum(map(len, data)) > len(content):
        raise Unfit("has more words than fit into the file")
    return data


def images(content: bytes, labels: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels, from the pickle of a dictionary that Python 2 wrote.

    Args:
        content: the pickle.
        labels: name of the labels in the dictionary.
        width: number of bytes of an image.

    Returns:
        The images, uint8 `(n, width)`, and the labels, uint8 `(n,)`.

    Raises:
        Unfit: when the pickle makes anything else.
    """
    found = _unpickle(content)
    key = labels.encode()
    if type(found) is not dict or not {b"data", key} <= found.keys():
        raise Unfit(f"is no dictionary with 'data' and {labels!r}")
    shape, kind, data = _array(found[b"data"])
    numbers = found[key]
    if kind != "u1" or type(data) is not bytes or shape[1:] != (width,):
        raise Unfit(f"has no images of {width} bytes, uint8")
    if type(numbers) is not list or not set(map(type, numbers)) <= {int}:
        raise Unfit(f"has {labels!r} that are no list of integers")
    if numbers and not 0 <= min(numbers) <= max(numbers) < 256:
        raise Unfit(f"has {labels!r} that are no small numbers")
    if len(data) != shape[0] * width or len(numbers) != shape[0]:
        raise Unfit(
            f"says that it has {shape[0]} images, but has {len(data)} bytes "
            f"of them, and {len(numbers)} labels"
        )
    pixels = np.frombuffer(data, "uint8").reshape(shape)
    return pixels, np.array(numbers, "uint8")


class _Noted:
    """Stands for a name in a pickle, and for what would be made by calling it."""

    def __init__(self, name: str, args: tuple[Any, ...] | None = None) -> None:
        self.name, self.args, self.state = name, args, None

    def __call__(self, *args: Any) -> _Noted:
        return _Noted(self.name, args)

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reader(pickle.Unpickler):
    """An unpickler for which the world consists of the names of NumPy's arrays."""

    names = {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),  # before NumPy 2
        ("numpy._core.multiarray", "_reconstruct"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.names:
            raise Unfit(f"asks for {module}.{name}, which is not part of an array")
        return _Noted(name)

    def persistent_load(self, pid: Any) -> Any:
        raise Unfit("asks for something outside of the file")


def _unpickle(content: bytes) -> Any:
    _look_through(content)
    stream = io.BytesIO(content)
    return _Reader(stream, encoding="bytes").load()


def _look_through(content: bytes) -> None:
    """Refuse a pickle that has other instructions, or that takes too much memory."""
    at = sized = 0
    while True:
        plain = _PLAIN.match(content, at)
        assert plain is not None  # it matches nothing, too
        at = plain.end()
        code = content[at : at + 1]
        if code == _STOP:
            break
        if code not in _SIZED:
            raise Unfit(f"has the pickle instruction {code!r}, which is not admitted")
        start = at + 1 + _SIZED[code]
        size = int.from_bytes(content[at + 1 : start], "little")
        at = start + size
        sized += size
        if at > len(content):
            raise Unfit("is cut off")
    if at + 1 != len(content):
        raise Unfit("goes on after its end")
    if len(content) - sized > _MOST_INSTRUCTIONS:
        raise Unfit("is too large")


def _array(found: Any) -> tuple[tuple[int, ...], str, Any]:
    """Shape, kind (`O`, `u1`) and data of an array, as its pickle has noted them."""
    unfit = Unfit("is no array in row-major order")
    if not isinstance(found, _Noted) or found.name != "_reconstruct":
        raise unfit
    state = found.state
    if type(state) is not tuple or len(state) != 5 or state[0] != 1:
        raise unfit
    _, shape, dtype, by_columns, data = state
    if type(shape) is not tuple or not set(map(type, shape)) <= {int}:
        raise unfit
    if not isinstance(dtype, _Noted) or dtype.name != "dtype" or not dtype.args:
        raise unfit
    if by_columns and len(shape) > 1:
        raise unfit
    kind = dtype.args[0]
    kind = kind.decode("latin-1") if type(kind) is bytes else str(kind)
    # Object arrays say 4 or 8: the size of a pointer on the computer of their maker.
    return shape, kind[:1] if kind[1:] in ("4", "8") else kind, data
