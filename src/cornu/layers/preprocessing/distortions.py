"""Images seen from the side, or drawn on rubber; while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import ops
from cornu.layers.preprocessing.images import (
    RandomImageLayer,
    choice,
    chosen,
    factor_pair,
    range_pair,
)
from cornu.ops.image_warps import (
    INTERPOLATIONS,
    elastic_places,
    perspective_transform,
    warp,
)


class RandomPerspective(RandomImageLayer):
    """Images seen from the side: their corners are moved, while training.

    Args:
        factor: probability that an image is changed, at most; or two limits.
        scale: how far corners move, as a part of the image.
        interpolation: 'bilinear' or 'nearest'.
        fill_value: what is beyond the border.
        seed: seed of the movements.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomFlip`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_pair(self, "factor", factor, 0.0, 1.0)
        factor_pair(self, "scale", (scale, scale), 0.0, 1.0)
        self.scale, self.fill_value = scale, fill_value
        self.interpolation = choice(
            self, "interpolation", interpolation, tuple(INTERPOLATIONS)
        )

    def draw(self, images: Any, seed: Any) -> Any:
        batch = images.shape[0]
        which = chosen(self, batch, seed)
        half = 0.5 * self.scale
        moved = self._uniform((batch, 4, 2), -half, half, seed)
        right = images.shape[self._width] - 1
        bottom = images.shape[self._height] - 1
        corners = [[0, 0], [right, 0], [0, bottom], [right, bottom]]
        start = np.broadcast_to(np.array(corners, self._dtype), (batch, 4, 2))
        return which, start, moved * start + start

    def _seen(self, images: Any, drawn: Any, interpolation: str) -> Any:
        which, start, end = drawn
        value = self.fill_value
        found = perspective_transform(
            images, start, end, interpolation, value, self.data_format
        )
        return ops.where(which, found, images)

    def apply(self, images: Any, drawn: Any) -> Any:
        return self._seen(images, drawn, self.interpolation)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self._seen(masks, drawn, "nearest")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


class RandomElasticTransform(RandomImageLayer):
    """Images distorted as if they were drawn on rubber, while training.

    Args:
        factor: probability that an image is changed, at most; or two limits.
        scale: how strongly, at most; or two limits.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what is beyond the border: 'reflect', 'mirror', 'wrap', 'constant',
            'nearest'.
        fill_value: the number for 'constant'.
        value_range: lowest and highest value of images.
        seed: seed of the distortions.
        data_format: 'channels_last' or 'channels_first'.

    Input and output as of `RandomFlip`.

    Raises:
        ValueError: for other arguments, and images with other axes.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_pair(self, "factor", factor, 0.0, 1.0)
        self.scale = factor_pair(self, "scale", scale, 0.0, 1.0)
        modes = ("reflect", "mirror", "wrap", "constant", "nearest")
        self.fill_mode = choice(self, "fill_mode", fill_mode, modes)
        self.interpolation = choice(
            self, "interpolation", interpolation, tuple(INTERPOLATIONS)
        )
        self.fill_value = fill_value
        range_pair(self, value_range)
        self.value_range = tuple(value_range)

    def draw(self, images: Any, seed: Any) -> Any:
        if not self.scale[1] or not self.factor[1]:
            return None
        batch = images.shape[0]
        height, width = images.shape[self._height], images.shape[self._width]
        which = chosen(self, batch, seed)
        strength = self._uniform((), *self.scale, seed)
        sigma = ops.maximum(strength * (0.05 * min(height, width)), 1e-6)
        alpha = strength * (0.1 * max(height, width))
        largest = int(6 * 0.05 * self.scale[1] * min(height, width)) | 1
        shape = (batch, height, width)
        return which, elastic_places(seed, shape, alpha, sigma, largest)

    def _distorted(self, images: Any, drawn: Any, interpolation: str) -> Any:
        if drawn is None:
            return images
        which, (y, x) = drawn
        last = self._channels_last(images)
        order = INTERPOLATIONS[interpolation]
        found = warp(last, y, x, order, self.fill_mode, self.fill_value)
        return ops.where(which, self._channels_back(found), images)

    def apply(self, images: Any, drawn: Any) -> Any:
        found = self._distorted(images, drawn, self.interpolation)
        return found if drawn is None else ops.clip(found, *self.value_range)

    def apply_to_masks(self, masks: Any, drawn: Any) -> Any:
        return self._distorted(masks, drawn, "nearest")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "value_range": self.value_range,
        }
