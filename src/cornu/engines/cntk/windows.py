"""Products, convolution and pooling; random bits."""

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
)
from cornu.engines.cntk.writer import Name, Writer
from cornu.graph import Node

# Products and windows


@lowering("dot_general")
def _dot_general(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    (ca, cb), (ba, bb) = node.params["contract"], node.params["batch"]
    sa, sb = node.inputs[0].shape, node.inputs[1].shape
    fa = [i for i in range(len(sa)) if i not in ca and i not in ba]
    fb = [i for i in range(len(sb)) if i not in cb and i not in bb]
    groups = [sa[i] for i in ba]
    inner = math.prod(sa[i] for i in ca)
    rows, columns = math.prod(sa[i] for i in fa), math.prod(sb[i] for i in fb)
    a, b = transpose(a, [*ba, *fa, *ca]), transpose(b, [*bb, *cb, *fb])
    if (len(fa), len(ca)) != (1, 1):
        a = reshape(a, (*groups, rows, inner))
    if (len(fb), len(cb)) != (1, 1):
        b = reshape(b, (*groups, inner, columns))
    y = in_wider(lambda a, b: a.do("MatMul", b), SMALL, a, b)
    if (len(fa), len(fb)) == (1, 1):
        return y
    return reshape(y, node.outputs[0].shape)


def _channels_first(x: Name, n: int) -> Name:
    return transpose(x, (0, n + 1, *range(1, n + 1)))


def _channels_last(x: Name, n: int) -> Name:
    return transpose(x, (0, *range(2, n + 2), 1))


def _pads(pairs: Any) -> list[int]:
    return [lo for lo, _ in pairs] + [hi for _, hi in pairs]


@lowering("conv", "conv_input_grad", "conv_kernel_grad")
def _convolution(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    """ONNX Runtime's kernels for float32; it has none for float64."""
    p, name = node.params, node.op.name
    by_groups = name == "conv_kernel_grad" and p["groups"] > 1
    sizes = [k for v in (*node.inputs, *node.outputs) for k in v.shape]
    if a.dtype != "float32" or by_groups or 0 in sizes:
        return _expanded(onnx, node, a, b)
    n = node.inputs[0].ndim - 2
    how = {"strides": p["strides"], "dilations": p["dilation"], "group": p["groups"]}
    how["pads"] = _pads(p["padding"])
    x = _channels_first(a, n)
    if name == "conv":
        w = transpose(b, (n + 1, n, *range(n)))
        return _channels_last(x.do("Conv", w, **how), n)
    if name == "conv_input_grad":
        w = transpose(b, (n + 1, n, *range(n)))
        how["output_padding"] = _left_over(node)
        return _channels_last(x.do("ConvTranspose", w, **how), n)
    # The places are the window here, and the batch the channels: strides and dilation
    # change their parts.
    how |= {"strides": p["dilation"], "dilations": p["strides"]}
    x = transpose(a, (n + 1, 0, *range(1, n + 1)))
    g = transpose(b, (n + 1, 0, *range(1, n + 1)))
    y = transpose(x.do("Conv", g, **how), (*range(2, n + 2), 0, 1))
    return y.do("Slice", *map(onnx.whole, ([0] * n, p["window"], range(n))))


def _left_over(node: Node) -> list[int]:
    """What no window reaches at the end of each axis."""
    p, (g, w) = node.params, node.inputs
    parts = zip(
        *(p["sizes"], g.shape[1:-1], w.shape[:-2]),
        *(p["strides"], p["dilation"], p["padding"]),
        strict=True,
    )
    return [
        size + lo + hi - (out - 1) * s - (k - 1) * d - 1
        for size, out, k, s, d, (lo, hi) in parts
    ]


def _expanded(onnx: Writer, node: Node, *values: Name) -> Any:
    specs = tuple(v.spec for v in node.inputs)
    body = onnx.engine.prepared(node.op.expanded(specs, node.params))
    outs = onnx.inline(body, values)
    return outs[0] if len(outs) == 1 else tuple(outs)


@lowering("window_argmax")
def _window_argmax(onnx: Writer, node: Node, x: Name, y: Name) -> Name:
    """The largest number of taps that are left where one holds the maximum."""
    p, dtype, outs = node.params, node.outputs[0].dtype, node.outputs[0].shape[1:-1]
    sizes = node.inputs[0].shape[1:-1]
    if 0 in node.inputs[0].shape or 0 in outs:
        return _expanded(onnx, node, x, y)
    inside = np.pad(np.ones(sizes, bool), p["padding"])
    x = pad(x, node.inputs[0].shape, ((0, 0), *p["padding"], (0, 0)))
    taps = list(np.ndindex(*p["window"]))
    left = onnx.constant(0, dtype)
    axes = onnx.whole(range(1, len(sizes) + 1))
    steps = onnx.whole(p["strides"])
    for number, tap in enumerate(taps):
        stops = [
            t + (n - 1) * s + 1 for t, n, s in zip(tap, outs, p["strides"], strict=True)
        ]
        part = x.do("Slice", onnx.whole(tap), onnx.whole(stops), axes, steps)
        hit = part.same(y) | part.do("IsNaN", dtype="bool")
        seen = inside[tuple(map(slice, tap, stops, p["strides"]))]
        if not seen.all():
            hit = hit & onnx.constant(seen[None, ..., None])
        left = onnx.add("Max", hit.cast(dtype) * (len(taps) - number), left)
    return -left + len(taps)


@lowering("window_put")
def _window_put(onnx: Writer, node: Node, g: Name, places: Name) -> Name:
    """Windows that do not overlap lie side by side, each with its taps."""
    p, shape = node.params, node.inputs[0].shape
    window, outs = p["window"], shape[1:-1]
    if p["strides"] != window or any(map(any, p["padding"])) or 0 in shape:
        return _expanded(onnx, node, g, places)
    split = [n for out in outs for n in (out, 1)]
    taps = [n for k in window for n in (1, k)]
    numbers = np.arange(math.prod(window)).reshape(1, *taps, 1)
    g, places = (reshape(v, (shape[0], *split, shape[-1])) for v in (g, places))
    chosen = places.same(onnx.constant(numbers.astype(places.dtype)))
    whole = [out * k for out, k in zip(outs, window, strict=True)]
    y = reshape(onnx.where(chosen, g, 0), (shape[0], *whole, shape[-1]))
    rest = [(0, size - n) for size, n in zip(p["sizes"], whole, strict=True)]
    return pad(y, (shape[0], *whole, shape[-1]), ((0, 0), *rest, (0, 0)))


# Random bits, as the definition makes them


@lowering("random_bits")
def _random_bits(onnx: Writer, node: Node, key: Name) -> Name:
    shape = node.params["shape"]
    n = int(np.prod(shape, dtype=np.int64))
    half = (n + 1) // 2

    def word(i: int) -> Name:
        return key.do("Gather", onnx.constant([i], "int64"), axis=0)

    def shifted(x: Name, by: int, direction: str) -> Name:
        return x.do("BitShift", by, direction=direction)

    ks = [word(0), word(1)]
    ks.append(ks[0].do("BitwiseXor", ks[1]).do("BitwiseXor", 0x1BD11BDA))
    x0 = onnx.constant(np.arange(half, dtype=np.uint32)) + ks[0]
    x1 = ks[1].do("Expand", onnx.whole([half]))
    for i in range(5):
        for r in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
            x0 = x0 + x1
            turned = shifted(x1, r, "LEFT").do(
                "BitwiseOr", shifted(x1, 32 - r, "RIGHT")
            )
            x1 = turned.do("BitwiseXor", x0)
        x0 = x0 + ks[(i + 1) % 3]
        x1 = x1 + ks[(i + 2) % 3] + (i + 1)
    bits = onnx.add("Concat", x0, x1, axis=0)
    bits = bits.do("Slice", onnx.whole([0]), onnx.whole([n]))
    return reshape(shifted(bits, 1, "RIGHT").cast("int32"), shape)
