"""Pooling: sums and maxima over a window that slides over the spatial axes.

The layout is that of `windows.py`. The gradient of a maximum goes to the first tap that
holds it: `window_argmax` tells its number, and `window_put` puts a number there. With
`window_pick`, which takes one from there, it is closed under differentiation.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind
from cornu.ops.families import composite
from cornu.ops.primitives.elementwise import (
    equal,
    logical_and,
    logical_or,
    maximum,
    not_equal,
    where,
)
from cornu.ops.primitives.shapes import broadcast_to, slice_grad_op, static_slice
from cornu.ops.primitives.windows import (
    for_each_axis,
    out_sizes,
    resolve_padding,
    tap_index,
    taps,
    with_padding,
)
from cornu.ops.public import floating, public

__all__ = ["max_windows", "window_sum"]


def window_argmax_numpy(x, y, *, window, strides, padding):
    """For each window the number of the first tap that holds its maximum `y`."""
    size = int(np.prod(window))
    taps = np.full(y.shape, size, np.int8 if size < 128 else np.int32)
    inside = np.pad(np.ones(x.shape[1:-1], bool), padding)[..., None]
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    for number, tap in enumerate(np.ndindex(*window)):
        index = tuple(
            slice(t, t + max(0, (n - 1) * s + 1), s)
            for t, n, s in zip(tap, y.shape[1:-1], strides)
        )
        part = x[(slice(None), *index)]
        # A maximum is NaN where some element is.
        hit = ((part == y) | (part != part)) & inside[index]
        taps[hit & (taps == size)] = number
    return taps


def _inside(sizes, tap, outs, strides, padding):
    """Whether a tap of each window lies inside the tensor; True where all do."""
    if not any(any(p) for p in padding):
        return True
    inside = np.pad(np.ones(sizes, bool), padding)
    index = tap_index(tap, outs, strides, (1,) * len(outs))
    return inside[index[1:-1]][None, ..., None]


def _window_argmax_expansion(x, y, *, window, strides, padding):
    sizes, outs, ones = x.shape[1:-1], y.shape[1:-1], (1,) * len(window)
    none = np.asarray(math.prod(window), _tap_dtype(window))
    found = broadcast_to(none, y.shape)
    x = with_padding(x, padding)
    for number, tap in enumerate(taps(window)):
        part = static_slice(x, tap_index(tap, outs, strides, ones))
        hit = logical_or(equal(part, y), not_equal(part, part))
        inside = _inside(sizes, tap, outs, strides, padding)
        if inside is not True:
            hit = logical_and(hit, inside)
        first = logical_and(hit, equal(found, none))
        found = where(first, np.asarray(number, none.dtype), found)
    return found


def _tap_dtype(window):
    return "int8" if math.prod(window) < 128 else "int32"


window_argmax_op = Op(
    "window_argmax",
    infer=lambda x, y, *, window, strides, padding: Spec(y.shape, _tap_dtype(window)),
    numpy=window_argmax_numpy,
    expansion=_window_argmax_expansion,
    no_gradient="its result is not of floating dtype",
    doc="For each window the number of the first tap that holds its maximum.",
)


def _window_pick_gradient(g, ins, out, **params) -> Any:
    x, places = ins
    given = {"sizes": x.shape[1:-1], **params}
    return (lambda: bind(window_put_op, (g, places), given)), None


@composite("window_pick", gradient=_window_pick_gradient)
def window_pick_op(x, places, *, window, strides, padding):
    """From each window the element at the tap of a given number."""
    x, ones = with_padding(x, padding), (1,) * len(window)
    total = None
    for number, tap in enumerate(taps(window)):
        part = static_slice(x, tap_index(tap, places.shape[1:-1], strides, ones))
        chosen = equal(places, np.asarray(number, places.dtype))
        part = where(chosen, part, 0.0 if total is None else total)
        total = part
    return total


def window_put_numpy(g, places, *, sizes, window, strides, padding):
    """Zeros, with each window's number added at the tap that is chosen for it."""
    padded = [n + lo + hi for n, (lo, hi) in zip(sizes, padding)]
    x = np.zeros((g.shape[0], *padded, g.shape[-1]), g.dtype)
    for number, tap in enumerate(np.ndindex(*window)):
        index = tuple(
            slice(t, t + max(0, (n - 1) * s + 1), s)
            for t, n, s in zip(tap, g.shape[1:-1], strides)
        )
        x[(slice(None), *index)] += np.where(places == number, g, g.dtype.type(0))
    inner = tuple(slice(lo, lo + n) for n, (lo, hi) in zip(sizes, padding))
    return np.ascontiguousarray(x[(slice(None), *inner)])


def _spread(parts, shape, sizes, window, strides, padding):
    """The sum of tensors that are put where the taps of a window see the input."""
    batch, *outs, channels = shape
    padded = tuple(n + lo + hi for n, (lo, hi) in zip(sizes, padding, strict=True))
    full = (batch, *padded, channels)
    total = None
    for tap, part in zip(taps(window), parts, strict=True):
        index = tap_index(tap, outs, strides, (1,) * len(window))
        ranges = [i.indices(k) for i, k in zip(index, full, strict=True)]
        starts, stops, steps = zip(*ranges, strict=True)
        params = {"shape": full, "starts": starts, "stops": stops, "steps": steps}
        term = bind(slice_grad_op, (part,), params)
        total = term if total is None else total + term
    return with_padding(total, [(-lo, -hi) for lo, hi in padding])


def _window_put_expansion(g, places, *, sizes, window, strides, padding):
    parts = (
        where(equal(places, np.asarray(number, places.dtype)), g, 0.0)
        for number in range(math.prod(window))
    )
    return _spread(list(parts), g.shape, sizes, window, strides, padding)


def _window_put_gradient(h, ins, out, *, sizes, **params) -> Any:
    return (lambda: bind(window_pick_op, (h, ins[1]), params)), None


window_put_op = Op(
    "window_put",
    infer=lambda g, places, *, sizes, window, strides, padding: Spec(
        (g.shape[0], *sizes, g.shape[-1]), g.dtype
    ),
    numpy=window_put_numpy,
    expansion=_window_put_expansion,
    gradient=_window_put_gradient,
    doc="Zeros, with each window's number added at the tap chosen for it.",
)


def _window_max_gradient(g, ins, out, **params):
    (x,) = ins

    def put():
        places = bind(window_argmax_op, (x, out), params)
        return bind(window_put_op, (g, places), {"sizes": x.shape[1:-1], **params})

    return (put,)


@composite("window_max", gradient=_window_max_gradient)
def window_max_op(x, *, window, strides, padding):
    """The largest element of each window; what is padded is never chosen."""
    ones = (1,) * len(window)
    outs = out_sizes(x.shape[1:-1], window, strides, padding, ones)
    x = with_padding(x, padding, -math.inf)
    parts = (static_slice(x, tap_index(t, outs, strides, ones)) for t in taps(window))
    return functools.reduce(maximum, parts)


def _window_max_at_expansion(x, **params):
    y = bind(window_max_op, (x,), params)
    return y, bind(window_argmax_op, (x, y), params)


# An engine may make it of a graph whose gradients have been taken.
window_max_at_op = Op(
    "window_max_at",
    expansion=_window_max_at_expansion,
    doc="The largest element of each window, and the number of its tap.",
    core=False,
)


def window_sum_grad_numpy(g, *, sizes, window, strides, padding):
    """What each element gets from all windows that it is in."""
    padded = [n + lo + hi for n, (lo, hi) in zip(sizes, padding)]
    x = np.zeros((g.shape[0], *padded, g.shape[-1]), g.dtype)
    for tap in np.ndindex(*window):
        index = tuple(
            slice(t, t + max(0, (n - 1) * s + 1), s)
            for t, n, s in zip(tap, g.shape[1:-1], strides)
        )
        x[(slice(None), *index)] += g
    inner = tuple(slice(lo, lo + n) for n, (lo, hi) in zip(sizes, padding))
    return np.ascontiguousarray(x[(slice(None), *inner)])


def _window_sum_grad_expansion(g, *, sizes, window, strides, padding):
    parts = [g] * math.prod(window)
    return _spread(parts, g.shape, sizes, window, strides, padding)


def _window_sum_grad_gradient(h, ins, out, *, sizes, **params) -> Any:
    return (lambda: bind(window_sum_op, (h,), params),)


window_sum_grad_op = Op(
    "window_sum_grad",
    infer=lambda g, *, sizes, window, strides, padding: Spec(
        (g.shape[0], *sizes, g.shape[-1]), g.dtype
    ),
    numpy=window_sum_grad_numpy,
    expansion=_window_sum_grad_expansion,
    gradient=_window_sum_grad_gradient,
    doc="The gradient of window_sum.",
)


def _window_sum_gradient(g, ins, out, **params) -> Any:
    given = {"sizes": ins[0].shape[1:-1], **params}
    return (lambda: bind(window_sum_grad_op, (g,), given),)


@composite("window_sum", gradient=_window_sum_gradient)
def window_sum_op(x, *, window, strides, padding):
    """The sum over each window."""
    ones = (1,) * len(window)
    outs = out_sizes(x.shape[1:-1], window, strides, padding, ones)
    x = with_padding(x, padding)
    parts = [static_slice(x, tap_index(t, outs, strides, ones)) for t in taps(window)]
    return FUNCTIONS["add_n"](parts)


# Windows with more taps than this are reduced along one axis after the other, the last
# one first: so the first of equals stays the first, in the order of the taps.
_MANY_TAPS = 16


def _pool(op, function, x, window, strides, padding):
    """A pooling of all windows.

    Raises:
        ValueError: when a window does not fit into the padded input.
    """
    x = floating(x)
    n = x.ndim - 2
    window = for_each_axis(window, n, "window", function)
    strides = (
        window if strides is None else for_each_axis(strides, n, "strides", function)
    )
    ones = (1,) * n
    padding = resolve_padding(padding, x.shape[1:-1], window, strides, ones, function)
    if 0 in out_sizes(x.shape[1:-1], window, strides, padding, ones):
        raise ValueError(
            f"[{function}] a window of {window} does not fit into the padded input of "
            f"shape {x.shape}.\nExpected a window that fits.\n"
            "Use a smaller window, padding='same', or larger inputs."
        )
    given = {"window": window, "strides": strides, "padding": padding}
    if math.prod(window) <= _MANY_TAPS:
        return bind(op, (x,), given)
    neutral = {"window": 1, "strides": 1, "padding": (0, 0)}
    for axis in reversed(range(n)):
        only = {
            name: tuple(v if i == axis else neutral[name] for i, v in enumerate(values))
            for name, values in given.items()
        }
        if only["window"] != ones or only["strides"] != ones:
            x = bind(op, (x,), only)
    return x


@public
def max_windows(x, window, strides=None, padding: Any = "valid"):
    """The largest element of each window; of equals the first gets the gradient.

    Args:
        x: tensor of shape (batch, *spatial, channels).
        window: size of the window per spatial axis.
        strides: step of the window, by default its size.
        padding: 'valid', 'same', or pairs; what is padded is never chosen.

    Raises:
        ValueError: when a window does not fit into the padded input.
    """
    return _pool(window_max_op, "max_windows", x, window, strides, padding)


@public
def window_sum(x, window, strides=None, padding: Any = "valid"):
    """The sum over each window; divided by the size it is average pooling.

    Args:
        x: tensor of shape (batch, *spatial, channels).
        window: size of the window per spatial axis.
        strides: step of the window, by default its size.
        padding: 'valid', 'same', or pairs; zeros are added there.

    Raises:
        ValueError: when a window does not fit into the padded input.
    """
    return _pool(window_sum_op, "window_sum", x, window, strides, padding)
