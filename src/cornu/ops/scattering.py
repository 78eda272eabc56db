"""Putting elements at places, cutting blocks out, and sums over segments."""

from __future__ import annotations

import builtins
import math

import numpy as np

from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.primitives.elementwise import (
    add,
    cast,
    greater_equal,
    less,
    logical_and,
    maximum,
    minimum,
    multiply,
    where,
)
from cornu.ops.primitives.indexing import known_array, scatter_add, take
from cornu.ops.primitives.scattering import scatter_reduce
from cornu.ops.primitives.shapes import broadcast_to, pad, reshape, static_slice
from cornu.ops.public import open_size, public

__all__ = [
    "scatter",
    "scatter_update",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "slice",
    "slice_update",
]


def _constant(value, dtype, shape):
    return broadcast_to(convert(np.asarray(value, dtype)), shape)


# Places given by one index per axis


def _flat_places(indices, shape, function):
    """Indices of shape (..., k) into the first k axes of `shape`, as flat int32."""
    indices = convert(indices)
    if is_float(indices.dtype) or not indices.ndim or indices.shape[-1] > len(shape):
        raise ValueError(
            f"[{function}] indices of dtype {indices.dtype} and shape {indices.shape} "
            f"were given for a tensor of shape {tuple(shape)}.\n"
            f"Expected whole numbers of shape (n, k), k at most {len(shape)}.\n"
            "Add a last axis with ops.expand_dims(indices, -1) for single indices."
        )
    k = indices.shape[-1]
    sizes = np.asarray(shape[:k], np.int32)
    data = known_array(indices)
    if data is not None and data.size and ((data < -sizes) | (data >= sizes)).any():
        raise IndexError(
            f"[{function}] indices from {data.reshape(-1, k).min(0).tolist()} to "
            f"{data.reshape(-1, k).max(0).tolist()} were given for axes of sizes "
            f"{sizes.tolist()}.\nExpected indices within these sizes.\n"
            "Check what the indices are made of: they count from 0."
        )
    index = cast(indices, "int32")
    # Beyond its axis an index would reach another row: then it is beyond all of them.
    total = math.prod(shape[:k])
    inside = logical_and(less(index, sizes), greater_equal(index, -sizes))
    index = where(less(index, 0), index + sizes, index)
    strides = [math.prod(shape[i + 1 : k]) for i in range(k)]
    index = where(inside, multiply(index, np.asarray(strides, np.int32)), total)
    flat = convert(np.zeros(index.shape[:-1], np.int32))
    for i in range(k):
        flat = add(flat, index[..., i])
    return reshape(flat, (-1,)), (total, *shape[k:])


@public
def scatter(indices, values, shape):
    """Zeros of a shape with values at some places; those for one place add up.

    Args:
        indices: whole numbers of shape (..., k): the first k indices of each place.
        values: tensor of shape (..., *shape[k:]).
        shape: shape of the result.

    Raises:
        IndexError: for indices out of range.
        ValueError: for shapes that do not fit.

    Example:

    >>> scatter([[0], [2]], [5, 7], (4,)).tolist()
    [5, 0, 7, 0]
    """
    values = convert(values)
    shape = tuple(int(n) for n in shape)
    flat, rows = _flat_places(indices, shape, "scatter")
    zeros = _constant(0, values.dtype, rows)
    values = reshape(values, (*flat.shape, *rows[1:]))
    return reshape(scatter_add(zeros, flat, values), shape)


@public
def scatter_update(inputs, indices, updates, reduction=None):
    """A tensor with updates put in at some places.

    Args:
        inputs: tensor.
        indices: whole numbers of shape (n, k): the first k indices of each place.
        updates: tensor of shape (n, *inputs.shape[k:]).
        reduction: None, and of several updates for one place the last stays; or 'add',
            'max', 'min' or 'mul' to put them together with what is there.

    Returns:
        Tensor of the shape and dtype of `inputs`.

    Raises:
        IndexError: for indices out of range.
        ValueError: for another reduction, or shapes that do not fit.

    Example:

    >>> scatter_update([1, 2, 3], [[0], [2]], [9, 8]).tolist()
    [9, 2, 8]
    """
    known = {None: "set", "max": "max", "min": "min", "mul": "mul", "add": "add"}
    if reduction not in known:
        raise ValueError(
            f"[scatter_update] reduction={reduction!r} is unknown.\n"
            "Expected None, 'add', 'max', 'min' or 'mul'.\n"
            "Leave it away to put the updates in the place of what is there."
        )
    x = convert(inputs)
    flat, rows = _flat_places(indices, x.shape, "scatter_update")
    wanted = (*flat.shape, *rows[1:])
    updates = broadcast_to(cast(updates, x.dtype), wanted)
    y = reshape(x, rows)
    if reduction == "add":
        y = scatter_add(y, flat, updates)
    else:
        y = scatter_reduce(y, flat, updates, known[reduction])
    return reshape(y, x.shape)


# Blocks


def _starts(start_indices, sizes, shape, function):
    """Where a block begins: ints if they are known, else int32 tensors; kept inside."""
    fits = len(shape) == len(sizes) == len(start_indices)
    if not fits or any(n > m for n, m in zip(sizes, shape, strict=True)):
        raise ValueError(
            f"[{function}] a block of shape {tuple(sizes)} was asked of a tensor of "
            f"shape {tuple(shape)}.\n"
            "Expected one start and one size per axis, no size above the tensor's.\n"
            "Use -1 in ops.slice for all that is left of an axis."
        )
    most = [m - n for n, m in zip(sizes, shape, strict=True)]
    parts = [convert(s) for s in start_indices]
    data = [known_array(p) for p in parts]
    if all(d is not None for d in data):
        return [min(max(0, int(d)), m) for d, m in zip(data, most, strict=True)]  # type: ignore
    return [
        minimum(maximum(cast(p, "int32"), 0), m)
        for p, m in zip(parts, most, strict=True)
    ]


@public
def slice(inputs, start_indices, shape):
    """A block of a tensor.

    Args:
        inputs: tensor.
        start_indices: where it begins on each axis; may be computed in the program. A
            block that would reach beyond the end begins as much earlier.
        shape: its sizes; -1 for all that is left of an axis.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: when it is larger than the tensor.

    Example:

    >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)).tolist()
    [[2, 3], [5, 6]]
    """
    x = convert(inputs)
    sizes = [int(n) for n in shape]
    for i, n in enumerate(sizes):
        if n == -1:
            sizes[i] = x.shape[i] - int(start_indices[i])
    starts = _starts(start_indices, sizes, x.shape, "slice")
    if all(isinstance(s, int) for s in starts):
        pairs = zip(starts, sizes, strict=True)
        return static_slice(x, tuple(builtins.slice(s, s + n) for s, n in pairs))
    for axis, (start, n) in enumerate(zip(starts, sizes, strict=True)):
        x = take(x, add(np.arange(n, dtype=np.int32), start), axis=axis)
    return x


@public
def slice_update(inputs, start_indices, updates):
    """A tensor with a block in the place of what is there.

    Args:
        inputs: tensor.
        start_indices: where the block begins on each axis; may be computed in the
            program. A block that would reach beyond the end begins as much earlier.
        updates: the block.

    Returns:
        Tensor of the shape and dtype of `inputs`.

    Raises:
        ValueError: when the block is larger than the tensor.

    Example:

    >>> slice_update([1, 2, 3, 4], [1], [8, 9]).tolist()
    [1, 8, 9, 4]
    """
    x = convert(inputs)
    block = cast(updates, x.dtype)
    starts = _starts(start_indices, block.shape, x.shape, "slice_update")
    if all(isinstance(s, int) for s in starts):
        pads = [
            (s, m - n - s) for s, n, m in zip(starts, block.shape, x.shape, strict=True)
        ]
        inside = np.pad(np.ones(block.shape, bool), pads)
        return where(inside, pad(block, pads), x)
    flat = convert(np.zeros((1,) * x.ndim, np.int32))
    for axis, (start, n) in enumerate(zip(starts, block.shape, strict=True)):
        stride = math.prod(x.shape[axis + 1 :])
        steps = np.arange(n, dtype=np.int32).reshape(
            [-1 if i == axis else 1 for i in range(x.ndim)]
        )
        flat = add(flat, multiply(add(steps, start), stride))
    flat = reshape(broadcast_to(flat, block.shape), (-1,))
    y = scatter_reduce(reshape(x, (-1,)), flat, reshape(block, (-1,)), "set")
    return reshape(y, x.shape)


# Segments


def _segments(data, segment_ids, num_segments, function):
    data, ids = convert(data), convert(segment_ids)
    if ids.ndim != 1 or not data.ndim or ids.shape[0] != data.shape[0]:
        raise ValueError(
            f"[{function}] data of shape {data.shape} and segment_ids of shape "
            f"{ids.shape} were given.\nExpected one id for each row of the data.\n"
            "Ids have one axis, of the size of the first of the data."
        )
    known = known_array(ids)
    if num_segments is None and known is not None:
        num_segments = int(known.max()) + 1 if known.size else 0
    elif num_segments is None and (num_segments := open_size()) is None:
        raise ValueError(
            f"[{function}] num_segments is not known while a program is traced.\n"
            "Expected the number of segments.\nWrite num_segments=n."
        )
    n = int(num_segments)
    ids = cast(ids, "int32")
    # What belongs to no segment goes to one more, which is cut off.
    inside = logical_and(greater_equal(ids, 0), less(ids, n))
    return data, where(inside, ids, n), n


@public
def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """The sums of those rows that have the same segment id.

    Args:
        data: tensor.
        segment_ids: whole numbers, one for each row: the segment that it belongs to.
            Rows with ids out of range belong to none.
        num_segments: how many segments; by default one more than the largest id, which
            must be known then.
        sorted: a hint without meaning here: whether the ids rise.

    Returns:
        Tensor of shape (num_segments, *data.shape[1:]).

    Raises:
        ValueError: when ids do not fit the data, or `num_segments` is needed.

    Example:

    >>> segment_sum([1, 2, 4], [0, 0, 2], 3).tolist()
    [3, 0, 4]
    """
    data, ids, n = _segments(data, segment_ids, num_segments, "segment_sum")
    zeros = _constant(0, data.dtype, (n + 1, *data.shape[1:]))
    return scatter_add(zeros, ids, data)[:n]


def _reduced(data, segment_ids, num_segments, how, start):
    function = f"segment_{'prod' if how == 'mul' else how}"
    data, ids, n = _segments(data, segment_ids, num_segments, function)
    start = _constant(start(data.dtype), data.dtype, (n + 1, *data.shape[1:]))
    return scatter_reduce(start, ids, data, how)[:n]


def _lowest(dtype):
    return (
        -math.inf if is_float(dtype) else 0 if dtype == "bool" else np.iinfo(dtype).min
    )


def _highest(dtype):
    return (
        math.inf if is_float(dtype) else 1 if dtype == "bool" else np.iinfo(dtype).max
    )


@public
def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """The largest of those rows that have the same segment id, element by element.

    The arguments are those of `segment_sum`. A segment without rows has minus infinity,
    or the smallest whole number.
    """
    return _reduced(data, segment_ids, num_segments, "max", _lowest)


@public
def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """The smallest of those rows that have the same segment id, element by element.

    The arguments are those of `segment_sum`. A segment without rows has infinity, or
    the largest whole number.
    """
    return _reduced(data, segment_ids, num_segments, "min", _highest)


@public
def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """The products of those rows that have the same segment id.

    The arguments are those of `segment_sum`. A segment without rows has 1.
    """
    return _reduced(data, segment_ids, num_segments, "mul", lambda dtype: 1)
