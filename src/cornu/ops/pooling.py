"""Pooling with the arguments of Keras, in both layouts of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.convolution import channels_back, channels_last
from cornu.ops.image import along_axis
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.pooling import max_windows, window_sum
from cornu.ops.primitives.windows import for_each_axis, resolve_padding
from cornu.ops.public import cast_to, floating, public

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]


@public
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest element of each window.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        pool_size: size of the window, one number or one per spatial axis.
        strides: step of the window, by default its size.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of shape (batch, *places, channels), or (batch, channels, *places).

    Raises:
        ValueError: when a window does not fit into the input.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> ops.max_pool(np.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)[0, :, 0].tolist()
    [3.0, 2.0]
    """
    layout = config.standardize_data_format(data_format)
    inputs, dtype = _comparable(inputs)
    x = channels_last(_pooled(inputs, "max_pool"), layout)
    y = channels_back(max_windows(x, pool_size, strides, padding), layout)
    return cast_to(y, dtype)


@public
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window; what `padding='same'` adds does not count.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        pool_size: size of the window, one number or one per spatial axis.
        strides: step of the window, by default its size.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of shape (batch, *places, channels), or (batch, channels, *places).

    Raises:
        ValueError: when a window does not fit into the input.
    """
    layout = config.standardize_data_format(data_format)
    x = channels_last(_pooled(inputs, "average_pool"), layout)
    n, sizes = x.ndim - 2, x.shape[1:-1]
    window = for_each_axis(pool_size, n, "pool_size", "average_pool")
    steps = window if strides is None else strides
    steps = for_each_axis(steps, n, "strides", "average_pool")
    ones = (1,) * n
    pairs = resolve_padding(padding, sizes, window, steps, ones, "average_pool")
    total = window_sum(x, window, steps, pairs)
    counts = np.ones((), x.dtype)
    for each in zip(sizes, total.shape[1:-1], window, steps, pairs, strict=True):
        counts = counts[..., None] * np.asarray(_counts(*each), x.dtype)
    return channels_back(total / counts[None, ..., None], layout)


def _counts(
    size: int, places: int, window: int, stride: int, padding: tuple[int, int]
) -> np.ndarray:
    """How many elements each window of an axis holds; one number where all agree."""
    start = np.arange(places) * stride - padding[0]
    count = np.minimum(start + window, size) - np.maximum(start, 0)
    return count[:1] if (count == count[0]).all() else count


def _comparable(inputs: Any) -> tuple[Any, str]:
    """Floats that are in the same order, and the dtype that the result shall have."""
    x = convert(inputs)
    wide = "float64" if x.dtype in ("int32", "uint32", "int64", "uint64") else "float32"
    return x if is_float(x.dtype) else cast_to(x, wide), x.dtype


def _pooled(inputs: Any, function: str) -> Any:
    x = floating(inputs)
    if x.ndim < 3:
        raise ValueError(
            f"[{function}] an input of shape {x.shape} was given.\n"
            "Expected the batch, one to three spatial axes, and the channels.\n"
            "Add the missing axis with ops.expand_dims."
        )
    return x


@public
def adaptive_average_pool(inputs, output_size, data_format=None):
    """The mean of as many windows as are wanted; they divide the input evenly.

    Window i of n along an axis of size s is from floor(i * s / n) up to
    ceil((i + 1) * s / n): windows overlap where n does not divide s.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        output_size: number of windows, one number or one per spatial axis.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of shape (batch, *output_size, channels), or (batch, channels,
        *output_size).

    Raises:
        ValueError: when `output_size` does not fit.
    """
    return _adaptive(inputs, output_size, data_format, "adaptive_average_pool", _mean)


@public
def adaptive_max_pool(inputs, output_size, data_format=None):
    """The largest element of as many windows as are wanted.

    The windows are those of `adaptive_average_pool`.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        output_size: number of windows, one number or one per spatial axis.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of shape (batch, *output_size, channels), or (batch, channels,
        *output_size).

    Raises:
        ValueError: when `output_size` does not fit.
    """
    inputs, dtype = _comparable(inputs)
    y = _adaptive(inputs, output_size, data_format, "adaptive_max_pool", _largest)
    return cast_to(y, dtype)


def _adaptive(
    inputs: Any,
    output_size: Any,
    data_format: str | None,
    function: str,
    reduce: Callable[..., Any],
) -> Any:
    layout = config.standardize_data_format(data_format)
    x = channels_last(_pooled(inputs, function), layout)
    wanted = for_each_axis(output_size, x.ndim - 2, "output_size", function)
    # The last axis first: so of equal maxima the first is the first in memory.
    for axis, n in reversed(list(enumerate(wanted, start=1))):
        if n != x.shape[axis]:
            x = reduce(x, n, axis)
    return channels_back(x, layout)


def _bounds(size: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each of `n` windows begins and ends."""
    i = np.arange(n)
    return i * size // n, -(-(i + 1) * size // n)


def _mean(x: Any, n: int, axis: int) -> Any:
    start, stop = _bounds(x.shape[axis], n)
    place = np.arange(x.shape[axis])
    inside = (place >= start[:, None]) & (place < stop[:, None])
    return along_axis(x, inside / (stop - start)[:, None], axis)


def _largest(x: Any, n: int, axis: int) -> Any:
    start, stop = _bounds(x.shape[axis], n)
    width = int((stop - start).max())
    if n * width != x.shape[axis]:
        # All windows as wide as the widest: the last element of a window again.
        places = np.minimum(start[:, None] + np.arange(width), stop[:, None] - 1)
        x = take(x, places.ravel().astype(np.int32), axis)
    only = tuple(width if i == axis else 1 for i in range(1, x.ndim - 1))
    return max_windows(x, only)
