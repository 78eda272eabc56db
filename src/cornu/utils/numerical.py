"""Labels as one-hot rows, and arrays scaled to norm 1."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.graph.dispatch import edge
from cornu.graph.tensor import TensorBase


def _also_named_y(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take the first argument under its name of Keras 1 and 2 as well."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = len(args[:1]) + ("x" in kwargs) + ("y" in kwargs)
        if given != 1:
            raise TypeError(
                f"to_categorical got {'both x and y' if given else 'no labels'}.\n"
                "Expected the labels once.\n"
                "Write to_categorical(labels); `y` is an old name of `x`."
            )
        if "y" in kwargs:
            kwargs["x"] = kwargs.pop("y")
        return function(*args, **kwargs)

    return call


@_also_named_y
def to_categorical(x: Any, num_classes: int | None = None, dtype: Any = None) -> Any:
    """Converts class numbers to one-hot rows, for `categorical_crossentropy`.

    Args:
        x: class numbers, integers from 0 to `num_classes - 1`, of any shape: an array,
            a list, a number or a tensor. A last axis of size 1 is dropped.
        num_classes: number of classes. By default, the largest number in `x`, plus 1.
        dtype: dtype of the result. By default float64, as in Keras 3. (An argument of
            Keras 2; there float32 was the default, and `x` had the name `y`.)

    Returns:
        An array of shape `x.shape + (num_classes,)`: 1 at the place of the class, 0
        elsewhere. For a tensor, a float32 tensor.

    Raises:
        ValueError: when a label is negative, not an integer, or not below
            `num_classes`; or when there is no label to count the classes from.

    Example:

    >>> print(to_categorical([0, 2, 1], num_classes=3))
    [[1. 0. 0.]
     [0. 0. 1.]
     [0. 1. 0.]]
    >>> to_categorical([[3], [1]]).shape
    (2, 4)
    """
    if isinstance(x, TensorBase):
        return _one_hot_tensor(x, num_classes, dtype)
    labels = _integers(x)
    shape = labels.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    labels = labels.reshape(-1)
    if not num_classes:
        if not labels.size:
            raise ValueError(
                "to_categorical: there are no labels to count the classes from.\n"
                "Expected at least one label, or num_classes.\n"
                "Write to_categorical(labels, num_classes=10) for ten classes."
            )
        num_classes = int(labels.max()) + 1
    _check_range(labels, num_classes)
    hot = np.zeros((labels.size, num_classes), "float64" if dtype is None else dtype)
    hot[np.arange(labels.size), labels] = 1
    return hot.reshape(*shape, num_classes)


def _integers(x: Any) -> np.ndarray:
    """`x` as int64, if that loses nothing; `"3"` and `3.0` are 3."""
    try:
        given = np.asarray(x)
        with np.errstate(invalid="ignore"):  # NaN is seen below
            labels = given.astype("int64")
    except (TypeError, ValueError, OverflowError):
        raise _no_integers("cannot be read as integers") from None
    if given.dtype.kind in "fcO":  # floats, complex numbers, Python objects
        lost = np.ravel(given)[np.ravel(labels != given)]
        if lost.size:
            raise _no_integers(f"hold {lost.tolist()[0]!r}")
    return labels


def _no_integers(what: str) -> ValueError:
    return ValueError(
        f"to_categorical: the labels {what}.\n"
        "Expected class numbers 0, 1, 2, ...\n"
        "Number the classes first, for example with "
        "classes, labels = np.unique(labels, return_inverse=True)."
    )


def _check_range(labels: np.ndarray, num_classes: int) -> None:
    if not labels.size:
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise ValueError(
            f"to_categorical: label {low} is negative.\n"
            f"Expected class numbers from 0 to {max(high, num_classes - 1)}.\n"
            "Remove the samples without a class, or number the classes from 0, for "
            "example with (labels + 1) // 2 where they are -1 and 1."
        )
    if high >= num_classes:
        raise ValueError(
            f"to_categorical: label {high} does not fit num_classes={num_classes}.\n"
            f"Expected class numbers from 0 to {num_classes - 1}.\n"
            f"Pass num_classes={high + 1}, or leave it out; or number the classes from "
            "0, for example with labels - labels.min()."
        )


def _one_hot_tensor(x: TensorBase, num_classes: int | None, dtype: Any) -> Any:
    from cornu import ops

    if not num_classes:
        raise ValueError(
            "to_categorical: num_classes is missing, and the labels are a tensor.\n"
            "Expected num_classes, for the shape of the result depends on it.\n"
            "Write to_categorical(labels, num_classes=10) for ten classes."
        )
    if x.ndim > 1 and x.shape[-1] == 1:
        x = ops.squeeze(x, axis=-1)
    return ops.one_hot(x, num_classes, dtype=dtype)


@edge
def normalize(x: Any, axis: int = -1, order: Any = 2) -> Any:
    """Scales an array so that its vectors along an axis have norm 1.

    Args:
        x: array, list or tensor.
        axis: the axis along which the vectors lie.
        order: which norm: 2 is the Euclidean one, 1 the sum of absolute values.

    Returns:
        A new array of the shape of `x`; vectors of zeros stay as they are. A NumPy
        vector comes back as one row, `(1, n)`, as in Keras.

    Example:

    >>> print(normalize(np.array([[3.0, 4.0], [0.0, 0.0]])))
    [[0.6 0.8]
     [0.  0. ]]
    """
    if isinstance(x, TensorBase):
        from cornu import ops

        return ops.normalize(x, axis=axis, order=order)
    array = np.asarray(x)
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    normal = array / np.where(norm == 0, 1, norm)
    return normal[np.newaxis] if isinstance(x, np.ndarray) and x.ndim == 1 else normal
