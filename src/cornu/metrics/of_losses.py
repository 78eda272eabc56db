"""Losses as metrics: their mean over all batches."""

from __future__ import annotations

from typing import Any

from cornu import losses, ops
from cornu.losses.loss import as_tensor, match
from cornu.metrics.reduction import Mean, Named, Plain


class _Down(Plain):
    _direction = "down"


class MeanSquaredError(_Down):
    """mean((y_true - y_pred)**2).

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
    0.5
    """

    function = staticmethod(losses.mean_squared_error)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)**2)), the root of the mean over all batches.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch into account."""
        y_pred = as_tensor(y_pred, self.dtype)
        y_true, y_pred = match(y_true, y_pred, "root_mean_squared_error")
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


class MeanAbsoluteError(_Down):
    """mean(|y_true - y_pred|)."""

    function = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(_Down):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    function = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_Down):
    """mean((log(1 + y_true) - log(1 + y_pred))**2)."""

    function = staticmethod(losses.mean_squared_logarithmic_error)


class LogCoshError(_Down):
    """mean(log(cosh(y_pred - y_true)))."""

    function = staticmethod(losses.log_cosh)
    default_name = "logcosh"


class Hinge(_Down):
    """mean(max(1 - y_true * y_pred, 0))."""

    function = staticmethod(losses.hinge)


class SquaredHinge(_Down):
    """mean(max(1 - y_true * y_pred, 0)**2)."""

    function = staticmethod(losses.squared_hinge)


class CategoricalHinge(_Down):
    """max(best wrong class - true class + 1, 0)."""

    function = staticmethod(losses.categorical_hinge)


class KLDivergence(_Down):
    """sum(y_true * log(y_true / y_pred))."""

    function = staticmethod(losses.kl_divergence)


class Poisson(_Down):
    """mean(y_pred - y_true * log(y_pred))."""

    function = staticmethod(losses.poisson)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle: as a metric it is not negated, as the loss is."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(Named):
    """The cosine of the angle between targets and outputs.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        axis: the axis of the vectors.
    """

    function = staticmethod(cosine_similarity)
    _direction = "up"

    def __init__(
        self, name: str | None = None, dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype, axis=axis)


class BinaryCrossentropy(Named):
    """-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)).

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: how far labels are moved towards 1/2.
    """

    function = staticmethod(losses.binary_crossentropy)
    _direction = "down"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(Named):
    """-sum(y_true * log(y_pred)) over the classes, for one-hot labels.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        from_logits: whether outputs are logits rather than probabilities.
        label_smoothing: part of the labels that is spread over all classes.
        axis: the axis of the classes.
    """

    function = staticmethod(losses.categorical_crossentropy)
    _direction = "down"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(Named):
    """-log(y_pred) at the index of the true class.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        from_logits: whether outputs are logits rather than probabilities.
        ignore_class: an index that costs nothing; as in Keras it is left out of the
            mean where there are weights or a mask, and counts as 0 without them.
        axis: the axis of the classes.
    """

    function = staticmethod(losses.sparse_categorical_crossentropy)
    _direction = "down"
    ignore_class: int | None
    axis: int

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
