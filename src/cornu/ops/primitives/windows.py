"""Convolution and pooling: what slides a window over the spatial axes.

Layout: the batch first, then any number of spatial axes, channels last. A *tap* is one
position in the window; each operation is a sum (or a maximum) over its taps, and that
is both the NumPy meaning and the expansion. The three convolutions are one trilinear
form, sum(g * conv(x, w)), read in three directions: they are each other's gradients.
"""

from __future__ import annotations

import itertools

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind
from cornu.ops.families import composite
from cornu.ops.primitives.elementwise import (
    equal,
    greater,
    logical_and,
    logical_or,
    not_equal,
    where,
)
from cornu.ops.primitives.indexing import pick_along_axis
from cornu.ops.primitives.linear import dot_general
from cornu.ops.primitives.shapes import (
    broadcast_to,
    concatenate,
    pad_op,
    reshape,
    slice_grad_op,
    static_slice,
)
from cornu.ops.public import floating, promote, public

__all__ = ["conv_general", "max_windows", "window_sum"]


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
    """Convolution (correlation, as in all of deep learning): a product for each tap."""
    window, cin = w.shape[:-2], w.shape[-2]
    outs = tuple(
        max(0, (n + lo + hi - (k - 1) * d - 1) // s + 1)
        for n, k, s, (lo, hi), d in zip(
            x.shape[1:-1], window, strides, padding, dilation
        )
    )
    y = np.zeros((x.shape[0], *outs, groups, w.shape[-1] // groups), x.dtype)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    for tap in np.ndindex(*window):
        index = tuple(
            slice(t * d, t * d + max(0, (n - 1) * s + 1), s)
            for t, n, s, d in zip(tap, outs, strides, dilation)
        )
        part = x[(slice(None), *index)].reshape(*y.shape[:-1], cin)
        for i in range(groups):
            columns = slice(i * y.shape[-1], (i + 1) * y.shape[-1])
            y[..., i, :] += part[..., i, :] @ w[tap][:, columns]
    return y.reshape(*y.shape[:-2], w.shape[-1])


def conv_input_grad_numpy(g, w, *, sizes, strides, padding, dilation, groups):
    """What each input element gets from the outputs that it had a part in."""
    window, cin, cout = w.shape[:-2], w.shape[-2], w.shape[-1] // groups
    outs = g.shape[1:-1]
    padded = [n + lo + hi for n, (lo, hi) in zip(sizes, padding)]
    x = np.zeros((g.shape[0], *padded, groups * cin), g.dtype)
    for tap in np.ndindex(*window):
        index = tuple(
            slice(t * d, t * d + max(0, (n - 1) * s + 1), s)
            for t, n, s, d in zip(tap, outs, strides, dilation)
        )
        for i in range(groups):
            columns = slice(i * cout, (i + 1) * cout)
            part = g[..., columns] @ w[tap][:, columns].T
            x[(slice(None), *index, slice(i * cin, (i + 1) * cin))] += part
    inner = tuple(slice(lo, lo + n) for n, (lo, hi) in zip(sizes, padding))
    return np.ascontiguousarray(x[(slice(None), *inner)])


def conv_kernel_grad_numpy(x, g, *, window, strides, padding, dilation, groups):
    """What each kernel element gets from all places where it was used."""
    cin, cout = x.shape[-1] // groups, g.shape[-1] // groups
    outs = g.shape[1:-1]
    w = np.zeros((*window, cin, g.shape[-1]), g.dtype)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    rows = g.reshape(-1, groups, cout)
    for tap in np.ndindex(*window):
        index = tuple(
            slice(t * d, t * d + max(0, (n - 1) * s + 1), s)
            for t, n, s, d in zip(tap, outs, strides, dilation)
        )
        part = x[(slice(None), *index)].reshape(-1, groups, cin)
        for i in range(groups):
            columns = slice(i * cout, (i + 1) * cout)
            w[tap][:, columns] = part[:, i].T @ rows[:, i]
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


def _pads(x, padding):
    if not any(any(p) for p in padding):
        return x
    return bind(pad_op, (x,), {"pads": _full_padding(padding), "value": 0})


def _conv_expansion(x, w, *, strides, padding, dilation, groups):
    outs = out_sizes(x.shape[1:-1], w.shape[:-2], strides, padding, dilation)
    x, n = _pads(x, padding), x.ndim
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
    return _pads(total, [(-lo, -hi) for lo, hi in padding])


def _conv_kernel_grad_expansion(x, g, *, window, strides, padding, dilation, groups):
    outs = g.shape[1:-1]
    cin, cout = x.shape[-1] // groups, g.shape[-1] // groups
    x = _pads(x, padding)
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


def _each(value, n, what):
    values = (value,) * n if isinstance(value, int) else tuple(value)
    if len(values) != n or any(int(v) < 1 for v in values):
        raise ValueError(
            f"[conv] {what}={value!r} was given for {n} spatial axes.\n"
            f"Expected a positive whole number, or {n} of them.\n"
            f"For example {what}={(1,) * n}."
        )
    return tuple(int(v) for v in values)


def resolve_padding(padding, sizes, window, strides, dilation):
    """'valid', 'same', or pairs, as one (before, after) per spatial axis.

    'same' gives ceil(size / stride) outputs, with the odd one of padding at the end.
    """
    if padding == "valid":
        return ((0, 0),) * len(window)
    if padding == "same":
        pairs = []
        for n, k, s, d in zip(sizes, window, strides, dilation, strict=True):
            total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            pairs.append((total // 2, total - total // 2))
        return tuple(pairs)
    if isinstance(padding, str):
        raise ValueError(
            f"[conv] padding={padding!r} is unknown.\n"
            "Expected 'valid', 'same', or one (before, after) per spatial axis.\n"
            "Use padding='same' to keep the size."
        )
    return tuple((int(lo), int(hi)) for lo, hi in padding)


@public
def conv_general(x, kernel, strides=1, padding="valid", dilation=1, groups=1):
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
    strides, dilation = _each(strides, n, "strides"), _each(dilation, n, "dilation")
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
    return bind(conv_op, (x, kernel), params)


# Pooling


def window_argmax_numpy(x, *, window, strides, padding):
    """For each window the place (over all spatial axes, flat) of its first maximum."""
    sizes = x.shape[1:-1]
    outs = tuple(
        max(0, (n + lo + hi - k) // s + 1)
        for n, k, s, (lo, hi) in zip(sizes, window, strides, padding)
    )
    y = np.full((x.shape[0], *outs, x.shape[-1]), -1, np.int32)
    best = np.zeros(y.shape, x.dtype)
    places = np.arange(int(np.prod(sizes)), dtype=np.int32).reshape(sizes)
    places = np.pad(places, padding, constant_values=-1)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    for tap in np.ndindex(*window):
        index = tuple(
            slice(t, t + max(0, (n - 1) * s + 1), s)
            for t, n, s in zip(tap, outs, strides)
        )
        value = x[(slice(None), *index)]
        place = places[index][..., None]
        # NaN wins over numbers, as in every maximum.
        larger = (value > best) | ((value != value) & (best == best)) | (y < 0)
        take = larger & (place >= 0)
        y = np.where(take, place, y).astype(np.int32)
        best = np.where(take, value, best)
    return y


def _infer_window_argmax(x: Spec, *, window, strides, padding) -> Spec:
    outs = out_sizes(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    if 0 in outs and 0 not in x.shape:
        raise ValueError(
            f"[window_argmax] a window of {window} is larger than the padded input of "
            f"shape {x.shape}.\nExpected a window that fits.\n"
            "Use a smaller pool_size, padding='same', or larger inputs."
        )
    return Spec((x.shape[0], *outs, x.shape[-1]), "int32")


def _window_argmax_expansion(x, *, window, strides, padding):
    sizes = x.shape[1:-1]
    ones = (1,) * len(window)
    outs = out_sizes(sizes, window, strides, padding, ones)
    places = np.arange(int(np.prod(sizes)), dtype=np.int32).reshape(sizes)
    places = np.pad(places, padding, constant_values=-1)
    x = _pads(x, padding)
    y = best = None
    for tap in taps(window):
        index = tap_index(tap, outs, strides, ones)
        value = static_slice(x, index)
        place = places[index[1:-1]][None, ..., None]
        inside = np.broadcast_to(place >= 0, (1, *outs, 1))
        if y is None:
            y = broadcast_to(place, value.shape)
            best = value
            continue
        nan = logical_and(not_equal(value, value), equal(best, best))
        larger = logical_or(greater(value, best), nan)
        chosen = logical_and(logical_or(larger, y < 0), inside)
        y, best = where(chosen, place, y), where(chosen, value, best)
    return y


window_argmax_op = Op(
    "window_argmax",
    infer=_infer_window_argmax,
    numpy=window_argmax_numpy,
    expansion=_window_argmax_expansion,
    no_gradient="its result is not of floating dtype",
    doc="For each window the flat place of its maximum, the first of equals.",
)


@public
def max_windows(x, window, strides=None, padding="valid"):
    """The largest element of each window; of equals the first gets the gradient.

    Args:
        x: tensor of shape (batch, *spatial, channels).
        window: size of the window per spatial axis.
        strides: step of the window, by default its size.
        padding: 'valid', 'same', or pairs; what is padded is never chosen.
    """
    x = floating(x)
    n = x.ndim - 2
    window = _each(window, n, "window")
    strides = window if strides is None else _each(strides, n, "strides")
    ones = (1,) * n
    padding = resolve_padding(padding, x.shape[1:-1], window, strides, ones)
    params = {"window": window, "strides": strides, "padding": padding}
    window_argmax_op.infer(x.spec, **params)  # tells of a window that does not fit
    places = bind(window_argmax_op, (x,), params)
    outs = places.shape
    flat = reshape(x, (x.shape[0], -1, x.shape[-1]))
    places = reshape(places, (outs[0], -1, outs[-1]))
    return reshape(pick_along_axis(flat, places, 1), outs)


@composite("window_sum")
def window_sum_op(x, *, window, strides, padding):
    """The sum over each window."""
    ones = (1,) * len(window)
    outs = out_sizes(x.shape[1:-1], window, strides, padding, ones)
    x = _pads(x, padding)
    parts = [static_slice(x, tap_index(t, outs, strides, ones)) for t in taps(window)]
    return FUNCTIONS["add_n"](parts)


@public
def window_sum(x, window, strides=None, padding="valid"):
    """The sum over each window; divided by the size it is average pooling.

    Args:
        x: tensor of shape (batch, *spatial, channels).
        window: size of the window per spatial axis.
        strides: step of the window, by default its size.
        padding: 'valid', 'same', or pairs; zeros are added there.
    """
    x = floating(x)
    n = x.ndim - 2
    window = _each(window, n, "window")
    strides = window if strides is None else _each(strides, n, "strides")
    ones = (1,) * n
    padding = resolve_padding(padding, x.shape[1:-1], window, strides, ones)
    params = {"window": window, "strides": strides, "padding": padding}
    return bind(window_sum_op, (x,), params)
