"""Functions of `cornu.ops` with the names of arguments of Keras 1 and 2."""

from __future__ import annotations

import builtins
from typing import Any

from cornu import ops
from cornu.graph.tensor import TensorBase
from cornu.graph.tree import map_structure
from cornu.ops.primitives.indexing import known_array
from cornu.ops.primitives.linear import dot_general
from cornu.ops.public import floating, promote, recordable

__all__ = [
    "arange", "batch_dot", "clip", "cumprod", "cumsum", "dot", "equal", "greater",
    "greater_equal", "identity", "in_top_k", "less", "less_equal", "maximum", "minimum",
    "not_equal", "ones_like", "repeat", "reshape", "reverse", "slice", "stop_gradient",
    "tile", "zeros_like",
]  # fmt: skip


def equal(x: Any, y: Any) -> Any:
    """x == y, element by element."""
    return ops.equal(x, y)


def not_equal(x: Any, y: Any) -> Any:
    """x != y, element by element."""
    return ops.not_equal(x, y)


def greater(x: Any, y: Any) -> Any:
    """x > y, element by element."""
    return ops.greater(x, y)


def greater_equal(x: Any, y: Any) -> Any:
    """x >= y, element by element."""
    return ops.greater_equal(x, y)


def less(x: Any, y: Any) -> Any:
    """x < y, element by element."""
    return ops.less(x, y)


def less_equal(x: Any, y: Any) -> Any:
    """x <= y, element by element."""
    return ops.less_equal(x, y)


def maximum(x: Any, y: Any) -> Any:
    """The larger one, element by element."""
    return ops.maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller one, element by element."""
    return ops.minimum(x, y)


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """`x`, but nothing below or above these; None for no limit."""
    lowest = float("-inf") if min_value is None else min_value
    return ops.clip(x, lowest, float("inf") if max_value is None else max_value)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros of the shape of `x`."""
    return ops.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones of the shape of `x`."""
    return ops.ones_like(x, dtype)


def identity(x: Any, name: str | None = None) -> Any:
    """A tensor with the values of `x`."""
    return ops.copy(x)


def stop_gradient(variables: Any) -> Any:
    """A tensor, or several, through which no gradient goes."""
    return map_structure(ops.stop_gradient, variables)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str = "int32") -> Any:
    """Numbers from `start` up to (not including) `stop`; from 0 where one is given."""
    return ops.arange(start, stop, step, dtype)


@recordable
def reshape(x: Any, shape: Any) -> Any:
    """`x` in another shape; one size may be open (-1, or None).

    Sizes may come from `K.shape`.
    """
    if isinstance(shape, TensorBase):
        shape = _number(shape).tolist()
    return ops.reshape(x, tuple(-1 if n is None else int(_number(n)) for n in shape))


def _number(value: Any) -> Any:
    """A size, or all of them, as numbers.

    Raises:
        ValueError: when a program would have to compute them.
    """
    known = known_array(ops.convert_to_tensor(value))
    if known is None:
        raise ValueError(
            "K.reshape was given sizes that depend on data.\n"
            "Expected sizes that are known when a program is made.\n"
            "Use K.int_shape, or K.shape of another tensor."
        )
    return known


def tile(x: Any, n: Any) -> Any:
    """`x` several times along each axis."""
    return ops.tile(x, n)


def repeat(x: Any, n: int) -> Any:
    """(batch, features) as (batch, n, features)."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def reverse(x: Any, axes: Any) -> Any:
    """`x` backwards along one axis or several."""
    return ops.flip(x, axes)


def slice(x: Any, start: Any, size: Any) -> Any:
    """A part of `x`: where it begins, and how large it is; -1 for all that is left."""
    limits = zip(start, size, strict=True)
    return x[tuple(builtins.slice(a, None if n == -1 else a + n) for a, n in limits)]


def cumsum(x: Any, axis: int = 0) -> Any:
    """Sums of all elements up to each one, along an axis."""
    return ops.cumsum(x, axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Products of all elements up to each one, along an axis."""
    return ops.cumprod(x, axis)


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether the true class is among the `k` of the highest predictions.

    Args:
        predictions: tensor of shape (batch, classes).
        targets: class indices of shape (batch,).
        k: how many count.
    """
    return ops.in_top_k(targets, predictions, k)


def dot(x: Any, y: Any) -> Any:
    """The product over the last axis of `x` and the last but one of `y`."""
    return ops.dot(x, y)


@recordable
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Products of the samples of two batches, over one axis of each.

    Args:
        x: tensor of shape (batch, ...).
        y: tensor of shape (batch, ...).
        axes: the axis of each that is summed over, two numbers or one for both; by
            default the last of `x` and the last but one of `y` (its last, where it has
            two).

    Returns:
        Tensor of the batch, the other axes of `x`, then those of `y`; of shape (batch,
        1) where there are none.

    Raises:
        ValueError: for the axis of the batch, several axes, or tensors that do not fit.

    Example:

    >>> batch_dot(ops.ones((2, 3, 4)), ops.ones((2, 4, 5))).shape
    (2, 3, 5)
    """
    x, y = promote(floating(x), floating(y))
    if axes is None:
        axes = (x.ndim - 1, max(y.ndim - 2, 1))
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    good = x.ndim > 1 and y.ndim > 1 and all(isinstance(a, int) for a in pair)
    if good:
        a, b = pair[0] % x.ndim, pair[1] % y.ndim
        same = x.shape[0] == y.shape[0] and x.shape[a] == y.shape[b]
        if a and b and same:
            found = dot_general(x, y, ((a,), (b,)), ((0,), (0,)))
            return ops.expand_dims(found, 1) if found.ndim == 1 else found
    raise ValueError(
        f"K.batch_dot was given shapes {x.shape} and {y.shape}, and axes={axes}.\n"
        "Expected the same batch, and one axis of each, of equal sizes and not the "
        "first.\n"
        "Add a batch to tensors without one: K.expand_dims(x, 0)."
    )
