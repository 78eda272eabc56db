"""Counts of right and wrong decisions at thresholds, and what is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import ops
from cornu.losses.loss import as_tensor, squeeze_or_expand_to_same_rank
from cornu.metrics.metric import Metric

# Below every output: with `top_k`, what is not among the best is no positive.
NEVER = -1e10
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def parse_thresholds(owner: str, thresholds: Any, default: float) -> list[float]:
    """Thresholds as a list.

    Raises:
        ValueError: when one is not from 0 to 1.
    """
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    if not all(t is not None and 0 <= t <= 1 for t in listed):
        raise ValueError(
            f"{owner} was given thresholds={thresholds!r}.\n"
            "Expected numbers from 0 to 1.\n"
            "Apply a sigmoid to outputs that are logits, so that 0.5 is the middle."
        )
    return listed


class Confusion(Metric):
    """Base of metrics that count decisions; a decision is an output above a threshold.

    Args:
        counts: which of `COUNTS` are kept.
        thresholds: the thresholds.
        top_k: whether only the k largest outputs of a sample may be positive.
        class_id: the class that is looked at; None for all.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    def __init__(
        self,
        counts: Sequence[str],
        thresholds: Sequence[float],
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.thresholds = list(thresholds)
        self.top_k, self.class_id = top_k, class_id
        self._kept = tuple(counts)

    def _make_counts(self, *labels: int) -> None:
        for name in self._kept:
            shape = (len(self.thresholds), *labels)
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch into account.

        Args:
            y_true: targets; what is not 0 is true.
            y_pred: outputs, of the same shape (up to a last axis of size 1).
            sample_weight: one weight per sample, or per value.
        """
        for name, found in self._count(y_true, y_pred, sample_weight).items():
            if name in self._kept:
                getattr(self, name).assign_add(found)

    def _count(
        self, y_true: Any, y_pred: Any, weight: Any, per_label: bool = False
    ) -> dict[str, Any]:
        """The counts of a batch: one per threshold (and label)."""
        y_pred, y_true = squeeze_or_expand_to_same_rank(
            as_tensor(y_pred, self.dtype), as_tensor(y_true, self.dtype)
        )
        if weight is not None:
            weight = ops.expand_dims(as_tensor(weight, self.dtype), -1)
            _, weight = squeeze_or_expand_to_same_rank(y_true, weight, False)
        if self.top_k is not None:
            y_pred = _only_top(y_pred, self.top_k)
        if self.class_id is not None:
            if len(y_pred.shape) < 2:
                raise ValueError(
                    f"{self.name} looks at class {self.class_id}, but its outputs have "
                    f"shape {y_pred.shape}.\nExpected (samples, classes).\n"
                    "Leave class_id away for outputs of one number per sample."
                )
            y_true, y_pred = (y[..., self.class_id, None] for y in (y_true, y_pred))
        weight = 1.0 if weight is None else ops.broadcast_to(weight, y_pred.shape)
        labels = y_pred.shape[1:] if per_label else ()
        shape = (-1, *labels) if per_label else (-1,)
        true = ops.cast(ops.not_equal(y_true, 0), self.dtype)
        parts = (
            ops.reshape(true * weight, shape),
            ops.reshape((1.0 - true) * weight, shape),
        )
        limits = np.asarray(self.thresholds, self.dtype).reshape(
            -1, 1, *[1] * len(labels)
        )
        above = ops.cast(ops.reshape(y_pred, shape)[None] > limits, self.dtype)
        if per_label:
            positives = [ops.sum(above * part, axis=1) for part in parts]
        else:
            positives = [ops.matmul(above, part) for part in parts]
        totals = [ops.sum(part, axis=0) for part in parts]
        return {
            "true_positives": positives[0],
            "false_positives": positives[1],
            "true_negatives": totals[1] - positives[1],
            "false_negatives": totals[0] - positives[0],
        }

    def _rate(self, part: str, rest: str) -> Any:
        hits = getattr(self, part).value
        return ops.divide_no_nan(hits, hits + getattr(self, rest).value)

    def _one(self, values: Any) -> Any:
        return values[0] if len(self.thresholds) == 1 else values


def _only_top(x: Any, k: int) -> Any:
    best = ops.argsort(-x, axis=-1)[..., :k]
    kept = ops.sum(ops.one_hot(best, x.shape[-1], dtype=x.dtype), axis=-2)
    return x * kept + NEVER * (1 - kept)


class _Count(Confusion):
    """How many there are of one kind.

    Args:
        thresholds: outputs above count as 1; one number or several, 0.5 by default.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: when a threshold is not from 0 to 1.
    """

    kind = ""

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: Any = None
    ) -> None:
        listed = parse_thresholds(type(self).__name__, thresholds, 0.5)
        super().__init__((), listed, name=name, dtype=dtype)
        self.init_thresholds = thresholds
        shape = (len(listed),)
        self.accumulator = self.add_variable(shape, "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        found = self._count(y_true, y_pred, sample_weight)
        self.accumulator.assign_add(found[self.kind])

    def result(self) -> Any:
        return self._one(self.accumulator.value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many positives are rightly said to be.

    Args:
        thresholds: outputs above count as 1; one number or several, 0.5 by default.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> float(TruePositives()([0, 1, 1, 1], [0.1, 0.9, 0.2, 0.8]))
    2.0
    """

    kind = "true_positives"


class FalsePositives(_Count):
    """How many negatives are said to be positive; see `TruePositives`."""

    kind = "false_positives"


class TrueNegatives(_Count):
    """How many negatives are rightly said to be; see `TruePositives`."""

    kind = "true_negatives"


class FalseNegatives(_Count):
    """How many positives are said to be negative; see `TruePositives`."""

    kind = "false_negatives"


class _Share(Confusion):
    """The true positives among something else."""

    others = ""
    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        default = 0.5 if top_k is None else NEVER
        listed = parse_thresholds(type(self).__name__, thresholds, default)
        counts = ("true_positives", self.others)
        super().__init__(counts, listed, top_k, class_id, name, dtype)
        self.init_thresholds = thresholds
        self._make_counts()

    def result(self) -> Any:
        return self._one(self._rate("true_positives", self.others))

    def get_config(self) -> dict[str, Any]:
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k}
        return {**super().get_config(), **own, "class_id": self.class_id}


class Precision(_Share):
    """The part of what is said to be positive that is: tp / (tp + fp).

    Args:
        thresholds: outputs above count as 1; one number or several, 0.5 by default.
        top_k: whether only the k largest outputs of a sample may be positive.
        class_id: the class that is looked at; None for all.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: when a threshold is not from 0 to 1.

    Example:

    >>> round(float(Precision()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    others = "false_positives"


class Recall(_Share):
    """The part of the positives that is said to be: tp / (tp + fn); see `Precision`."""

    others = "false_negatives"


class _Best(Confusion):
    """The largest value of one rate where another one is high enough."""

    constraint = ""
    rates = {
        "sensitivity": ("true_positives", "false_negatives"),
        "recall": ("true_positives", "false_negatives"),
        "specificity": ("true_negatives", "false_positives"),
        "precision": ("true_positives", "false_positives"),
    }
    wanted = ""
    _direction = "up"

    def _set_up(
        self, value: float, num_thresholds: int, class_id: Any, name: Any, dtype: Any
    ) -> None:
        owner = type(self).__name__
        if not 0 <= value <= 1 or num_thresholds < 1:
            raise ValueError(
                f"{owner} was given {self.constraint}={value} and "
                f"num_thresholds={num_thresholds}.\n"
                "Expected a rate from 0 to 1, and thresholds from 1 on.\n"
                f"For example {owner}(0.9)."
            )
        even = np.linspace(0, 1, num_thresholds).tolist()
        thresholds = [0.5] if num_thresholds == 1 else even
        Confusion.__init__(self, COUNTS, thresholds, None, class_id, name, dtype)
        self.num_thresholds = num_thresholds
        setattr(self, self.constraint, value)
        self._make_counts()

    def result(self) -> Any:
        bound = self._rate(*self.rates[self.constraint])
        found = self._rate(*self.rates[self.wanted])
        enough = bound >= getattr(self, self.constraint)
        return ops.max(ops.where(enough, found, 0.0))

    def get_config(self) -> dict[str, Any]:
        names = ("num_thresholds", self.constraint, "class_id")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


class SensitivityAtSpecificity(_Best):
    """The best sensitivity at which the specificity is high enough.

    Args:
        specificity: the least specificity, tn / (tn + fp).
        num_thresholds: how many thresholds are tried.
        class_id: the class that is looked at; None for all.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Raises:
        ValueError: when it is not from 0 to 1.
    """

    constraint, wanted = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_Best):
    """The best specificity at which the sensitivity, tp / (tp + fn), is high enough.

    Args:
        sensitivity: the least sensitivity.
        num_thresholds: how many thresholds are tried.
        class_id: the class that is looked at; None for all.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    constraint, wanted = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_Best):
    """The best precision at which the recall is high enough.

    Args:
        recall: the least recall.
        num_thresholds: how many thresholds are tried.
        class_id: the class that is looked at; None for all.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    constraint, wanted = "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_Best):
    """The best recall at which the precision is high enough.

    Args:
        precision: the least precision.
        num_thresholds: how many thresholds are tried.
        class_id: the class that is looked at; None for all.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    constraint, wanted = "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(precision, num_thresholds, class_id, name, dtype)
