"""Reading .npz files of data sets: what is not as announced is refused, unread."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

# The data sets here are far below; a small file can unpack to a thousand times more.
_MOST_BYTES = 2**31

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class _Unfit(Exception):
    """What is found in the file is not what is wanted."""


def load(
    file: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; code that a file might carry is never run.

    Args:
        file: path of the file.
        shapes: name and shape of each array that is wanted; -1 stands for any size.
        dtype: what the arrays are made of; no objects, which would be pickled.

    Returns:
        The arrays by name.

    Raises:
        ValueError: when the file cannot be read or holds something else; it names the
            file.
    """
    wanted = ", ".join(f"{k} {s}".replace("-1", "n") for k, s in shapes.items())
    expected = f"an .npz file with arrays of {dtype}: {wanted}"
    try:
        with zipfile.ZipFile(file) as archive:
            return {
                name: _read(archive, name, shape, dtype)
                for name, shape in shapes.items()
            }
    except _Unfit as error:
        raise corrupt(file, str(error), expected) from None
    except zipfile.BadZipFile as error:
        raise corrupt(file, f"not a whole .npz file ({error})", expected) from error
    except Exception as error:
        # Whatever zipfile, its decompressors or NumPy stumble over in damaged bytes.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise corrupt(file, f"cannot be read ({reason})", expected) from error


def _read(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: str
) -> np.ndarray:
    """An array, after its header is found to fit: only then is memory taken."""
    if f"{name}.npy" not in archive.namelist():
        raise _Unfit(f"there is no array {name!r} in it")
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        read_header = _HEADERS[np.lib.format.read_magic(member)]
        found, _, kind = read_header(member)
        here = member.tell()
    fits = len(found) == len(shape) and all(
        have >= 0 and want in (-1, have) for want, have in zip(shape, found)
    )
    if not fits or kind != dtype:
        raise _Unfit(f"{name} is {kind} of shape {found}")
    nbytes = math.prod(found) * kind.itemsize
    if nbytes > _MOST_BYTES:
        raise _Unfit(f"{name} is {kind} of shape {found}, which is too large")
    if nbytes != info.file_size - here:
        raise _Unfit(f"{name} says that its shape is {found}, but has another size")
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def corrupt(file: str | os.PathLike[str], found: str, expected: str) -> ValueError:
    """The error to raise when the file of a data set is not what it should be.

    Args:
        file: path of the file.
        found: what is wrong with it.
        expected: what it should be.
    """
    return ValueError(
        f"{os.fspath(file)}: {found}.\n"
        f"Expected {expected}.\n"
        "Delete or replace this file; a file that is nowhere is downloaded anew."
    )
