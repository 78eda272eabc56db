"""Small files in the forms in which data sets are published."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from typing import Any

import numpy as np


def ragged(rows: list[list[int]]) -> np.ndarray:
    """An array of these lists."""
    array = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        array[i] = row
    return array


def texts(count: int, seed: int) -> list[list[int]]:
    """Lists of word numbers, frequent ones more often, of different lengths."""
    rng = np.random.default_rng(seed)
    return [
        rng.zipf(1.3, rng.integers(1, 40)).clip(1, 70000).tolist() for _ in range(count)
    ]


def idx(array: np.ndarray) -> bytes:
    """A gzipped IDX file."""
    head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    # Without the time of its making: tests are told apart by it.
    return gzip.compress(head + array.tobytes(), mtime=0)


def targz(members: dict[str, bytes]) -> bytes:
    """A .tar.gz with these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


class Python2:
    """Pickles as Python 2 wrote them, of what CIFAR consists of."""

    def __init__(self) -> None:
        self.puts = 0

    def put(self) -> bytes:
        self.puts += 1
        if self.puts < 256:
            return b"q" + bytes([self.puts])
        return b"r" + struct.pack("<I", self.puts)

    def text(self, value: bytes) -> bytes:
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value + self.put()
        return b"T" + struct.pack("<I", len(value)) + value

    def number(self, value: int) -> bytes:
        if 0 <= value < 256:
            return b"K" + bytes([value])
        if 0 <= value < 65536:
            return b"M" + struct.pack("<H", value)
        return b"J" + struct.pack("<i", value)

    def array(self, value: np.ndarray) -> bytes:
        out = b"cnumpy.core.multiarray\n_reconstruct\n" + self.put()
        out += b"cnumpy\nndarray\n" + self.put() + b"K\x00\x85"
        out += self.text(b"b") + b"\x87" + self.put() + b"R" + self.put()
        out += b"(K\x01" + b"".join(map(self.number, value.shape)) + b"\x86"
        out += b"cnumpy\ndtype\n" + self.put() + self.text(b"u1") + b"K\x00K\x01\x87R"
        out += self.put() + b"(K\x03" + self.text(b"|")
        out += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        return out + self.text(value.tobytes()) + b"tb"

    def any(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return self.text(value)
        if isinstance(value, int):
            return self.number(value)
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, list):
            out = b"]" + self.put()
            for start in range(0, len(value), 1000):  # as it did, in thousands
                part = value[start : start + 1000]
                out += b"(" + b"".join(map(self.any, part)) + b"e"
            return out
        assert isinstance(value, dict)
        items = b"".join(self.any(k) + self.any(v) for k, v in value.items())
        return b"}" + self.put() + b"(" + items + b"u"


def python2(value: Any) -> bytes:
    """The pickle of a value, in protocol 2, with Python 2's texts."""
    return b"\x80\x02" + Python2().any(value) + b"."


def photographs(count: int, seed: int, **labels: int) -> dict[bytes, Any]:
    """A batch of CIFAR: images, and labels below these numbers."""
    rng = np.random.default_rng(seed)
    batch: dict[bytes, Any] = {b"batch_label": b"batch %d" % seed}
    for name, classes in labels.items():
        batch[name.encode()] = rng.integers(0, classes, count).tolist()
    batch[b"data"] = rng.integers(0, 256, (count, 3072), "uint8")
    batch[b"filenames"] = [b"photograph_%d.png" % i for i in range(count)]
    return batch
