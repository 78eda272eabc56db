"""Numbers, text and arrays in one .npz file: nothing in it can run.

The arrays are members '0.npy', '1.npy', ...; 'state.json' says where they belong.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from cornu.graph.messages import described
from cornu.graph.spec import standardize_dtype

_KIND, _VERSION = "state of a training", 1
_INDEX = "state.json"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


# All that zipfile, json and NumPy raise for bytes that are not what they seem.
_SAID_OF_BYTES = (
    *(zipfile.BadZipFile, struct.error, OSError, EOFError, RuntimeError),
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError),
)


class Damaged(ValueError):
    """Says in a few words why a file cannot be read."""


def pack(value: Any, kind: str = _KIND) -> bytes:
    """What a file holds that `unpack` reads.

    Args:
        value: numbers, text, None, NumPy arrays, and lists and dicts of them.
        kind: what the file says that it holds.

    Raises:
        TypeError: for anything else; the message says where it is.
    """
    arrays: list[np.ndarray] = []
    tree = _as_json(value, arrays, "state")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:  # stored, so that sizes are true
        file.writestr(
            _INDEX, json.dumps({"format": kind, "version": _VERSION, "state": tree})
        )
        for i, array in enumerate(arrays):
            with file.open(f"{i}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return content.getvalue()


def _as_json(value: Any, arrays: list[np.ndarray], where: str) -> Any:
    """The value with references to `arrays` in place of arrays."""
    if value is None or isinstance(value, (bool, int, float, str)):
        # Subclasses (NumPy's float64 is a float) come back as what they are made of.
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            arrays.append(array)
            return {"array": len(arrays) - 1}
        if array.dtype.name == "bfloat16":  # which .npy does not know
            arrays.append(array.view(np.uint16))
            return {"array": len(arrays) - 1, "dtype": "bfloat16"}
    elif isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            items = {k: _as_json(v, arrays, f"{where}.{k}") for k, v in value.items()}
            return {"dict": items}
    elif isinstance(value, (list, tuple)):
        return [_as_json(v, arrays, f"{where}[{i}]") for i, v in enumerate(value)]
    raise TypeError(
        f"{where} is {described(value)}, which a backup cannot hold.\n"
        "Expected numbers, text, None, arrays of numbers, lists, and dicts by name.\n"
        "Return such values from get_state(), and make the rest again in set_state()."
    )


def unpack(path: Path, kind: str = _KIND) -> Any:
    """What was packed in this file, as this kind; tuples come back as lists.

    Raises:
        Damaged: for anything that `pack` did not write, or that has changed since.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if _INDEX not in file.namelist():
                raise Damaged(f"it holds no {kind}")
            index = json.loads(_content(file, _INDEX))
            if (index.get("format"), index.get("version")) != (kind, _VERSION):
                raise Damaged(f"it holds no {kind}, or is of another version")
            return _from_json(index["state"], file)
    except Damaged:
        raise
    except _SAID_OF_BYTES as error:
        raise Damaged(f"it is damaged ({error})") from error


def _content(file: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member, checked by its sum, no more than the file itself has."""
    if file.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise Damaged(f"its member {name!r} is compressed")
    return file.read(name)


def _from_json(tree: Any, file: zipfile.ZipFile) -> Any:
    if isinstance(tree, list):
        return [_from_json(each, file) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if "dict" in tree:
        return {key: _from_json(each, file) for key, each in tree["dict"].items()}
    array = _array(_content(file, f"{int(tree['array'])}.npy"))
    if tree.get("dtype") == "bfloat16":
        return array.view(np.dtype(standardize_dtype("bfloat16")))
    return array


def _array(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    start, size = stream.tell(), math.prod(shape) * dtype.itemsize
    # Compared before memory is taken: a header may announce anything.
    if dtype.kind not in "biuf" or size != len(content) - start:
        raise Damaged("an array in it has another size than it says")
    array = np.frombuffer(content, dtype, offset=start)
    return array.reshape(shape, order="F" if fortran else "C").copy()
