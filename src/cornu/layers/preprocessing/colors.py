"""Images in other colours: brighter, stronger, grayer; while training."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.layers.preprocessing.images import (
    RandomImageLayer,
    factor_pair,
    plain_pair,
    range_pair,
    rescaled,
)
from cornu.ops import random
from cornu.ops.image_colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv


class ColorLayer(RandomImageLayer):
    """Base of layers with a factor for each image and a range of values.

    Args:
        factor: the factor, as a number or as two limits.
        value_range: lowest and highest value of images.
    """

    lowest, highest, one = 0.0, 1.0, "from 0"  # what `factor_pair` is told
    keeps_range = False  # descriptions have value_range as given, or in order

    def __init__(self, factor: Any, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor_pair(
            self, "factor", factor, self.lowest, self.highest, self.one
        )
        ordered = range_pair(self, value_range)
        self.value_range = tuple(value_range) if self.keeps_range else ordered

    def draw(self, images: Any, seed: Any) -> Any:
        return self._uniform((images.shape[0], 1, 1, 1), *self.factor, seed)

    def _clipped(self, images: Any) -> Any:
        low, high = sorted(self.value_range)
        return ops.clip(images, low, high)

    def get_config(self) -> dict[str, Any]:
        own = {"factor": self.factor, "value_range": self.value_range}
        return {**super().get_config(), **own}


class RandomBrightness(ColorLayer):
    """The same amount added to all pixels of an image, while training.

    Args:
        factor: largest amount as a part of the range of values, or two limits; -1 gives
            black, 1 white.
        value_range: lowest and highest value of images.
        seed: seed of the amounts.

    Input: images of shape (batch, height, width, channels), or one; also a dict of
    'images', 'labels' and 'segmentation_masks'. Output: floats of the same shape.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.

    Example:

    >>> RandomBrightness((0.1, 0.1))(np.zeros((1, 1, 1), "float32")).tolist()
    [[[25.5]]]
    """

    lowest, one = -1.0, "both"

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def apply(self, images: Any, drawn: Any) -> Any:
        low, high = sorted(self.value_range)
        return self._clipped(images + drawn * float(high - low))


class RandomContrast(ColorLayer):
    """Pixels farther from the mean of their channel, or nearer to it, while training.

    Args:
        factor: with limits (a, b) distances are multiplied by a number from 1 - a to
            1 + b; one number stands for both.
        value_range: lowest and highest value of images.
        seed: seed of these numbers.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.
    """

    one = "same"  # what Keras says, and does not do: there it is never less than 1
    keeps_range = True

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, value_range, seed=seed, **kwargs)
        if isinstance(factor, (tuple, list)):
            self.factor = tuple(factor)  # lower and upper, in no order of size

    def draw(self, images: Any, seed: Any) -> Any:
        lower, upper = self.factor
        return self._uniform((images.shape[0], 1, 1, 1), 1.0 - lower, 1.0 + upper, seed)

    def apply(self, images: Any, drawn: Any) -> Any:
        mean = ops.mean(images, axis=(self._height, self._width), keepdims=True)
        return self._clipped((images - mean) * drawn + mean)


class RandomSaturation(ColorLayer):
    """Colours stronger or grayer, while training.

    Args:
        factor: 0 gives gray, 0.5 the image itself, 1 the strongest colours; two limits,
            or one number f for 0 to f.
        value_range: lowest and highest value of images.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the factors.

    Input: colour images, as of `RandomBrightness`. Output: floats of the same shape.

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

    def draw(self, images: Any, seed: Any) -> Any:
        factor = self._uniform((images.shape[0], 1, 1), *self.factor, seed)
        return factor / (1.0 - factor + config.epsilon())

    def apply(self, images: Any, drawn: Any) -> Any:
        axis = self._channels
        hue, saturation, value = _planes(rgb_to_hsv(images, self.data_format), axis)
        # Keras lets it grow up to the range of pixels; but it is a part, at most 1.
        saturation = ops.clip(saturation * drawn, 0.0, 1.0)
        return hsv_to_rgb(ops.stack([hue, saturation, value], axis), self.data_format)


def _planes(images: Any, axis: int) -> list[Any]:
    return [ops.squeeze(part, axis) for part in ops.split(images, 3, axis)]


class RandomHue(ColorLayer):
    """Colours turned on the colour wheel, one way or the other, while training.

    Args:
        factor: 0 changes nothing, 1 turns by half of the wheel; two limits, or one
            number f for 0 to f.
        value_range: lowest and highest value of images.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the turns.

    Input: colour images, as of `RandomBrightness`. Output: floats of the same shape.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.
    """

    keeps_range = True

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

    def draw(self, images: Any, seed: Any) -> Any:
        shape = (images.shape[0], 1, 1)
        back = self._uniform(shape, 0.0, 1.0, seed) > 0.5
        factor = self._uniform(shape, *self.factor, seed) * 0.5
        return ops.where(back, -factor, factor)

    def apply(self, images: Any, drawn: Any) -> Any:
        axis = self._channels
        x = rescaled(images, self.value_range, (0, 1))
        hue, saturation, value = _planes(rgb_to_hsv(x, self.data_format), axis)
        hue = hue + drawn
        hue = ops.where(hue > 1.0, hue - 1.0, hue)
        hue = ops.where(hue < 0.0, hue + 1.0, hue)
        x = hsv_to_rgb(ops.stack([hue, saturation, value], axis), self.data_format)
        return rescaled(ops.clip(x, 0, 1), (0, 1), self.value_range)


class RandomColorDegeneration(ColorLayer):
    """Colours mixed with gray, while training.

    Args:
        factor: 0 changes nothing, 1 gives gray; two limits, or one number f for 0 to f.
        value_range: lowest and highest value of images.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the factors.

    Input: colour images, as of `RandomBrightness`. Output: floats of the same shape.

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
        gray = rgb_to_grayscale(images, self.data_format)
        return self._clipped(images + drawn * (gray - images))


class RandomGrayscale(RandomImageLayer):
    """Some of the images gray, with as many channels as before, while training.

    Args:
        factor: probability that an image becomes gray.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the choice.

    Input: colour images, as of `RandomBrightness`. Output: the same shape and dtype.

    Raises:
        ValueError: for a probability outside 0 to 1, and images with other axes.
    """

    keeps_dtype = True

    def __init__(
        self,
        factor: float = 0.5,
        data_format: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        factor_pair(self, "factor", (factor, factor), 0.0, 1.0)
        self.factor = factor

    def draw(self, images: Any, seed: Any) -> Any:
        u = self._uniform((images.shape[0], 1, 1, 1), 0.0, 1.0, seed)
        return ops.less(u, self.factor)

    def apply(self, images: Any, drawn: Any) -> Any:
        return ops.where(drawn, rgb_to_grayscale(images, self.data_format), images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomPosterization(ColorLayer):
    """Fewer shades: the last bits of each channel set to 0, while training.

    Args:
        factor: how many bits of 8 are kept, or two limits; one number n for 1 to n.
        value_range: lowest and highest value of images.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the numbers of bits.

    Input and output as of `RandomBrightness`.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.

    Example:

    >>> RandomPosterization((2, 2))(np.array([[[200.0]]], "float32")).tolist()
    [[[192.0]]]
    """

    lowest, highest, one = 1, 8, "both"

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

    def draw(self, images: Any, seed: Any) -> Any:
        least, most = self.factor  # both may be drawn; Keras never draws the second
        bits = random.randint(
            (images.shape[0], 1, 1, 1), int(least), int(most) + 1, "int32", seed
        )
        return ops.cast(8 - bits, "uint8")

    def apply(self, images: Any, drawn: Any) -> Any:
        x = ops.cast(rescaled(images, self.value_range, (0, 255)), "uint8")
        x = ops.bitwise_left_shift(ops.bitwise_right_shift(x, drawn), drawn)
        return rescaled(ops.cast(x, self._dtype), (0, 255), self.value_range)


class RandomColorJitter(RandomImageLayer):
    """Brightness, contrast, saturation and hue changed one after the other.

    Args:
        value_range: lowest and highest value of images.
        brightness_factor: as of `RandomBrightness`; None leaves it.
        contrast_factor: as of `RandomContrast`.
        saturation_factor: as of `RandomSaturation`.
        hue_factor: as of `RandomHue`.
        seed: seed of the factors.
        data_format: 'channels_last' or 'channels_first'.

    Input: colour images, as of `RandomBrightness`. Output: floats of the same shape.

    Raises:
        ValueError: for other factors or ranges, and images with other axes.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        range_pair(self, value_range)
        self.value_range = tuple(value_range)
        self.brightness_factor = plain_pair(brightness_factor)
        self.contrast_factor = plain_pair(contrast_factor)
        self.saturation_factor = plain_pair(saturation_factor)
        self.hue_factor = plain_pair(hue_factor)
        same = {
            "value_range": value_range,
            "seed": seed,
            "data_format": self.data_format,
            "dtype": self._dtype,
        }
        self._parts = [
            kind(factor, **same)
            for kind, factor in (
                (RandomBrightness, brightness_factor),
                (RandomContrast, contrast_factor),
                (RandomSaturation, saturation_factor),
                (RandomHue, hue_factor),
            )
            if factor is not None
        ]

    def draw(self, images: Any, seed: Any) -> Any:
        return [part.draw(images, seed) for part in self._parts]

    def apply(self, images: Any, drawn: Any) -> Any:
        for part, each in zip(self._parts, drawn, strict=True):
            images = part.apply(images, each)
        return images

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
        }
