"""Calls of convolutions and pooling, with what SciPy and sliding windows make of it."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.signal

from tests.ops.calls import RNG, f32, of

WINDOWS = np.lib.stride_tricks.sliding_window_view


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def first(x):
    return np.moveaxis(x, -1, 1)


def bordered(x, padding, value=0.0):
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def spread(kernel, dilation):
    """The kernel with zeros between its elements."""
    for axis, d in enumerate(dilation):
        size = (kernel.shape[axis] - 1) * d + 1
        wide = np.zeros((*kernel.shape[:axis], size, *kernel.shape[axis + 1 :]))
        wide[(slice(None),) * axis + (slice(None, None, d),)] = kernel
        kernel = wide
    return kernel


def convolved(x, kernel, strides=1, padding=None, dilation=1, groups=1):
    """SciPy's correlation, channel by channel and filter by filter."""
    n = kernel.ndim - 2
    x = bordered(x.astype("float64"), padding or ((0, 0),) * n)
    kernel = spread(kernel.astype("float64"), (dilation,) * n)
    channels, filters = kernel.shape[-2], kernel.shape[-1]
    steps = (slice(None, None, strides),) * n
    y = []
    for b, f in itertools.product(range(len(x)), range(filters)):
        start = f // (filters // groups) * channels
        parts = [
            scipy.signal.correlate(x[b, ..., start + c], kernel[..., c, f], "valid")
            for c in range(channels)
        ]
        y.append(sum(parts)[steps])
    y = np.stack(y).reshape(len(x), filters, *y[0].shape)
    return f32(np.moveaxis(y, 1, -1))


A, B, C = normal(2, 7, 4), normal(2, 5, 6, 3), normal(1, 3, 4, 3, 2)
K1, K2, K3 = normal(3, 4, 2), normal(2, 3, 3, 4), normal(2, 2, 2, 2, 3)
for _x, _kernel in ((A, K1), (B, K2), (C, K3)):
    of("conv", _x, _kernel)(lambda x=_x, k=_kernel: convolved(x, k))
of("conv", A, K1, 2)(lambda: convolved(A, K1, 2))
of("conv", A, K1, strides=2, padding="same")(
    lambda: convolved(A, K1, 2, padding=((1, 1),))
)
of("conv", B, K2, padding="same")(lambda: convolved(B, K2, 1, ((0, 1), (1, 1))))
of("conv", A, K1, dilation_rate=3)(lambda: convolved(A, K1, dilation=3))
of("conv", first(B), K2, data_format="channels_first")(lambda: first(convolved(B, K2)))
K_GROUPS, K_ONE = normal(3, 2, 6), normal(1, 1, 3, 2)
of("conv", A, K_GROUPS)(lambda: convolved(A, K_GROUPS, groups=2))
of("conv", B, K_ONE, (2, 2))(lambda: convolved(B, K_ONE, 2))
# Also one (before, after) per axis, which Keras does not take.
of("conv", A, K1, 1, ((2, 0),), keras=False)(
    lambda: convolved(A, K1, padding=((2, 0),))
)


def apart(kernel):
    """A depthwise kernel as one with as many groups as channels."""
    *window, channels, multiplier = kernel.shape
    return kernel.reshape(*window, 1, channels * multiplier)


D1, D2, POINT = normal(3, 4, 2), normal(2, 3, 3, 1), normal(1, 1, 3, 5)
of("depthwise_conv", A, D1)(lambda: convolved(A, apart(D1), groups=4))
of("depthwise_conv", B, D2, 2, "same")(
    lambda: convolved(B, apart(D2), 2, ((0, 1), (0, 1)), groups=3)
)
of("depthwise_conv", first(B), D2, data_format="channels_first", dilation_rate=2)(
    lambda: first(convolved(B, apart(D2), dilation=2, groups=3))
)
of("separable_conv", B, D2, POINT)(
    lambda: convolved(convolved(B, apart(D2), groups=3), POINT)
)
of("separable_conv", first(B), D2, POINT, data_format="channels_first")(
    lambda: first(convolved(convolved(B, apart(D2), groups=3), POINT))
)


def scattered(x, kernel, strides=1, dilation=1):
    """Every input times the kernel, added up at steps of the stride."""
    kernel = spread(kernel.astype("float64"), (dilation,) * (kernel.ndim - 2))
    *window, filters, _ = kernel.shape
    sizes = [(n - 1) * strides + k for n, k in zip(x.shape[1:-1], window)]
    y = np.zeros((x.shape[0], *sizes, filters))
    for place in np.ndindex(*x.shape[1:-1]):
        here = tuple(slice(i * strides, i * strides + k) for i, k in zip(place, window))
        part = np.tensordot(x[(slice(None), *place)].astype("float64"), kernel, (1, -1))
        y[(slice(None), *here)] += part
    return f32(y)


T1, T2 = normal(3, 2, 4), normal(2, 3, 2, 3)
of("conv_transpose", A, T1)(lambda: scattered(A, T1))
of("conv_transpose", A, T1, dilation_rate=2)(lambda: scattered(A, T1, dilation=2))
of("conv_transpose", B, T2, 2)(lambda: scattered(B, T2, 2)[:, :10])
of("conv_transpose", B, T2, 4)(lambda: bordered(scattered(B, T2, 4), ((0, 2), (0, 1))))
of("conv_transpose", A, T1, 2, output_padding=1)(
    lambda: bordered(scattered(A, T1, 2), ((0, 1),))
)
of("conv_transpose", A, T1, 2, "same")(lambda: scattered(A, T1, 2)[:, :14])
of("conv_transpose", A, T1, 1, "same")(lambda: scattered(A, T1)[:, 1:-1])
of("conv_transpose", first(B), T2, data_format="channels_first")(
    lambda: first(scattered(B, T2))
)

# Pooling


def pooled(x, reduce, window, strides=None, padding=None):
    """A reduction of every window; NaN stands for what is padded."""
    n = len(window)
    x = bordered(x.astype("float64"), padding or ((0, 0),) * n, np.nan)
    seen = WINDOWS(x, window, tuple(range(1, n + 1)))
    steps = tuple(slice(None, None, s) for s in strides or window)
    axes = tuple(range(-n, 0))
    return f32(reduce(seen[(slice(None), *steps)], axis=axes))


# Without strides Keras 3.15 raises on JAX, against its own description.
ALONE = {"keras": False}
for _name, _reduce in (("max_pool", np.nanmax), ("average_pool", np.nanmean)):
    of(_name, A, 2, **ALONE)(lambda r=_reduce: pooled(A, r, (2,)))
    of(_name, A, 3, 1)(lambda r=_reduce: pooled(A, r, (3,), (1,)))
    of(_name, A, 3, padding="same", **ALONE)(
        lambda r=_reduce: pooled(A, r, (3,), padding=((1, 1),))
    )
    of(_name, B, (2, 3), (1, 2), "same")(
        lambda r=_reduce: pooled(B, r, (2, 3), (1, 2), ((0, 1), (0, 1)))
    )
    of(_name, first(B), 2, 2, data_format="channels_first")(
        lambda r=_reduce: first(pooled(B, r, (2, 2)))
    )
    of(_name, C, (2, 4, 3), 1)(  # 24 taps
        lambda r=_reduce: pooled(C, r, (2, 4, 3), (1, 1, 1))
    )
    of(_name, C, 5, 2, "same")(
        lambda r=_reduce: pooled(C, r, (5,) * 3, (2,) * 3, ((2, 2), (1, 2), (2, 2)))
    )


def adapted(x, reduce, wanted):
    for axis, n in enumerate(wanted, start=1):
        size = x.shape[axis]
        parts = [
            reduce(
                np.take(x, range(i * size // n, -(-(i + 1) * size // n)), axis), axis
            )
            for i in range(n)
        ]
        x = np.stack(parts, axis)
    return f32(x)


for _name, _reduce in (
    ("adaptive_max_pool", np.max),
    ("adaptive_average_pool", np.mean),
):
    of(_name, A, 3)(lambda r=_reduce: adapted(A, r, (3,)))
    of(_name, B, (2, 3))(lambda r=_reduce: adapted(B, r, (2, 3)))
    of(_name, first(B), (5, 7), data_format="channels_first")(
        lambda r=_reduce: first(adapted(B, r, (5, 7)))
    )
