"""Sums and means of values over all batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import ops
from cornu.graph.tensor import keras_mask
from cornu.losses.loss import (
    apply_mask,
    as_tensor,
    squeeze_or_expand_to_same_rank,
)
from cornu.metrics.metric import Metric


def reduce_to_samplewise_values(
    values: Any, sample_weight: Any, reduce_fn: Callable[..., Any], dtype: str
) -> tuple[Any, Any]:
    """Weighted values, one per sample, and their weights.

    Args:
        values: tensor; the first axis is that of the samples. Its mask counts, as in
            Keras, where there are weights.
        sample_weight: one per sample or per value, or None.
        reduce_fn: `ops.mean` or `ops.sum`, for the further axes.
        dtype: dtype to compute in.

    Returns:
        Values and weights, of one axis each; no weights where none were given.
    """
    mask = keras_mask(values)
    values = as_tensor(values, dtype)
    if sample_weight is not None:
        weight = apply_mask(as_tensor(sample_weight, dtype), mask, dtype, "sum")
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        n = len(weight.shape)
        if len(values.shape) > n:
            values = reduce_fn(values, axis=list(range(n, len(values.shape))))
        weight = ops.broadcast_to(weight, values.shape)
        values = values * weight
        if n > 1:
            weight = reduce_fn(weight, axis=list(range(1, n)))
        sample_weight = weight
    if len(values.shape) > 1:
        values = reduce_fn(values, axis=list(range(1, len(values.shape))))
    return values, sample_weight


class Sum(Metric):
    """The sum of all values, weighted if there are weights.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> float(Sum()([1.0, 3.0, 5.0], sample_weight=[1, 1, 0]))
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values to the sum."""
        values, _ = reduce_to_samplewise_values(
            values, sample_weight, ops.sum, self.dtype
        )
        self.total.assign_add(ops.sum(values))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The mean of all values, weighted if there are weights.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state([8.0])
    >>> float(mean.result())
    4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values to the mean."""
        values, weight = reduce_to_samplewise_values(
            values, sample_weight, ops.mean, self.dtype
        )
        self.total.assign_add(ops.sum(values))
        if weight is not None:
            self.count.assign_add(ops.sum(weight))
        else:
            self.count.assign_add(float(values.shape[0]) if values.shape else 1.0)

    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function `fn(y_true, y_pred)` over all samples.

    Args:
        fn: gives one value per sample.
        name: its name.
        dtype: dtype to compute in, floatx by default.
        **kwargs: further arguments for `fn`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch into account; a mask that the outputs carry leaves values out.

        Args:
            y_true: targets.
            y_pred: outputs.
            sample_weight: one weight per sample, or per value.
        """
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        weight = apply_mask(sample_weight, keras_mask(y_pred), self.dtype, "sum")
        super().update_state(values, weight)

    def get_config(self) -> dict[str, Any]:
        from cornu.metrics import REGISTRY

        fn = REGISTRY.serialize(self._fn)
        return {**super().get_config(), "fn": fn, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        from cornu.metrics import REGISTRY

        if "fn" in config:
            config = {**config, "fn": REGISTRY.deserialize(config["fn"])}
        return cls(**config)


class Named(MeanMetricWrapper):
    """A metric of this package: the class names its function and direction."""

    function: Callable[..., Any]
    default_name = ""

    def __init__(
        self, name: str | None = None, dtype: Any = None, **parameters: Any
    ) -> None:
        default = self.default_name or self.function.__name__
        super().__init__(self.function, name or default, dtype, **parameters)
        for key, value in parameters.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **self._fn_kwargs}


class Plain(Named):
    """A metric without parameters.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
