# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""Convolution and pooling in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from cornu.engines.tensorflow.lowerings import (
    expanded,
    kept,
    lowering,
    padded,
    put,
    sliced,
)
from cornu.graph import Node

# Convolution: one axis is a plane of height 1, two are Conv2D, three Conv3D. What these
# have not on a CPU (most groups, gradients of dilated windows) is expanded.


class _Planes:
    """The parameters of a convolution, in the form that TensorFlow's kernels take."""

    def __init__(self, node: Node, window: tuple[int, ...], channels: int) -> None:
        p, n = node.params, len(window)
        self.flat = n == 1
        ones, none = ((1,), ((0, 0),)) if self.flat else ((), ())
        self.window = (*ones, *window)
        self.padding = (*none, *p["padding"])
        self.strides = (*ones, *p["strides"])
        self.dilation = (*ones, *p["dilation"])
        self.depthwise = p["groups"] > 1 and p["groups"] == channels
        plain = set(self.dilation) == {1}
        floats = tf.as_dtype(node.outputs[0].dtype).is_floating
        if self.depthwise:
            even = len(set(p["strides"])) == 1
            self.strides = (p["strides"][0],) * 2
            self.fits = floats and n < 3 and even and plain
        else:
            forward = node.op.name == "conv" and n < 3
            fits = n in (1, 2, 3) and p["groups"] == 1 and (plain or forward)
            self.fits = floats and fits

    def kernel(self, w, channels: int) -> Any:
        if not self.depthwise:
            return tf.reshape(w, (*self.window, *w.shape[-2:]))
        return tf.reshape(w, (*self.window, channels, w.shape[-1] // channels))

    def lifted(self, x) -> Any:
        return x[:, None] if self.flat else x

    def padded(self, x) -> Any:
        return padded(self.lifted(x), ((0, 0), *self.padding, (0, 0)))

    def padded_shape(self, shape: tuple[int, ...]) -> list[int]:
        sizes = (1, *shape[1:-1]) if self.flat else shape[1:-1]
        sizes = zip(sizes, self.padding, strict=True)
        return [shape[0], *(n + lo + hi for n, (lo, hi) in sizes), shape[-1]]

    def inner(self, x) -> Any:
        return padded(x, ((0, 0), *((-lo, -hi) for lo, hi in self.padding), (0, 0)))

    def given(self) -> dict[str, Any]:
        return {"strides": (1, *self.strides, 1), "padding": "VALID"}

    def named(self, two: str, three: str, depthwise: str) -> Callable[..., Any]:
        name = three if len(self.window) == 3 else depthwise if self.depthwise else two
        return getattr(tf.raw_ops, name)


@lowering("conv")
def _conv(engine, node: Node, x, w) -> Any:
    planes = _Planes(node, tuple(w.shape[:-2]), x.shape[-1])
    if not planes.fits or 0 in node.outputs[0].shape:
        return expanded(engine, node, x, w)
    function = planes.named("Conv2D", "Conv3D", "DepthwiseConv2dNative")
    y = function(
        input=planes.padded(x),
        filter=planes.kernel(w, x.shape[-1]),
        dilations=(1, *planes.dilation, 1),
        **planes.given(),
    )
    return tf.reshape(y, node.outputs[0].shape)


@lowering("conv_input_grad")
def _conv_input_grad(engine, node: Node, g, w) -> Any:
    shape = node.outputs[0].shape
    planes = _Planes(node, tuple(w.shape[:-2]), shape[-1])
    if not planes.fits or 0 in (*g.shape, *shape):
        return expanded(engine, node, g, w)
    function = planes.named(
        "Conv2DBackpropInput",
        "Conv3DBackpropInputV2",
        "DepthwiseConv2dNativeBackpropInput",
    )
    y = function(
        input_sizes=planes.padded_shape(shape),
        filter=planes.kernel(w, shape[-1]),
        out_backprop=planes.lifted(g),
        **planes.given(),
    )
    return tf.reshape(planes.inner(y), shape)


@lowering("conv_kernel_grad")
def _conv_kernel_grad(engine, node: Node, x, g) -> Any:
    shape = node.outputs[0].shape
    planes = _Planes(node, shape[:-2], x.shape[-1])
    if not planes.fits or 0 in (*x.shape, *g.shape):
        return expanded(engine, node, x, g)
    function = planes.named(
        "Conv2DBackpropFilter",
        "Conv3DBackpropFilterV2",
        "DepthwiseConv2dNativeBackpropFilter",
    )
    sizes = [*planes.window, *shape[-2:]]
    if planes.depthwise:
        sizes[-2:] = [x.shape[-1], shape[-1] // x.shape[-1]]
    y = function(
        input=planes.padded(x),
        filter_sizes=sizes,
        out_backprop=planes.lifted(g),
        **planes.given(),
    )
    return tf.reshape(y, shape)


# Pooling


def _taps(node: Node, outs: tuple[int, ...], ends: tuple[int, int]) -> list[Any]:
    """Where in the padded input each element of the window lies, for all windows.

    As starts, stops and steps; the first and the last axis are taken whole.
    """
    p = node.params
    steps = (1, *p["strides"], 1)
    found = []
    for tap in np.ndindex(*p["window"]):
        sizes = zip(tap, outs, p["strides"], strict=True)
        stops = (ends[0], *(t + max(0, (n - 1) * s + 1) for t, n, s in sizes), ends[1])
        found.append(((0, *tap, 0), stops, steps))
    return found


@lowering("window_argmax")
def _window_argmax(engine, node: Node, x, y) -> Any:
    padding, dtype = node.params["padding"], node.outputs[0].dtype
    inside = np.pad(np.ones(x.shape[1:-1], bool), padding)[None, ..., None]
    taps = _taps(node, y.shape[1:-1], (x.shape[0], x.shape[-1]))
    x = padded(x, ((0, 0), *padding, (0, 0)))
    # How many come before the first one that is hit: sums are faster than choices.
    found, missed = tf.zeros(y.shape, dtype), tf.ones(y.shape, tf.bool)
    for tap in taps:
        part = sliced(x, *tap)
        hit = (part == y) | (part != part)
        if not inside.all():
            hit = hit & inside[tuple(map(slice, *tap))]
        missed = missed & ~hit
        found = found + tf.cast(missed, dtype)
    return found


@lowering("window_put")
def _window_put(engine, node: Node, g, places) -> Any:
    def part(number: Any) -> Any:
        return kept(places == tf.constant(number, places.dtype), g)

    return _spread(node, g, part)


@lowering("window_sum_grad")
def _window_sum_grad(engine, node: Node, g) -> Any:
    return _spread(node, g, lambda number: g)


def _spread(node: Node, g, part: Callable[[int], Any]) -> Any:
    sizes, padding = node.params["sizes"], node.params["padding"]
    if node.params["window"] == node.params["strides"] and not any(map(any, padding)):
        return _tiled(node, [part(i) for i in range(np.prod(node.params["window"]))])
    spread = [n + lo + hi for n, (lo, hi) in zip(sizes, padding, strict=True)]
    shape = (g.shape[0], *spread, g.shape[-1])
    taps = _taps(node, g.shape[1:-1], (g.shape[0], g.shape[-1]))
    x = tf.add_n([put(part(i), shape, *tap) for i, tap in enumerate(taps)])
    return padded(x, ((0, 0), *((-lo, -hi) for lo, hi in padding), (0, 0)))


def _tiled(node: Node, parts: list[Any]) -> Any:
    """Windows that neither overlap nor leave a gap, as pooling mostly has them.

    Each number belongs to one window: they are put in a row, and nothing is added up.
    """
    window, sizes = node.params["window"], node.params["sizes"]
    for axis in reversed(range(len(window))):
        k = window[axis]
        # The axis of the window goes behind that of its place.
        rows = [parts[i : i + k] for i in range(0, len(parts), k)]
        parts = [_interleaved(row, axis + 1) for row in rows]
    (x,) = parts
    rest = [(0, size - k) for size, k in zip(sizes, x.shape[1:-1], strict=True)]
    return padded(x, ((0, 0), *rest, (0, 0)))


def _interleaved(parts: list[Any], axis: int) -> Any:
    shape = [*parts[0].shape]
    shape[axis] *= len(parts)
    return tf.reshape(tf.stack(parts, axis + 1), shape)
