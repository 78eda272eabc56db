"""HDF5 files, read with care.

A file may hold links to other files, arrays that are made of other files, and claims of
any size. What is read here lies in the file itself, and fits what is expected.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeGuard

import numpy as np

from cornu.graph.spec import DTYPES, standardize_dtype

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# A heap of texts: this, its length, and the texts: a number (0 for the rest), how often
# it is used, its length, and its characters, filled up to 8 bytes.
_HEAP = b"GCOL\x01\0\0\0"
_LENGTH, _TEXT = struct.Struct("<Q"), struct.Struct("<HH4xQ")
# Filters of HDF5 itself: deflate, shuffle, fletcher32, szip, nbit, scale-offset; and
# h5py's lzf. Any other would be looked up among the plug-ins of the machine.
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
_MOST_TEXT = 2**30  # bytes of an attribute: no description is longer
_MOST_SHRUNK = 20  # numbers do not shrink more by compression
_LARGEST_CHUNK = 2**20  # elements, where an array is smaller than that


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as HDF5 files do."""
    with open(path, "rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


@contextmanager
def opened(content: Any, name: str) -> Iterator[Any]:
    """An HDF5 file to read from.

    Args:
        content: its path, or a file object.
        name: what it is called in errors.

    Raises:
        ValueError: for whatever is wrong with it.
    """
    import h5py

    try:
        with h5py.File(content, "r") as file:
            yield file
    except Misfit as misfit:
        raise unfit(name, str(misfit)) from misfit.__cause__
    except Exception as error:  # HDF5 raises a dozen kinds
        if isinstance(error, ValueError) and str(error).count("\n") == 2:
            raise
        text = str(error).partition("\n")[0][:300] or type(error).__name__
        raise unfit(name, f"it cannot be read as HDF5 ({text})") from error


class Misfit(Exception):
    """What does not fit, in words; `opened` makes an error of it."""


def unfit(name: str, problem: str) -> ValueError:
    """The error for a file that does not fit a model."""
    return ValueError(
        f"{name!r} does not fit: {problem}.\n"
        "Expected a file of weights of a model made of the same layers.\n"
        "Build the same model first; skip_mismatch=True loads the layers that fit."
    )


def at(group: Any, path: str) -> Any:
    """What lies at a path, by plain links alone; None where there is nothing.

    Raises:
        Misfit: for links to elsewhere.
    """
    import h5py

    for part in filter(None, path.split("/")):
        if not isinstance(group, h5py.Group):
            return None
        link = group.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise Misfit(f"{path!r} is a link to elsewhere")
        group = group[part]
    return group


def group_at(group: Any, path: str) -> Any:
    """The group at a path; None where there is nothing.

    Raises:
        Misfit: for anything else.
    """
    import h5py

    found = at(group, path)
    if found is not None and not isinstance(found, h5py.Group):
        raise Misfit(f"{path!r} is no group")
    return found


def is_plain(found: Any) -> TypeGuard[Any]:
    """Whether something is an array of numbers that lie in the file itself."""
    import h5py

    if not isinstance(found, h5py.Dataset):
        return False
    if found.dtype.name not in DTYPES and not _is_bfloat16(found):
        return False
    if found.external is not None or found.is_virtual:
        return False
    settings = found.id.get_create_plist()
    filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
    # A chunk is unpacked as a whole, also where the array is only a corner of it.
    chunk = int(np.prod(found.chunks or (), dtype="float64"))
    return filters <= _FILTERS and chunk <= max(found.size or 0, _LARGEST_CHUNK)


def _is_bfloat16(found: Any) -> bool:
    """Whether a dataset holds bfloat16, which HDF5 has not: two bytes, and a note."""
    return found.dtype.name == "void16" and found.attrs.get("dtype") == "bfloat16"


def numbers(found: Any) -> np.ndarray:
    """The array of a dataset that `is_plain`."""
    array = found[()]
    return array.view(_bfloat16()) if _is_bfloat16(found) else array


def put(group: Any, name: str, array: np.ndarray) -> None:
    """Write an array into a group, as Keras does."""
    made = group.create_dataset(name, data=array)
    if array.dtype.name == "bfloat16":
        made.attrs["dtype"] = "bfloat16"


def _bfloat16() -> np.dtype:
    return np.dtype(standardize_dtype("bfloat16"))


def is_in_full(found: Any) -> bool:
    """Whether the file has about as many bytes as an array says that it has."""
    return found.nbytes <= found.id.get_storage_size() * _MOST_SHRUNK + _LARGEST_CHUNK


def text(owner: Any, name: str) -> str | None:
    """A text among the attributes of a group; None where there is none.

    Raises:
        Misfit: when it is something else, or says that it has an impossible size.
    """
    value = _attribute(owner, name)
    if value is None:
        return None
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode("utf8")
    if not isinstance(value, str):
        raise Misfit(f"its attribute {name!r} is no text")
    return str(value)


def names(owner: Any, name: str) -> list[str]:
    """A list of names among the attributes, which may be in parts: name0, name1, ...

    Raises:
        Misfit: when it is something else, or says that it has an impossible size.
    """
    whole = _attribute(owner, name)
    parts, i = ([] if whole is None else [whole]), 0
    while whole is None and (part := _attribute(owner, f"{name}{i}")) is not None:
        parts.append(part)
        i += 1
    found: list[str] = []
    for part in parts:
        if np.size(part) and np.asarray(part).dtype.kind not in "SUO":
            raise Misfit(f"its attribute {name!r} is no list of names")
        found += [
            n.decode("utf8") if isinstance(n, bytes) else str(n)
            for n in np.asarray(part).reshape(-1).tolist()
        ]
    return found


def _attribute(owner: Any, name: str) -> Any:
    import h5py

    if name not in owner.attrs:
        return None
    about = owner.attrs.get_id(name)
    count = int(np.prod(about.shape or (), dtype="float64"))
    if not count:
        return np.zeros(0)
    stored, size = about.get_type(), about.get_storage_size()
    is_text = isinstance(stored, h5py.h5t.TypeStringID)
    if is_text and stored.is_variable_str():  # they are elsewhere, and may be one
        size += count * _longest_text(owner.file)
    if not is_text or size > _MOST_TEXT:
        raise Misfit(f"its attribute {name!r} has an impossible type or size")
    return owner.attrs[name]


def _longest_text(file: Any) -> int:
    """How long a text can be that lies in one of a file's heaps, which are sound then.

    In a heap that is damaged, the HDF5 library would walk on and on.
    """
    path = file.filename
    about = os.stat(path)
    return _heaps(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=1)
def _heaps(path: str, size: int, changed: int) -> int:
    longest, start = 0, -1
    with (
        open(path, "rb") as raw,
        mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        while (start := content.find(_HEAP, start + 1)) >= 0:
            (length,) = _LENGTH.unpack_from(content, start + 8)
            end, place = start + length, start + 16
            while place + 16 <= min(end, size):
                index, _, needed = _TEXT.unpack_from(content, place)
                if index == 0:  # the rest, of which the length counts from here
                    place += needed or size
                else:
                    place += 16 + -(-needed // 8) * 8
                    longest = max(longest, needed)
            if end > size or place > end:
                raise Misfit("one of its heaps is damaged")
    return longest
