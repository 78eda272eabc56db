"""Layers that add, drop, repeat or reorder elements and axes."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from cornu import ops
from cornu.layers.layer import Layer
from cornu.layers.spatial import Spatial
from cornu.layers.spec import InputSpec


class Identity(Layer):
    """What comes in, with its mask.

    Example:

    >>> import numpy as np
    >>> Identity()(np.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: the old axes in their new order; they count from 1, the batch is 0.

    Raises:
        ValueError: when `dims` is not an order of all axes.

    Example:

    >>> import numpy as np
    >>> Permute((2, 1))(np.zeros((2, 10, 64), "float32")).shape
    (2, 64, 10)
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = dims if isinstance(dims, (list, tuple)) else ()
        if not given or sorted(given) != list(range(1, len(given) + 1)):
            raise ValueError(
                f"{self._title()} was given dims={dims!r}.\n"
                "Expected the axes of a sample, each once, counting from 1.\n"
                "For example dims=(2, 1) to exchange two axes."
            )
        self.dims = tuple(int(n) for n in given)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """A vector several times, as the steps of a sequence.

    Args:
        n: how often.

    Raises:
        TypeError: when `n` is no whole number.
        ValueError: when it is not positive.

    Example:

    >>> import numpy as np
    >>> RepeatVector(3)(np.zeros((2, 8), "float32")).shape
    (2, 3, 8)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = _count(self, n, "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}


def _count(layer: Layer, value: Any, name: str) -> int:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < 1:
        raise (ValueError if whole else TypeError)(
            f"{layer._title()} was given {name}={value!r}.\n"
            f"Expected a positive whole number.\nFor example {name}=2."
        )
    return int(value)


# Larger and smaller


class ZeroPadding(Spatial):
    """Base of ZeroPadding1D, ZeroPadding2D and ZeroPadding3D."""

    def __init__(
        self, padding: Any = 1, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        pairs = self._pairs(padding, "padding")
        self.padding: Any = pairs if self.rank > 1 else pairs[0]

    def call(self, inputs: Any) -> Any:
        widths = [(0, 0)] * (self.rank + 2)
        pairs = self.padding if self.rank > 1 else (self.padding,)
        for axis, pair in zip(self._axes(), pairs, strict=True):
            widths[axis] = pair
        return ops.pad(inputs, widths)

    def get_config(self) -> dict[str, Any]:
        own = {"padding": self.padding, "data_format": self.data_format}
        return {**super().get_config(), **own}


class ZeroPadding1D(ZeroPadding):
    """Steps of zeros before and after a sequence.

    Args:
        padding: how many, one number or (before, after).
        data_format: 'channels_last' for input of shape (batch, steps, channels),
            'channels_first' for (batch, channels, steps); by default what
            `cornu.config.image_data_format` says.

    Raises:
        ValueError: when `padding` is something else.

    Example:

    >>> import numpy as np
    >>> ZeroPadding1D((1, 2))(np.zeros((2, 10, 4), "float32")).shape
    (2, 13, 4)
    """

    rank = 1


class ZeroPadding2D(ZeroPadding):
    """A border of zeros around images.

    Args:
        padding: how wide: one number, (height, width), or ((top, bottom), (left,
            right)).
        data_format: 'channels_last' for input of shape (batch, height, width,
            channels), 'channels_first' for (batch, channels, height, width); by default
            what `cornu.config.image_data_format` says.

    Raises:
        ValueError: when `padding` is something else.

    Example:

    >>> import numpy as np
    >>> ZeroPadding2D(((1, 0), (2, 2)))(np.zeros((2, 8, 8, 3), "float32")).shape
    (2, 9, 12, 3)
    """

    rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(ZeroPadding):
    """A border of zeros around volumes.

    Args:
        padding: how wide: one number, three, or three pairs (before, after).
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: when `padding` is something else.

    Example:

    >>> import numpy as np
    >>> ZeroPadding3D(1)(np.zeros((1, 4, 4, 4, 3), "float32")).shape
    (1, 6, 6, 6, 3)
    """

    rank = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class Cropping(Spatial):
    """Base of Cropping1D, Cropping2D and Cropping3D."""

    def __init__(
        self, cropping: Any, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        pairs = self._pairs(cropping, "cropping")
        self.cropping: Any = pairs if self.rank > 1 else pairs[0]

    def call(self, inputs: Any) -> Any:
        index = [slice(None)] * (self.rank + 2)
        pairs = self.cropping if self.rank > 1 else (self.cropping,)
        for axis, (before, after) in zip(self._axes(), pairs, strict=True):
            size = inputs.shape[axis]
            if before + after >= size:
                raise ValueError(
                    f"{self._title()}: its input has size {size} along axis {axis} "
                    f"(shape {inputs.shape}), and {before + after} are cut off there.\n"
                    "Expected that something is left.\n"
                    "Use a smaller cropping, or larger inputs."
                )
            index[axis] = slice(before, size - after)
        return ops.static_slice(inputs, tuple(index))

    def get_config(self) -> dict[str, Any]:
        own = {"cropping": self.cropping, "data_format": self.data_format}
        return {**super().get_config(), **own}


class Cropping1D(Cropping):
    """A sequence without some steps of its beginning and end.

    Args:
        cropping: how many, one number or (before, after).

    Raises:
        ValueError: when `cropping` is something else, or nothing would be left.

    Example:

    >>> import numpy as np
    >>> Cropping1D((1, 2))(np.zeros((2, 10, 4), "float32")).shape
    (2, 7, 4)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]  # there is only one
        return config


class Cropping2D(Cropping):
    """Images without some of their borders.

    Args:
        cropping: how much: one number, (height, width), or ((top, bottom), (left,
            right)).
        data_format: 'channels_last' for input of shape (batch, height, width,
            channels), 'channels_first' for (batch, channels, height, width); by default
            what `cornu.config.image_data_format` says.

    Raises:
        ValueError: when `cropping` is something else, or nothing would be left.

    Example:

    >>> import numpy as np
    >>> Cropping2D(((1, 0), (2, 2)))(np.zeros((2, 8, 8, 3), "float32")).shape
    (2, 7, 4, 3)
    """

    rank = 2

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(Cropping):
    """Volumes without some of their borders.

    Args:
        cropping: how much: one number, three, or three pairs (before, after).
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: when `cropping` is something else, or nothing would be left.

    Example:

    >>> import numpy as np
    >>> Cropping3D(1)(np.zeros((1, 4, 4, 4, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class UpSampling1D(Spatial):
    """Every step of a sequence several times.

    Args:
        size: how often.

    Raises:
        TypeError: when `size` is no whole number.
        ValueError: when it is not positive.

    Example:

    >>> import numpy as np
    >>> UpSampling1D(2)(np.arange(2.0).reshape(1, 2, 1))[0, :, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__("channels_last", **kwargs)
        self.size = _count(self, size, "size")

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


class UpSampling2D(Spatial):
    """Images several times as high and wide.

    Args:
        size: how many times, one number or (height, width).
        data_format: 'channels_last' for input of shape (batch, height, width,
            channels), 'channels_first' for (batch, channels, height, width); by default
            what `cornu.config.image_data_format` says.
        interpolation: 'nearest' repeats every element; 'bilinear', 'bicubic',
            'lanczos3' and 'lanczos5' go smoothly from one to the next.

    Raises:
        ValueError: for sizes that are not positive, or another interpolation.

    Example:

    >>> import numpy as np
    >>> UpSampling2D(2, interpolation="bilinear")(np.zeros((1, 4, 4, 3))).shape
    (1, 8, 8, 3)
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.size = self._per_axis(size, "size")
        known = ops.image.INTERPOLATIONS
        self.interpolation = self._one_of(interpolation, "interpolation", known)

    def call(self, inputs: Any) -> Any:
        pairs = zip(self._spatial(inputs.shape), self.size, strict=True)
        wanted = tuple(n * times for n, times in pairs)
        return ops.image.resize(
            inputs, wanted, self.interpolation, data_format=self.data_format
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


class UpSampling3D(Spatial):
    """Every element of a volume several times along each axis.

    Args:
        size: how many times, one number or three.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: for sizes that are not positive.

    Example:

    >>> import numpy as np
    >>> UpSampling3D(2)(np.zeros((1, 2, 2, 2, 3), "float32")).shape
    (1, 4, 4, 4, 3)
    """

    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.size = self._per_axis(size, "size")

    def call(self, inputs: Any) -> Any:
        for axis, times in zip(self._axes(), self.size, strict=True):
            inputs = ops.repeat(inputs, times, axis)
        return inputs

    def get_config(self) -> dict[str, Any]:
        own = {"size": self.size, "data_format": self.data_format}
        return {**super().get_config(), **own}
