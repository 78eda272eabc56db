"""Shapes, elements by index, sums and extremes along axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu.engines.cntk.table import (
    SMALL,
    in_wider,
    lowering,
    pad,
    reshape,
    transpose,
    widened,
)
from cornu.engines.cntk.writer import Name, Writer
from cornu.graph import Node

# Shapes


@lowering("reshape")
def _reshape(onnx: Writer, node: Node, x: Name) -> Name:
    return reshape(x, node.params["shape"])


@lowering("transpose")
def _transpose(onnx: Writer, node: Node, x: Name) -> Name:
    return transpose(x, node.params["axes"])


@lowering("broadcast_to")
def _broadcast_to(onnx: Writer, node: Node, x: Name) -> Name:
    shape = node.params["shape"]
    if 0 in shape:  # which would stay 1
        return onnx.constant(np.zeros(shape, x.dtype))
    return x.do("Expand", onnx.whole(shape))


@lowering("concatenate")
def _concatenate(onnx: Writer, node: Node, *xs: Name) -> Name:
    return onnx.add("Concat", *xs, axis=node.params["axis"])


@lowering("pad")
def _pad(onnx: Writer, node: Node, x: Name) -> Name:
    pads, value = node.params["pads"], node.params["value"]
    return pad(x, node.inputs[0].shape, pads, value)


@lowering("slice")
def _slice(onnx: Writer, node: Node, x: Name) -> Name:
    p, n = node.params, len(node.params["starts"])
    parts = p["starts"], p["stops"], range(n), p["steps"]
    return x.do("Slice", *map(onnx.whole, parts)) if n else x


@lowering("slice_grad")
def _slice_grad(onnx: Writer, node: Node, g: Name) -> Name:
    p, spec = node.params, node.inputs[0]
    if not p["shape"]:
        return g
    sizes = list(spec.shape)
    pads = []
    for axis, step in enumerate(p["steps"]):
        if step > 1 and sizes[axis]:
            # With zeros in between, along an axis of its own.
            split = [*sizes[: axis + 1], 1, *sizes[axis + 1 :]]
            around = [(0, 0)] * len(split)
            around[axis + 1] = (0, step - 1)
            g = pad(reshape(g, split), split, around)
            sizes[axis] *= step
            g = reshape(g, sizes)
        low = p["starts"][axis] if spec.shape[axis] else 0
        pads.append((low, p["shape"][axis] - low - sizes[axis]))
    return pad(g, sizes, pads)


@lowering("flip")
def _flip(onnx: Writer, node: Node, x: Name) -> Name:
    axes = node.params["axes"]
    if not axes:
        return x
    ends = [-(2**62)] * len(axes)
    parts = [-1] * len(axes), ends, axes, [-1] * len(axes)
    return x.do("Slice", *map(onnx.whole, parts))


# By index


@lowering("gather")
def _gather(onnx: Writer, node: Node, x: Name, indices: Name) -> Name:
    return x.do("Gather", indices, axis=node.params["axis"])


# Only ScatterElements goes through the updates in order; ScatterND lets threads race
# for places that are met twice.


@lowering("scatter_add")
def _scatter_add(
    onnx: Writer, node: Node, x: Name, indices: Name, updates: Name
) -> Name:
    axis, shape = node.params["axis"], list(node.inputs[0].shape)
    shape[axis] = node.inputs[1].spec.size
    return _scattered(x, indices, reshape(updates, shape), shape, axis, "add")


@lowering("scatter_reduce")
def _scatter_reduce(
    onnx: Writer, node: Node, x: Name, indices: Name, updates: Name
) -> Name:
    how = str(node.params["how"]).replace("set", "none")
    return _scattered(x, indices, updates, node.inputs[2].shape, 0, how)


def _scattered(
    x: Name, indices: Name, updates: Name, shape: Any, axis: int, how: str
) -> Name:
    if 0 in shape:
        return x
    column = [shape[axis] if i == axis else 1 for i in range(len(shape))]
    places = reshape(indices, column).do("Expand", x.writer.whole(shape))
    return x.do("ScatterElements", places, updates, axis=axis, reduction=how)


@lowering("sort", "argsort")
def _sort(onnx: Writer, node: Node, x: Name) -> Name:
    axis, size = node.params["axis"], node.inputs[0].shape[node.params["axis"]]
    spec = node.outputs[0].spec

    def order(key: Name) -> Name:
        """Equals in their order, as ONNX promises of TopK."""
        how = {"axis": axis, "largest": 0, "sorted": 1}
        given = [key, onnx.whole([size])]
        return onnx.emit("TopK", given, [key.dtype, "int64"], **how)[1]

    wide = {"bool": "uint8", "uint16": "int32", "uint32": "int64", "uint64": "int64"}
    if x.dtype.startswith("float"):
        # NaN stands at the end: in order among infinities first, then apart from them.
        bad = x.do("IsNaN", dtype="bool")
        first = order(onnx.where(bad, math.inf, x))
        last = order(bad.cast("uint8").do("GatherElements", first, axis=axis))
        places = first.do("GatherElements", last, axis=axis)
    else:
        places = order(x.cast(wide.get(x.dtype, x.dtype)))
    if node.op.name == "argsort":
        return places.cast(spec.dtype)
    return x.do("GatherElements", places, axis=axis)


# Along axes


@lowering("reduce_sum", "reduce_prod", "reduce_max", "reduce_min")
def _reduce(onnx: Writer, node: Node, x: Name) -> Name:
    axes, keep = node.params["axis"], int(node.params["keepdims"])
    op = f"Reduce{node.op.name.removeprefix('reduce_').title()}"
    if not axes:
        return x

    def reduced(x: Name) -> Name:
        return x.do(op, onnx.whole(axes), keepdims=keep)

    if x.dtype == "bool":
        found = reduced(x.cast("int32"))
        return ~found.same(0)
    y = in_wider(reduced, SMALL, x)
    if op in ("ReduceMax", "ReduceMin") and x.dtype.startswith("float"):
        return onnx.where(_has_nan(x, axes, keep), math.nan, y)
    return y


def _has_nan(x: Name, axes: Any, keepdims: int) -> Name:
    """Whether there is a NaN, which ONNX Runtime's extremes may pass by."""
    bad = x.do("IsNaN", dtype="bool")
    return bad.do("ReduceMax", x.writer.whole(axes), keepdims=keepdims)


@lowering("argmax", "argmin")
def _arg(onnx: Writer, node: Node, x: Name) -> Name:
    op, axis = node.op.name.replace("arg", "Arg").replace("m", "M"), node.params["axis"]
    how: Any = {"axis": axis, "keepdims": 0}
    if not x.dtype.startswith("float"):
        return widened(x).do(op, dtype="int64", **how).cast("int32")
    # The first NaN, where there is one.
    bad = x.do("IsNaN", dtype="bool").cast("int32").do("ArgMax", dtype="int64", **how)
    y = x.do(op, dtype="int64", **how)
    return onnx.where(_has_nan(x, [axis], 0), bad, y).cast("int32")


@lowering("cumsum")
def _cumsum(onnx: Writer, node: Node, x: Name) -> Name:
    axis = onnx.constant(node.params["axis"], "int64")
    reverse = int(node.params["reverse"])
    return in_wider(lambda x: x.do("CumSum", axis, reverse=reverse), SMALL, x)
