"""Images: the base of their layers, and those that make the same of every image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import ops
from cornu.graph import config
from cornu.layers.layer import Layer
from cornu.ops import random
from cornu.ops.image import resize
from cornu.ops.random import SeedGenerator


class ImageLayer(Layer):
    """Base of layers for images: one of them, a batch, or a dict with more of it.

    A subclass has `apply(self, images, drawn)` for a batch in its dtype, and if it is
    random `draw(self, images, seed)`, what a call draws. It may have `apply_to_masks`
    and `apply_to_labels`.
    """

    acts_always = False  # also when it is not training
    keeps_dtype = False  # whole numbers stay whole numbers

    def __init__(
        self,
        bounding_box_format: str | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if bounding_box_format is not None:
            raise ValueError(
                f"{self._title()} was given bounding_box_format="
                f"{bounding_box_format!r}, which is not supported.\n"
                "Expected None: boxes do not follow the images yet.\n"
                "Leave it away, or transform boxes yourself."
            )
        self.data_format = config.standardize_data_format(data_format)
        first = self.data_format == "channels_first"
        self._height, self._width, self._channels = (2, 3, 1) if first else (1, 2, 3)
        self.built = True

    def call(self, data: Any, training: Any = True) -> Any:
        if not isinstance(data, dict):
            images = ops.convert_to_tensor(data)
        else:
            data = {key: _whole_tensor(each) for key, each in data.items()}
            images = data["images"]
        single = self._check_images(images)
        x = ops.expand_dims(images, 0) if single else images
        if not self.keeps_dtype:
            x = ops.cast(x, self._dtype)
        active = bool(training) or self.acts_always
        drawn = self.draw(x, getattr(self, "generator", None)) if active else None
        found = {"images": self.apply(x, drawn) if active else x}
        if isinstance(data, dict):
            found = {**self._rest(data, drawn, active, single), **found}
        if single:
            found["images"] = ops.squeeze(found["images"], 0)
        return found if isinstance(data, dict) else found["images"]

    def _rest(self, data: Any, drawn: Any, active: bool, single: bool) -> Any:
        """What comes with the images, transformed as they are."""
        if "bounding_boxes" in data:
            raise ValueError(
                f"{self._title()} was given bounding boxes, which are not supported.\n"
                "Expected 'images', 'labels' and 'segmentation_masks'.\n"
                "Take 'bounding_boxes' out, and transform them yourself."
            )
        rest = dict(data)
        for key, function in (
            ("labels", self.apply_to_labels),
            ("segmentation_masks", self.apply_to_masks),
        ):
            if key in data and active:
                part = ops.expand_dims(data[key], 0) if single else data[key]
                part = function(part, drawn)
                rest[key] = ops.squeeze(part, 0) if single else part
        return rest

    def _check_images(self, images: Any) -> bool:
        """Whether there is one image only.

        Raises:
            ValueError: when there are not three or four axes.
        """
        if images.ndim not in (3, 4):
            last = "channels, height, width"
            last = last if self._channels == 1 else "height, width, channels"
            raise ValueError(
                f"{self._title()} was called on images of shape {tuple(images.shape)}."
                f"\nExpected (batch, {last}), or one image without the batch.\n"
                "Add the missing axis with ops.expand_dims(images, -1)."
            )
        return images.ndim == 3

    def draw(self, images: Any, seed: Any) -> Any:
        """What is drawn for a batch; None where nothing is left to chance."""
        return None

    def apply(self, images: Any, drawn: Any) -> Any:
        """The batch transformed; subclasses write it."""
        raise NotImplementedError(
            f"{self._title()} has no method `apply`.\n"
            "Expected apply(self, images, drawn), which gives the new images.\n"
            "Write it in the class."
        )

    def apply_to_labels(self, labels: Any, drawn: Any) -> Any:
        """The labels, transformed with the images; most layers leave them."""
        return labels

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        """The segmentation masks, transformed with the images; colours leave them."""
        return masks

    def _uniform(self, shape: Any, low: float, high: float, seed: Any) -> Any:
        return random.uniform(shape, low, high, dtype=self._dtype, seed=seed)

    def _channels_last(self, x: Any) -> Any:
        return ops.transpose(x, (0, 2, 3, 1)) if self._channels == 1 else x

    def _channels_back(self, x: Any) -> Any:
        return ops.transpose(x, (0, 3, 1, 2)) if self._channels == 1 else x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


def _whole_tensor(value: Any) -> Any:
    return ops.convert_to_tensor(value) if isinstance(value, (list, tuple)) else value


class RandomImageLayer(ImageLayer):
    """Base of those that draw something for each batch while training.

    Args:
        seed: seed of what is drawn; random by default.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def factor_pair(
    owner: Any, name: str, value: Any, low: float, high: float, one: str = "both"
) -> tuple[float, float]:
    """The limits (lower, upper) of a factor that is given as a number or as two.

    Args:
        owner: the layer, for messages.
        name: of the argument.
        value: what was given.
        low: the smallest number allowed.
        high: the largest.
        one: what a number f means: 'both' for (-f, f) as far as allowed, 'from 0' for
            (0, f), 'same' for (f, f).

    Raises:
        ValueError: for anything else, and for numbers outside the limits.
    """
    pair = list(value) if isinstance(value, (tuple, list)) else None
    numbers: list[Any] = [value] if pair is None else pair
    good = len(numbers) == (1 if pair is None else 2) and all(
        isinstance(v, (int, float, np.number)) and low <= v <= high for v in numbers
    )
    if not good:
        raise ValueError(
            f"{owner._title()} was given {name}={value!r}.\n"
            f"Expected a number from {low} to {high}, or two of them.\n"
            f"For example {name}=(0.1, 0.2)."
        )
    if pair is not None:
        lower, upper = sorted(pair)
        return lower, upper
    f = abs(numbers[0])
    return {"both": max(-f, low), "from 0": 0.0, "same": f}[one], f


def chosen(layer: Any, batch: int, seed: Any) -> Any:
    """Which images are changed, with the probability `layer.factor` or between two.

    Returns:
        Booleans of shape (batch, 1, 1, 1).
    """
    probability = layer._uniform((batch, 1, 1, 1), *layer.factor, seed)
    return ops.less(layer._uniform((batch, 1, 1, 1), 0.0, 1.0, seed), probability)


def range_pair(owner: Any, value: Any) -> list[float]:
    """A value_range as [lowest, highest].

    Raises:
        ValueError: when it is not two numbers.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(
            f"{owner._title()} was given value_range={value!r}.\n"
            "Expected the lowest and the highest value of images.\n"
            "For example value_range=(0, 1) for images that were divided by 255."
        )
    return sorted(value)


def plain_pair(value: Any) -> Any:
    """A pair as a tuple, also where a file made a list of it; numbers as they are."""
    return tuple(value) if isinstance(value, (tuple, list)) else value


def choice(owner: Any, name: str, value: Any, allowed: Any) -> Any:
    """An argument that is one of few.

    Raises:
        ValueError: when it is not.
    """
    if value not in allowed:
        raise ValueError(
            f"{owner._title()} was given {name}={value!r}.\n"
            f"Expected one of {', '.join(map(repr, allowed))}.\n"
            f"Leave {name} away for the usual."
        )
    return value


def rescaled(images: Any, old: Any, new: Any) -> Any:
    """Images with values of another range."""
    if tuple(old) == tuple(new):
        return images
    unit = (images - float(old[0])) / float(old[1] - old[0])
    return unit * float(new[1] - new[0]) + float(new[0])


def _size(owner: Any, height: Any, width: Any) -> tuple[int, int]:
    good = all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0
        for n in (height, width)
    )
    if not good:
        raise ValueError(
            f"{owner._title()} was given height={height!r} and width={width!r}.\n"
            "Expected two positive whole numbers.\n"
            f"For example {type(owner).__name__}(224, 224)."
        )
    return int(height), int(width)


class Resizing(ImageLayer):
    """Images in another size, at training and at inference.

    Args:
        height: the new height.
        width: the new width.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'lanczos3' or 'lanczos5'.
        crop_to_aspect_ratio: whether what is too much is cut off, so that nothing is
            distorted.
        pad_to_aspect_ratio: whether what is missing is added instead.
        fill_mode: 'constant', which is all there is.
        fill_value: what is added then.
        antialias: whether smaller images are made of all pixels of the larger ones.
        data_format: 'channels_last' or 'channels_first'.

    Input: images of shape (batch, height, width, channels), or one. Output: the same
    dtype.

    Raises:
        ValueError: for other arguments, and for images with other axes.

    Example:

    >>> Resizing(2, 2)(np.ones((1, 4, 6, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    acts_always = keeps_dtype = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = _size(self, height, width)
        kinds = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
        self.interpolation = choice(self, "interpolation", interpolation, kinds)
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = choice(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value, self.antialias = fill_value, bool(antialias)

    def _resized(self, images: Any, interpolation: str) -> Any:
        return resize(
            images,
            (self.height, self.width),
            interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def apply(self, images: Any, drawn: Any) -> Any:
        return self._resized(images, self.interpolation)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self._resized(masks, "nearest")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(ImageLayer):
    """The middle of images; those that are too small are made larger.

    Args:
        height: height of the result.
        width: its width.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: for sizes that are not positive, and images with other axes.

    Example:

    >>> CenterCrop(2, 2)(np.arange(16.0).reshape(4, 4, 1))[..., 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    acts_always = True

    def __init__(
        self, height: int, width: int, data_format: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = _size(self, height, width)

    def apply(self, images: Any, drawn: Any) -> Any:
        size = self.height, self.width
        rows, columns = (
            (images.shape[axis] - n) // 2
            for axis, n in zip((self._height, self._width), size, strict=True)
        )
        if rows < 0 or columns < 0:
            return fitted(images, size, self.data_format)
        index = [slice(None)] * 4
        index[self._height] = slice(rows, rows + self.height)
        index[self._width] = slice(columns, columns + self.width)
        return images[tuple(index)]

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self.apply(masks, drawn)

    def get_config(self) -> dict[str, Any]:
        own = {"height": self.height, "width": self.width}
        return {**super().get_config(), **own}


def fitted(images: Any, size: tuple[int, int], data_format: str) -> Any:
    """The largest part in the middle with the proportions of a size, in that size."""
    return resize(images, size, crop_to_aspect_ratio=True, data_format=data_format)


class AutoContrast(ImageLayer):
    """Each channel of each image stretched over the whole range of values.

    Args:
        value_range: lowest and highest value.

    Raises:
        ValueError: for another value_range, and images with other axes.

    Example:

    >>> AutoContrast()(np.array([[[10.0], [20.0]]], "float32")).tolist()
    [[[0.0], [255.0]]]
    """

    acts_always = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = range_pair(self, value_range)

    def apply(self, images: Any, drawn: Any) -> Any:
        axes = (self._height, self._width)
        x = rescaled(images, self.value_range, (0, 255))
        low = ops.min(x, axis=axes, keepdims=True)
        high = ops.max(x, axis=axes, keepdims=True)
        scale = 255.0 / (high - low)
        stretched = ops.clip(x * scale + -low * scale, 0.0, 255.0)
        found = rescaled(stretched, (0, 255), self.value_range)
        return ops.where(ops.isnan(found), images, found)  # one value everywhere

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


class Equalization(ImageLayer):
    """The values of each channel of each image made equally frequent, while training.

    Args:
        value_range: lowest and highest value.
        bins: how many values are told apart.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: for another value_range, and images with other axes.

    Example:

    >>> Equalization()(np.array([[[0.0], [1.0], [2.0]]], "float32")).tolist()
    [[[0.0], [128.0], [255.0]]]
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.bins = bins
        self.value_range = range_pair(self, value_range)

    def apply(self, images: Any, drawn: Any) -> Any:
        # In Keras all images of a batch have one histogram; here each has its own.
        x = rescaled(self._channels_last(images), self.value_range, (0, 255))
        batch, _, _, channels = x.shape
        table = np.arange(batch * channels, dtype=np.int32) * self.bins
        table = table.reshape(batch, 1, 1, channels)
        counted = ops.cast(x * (self.bins - 1) / 255.0, "int32")
        counted = ops.clip(counted, 0, self.bins - 1) + table
        counts = histogram(counted, batch * channels * self.bins)
        counts = ops.reshape(counts, (batch * channels, self.bins))
        sums = ops.cumsum(counts, axis=-1)
        large = 2**30
        least = ops.min(
            ops.where(ops.greater(sums, 0), sums, large), axis=-1, keepdims=True
        )
        rest = sums[:, -1:] - least
        share = ops.cast(sums - least, self._dtype) * 255.0
        share = share / ops.cast(ops.where(ops.equal(rest, 0), 1, rest), self._dtype)
        new = ops.reshape(ops.clip(ops.round(share), 0, 255), (-1,))
        found = ops.take(new, counted)
        several = ops.greater(ops.count_nonzero(counts, axis=-1), 1)
        several = ops.reshape(several, (batch, 1, 1, channels))
        found = ops.where(several, found, x)
        return self._channels_back(rescaled(found, (0, 255), self.value_range))

    def get_config(self) -> dict[str, Any]:
        own = {"value_range": self.value_range, "bins": self.bins}
        return {**super().get_config(), **own}


def histogram(places: Any, size: int) -> Any:
    """How often each place from 0 to `size` - 1 occurs, as int32."""
    ones = np.ones(math.prod(places.shape), np.int32)
    return ops.scatter_add(
        ops.zeros((size,), "int32"), ops.reshape(places, (-1,)), ones
    )


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Values made equally frequent tile by tile, with a limit to what noise gains.

    Zuiderveld, "Contrast limited adaptive histogram equalization" (1994).

    Args:
        value_range: lowest and highest value.
        clip_limit: how much more frequent than on average a value may count; 0 for no
            limit.
        tile_grid_size: number of tiles along height and width.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: for another value_range, and images with other axes.
    """

    acts_always = keeps_dtype = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: tuple[int, int] = (8, 8),
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        range_pair(self, value_range)
        self.value_range = tuple(value_range)
        self.clip_limit = clip_limit
        self.tile_grid_size = tuple(tile_grid_size)

    def apply(self, images: Any, drawn: Any) -> Any:
        x = ops.cast(self._channels_last(images), self._dtype)
        x = rescaled(x, self.value_range, (0, 255))
        batch, height, width, channels = x.shape
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)
        pads = ((0, 0), (0, tall * rows - height), (0, wide * columns - width), (0, 0))
        x = ops.pad(x, pads, mode="symmetric")
        levels = ops.clip(ops.cast(x, "int32"), 0, 255)
        tables = self._tables(levels, batch, channels, tall, wide)
        found = self._interpolated(tables, levels, tall, wide)
        found = rescaled(found[:, :height, :width], (0, 255), self.value_range)
        return self._channels_back(ops.cast(found, images.dtype))

    def _tables(
        self, levels: Any, batch: int, channels: int, tall: int, wide: int
    ) -> Any:
        """A new value for each of 256: (batch, rows, columns, channels, 256)."""
        rows, columns = self.tile_grid_size
        shape = (batch, rows, columns, channels)
        first = np.arange(math.prod(shape), dtype=np.int32).reshape(shape) * 256
        first = np.repeat(np.repeat(first, tall, axis=1), wide, axis=2)
        counts = ops.cast(
            histogram(levels + first, math.prod(shape) * 256), self._dtype
        )
        counts = ops.reshape(counts, (*shape, 256))
        pixels = float(tall * wide)
        if self.clip_limit > 0:
            cut = ops.minimum(counts, self.clip_limit * pixels / 256.0)
            counts = cut + ops.sum(counts - cut, axis=-1, keepdims=True) / 256.0
        sums = ops.cumsum(counts, axis=-1)
        least = ops.min(sums, axis=-1, keepdims=True)
        rest = pixels - least
        rest = ops.where(ops.equal(rest, 0.0), 1.0, rest)
        return ops.clip((sums - least) * 255.0 / rest, 0.0, 255.0)

    def _interpolated(self, tables: Any, levels: Any, tall: int, wide: int) -> Any:
        """The new values, in proportion between the tables of the tiles around."""
        batch, rows, columns, channels, _ = tables.shape
        flat = ops.reshape(tables, (-1,))

        def around(n: int, tiles: int) -> tuple[Any, Any, Any]:
            place = (np.arange(n * tiles) - n / 2.0) / n
            low = np.floor(place).astype(np.int32)
            one, other = (np.clip(each, 0, tiles - 1) for each in (low, low + 1))
            return one, other, (place - low).astype(self._dtype)

        top, bottom, down = around(tall, rows)
        left, right, across = around(wide, columns)
        b = np.arange(batch, dtype=np.int32).reshape(-1, 1, 1, 1)
        c = np.arange(channels, dtype=np.int32).reshape(1, 1, 1, -1)

        def of(y: Any, x: Any) -> Any:
            tile = (b * rows + y.reshape(1, -1, 1, 1)) * columns + x.reshape(
                1, 1, -1, 1
            )
            return ops.take(
                flat, levels + ((tile * channels + c) * 256).astype(np.int32)
            )

        down, across = down.reshape(1, -1, 1, 1), across.reshape(1, 1, -1, 1)
        above = of(top, left) * (1.0 - across) + of(top, right) * across
        below = of(bottom, left) * (1.0 - across) + of(bottom, right) * across
        return above * (1.0 - down) + below * down

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }
