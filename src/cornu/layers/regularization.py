"""Layers that make learning harder, so that it generalises: noise, and penalties.

Dropout itself is in `core`. Noise is for training alone: else its inputs pass as they
are.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from cornu import ops, regularizers
from cornu.graph.config import standardize_data_format
from cornu.layers.core import Dropout
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec
from cornu.ops import random
from cornu.ops.random import SeedGenerator


class _Noise(Layer):
    """Base of layers that disturb their input while training.

    A subclass has `disturbed(self, inputs)`, which draws from `self.seed_generator`.

    Args:
        amount: how much noise there is; 0 for none.
        seed: of the noise.
    """

    def __init__(self, amount: float, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator: Any = SeedGenerator(seed) if amount > 0 else None
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        if not training or self.seed_generator is None:
            return inputs
        return self.disturbed(inputs)

    def disturbed(self, inputs: Any) -> Any:
        raise NotImplementedError("a subclass says what its noise does")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _checked_rate(rate: Any, layer: Layer) -> float:
    # With a rate of 1 nothing would be left, and the noise would be infinite.
    if isinstance(rate, Real) and 0 <= float(rate) < 1:
        return float(rate)
    raise ValueError(
        f"{type(layer).__name__} was given rate={rate!r}.\n"
        "Expected a number from 0 up to (not including) 1.\n"
        f"For example {type(layer).__name__}(0.2)."
    )


class GaussianNoise(_Noise):
    """Adds normally distributed numbers with mean 0 while training.

    Args:
        stddev: their standard deviation.
        seed: seed of the noise; random by default.

    Raises:
        ValueError: when `stddev` is negative.

    Example:

    >>> import numpy as np
    >>> GaussianNoise(0.1)(np.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        # Keras takes none above 1, which is right for data of that size only.
        if not isinstance(stddev, Real) or not 0 <= float(stddev) < math.inf:
            raise ValueError(
                f"GaussianNoise was given stddev={stddev!r}.\n"
                "Expected a number, 0 or greater.\nFor example GaussianNoise(0.1)."
            )
        super().__init__(float(stddev), seed, **kwargs)
        self.stddev = float(stddev)

    def disturbed(self, inputs: Any) -> Any:
        seed, dtype = self.seed_generator, inputs.dtype
        return inputs + random.normal(inputs.shape, 0.0, self.stddev, dtype, seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev}


class GaussianDropout(_Noise):
    """Multiplies by normally distributed numbers with mean 1 while training.

    Their standard deviation is sqrt(rate / (1 - rate)), as that of the factors of
    Dropout (Srivastava et al., 2014).

    Args:
        rate: from 0 up to 1, as for Dropout.
        seed: seed of the noise; random by default.

    Raises:
        ValueError: when `rate` is outside 0 to 1, or 1.

    Example:

    >>> import numpy as np
    >>> GaussianDropout(0.5)(np.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        rate = _checked_rate(rate, self)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate

    def disturbed(self, inputs: Any) -> Any:
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        seed, dtype = self.seed_generator, inputs.dtype
        return inputs * random.normal(inputs.shape, 1.0, stddev, dtype, seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class AlphaDropout(_Noise):
    """Dropout that keeps mean 0 and variance 1, for selu (Klambauer et al., 2017).

    What is dropped becomes the limit of selu for small numbers; then all is scaled and
    moved, so that inputs of mean 0 and variance 1 keep both.

    Args:
        rate: part that is dropped, from 0 up to 1.
        noise_shape: shape of the mask, None where it is the input's.
        seed: seed of the mask; random by default.

    Raises:
        ValueError: when `rate` is outside 0 to 1, or 1.

    Example:

    >>> import numpy as np
    >>> AlphaDropout(0.5)(np.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        rate = _checked_rate(rate, self)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def disturbed(self, inputs: Any) -> Any:
        limit = -1.6732632423543772 * 1.0507009873554805  # of selu
        factor = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        shape = inputs.shape
        if self.noise_shape is not None:
            pairs = zip(inputs.shape, self.noise_shape, strict=True)
            shape = tuple(n if m is None else m for n, m in pairs)
        # Integer bits are compared, so that masks are equal on every engine.
        bits = ops.random_bits(self.seed_generator.next(), shape)
        kept = ops.greater_equal(bits, round(self.rate * 2**31))
        return ops.where(kept, inputs, limit) * factor - factor * limit * self.rate

    def get_config(self) -> dict[str, Any]:
        own = {"rate": self.rate, "noise_shape": self.noise_shape}
        return {**super().get_config(), **own}


class _SpatialDropout(Dropout):
    """Base of the layers that drop whole channels; `rank` is that of their input."""

    rank = 3

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank)
        space = [1] * (self.rank - 2)
        first = self.data_format == "channels_first"
        self.noise_shape = (None, None, *space) if first else (None, *space, None)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("name", "dtype", "rate", "seed")
        own = {name: config[name] for name in names}
        return {**own, "data_format": self.data_format}


class SpatialDropout1D(_SpatialDropout):
    """Sets whole channels of sequences to 0 while training (Tompson et al., 2015).

    Args:
        rate: part of the channels that becomes 0, from 0 to 1.
        seed: seed of the mask; random by default.
        name: name of the layer.
        dtype: its dtype.

    Input and output of shape (batch, steps, channels).

    Raises:
        ValueError: when `rate` is outside 0 to 1.

    Example:

    >>> import numpy as np
    >>> SpatialDropout1D(0.5)(np.ones((1, 2, 3))).shape
    (1, 2, 3)
    """

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, "channels_last", seed, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config


class SpatialDropout2D(_SpatialDropout):
    """Sets whole channels of images to 0 while training (Tompson et al., 2015).

    Args:
        rate: part of the channels that becomes 0, from 0 to 1.
        data_format: 'channels_last' or 'channels_first'; as set by default.
        seed: seed of the mask; random by default.
        name: name of the layer.
        dtype: its dtype.

    Input and output of shape (batch, height, width, channels), or with the channels
    first.

    Raises:
        ValueError: when `rate` is outside 0 to 1, or the data format unknown.

    Example:

    >>> import numpy as np
    >>> SpatialDropout2D(0.5)(np.ones((1, 2, 2, 3))).shape
    (1, 2, 2, 3)
    """

    rank = 4


class SpatialDropout3D(_SpatialDropout):
    """Sets whole channels of volumes to 0 while training (Tompson et al., 2015).

    Args:
        rate: part of the channels that becomes 0, from 0 to 1.
        data_format: 'channels_last' or 'channels_first'; as set by default.
        seed: seed of the mask; random by default.
        name: name of the layer.
        dtype: its dtype.

    Input and output of shape (batch, depth, height, width, channels), or with the
    channels first.

    Raises:
        ValueError: when `rate` is outside 0 to 1, or the data format unknown.

    Example:

    >>> import numpy as np
    >>> SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 5


class ActivityRegularization(Layer):
    """Passes its input on, and adds a penalty on it to the loss.

    Args:
        l1: factor of the sum of absolute values, per sample of the batch.
        l2: factor of the sum of squares, per sample of the batch.

    Raises:
        ValueError: when a factor is negative.

    Example:

    >>> import numpy as np
    >>> layer = ActivityRegularization(l1=0.5)
    >>> layer(np.array([[1.0, -3.0]])).tolist()
    [[1.0, -3.0]]
    >>> [float(loss) for loss in layer.losses]
    [2.0]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        penalty = regularizers.L1L2(l1=l1, l2=l2)
        super().__init__(activity_regularizer=penalty, **kwargs)
        self.l1, self.l2 = l1, l2
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        del config["activity_regularizer"]
        return config
