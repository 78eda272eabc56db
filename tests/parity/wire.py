"""Nested values with arrays as bytes on a pipe: data only, no code travels."""

from __future__ import annotations

import io
import json
import struct
from typing import Any, BinaryIO

import numpy as np


def send(stream: BinaryIO, value: Any) -> None:
    """Write one message: its text, its arrays, and before each how long it is."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_plain(value, arrays)).encode()
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    for part in (text, packed.getvalue()):
        stream.write(struct.pack(">Q", len(part)))
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """The next message, or None at the end of the stream."""
    text, packed = _part(stream), _part(stream)
    if text is None or packed is None:
        return None
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return _nested(json.loads(text), arrays)


def _part(stream: BinaryIO) -> bytes | None:
    header = stream.read(8)
    return stream.read(*struct.unpack(">Q", header)) if len(header) == 8 else None


def _plain(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"__array__": name}
    if isinstance(value, dict):
        # Pairs, so that keys may be whole numbers (class weights).
        pairs = [[_plain(k, arrays), _plain(v, arrays)] for k, v in value.items()]
        return {"__dict__": pairs}
    if isinstance(value, tuple):
        return {"__tuple__": [_plain(v, arrays) for v in value]}
    if isinstance(value, list):
        return [_plain(v, arrays) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{value!r} is no data: only plain values and arrays travel")


def _nested(value: Any, arrays: Any) -> Any:
    if isinstance(value, list):
        return [_nested(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "__array__":
        return arrays[inner]
    if kind == "__tuple__":
        return tuple(_nested(v, arrays) for v in inner)
    return {_nested(k, arrays): _nested(v, arrays) for k, v in inner}
