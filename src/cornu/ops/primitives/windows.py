"""Convolution: what slides a kernel over the spatial axes. (Pooling: `pooling.py`.)

Layout: the batch first, then any number of spatial axes, channels last. A *tap* is one
position in the window; each operation is a sum over its taps, which is its expansion.
The three convolutions are one trilinear form, sum(g * conv(x, w)), read in three
directions: they are each other's gradients.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind
from cornu.ops.primitives.linear import dot_general
from cornu.ops.primitives.shapes import (
    concatenate,
    pad_op,
    reshape,
    slice_grad_op,
    static_slice,
)
from cornu.ops.public import floating, promote, public

__all__ = ["conv_general"]


def taps(sizes):
    """All positions in a window, the last axis fastest."""
    return list(itertools.product(*(range(n) for n in sizes)))


def out_sizes(sizes, window, strides, padding, dilation):
    """How often a window fits along each spatial axis."""
    return tuple(
        max(0, (n + lo + hi - (k - 1) * d - 1) // s + 1)
        for n, k, s, (lo, hi), d in zip(
            sizes, window, strides, padding, dilation, strict=True
        )
    )


def tap_index(tap, outs, strides, dilation):
    """What one tap sees of the padded input, as one slice per axis."""
    return (
        slice(None),
        *(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, n, s, d in zip(tap, outs, strides, dilation, strict=True)
        ),
        slice(None),
    )


def _full_padding(padding):
    return ((0, 0), *padding, (0, 0))


def conv_numpy(x, w, *, strides, padding, dilation, groups):
    """Convolution (correlation, as in all of deep learning): windows times kernel."""
    window, cin, cout = w.shape[:-2], w.shape[-2], w.shape[-1] // groups
    outs = [
        max(0, (n + lo + hi - (k - 1) * d - 1) // s + 1)
        for n, k, s, (lo, hi), d in zip(
            x.shape[1:-1], window, strides, padding, dilation
        )
    ]
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    (first, *steps, last), size = x.strides, int(np.prod(window))
    # Every window of each group: (groups, batch, *places, *window, channels / groups).
    seen = np.lib.stride_tricks.as_strided(
        x,
        (groups, x.shape[0], *outs, *window, cin),
        (
            cin * last,
            first,
            *(a * s for a, s in zip(steps, strides)),
            *(a * d for a, d in zip(steps, dilation)),
            last,
        ),
    )
    rows = x.shape[0] * int(np.prod(outs))
    kernel = np.moveaxis(w.reshape(size * cin, groups, cout), 1, 0)
    y = np.matmul(seen.reshape(groups, rows, size * cin), kernel)
    y = np.moveaxis(y, 0, 1).reshape(x.shape[0], *outs, groups * cout)
    return y.astype(x.dtype, copy=False)  # products of bfloat16 come out as float32


def conv_input_grad_numpy(g, w, *, sizes, strides, padding, dilation, groups):
    """What each input element gets from the outputs that it had a part in."""
    window, cin, cout = w.shape[:-2], w.shape[-2], w.shape[-1] // groups
    outs, size = g.shape[1:-1], int(np.prod(window))
    rows = g.shape[0] * int(np.prod(outs))
    padded = [n + lo + hi for n, (lo, hi) in zip(sizes, padding)]
    x = np.zeros((g.shape[0], *padded, groups * cin), g.dtype)
    kernel = np.moveaxis(w.reshape(size, cin, groups, cout), 2, 0)
    left = np.moveaxis(g.reshape(rows, groups, cout), 1, 0)
    for i, tap in enumerate(np.ndindex(*window)):
        index = tuple(
            slice(t * d, t * d + max(0, (n - 1) * s + 1), s)
            for t, n, s, d in zip(tap, outs, strides, dilation)
        )
        part = np.matmul(left, np.swapaxes(kernel[:, i], 1, 2))
        part = np.moveaxis(part, 0, 1).reshape(g.shape[0], *outs, groups * cin)
        x[(slice(None), *index)] += part
    inner = tuple(slice(lo, lo + n) for n, (lo, hi) in zip(sizes, padding))
    return np.ascontiguousarray(x[(slice(None), *inner)])


def conv_kernel_grad_numpy(x, g, *, window, strides, padding, dilation, groups):
    """What each kernel element gets from all places where it was used."""
    cin, cout = x.shape[-1] // groups, g.shape[-1] // groups
    outs = g.shape[1:-1]
    rows = g.shape[0] * int(np.prod(outs))
    w = np.zeros((*window, cin, g.shape[-1]), g.dtype)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    right = np.moveaxis(g.reshape(rows, groups, cout), 1, 0)
    for tap in np.ndindex(*window):
        index = tuple(
            slice(t * d, t * d + max(0, (n - 1) * s + 1), s)
            for t, n, s, d in zip(tap, outs, strides, dilation)
        )
        part = x[(slice(None), *index)].reshape(rows, groups, cin)
        product = np.matmul(np.moveaxis(part, 0, 2), right)
        w[tap] = np.moveaxis(product, 0, 1).reshape(cin, groups * cout)
    return w


def _infer_conv(x: Spec, w: Spec, *, strides, padding, dilation, groups) -> Spec:
    window = w.shape[:-2]
    if x.dtype != w.dtype:
        raise TypeError(f"[conv] got dtypes {x.dtype} and {w.dtype}.")
    if x.ndim != w.ndim or x.shape[-1] != w.shape[-2] * groups or w.shape[-1] % groups:
        raise ValueError(
            f"[conv] an input of shape {x.shape} does not fit a kernel of shape "
            f"{w.shape} with {groups} groups.\n"
            "Expected input (batch, *spatial, channels) and kernel (*window, "
            "channels / "
            "groups, filters), with filters a multiple of groups.\n"
            "Check the number of channels of the layer before."
        )
    outs = out_sizes(x.shape[1:-1], window, strides, padding, dilation)
    if 0 in outs and 0 not in x.shape:
        raise ValueError(
            f"[conv] a window of {window} (dilation {dilation}) is larger than the "
            f"padded input of shape {x.shape}.\nExpected a window that fits.\n"
            "Use a smaller kernel, padding='same', or larger inputs."
        )
    return Spec((x.shape[0], *outs, w.shape[-1]), x.dtype)


def _split_groups(x, groups):
    return reshape(x, (*x.shape[:-1], groups, x.shape[-1] // groups))


def _tap(w, tap):
    part = static_slice(w, (*(slice(t, t + 1) for t in tap), slice(None), slice(None)))
    return reshape(part, w.shape[-2:])


def with_padding(x, padding, value: float = 0):
    if not any(any(p) for p in padding):
        return x
    return bind(pad_op, (x,), {"pads": _full_padding(padding), "value": value})


def _conv_expansion(x, w, *, strides, padding, dilation, groups):
    outs = out_sizes(x.shape[1:-1], w.shape[:-2], strides, padding, dilation)
    x, n = with_padding(x, padding), x.ndim
    total = None
    for tap in taps(w.shape[:-2]):
        part = static_slice(x, tap_index(tap, outs, strides, dilation))
        kernel = _tap(w, tap)
        if groups == 1:
            term = dot_general(part, kernel, ((n - 1,), (0,)))
        else:
            # One product per group: (G, batch and places, filters / G).
            a = reshape(part, (-1, groups, kernel.shape[0]))
            b = _split_groups(kernel, groups)
            term = dot_general(a, b, ((2,), (0,)), ((1,), (1,)))
            term = FUNCTIONS["transpose"](term, (1, 0, 2))
        total = term if total is None else total + term
    return reshape(total, (x.shape[0], *outs, w.shape[-1]))


def _conv_input_grad_expansion(g, w, *, sizes, strides, padding, dilation, groups):
    outs, n = g.shape[1:-1], g.ndim
    channels = w.shape[-2] * groups
    padded = tuple(k + lo + hi for k, (lo, hi) in zip(sizes, padding, strict=True))
    shape = (g.shape[0], *padded, channels)
    total = None
    for tap in taps(w.shape[:-2]):
        kernel = _tap(w, tap)
        if groups == 1:
            part = dot_general(g, kernel, ((n - 1,), (1,)))
        else:
            a = reshape(g, (-1, groups, g.shape[-1] // groups))
            b = _split_groups(kernel, groups)
            part = dot_general(a, b, ((2,), (2,)), ((1,), (1,)))
            part = FUNCTIONS["transpose"](part, (1, 0, 2))
        part = reshape(part, (g.shape[0], *outs, channels))
        index = tap_index(tap, outs, strides, dilation)
        ranges = [i.indices(k) for i, k in zip(index, shape, strict=True)]
        starts, stops, steps = zip(*ranges, strict=True)
        params = {"shape": shape, "starts": starts, "stops": stops, "steps": steps}
        term = bind(slice_grad_op, (part,), params)
        total = term if total is None else total + term
    return with_padding(total, [(-lo, -hi) for lo, hi in padding])


def _conv_kernel_grad_expansion(x, g, *, window, strides, padding, dilation, groups):
    outs = g.shape[1:-1]
    cin, cout = x.shape[-1] // groups, g.shape[-1] // groups
    x = with_padding(x, padding)
    rows = reshape(g, (-1, groups, cout))
    parts = []
    for tap in taps(window):
        part = static_slice(x, tap_index(tap, outs, strides, dilation))
        part = reshape(part, (-1, groups, cin))
        product = dot_general(part, rows, ((0,), (0,)), ((1,), (1,)))
        parts.append(reshape(FUNCTIONS["transpose"](product, (1, 0, 2)), (1, cin, -1)))
    return reshape(concatenate(parts, 0), (*window, cin, groups * cout))


def _conv_gradient(g, ins, out, **params):
    x, w = ins
    return (
        lambda: bind(conv_input_grad_op, (g, w), {"sizes": x.shape[1:-1], **params}),
        lambda: bind(conv_kernel_grad_op, (x, g), {"window": w.shape[:-2], **params}),
    )


def _conv_input_grad_gradient(h, ins, out, *, sizes, **params):
    g, w = ins
    return (
        lambda: bind(conv_op, (h, w), params),
        lambda: bind(conv_kernel_grad_op, (h, g), {"window": w.shape[:-2], **params}),
    )


def _conv_kernel_grad_gradient(v, ins, out, *, window, **params):
    x, g = ins
    return (
        lambda: bind(conv_input_grad_op, (g, v), {"sizes": x.shape[1:-1], **params}),
        lambda: bind(conv_op, (x, v), params),
    )


conv_op = Op(
    "conv",
    infer=_infer_conv,
    numpy=conv_numpy,
    expansion=_conv_expansion,
    gradient=_conv_gradient,
    doc="Convolution over any number of spatial axes.",
)
conv_input_grad_op = Op(
    "conv_input_grad",
    infer=lambda g, w, *, sizes, strides, padding, dilation, groups: Spec(
        (g.shape[0], *sizes, w.shape[-2] * groups), g.dtype
    ),
    numpy=conv_input_grad_numpy,
    expansion=_conv_input_grad_expansion,
    gradient=_conv_input_grad_gradient,
    doc="The gradient of conv by its input.",
)
conv_kernel_grad_op = Op(
    "conv_kernel_grad",
    infer=lambda x, g, *, window, strides, padding, dilation, groups: Spec(
        (*window, x.shape[-1] // groups, g.shape[-1]), g.dtype
    ),
    numpy=conv_kernel_grad_numpy,
    expansion=_conv_kernel_grad_expansion,
    gradient=_conv_kernel_grad_gradient,
    doc="The gradient of conv by its kernel.",
)


def for_each_axis(value, n, what, function="conv", least=1):
    """One whole number per spatial axis.

    Raises:
        ValueError: for another count, or numbers that are too small.
    """
    whole = int, np.integer
    given = (value,) * n if isinstance(value, whole) else value
    found = tuple(given) if isinstance(given, (list, tuple)) else ()
    if len(found) != n or any(not isinstance(v, whole) or v < least for v in found):
        raise ValueError(
            f"[{function}] {what}={value!r} was given for {n} spatial axes.\n"
            f"Expected a whole number of at least {least}, or {n} of them.\n"
            f"For example {what}={(max(1, least),) * n}."
        )
    return tuple(int(v) for v in found)


def resolve_padding(padding, sizes, window, strides, dilation, function="conv"):
    """'valid', 'same', or pairs, as one (before, after) per spatial axis.

    'same' gives ceil(size / stride) outputs, with the odd one of padding at the end.
    """
    named = padding.lower() if isinstance(padding, str) else padding
    if named == "valid":
        return ((0, 0),) * len(window)
    if named == "same":
        pairs = []
        for n, k, s, d in zip(sizes, window, strides, dilation, strict=True):
            total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            pairs.append((total // 2, total - total // 2))
        return tuple(pairs)
    if isinstance(padding, str):
        raise ValueError(
            f"[{function}] padding={padding!r} is unknown.\n"
            "Expected 'valid', 'same', or one (before, after) per spatial axis.\n"
            "Use padding='same' to keep the size."
        )
    return tuple((int(lo), int(hi)) for lo, hi in padding)


@public
def conv_general(
    x,
    kernel,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups=1,
):
    """Convolution over any number of spatial axes, channels last.

    Args:
        x: tensor of shape (batch, *spatial, channels).
        kernel: tensor of shape (*window, channels / groups, filters).
        strides: step of the window, one number or one per spatial axis.
        padding: 'valid', 'same', or one (before, after) per spatial axis.
        dilation: distance between the taps of the window.
        groups: into how many groups channels and filters are divided.

    Returns:
        Tensor of shape (batch, *places, filters).

    Raises:
        ValueError: when channels, groups or sizes do not fit.
    """
    x, kernel = promote(floating(x), floating(kernel))
    n = kernel.ndim - 2
    strides, dilation = (
        for_each_axis(strides, n, "strides"),
        for_each_axis(dilation, n, "dilation"),
    )
    window = kernel.shape[:-2]
    if x.ndim == n + 2:  # else the shape rule explains
        padding = resolve_padding(padding, x.shape[1:-1], window, strides, dilation)
    params = {
        "strides": strides,
        "padding": padding,
        "dilation": dilation,
        "groups": int(groups),
    }
    # The meaning alone would make nothing of a window that does not fit.
    conv_op.infer(x.spec, kernel.spec, **params)
    if window == (1,) * n and groups == 1 and not any(any(p) for p in padding):
        # One tap is a product, and nothing need be moved for it.
        steps = (slice(None), *(slice(None, None, s) for s in strides), slice(None))
        x, kernel = static_slice(x, steps), reshape(kernel, kernel.shape[-2:])
        return dot_general(x, kernel, ((n + 1,), (0,)))
    return bind(conv_op, (x, kernel), params)
