"""Bounding boxes of the things in images."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.layers.preprocessing.images import ImageLayer


class MaxNumBoundingBoxes(ImageLayer):
    """As many bounding boxes for every image: the first ones, or filled up.

    Args:
        max_number: how many boxes each image has afterwards.
        fill_value: what boxes and labels that are added are filled with.
        bounding_box_format: how boxes are written, 'xyxy' for example; they are counted
            only, so it does not matter which it is, and it may be left away.
        data_format: 'channels_last' or 'channels_first'.

    Input: images, or a dict of 'images' and 'bounding_boxes', which is a dict of
    'boxes' of shape (batch, n, 4) and 'labels' of shape (batch, n); without the batch
    for one image. Output: the same, with max_number for n. All else is left as it is.

    Raises:
        ValueError: for boxes of other shapes or with other entries.

    Example:

    >>> import numpy as np
    >>> boxes = {"boxes": np.ones((1, 1, 4)), "labels": np.ones((1, 1))}
    >>> data = {"images": np.zeros((1, 8, 8, 3)), "bounding_boxes": boxes}
    >>> MaxNumBoundingBoxes(2)(data)["bounding_boxes"]["labels"].tolist()
    [[1.0, -1.0]]
    """

    acts_always = keeps_dtype = True

    def __init__(
        self,
        max_number: int,
        fill_value: int = -1,
        bounding_box_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(max_number, (int, float)) or int(max_number) < 1:
            raise ValueError(
                f"{self._title()} was given max_number={max_number!r}.\n"
                "Expected a positive whole number.\n"
                "For example max_number=10."
            )
        self.max_number, self.fill_value = int(max_number), int(fill_value)
        self.bounding_box_format = bounding_box_format

    def apply(self, images: Any, drawn: Any) -> Any:
        return images

    def _rest(self, data: Any, drawn: Any, active: bool, single: bool) -> Any:
        rest = dict(data)
        if "bounding_boxes" in rest:
            found = rest["bounding_boxes"]
            self._check_boxes(found, 1 if single else 2)
            rest["bounding_boxes"] = {
                key: self._filled(found[key], 0 if single else 1) for key in found
            }
        return rest

    def _filled(self, value: Any, axis: int) -> Any:
        value = ops.convert_to_tensor(value)
        index = (slice(None),) * axis
        value = value[(*index, slice(self.max_number))]
        widths = [(0, 0)] * value.ndim
        widths[axis] = (0, self.max_number - value.shape[axis])
        return ops.pad(value, widths, constant_values=self.fill_value)

    def _check_boxes(self, found: Any, axes: int) -> None:
        """
        Raises:
            ValueError: when they are not boxes (..., n, 4) and labels (..., n).
        """
        keys = set(found) if isinstance(found, dict) else set()
        shapes = {k: ops.shape(ops.convert_to_tensor(found[k])) for k in keys}
        good = keys == {"boxes", "labels"}
        good = good and len(shapes["labels"]) == axes
        if not good or shapes["boxes"] != (*shapes["labels"], 4):
            what = shapes or type(found).__name__
            raise ValueError(
                f"{self._title()} was given the bounding boxes {what}.\n"
                "Expected 'boxes' of shape (batch, n, 4) and 'labels' of shape "
                "(batch, n), and nothing else.\n"
                "Fill up the boxes of each image to as many, so that they are arrays."
            )

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "max_number": self.max_number}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        # Keras forgets it.
        return {**config, "fill_value": self.fill_value}
