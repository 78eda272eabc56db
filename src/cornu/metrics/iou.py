"""Intersection over union, of classes that pixels (or samples) belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.graph.messages import warn_user
from cornu.graph.spec import is_float
from cornu.losses.loss import as_tensor
from cornu.metrics.metric import Metric


class IoU(Metric):
    """tp / (tp + fp + fn) of each class that is asked for, and the mean of these.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to look at.
        name: its name.
        dtype: dtype of the counts, whole numbers by default.
        ignore_class: targets of this class count for nothing.
        sparse_y_true: whether targets are class indices, not one-hot.
        sparse_y_pred: whether outputs are class indices, not one number per class.
        axis: the axis of the classes, where they are not.

    Raises:
        ValueError: when a class is asked for that there is not.

    Example:

    >>> float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])) * 3
    0.9999999...
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int32")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"{type(self).__name__} was given target_class_ids={target_class_ids} "
                f"and num_classes={num_classes}.\n"
                f"Expected classes from 0 to {num_classes - 1}.\nCorrect one of them."
            )
        self._told_of_weights = False
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", name="total_confusion_matrix"
        )

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch into account; weights are cut to the dtype of the counts."""
        y_true = self._classes(y_true, self.sparse_y_true)
        y_pred = self._classes(y_pred, self.sparse_y_pred)
        n = self.num_classes
        counts = ops.logical_and(self._known(y_true, n), self._known(y_pred, n))
        if self.ignore_class is not None:
            counts = ops.logical_and(counts, ops.not_equal(y_true, self.ignore_class))
        weight = 1 if sample_weight is None else sample_weight
        cut = not is_float(self.dtype) and is_float(as_tensor(weight).dtype)
        if cut and not self._told_of_weights:
            self._told_of_weights = True
            warn_user(
                f"{type(self).__name__} was given weights with fractions, and counts "
                f"in {self.dtype}: they are cut to whole numbers.\n"
                "Expected whole numbers, or a floating dtype to count in.\n"
                f"Write {type(self).__name__}(..., dtype='float32').",
                UserWarning,
            )
        weight = ops.reshape(as_tensor(weight, self.dtype), (-1,))
        weight = ops.where(counts, ops.broadcast_to(weight, y_true.shape), 0)
        rows = ops.one_hot(ops.where(counts, y_true, 0), n, dtype=self.dtype)
        columns = ops.one_hot(ops.where(counts, y_pred, 0), n, dtype=self.dtype)
        found = ops.matmul(ops.transpose(rows), columns * ops.expand_dims(weight, 1))
        self.total_cm.assign_add(ops.cast(found, self.dtype))

    def _classes(self, y: Any, sparse: bool) -> Any:
        y = as_tensor(y)
        if not sparse:
            y = ops.argmax(y, axis=self.axis)
        return ops.reshape(ops.cast(ops.cast(y, self.dtype), "int32"), (-1,))

    def _known(self, y: Any, n: int) -> Any:
        return ops.logical_and(ops.greater_equal(y, 0), ops.less(y, n))

    def result(self) -> Any:
        total = ops.cast(self.total_cm.value, "float32")
        hits = ops.sum(total * ops.eye(self.num_classes, dtype="float32"), axis=0)
        union = ops.sum(total, axis=0) + ops.sum(total, axis=1) - hits
        chosen = ops.array(self.target_class_ids, "int32")
        hits, union = ops.take(hits, chosen), ops.take(union, chosen)
        # Classes that nobody has and nobody names take no part in the mean.
        there = union > 1e-9
        share = ops.where(there, hits / (union + config.epsilon()), 0.0)
        count = ops.sum(ops.cast(there, "float32"))
        return ops.sum(share) / (count + config.epsilon())

    _own: tuple[str, ...] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{n: getattr(self, n) for n in self._own}}


class BinaryIoU(IoU):
    """IoU of two classes, told apart by a threshold.

    Args:
        target_class_ids: the classes to look at.
        threshold: outputs from it on are of class 1.
        name: its name.
        dtype: dtype of the counts, whole numbers by default.
    """

    _own = ("target_class_ids", "threshold")

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        above = as_tensor(y_pred, "float32") >= self.threshold
        super().update_state(y_true, ops.cast(above, self.dtype), sample_weight)


class MeanIoU(IoU):
    """The mean of the IoU of all classes; see `IoU`.

    Args:
        num_classes: how many classes there are.
        name: its name.
        dtype: dtype of the counts, whole numbers by default.
        ignore_class: targets of this class count for nothing.
        sparse_y_true: whether targets are class indices, not one-hot.
        sparse_y_pred: whether outputs are class indices, not one number per class.
        axis: the axis of the classes, where they are not.
    """

    _own = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        classes = range(num_classes)
        sparse = sparse_y_true, sparse_y_pred
        super().__init__(num_classes, classes, name, dtype, ignore_class, *sparse, axis)


class OneHotIoU(IoU):
    """IoU of one-hot targets; see `IoU`.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to look at.
        name: its name.
        dtype: dtype of the counts, whole numbers by default.
        ignore_class: targets of this class count for nothing.
        sparse_y_pred: whether outputs are class indices, not one number per class.
        axis: the axis of the classes.
    """

    _own = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        given = num_classes, target_class_ids, name, dtype, ignore_class
        super().__init__(*given, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """The mean of the IoU of all classes, of one-hot targets; see `IoU`.

    Args:
        num_classes: how many classes there are.
        name: its name.
        dtype: dtype of the counts, whole numbers by default.
        ignore_class: targets of this class count for nothing.
        sparse_y_pred: whether outputs are class indices, not one number per class.
        axis: the axis of the classes.
    """

    _own = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        given = num_classes, name, dtype, ignore_class
        super().__init__(*given, False, sparse_y_pred, axis)
