"""The largest few, and what is there: functions that sort."""

from __future__ import annotations

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.families import NOT_FLOAT
from cornu.ops.numpy import ravel
from cornu.ops.primitives.elementwise import (
    cast,
    equal,
    floor_divide,
    mod,
    where,
)
from cornu.ops.primitives.indexing import (
    argsort,
    known_array,
    pick_along_axis,
    take,
)
from cornu.ops.primitives.shapes import flip, reshape
from cornu.ops.public import canonical_axis, of_open_size, open_size, public

__all__ = [
    "argpartition",
    "nonzero",
    "top_k",
    "unique",
    "unravel_index",
]


@public
def top_k(x, k, sorted=True):
    """The k largest elements along the last axis, and their indices.

    Args:
        x: tensor of at least one axis.
        k: how many.
        sorted: the largest comes first in any case.

    Returns:
        A tuple: tensor of shape (..., k), and its indices in int32. Of equals the first
        comes first; NaN counts as larger than all.

    Raises:
        ValueError: when there are not so many.

    Example:

    >>> values, indices = top_k([1, 5, 3, 5], 2)
    >>> values.tolist(), indices.tolist()
    ([5, 5], [1, 3])
    """
    x = convert(x)
    if not x.ndim or not 0 <= k <= x.shape[-1]:
        raise ValueError(
            f"[top_k] k={k} was given for a tensor of shape {x.shape}.\n"
            "Expected a number from 0 to the size of the last axis.\n"
            "Check the axis: the largest are looked for along the last one."
        )
    # Backwards twice, so that of equals the first comes first.
    order = x.shape[-1] - 1 - flip(argsort(flip(x, -1), -1), -1)
    indices = order[..., :k]
    return pick_along_axis(x, indices, x.ndim - 1), indices


@public
def argpartition(x, kth, axis=-1):
    """Indices that bring the element which sorting would put at `kth` to its place.

    Args:
        x: tensor.
        kth: the place; what stands before it is not larger, what after not smaller.
        axis: the axis; None takes all elements in order.

    Returns:
        int32 tensor. Here the order is that of `argsort`.

    Raises:
        ValueError: when there is no such place.
    """
    x = convert(x)
    if axis is None:
        x, axis = ravel(x), 0
    canonical_axis(int(kth), x.shape[canonical_axis(axis, x.ndim)], "kth")
    return argsort(x, axis)


@public
def unravel_index(indices, shape):
    """Flat indices as one index per axis of a shape, in a tuple.

    Example:

    >>> [i.tolist() for i in unravel_index([5, 2], (2, 3))]
    [[1, 0], [2, 2]]
    """
    indices = convert(indices)
    parts = []
    for n in reversed([shape] if isinstance(shape, int) else list(shape)):
        parts.append(mod(indices, int(n)))
        indices = floor_divide(indices, int(n))
    return tuple(reversed(parts))


def _of_data(x, function, instead):
    data = known_array(x)
    if data is None:
        raise ValueError(
            f"[{function}] the data is not known while a program is traced, and so is "
            f"the size of the result.\nExpected data at hand.\n{instead}"
        )
    return data


@public
def nonzero(x):
    """The indices of all elements that are not zero, one tensor per axis.

    Raises:
        ValueError: inside a compiled program, where the size of the result would depend
            on the data.
    """
    x = convert(x)
    if known_array(x) is None and open_size() is not None:
        return tuple(of_open_size((None,), "int32") for _ in range(x.ndim or 1))
    instead = "Use ops.where(mask, x, 0), which keeps the shape."
    found = np.nonzero(np.atleast_1d(_of_data(x, "nonzero", instead)))
    return tuple(convert(i.astype(np.int32)) for i in found)


# Different elements


def unique_numpy(x, *, axis, size):
    """Of the different slices along an axis, in order: where each is first, which of
    them each slice is, and how often each is there. Beyond `size` they are cut off, and
    what is missing stands at the first one and is there no times."""
    found = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=axis,
        equal_nan=False,
    )  # fmt: skip
    _, index, inverse, counts = found
    more = max(0, size - len(index))
    first = index[:1] if len(index) else np.zeros(1, np.int64)
    index = np.concatenate([index[:size], np.repeat(first, more)])
    counts = np.concatenate([counts[:size], np.zeros(more, np.int64)])
    inverse = inverse.reshape(-1)
    return tuple(a.astype(np.int32) for a in (index, inverse, counts))


unique_op = Op(
    "unique",
    infer=lambda x, *, axis, size: (
        Spec((size,), "int32"),
        Spec((x.shape[axis],), "int32"),
        Spec((size,), "int32"),
    ),
    numpy=unique_numpy,
    no_gradient=NOT_FLOAT,
    doc="Where the different slices along an axis are, and how often.",
    core=False,
)


@public
def unique(
    x,
    sorted=True,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    size=None,
    fill_value=None,
):
    """The different elements, in ascending order.

    Args:
        x: tensor.
        sorted: they are sorted in any case.
        return_index: whether to give the index of the first of each.
        return_inverse: whether to give for each element the place of its like.
        return_counts: whether to give how often each is there.
        axis: axis whose slices are compared; None compares all elements.
        size: how many to give: the rest is cut off, or filled in. Needed inside a
            compiled program, where the number must be known.
        fill_value: what is filled in, by default the first of them.

    Returns:
        Tensor, or a tuple of it and what else was asked for (in int32).

    Raises:
        ValueError: inside a compiled program without `size`.

    Example:

    >>> unique([3, 1, 3]).tolist()
    [1, 3]
    """
    x = convert(x)
    shape = x.shape
    if axis is None:
        x, place = ravel(x), 0
    else:
        place = canonical_axis(axis, x.ndim)
    if size is None and known_array(x) is None:
        size = open_size()
    if size is None:
        data = _of_data(x, "unique", "Give size=, the number of elements to expect.")
        size = np.unique(data, axis=place, equal_nan=False).shape[place]
    params = {"axis": place, "size": int(size)}
    index, inverse, counts = bind(unique_op, (x,), params)
    y = take(x, index, axis=place) if x.shape[place] else x
    if fill_value is not None:
        missing = reshape(
            equal(counts, 0), tuple(-1 if i == place else 1 for i in range(x.ndim))
        )
        y = where(missing, cast(fill_value, y.dtype), y)
    inverse = reshape(inverse, shape) if axis is None else inverse
    extras = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    wanted = [part for asked, part in extras if asked]
    return (y, *wanted) if wanted else y
