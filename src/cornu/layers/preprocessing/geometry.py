"""Images that are moved: flipped, turned, zoomed, shifted, cut; while training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import ops
from cornu.layers.preprocessing.images import (
    RandomImageLayer,
    _size,
    choice,
    factor_pair,
    fitted,
    plain_pair,
)
from cornu.ops.image_warps import INTERPOLATIONS, warp

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """Half of the images mirrored, while training.

    Args:
        mode: 'horizontal' for left and right, 'vertical' for up and down, or
            'horizontal_and_vertical' for both.
        seed: seed of the choice.
        data_format: 'channels_last' or 'channels_first'.

    Input: images of shape (batch, height, width, channels), or one; also a dict of
    'images', 'labels' and 'segmentation_masks'. Output: floats of the same shape.

    Raises:
        ValueError: for another mode, and images with other axes.

    Example:

    >>> RandomFlip("horizontal")(np.ones((4, 8, 8, 3), "float32")).shape
    (4, 8, 8, 3)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = choice(self, "mode", mode, _MODES)

    def draw(self, images: Any, seed: Any) -> Any:
        u = self._uniform((images.shape[0], 1, 1, 1), 0.0, 1.0, seed)
        return ops.less_equal(u, 0.5)

    def apply(self, images: Any, drawn: Any) -> Any:
        for mode, axis in (("horizontal", self._width), ("vertical", self._height)):
            if mode in self.mode:
                images = ops.where(drawn, ops.flip(images, axis), images)
        return images

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self.apply(masks, drawn)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


class AffineLayer(RandomImageLayer):
    """Base of layers that take each pixel from another place.

    A subclass has `draw`, which gives tensors with an entry per image, and
    `matrix(self, drawn, height, width)`: the numbers a0, a1, a2, b0, b1, b2 for which
    (x, y) is taken from (a0 x + a1 y + a2, b0 x + b1 y + b2). None stands for 0.

    Args:
        fill_mode: what is beyond the border: 'reflect', 'wrap', 'constant', 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        fill_value: the number for 'constant'.
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        modes = ("reflect", "wrap", "constant", "nearest")
        self.fill_mode = choice(self, "fill_mode", fill_mode, modes)
        self.interpolation = choice(
            self, "interpolation", interpolation, tuple(INTERPOLATIONS)
        )
        self.fill_value = fill_value

    def matrix(self, drawn: Any, height: int, width: int) -> tuple[Any, ...]:
        """Six tensors of shape (batch,), numbers, or None for 0."""
        raise NotImplementedError("a subclass says what its map is")

    def apply(self, images: Any, drawn: Any) -> Any:
        return self._moved(images, drawn, self.interpolation)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self._moved(masks, drawn, "nearest")

    def _moved(self, images: Any, drawn: Any, interpolation: str) -> Any:
        x = self._channels_last(images)
        _, height, width, _ = x.shape
        columns = np.arange(width, dtype=self._dtype).reshape(1, 1, -1)
        rows = np.arange(height, dtype=self._dtype).reshape(1, -1, 1)
        a0, a1, a2, b0, b1, b2 = map(_per_image, self.matrix(drawn, height, width))
        across = _combined(columns * a0, rows, a1, a2)
        down = _combined(rows * b1, columns, b0, b2)
        order = INTERPOLATIONS[interpolation]
        found = warp(x, down, across, order, self.fill_mode, self.fill_value)
        return self._channels_back(found)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


def _per_image(number: Any) -> Any:
    plain = number is None or isinstance(number, float)
    return number if plain else ops.reshape(number, (-1, 1, 1))


def _combined(first: Any, other: Any, factor: Any, shift: Any) -> Any:
    if factor is not None:
        first = first + other * factor
    return first if shift is None else first + shift


class RandomRotation(AffineLayer):
    """Images turned about their middle, while training.

    Args:
        factor: largest turn as a part of a full one, or two limits; positive ones turn
            counter clockwise.
        fill_mode: what is beyond the border: 'reflect', 'wrap', 'constant', 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        seed: seed of the angles.
        fill_value: the number for 'constant'.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomFlip`.

    Raises:
        ValueError: for other arguments, and images with other axes.

    Example:

    >>> turn = RandomRotation((0.25, 0.25))  # always by a quarter
    >>> turn(np.array([[[1.0], [2.0]], [[3.0], [4.0]]]))[..., 0].numpy().round(3)
    array([[2., 4.],
           [1., 3.]], dtype=float32)
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"seed": seed, "data_format": data_format}
        super().__init__(fill_mode, interpolation, fill_value, **kwargs)
        self.factor = factor_pair(self, "factor", factor, -1.0, 1.0)

    def draw(self, images: Any, seed: Any) -> Any:
        low, high = (f * 360.0 for f in self.factor)
        return self._uniform((images.shape[0],), low, high, seed)

    def matrix(self, drawn: Any, height: int, width: int) -> tuple[Any, ...]:
        angle = drawn * (math.pi / 180.0)
        cos, sin = ops.cos(angle), ops.sin(angle)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        return cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomZoom(AffineLayer):
    """Images made larger or smaller about their middle, while training.

    Args:
        height_factor: largest zoom, or two limits: -0.2 for larger by 20 %, 0.2 for
            smaller.
        width_factor: the same along the width; as along the height by default, so that
            nothing is distorted.
        fill_mode: what is beyond the border: 'reflect', 'wrap', 'constant', 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        seed: seed of the zooms.
        fill_value: the number for 'constant'.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomFlip`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"seed": seed, "data_format": data_format}
        super().__init__(fill_mode, interpolation, fill_value, **kwargs)
        self.height_factor = plain_pair(height_factor)
        self.width_factor = plain_pair(width_factor)
        least = math.nextafter(-1.0, 0.0)  # at -1 nothing would be left
        self._tall = factor_pair(self, "height_factor", height_factor, least, 1.0)
        self._wide = self._tall
        if width_factor is not None:
            self._wide = factor_pair(self, "width_factor", width_factor, least, 1.0)

    def draw(self, images: Any, seed: Any) -> Any:
        shape = (images.shape[0],)
        tall = self._uniform(shape, 1.0 + self._tall[0], 1.0 + self._tall[1], seed)
        if self.width_factor is None:
            return tall, tall
        wide = self._uniform(shape, 1.0 + self._wide[0], 1.0 + self._wide[1], seed)
        return tall, wide

    def matrix(self, drawn: Any, height: int, width: int) -> tuple[Any, ...]:
        tall, wide = drawn
        x, y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
        return wide, None, x * (1.0 - wide), None, tall, y * (1.0 - tall)

    def get_config(self) -> dict[str, Any]:
        own = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return {**super().get_config(), **own}


class RandomTranslation(AffineLayer):
    """Images shifted, while training.

    Args:
        height_factor: largest shift as a part of the height, or two limits; positive
            ones shift down.
        width_factor: the same along the width; positive ones shift to the right.
        fill_mode: what is beyond the border: 'reflect', 'wrap', 'constant', 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        seed: seed of the shifts.
        fill_value: the number for 'constant'.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomFlip`.

    Raises:
        ValueError: for other arguments, and images with other axes.

    Example:

    >>> down = RandomTranslation((0.5, 0.5), 0.0, fill_mode="constant")
    >>> down(np.array([[[1.0]], [[2.0]]]))[..., 0].tolist()
    [[0.0], [1.0]]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"seed": seed, "data_format": data_format}
        super().__init__(fill_mode, interpolation, fill_value, **kwargs)
        self.height_factor = plain_pair(height_factor)
        self.width_factor = plain_pair(width_factor)
        self._down = factor_pair(self, "height_factor", height_factor, -1.0, 1.0)
        self._right = factor_pair(self, "width_factor", width_factor, -1.0, 1.0)

    def draw(self, images: Any, seed: Any) -> Any:
        down = self._uniform((images.shape[0],), *self._down, seed)
        right = self._uniform((images.shape[0],), *self._right, seed)
        return down, right

    def matrix(self, drawn: Any, height: int, width: int) -> tuple[Any, ...]:
        down, right = drawn
        return 1.0, None, -(right * float(width)), None, 1.0, -(down * float(height))

    def get_config(self) -> dict[str, Any]:
        own = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return {**super().get_config(), **own}


class RandomShear(AffineLayer):
    """Images slanted, while training; half of them to the other side.

    Args:
        x_factor: by how much each row is shifted against the one above, at most; or
            two limits.
        y_factor: the same for columns.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what is beyond the border: 'reflect', 'wrap', 'constant', 'nearest'.
        fill_value: the number for 'constant'.
        data_format: 'channels_last' or 'channels_first'.
        seed: seed of the slants.

    Input and output as of `RandomFlip`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"seed": seed, "data_format": data_format}
        super().__init__(fill_mode, interpolation, fill_value, **kwargs)
        self.x_factor = self._factor("x_factor", x_factor)
        self.y_factor = self._factor("y_factor", y_factor)

    def _factor(self, name: str, value: Any) -> tuple[float, float]:
        if isinstance(value, (tuple, list)):
            # A number f means (-f, f), and so it stands in descriptions.
            mirrored = len(value) == 2 and value[0] == -value[1]
            value = value[1] if mirrored else value
        low, high = factor_pair(self, name, value, 0.0, 1.0)
        return (low, high) if isinstance(value, (tuple, list)) else (-high, high)

    def draw(self, images: Any, seed: Any) -> Any:
        shape = (images.shape[0],)
        sign = ops.where(self._uniform(shape, 0.0, 1.0, seed) > 0.5, -1.0, 1.0)
        sign = ops.cast(sign, self._dtype)
        y = self._uniform(shape, *self.y_factor, seed)
        x = self._uniform(shape, *self.x_factor, seed)
        return x * sign, y * sign

    def matrix(self, drawn: Any, height: int, width: int) -> tuple[Any, ...]:
        x, y = drawn
        return 1.0, x, None, y, 1.0, None

    def get_config(self) -> dict[str, Any]:
        own = {"x_factor": self.x_factor, "y_factor": self.y_factor}
        return {**super().get_config(), **own}


class RandomCrop(RandomImageLayer):
    """A part of the images at a random place, the same for a batch, while training.

    At inference, and where images are smaller than the part, it is the largest part in
    the middle with these proportions, in this size.

    Args:
        height: height of the part.
        width: its width.
        seed: seed of the places.
        data_format: 'channels_last' or 'channels_first'.

    Input: images of shape (batch, height, width, channels), or one. Output: floats of
    the new size.

    Raises:
        ValueError: for sizes that are not positive, and images with other axes.
    """

    acts_always = True

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self.height, self.width = _size(self, height, width)

    def call(self, data: Any, training: Any = True) -> Any:
        if training:
            return super().call(data, training)
        images = data["images"] if isinstance(data, dict) else data
        images = ops.convert_to_tensor(images)
        self._check_images(images)
        # Keras does nothing at inference, and the size of what comes out is wrong.
        x = fitted(ops.cast(images, self._dtype), self._target, self.data_format)
        return {**data, "images": x} if isinstance(data, dict) else x

    @property
    def _target(self) -> tuple[int, int]:
        return self.height, self.width

    def draw(self, images: Any, seed: Any) -> Any:
        rows = images.shape[self._height] - self.height
        columns = images.shape[self._width] - self.width
        if rows < 0 or columns < 0:
            return None
        u = self._uniform((2,), 0.0, 1.0, seed)
        limits = np.array([rows + 1, columns + 1], self._dtype)
        return ops.cast(ops.floor(u * limits), "int32")

    def apply(self, images: Any, drawn: Any) -> Any:
        if drawn is None:
            return fitted(images, self._target, self.data_format)
        rows = drawn[0] + np.arange(self.height, dtype=np.int32)
        columns = drawn[1] + np.arange(self.width, dtype=np.int32)
        return ops.take(ops.take(images, rows, self._height), columns, self._width)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self.apply(masks, drawn)

    def get_config(self) -> dict[str, Any]:
        own = {"height": self.height, "width": self.width}
        return {**super().get_config(), **own}
