"""Single images turned, shifted, sheared, zoomed, in other light: new arrays.

What is random is drawn from NumPy's global generator, as in Keras: after
`np.random.seed(1)` the same is drawn again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.preprocessing.image.pictures import array_to_img, check_choice, img_to_array
from cornu.preprocessing.libraries import ndimage, pillow

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
FILL_MODES += ("mirror", "grid-constant", "grid-mirror", "grid-wrap")  # of SciPy


def apply_affine_transform(
    x: Any,
    theta: Any = 0,
    tx: Any = 0,
    ty: Any = 0,
    shear: Any = 0,
    zx: Any = 1,
    zy: Any = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Any:
    """Turns, shifts, shears and zooms an image.

    All is as in Keras since 2.3, also what one would not expect: with the rows before
    the columns, `tx` and `zx` are of the columns (though the generators draw `tx` from
    `height_shift_range`), and the middle, about which an image is turned, is that of
    an image whose height and width are exchanged. It is the middle of square ones.

    Args:
        x: array of three axes.
        theta: degrees to turn by.
        tx: columns to shift by: the image moves to the left.
        ty: rows to shift by: the image moves up.
        shear: degrees to shear by.
        zx: how much of the width is seen: 0.5 makes everything twice as wide.
        zy: how much of the height is seen.
        row_axis: axis of the rows.
        col_axis: axis of the columns.
        channel_axis: axis of the channels, the first or the last.
        fill_mode: what is seen outside the image: 'nearest' its edge, 'constant' the
            value `cval`, 'reflect' the image in a mirror, 'wrap' the image again.
        cval: see above.
        order: 0 takes the nearest pixel, 1 is bilinear, up to 5 for splines.

    Returns:
        An array of the shape of `x`.

    Raises:
        ValueError: for other axes or another shape.

    Example:

    >>> x = np.arange(6.0).reshape(2, 3, 1)
    >>> axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    >>> apply_affine_transform(x, tx=1, **axes)[..., 0]
    array([[1., 2., 2.],
           [4., 5., 5.]])
    """
    _check_image("apply_affine_transform", x, row_axis, col_axis, channel_axis)
    check_choice("apply_affine_transform", "fill_mode", fill_mode, FILL_MODES)
    matrix = _matrix(theta, tx, ty, shear, zx, zy)
    if matrix is None:
        return x
    matrix = _about_the_middle(matrix, x.shape[row_axis], x.shape[col_axis])
    if col_axis > row_axis:
        matrix = matrix[[1, 0, 2]][:, [1, 0, 2]]
    transform = ndimage().affine_transform
    channels = [
        transform(
            channel, matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode,
            cval=cval,
        )
        for channel in np.moveaxis(np.asarray(x), channel_axis, 0)
    ]  # fmt: skip
    return np.moveaxis(np.stack(channels), 0, channel_axis)


def _check_image(owner: str, x: Any, rows: int, columns: int, channels: int) -> None:
    if np.ndim(x) != 3:
        raise ValueError(
            f"{owner} was given something of shape {np.shape(x)}.\n"
            "Expected one image: height, width and channels.\n"
            "Give images one by one, gray ones as x[..., np.newaxis]."
        )
    if sorted((rows, columns, channels)) != [0, 1, 2] or channels == 1:
        raise ValueError(
            f"{owner} was given row_axis={rows}, col_axis={columns}, "
            f"channel_axis={channels}.\n"
            "Expected 0, 1 and 2, with the channels first or last.\n"
            "For channels last: row_axis=0, col_axis=1, channel_axis=2."
        )


def _matrix(theta: Any, tx: Any, ty: Any, shear: Any, zx: Any, zy: Any) -> Any:
    """The transform of homogeneous coordinates (x, y, 1); None for none."""
    parts = []
    if theta != 0:
        cos, sin = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
        parts.append([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    if tx != 0 or ty != 0:
        parts.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear != 0:
        cos, sin = np.cos(np.deg2rad(shear)), np.sin(np.deg2rad(shear))
        parts.append([[1, -sin, 0], [0, cos, 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        parts.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    matrix = None
    for part in map(np.array, parts):
        matrix = part if matrix is None else np.dot(matrix, part)
    return matrix


def _about_the_middle(matrix: Any, height: int, width: int) -> Any:
    x, y = height / 2 - 0.5, width / 2 - 0.5  # Keras has it so; see above
    there = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
    back = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
    return np.dot(np.dot(there, matrix), back)


def flip_axis(x: Any, axis: int) -> Any:
    """An image in a mirror."""
    return np.flip(np.asarray(x), axis)


def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> Any:
    """Adds a number to all values of an image, within the range that they have.

    Args:
        x: array of three axes.
        intensity: the number.
        channel_axis: axis of the channels. They are treated alike.

    Returns:
        An array of the shape of `x`.

    Example:

    >>> apply_channel_shift(np.array([[[0.0, 2.0, 4.0]]]), 1.0)
    array([[[1., 3., 4.]]])
    """
    return np.clip(x + intensity, np.min(x), np.max(x))


def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> Any:
    """An image in another light, by Pillow, in values of 8 bits.

    Args:
        x: array of three axes, as `cornu.config.image_data_format` says.
        brightness: what values are multiplied by: 0 is black, 1 leaves them.
        scale: whether the smallest value becomes 0 and the largest 255 first. Where
            values lie outside that range, it is done anyway, and then undone.

    Returns:
        An array of the shape of `x`.

    Example:

    >>> apply_brightness_shift(np.full((1, 1, 3), 100.0), 1.5, scale=False)
    array([[[150., 150., 150.]]], dtype=float32)
    """
    return brightened(x, brightness, scale, None)


def brightened(x: Any, brightness: float, scale: bool, data_format: str | None) -> Any:
    """`apply_brightness_shift` of an image of either data format."""
    least, most = np.min(x), np.max(x)
    outside = least < 0 or most > 255
    picture = array_to_img(x, data_format, scale=bool(outside or scale))
    picture = pillow("ImageEnhance").Brightness(picture).enhance(brightness)
    x = img_to_array(picture, data_format)
    return x / 255 * (most - least) + least if outside and not scale else x


# Drawn at random


def random_rotation(
    x: Any,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:
    """Turns an image by up to `rg` degrees, either way.

    Args:
        x: array of three axes.
        rg: degrees.
        row_axis: see `apply_affine_transform`, as for the rest.
        col_axis: axis of the columns.
        channel_axis: axis of the channels.
        fill_mode: what is seen outside the image.
        cval: value outside, for 'constant'.
        interpolation_order: 0 takes the nearest pixel, 1 is bilinear.

    Returns:
        An array of the shape of `x`.
    """
    return apply_affine_transform(
        x, theta=np.random.uniform(-rg, rg), row_axis=row_axis, col_axis=col_axis,
        channel_axis=channel_axis, fill_mode=fill_mode, cval=cval,
        order=interpolation_order,
    )  # fmt: skip


def random_shift(
    x: Any,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:
    """Shifts an image by up to these parts of its width and height.

    Args:
        x: array of three axes.
        wrg: part of the width, 0.2 for instance.
        hrg: part of the height.
        row_axis: see `apply_affine_transform`, as for the rest.
        col_axis: axis of the columns.
        channel_axis: axis of the channels.
        fill_mode: what is seen outside the image.
        cval: value outside, for 'constant'.
        interpolation_order: 0 takes the nearest pixel, 1 is bilinear.

    Returns:
        An array of the shape of `x`.
    """
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(
        x, tx=tx, ty=ty, row_axis=row_axis, col_axis=col_axis,
        channel_axis=channel_axis, fill_mode=fill_mode, cval=cval,
        order=interpolation_order,
    )  # fmt: skip


def random_shear(
    x: Any,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:
    """Shears an image by up to `intensity` degrees, either way.

    Args:
        x: array of three axes.
        intensity: degrees.
        row_axis: see `apply_affine_transform`, as for the rest.
        col_axis: axis of the columns.
        channel_axis: axis of the channels.
        fill_mode: what is seen outside the image.
        cval: value outside, for 'constant'.
        interpolation_order: 0 takes the nearest pixel, 1 is bilinear.

    Returns:
        An array of the shape of `x`.
    """
    return apply_affine_transform(
        x, shear=np.random.uniform(-intensity, intensity), row_axis=row_axis,
        col_axis=col_axis, channel_axis=channel_axis, fill_mode=fill_mode, cval=cval,
        order=interpolation_order,
    )  # fmt: skip


def random_zoom(
    x: Any,
    zoom_range: Any,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:
    """Zooms an image, height and width each by a factor of its own.

    Args:
        x: array of three axes.
        zoom_range: (least, most) that is seen of height and width; 1 leaves them.
        row_axis: see `apply_affine_transform`, as for the rest.
        col_axis: axis of the columns.
        channel_axis: axis of the channels.
        fill_mode: what is seen outside the image.
        cval: value outside, for 'constant'.
        interpolation_order: 0 takes the nearest pixel, 1 is bilinear.

    Returns:
        An array of the shape of `x`.
    """
    zx, zy = random_factors(check_pair("random_zoom", "zoom_range", zoom_range))
    return apply_affine_transform(
        x, zx=zx, zy=zy, row_axis=row_axis, col_axis=col_axis,
        channel_axis=channel_axis, fill_mode=fill_mode, cval=cval,
        order=interpolation_order,
    )  # fmt: skip


def random_factors(zoom_range: Any) -> Any:
    """What is to be seen of height and width; nothing is drawn where it is all."""
    if zoom_range[0] == 1 and zoom_range[1] == 1:
        return 1, 1
    return np.random.uniform(zoom_range[0], zoom_range[1], 2)


def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> Any:
    """Adds a number of up to `intensity_range`, or takes it off.

    Args:
        x: array of three axes.
        intensity_range: the largest number.
        channel_axis: axis of the channels. They are treated alike.

    Returns:
        An array of the shape of `x`; see `apply_channel_shift`.
    """
    intensity = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis)


def random_brightness(x: Any, brightness_range: Any, scale: bool = True) -> Any:
    """An image in a light between two; see `apply_brightness_shift`.

    Args:
        x: array of three axes, as `cornu.config.image_data_format` says.
        brightness_range: (least, most).
        scale: whether the smallest value becomes 0 and the largest 255 first.

    Returns:
        An array of the shape of `x`.
    """
    pair = check_pair("random_brightness", "brightness_range", brightness_range)
    return apply_brightness_shift(x, np.random.uniform(*pair), scale)


def check_pair(owner: str, name: str, value: Any) -> tuple[Any, Any]:
    """Two numbers.

    Raises:
        ValueError: in three parts.
    """
    if np.shape(value) != (2,):
        raise ValueError(
            f"{owner}: {name} is {value!r}.\n"
            "Expected two numbers, the least and the most.\n"
            f"For example {name}=(0.8, 1.2)."
        )
    return value[0], value[1]
