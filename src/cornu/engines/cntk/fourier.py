"""Fourier transforms: ONNX has complex numbers as pairs along the last axis."""

from __future__ import annotations

from typing import Any

from cornu.engines.cntk.table import lowering, reshape
from cornu.engines.cntk.writer import Name, Writer
from cornu.graph import Node


def _pairs(parts: tuple[Name, Name], shape: tuple[int, ...]) -> Name:
    re, im = (reshape(part, (*shape, 1)) for part in parts)
    return re.writer.add("Concat", re, im, axis=-1)


def _parts(x: Name) -> tuple[Name, Name]:
    re, im = (x.do("Gather", x.writer.constant(i, "int64"), axis=-1) for i in range(2))
    return re, im


def _transformed(x: Name, axis: int, onesided: int = 0) -> Name:
    absent = Name(x.writer, "", "int64")  # the length, which is the axis's own
    places = x.writer.constant(axis, "int64")
    return x.do("DFT", absent, places, onesided=onesided)


@lowering("dft")
def _dft(onnx: Writer, node: Node, re: Name, im: Name) -> Any:
    """The inverse is the mirror image of that of the mirror image.

    ONNX's own divides, and ONNX Runtime does that with a number of float32.
    """
    shape, inverse = node.inputs[0].shape, node.params["inverse"]
    x = _pairs((re, -im if inverse else im), shape)
    for axis in node.params["axes"]:
        x = _transformed(x, axis % len(shape))
    re, im = _parts(x)
    return re, -im if inverse else im


@lowering("rdft")
def _rdft(onnx: Writer, node: Node, x: Name) -> Any:
    shape = node.inputs[0].shape
    return _parts(_transformed(reshape(x, (*shape, 1)), len(shape) - 1, onesided=1))


@lowering("irdft")
def _irdft(onnx: Writer, node: Node, re: Name, im: Name) -> Name:
    """Of the whole row: what is not given of it mirrors what is."""
    length, shape = node.params["length"], node.inputs[0].shape
    last = len(shape) - 1
    ends = [[(length - 1) // 2], [0], [last], [-1]]

    def whole(part: Name, mirrored: Name) -> Name:
        more = mirrored.do("Slice", *map(onnx.whole, ends))
        return onnx.add("Concat", part, more, axis=last)

    x = _pairs((whole(re, re), whole(-im, im)), (*shape[:-1], length))
    return _parts(_transformed(x, last))[0]
