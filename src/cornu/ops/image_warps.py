"""Images sampled at other places: rotations, perspective, any map of coordinates.

A place between pixels takes of its neighbours, each with a weight; the neighbours are
picked by index out of all rows of pixels at once.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.numpy import abs, clip, ones_like, stack
from cornu.ops.primitives.elementwise import (
    cast,
    exp,
    floor,
    floor_divide,
    greater_equal,
    less,
    less_equal,
    logical_and,
    mod,
    sign,
    where,
)
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.reductions import sum
from cornu.ops.primitives.shapes import (
    expand_dims,
    pad,
    reshape,
    squeeze,
    static_slice,
    transpose,
)
from cornu.ops.public import floating, promote_floating, public
from cornu.ops.random import normal

__all__ = [
    "affine_transform",
    "elastic_transform",
    "gaussian_blur",
    "map_coordinates",
    "perspective_transform",
]

INTERPOLATIONS = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def check_choice(function: str, argument: str, value: Any, allowed: Any) -> None:
    """Raise where an argument is none of what there is.

    Raises:
        ValueError: saying what there is.
    """
    if value not in allowed:
        raise ValueError(
            f"[{function}] {argument}={value!r} is unknown.\n"
            f"Expected one of {', '.join(map(repr, allowed))}.\n"
            f"Leave {argument} away for the usual."
        )


def as_batch(images: Any, data_format: Any, function: str) -> tuple[Any, bool, bool]:
    """Images as (batch, height, width, channels); and what `as_given` needs to know.

    Raises:
        ValueError: when there are not three or four axes.
    """
    images = convert(images)
    if images.ndim not in (3, 4):
        raise ValueError(
            f"[{function}] images of shape {images.shape} were given.\n"
            "Expected (batch, height, width, channels), or one image without the "
            "batch.\nAdd the missing axis with ops.expand_dims."
        )
    first = config.standardize_data_format(data_format) == "channels_first"
    single = images.ndim == 3
    x = expand_dims(images, 0) if single else images
    return (transpose(x, (0, 2, 3, 1)) if first else x), single, first


def as_given(x: Any, single: bool, first: bool) -> Any:
    """The reverse of `as_batch`."""
    x = transpose(x, (0, 3, 1, 2)) if first else x
    return squeeze(x, 0) if single else x


# Sampling


def _inside(index: Any, size: int, mode: str) -> Any:
    """An index of the pixel that stands for one beyond the border."""
    if mode == "wrap":
        return mod(index, size)
    if mode == "mirror":
        return _mirrored(index, size)
    if mode == "reflect":
        return floor_divide(_mirrored(index * 2 + 1, 2 * size + 1) - 1, 2)
    return clip(index, 0, size - 1)


def _mirrored(index: Any, size: int) -> Any:
    s = size - 1  # half of the period
    return index * 0 if s == 0 else abs(mod(index + s, 2 * s) - s)


def _neighbours(place: Any, size: int, order: int, mode: str) -> list[Any]:
    """(index, weight, whether it is inside) of each neighbour along an axis."""
    if order == 0:
        # Halves away from zero, as SciPy rounds them.
        near = sign(place) * floor(abs(place) + 0.5)
        found = [(near, None)]
    else:
        low = floor(place)
        part = place - low
        found = [(low, 1.0 - part), (low + 1.0, part)]
    result = []
    for at, weight in found:
        index = cast(at, "int32")
        valid = None
        if mode == "constant":
            valid = logical_and(greater_equal(index, 0), less(index, size))
        result.append((_inside(index, size, mode), weight, valid))
    return result


def sample(
    rows: Any, sizes: Any, places: Any, base: Any, order: int, mode: str, value: float
) -> Any:
    """Rows of numbers at places between them.

    Args:
        rows: tensor of shape (points, channels), points of a grid in C order.
        sizes: sizes of the grid's axes.
        places: coordinates along each of these axes, of any one shape.
        base: number of the first row of each place's grid, where there are several.
        order: 0 for the nearest point, 1 for the neighbours in proportion.
        mode: what stands beyond the border, one of `FILL_MODES`.
        value: what it is for 'constant'.

    Returns:
        Tensor of that shape and the channels.
    """
    axes = [
        _neighbours(place, size, order, mode)
        for place, size in zip(places, sizes, strict=True)
    ]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    total = None
    for corner in itertools.product(*axes):
        index, weight, valid = base, None, None
        for (at, part, here), stride in zip(corner, strides, strict=True):
            index = at * stride + index
            if part is not None:
                weight = part if weight is None else weight * part
            if here is not None:
                valid = here if valid is None else logical_and(valid, here)
        term = take(rows, index, axis=0)
        if valid is not None:
            term = where(expand_dims(valid, -1), term, float(value))
        if weight is not None:
            term = expand_dims(weight, -1) * term
        total = term if total is None else total + term
    return total


def warp(images: Any, y: Any, x: Any, order: int, mode: str, value: float) -> Any:
    """Images at other places: `y` and `x` of shape (batch, new height, new width).

    Args:
        images: tensor of shape (batch, height, width, channels).
        y: where along the height each new pixel is taken from.
        x: the same along the width.
        order: as in `sample`.
        mode: as in `sample`.
        value: as in `sample`.
    """
    batch, height, width, channels = images.shape
    rows = reshape(images, (batch * height * width, channels))
    base = np.arange(batch, dtype=np.int32).reshape(-1, 1, 1) * (height * width)
    whole = not is_float(images.dtype)
    rows = floating(rows) if whole else rows
    found = sample(rows, (height, width), (y, x), base, order, mode, value)
    if whole:
        found = sign(found) * floor(abs(found) + 0.5)
    return cast(found, images.dtype)


@public
def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """The values of an array at places between its elements.

    Args:
        inputs: tensor of n axes.
        coordinates: tensor of shape (n, ...), the place along each axis.
        order: 0 for the nearest element, 1 for the neighbours in proportion.
        fill_mode: what is beyond the border: 'constant', 'nearest', 'wrap', 'mirror'
            or 'reflect' (which repeats the border).
        fill_value: the number for 'constant'.

    Returns:
        Tensor of the shape of `coordinates` without its first axis, of the dtype of
        `inputs`.

    Raises:
        ValueError: for another order or mode, or shapes that do not fit.
    """
    inputs, places = convert(inputs), floating(coordinates)
    check_choice("map_coordinates", "order", order, (0, 1))
    check_choice("map_coordinates", "fill_mode", fill_mode, FILL_MODES)
    if places.ndim < 2 or places.shape[0] != inputs.ndim:
        raise ValueError(
            f"[map_coordinates] coordinates of shape {places.shape} were given for "
            f"inputs of shape {inputs.shape}.\n"
            f"Expected ({inputs.ndim}, ...): a coordinate along each axis.\n"
            "Stack the coordinates with ops.stack([y, x])."
        )
    whole = not is_float(inputs.dtype)
    rows = reshape(floating(inputs), (-1, 1))
    axes = [places[i] for i in range(inputs.ndim)]
    found = squeeze(
        sample(rows, inputs.shape, axes, 0, order, fill_mode, fill_value), -1
    )
    if whole:
        found = sign(found) * floor(abs(found) + 0.5)
    return cast(found, inputs.dtype)


# Maps of coordinates


def affine_places(transform: Any, height: int, width: int) -> tuple[Any, Any]:
    """(y, x) of shape (batch, height, width) from the first six numbers of transforms.

    Args:
        transform: tensor of shape (batch, 8): x' = a0 x + a1 y + a2, y' = b0 x + b1 y
            + b2, and two numbers that are no part of this.
        height: of the images.
        width: of the images.
    """
    y = np.arange(height, dtype=transform.dtype).reshape(1, -1, 1)
    x = np.arange(width, dtype=transform.dtype).reshape(1, 1, -1)
    a0, a1, a2, b0, b1, b2 = (transform[:, i, None, None] for i in range(6))
    return y * b1 + x * b0 + b2, y * a1 + x * a0 + a2


def _perspective_places(transform: Any, height: int, width: int) -> tuple[Any, Any]:
    y, x = affine_places(transform, height, width)
    rows = np.arange(height, dtype=transform.dtype).reshape(1, -1, 1)
    columns = np.arange(width, dtype=transform.dtype).reshape(1, 1, -1)
    c0, c1 = (transform[:, i, None, None] for i in (6, 7))
    depth = columns * c0 + rows * c1 + 1.0
    return y / depth, x / depth


@public
def affine_transform(
    images,
    transform,
    interpolation="bilinear",
    fill_mode="constant",
    fill_value=0,
    data_format=None,
):
    """Images under affine maps (rotation, zoom, shear, shift), or projective ones.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch;
            channels come before height for 'channels_first'.
        transform: tensor of shape (batch, 8), or (8,): the new pixel (x, y) is taken
            from ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), where
            k = c0 x + c1 y + 1 and the eight are a0, a1, a2, b0, b1, b2, c0, c1.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what is beyond the border: 'constant', 'nearest', 'wrap', 'mirror'
            or 'reflect' (which repeats the border).
        fill_value: the number for 'constant'.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: for other arguments, or shapes that do not fit.

    Example:

    >>> from cornu import ops
    >>> shift = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    >>> ops.image.affine_transform([[[1.0], [2.0], [3.0]]], shift).tolist()
    [[[2.0], [3.0], [0.0]]]
    """
    check_choice("affine_transform", "interpolation", interpolation, INTERPOLATIONS)
    check_choice("affine_transform", "fill_mode", fill_mode, FILL_MODES)
    x, single, first = as_batch(images, data_format, "affine_transform")
    transform = floating(transform)
    if transform.ndim == 1:
        transform = expand_dims(transform, 0)
    if transform.ndim != 2 or transform.shape not in ((1, 8), (x.shape[0], 8)):
        raise ValueError(
            f"[affine_transform] transforms of shape {transform.shape} were given for "
            f"images of shape {tuple(convert(images).shape)}.\n"
            "Expected (8,), or eight numbers for each image.\n"
            "Write the first two rows of the matrix, and then 0, 0."
        )
    y, places = _perspective_places(transform, *x.shape[1:3])
    order = INTERPOLATIONS[interpolation]
    return as_given(warp(x, y, places, order, fill_mode, fill_value), single, first)


def homography(start: Any, end: Any) -> Any:
    """The eight numbers of the projective map that takes four points to four others.

    Args:
        start: tensor of shape (batch, 4, 2), the points (x, y) in the old images.
        end: where they are in the new ones.

    Returns:
        Tensor of shape (batch, 8), for places in the new images: `affine_transform`'s.
    """
    s, e = _from_square(start), _from_square(end)
    # The inverse of a 3 x 3 matrix but for a factor, which the last number takes.
    adjugate = [
        [
            e[(c + 1) % 3][(r + 1) % 3] * e[(c + 2) % 3][(r + 2) % 3]
            - e[(c + 1) % 3][(r + 2) % 3] * e[(c + 2) % 3][(r + 1) % 3]
            for c in range(3)
        ]
        for r in range(3)
    ]

    def entry(r: int, c: int) -> Any:
        a, b, d = (s[r][k] * adjugate[k][c] for k in range(3))
        return a + b + d

    last = entry(2, 2)
    flat = [entry(r, c) / last for r in range(3) for c in range(3)]
    return stack(flat[:8], axis=1)


def _from_square(points: Any) -> list[list[Any]]:
    """The map from the unit square to four points (Heckbert, 1989): a 3 x 3 matrix.

    The points are those of (0, 0), (1, 0), (0, 1) and (1, 1).
    """
    x0, x1, x3, x2 = (points[:, i, 0] for i in range(4))
    y0, y1, y3, y2 = (points[:, i, 1] for i in range(4))
    dx1, dx2, dx3 = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, dy3 = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    g = (dx3 * dy2 - dx2 * dy3) / area
    h = (dx1 * dy3 - dx3 * dy1) / area
    return [
        [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
        [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
        [g, h, ones_like(x0)],
    ]


@public
def perspective_transform(
    images,
    start_points,
    end_points,
    interpolation="bilinear",
    fill_value: Any = 0,
    data_format=None,
):
    """Images seen from elsewhere: four points of each are moved, and the rest follows.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch.
        start_points: tensor of shape (batch, 4, 2), or (4, 2): points (x, y).
        end_points: where they are in the result.
        interpolation: 'bilinear' or 'nearest'.
        fill_value: what is beyond the border.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: for another interpolation, or shapes that do not fit.
    """
    check_choice(
        "perspective_transform", "interpolation", interpolation, INTERPOLATIONS
    )
    x, single, first = as_batch(images, data_format, "perspective_transform")
    start, end = promote_floating(start_points, end_points)
    if start.shape != end.shape or start.shape[-2:] != (4, 2) or start.ndim > 3:
        raise ValueError(
            f"[perspective_transform] points of shapes {start.shape} and {end.shape} "
            "were given.\nExpected (4, 2) twice, or four points for each image.\n"
            "Give the corners: upper left, upper right, lower left, lower right."
        )
    if start.ndim == 2:
        start, end = expand_dims(start, 0), expand_dims(end, 0)
    y, places = _perspective_places(homography(start, end), *x.shape[1:3])
    order = INTERPOLATIONS[interpolation]
    return as_given(warp(x, y, places, order, "constant", fill_value), single, first)


# Blur


def bell(size: int, sigma: Any, within: Any = None) -> Any:
    """`size` weights of a normal distribution, which sum to 1.

    Args:
        size: how many.
        sigma: tensor, the standard deviation.
        within: those farther from the middle are 0; all count by default.
    """
    x = np.arange(size, dtype=sigma.dtype) - np.asarray((size - 1) / 2, sigma.dtype)
    z = x / sigma
    weights = exp(z * z * -0.5)
    if within is not None:
        weights = where(less_equal(np.abs(x), within), weights, 0.0)
    return weights / sum(weights)


def blur_along(x: Any, weights: Any, axis: int) -> Any:
    """The weighted sum of neighbours along an axis; beyond the border there is 0."""
    size, n = weights.shape[0], x.shape[axis]
    before = (size - 1) // 2
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, size - 1 - before)
    padded = pad(x, widths)
    index = [slice(None)] * x.ndim
    total = None
    for i in range(size):
        index[axis] = slice(i, i + n)
        term = static_slice(padded, tuple(index)) * weights[i]
        total = term if total is None else total + term
    return total


@public
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images blurred by a bell curve; beyond the border there is 0.

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch.
        kernel_size: how many neighbours count along the width and along the height.
        sigma: standard deviation along the width and along the height, in pixels.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: when images have not three or four axes.
    """
    x, single, first = as_batch(images, data_format, "gaussian_blur")
    sigma = cast(sigma, x.dtype)
    for axis, size, i in ((2, kernel_size[0], 0), (1, kernel_size[1], 1)):
        x = blur_along(x, bell(int(size), sigma[i]), axis)
    return as_given(x, single, first)


def elastic_places(key: Any, shape: Any, alpha: Any, sigma: Any, largest: int) -> Any:
    """(y, x) moved by noise that was blurred, of shape (batch, height, width).

    Args:
        key: seed of the noise.
        shape: (batch, height, width).
        alpha: how far.
        sigma: tensor: how strong the noise is, and how much it is blurred.
        largest: number of neighbours in the blur; those that `sigma` asks for count.
    """
    noise = normal((2, *shape), dtype=sigma.dtype, seed=key) * sigma
    wanted = floor(sigma * 6.0)
    wanted = where(less(mod(wanted, 2.0), 1.0), wanted + 1.0, wanted)  # odd
    weights = bell(largest, sigma, (wanted - 1.0) / 2.0)
    moved = blur_along(blur_along(noise, weights, 3), weights, 2) * alpha
    y = np.arange(shape[1], dtype=sigma.dtype).reshape(1, -1, 1)
    x = np.arange(shape[2], dtype=sigma.dtype).reshape(1, 1, -1)
    return moved[0] + y, moved[1] + x


@public
def elastic_transform(
    images,
    alpha=20.0,
    sigma=5.0,
    interpolation="bilinear",
    fill_mode="reflect",
    fill_value=0.0,
    seed=None,
    data_format=None,
):
    """Images distorted by smooth random movements (Simard et al., 2003).

    Args:
        images: tensor of shape (batch, height, width, channels), or without the batch.
        alpha: how far pixels move.
        sigma: how smooth the movements are.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what is beyond the border, as in `affine_transform`.
        fill_value: the number for 'constant'.
        seed: an int, a `SeedGenerator`, or None for the global generator.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: for another interpolation or mode, or images with other axes.
    """
    check_choice("elastic_transform", "interpolation", interpolation, INTERPOLATIONS)
    check_choice("elastic_transform", "fill_mode", fill_mode, FILL_MODES)
    x, single, first = as_batch(images, data_format, "elastic_transform")
    dtype = x.dtype if is_float(x.dtype) else config.floatx()
    largest = int(6 * float(sigma)) | 1
    sigma = convert(np.asarray(float(sigma), dtype))
    y, places = elastic_places(seed, x.shape[:3], float(alpha), sigma, largest)
    order = INTERPOLATIONS[interpolation]
    return as_given(warp(x, y, places, order, fill_mode, fill_value), single, first)
