"""Tensor operations as a learner would first write them: loops, one number at a time.

This is what a network computes, with nothing hidden: a dense layer is
`naive_relu(naive_add(naive_matrix_dot(x, kernel), bias))`. Each function takes NumPy
arrays or nested lists, gives a new NumPy array, and agrees with the NumPy function that
its docstring names, which is some thousand times faster. Use these to read, to step
through in a debugger, and on tiny tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def naive_relu(x: Any) -> np.ndarray:
    """Element-wise `max(x, 0)`, as `np.maximum(x, 0)`.

    Args:
        x: tensor of any shape.

    Returns:
        A new array of the same shape and dtype.

    Example:

    >>> naive_relu([[-1.0, 2.0], [3.0, -4.0]])
    array([[0., 2.],
           [3., 0.]])
    """
    z = np.array(x)  # a copy: the caller's tensor stays as it is
    for index in np.ndindex(z.shape):
        z[index] = max(z[index], 0)
    return z


def naive_add(x: Any, y: Any) -> np.ndarray:
    """Element-wise sum, as `np.add(x, y)`, with broadcasting.

    Broadcasting: shapes are lined up at the right, and an axis that is missing or of
    size 1 is repeated as often as the other tensor needs it.

    Args:
        x: tensor of any shape.
        y: tensor whose shape fits that of `x`.

    Returns:
        A new array of the shape that both have after broadcasting.

    Raises:
        ValueError: when an axis has different sizes in `x` and `y`, and neither is 1.

    Example:

    >>> naive_add([[1, 2], [3, 4]], [[10, 20], [30, 40]])
    array([[11, 22],
           [33, 44]])
    >>> naive_add([[1], [2]], [10, 20, 30])
    array([[11, 21, 31],
           [12, 22, 32]])
    """
    x, y = np.asarray(x), np.asarray(y)
    ndim = max(x.ndim, y.ndim)
    x_shape = (1,) * (ndim - x.ndim) + x.shape
    y_shape = (1,) * (ndim - y.ndim) + y.shape
    shape = []
    for x_size, y_size in zip(x_shape, y_shape, strict=True):
        if x_size != y_size and x_size != 1 and y_size != 1:
            raise ValueError(
                f"naive_add: shapes {x.shape} and {y.shape} do not fit: an axis has "
                f"{x_size} elements in one and {y_size} in the other.\n"
                "Expected, from the right, equal sizes, or 1 where the one axis is to "
                "be repeated.\n"
                "Reshape one of them, for example a vector v to a column with "
                "naive_reshape(v, (-1, 1))."
            )
        shape.append(y_size if x_size == 1 else x_size)

    z = np.empty(shape, np.result_type(x, y))
    for index in np.ndindex(*shape):
        z[index] = x[_source(index, x.shape)] + y[_source(index, y.shape)]
    return z


def _source(index: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where an element of the result comes from in a tensor that was broadcast."""
    index = index[len(index) - len(shape) :]  # without the axes that are missing
    return tuple(0 if size == 1 else i for i, size in zip(index, shape, strict=True))


def naive_add_matrix_and_vector(x: Any, y: Any) -> np.ndarray:
    """Adds a vector to every row of a matrix, as `np.add(x, y)`.

    Args:
        x: matrix of shape `(m, n)`.
        y: vector of shape `(n,)`.

    Returns:
        A new array of shape `(m, n)`.

    Raises:
        ValueError: when the shapes are not of this kind.

    Example:

    >>> naive_add_matrix_and_vector([[1, 2], [3, 4]], [10, 20])
    array([[11, 22],
           [13, 24]])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.ndim != 1 or x.shape[1] != y.shape[0]:
        raise ValueError(
            f"naive_add_matrix_and_vector got shapes {x.shape} and {y.shape}.\n"
            "Expected a matrix (m, n) and a vector (n,).\n"
            "Use naive_add for tensors with other numbers of axes."
        )
    z = np.empty(x.shape, np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = x[i, j] + y[j]
    return z


def naive_vector_dot(x: Any, y: Any) -> Any:
    """The sum of products of two vectors, as `np.dot(x, y)`.

    Args:
        x: vector of shape `(n,)`.
        y: vector of shape `(n,)`.

    Returns:
        One number.

    Raises:
        ValueError: when they are not vectors of the same length.

    Example:

    >>> float(naive_vector_dot([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]))
    32.0
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 1 or y.ndim != 1 or x.shape[0] != y.shape[0]:
        raise ValueError(
            f"naive_vector_dot got shapes {x.shape} and {y.shape}.\n"
            "Expected two vectors of the same length, (n,) and (n,).\n"
            "Use naive_matrix_dot for tensors with other numbers of axes."
        )
    z = 0
    for i in range(x.shape[0]):
        z = z + x[i] * y[i]
    return np.result_type(x, y).type(z)


def naive_matrix_vector_dot(x: Any, y: Any) -> np.ndarray:
    """The dot product of every row of a matrix with a vector, as `np.dot(x, y)`.

    Args:
        x: matrix of shape `(m, n)`.
        y: vector of shape `(n,)`.

    Returns:
        A vector of shape `(m,)`.

    Raises:
        ValueError: when the shapes are not of this kind.

    Example:

    >>> naive_matrix_vector_dot([[1, 2], [3, 4]], [10, 1])
    array([12, 34])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.ndim != 1 or x.shape[1] != y.shape[0]:
        raise ValueError(
            f"naive_matrix_vector_dot got shapes {x.shape} and {y.shape}.\n"
            "Expected a matrix (m, n) and a vector (n,).\n"
            "Use naive_transpose if the matrix lies the other way, and "
            "naive_matrix_dot for tensors with other numbers of axes."
        )
    z = np.empty(x.shape[0], np.result_type(x, y))
    for i in range(x.shape[0]):
        z[i] = naive_vector_dot(x[i, :], y)
    return z


def naive_matrix_dot(x: Any, y: Any) -> np.ndarray:
    """The dot products of the rows of `x` and the columns of `y`, as `np.dot(x, y)`.

    For matrices, `z[i, j]` is the dot product of row `i` and column `j`. For tensors
    with more axes a row is what lies along the last axis of `x`, and a column is what
    lies along the last axis but one of `y` (a vector is one column). A number scales.

    Args:
        x: tensor of shape `(..., n)`.
        y: tensor of shape `(..., n, p)`, or a vector `(n,)`.

    Returns:
        An array of shape `x.shape[:-1] + y.shape[:-2] + (p,)`: `(m, n)` and `(n, p)`
        give `(m, p)`.

    Raises:
        ValueError: when the rows of `x` are not as long as the columns of `y`.

    Example:

    >>> naive_matrix_dot([[1, 2], [3, 4]], [[1, 0, 1], [0, 1, 1]])
    array([[1, 2, 3],
           [3, 4, 7]])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0:
        return _scale(x, y)
    columns = y if y.ndim > 1 else naive_reshape(y, (-1, 1))
    if x.shape[-1] != columns.shape[-2]:
        raise ValueError(
            f"naive_matrix_dot: the rows of x (shape {x.shape}) have {x.shape[-1]} "
            f"elements, the columns of y (shape {y.shape}) have {columns.shape[-2]}.\n"
            "Expected the same number, as in (m, n) and (n, p).\n"
            "Swap the two, or use naive_transpose on one of them."
        )
    shape = x.shape[:-1] + columns.shape[:-2] + columns.shape[-1:]
    z = np.empty(shape, np.result_type(x, y))
    for i in np.ndindex(x.shape[:-1]):
        for k in np.ndindex(columns.shape[:-2]):
            for j in range(columns.shape[-1]):
                z[(*i, *k, j)] = naive_vector_dot(x[i], columns[(*k, slice(None), j)])
    return z if y.ndim > 1 else naive_reshape(z, x.shape[:-1])


def _scale(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A tensor times a number, whichever of the two is the number."""
    z = np.empty(x.shape or y.shape, np.result_type(x, y))
    for index in np.ndindex(z.shape):
        z[index] = x[index if x.ndim else ()] * y[index if y.ndim else ()]
    return z


def naive_reshape(x: Any, shape: int | Sequence[int]) -> np.ndarray:
    """The same elements in another shape, as `np.reshape(x, shape)`.

    Both tensors are walked through in the same order, the last axis fastest.

    Args:
        x: tensor of any shape.
        shape: the new shape; one size may be -1 and is then found from the others.

    Returns:
        A new array of that shape.

    Raises:
        ValueError: when the shapes do not have the same number of elements.

    Example:

    >>> naive_reshape([[0, 1], [2, 3], [4, 5]], (2, -1))
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    x = np.asarray(x)
    sizes = [shape] if isinstance(shape, int) else list(shape)
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0:
        sizes[sizes.index(-1)] = x.size // known
    if math.prod(sizes) != x.size or any(size < 0 for size in sizes):
        raise ValueError(
            f"naive_reshape: a tensor of shape {x.shape}, that is {x.size} elements, "
            f"does not fill the shape {shape}.\n"
            "Expected sizes whose product is the number of elements; one of them may "
            "be -1.\n"
            "Write naive_reshape(x, -1) for one axis, or naive_reshape(x, (-1, n)) "
            "for rows of n."
        )
    z = np.empty(sizes, x.dtype)
    for target, source in zip(np.ndindex(z.shape), np.ndindex(x.shape), strict=True):
        z[target] = x[source]
    return z


def naive_transpose(x: Any, axes: Sequence[int] | None = None) -> np.ndarray:
    """The same elements with the axes in another order, as `np.transpose(x, axes)`.

    Args:
        x: tensor of any shape.
        axes: for each axis of the result, the axis of `x` that it was; by default they
            are reversed, which exchanges the rows and columns of a matrix.

    Returns:
        A new array of shape `tuple(x.shape[axis] for axis in axes)`.

    Raises:
        ValueError: when `axes` does not name each axis of `x` once.

    Example:

    >>> naive_transpose([[0, 1, 2], [3, 4, 5]])
    array([[0, 3],
           [1, 4],
           [2, 5]])
    """
    x = np.asarray(x)
    given = list(range(x.ndim))[::-1] if axes is None else list(axes)
    order = [axis + x.ndim if axis < 0 else axis for axis in given]
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(
            f"naive_transpose: axes {tuple(given)} for a tensor of shape {x.shape}.\n"
            f"Expected each of its {x.ndim} axes once.\n"
            "Leave axes out to reverse them, or write for example (0, 2, 1) to "
            "exchange the last two of three."
        )
    z = np.empty([x.shape[axis] for axis in order], x.dtype)
    for index in np.ndindex(z.shape):
        source = [0] * x.ndim
        for position, axis in enumerate(order):
            source[axis] = index[position]
        z[index] = x[tuple(source)]
    return z
