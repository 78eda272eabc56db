"""Images blurred, inverted, painted over; while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import ops
from cornu.layers.preprocessing.colors import ColorLayer
from cornu.layers.preprocessing.images import (
    ImageLayer,
    RandomImageLayer,
    chosen,
    factor_pair,
    range_pair,
    rescaled,
)
from cornu.ops import random
from cornu.ops.image_warps import bell, blur_along


class RandomSharpness(ColorLayer):
    """Images blurred or sharpened, while training.

    Args:
        factor: 0 blurs, 0.5 changes nothing, 1 sharpens; two limits, or one number f
            for 0 to f.
        value_range: lowest and highest value of images.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the factors.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            factor, value_range, data_format=data_format, seed=seed, **kwargs
        )

    def apply(self, images: Any, drawn: Any) -> Any:
        three = ops.ones((3,), self._dtype)
        around = blur_along(blur_along(images, three, self._height), three, self._width)
        # A pixel counts 5 of 13, its eight neighbours 1 each.
        smooth = (around + images * 4.0) / 13.0
        return self._clipped(images + (1.0 - drawn * 2.0) * (smooth - images))


class RandomGaussianBlur(ColorLayer):
    """Some of the images blurred by a bell curve, while training.

    Args:
        factor: probability that an image is blurred, at most; or two limits.
        kernel_size: how many neighbours count, an odd number, or two: along the width
            and along the height.
        sigma: standard deviation of the curve in pixels, at most; or two limits.
        value_range: lowest and highest value of images.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of what is drawn.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    keeps_range = True

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            factor, value_range, data_format=data_format, seed=seed, **kwargs
        )
        sizes = (
            kernel_size if isinstance(kernel_size, (tuple, list)) else [kernel_size] * 2
        )
        if len(sizes) != 2 or any(n % 2 != 1 or n < 1 for n in sizes):
            raise ValueError(
                f"{self._title()} was given kernel_size={kernel_size!r}.\n"
                "Expected an odd number, or two of them.\n"
                "For example kernel_size=3."
            )
        self.kernel_size = tuple(sizes)
        self.sigma = factor_pair(self, "sigma", sigma, 0.0, 1.0)

    def draw(self, images: Any, seed: Any) -> Any:
        which = chosen(self, images.shape[0], seed)
        return which, self._uniform((2,), *self.sigma, seed) + 1e-6

    def apply(self, images: Any, drawn: Any) -> Any:
        which, sigma = drawn
        x = images
        for i, axis in enumerate((self._width, self._height)):
            x = blur_along(x, bell(self.kernel_size[i], sigma[i]), axis)
        return self._clipped(ops.where(which, x, images))

    def get_config(self) -> dict[str, Any]:
        own = {"kernel_size": self.kernel_size, "sigma": self.sigma}
        return {**super().get_config(), **own}


class RandomInvert(ColorLayer):
    """Some of the images as their negatives, while training.

    Args:
        factor: probability that an image is inverted, at most; or two limits.
        value_range: lowest and highest value of images.
        seed: seed of the choice.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.
    """

    keeps_range = True

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            factor, value_range, data_format=data_format, seed=seed, **kwargs
        )

    def draw(self, images: Any, seed: Any) -> Any:
        return chosen(self, images.shape[0], seed)

    def apply(self, images: Any, drawn: Any) -> Any:
        return ops.where(drawn, float(self.value_range[1]) - images, images)


class RandomErasing(ColorLayer):
    """A rectangle of each image painted over, while training (Zhong et al., 2020).

    Args:
        factor: probability that an image is changed, at most; or two limits.
        scale: limits of the part of the image that is painted over.
        fill_value: a number, or one per channel; noise by default.
        value_range: lowest and highest value of images.
        seed: seed of what is drawn.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    keeps_range = True

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            factor, value_range, data_format=data_format, seed=seed, **kwargs
        )
        self.scale = factor_pair(self, "scale", scale, 0.0, 1.0)
        self.fill_value = fill_value

    def draw(self, images: Any, seed: Any) -> Any:
        batch = images.shape[0]
        size = ops.sqrt(self._uniform((batch, 2), *self.scale, seed))
        box = rectangles(self, images, size[:, 0], size[:, 1], seed)
        return chosen(self, batch, seed), box[0], self._paint(images, seed)

    def _paint(self, images: Any, seed: Any) -> Any:
        if self.fill_value is None:
            noise = random.normal(images.shape, dtype=self._dtype, seed=seed)
            return self._clipped(noise * float(self.value_range[1]))
        limits = min(self.value_range), max(self.value_range)
        value = np.clip(np.asarray(self.fill_value), *limits).astype(self._dtype)
        if value.ndim:
            value = value.reshape((-1, 1, 1) if self._channels == 1 else (1, 1, -1))
        return value

    def apply(self, images: Any, drawn: Any) -> Any:
        which, inside, paint = drawn
        return ops.where(ops.logical_and(which, inside), paint, images)

    def get_config(self) -> dict[str, Any]:
        own = {"scale": self.scale, "fill_value": self.fill_value}
        return {**super().get_config(), **own}


def rectangles(
    layer: ImageLayer, images: Any, wide: Any, tall: Any, seed: Any
) -> tuple[Any, Any]:
    """Rectangles at random places.

    Args:
        layer: whose images they are in.
        images: the images.
        wide: tensor of shape (batch,): their width, as a part of the image's.
        tall: their height.
        seed: seed of the places.

    Returns:
        Whether a pixel is inside, of a shape that broadcasts to images; and the part of
        the image that is, of shape (batch,).
    """
    inside, part = None, None
    for axis, share in ((layer._width, wide), (layer._height, tall)):
        n = images.shape[axis]
        length = share * float(n)
        start = layer._uniform((images.shape[0],), 0.0, 1.0, seed) * (n - length)
        shape = [n if i == axis else 1 for i in range(4)]
        place = np.arange(n, dtype=layer.dtype).reshape(shape)
        low = ops.reshape(start, (-1, 1, 1, 1))
        high = ops.reshape(start + length, (-1, 1, 1, 1))
        here = ops.logical_and(ops.greater_equal(place, low), ops.less(place, high))
        inside = here if inside is None else ops.logical_and(inside, here)
        part = share if part is None else part * share
    return inside, part


class Solarization(RandomImageLayer):
    """Pixels that are bright enough as their negatives, while training.

    Args:
        addition_factor: what is added before, as a part of the range of values; two
            limits, or one number f for 0 to f.
        threshold_factor: from where on pixels are inverted, likewise.
        value_range: lowest and highest value of images.
        seed: seed of the factors.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.

    Example:

    >>> Solarization()(np.array([[[59.0, 62.0, 63.0]]], "float32")).tolist()
    [[[196.0, 193.0, 192.0]]]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        limits = (0.0, 1.0, "from 0")
        self.addition_factor = factor_pair(
            self, "addition_factor", addition_factor, *limits
        )
        self.threshold_factor = factor_pair(
            self, "threshold_factor", threshold_factor, *limits
        )
        self.value_range = range_pair(self, value_range)

    def draw(self, images: Any, seed: Any) -> Any:
        shape = (images.shape[0], 1, 1, 1)
        # In Keras the lower limits are not multiplied by the range.
        return tuple(
            self._uniform(shape, *factor, seed) * 255.0
            for factor in (self.addition_factor, self.threshold_factor)
        )

    def apply(self, images: Any, drawn: Any) -> Any:
        added, threshold = drawn
        x = rescaled(images, self.value_range, (0, 255))
        x = ops.clip(x + added, 0.0, 255.0)
        x = ops.where(ops.less(x, threshold), x, 255.0 - x)
        return rescaled(x, (0, 255), self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "addition_factor": self.addition_factor,
            "threshold_factor": self.threshold_factor,
        }
