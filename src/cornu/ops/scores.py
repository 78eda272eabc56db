"""Targets and predictions: how they are encoded, chosen and compared."""

from __future__ import annotations

import math

import numpy as np

from cornu.graph.trace import convert
from cornu.ops.numpy import isnan, mean, one_hot, square
from cornu.ops.primitives.elementary import log10
from cornu.ops.primitives.elementwise import (
    cast,
    greater,
    less_equal,
    maximum,
    where,
)
from cornu.ops.primitives.indexing import sort, take_along_axis
from cornu.ops.primitives.reductions import cumsum, max, sum
from cornu.ops.primitives.shapes import expand_dims, flip
from cornu.ops.public import canonical_axis, floating, promote, public

__all__ = ["in_top_k", "multi_hot", "psnr", "sparsemax"]


@public
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False):
    """1 at all indices that a row names and 0 elsewhere.

    Args:
        inputs: whole numbers of shape (batch, n), or (n,) for one row; indices out of
            range stand for none.
        num_classes: size of the axis of the classes; it must be given.
        axis: its place, beside the axis of the indices.
        dtype: dtype of the result, floatx by default.
        sparse: only False.

    Returns:
        Tensor of shape (batch, num_classes), or (num_classes,).

    Raises:
        ValueError: without `num_classes`, and when `sparse` is asked for.

    Example:

    >>> multi_hot([[0, 2], [1, 1]], 3).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if num_classes is None:
        raise ValueError(
            "[multi_hot] num_classes was not given.\nExpected the number of classes.\n"
            "Write num_classes=n, one more than the largest index."
        )
    x = convert(inputs)
    hot = one_hot(x, num_classes, axis=axis, dtype=dtype, sparse=sparse)
    return max(hot, axis=1 if x.ndim > 1 else 0)


@public
def sparsemax(x, axis=-1):
    """The point of the probability simplex nearest to x (Martins and Astudillo, 2016).

    Args:
        x: tensor.
        axis: the axis that the numbers sum to 1 along.

    Returns:
        Tensor of the shape of `x`; many of its numbers are exactly 0.

    Raises:
        ValueError: when there is no such axis.
    """
    x = floating(x)
    axis = canonical_axis(axis, x.ndim)
    falling = flip(sort(x, axis), axis)
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    rank = np.arange(1, x.shape[axis] + 1).reshape(shape).astype(x.dtype)
    inside = greater(1.0 + falling * rank, cumsum(falling, axis))
    count = sum(cast(inside, x.dtype), axis=axis, keepdims=True)
    total = sum(where(inside, falling, 0.0), axis=axis, keepdims=True)
    return maximum(x - (total - 1.0) / count, 0.0)


@public
def psnr(x1, x2, max_val):
    """How near two signals are, in decibels: the peak signal-to-noise ratio.

    Args:
        x1: tensor.
        x2: tensor of the same shape.
        max_val: the largest value that signals can have.

    Returns:
        Scalar: 20 log10(max_val) - 10 log10(mean((x1 - x2)**2)).

    Raises:
        ValueError: when the shapes differ.
    """
    a, b = promote(x1, floating(x2))
    if a.shape != b.shape:
        raise ValueError(
            f"[psnr] signals of shapes {a.shape} and {b.shape} were given.\n"
            "Expected equal shapes.\nReshape or crop one of them."
        )
    peak = log10(cast(max_val, a.dtype)) * 20.0
    return peak - log10(mean(square(a - b))) * 10.0


@public
def in_top_k(targets, predictions, k):
    """Whether the prediction for each target is among the k best of its row.

    Args:
        targets: class indices of shape (batch,).
        predictions: tensor of shape (batch, classes).
        k: how many count as best; equals of the last of them do too.

    Returns:
        Boolean tensor of shape (batch,).
    """
    predictions, targets = floating(predictions), convert(targets)
    mine = take_along_axis(predictions, expand_dims(targets, -1), axis=-1)
    mine = where(isnan(mine), -math.inf, mine)
    better = sum(cast(greater(predictions, mine), "int32"), axis=-1)
    return less_equal(better + 1, k)
