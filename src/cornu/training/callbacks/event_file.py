"""The files that TensorBoard reads, written without TensorBoard.

A file is a row of records (TFRecord): length, its checksum, content, its checksum. Each
content is an `Event`, a message in the wire format of protocol buffers. Neither has
changed in ten years, and together they are shorter than this page; the package
`tensorboard`, which could write them too, brings 50 MB (gRPC, a web server) to a
machine that perhaps only trains.

Sources: tensorflow/core/lib/io/record_writer.h (records), tensorflow/core/util/
event.proto and framework/{summary,tensor,tensor_shape}.proto (messages),
https://protobuf.dev/programming-guides/encoding (their encoding), RFC 3720, appendix
B.4 (CRC-32C), https://www.w3.org/TR/png (pictures).
"""

from __future__ import annotations

import os
import socket
import struct
import time
import zlib
from itertools import count
from pathlib import Path

import numpy as np

BUCKETS = 30  # of a histogram, as TensorBoard's own summaries have
MOST_IMAGES = 3  # of one tag and step, also as there
_KEPT = 1 << 16  # bytes that may wait for the next flush
_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # DataType
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # DataClass
_files = count()


# Checksums


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _table()


def masked_crc32c(content: bytes) -> int:
    """The CRC-32C of some bytes, turned and shifted as TFRecord has it.

    Example:

    >>> hex(masked_crc32c(b"123456789"))  # its CRC-32C is 0xE3069283
    '0xc78ab0e5'
    """
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(content: bytes) -> bytes:
    """The content as a TFRecord."""
    length = struct.pack("<Q", len(content))
    parts = [length, struct.pack("<I", masked_crc32c(length))]
    return b"".join([*parts, content, struct.pack("<I", masked_crc32c(content))])


# Messages


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _int(field: int, n: int) -> bytes:
    return _varint(field << 3) + _varint(n)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _part(field: int, content: bytes | str) -> bytes:
    """A text, bytes, or a message in a message."""
    if isinstance(content, str):
        content = content.encode()
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _tensor(array: np.ndarray) -> bytes:
    """TensorProto: a float32 or float64 array."""
    kind = _FLOAT if array.dtype == np.float32 else _DOUBLE
    little = array.astype(array.dtype.newbyteorder("<"))
    return _int(1, kind) + _part(2, _dims(array.shape)) + _part(4, little.tobytes())


def _strings(texts: list[bytes], shape: tuple[int, ...]) -> bytes:
    """TensorProto: an array of bytes."""
    parts = [_part(8, text) for text in texts]
    return b"".join([_int(1, _STRING), _part(2, _dims(shape)), *parts])


def _dims(shape: tuple[int, ...]) -> bytes:
    return b"".join(_part(2, _int(1, n)) for n in shape)


def _value(
    tag: str, tensor: bytes, plugin: str, data_class: int = 0, content: bytes = b""
) -> bytes:
    """Summary with one value, and which part of TensorBoard shows it."""
    name = _part(1, plugin) + (_part(2, content) if content else b"")
    metadata = _part(1, name) + (_int(4, data_class) if data_class else b"")
    return _part(1, _part(1, tag) + _part(8, tensor) + _part(9, metadata))


def histogram(values: np.ndarray) -> np.ndarray:
    """Buckets of equal width: rows of left end, right end and number.

    Args:
        values: numbers; those that are not finite do not count.

    Returns:
        float64 of shape (BUCKETS, 3). All zeros without numbers; where all are equal,
        they stand in the last bucket, and the ends are that number.

    Example:

    >>> histogram(np.array([0.0, 1.0, 1.0]))[[0, -1], 2]
    array([1., 2.])
    """
    values = np.asarray(values, "float64").ravel()
    values = values[np.isfinite(values)]
    buckets = np.zeros((BUCKETS, 3))
    if not values.size:
        return buckets
    low, high = values.min(), values.max()
    if low == high:
        buckets[:, :2], buckets[-1, 2] = low, values.size
        return buckets
    edges = np.linspace(low, high, BUCKETS + 1)
    found = np.floor((values - low) / ((high - low) / BUCKETS)).astype(int)
    found = np.minimum(found, BUCKETS - 1)
    buckets[:, 0], buckets[:, 1] = edges[:-1], edges[1:]
    buckets[:, 2] = np.bincount(found, minlength=BUCKETS)
    return buckets


def png(image: np.ndarray) -> bytes:
    """A PNG file.

    Args:
        image: uint8 of shape (height, width, channels): 1 grey, 3 colours, 4 colours
            and opacity.
    """
    height, width, channels = image.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # 0: no filter
    rows[:, 1:] = image.reshape(height, -1)
    chunks = [
        (b"IHDR", header),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    ]
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, content in chunks:
        parts += [struct.pack(">I", len(content)), name, content]
        parts.append(struct.pack(">I", zlib.crc32(name + content)))
    return b"".join(parts)


# The file


class EventFile:
    """A file of events, which is made in its folder with the first flush.

    It is open only while it is written: whatever happens, no open file is left.

    Args:
        folder: where; made if it is missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        now, host = int(time.time()), socket.gethostname()
        name = f"events.out.tfevents.{now:010d}.{host}.{os.getpid()}.{next(_files)}.v2"
        self.path = Path(folder).absolute() / name
        self._waiting: list[bytes] = []
        self._size = 0
        self._add(_part(3, "brain.Event:2"))

    def _add(self, what: bytes, step: int = 0) -> None:
        event = _double(1, time.time()) + (_int(2, step) if step else b"") + what
        self._waiting.append(record(event))
        self._size += len(self._waiting[-1])
        if self._size > _KEPT:
            self.flush()

    def flush(self) -> None:
        """Write what is not in the file yet."""
        if self._waiting:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(b"".join(self._waiting))
            self._waiting, self._size = [], 0

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a number."""
        tensor = _tensor(np.asarray(value, np.float32))
        self._add(_part(5, _value(tag, tensor, "scalars", _SCALAR)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Add how numbers are distributed."""
        tensor = _tensor(histogram(values))
        self._add(_part(5, _value(tag, tensor, "histograms", _TENSOR)), step)

    def images(self, tag: str, images: np.ndarray, step: int) -> None:
        """Add images.

        Args:
            tag: their name.
            images: floats from 0 to 1 of shape (n, height, width, channels); what lies
                outside is clipped. No more than `MOST_IMAGES` are written.
            step: the step.
        """
        shades = np.nan_to_num(np.asarray(images[:MOST_IMAGES], "float64"))
        shades = np.clip(shades * 255.5, 0, 255).astype(np.uint8)
        sizes = [str(n).encode() for n in (images.shape[2], images.shape[1])]
        texts = [*sizes, *map(png, shades)]
        tensor = _strings(texts, (len(texts),))
        self._add(_part(5, _value(tag, tensor, "images", _BLOBS)), step)

    def keras_model(self, tag: str, config: str) -> None:
        """Add a model's JSON, of which TensorBoard draws its graph."""
        value = _value(
            tag, _strings([config.encode()], ()), "graph_keras_model", 0, b"1"
        )
        self._add(_part(5, value))
