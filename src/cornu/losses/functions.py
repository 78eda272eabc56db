"""The losses as functions: `f(y_true, y_pred)` gives one value per sample."""

from __future__ import annotations

import math
from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.graph.dispatch import edge
from cornu.graph.tensor import set_keras_mask
from cornu.losses.loss import as_tensor, match


@edge
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)**2) over the last axis.

    Args:
        y_true: targets, of the shape of `y_pred` (up to a last axis of size 1).
        y_pred: outputs.

    Returns:
        Tensor without the last axis.

    Raises:
        ValueError: when the shapes do not fit.

    Example:

    >>> mean_squared_error([[0.0, 1.0]], [[1.0, 1.0]]).tolist()
    [0.5]
    """
    y_true, y_pred = match(y_true, y_pred, "mean_squared_error")
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@edge
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis; see mean_squared_error."""
    y_true, y_pred = match(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@edge
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / max(|y_true|, epsilon)) over the last axis."""
    y_true, y_pred = match(y_true, y_pred, "mean_absolute_percentage_error")
    scale = ops.maximum(ops.abs(y_true), config.epsilon())
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / scale), axis=-1)


@edge
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(1 + y_true) - log(1 + y_pred))**2); both are at least epsilon."""
    y_true, y_pred = match(y_true, y_pred, "mean_squared_logarithmic_error")
    first = ops.log(ops.maximum(y_pred, config.epsilon()) + 1.0)
    second = ops.log(ops.maximum(y_true, config.epsilon()) + 1.0)
    return ops.mean(ops.square(first - second), axis=-1)


@edge
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """-sum(y_true * y_pred) of vectors of length 1: -1 where they point one way.

    Args:
        y_true: targets.
        y_pred: outputs.
        axis: the axis of the vectors.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "cosine_similarity")
    y_pred, y_true = ops.normalize(y_pred, axis), ops.normalize(y_true, axis)
    return -ops.sum(y_true * y_pred, axis=axis)


@edge
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, and linear beyond (Huber, 1964).

    Args:
        y_true: targets.
        y_pred: outputs.
        delta: the error at which the parabola becomes a line.

    Returns:
        Tensor without the last axis.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "huber")
    error = y_pred - y_true
    size = ops.abs(error)
    line = size * delta - 0.5 * delta**2
    return ops.mean(
        ops.where(ops.less_equal(size, delta), ops.square(error) * 0.5, line), axis=-1
    )


@edge
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis, without overflow."""
    y_true, y_pred = match(y_true, y_pred, "log_cosh")
    x = y_pred - y_true
    return ops.mean(x + ops.softplus(x * -2.0) - math.log(2.0), axis=-1)


# Classification by a margin


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; others as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


@edge
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis; labels -1 and 1, or 0 and
    1."""
    y_true, y_pred = match(y_true, y_pred, "hinge")
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@edge
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)**2) over the last axis."""
    y_true, y_pred = match(y_true, y_pred, "squared_hinge")
    short = ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)
    return ops.mean(ops.square(short), axis=-1)


@edge
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(best wrong class - true class + 1, 0), for one-hot targets."""
    y_true, y_pred = match(y_true, y_pred, "categorical_hinge")
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


# Probabilities


@edge
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)), both clipped to [epsilon, 1]."""
    y_true, y_pred = match(y_true, y_pred, "kl_divergence")
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


@edge
def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred + epsilon)) over the last axis."""
    y_true, y_pred = match(y_true, y_pred, "poisson")
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


def _smoothed(y_true: Any, label_smoothing: float, classes: int) -> Any:
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes


@edge
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)).

    Args:
        y_true: probabilities (0 or 1, mostly).
        y_pred: probabilities, which are clipped to [epsilon, 1 - epsilon]; or logits.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: how far labels are moved towards 1/2, from 0 to 1.
        axis: axis of the mean.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.

    Example:

    >>> round(float(binary_crossentropy([1.0], [0.5])), 4)
    0.6931
    """
    y_true, y_pred = match(y_true, y_pred, "binary_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, 2)
    values = ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits)
    return ops.mean(values, axis=axis)


@edge
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary crossentropy times (1 - p)**gamma, where p is the probability of the truth
    (Lin et al., 2018).

    Args:
        y_true: labels 0 or 1.
        y_pred: probabilities or logits.
        apply_class_balancing: whether class 1 is weighted with `alpha` and class 0 with
            1 - alpha.
        alpha: weight of class 1.
        gamma: how much less easy samples count.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: how far labels are moved towards 1/2.
        axis: axis of the mean.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "binary_focal_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, 2)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    values = ops.binary_crossentropy(y_true, y_pred)
    p = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = ops.power(1.0 - p, gamma) * values
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return ops.mean(values, axis=axis)


@edge
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum(y_true * log(y_pred)) over the classes.

    Args:
        y_true: one-hot labels or probabilities, of the shape of `y_pred`.
        y_pred: probabilities, which are divided by their sum and clipped to
            [epsilon, 1 - epsilon]; or logits.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: part of the labels that is spread over all classes.
        axis: the axis of the classes.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "categorical_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, y_true.shape[-1])
    return ops.categorical_crossentropy(
        y_true, y_pred, from_logits=from_logits, axis=axis
    )


@edge
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Categorical crossentropy times alpha * (1 - p)**gamma (Lin et al., 2018).

    Args:
        y_true: one-hot labels.
        y_pred: probabilities or logits.
        alpha: factor.
        gamma: how much less easy samples count.
        from_logits: whether `y_pred` holds logits.
        label_smoothing: part of the labels that is spread over all classes.
        axis: the axis of the classes.

    Returns:
        Tensor without that axis.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "categorical_focal_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, y_true.shape[-1])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    p = ops.clip(p, config.epsilon(), 1.0 - config.epsilon())
    weight = ops.power(1.0 - p, gamma) * alpha
    return ops.sum(weight * (-y_true * ops.log(p)), axis=axis)


@edge
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """-log(y_pred) at the index of the true class.

    Args:
        y_true: class indices, of the shape of `y_pred` without the axis of the classes
            (or with size 1 there).
        y_pred: probabilities, which are divided by their sum and clipped to
            [epsilon, 1 - epsilon]; or logits.
        from_logits: whether `y_pred` holds logits.
        ignore_class: an index that costs nothing, whatever the output is.
        axis: the axis of the classes.

    Returns:
        Tensor without that axis. Its mask leaves out the ignored class.

    Raises:
        ValueError: when the shapes do not fit.

    Example:

    >>> round(float(sparse_categorical_crossentropy([1], [[0.5, 0.5]])[0]), 4)
    0.6931
    """
    y_pred, y_true = as_tensor(y_pred), as_tensor(y_true)
    y_true = without_class_axis(y_true, y_pred, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=from_logits, axis=axis
        )
    valid = ops.not_equal(y_true, ignore_class)
    values = ops.sparse_categorical_crossentropy(
        ops.where(valid, y_true, 0),
        ops.where(ops.expand_dims(valid, axis), y_pred, 0.0),
        from_logits=from_logits,
        axis=axis,
    )
    values = ops.where(valid, values, 0.0)
    set_keras_mask(values, valid)
    return values


@edge
def without_class_axis(y_true: Any, y_pred: Any, axis: int) -> Any:
    """Class indices of shape (n, 1) for outputs of shape (n, classes) as (n,)."""
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        return ops.squeeze(y_true, axis)
    return y_true


@edge
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p**q) / q, where p is the probability of the true class (Zhang and Sabuncu,
    2018): robust against wrong labels.

    Args:
        y_true: class indices, of shape (n,) or (n, 1) for outputs (n, classes).
        y_pred: probabilities.
        q: from 0 (crossentropy) to 1 (mean absolute error).

    Returns:
        Tensor without the last axis.
    """
    y_pred, y_true = as_tensor(y_pred), as_tensor(y_true)
    y_true = without_class_axis(y_true, y_pred, -1)
    hot = ops.one_hot(y_true, y_pred.shape[-1], dtype=y_pred.dtype)
    return (1.0 - ops.power(ops.sum(y_pred * hot, axis=-1), q)) / q


# Overlap of regions


@edge
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 * overlap / (size of one + size of the other) (Dice, 1945).

    Args:
        y_true: targets.
        y_pred: outputs.
        axis: axes of the sums; None takes all, the batch included.

    Returns:
        Tensor without these axes.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "dice")
    overlap = ops.sum(y_true * y_pred, axis=axis)
    sizes = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * overlap / (sizes + config.epsilon())


@edge
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """1 - overlap / (overlap + alpha * missed + beta * invented) (Salehi et al., 2017).

    Args:
        y_true: targets.
        y_pred: outputs.
        alpha: cost of what is in the targets only.
        beta: cost of what is in the outputs only.
        axis: axes of the sums; None takes all, the batch included.

    Returns:
        Tensor without these axes.

    Raises:
        ValueError: when the shapes do not fit.
    """
    y_true, y_pred = match(y_true, y_pred, "tversky")
    overlap = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum((1.0 - y_pred) * y_true, axis=axis)
    invented = ops.sum(y_pred * (1.0 - y_true), axis=axis)
    whole = overlap + missed * alpha + invented * beta + config.epsilon()
    return 1.0 - overlap / whole


# Distances between embeddings


@edge
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """The circle loss: equal labels near, different ones far (Sun et al., 2020).

    Args:
        y_true: whole numbers, of shape (n,) or (n, 1).
        y_pred: embeddings of length 1, of shape (n, size).
        ref_labels: labels to compare with; by default `y_true`.
        ref_embeddings: embeddings to compare with; by default `y_pred`.
        remove_diagonal: whether a sample is not compared with itself.
        gamma: how sharply distances count.
        margin: how near is near enough.

    Returns:
        Tensor of shape (n,). Its mask leaves out what is 0.
    """
    y_pred = as_tensor(y_pred)
    labels = ops.reshape(ops.cast(as_tensor(y_true), "int32"), (-1, 1))
    others = labels
    if ref_labels is not None:
        others = ops.reshape(ops.cast(as_tensor(ref_labels), "int32"), (-1, 1))
    references = y_pred if ref_embeddings is None else as_tensor(ref_embeddings)
    far = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(references)), 0.0)
    equal = ops.equal(labels, ops.transpose(others))
    different = ops.logical_not(equal)
    if remove_diagonal:
        itself = ops.eye(labels.shape[0], others.shape[0], dtype="bool")
        equal = ops.logical_and(equal, ops.logical_not(itself))
    near = ops.where(equal, margin + far, 0.0) * (far - margin)
    apart = ops.maximum(ops.where(different, 1 + margin - far, 0.0), 0.0)
    apart = apart * (1 - margin - far)
    none = float("-inf")
    values = ops.softplus(
        ops.logsumexp(ops.where(equal, gamma * near, none), axis=1)
        + ops.logsumexp(ops.where(different, gamma * apart, none), axis=1)
    )
    set_keras_mask(values, ops.greater(values, 0))
    return values
