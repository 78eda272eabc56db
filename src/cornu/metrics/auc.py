"""AUC: the area under a curve of two rates, over all thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import ops
from cornu.graph import config
from cornu.losses.loss import as_tensor
from cornu.metrics.confusion import COUNTS, Confusion

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMS = ("interpolation", "minoring", "majoring")


class AUC(Confusion):
    """The area under the ROC curve, or under that of precision and recall.

    Args:
        num_thresholds: how many thresholds the curve is made of.
        curve: 'ROC', 'PR', or 'PRGAIN' (Flach and Kull, 2015).
        summation_method: 'interpolation' (for PR that of Davis and Goadrich, 2006),
            'minoring' (the lower side of each step) or 'majoring' (the upper one).
        name: its name.
        dtype: dtype to compute in, floatx by default.
        thresholds: the thresholds between 0 and 1, instead of even ones.
        multi_label: whether labels have areas of their own, which are averaged.
        num_labels: how many labels there are, with `multi_label`.
        label_weights: weights of the labels.
        from_logits: whether outputs are logits.

    Raises:
        ValueError: for another curve or method, and too few thresholds.

    Example:

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        self.curve = _one_of(curve.upper(), _CURVES, "curve")
        self.summation_method = _one_of(
            summation_method.lower(), _SUMS, "summation_method"
        )
        if thresholds is None:
            if num_thresholds < 2:
                raise ValueError(
                    f"AUC was given num_thresholds={num_thresholds}.\n"
                    "Expected at least 2: a curve has two ends.\nLeave it at 200."
                )
            inner = np.linspace(0, 1, num_thresholds)[1:-1].tolist()
        else:
            inner = sorted(float(t) for t in thresholds)
        if num_labels and not multi_label:
            raise ValueError(
                f"AUC was given num_labels={num_labels} without multi_label=True.\n"
                "Expected both, or none.\nLeave num_labels away."
            )
        # Ends beyond all outputs, also where these are rounded.
        ends = -config.epsilon(), 1.0 + config.epsilon()
        super().__init__(COUNTS, [ends[0], *inner, ends[1]], name=name, dtype=dtype)
        self.num_thresholds = len(self.thresholds)
        self._given = thresholds is not None
        self.multi_label, self.num_labels = multi_label, num_labels
        self.label_weights = (
            None if label_weights is None else ops.array(label_weights, self.dtype)
        )
        self._from_logits, self._made = from_logits, False
        if num_labels or not multi_label:
            self._build(num_labels)

    def _build(self, labels: int | None) -> None:
        self._make_counts(*([labels] if self.multi_label and labels else []))
        self._made = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = as_tensor(y_pred, self.dtype)
        if self.multi_label and len(y_pred.shape) != 2:
            raise ValueError(
                f"AUC of several labels was given outputs of shape {y_pred.shape}.\n"
                "Expected (samples, labels).\nLeave multi_label away for one label."
            )
        if not self._made:
            self._build(y_pred.shape[1])
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        y_pred = ops.clip(y_pred, 0.0, 1.0)
        if self.label_weights is not None and not self.multi_label:
            weight = ops.broadcast_to(self.label_weights, y_pred.shape)
            if sample_weight is not None:
                rows = ops.expand_dims(as_tensor(sample_weight, self.dtype), -1)
                weight = weight * rows
            found = self._count_weighted(y_true, y_pred, weight)
        else:
            found = self._count(y_true, y_pred, sample_weight, self.multi_label)
        for name, value in found.items():
            getattr(self, name).assign_add(value)

    def _count_weighted(self, y_true: Any, y_pred: Any, weight: Any) -> dict[str, Any]:
        parts = [ops.reshape(each, (-1,)) for each in (y_pred, weight)]
        flat = ops.reshape(as_tensor(y_true, self.dtype), (-1,))
        return self._count(flat, *parts)

    def result(self) -> Any:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean(self._between_precisions())
        x, y = {"ROC": self._roc, "PR": self._pr, "PRGAIN": self._gains}[self.curve]()
        low, high = y[1:], y[:-1]
        heights = {
            "interpolation": lambda: (high + low) / 2.0,
            "minoring": lambda: ops.minimum(high, low),
            "majoring": lambda: ops.maximum(high, low),
        }[self.summation_method]()
        return self._mean((x[:-1] - x[1:]) * heights)

    def _roc(self) -> tuple[Any, Any]:
        return (
            self._rate("false_positives", "true_negatives"),
            self._rate("true_positives", "false_negatives"),
        )

    def _pr(self) -> tuple[Any, Any]:
        return (
            self._rate("true_positives", "false_negatives"),
            self._rate("true_positives", "false_positives"),
        )

    def _gains(self) -> tuple[Any, Any]:
        tp, fp, tn, fn = (getattr(self, name).value for name in COUNTS)
        scale, none = ops.divide_no_nan(tp + fn, tn + fp), ops.equal(tp, 0.0)
        recall = 1.0 - scale * ops.divide_no_nan(fn, tp)
        precision = 1.0 - scale * ops.divide_no_nan(fp, tp)
        # Without true positives the gains are at their ends; a gain below 0 is none.
        recall = ops.maximum(ops.where(none, 0.0, recall), 0.0)
        return recall, ops.where(none, 1.0, precision)

    def _between_precisions(self) -> Any:
        """Areas between two thresholds where true positives grow evenly with all."""
        tp, fp, _, fn = (getattr(self, name).value for name in COUNTS)
        gained, p = tp[:-1] - tp[1:], tp + fp
        slope = ops.divide_no_nan(gained, ops.maximum(p[:-1] - p[1:], 0))
        start = tp[1:] - slope * p[1:]
        usable = ops.logical_and(p[:-1] > 0, p[1:] > 0)
        ratio = ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0))
        ratio = ops.where(usable, ratio, 1.0)
        area = slope * (gained + start * ops.log(ratio))
        return ops.divide_no_nan(area, ops.maximum(tp[1:] + fn[1:], 0))

    def _mean(self, areas: Any) -> Any:
        """The sum of the areas; of several labels, the mean of their sums."""
        if not self.multi_label:
            return ops.sum(areas)
        by_label = ops.sum(areas, axis=0)
        if self.label_weights is None:
            return ops.mean(by_label)
        total = ops.sum(self.label_weights)
        return ops.divide_no_nan(ops.sum(by_label * self.label_weights), total)

    def get_config(self) -> dict[str, Any]:
        names = ("num_thresholds", "curve", "summation_method", "multi_label")
        weights = self.label_weights
        own = {
            "num_labels": self.num_labels,
            "label_weights": None if weights is None else weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._given:
            own["thresholds"] = self.thresholds[1:-1]
        named = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **named, **own}


def _one_of(value: str, known: Sequence[str], what: str) -> str:
    if value not in known:
        raise ValueError(
            f"AUC was given {what}={value!r}.\n"
            f"Expected one of {', '.join(map(repr, known))}.\n"
            f"Leave it away for {known[0]!r}."
        )
    return value
