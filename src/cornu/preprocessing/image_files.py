"""Images from files, all of one size: decoded by Pillow, resized as TensorFlow does.

Keras's data sets of images are made by TensorFlow, whose resizing differs from
Pillow's: a smaller image is made of the pixels next to its points alone.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from cornu.ops.image import KERNELS, weights_of
from cornu.preprocessing.libraries import pillow

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def _gaussian(x: Any) -> Any:
    """exp(-2 x^2): a standard deviation of half a pixel, cut off at three of them."""
    return np.where(x >= 1.5, 0.0, np.exp(-2.0 * x * x))


def _mitchell(x: Any) -> Any:
    """The cubic of Mitchell and Netravali (1988), with B = C = 1/3."""
    inner = (7.0 / 6.0 * x - 2.0) * x * x + 8.0 / 9.0
    outer = ((-7.0 / 18.0 * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
    return np.where(x >= 2.0, 0.0, np.where(x >= 1.0, outer, inner))


_SMOOTHING = {"gaussian": _gaussian, "mitchellcubic": _mitchell}
_KERNELS = {**KERNELS, **_SMOOTHING}
INTERPOLATIONS = (
    *("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"),
    *("gaussian", "mitchellcubic"),
)


class ImageFormat(NamedTuple):
    """What images become.

    Args:
        size: (height, width).
        channels: 1 for gray, 3 for RGB, 4 for RGBA.
        interpolation: one of `INTERPOLATIONS`.
        crop: whether what is too much of height or width is cut off first.
        pad: whether what is missing of height or width is black.
        channels_first: whether the channels come before the height.
    """

    size: tuple[int, int]
    channels: int = 3
    interpolation: str = "bilinear"
    crop: bool = False
    pad: bool = False
    channels_first: bool = False


def load_image(path: str, wanted: ImageFormat) -> np.ndarray:
    """The image of a file.

    Args:
        path: where it is.
        wanted: what it becomes.

    Returns:
        float32 from 0 to 255, of shape (height, width, channels), or (channels, height,
        width).

    Raises:
        ValueError: where the file holds no image that can be read.
    """
    pixels = decoded(path, wanted.channels)
    if wanted.crop:
        pixels = _cropped(pixels, *wanted.size)
    if wanted.pad:
        image = _padded(pixels, *wanted.size, wanted.interpolation)
    else:
        image = resized(pixels, wanted.size, wanted.interpolation)
    if wanted.channels_first:
        image = np.ascontiguousarray(image.transpose(2, 0, 1))
    return image


def decoded(path: str, channels: int) -> np.ndarray:
    """The pixels of an image file: uint8 of shape (height, width, channels).

    Of several pictures in a file the first one counts; of 16 bits the higher 8.

    Raises:
        ValueError: where the file holds no image that can be read.
    """
    Image = pillow()
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):
                high = np.clip(np.asarray(image).astype("int64") >> 8, 0, 255)
                image = Image.fromarray(high.astype("uint8"))
            elif image.mode == "P" and "transparency" in image.info:
                image = image.convert("RGBA")
            if image.mode != _MODES[channels]:
                image = image.convert(_MODES[channels])
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # there is no such file, or it may not be read: it says so itself
        raise ValueError(
            f"The image {path!r} cannot be read: {error}.\n"
            "Expected a whole image in a format that its name ends with.\n"
            "Remove the file, or write it again."
        ) from error
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def resized(pixels: np.ndarray, size: tuple[int, int], interpolation: str) -> Any:
    """The image in another size.

    Args:
        pixels: of shape (height, width, channels).
        size: new (height, width).
        interpolation: one of `INTERPOLATIONS`.

    Returns:
        float32 of shape (*size, channels).
    """
    height, width, channels = pixels.shape
    image = pixels.reshape(height, width * channels)
    # These two smooth an image also where its size stays.
    if height != size[0] or interpolation in _SMOOTHING:
        image = _summed(image, *_taps(height, size[0], interpolation), 0)
    if width != size[1] or interpolation in _SMOOTHING:
        places, weights = _taps(width, size[1], interpolation)
        # Along the columns NumPy takes single numbers faster than groups of three.
        places = places[:, :, np.newaxis] * channels + np.arange(channels)
        places = places.reshape(len(places), -1)
        image = _summed(image, places, weights.repeat(channels, axis=1), 1)
    return image.reshape(*size, channels).astype("float32", copy=False)


def _summed(x: np.ndarray, places: Any, weights: Any, axis: int) -> np.ndarray:
    """Sums of weighted rows or columns; `places` and `weights` are (taps, new)."""
    total: Any = None
    for place, weight in zip(places, weights, strict=True):
        part = x.take(place, axis) * (weight if axis else weight[:, np.newaxis])
        total = part if total is None else np.add(total, part, out=total)
    return total


@functools.lru_cache(128)
def _taps(size: int, new: int, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    """Which old pixels count for each new one, and how much: both (taps, new)."""
    if interpolation == "nearest":
        # In float32, as TensorFlow: where a point is on the border of two pixels, the
        # rounding decides.
        points = (np.arange(new, dtype="float32") + 0.5) * np.float32(size / new)
        places = np.minimum(points.astype("int64"), size - 1)
        return places[np.newaxis], np.ones((1, new), "float32")
    if interpolation == "area":  # as much as a pixel covers of the new one
        ends = np.arange(new + 1) * size / new
        old = np.arange(size)
        covered = np.minimum(ends[1:, None], old + 1) - np.maximum(ends[:-1, None], old)
        matrix = np.maximum(covered, 0.0) * new / size
    else:
        matrix = weights_of(size, new, _KERNELS[interpolation], antialias=False)
    counts = np.abs(matrix) > 1e-7
    first = counts.argmax(axis=1)
    last = size - counts[:, ::-1].argmax(axis=1)
    places = first + np.arange((last - first).max())[:, None]
    inside = places < last
    places = np.minimum(places, size - 1)
    weights = np.where(inside, matrix[np.arange(new), places], 0.0)
    return places, weights.astype("float32")


def _cropped(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest part in the middle that has the new shape's proportions."""
    h, w = pixels.shape[:2]
    rows = max(min(h, int(w * height / width)), 1)
    columns = max(min(w, int(h * width / height)), 1)
    top, left = (h - rows) // 2, (w - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def _padded(pixels: np.ndarray, height: int, width: int, interpolation: str) -> Any:
    """The whole image in the middle of a black one, as tf.image.resize_with_pad."""
    h, w = np.float32(pixels.shape[0]), np.float32(pixels.shape[1])
    ratio = max(w / np.float32(width), h / np.float32(height))
    rows, columns = h / ratio, w / ratio
    image = np.zeros((height, width, pixels.shape[2]), "float32")
    top = max(int((height - rows) // 2), 0)
    left = max(int((width - columns) // 2), 0)
    part = resized(pixels, (max(int(rows), 1), max(int(columns), 1)), interpolation)
    image[top : top + part.shape[0], left : left + part.shape[1]] = part
    return image
