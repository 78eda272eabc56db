"""Pooling: sums, means and maxima over windows, or over all of an image or sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from cornu import ops
from cornu.layers.spatial import Spatial


class Pooling(Spatial):
    """Base of pooling over windows; a subclass names the function.

    Args:
        pool_size: size of the window, one number or one per axis.
        strides: step of the window, by default its size.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' or 'channels_first'.
    """

    pool: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, name=name, **kwargs)
        self.pool_size = self._per_axis(pool_size, "pool_size")
        strides = pool_size if strides is None else strides
        self.strides = self._per_axis(strides, "strides")
        self.padding = self._one_of(padding, "padding", ("valid", "same"))
        self.built = True

    def call(self, inputs: Any) -> Any:
        if self.padding == "valid":
            self._check_fits(inputs.shape, self.pool_size, "pool_size")
        steps = self.pool_size, self.strides, self.padding, self.data_format
        return type(self).pool(inputs, *steps)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class MaxPooling(Pooling):
    """Base of MaxPooling1D, MaxPooling2D and MaxPooling3D."""

    pool = staticmethod(ops.max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling1D(MaxPooling):
    """The largest of every few steps of a sequence.

    Args:
        pool_size: how many steps a window has.
        strides: step of the window, by default its size.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' for input of shape (batch, steps, channels),
            'channels_first' for (batch, channels, steps); by default what
            `cornu.config.image_data_format` says.

    Raises:
        ValueError: for sizes that are not positive, or inputs shorter than the window.

    Example:

    >>> import numpy as np
    >>> MaxPooling1D(5)(np.zeros((2, 100, 32), "float32")).shape
    (2, 20, 32)
    """

    rank = 1


class MaxPooling2D(MaxPooling):
    """The largest element of every window of an image.

    Args:
        pool_size: height and width of the window, one number or two.
        strides: steps of the window, by default its size.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' for input of shape (batch, height, width,
            channels), 'channels_first' for (batch, channels, height, width); by default
            what `cornu.config.image_data_format` says.

    Raises:
        ValueError: for sizes that are not positive, or inputs smaller than the window.

    Example:

    >>> import numpy as np
    >>> MaxPooling2D()(np.zeros((2, 26, 26, 32), "float32")).shape
    (2, 13, 13, 32)
    """

    rank = 2


class MaxPooling3D(MaxPooling):
    """The largest element of every window of a volume.

    The arguments are those of `MaxPooling2D`, with three sizes or one for all.

    Example:

    >>> import numpy as np
    >>> MaxPooling3D(2)(np.zeros((1, 4, 4, 4, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


class AveragePooling1D(Pooling):
    """The mean of every few steps of a sequence; what 'same' adds does not count.

    Args:
        pool_size: how many steps a window has.
        strides: step of the window, by default its size.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' for input of shape (batch, steps, channels),
            'channels_first' for (batch, channels, steps); by default what
            `cornu.config.image_data_format` says.

    Raises:
        ValueError: for sizes that are not positive, or inputs shorter than the window.

    Example:

    >>> import numpy as np
    >>> AveragePooling1D(2)(np.arange(4.0).reshape(1, 4, 1))[0, :, 0].tolist()
    [0.5, 2.5]
    """

    rank = 1
    pool = staticmethod(ops.average_pool)


class AveragePooling2D(Pooling):
    """The mean of every window of an image; what 'same' adds does not count.

    The arguments are those of `AveragePooling1D`, with two sizes or one for both; input
    of shape (batch, height, width, channels).

    Example:

    >>> import numpy as np
    >>> AveragePooling2D(2)(np.zeros((2, 8, 8, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    rank = 2
    pool = staticmethod(ops.average_pool)


class AveragePooling3D(Pooling):
    """The mean of every window of a volume; what 'same' adds does not count.

    The arguments are those of `AveragePooling1D`, with three sizes or one for all.

    Example:

    >>> import numpy as np
    >>> AveragePooling3D(2)(np.zeros((1, 4, 4, 4, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
    pool = staticmethod(ops.average_pool)


# Over everything


class GlobalPooling(Spatial):
    """Base of pooling over all spatial axes.

    Args:
        data_format: 'channels_last' or 'channels_first'.
        keepdims: whether the axes stay, with size 1.
    """

    pool: ClassVar[Callable[..., Any]]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = keepdims
        self.built = True

    def call(self, inputs: Any) -> Any:
        self._check_fits(inputs.shape, (1,) * self.rank, "window")
        return type(self).pool(inputs, axis=self._axes(), keepdims=self.keepdims)

    def get_config(self) -> dict[str, Any]:
        own = {"data_format": self.data_format, "keepdims": self.keepdims}
        return {**super().get_config(), **own}


class GlobalMaxPooling1D(GlobalPooling):
    """The largest of all steps of a sequence, for each channel.

    Args:
        data_format: 'channels_last' for input of shape (batch, steps, channels),
            'channels_first' for (batch, channels, steps); by default what
            `cornu.config.image_data_format` says.
        keepdims: whether the axis of the steps stays, with size 1.

    Example:

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.zeros((2, 100, 32), "float32")).shape
    (2, 32)
    """

    rank = 1
    pool = staticmethod(ops.max)


class GlobalMaxPooling2D(GlobalPooling):
    """The largest element of an image, for each channel.

    The arguments are those of `GlobalMaxPooling1D`; input of shape (batch, height,
    width, channels).

    Example:

    >>> import numpy as np
    >>> GlobalMaxPooling2D()(np.zeros((2, 7, 7, 64), "float32")).shape
    (2, 64)
    """

    rank = 2
    pool = staticmethod(ops.max)


class GlobalMaxPooling3D(GlobalPooling):
    """The largest element of a volume, for each channel.

    The arguments are those of `GlobalMaxPooling1D`.

    Example:

    >>> import numpy as np
    >>> GlobalMaxPooling3D()(np.zeros((1, 4, 4, 4, 3), "float32")).shape
    (1, 3)
    """

    rank = 3
    pool = staticmethod(ops.max)


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of all steps of a sequence that are not masked, for each channel.

    Where all steps of a sequence are masked, the mean is 0. (Keras gives NaN there.)

    Args:
        data_format: 'channels_last' for input of shape (batch, steps, channels),
            'channels_first' for (batch, channels, steps); by default what
            `cornu.config.image_data_format` says.
        keepdims: whether the axis of the steps stays, with size 1.

    Call arguments:
        inputs: the sequences.
        mask: boolean tensor of shape (batch, steps), False for steps that do not count.

    Example:

    >>> import numpy as np
    >>> x = np.array([[[1.0], [3.0], [8.0]]])
    >>> GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).tolist()
    [[2.0]]
    """

    rank = 1
    pool = staticmethod(ops.mean)

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        (axis,) = self._axes()
        steps = inputs.shape[axis]
        if len(mask.shape) != 2 or mask.shape[1] != steps:
            raise ValueError(
                f"{self._title()}: its input has {steps} steps (shape {inputs.shape}), "
                f"and its mask has shape {mask.shape}.\n"
                "Expected a mask of shape (batch, steps).\n"
                "Check data_format, and the layer that makes the mask."
            )
        kept = ops.expand_dims(ops.cast(mask, "bool"), 3 - axis)
        total = ops.sum(ops.where(kept, inputs, 0.0), axis, self.keepdims)
        count = ops.sum(ops.cast(kept, inputs.dtype), axis, self.keepdims)
        return total / ops.maximum(count, 1.0)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of an image, for each channel.

    Args:
        data_format: 'channels_last' for input of shape (batch, height, width,
            channels), 'channels_first' for (batch, channels, height, width); by default
            what `cornu.config.image_data_format` says.
        keepdims: whether the axes stay, with size 1.

    Example:

    >>> import numpy as np
    >>> GlobalAveragePooling2D()(np.zeros((2, 7, 7, 64), "float32")).shape
    (2, 64)
    """

    rank = 2
    pool = staticmethod(ops.mean)


class GlobalAveragePooling3D(GlobalPooling):
    """The mean of a volume, for each channel.

    The arguments are those of `GlobalAveragePooling2D`.

    Example:

    >>> import numpy as np
    >>> GlobalAveragePooling3D()(np.zeros((1, 4, 4, 4, 3), "float32")).shape
    (1, 3)
    """

    rank = 3
    pool = staticmethod(ops.mean)


# To a size


class AdaptivePooling(Spatial):
    """Base of pooling to a given size: as many windows as are wanted.

    Args:
        output_size: number of windows, one number or one per axis.
        data_format: 'channels_last' or 'channels_first'.
    """

    pool: ClassVar[Callable[..., Any]]

    def __init__(
        self, output_size: Any, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.output_size = self._per_axis(output_size, "output_size")

    def call(self, inputs: Any) -> Any:
        self._check_fits(inputs.shape, (1,) * self.rank, "window")
        return type(self).pool(inputs, self.output_size, self.data_format)

    def get_config(self) -> dict[str, Any]:
        own = {"output_size": self.output_size, "data_format": self.data_format}
        return {**super().get_config(), **own}


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The means of as many windows of a sequence as are wanted.

    Window i of n is from step floor(i * steps / n) up to ceil((i + 1) * steps / n).

    Args:
        output_size: number of windows.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: when `output_size` is not positive.

    Example:

    >>> import numpy as np
    >>> AdaptiveAveragePooling1D(2)(np.arange(4.0).reshape(1, 4, 1))[0, :, 0].tolist()
    [0.5, 2.5]
    """

    rank = 1
    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The means of as many windows of an image as are wanted.

    The arguments are those of `AdaptiveAveragePooling1D`, with two sizes or one for
    both.

    Example:

    >>> import numpy as np
    >>> AdaptiveAveragePooling2D((2, 3))(np.zeros((1, 7, 7, 3), "float32")).shape
    (1, 2, 3, 3)
    """

    rank = 2
    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The means of as many windows of a volume as are wanted.

    The arguments are those of `AdaptiveAveragePooling1D`, with three sizes or one for
    all.

    Example:

    >>> import numpy as np
    >>> AdaptiveAveragePooling3D(2)(np.zeros((1, 5, 5, 5, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The maxima of as many windows of a sequence as are wanted.

    The arguments are those of `AdaptiveAveragePooling1D`.

    Example:

    >>> import numpy as np
    >>> AdaptiveMaxPooling1D(2)(np.arange(4.0).reshape(1, 4, 1))[0, :, 0].tolist()
    [1.0, 3.0]
    """

    rank = 1
    pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The maxima of as many windows of an image as are wanted.

    The arguments are those of `AdaptiveAveragePooling1D`, with two sizes or one for
    both.

    Example:

    >>> import numpy as np
    >>> AdaptiveMaxPooling2D((2, 3))(np.zeros((1, 7, 7, 3), "float32")).shape
    (1, 2, 3, 3)
    """

    rank = 2
    pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The maxima of as many windows of a volume as are wanted.

    The arguments are those of `AdaptiveAveragePooling1D`, with three sizes or one for
    all.

    Example:

    >>> import numpy as np
    >>> AdaptiveMaxPooling3D(2)(np.zeros((1, 5, 5, 5, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
    pool = staticmethod(ops.adaptive_max_pool)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
