"""How often outputs are right."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.losses.loss import as_tensor, match
from cornu.metrics.reduction import Named, Plain


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where outputs equal targets, 0 elsewhere.

    Args:
        y_true: targets.
        y_pred: outputs, of the same shape (up to a last axis of size 1).

    Returns:
        Tensor of that shape and of dtype floatx.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "accuracy")
    return ops.cast(ops.equal(y_true, y_pred), config.floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the output is on the target's side of the threshold, 0 elsewhere.

    Args:
        y_true: targets, 0 or 1.
        y_pred: probabilities, of the same shape (up to a last axis of size 1).
        threshold: outputs above it count as 1.

    Returns:
        Tensor of that shape and of dtype floatx.

    Raises:
        ValueError: when the shapes do not fit.

    Example:

    >>> binary_accuracy([1, 0], [0.9, 0.6]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = match(y_true, y_pred, "binary_accuracy")
    yes = ops.cast(ops.greater(y_pred, threshold), y_true.dtype)
    return ops.cast(ops.equal(y_true, yes), config.floatx())


def _hits(true_class: Any, y_pred: Any) -> Any:
    guess = ops.argmax(y_pred, axis=-1)
    return ops.cast(ops.equal(ops.cast(true_class, "int32"), guess), config.floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest output is at the largest target, 0 elsewhere.

    Args:
        y_true: one-hot labels.
        y_pred: probabilities or logits, of the same shape.

    Returns:
        Tensor without the last axis, of dtype floatx.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "categorical_accuracy")
    return _hits(ops.argmax(y_true, axis=-1), y_pred)


def _indices(y_true: Any, y_pred: Any, name: str) -> tuple[Any, Any]:
    """Class indices of the shape of the outputs without their last axis."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    n = len(y_pred.shape)
    if len(y_true.shape) == n and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if len(y_true.shape) != n - 1 or any(
        a != b and a is not None and b is not None
        for a, b in zip(y_true.shape, y_pred.shape[:-1], strict=True)
    ):
        raise ValueError(
            f"[{name}] targets of shape {tuple(y_true.shape)} were given for outputs "
            f"of shape {tuple(y_pred.shape)}.\n"
            "Expected one class index per row: the outputs' shape without its last "
            "axis.\nUse categorical_accuracy for one-hot targets."
        )
    return y_true, y_pred


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest output is at the index of the true class, 0 elsewhere.

    Args:
        y_true: class indices.
        y_pred: probabilities or logits, with a last axis of classes.

    Returns:
        Tensor of the shape of the indices, of dtype floatx.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = _indices(y_true, y_pred, "sparse_categorical_accuracy")
    return _hits(y_true, y_pred)


def _in_top_k(true_class: Any, y_pred: Any, k: int) -> Any:
    """Whether fewer than k outputs are larger than that of the true class."""
    index = ops.expand_dims(ops.cast(true_class, "int32"), -1)
    own = ops.take_along_axis(y_pred, index, axis=-1)
    # NaN would compare as not smaller than anything, and so be best.
    own = ops.where(ops.isnan(own), -float("inf"), own)
    larger = ops.sum(ops.cast(ops.greater(y_pred, own), "int32"), axis=-1)
    return ops.cast(ops.less(larger, int(k)), config.floatx())


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the true class is among the k largest outputs, 0 elsewhere.

    Args:
        y_true: one-hot labels.
        y_pred: probabilities or logits, of the same shape.
        k: how many outputs count.

    Returns:
        Tensor without the last axis, of dtype floatx.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "top_k_categorical_accuracy")
    return _in_top_k(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1 where the true class is among the k largest outputs, 0 elsewhere.

    Args:
        y_true: class indices.
        y_pred: probabilities or logits; or the indices of classes, best first.
        k: how many outputs count.
        from_sorted_ids: whether `y_pred` holds indices of classes.

    Returns:
        Tensor of the shape of the indices, of dtype floatx.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = _indices(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if not from_sorted_ids:
        return _in_top_k(y_true, y_pred, k)
    best = y_pred[..., : int(k)]
    same = ops.equal(ops.expand_dims(y_true, -1), best)
    return ops.cast(ops.any(same, axis=-1), config.floatx())


class Accuracy(Plain):
    """How often outputs equal targets exactly.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """

    function = staticmethod(accuracy)
    _direction = "up"


class BinaryAccuracy(Named):
    """How often outputs are on the target's side of a threshold.

    Args:
        name: its name.
        dtype: dtype to compute in, floatx by default.
        threshold: outputs above it count as 1.
    """

    function = staticmethod(binary_accuracy)
    _direction = "up"

    def __init__(
        self, name: str | None = None, dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name, dtype, threshold=threshold)


class CategoricalAccuracy(Plain):
    """How often the largest output is that of the true class, for one-hot labels."""

    function = staticmethod(categorical_accuracy)
    _direction = "up"


class SparseCategoricalAccuracy(Plain):
    """How often the largest output is that of the true class, for class indices."""

    function = staticmethod(sparse_categorical_accuracy)
    _direction = "up"


class TopKCategoricalAccuracy(Named):
    """How often the true class is among the k largest outputs, for one-hot labels.

    Args:
        k: how many outputs count.
        name: its name.
        dtype: dtype to compute in, floatx by default.
    """

    function = staticmethod(top_k_categorical_accuracy)
    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype, k=k)


class SparseTopKCategoricalAccuracy(Named):
    """How often the true class is among the k largest outputs, for class indices.

    Args:
        k: how many outputs count.
        name: its name.
        dtype: dtype to compute in, floatx by default.
        from_sorted_ids: whether outputs are the indices of classes, best first.
    """

    function = staticmethod(sparse_top_k_categorical_accuracy)
    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = None,
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name, dtype, k=k, from_sorted_ids=from_sorted_ids)
