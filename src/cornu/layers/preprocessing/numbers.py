"""Numbers for a network: scaled, normalized, in bins, as vectors of categories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import ops
from cornu.graph import config
from cornu.graph.tensor import TensorBase
from cornu.layers.layer import Layer
from cornu.layers.preprocessing.encoding import MODES, check_mode, encode, refuse_sparse
from cornu.serialization import deserialize_keras_object, serialize_keras_object


class Rescaling(Layer):
    """inputs * scale + offset.

    Args:
        scale: a number, or an array that broadcasts.
        offset: the same.

    Input: numbers of any shape. Output: floats of that shape.

    Example:

    >>> Rescaling(1 / 255)([[0, 255]]).tolist()
    [[0.0, 1.0]]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        scale = np.asarray(self.scale, self._dtype)
        offset = np.asarray(self.offset, self._dtype)
        if scale.ndim and config.image_data_format() == "channels_first":
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
        return ops.cast(inputs, self._dtype) * scale + offset

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": serialize_keras_object(self.scale),
            "offset": serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        parts = {k: deserialize_keras_object(config[k]) for k in ("scale", "offset")}
        return cls(**{**config, **parts})


class Normalization(Layer):
    """(inputs - mean) / standard deviation: those that `adapt` saw, or given ones.

    Args:
        axis: axis or axes that have a mean and a variance for each index; None for one
            of all.
        mean: the mean, a number or an array of the sizes of these axes.
        variance: the variance, of the same shape.
        invert: whether to go back: inputs * standard deviation + mean.

    Input: numbers of any shape. Output: floats of that shape.

    Raises:
        ValueError: when one of mean and variance is missing, their shapes differ or do
            not fit, or an axis does not exist or has an open size.

    Example:

    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
    >>> layer([[1.0, 9.0]]).tolist()
    [[0.0, 1.0]]
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else axis
        self.axis = (axes,) if isinstance(axes, int) else tuple(axes)
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert
        self.supports_masking = True
        shapes = np.shape(mean), np.shape(variance)
        alike = (mean is None) == (variance is None)
        fits = alike and shapes[0] == shapes[1]
        if not fits or (mean is not None and len(shapes[0]) > len(self.axis)):
            raise ValueError(
                f"{self._title()} was given a mean of shape {shapes[0]} and a variance "
                f"of shape {shapes[1]}, for axis={axis}"
                f"{'' if alike else '; one of them is None'}.\n"
                "Expected both, of one shape, with no more axes than `axis` names.\n"
                "Leave both away and call adapt(data)."
            )

    def build(self, input_shape: Any) -> None:
        ndim = len(input_shape)
        places = sorted(a % ndim for a in self.axis if -ndim <= a < ndim)
        if len(places) < len(self.axis) or None in [input_shape[a] for a in places]:
            raise ValueError(
                f"{self._title()} with axis={self.axis} was built for inputs of shape "
                f"{tuple(input_shape)}.\n"
                "Expected axes that the input has, of known size.\n"
                "Change axis=, or give the Input these sizes."
            )
        self._kept = tuple(places)
        self._spread = tuple(n if i in places else 1 for i, n in enumerate(input_shape))
        sizes = tuple(input_shape[a] for a in places)
        self._sizes = sizes
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(
                sizes, "zeros", trainable=False, name="mean"
            )
            self.adapt_variance = self.add_weight(
                sizes, "ones", trainable=False, name="variance"
            )
            # Without use, but files of Keras have it.
            self.count = self.add_weight(
                (), "zeros", "int32", trainable=False, name="count"
            )
        self.built = True

    def _given(self, value: Any) -> np.ndarray:
        """What was given, in a shape that broadcasts to inputs."""
        array = np.asarray(value, self._dtype)
        shape = [1] * len(self._spread)
        for i in range(1, array.ndim + 1):
            shape[self._kept[-i]] = array.shape[-i]
        try:
            return np.broadcast_to(array.reshape(shape), self._spread)
        except ValueError:
            raise ValueError(
                f"{self._title()} was given a mean of shape {array.shape} for inputs "
                f"whose axes {self.axis} have the sizes {self._sizes}.\n"
                "Expected these sizes.\nCheck mean=, variance= and axis=."
            ) from None

    @property
    def mean(self) -> Any:
        """The mean, in a shape that broadcasts to inputs; None before `build`."""
        return self._statistic("mean")

    @property
    def variance(self) -> Any:
        """The variance, in a shape that broadcasts to inputs; None before `build`."""
        return self._statistic("variance")

    def _statistic(self, name: str) -> Any:
        if not self.built:
            return None
        given = getattr(self, f"input_{name}")
        if given is not None:
            return ops.convert_to_tensor(self._given(given))
        return ops.reshape(getattr(self, f"adapt_{name}"), self._spread)

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self._dtype)
        deviation = ops.maximum(ops.sqrt(self.variance), config.epsilon())
        if self.invert:
            return self.mean + x * deviation
        return (x - self.mean) / deviation

    def adapt(self, data: Any) -> None:
        """Learn mean and variance from data.

        Args:
            data: an array, or an iterable of batches (of a tuple, the first part).

        Raises:
            ValueError: when mean and variance were given, there is no data, or shapes
                differ from what the layer was built for.
        """
        if self.input_mean is not None:
            raise ValueError(
                f"{self._title()}: adapt was called, but its mean was given.\n"
                "Expected a layer without mean= and variance=.\n"
                "Leave them away to learn them from data."
            )
        if isinstance(data, (np.ndarray, TensorBase)) or hasattr(data, "to_numpy"):
            data = [data]
        elif isinstance(data, (list, tuple)) and not all(
            hasattr(each, "shape") for each in data
        ):
            data = [np.asarray(data)]
        parts = iter(data)
        first = next(parts, None)
        if first is None:
            raise ValueError(
                f"{self._title()}: adapt was given no batch at all.\n"
                "Expected an array, or an iterable of arrays.\n"
                "A generator can be used once: make it anew."
            )
        total = _Moments()
        for each in itertools.chain([first], parts):
            batch = np.asarray(each[0] if isinstance(each, tuple) else each, "float64")
            if not self.built:
                self.build_from_config({"input_shape": batch.shape})
            if tuple(batch.shape[a] for a in self._kept) != self._sizes:
                raise ValueError(
                    f"{self._title()}: adapt was given data of shape {batch.shape}, "
                    f"and its axes {self.axis} had the sizes {self._sizes} before.\n"
                    "Expected the same sizes.\nMake a new layer for other data."
                )
            reduced = tuple(i for i in range(batch.ndim) if i not in self._kept)
            total.add(batch, reduced)
        self.adapt_mean.assign(total.mean)
        self.adapt_variance.assign(total.variance)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }


class _Moments:
    """Mean and variance of batches, merged as they come (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.variance = 0, np.zeros(()), np.zeros(())

    def add(self, batch: np.ndarray, axes: tuple[int, ...]) -> None:
        n = math.prod(batch.shape[a] for a in axes)
        mean, variance = batch.mean(axes), batch.var(axes)
        self.count += n
        part = n / self.count
        merged = self.mean * (1 - part) + mean * part
        self.variance = (self.variance + (self.mean - merged) ** 2) * (1 - part)
        self.variance = self.variance + (variance + (mean - merged) ** 2) * part
        self.mean = merged


class Discretization(Layer):
    """Numbers as the index of the bin that they are in.

    Args:
        bin_boundaries: limits between the bins, rising; the first and last bin are
            open. Or instead
        num_bins: how many bins `adapt` finds, each with as much data.
        epsilon: how exactly it finds them, as part of the data.
        output_mode: 'int' for the index; 'one_hot', 'multi_hot' or 'count' for vectors,
            the last two over the last axis of the input.
        sparse: only False.

    Input: numbers of any shape. Output: int32 of that shape, or floats.

    Raises:
        ValueError: when both or none of the first two are given, or another mode.
        RuntimeError: when it is called before `adapt`.

    Example:

    >>> Discretization([0.0, 1.0, 2.0])([[-1.5, 1.0, 3.4, 0.5]]).tolist()
    [[0, 2, 3, 1]]
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        refuse_sparse("Discretization", sparse=sparse)
        if (num_bins is None) == (bin_boundaries is None) or (num_bins or 0) < 0:
            raise ValueError(
                f"Discretization was given bin_boundaries={bin_boundaries} and "
                f"num_bins={num_bins}.\nExpected one of them.\n"
                "For example Discretization(num_bins=10), and then adapt(data)."
            )
        self.bin_boundaries = None if bin_boundaries is None else list(bin_boundaries)
        self.num_bins, self.epsilon = num_bins, epsilon
        self.output_mode = check_mode("Discretization", output_mode, MODES)
        self.sparse = False
        self._summary = np.zeros((2, 0), "float32")  # values, and how many each is
        self.built = True

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise RuntimeError(
                f"{self._title()} has no bins yet.\n"
                "Expected bin_boundaries=, or adapt(data) before the layer is called.\n"
                f"Call {self.name}.adapt(data) with the data to be put into bins."
            )
        dtype = "int32" if self.output_mode == "int" else self._dtype
        indices = ops.digitize(inputs, self.bin_boundaries)
        return encode(indices, self.output_mode, len(self.bin_boundaries) + 1, dtype)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find limits between which there is as much data in each bin.

        Args:
            data: an array, or an iterable of batches.
            steps: how many batches to take, of an iterable.

        Raises:
            ValueError: when the limits were given.
        """
        if self.num_bins is None:
            raise ValueError(
                f"{self._title()}: adapt was called, but its bin_boundaries were given."
                "\nExpected num_bins, how many to find.\n"
                "Make it with Discretization(num_bins=10)."
            )
        self.reset_state()
        array = isinstance(data, (np.ndarray, TensorBase)) or hasattr(data, "to_numpy")
        for batch in itertools.islice([data] if array else data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Add a batch to the summary of what was seen."""
        values = np.sort(np.asarray(data, "float32").ravel())
        step = max(values.size * self.epsilon, 1)
        chosen = values[int(step - 1) :: int(step)]
        new = np.stack([chosen, np.full_like(chosen, step)])
        both = np.concatenate([new, self._summary], axis=1)
        both = np.take(both, np.argsort(both[0]), axis=1)
        self._summary = _compressed(both, self.epsilon)

    def finalize_state(self) -> None:
        """Make the limits of what was seen."""
        if self.num_bins is not None:
            found = _compressed(self._summary, 1.0 / self.num_bins)
            self.bin_boundaries = found[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self._summary = np.zeros((2, 0), "float32")

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {
            "name": config["name"],
            "dtype": config["dtype"],
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        found = config.get("bin_boundaries")
        if found is None or config.get("num_bins") is None:
            return cls(**config)
        # After `adapt` there are both; the constructor takes one.
        layer = cls(**{**config, "bin_boundaries": None})
        layer.bin_boundaries = list(found)
        return layer


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Fewer values with as many counted by each, a part `epsilon` of all."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    sums = summary[1].cumsum()
    at = sums / sums[-1]
    values = np.interp(parts, at, summary[0])
    sums = np.interp(parts, at, sums)
    counts = np.diff(sums, prepend=0)
    return np.stack((values, counts)).astype("float32")


class CategoryEncoding(Layer):
    """Whole numbers, the indices of categories, as vectors.

    Args:
        num_tokens: number of categories, the size of the vectors.
        output_mode: 'multi_hot' for ones at the indices of a sample, 'count' for how
            often each occurs, 'one_hot' for a vector per index.
        sparse: only False.

    Call arguments:
        inputs: whole numbers; of several axes the last is that of one sample.
        count_weights: for 'count', what each index counts; of the same shape.

    Raises:
        ValueError: for less than one category, another mode, or count_weights with it.

    Example:

    >>> CategoryEncoding(4, "count")([[0, 1, 1]]).tolist()
    [[1.0, 2.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse_sparse("CategoryEncoding", sparse=sparse)
        if num_tokens is None or num_tokens < 1:
            raise ValueError(
                f"CategoryEncoding was given num_tokens={num_tokens}.\n"
                "Expected the number of categories, at least 1.\n"
                "Use IntegerLookup where it is not known beforehand."
            )
        self.num_tokens = num_tokens
        self.output_mode = check_mode("CategoryEncoding", output_mode, MODES[1:])
        self.sparse = False
        self.built = True

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        inputs = ops.convert_to_tensor(inputs)
        if count_weights is not None:
            count_weights = ops.convert_to_tensor(count_weights)
            if self.output_mode != "count" or count_weights.shape != inputs.shape:
                raise ValueError(
                    f"{self._title()} was given count_weights of shape "
                    f"{tuple(count_weights.shape)}, inputs of shape "
                    f"{tuple(inputs.shape)} and output_mode={self.output_mode!r}.\n"
                    "Expected equal shapes, and output_mode='count'.\n"
                    "Leave count_weights away, or count."
                )
            count_weights = ops.cast(count_weights, self.dtype)
        return encode(
            inputs, self.output_mode, self.num_tokens, self.dtype, count_weights
        )

    def get_config(self) -> dict[str, Any]:
        own = {"num_tokens": self.num_tokens, "output_mode": self.output_mode}
        return {**super().get_config(), **own}
