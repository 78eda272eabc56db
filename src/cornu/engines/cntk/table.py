"""The table of lowerings, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu.engines.cntk.writer import Name
from cornu.engines.library import Lowerings, into

LOWERINGS: Lowerings = {}


lowering = into(LOWERINGS)


def widened(x: Name) -> Name:
    return x.cast(SMALL.get(x.dtype, x.dtype))


def in_wider(
    function: Callable[..., Name], wide: dict[str, str], *values: Name
) -> Name:
    """Computed in a wider dtype where the kernel has not that of the values.

    Whole numbers that come out too large wrap around on the way back, as in NumPy.
    """
    dtype = values[0].dtype
    return function(*(v.cast(wide.get(dtype, dtype)) for v in values)).cast(dtype)


SMALL = {
    "bool": "int32",
    "int8": "int32",
    "uint8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "int64",
}


def reshape(x: Name, shape: Any) -> Name:
    """In another shape, in which a size of 0 is a size."""
    return x.do("Reshape", x.writer.whole(shape), allowzero=1)


def transpose(x: Name, axes: Any) -> Name:
    """The axes in another order."""
    order = [int(a) for a in axes]
    if order == sorted(order):
        return x
    return x.do("Transpose", perm=order)


def pad(x: Name, shape: Any, pads: Any, value: Any = 0) -> Name:
    """A number around x; what is negative cuts off."""
    cut = [(max(0, -lo), n - max(0, -hi)) for n, (lo, hi) in zip(shape, pads)]
    if cut != [(0, n) for n in shape]:
        starts, stops = zip(*cut, strict=True)
        x = x.do("Slice", *map(x.writer.whole, (starts, stops, range(len(cut)))))
    low, high = ([max(0, p[i]) for p in pads] for i in (0, 1))
    if not any([*low, *high]):
        return x
    widths = x.writer.whole([*low, *high])

    def padded(x: Name) -> Name:
        return x.do("Pad", widths, x.writer.constant(value, x.dtype))

    return in_wider(padded, {"int16": "int32", "uint16": "int32"}, x)
