"""How well numbers are predicted: R2, and correlations."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.losses.loss import as_tensor, match, squeeze_or_expand_to_same_rank
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Named

_AGGREGATIONS = ("uniform_average", "variance_weighted_average", None)


class R2Score(Metric):
    """1 - (sum of squared errors) / (sum of squared distances from the mean).

    Args:
        class_aggregation: 'uniform_average' takes the mean over the outputs,
            'variance_weighted_average' weighs it, None gives one score per output.
        num_regressors: number of inputs of the model, for the adjusted score; 0 for the
            plain one.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: for another aggregation, and outputs that are no rows of numbers.

    Example:

    >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS or num_regressors < 0:
            raise ValueError(
                f"R2Score was given class_aggregation={class_aggregation!r} and "
                f"num_regressors={num_regressors}.\n"
                f"Expected one of {', '.join(map(repr, _AGGREGATIONS))}, and a number "
                "from 0 on.\nLeave them away."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._made = False

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch of shape (samples, outputs) into account."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(
            as_tensor(y_true, self.dtype), as_tensor(y_pred, self.dtype)
        )
        if len(y_pred.shape) != 2 or y_true.shape != y_pred.shape:
            raise ValueError(
                f"R2Score was given targets of shape {y_true.shape} and outputs of "
                f"shape {y_pred.shape}.\nExpected (samples, outputs) for both.\n"
                "Reshape them: y.reshape(len(y), -1)."
            )
        if not self._made:
            size = (y_pred.shape[1],)
            self.squared_sum = self.add_variable(size, "zeros", name="squared_sum")
            self.sum = self.add_variable(size, "zeros", name="sum")
            self.total_mse = self.add_variable(size, "zeros", name="residual")
            self.count = self.add_variable(size, "zeros", name="count")
            self._made = True
        weight = as_tensor(1.0 if sample_weight is None else sample_weight, self.dtype)
        weight = ops.expand_dims(weight, 1) if len(weight.shape) == 1 else weight
        weight = ops.broadcast_to(weight, y_true.shape)
        self.sum.assign_add(ops.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * (y_true * weight), axis=0))
        error = ops.square(y_true - y_pred) * weight
        self.total_mse.assign_add(ops.sum(error, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(float(y_true.shape[0] * y_true.shape[1]))

    def result(self) -> Any:
        if not self._made:
            return ops.zeros((), self.dtype)
        mean = self.sum.value / self.count.value
        total = self.squared_sum.value - self.sum.value * mean
        scores = 1 - self.total_mse.value / total
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation is not None:
            scores = ops.sum(total * scores) / ops.sum(total)
        if self.num_regressors:
            scores = self._adjusted(scores)
        return scores

    def _adjusted(self, score: Any) -> Any:
        """The adjusted score, or the plain one where samples are too few."""
        n, p = self.num_samples.value, float(self.num_regressors)
        rest = n - 1 - p
        enough = rest > 0
        adjusted = 1 - (1 - score) * (n - 1) / ops.where(enough, rest, 1.0)
        return ops.where(enough, adjusted, score)

    def get_config(self) -> dict[str, Any]:
        names = ("class_aggregation", "num_regressors")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The correlation of targets and outputs along an axis, from -1 to 1.

    Args:
        y_true: targets.
        y_pred: outputs, of the same shape.
        axis: the axis.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.

    Example:

    >>> round(float(pearson_correlation([0, 1, 0.5], [0.1, 0.9, 0.5])), 4)
    1.0
    """
    y_true, y_pred = match(y_true, y_pred, "pearson_correlation")
    parts = []
    for y in (y_true, y_pred):
        y = y - ops.mean(y, axis=axis, keepdims=True)
        parts.append(y / ops.std(y, axis=axis, keepdims=True))
    return ops.mean(parts[0] * parts[1], axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """How near targets and outputs are to being equal (Lin, 1989), from -1 to 1.

    Args:
        y_true: targets.
        y_pred: outputs, of the same shape.
        axis: the axis.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "concordance_correlation")
    means = [ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    spread = [
        ops.var(y - mean, axis=axis, keepdims=True)
        for y, mean in zip((y_true, y_pred), means, strict=True)
    ]
    together = (y_true - means[1]) * (y_pred - means[1])
    norm = spread[0] + spread[1] + ops.square(means[0] - means[1])
    return ops.mean(2 * together / (norm + config.epsilon()), axis=axis)


class PearsonCorrelation(Named):
    """The mean of `pearson_correlation` over all samples.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        axis: the axis.
    """

    function = staticmethod(pearson_correlation)
    _direction = "up"

    def __init__(
        self,
        name: str | None = "pearson_correlation",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, axis=axis)


class ConcordanceCorrelation(Named):
    """The mean of `concordance_correlation` over all samples.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        axis: the axis.
    """

    function = staticmethod(concordance_correlation)
    _direction = "up"

    def __init__(
        self,
        name: str | None = "concordance_correlation",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, axis=axis)
