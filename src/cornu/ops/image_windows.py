"""Functions of images that look at the neighbours of each pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.trace import convert
from cornu.ops.numpy import mean, stack
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.shapes import (
    expand_dims,
    pad,
    reshape,
    squeeze,
    static_slice,
    transpose,
)
from cornu.ops.public import floating, promote_floating, public

__all__ = ["extract_patches", "extract_patches_3d", "sobel_edges", "ssim"]


def _numbers(value: Any, rank: int, name: str, function: str) -> tuple[int, ...]:
    """One positive whole number per axis.

    Raises:
        TypeError: when it is no such thing.
        ValueError: for numbers below 1, and for another count of them.
    """
    whole = isinstance(value, (int, np.integer))
    each = [value] if whole else value
    if not isinstance(each, (list, tuple)) or not all(
        isinstance(n, (int, np.integer)) for n in each
    ):
        raise TypeError(
            f"[{function}] {name}={value!r} was given.\n"
            f"Expected a whole number, or a tuple of {rank} of them.\n"
            f"For example {name}={(2,) * rank}."
        )
    numbers: Any = (value,) * rank if whole else tuple(value)
    if len(numbers) != rank or any(n < 1 for n in numbers):
        raise ValueError(
            f"[{function}] {name}={value!r} was given.\n"
            f"Expected a positive whole number, or {rank} of them.\n"
            f"For example {name}={(2,) * rank}."
        )
    return tuple(int(n) for n in numbers)


def _places(
    size: int, window: int, stride: int, dilation: int, padding: str
) -> tuple[np.ndarray, tuple[int, int]]:
    """Which places each window holds, of shape (windows, window), and the border."""
    reach = (window - 1) * dilation + 1
    border = (0, 0)
    if padding == "same":
        missing = max((-(-size // stride) - 1) * stride + reach - size, 0)
        border = (missing // 2, missing - missing // 2)
    starts = np.arange(0, size + sum(border) - reach + 1, stride)
    places = starts[:, None] + np.arange(window) * dilation
    return places.astype(np.int32), border


def _patches(
    images: Any,
    size: tuple[int, ...],
    strides: Any,
    dilation_rate: Any,
    padding: str,
    data_format: Any,
    function: str,
) -> Any:
    """Patches over the last axes but one, which are as many as `size` says."""
    rank = len(size)
    images = convert(images)
    if images.ndim not in (rank + 1, rank + 2):
        what = "height, width" if rank == 2 else "depth, height, width"
        raise ValueError(
            f"[{function}] a tensor of shape {images.shape} was given.\n"
            f"Expected (batch, {what}, channels), or the same without the batch.\n"
            "Add the missing axis with ops.expand_dims."
        )
    if padding not in ("valid", "same"):
        raise ValueError(
            f"[{function}] padding={padding!r} was given.\n"
            "Expected 'valid' or 'same'.\nLeave it away for 'valid'."
        )
    # As in Keras, no strides at all (None, 0 or ()) are those of patches side by side.
    steps = _numbers(strides or size, rank, "strides", function)
    dilation = _numbers(dilation_rate, rank, "dilation_rate", function)
    first = config.standardize_data_format(data_format) == "channels_first"
    single = images.ndim == rank + 1
    x = expand_dims(images, 0) if single else images
    if first:
        x = transpose(x, (0, *range(2, rank + 2), 1))
    found = [
        _places(n, window, step, apart, padding)
        for n, window, step, apart in zip(
            x.shape[1:-1], size, steps, dilation, strict=True
        )
    ]
    if any(not len(places) for places, _ in found):
        raise ValueError(
            f"[{function}] patches of size {size} were asked of a tensor of shape "
            f"{images.shape}.\n"
            "Expected a tensor that is at least as large.\n"
            "Choose a smaller size, or padding='same'."
        )
    x = pad(x, ((0, 0), *(border for _, border in found), (0, 0)))
    for i, (places, _) in enumerate(found):
        x = take(x, places, axis=1 + 2 * i)
    # (batch, n1, k1, n2, k2, ..., channels) -> (batch, n1, n2, ..., k1 k2 ... channels)
    windows, inside = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    x = transpose(x, (0, *windows, *inside, 2 * rank + 1))
    counts = tuple(len(places) for places, _ in found)
    x = reshape(x, (x.shape[0], *counts, math.prod(size) * x.shape[-1]))
    if first:
        x = transpose(x, (0, rank + 1, *range(1, rank + 1)))
    return squeeze(x, 0) if single else x


@public
def extract_patches(
    images,
    size,
    strides=None,
    dilation_rate=1,
    padding="valid",
    data_format=None,
):
    """Patches of images, each as the channels of one place.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch;
            with three sizes (batch, depth, height, width, channels).
        size: height and width of a patch, one number or two; three sizes for volumes.
        strides: distances of the patches, by default their size: side by side.
        dilation_rate: distances of the pixels in a patch.
        padding: 'valid' for patches inside the image, 'same' for one per stride, with
            zeros beyond the border.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of shape (batch, rows, columns, height * width * channels of a patch).

    Raises:
        TypeError: for sizes that are no whole numbers.
        ValueError: for other arguments, and images with other axes or too small ones.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> ops.image.extract_patches(np.zeros((2, 20, 20, 3), "float32"), 5).shape
    (2, 4, 4, 75)
    """
    rank = 3 if isinstance(size, (list, tuple)) and len(size) == 3 else 2
    name = "extract_patches"
    sizes = _numbers(size, rank, "size", name)
    return _patches(images, sizes, strides, dilation_rate, padding, data_format, name)


def extract_patches_3d(
    volumes,
    size,
    strides=None,
    dilation_rate=1,
    padding="valid",
    data_format=None,
):
    """Patches of volumes, each as the channels of one place.

    Args:
        volumes: tensor of shape (batch, depth, height, width, channels), or without the
            batch.
        size: depth, height and width of a patch, one number or three.
        strides: see `extract_patches`, as for what follows.
        dilation_rate: distances of the voxels in a patch.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of shape (batch, *patches along each axis, size of a patch * channels).

    Raises:
        TypeError: for a size that is neither one whole number nor three.
        ValueError: for other arguments, and volumes with other axes or too small ones.
    """
    name = "extract_patches_3d"
    if isinstance(size, (list, tuple)) and len(size) != 3:
        raise TypeError(
            f"[{name}] size={size!r} was given.\n"
            "Expected a whole number, or three of them.\nFor example size=(2, 2, 2)."
        )
    sizes = _numbers(size, 3, "size", name)
    return _patches(volumes, sizes, strides, dilation_rate, padding, data_format, name)


def _weighed(x: Any, weights: Any, axis: int) -> Any:
    """Sums of neighbours along an axis, each times its weight; no border is added."""
    n = x.shape[axis] - len(weights) + 1
    index = [slice(None)] * x.ndim
    total = None
    for i, weight in enumerate(weights):
        if not weight:
            continue
        index[axis] = slice(i, i + n)
        term = static_slice(x, tuple(index))
        term = term if weight == 1 else term * float(weight)
        total = term if total is None else total + term
    return total


@public
def sobel_edges(images, data_format=None):
    """How fast each image changes downwards and to the right, by Sobel's masks.

    Each difference of the neighbours on either side is smoothed across with the weights
    1, 2, 1; beyond the border there is 0.

    Args:
        images: tensor of shape (batch, height, width, channels).
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape of `images` and a last axis of 2: downwards, to the right.

    Raises:
        ValueError: when images have not four axes.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> ramp = np.arange(3.0).reshape(1, 1, 3, 1) * np.ones((1, 3, 3, 1))
    >>> ops.image.sobel_edges(ramp)[0, 1, 1, 0].tolist()
    [0.0, 8.0]
    """
    x = floating(images)
    if x.ndim != 4:
        raise ValueError(
            f"[sobel_edges] images of shape {x.shape} were given.\n"
            "Expected (batch, height, width, channels).\n"
            "Add the missing axis with ops.expand_dims."
        )
    first = config.standardize_data_format(data_format) == "channels_first"
    rows, columns = (2, 3) if first else (1, 2)
    x = pad(x, tuple((1, 1) if a in (rows, columns) else (0, 0) for a in range(4)))
    difference, smooth = (-1, 0, 1), (1, 2, 1)
    down = _weighed(_weighed(x, difference, rows), smooth, columns)
    right = _weighed(_weighed(x, smooth, rows), difference, columns)
    return stack([down, right], axis=4)


@public
def ssim(
    image1,
    image2,
    max_val=1.0,
    filter_size=11,
    filter_sigma=1.5,
    k1=0.01,
    k2=0.03,
    data_format=None,
):
    """Structural similarity of images, 1 for equal ones.

    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
    structural similarity" (2004): means, variances and the covariance in windows that
    are weighed by a bell curve; the mean over all windows and channels.

    Args:
        image1: tensor of shape (batch, height, width, channels), or without the batch.
        image2: the same.
        max_val: the largest value that there may be: 1, or 255.
        filter_size: height and width of a window.
        filter_sigma: standard deviation of the bell curve, in pixels.
        k1: how much the means are steadied.
        k2: how much the variances are.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Floats of shape (batch,), or () for one image.

    Raises:
        ValueError: for images of different shapes, with other axes, or smaller than a
            window.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> image = np.arange(144.0).reshape(12, 12, 1) / 144
    >>> float(ops.image.ssim(image, image))
    1.0
    """
    x, y = promote_floating(image1, image2)
    single = x.ndim == 3
    first = config.standardize_data_format(data_format) == "channels_first"
    rows, columns = (-2, -1) if first else (-3, -2)
    size = int(filter_size)
    good = x.ndim in (3, 4) and x.shape == y.shape
    if not good or min(x.shape[rows], x.shape[columns]) < size:
        raise ValueError(
            f"[ssim] images of shapes {x.shape} and {y.shape} were given.\n"
            "Expected two of one shape (batch, height, width, channels), or without "
            f"the batch, and at least {size} pixels high and wide.\n"
            "Choose a smaller filter_size for small images."
        )
    distance = np.arange(size) - (size - 1) / 2.0
    weights = np.exp(-(distance**2) / (2.0 * filter_sigma**2))
    weights = (weights / weights.sum()).tolist()
    all5 = stack([x, y, x * x, y * y, x * y])
    for axis in (rows, columns):
        all5 = _weighed(all5, weights, all5.ndim + axis)
    mean1, mean2, square1, square2, product = (all5[i] for i in range(5))
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    both = mean1 * mean2
    means = mean1 * mean1 + mean2 * mean2
    above = (both * 2.0 + c1) * ((product - both) * 2.0 + c2)
    below = (means + c1) * (square1 + square2 - means + c2)
    # Keras cuts the result for images of whole numbers off to 0 or 1.
    return mean(above / below, axis=(0, 1, 2) if single else (1, 2, 3))
