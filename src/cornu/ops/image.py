"""Functions of images: resizing here; colours, borders and maps beside it.

Each resampling is linear and works on one axis at a time, so it is a product with a
matrix of weights per axis, made beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops import image_colors, image_warps
from cornu.ops.image_colors import *  # noqa: F403
from cornu.ops.image_warps import *  # noqa: F403
from cornu.ops.numpy import clip, repeat
from cornu.ops.primitives.elementwise import cast, round_to_even
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.linear import matmul
from cornu.ops.primitives.shapes import expand_dims, pad, reshape, squeeze, static_slice
from cornu.ops.public import floating, public

__all__ = ["resize", *image_colors.__all__, *image_warps.__all__]


def along_axis(x: Any, matrix: np.ndarray, axis: int) -> Any:
    """The product of a matrix (new size, size) with every column along an axis."""
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    columns = reshape(x, (math.prod(before), x.shape[axis], math.prod(after)))
    y = matmul(np.asarray(matrix, x.dtype), columns)
    return reshape(y, (*before, len(matrix), *after))


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - x)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys's cubic convolution (1981), with a = -1/2."""
    inner = ((1.5 * x - 2.5) * x) * x + 1.0
    outer = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x >= 2.0, 0.0, np.where(x >= 1.0, outer, inner))


def _lanczos(radius: float) -> Callable[[np.ndarray], np.ndarray]:
    """sinc(x) sinc(x / radius), cut off at the radius."""
    return lambda x: np.where(x > radius, 0.0, np.sinc(x) * np.sinc(x / radius))


_KERNELS = {
    "bilinear": _triangle,
    "bicubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}
INTERPOLATIONS = ("nearest", *_KERNELS)


def _weights(size: int, new: int, interpolation: str, antialias: bool) -> np.ndarray:
    """What each of the new places takes of each old one; rows sum to 1."""
    ratio = size / new
    centers = (np.arange(new) + 0.5) * ratio - 0.5
    distance = np.abs(centers[:, None] - np.arange(size))
    # Wider kernels for smaller images: else most of the old pixels would not count.
    weights = _KERNELS[interpolation](distance / (max(ratio, 1.0) if antialias else 1))
    return weights / weights.sum(axis=1, keepdims=True)


def _resampled(x: Any, new: int, interpolation: str, antialias: bool, axis: int) -> Any:
    size = x.shape[axis]
    if size == new:
        return x
    if interpolation != "nearest":
        return along_axis(x, _weights(size, new, interpolation, antialias), axis)
    if new % size == 0:
        return repeat(x, new // size, axis)
    nearest = (2 * np.arange(new) + 1) * size // (2 * new)
    return take(x, nearest.astype(np.int32), axis)


@public
def resize(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    """Images in another size.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch;
            channels come before height for 'channels_first'. Whole numbers are rounded.
        size: new (height, width).
        interpolation: 'nearest', 'bilinear', 'bicubic', 'lanczos3' or 'lanczos5'.
        antialias: whether smaller images are made of all pixels of the larger ones.
        crop_to_aspect_ratio: whether what is too much of height or width is cut off
            first, so that nothing is distorted.
        pad_to_aspect_ratio: whether what is missing of height or width is added first.
        fill_mode: 'constant', which is all there is.
        fill_value: what is added then.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the dtype of `images`.

    Raises:
        ValueError: for other arguments, or images with fewer or more axes.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> ops.image.resize(np.ones((2, 4, 4, 3), "float32"), (6, 8)).shape
    (2, 6, 8, 3)
    """
    images = convert(images)
    _check_resize(images, size, interpolation, fill_mode)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "[resize] crop_to_aspect_ratio and pad_to_aspect_ratio were both given.\n"
            "Expected one of them at most.\nLeave one away."
        )
    first = config.standardize_data_format(data_format) == "channels_first"
    single = images.ndim == 3
    x = expand_dims(images, 0) if single else images
    whole = not is_float(x.dtype) and interpolation != "nearest"
    x = floating(x) if whole else x
    axes = (2, 3) if first else (1, 2)
    height, width = (int(n) for n in size)
    if crop_to_aspect_ratio:
        x = _cropped(x, axes, height, width)
    if pad_to_aspect_ratio:
        x = _padded(x, axes, height, width, fill_value)
    for axis, new in zip(axes, (height, width), strict=True):
        x = _resampled(x, new, interpolation, bool(antialias), axis)
    if whole:
        limits = np.iinfo(images.dtype) if images.dtype != "bool" else None
        x = x if limits is None else clip(round_to_even(x), limits.min, limits.max)
        x = cast(x, images.dtype)
    return squeeze(x, 0) if single else x


def _check_resize(images: Any, size: Any, interpolation: Any, fill_mode: Any) -> None:
    if images.ndim not in (3, 4):
        raise ValueError(
            f"[resize] images of shape {images.shape} were given.\n"
            "Expected (batch, height, width, channels), or one image without the "
            "batch.\nAdd the missing axis with ops.expand_dims."
        )
    good = isinstance(size, (tuple, list)) and len(size) == 2
    if not good or any(int(n) < 1 for n in size):
        raise ValueError(
            f"[resize] size={size!r} was given.\n"
            "Expected (height, width), both positive.\nFor example size=(224, 224)."
        )
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"[resize] interpolation={interpolation!r} is unknown.\n"
            f"Expected one of {', '.join(map(repr, INTERPOLATIONS))}.\n"
            "Leave it away for 'bilinear'."
        )
    if fill_mode != "constant":
        raise ValueError(
            f"[resize] fill_mode={fill_mode!r} is not supported.\n"
            "Expected 'constant'.\nLeave it away, and set fill_value."
        )


def _cropped(x: Any, axes: tuple[int, int], height: int, width: int) -> Any:
    """The largest part in the middle that has the new shape's proportions."""
    h, w = (x.shape[a] for a in axes)
    kept = (
        max(min(h, int(w * height / width)), 1),
        max(min(w, int(h * width / height)), 1),
    )
    index = [slice(None)] * x.ndim
    for axis, have, keep in zip(axes, (h, w), kept, strict=True):
        start = int((have - keep) / 2)
        index[axis] = slice(start, start + keep)
    return static_slice(x, tuple(index))


def _padded(
    x: Any, axes: tuple[int, int], height: int, width: int, value: float
) -> Any:
    """Borders, above and below or left and right, that give the new proportions."""
    h, w = (x.shape[a] for a in axes)
    border = (
        (max(h, int(w * height / width)) - h) // 2,
        (max(w, int(h * width / height)) - w) // 2,
    )
    widths = [(0, 0)] * x.ndim
    for axis, n in zip(axes, border, strict=True):
        widths[axis] = (n, n)
    return pad(x, widths, constant_values=value)
