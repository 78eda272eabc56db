"""Colours of images, and their borders: gray, hue, padding, cropping."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.numpy import abs, clip, split, stack
from cornu.ops.primitives.elementwise import (
    cast,
    equal,
    greater,
    less,
    maximum,
    minimum,
    mod,
    where,
)
from cornu.ops.primitives.shapes import pad, squeeze, static_slice
from cornu.ops.public import floating, public

__all__ = ["crop_images", "hsv_to_rgb", "pad_images", "rgb_to_grayscale", "rgb_to_hsv"]


def _channels(images: Any, data_format: Any, function: str, allowed: Any) -> Any:
    """Images as a tensor, and the axis of their channels.

    Raises:
        ValueError: when there are not three or four axes, or other channels.
    """
    images = convert(images)
    first = config.standardize_data_format(data_format) == "channels_first"
    axis = -3 if first else -1
    if images.ndim not in (3, 4) or images.shape[axis] not in allowed:
        raise ValueError(
            f"[{function}] images of shape {images.shape} were given, with "
            f"data_format={'channels_first' if first else 'channels_last'!r}.\n"
            "Expected one image or a batch of images, with "
            f"{' or '.join(map(str, allowed))} channels.\n"
            "Check data_format, and add a missing axis with ops.expand_dims."
        )
    return images, axis


@public
def rgb_to_grayscale(images, data_format=None):
    """Colours as shades of gray: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        images: tensor of shape (batch, height, width, 3), or without the batch;
            channels come before height for 'channels_first'. One channel stays.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the dtype of `images`, with one channel.

    Raises:
        ValueError: for images with other axes or channels.
    """
    images, axis = _channels(images, data_format, "rgb_to_grayscale", (1, 3))
    if images.shape[axis] == 1:
        return images
    red, green, blue = split(floating(images), 3, axis)
    return cast(red * 0.2989 + green * 0.5870 + blue * 0.1140, images.dtype)


def _planes(images: Any, data_format: Any, function: str) -> tuple[list[Any], int]:
    images, axis = _channels(images, data_format, function, (3,))
    if not is_float(images.dtype):
        raise ValueError(
            f"[{function}] images of dtype {images.dtype} were given.\n"
            "Expected a floating dtype.\nConvert them: ops.cast(images, 'float32')."
        )
    return [squeeze(each, axis) for each in split(images, 3, axis)], axis


@public
def rgb_to_hsv(images, data_format=None):
    """Red, green and blue as hue, saturation and value (hue from 0 to 1).

    Args:
        images: floats of shape (batch, height, width, 3), or without the batch.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: for images with other axes or channels, or of whole numbers.
    """
    planes, axis = _planes(images, data_format, "rgb_to_hsv")
    # What is no more than a rounding counts as black.
    dtype = planes[0].dtype
    tiny = 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)
    red, green, blue = (where(less(abs(p), tiny), 0.0, p) for p in planes)
    value = maximum(maximum(red, green), blue)
    spread = value - minimum(minimum(red, green), blue)
    colored = greater(spread, 0.0)
    saturation = where(
        greater(value, 0.0), spread / where(greater(value, 0.0), value, 1.0), 0.0
    )
    unit = 1.0 / (where(colored, spread, 1.0) * 6.0)
    hue = where(
        equal(value, green),
        unit * (blue - red) + 2.0 / 6.0,
        unit * (red - green) + 4.0 / 6.0,
    )
    hue = where(equal(value, red), unit * (green - blue), hue)
    hue = where(colored, hue, 0.0) + cast(less(hue, 0.0), hue.dtype)
    return stack([hue, saturation, value], axis)


@public
def hsv_to_rgb(images, data_format=None):
    """Hue, saturation and value as red, green and blue.

    Args:
        images: floats of shape (batch, height, width, 3), or without the batch.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: for images with other axes or channels, or of whole numbers.
    """
    (hue, saturation, value), axis = _planes(images, data_format, "hsv_to_rgb")
    turn = mod(hue, 1.0) * 6.0
    shares = (
        clip(abs(turn - 3.0) - 1.0, 0.0, 1.0),
        clip(2.0 - abs(turn - 2.0), 0.0, 1.0),
        clip(2.0 - abs(turn - 4.0), 0.0, 1.0),
    )
    rest = 1.0 - saturation
    return stack([value * (rest + saturation * share) for share in shares], axis)


def _sides(
    function: str, axis: str, size: int, before: Any, after: Any, target: Any, way: int
) -> tuple[int, int]:
    """What is added (or cut off) before and after, from two of three numbers."""
    given = [n for n in (before, after, target) if n is not None]
    if len(given) == 2:
        if target is not None:
            total = (target - size) * way
            before = total - after if before is None else before
            after = total - before if after is None else after
        if before >= 0 and after >= 0 and (way > 0 or before + after <= size):
            return int(before), int(after)
    sides = ("top", "bottom") if axis == "height" else ("left", "right")
    what = "padding" if way > 0 else "cropping"
    raise ValueError(
        f"[{function}] along the {axis} of {size} pixels {sides[0]}_{what}={before}, "
        f"{sides[1]}_{what}={after} and target_{axis}={target} were given or follow.\n"
        "Expected two of the three, none of them negative, that fit.\n"
        f"Give {sides[0]}_{what} and target_{axis}, for example."
    )


def _at_borders(
    function: str, images: Any, data_format: Any, vertical: Any, horizontal: Any
) -> tuple[Any, list[tuple[int, int]]]:
    images = convert(images)
    first = config.standardize_data_format(data_format) == "channels_first"
    if images.ndim not in (3, 4):
        raise ValueError(
            f"[{function}] images of shape {images.shape} were given.\n"
            "Expected one image of three axes, or a batch of images.\n"
            "Add the missing axis with ops.expand_dims."
        )
    widths = [(0, 0)] * images.ndim
    way = 1 if function == "pad_images" else -1
    for name, axis, numbers in (
        ("height", -2 if first else -3, vertical),
        ("width", -1 if first else -2, horizontal),
    ):
        before, after, target = numbers
        size = images.shape[axis]
        widths[axis] = _sides(function, name, size, before, after, target, way)
    return images, widths


@public
def pad_images(
    images,
    top_padding=None,
    left_padding=None,
    bottom_padding=None,
    right_padding=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Zeros around images.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch.
        top_padding: rows above. Of this, `bottom_padding` and `target_height` two are
            given, and of the others likewise.
        left_padding: columns to the left.
        bottom_padding: rows below.
        right_padding: columns to the right.
        target_height: height of the result.
        target_width: width of the result.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: when more or less is given, or a border would be negative.
    """
    images, widths = _at_borders(
        "pad_images",
        images,
        data_format,
        (top_padding, bottom_padding, target_height),
        (left_padding, right_padding, target_width),
    )
    return pad(images, widths)


@public
def crop_images(
    images,
    top_cropping=None,
    left_cropping=None,
    bottom_cropping=None,
    right_cropping=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Images without their borders.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch.
        top_cropping: rows to cut off above. Of this, `bottom_cropping` and
            `target_height` two are given, and of the others likewise.
        left_cropping: columns to the left.
        bottom_cropping: rows below.
        right_cropping: columns to the right.
        target_height: height of the result.
        target_width: width of the result.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: when more or less is given, or more is cut off than there is.
    """
    images, widths = _at_borders(
        "crop_images",
        images,
        data_format,
        (top_cropping, bottom_cropping, target_height),
        (left_cropping, right_cropping, target_width),
    )
    index = tuple(
        slice(lo, n - hi) for n, (lo, hi) in zip(images.shape, widths, strict=True)
    )
    return static_slice(images, index)
