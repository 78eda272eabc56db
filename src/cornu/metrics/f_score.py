"""F-scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import ops
from cornu.graph import config
from cornu.losses.loss import as_tensor
from cornu.metrics.metric import Metric

_AVERAGES = (None, "micro", "macro", "weighted")
_COUNTS = (
    "true_positives",
    "false_positives",
    "false_negatives",
    "intermediate_weights",
)


def _is_float(x: Any) -> bool:
    return isinstance(x, (float, np.floating))


class FBetaScore(Metric):
    """(1 + beta**2) * precision * recall / (beta**2 * precision + recall).

    Args:
        average: None for one score per class; 'micro' counts all classes together,
            'macro' takes their mean, 'weighted' weighs it by their frequencies.
        beta: how much more the recall counts; positive.
        threshold: outputs above it count as 1; None takes the largest of each sample.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: for another average, and numbers out of range.

    Example:

    >>> y = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> z = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> [round(s, 3) for s in FBetaScore(beta=2.0, threshold=0.5)(y, z).tolist()]
    [0.385, 0.909, 0.833]
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        between = threshold is None or (_is_float(threshold) and 0 < threshold <= 1)
        positive = _is_float(beta) and beta > 0
        if average not in _AVERAGES or not positive or not between:
            raise ValueError(
                f"{type(self).__name__} was given average={average!r}, beta={beta!r} "
                f"and threshold={threshold!r}.\n"
                "Expected an average of None, 'micro', 'macro' or 'weighted', a "
                "positive beta, and a threshold above 0 and up to 1 (or None): both "
                "floats, 2.0 and not 2.\n"
                f"For example {type(self).__name__}('macro', threshold=0.5)."
            )
        self.average, self.beta, self.threshold = average, float(beta), threshold
        self._made = False

    def _build(self, shape: tuple[int, ...], target: tuple[int, ...]) -> None:
        # Targets of shape (n,) would meet each of n outputs in turn.
        if len(shape) != 2 or len(target) != 2:
            raise ValueError(
                f"{type(self).__name__} was given outputs of shape {shape} and targets "
                f"of shape {target}.\n"
                "Expected (samples, classes) of both.\n"
                "Give the last layer one unit per class; for one class reshape to "
                "(n, 1)."
            )
        size = () if self.average == "micro" else (shape[1],)
        for name in _COUNTS:
            setattr(self, name, self.add_variable(size, "zeros", name=name))
        self._made = True

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch of one-hot (or several-hot) targets and outputs into account."""
        y_true, y_pred = as_tensor(y_true, self.dtype), as_tensor(y_pred, self.dtype)
        if not self._made:
            self._build(y_pred.shape, y_true.shape)
        if self.threshold is None:
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            said = ops.logical_and(y_pred >= largest, ops.abs(y_pred) > 1e-9)
        else:
            said = y_pred > self.threshold
        said = ops.cast(said, self.dtype)
        weight = 1.0
        if sample_weight is not None:
            weight = ops.expand_dims(as_tensor(sample_weight, self.dtype), 1)
        axis = None if self.average == "micro" else 0
        parts = (said * y_true, said * (1 - y_true), (1 - said) * y_true, y_true)
        for name, part in zip(_COUNTS, parts, strict=True):
            getattr(self, name).assign_add(ops.sum(part * weight, axis=axis))

    def result(self) -> Any:
        if not self._made:
            return ops.zeros((), self.dtype)
        tp, fp, fn, weights = (getattr(self, name).value for name in _COUNTS)
        tiny, square = config.epsilon(), self.beta**2
        precision, recall = tp / (tp + fp + tiny), tp / (tp + fn + tiny)
        mean = precision * recall / (square * precision + recall + tiny)
        score = mean * (1 + square)
        if self.average == "weighted":
            return ops.sum(score * (weights / (ops.sum(weights) + tiny)))
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        names = ("average", "beta", "threshold")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall); see `FBetaScore`.

    Args:
        average: see `FBetaScore`.
        threshold: see `FBetaScore`.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
