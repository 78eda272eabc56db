"""Functions of images: resizing here; colours, borders and maps beside it.

Each resampling is linear and works on one axis at a time, so it is a product with a
matrix of weights per axis, made beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops import image_colors, image_warps, image_windows
from cornu.ops.elements import sinc
from cornu.ops.image_colors import *  # noqa: F403
from cornu.ops.image_warps import *  # noqa: F403
from cornu.ops.image_windows import *  # noqa: F403
from cornu.ops.numpy import abs, clip, repeat
from cornu.ops.primitives.elementwise import (
    cast,
    equal,
    greater,
    greater_equal,
    less_equal,
    logical_and,
    maximum,
    round_to_even,
    where,
)
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.linear import matmul
from cornu.ops.primitives.reductions import sum
from cornu.ops.primitives.shapes import expand_dims, pad, reshape, squeeze, static_slice
from cornu.ops.public import canonical_axis, floating, promote_floating, public

__all__ = [
    "resize",
    "scale_and_translate",
    *image_colors.__all__,
    *image_warps.__all__,
    *image_windows.__all__,
]


def along_axis(x: Any, matrix: Any, axis: int) -> Any:
    """The product of a matrix (new size, size) with every column along an axis."""
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    columns = reshape(x, (math.prod(before), x.shape[axis], math.prod(after)))
    if isinstance(matrix, np.ndarray):
        matrix = matrix.astype(x.dtype)
    y = matmul(cast(matrix, x.dtype), columns)
    return reshape(y, (*before, matrix.shape[0], *after))


# How much a pixel counts, by its distance: `of` is NumPy, or `_TENSORS` for tensors.

_TENSORS = SimpleNamespace(maximum=maximum, sinc=sinc, where=where)


def _triangle(x: Any, of: Any = np) -> Any:
    return of.maximum(1.0 - x, 0.0)


def _cubic(x: Any, of: Any = np) -> Any:
    """Keys's cubic convolution (1981), with a = -1/2."""
    inner = ((1.5 * x - 2.5) * x) * x + 1.0
    outer = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return of.where(x >= 2.0, 0.0, of.where(x >= 1.0, outer, inner))


def _lanczos(radius: float) -> Callable[..., Any]:
    """sinc(x) sinc(x / radius), cut off at the radius."""

    def kernel(x: Any, of: Any = np) -> Any:
        return of.where(x > radius, 0.0, of.sinc(x) * of.sinc(x / radius))

    return kernel


KERNELS = {
    "bilinear": _triangle,
    "bicubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}
INTERPOLATIONS = ("nearest", *KERNELS)


def weights_of(
    size: int, new: int, kernel: Callable[..., Any], antialias: bool
) -> np.ndarray:
    """What each of the new places takes of each old one; rows sum to 1."""
    ratio = size / new
    centers = (np.arange(new) + 0.5) * ratio - 0.5
    distance = np.abs(centers[:, None] - np.arange(size))
    # Wider kernels for smaller images: else most of the old pixels would not count.
    weights = kernel(distance / (max(ratio, 1.0) if antialias else 1))
    return weights / weights.sum(axis=1, keepdims=True)


def _resampled(x: Any, new: int, interpolation: str, antialias: bool, axis: int) -> Any:
    size = x.shape[axis]
    if size == new:
        return x
    if interpolation != "nearest":
        weights = weights_of(size, new, KERNELS[interpolation], antialias)
        return along_axis(x, weights, axis)
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


_METHODS = {
    "linear": _triangle,
    "bilinear": _triangle,
    "trilinear": _triangle,
    "triangle": _triangle,
    "cubic": _cubic,
    "bicubic": _cubic,
    "tricubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


@public
def scale_and_translate(
    images,
    output_shape,
    scale,
    translation,
    spatial_dims,
    method,
    antialias=True,
):
    """Images made larger or smaller and moved, along any axes.

    What is at x along an axis comes to x * scale + translation; the middle of the first
    pixel is at 1/2. What comes from outside is 0.

    Args:
        images: tensor of any shape.
        output_shape: shape of the result; as the input's but for `spatial_dims`, where
            None stands for the input's.
        scale: tensor, the factor for each of `spatial_dims`.
        translation: tensor, what is added then, in new pixels.
        spatial_dims: the axes.
        method: 'linear', 'cubic', 'lanczos3' or 'lanczos5'; 'bilinear', 'trilinear',
            'triangle' are linear, 'bicubic' and 'tricubic' cubic.
        antialias: whether smaller images are made of all pixels of the larger ones.

    Returns:
        Floats of shape `output_shape`.

    Raises:
        ValueError: for another method, or when sizes or axes do not fit.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> line = np.array([0.0, 2.0, 4.0])
    >>> ops.image.scale_and_translate(line, (3,), [1.0], [1.0], (0,), "linear").tolist()
    [0.0, 0.0, 2.0]
    """
    x = floating(images)
    scale, translation = promote_floating(scale, translation)
    axes = [canonical_axis(int(axis), x.ndim) for axis in spatial_dims]
    wanted = list(output_shape)
    for i, n in enumerate(wanted[: x.ndim]):
        wanted[i] = x.shape[i] if n is None and i not in axes else n
    shape = tuple(int(n) for n in wanted)
    _check_scaling(x, shape, scale, translation, axes, method)
    for i, axis in enumerate(axes):
        moved = scale[i], translation[i]
        weights = _moved(x.shape[axis], shape[axis], *moved, method, bool(antialias))
        x = along_axis(x, weights, axis)
    return x


def _moved(
    size: int, new: int, scale: Any, translation: Any, method: str, antialias: bool
) -> Any:
    """What each of the new places takes of each old one; 0 for places outside."""
    inverse = 1.0 / scale
    dtype = inverse.dtype
    places = (np.arange(new).astype(dtype) + 0.5 - translation) * inverse - 0.5
    distance = abs(expand_dims(places, 1) - np.arange(size).astype(dtype))
    if antialias:
        distance = distance / maximum(inverse, 1.0)
    weights = _METHODS[method](distance, _TENSORS)
    total = sum(weights, axis=1, keepdims=True)
    # Where nothing near counts, there is nothing to divide by.
    enough = greater(abs(total), 1000.0 * float(np.finfo(np.float32).eps))
    weights = where(enough, weights / where(equal(total, 0.0), 1.0, total), 0.0)
    inside = logical_and(greater_equal(places, -0.5), less_equal(places, size - 0.5))
    return where(expand_dims(inside, 1), weights, 0.0)


def _check_scaling(
    x: Any, shape: Any, scale: Any, translation: Any, axes: Any, method: Any
) -> None:
    if method not in _METHODS:
        raise ValueError(
            f"[scale_and_translate] method={method!r} is unknown.\n"
            f"Expected one of {', '.join(map(repr, _METHODS))}.\n"
            "Write method='linear', for example."
        )
    fixed = [i for i in range(x.ndim) if i not in axes]
    good = len(shape) == x.ndim and all(shape[i] == x.shape[i] for i in fixed)
    count = (len(axes),)
    if not good or scale.shape != count or translation.shape != count:
        raise ValueError(
            f"[scale_and_translate] images of shape {x.shape}, output_shape={shape}, "
            f"a scale of shape {scale.shape} and a translation of shape "
            f"{translation.shape} were given for spatial_dims={tuple(axes)}.\n"
            "Expected a shape that differs in these axes only, and a scale and a "
            "translation for each of them.\n"
            "For a batch of images give spatial_dims=(1, 2)."
        )
