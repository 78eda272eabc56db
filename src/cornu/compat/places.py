"""`K.*` functions with weights of their own for each place, and larger images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import ops
from cornu.graph import config
from cornu.graph.messages import nearest
from cornu.ops.public import floating, promote, recordable

__all__ = ["local_conv1d", "local_conv2d", "resize_images", "resize_volumes"]


# Locally connected layers


@recordable
def local_conv1d(
    inputs: Any,
    kernel: Any,
    kernel_size: Any,
    strides: Any,
    data_format: str | None = None,
) -> Any:
    """A convolution of sequences whose kernel differs from place to place.

    Args:
        inputs: tensor of shape (batch, steps, channels).
        kernel: tensor of shape (places, window * channels, filters).
        kernel_size: the window, a number or a tuple of one.
        strides: step of the window, likewise.
        data_format: 'channels_last' or 'channels_first'; of the inputs and the result,
            and of the order in a window.

    Returns:
        Tensor of shape (batch, places, filters).

    Raises:
        ValueError: when the shapes do not fit.
    """
    return _local(inputs, kernel, kernel_size, strides, data_format, "local_conv1d", 1)


@recordable
def local_conv2d(
    inputs: Any,
    kernel: Any,
    kernel_size: Any,
    strides: Any,
    output_shape: Any,
    data_format: str | None = None,
) -> Any:
    """A convolution of images whose kernel differs from place to place.

    Args:
        inputs: tensor of shape (batch, height, width, channels).
        kernel: tensor of shape (rows * columns, window * channels, filters), where a
            window has `kernel_size[0] * kernel_size[1]` places.
        kernel_size: height and width of the window.
        strides: steps of the window.
        output_shape: rows and columns of the result; None for all that there are.
        data_format: 'channels_last' or 'channels_first'; of the inputs and the result,
            and of the order in a window.

    Returns:
        Tensor of shape (batch, rows, columns, filters).

    Raises:
        ValueError: when the shapes do not fit.
    """
    name = "local_conv2d"
    found = _local(inputs, kernel, kernel_size, strides, data_format, name, 2)
    first = config.standardize_data_format(data_format) == "channels_first"
    sizes = found.shape[2:] if first else found.shape[1:-1]
    if output_shape is not None and tuple(output_shape) != tuple(sizes):
        raise ValueError(
            f"K.{name} was given output_shape={tuple(output_shape)}.\n"
            f"Expected {tuple(sizes)}, as many windows as there are.\n"
            "Leave it away: output_shape=None."
        )
    return found


def _local(
    inputs: Any,
    kernel: Any,
    kernel_size: Any,
    strides: Any,
    data_format: str | None,
    name: str,
    rank: int,
) -> Any:
    x, kernel = promote(inputs, kernel)
    first = config.standardize_data_format(data_format) == "channels_first"
    window, steps = _numbers(kernel_size, rank), _numbers(strides, rank)
    x = ops.moveaxis(x, 1, -1) if first and x.ndim > 2 else x
    places = [
        np.arange(0, size - k + 1, step)[:, None] + np.arange(k)
        for size, k, step in zip(x.shape[1:-1], window, steps, strict=False)
    ]
    count = int(np.prod([len(p) for p in places]))
    width = int(np.prod(window)) * x.shape[-1]
    if x.ndim != rank + 2 or kernel.ndim != 3 or kernel.shape[:2] != (count, width):
        raise ValueError(
            f"K.{name} was given inputs of shape {inputs.shape} and a kernel of shape "
            f"{kernel.shape} for kernel_size={window} and strides={steps}.\n"
            f"Expected inputs of {rank + 2} axes, and a kernel of shape ({count}, "
            f"{width}, filters): a place for each window, and all that is in one.\n"
            "Check the sizes, and data_format."
        )
    for i, each in enumerate(places):  # (batch, n1, k1, n2, k2, channels)
        x = ops.take(x, each.astype("int32"), axis=1 + 2 * i)
    outer, inner = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    inside = (2 * rank + 1, *inner) if first else (*inner, 2 * rank + 1)
    x = ops.transpose(x, (*outer, 0, *inside))
    x = ops.reshape(x, (count, x.shape[rank], width))
    y = ops.transpose(ops.matmul(x, kernel), (1, 0, 2))  # (batch, places, filters)
    y = ops.reshape(y, (y.shape[0], *(len(each) for each in places), y.shape[-1]))
    return ops.moveaxis(y, -1, 1) if first else y


def _numbers(value: Any, rank: int) -> tuple[int, ...]:
    several = isinstance(value, Sequence)
    return tuple(int(n) for n in (value if several else (value,) * rank))


# Larger images


def _gaussian(x: np.ndarray) -> np.ndarray:
    """A bell of width 0.5, cut off at 1.5."""
    return np.where(x < 1.5, np.exp(-2 * x**2), 0.0)


def _mitchell(x: np.ndarray) -> np.ndarray:
    """Mitchell and Netravali (1988), with B = C = 1/3."""
    near = (7 * x**3 - 12 * x**2 + 16 / 3) / 6
    far = (-7 / 3 * x**3 + 12 * x**2 - 20 * x + 32 / 3) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


_KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gaussian": _gaussian,
    "mitchellcubic": _mitchell,
}
_METHODS = ("area", "bicubic", "bilinear", "lanczos3", "lanczos5", "nearest")


@recordable
def resize_images(
    x: Any,
    height_factor: int,
    width_factor: int,
    data_format: str | None = None,
    interpolation: str = "nearest",
) -> Any:
    """Images made larger by whole factors.

    Args:
        x: tensor of shape (batch, height, width, channels).
        height_factor: how many times as high.
        width_factor: how many times as wide.
        data_format: 'channels_last' or 'channels_first'.
        interpolation: 'nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5',
            'area', 'gaussian' or 'mitchellcubic'.

    Raises:
        ValueError: for another interpolation.
    """
    layout = config.standardize_data_format(data_format)
    rows = 2 if layout == "channels_first" else 1
    factors = height_factor, width_factor
    x = ops.convert_to_tensor(x)
    if interpolation != "nearest":
        x = floating(x)
    if interpolation in _KERNELS:
        kernel = _KERNELS[interpolation]
        for axis, factor in enumerate(factors, rows):
            weights = ops.cast(_enlarging(x.shape[axis], factor, kernel), x.dtype)
            y = ops.tensordot(x, weights, axes=((axis,), (1,)))
            x = ops.moveaxis(y, -1, axis)
        return x
    if interpolation not in _METHODS:
        known = sorted([*_METHODS, *_KERNELS])
        raise ValueError(
            f"K.resize_images was given interpolation={interpolation!r}.\n"
            f"Expected one of {', '.join(map(repr, known))}.\n"
            f"{nearest(interpolation, known)}"
        )
    # By a whole factor each new pixel lies in one old one, and that is its area's mean.
    method = "nearest" if interpolation == "area" else interpolation
    size = x.shape[rows] * height_factor, x.shape[rows + 1] * width_factor
    return ops.image.resize(x, size, method, data_format=layout)


def _enlarging(
    size: int, factor: int, kernel: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """What each new place takes of each old one, (new, old); each row sums to 1."""
    centers = (np.arange(size * factor) + 0.5) / factor - 0.5
    weights = kernel(np.abs(centers[:, None] - np.arange(size)))
    return weights / weights.sum(1, keepdims=True)


def resize_volumes(
    x: Any,
    depth_factor: int,
    height_factor: int,
    width_factor: int,
    data_format: str | None = None,
) -> Any:
    """Volumes made larger by whole factors: every element several times."""
    layout = config.standardize_data_format(data_format)
    first = 2 if layout == "channels_first" else 1
    for i, factor in enumerate((depth_factor, height_factor, width_factor)):
        x = ops.repeat(x, factor, axis=first + i)
    return x
