"""Primitives that pick elements by index, and put them back; sorting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor
from cornu.graph.node import Value
from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import Literal, bind, convert
from cornu.ops.families import NOT_FLOAT, broadcast_shape
from cornu.ops.primitives.elementwise import (
    cast,
    greater_equal,
    less,
    logical_and,
    where,
)
from cornu.ops.primitives.shapes import (
    broadcast_to,
    expand_dims,
    reshape,
    static_slice,
    transpose,
)
from cornu.ops.public import canonical_axis, ends_early, promote, public

__all__ = [
    "argsort",
    "get_item",
    "scatter_add",
    "sort",
    "take",
    "take_along_axis",
]


def gather_numpy(x, indices, *, axis):
    """The slices of `x` at these indices along an axis; negative ones count back."""
    return np.take(x, indices, axis=axis)


def _infer_gather(x: Spec, indices: Spec, *, axis: int) -> Spec:
    if indices.dtype != "int32":
        raise TypeError(f"[gather] indices are int32, not {indices.dtype}.")
    return Spec(x.shape[:axis] + indices.shape + x.shape[axis + 1 :], x.dtype)


def _gather_gradient(g, ins, out, *, axis):
    x, indices = ins
    return (
        lambda: bind(
            scatter_add_op,
            (broadcast_to(convert(np.zeros((), x.dtype)), x.shape), indices, g),
            {"axis": axis},
        ),
        None,
    )


gather_op = Op(
    "gather",
    infer=_infer_gather,
    numpy=gather_numpy,
    gradient=_gather_gradient,
    doc="The slices at some indices along an axis; negative ones count from its end.",
)


def scatter_add_numpy(x, indices, updates, *, axis):
    """`x` with `updates` added at these indices along an axis; equal ones add up."""
    y = np.array(x)
    shape = (*x.shape[:axis], indices.size, *x.shape[axis + 1 :])
    np.add.at(
        np.moveaxis(y, axis, 0),
        indices.ravel(),
        np.moveaxis(updates.reshape(shape), axis, 0),
    )
    return y


def _infer_scatter_add(x: Spec, indices: Spec, updates: Spec, *, axis: int) -> Spec:
    wanted = _infer_gather(x, indices, axis=axis)
    if updates.dtype != x.dtype:
        raise TypeError(f"[scatter_add] got {x.dtype} and updates {updates.dtype}.")
    if updates.shape != wanted.shape:
        raise ValueError(
            f"[scatter_add] updates of shape {updates.shape} do not fit indices of "
            f"shape {indices.shape} along axis {axis} of {x.shape}.\n"
            f"Expected shape {wanted.shape}.\nReshape or broadcast the updates."
        )
    return x


scatter_add_op = Op(
    "scatter_add",
    infer=_infer_scatter_add,
    numpy=scatter_add_numpy,
    gradient=lambda g, ins, out, *, axis: (
        g,
        None,
        lambda: bind(gather_op, (g, ins[1]), {"axis": axis}),
    ),
    doc="A tensor with updates added at some indices along an axis.",
)


def _checked_indices(indices, size, function):
    """Indices as an int32 tensor; what is known of them already is checked now."""
    indices = convert(indices)
    if indices.dtype not in _WHOLE:
        raise TypeError(
            f"[{function}] indices of dtype {indices.dtype} were given.\n"
            "Expected whole numbers (int32).\nConvert them with ops.cast(x, 'int32')."
        )
    known = known_array(indices)
    if known is not None and known.size:
        lowest, highest = known.min(), known.max()
        if lowest < -size or highest >= size:
            raise IndexError(
                f"[{function}] indices from {lowest} to {highest} were given for an "
                f"axis of size {size}.\n"
                f"Expected whole numbers from {-size} to {size - 1}.\n"
                "Check what the indices are made of: vocabularies count from 0."
            )
    return cast(indices, "int32")


_WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def known_array(tensor):
    """The array of a concrete tensor, or of a constant under trace; else None."""
    if isinstance(tensor, Tensor):
        return tensor._array if tensor.is_known else None
    literal = tensor.node.params.get("value") if tensor.node is not None else None
    return literal.array if isinstance(literal, Literal) else None


@public
def take(x, indices, axis=None):
    """The slices of `x` at `indices` along an axis.

    Args:
        x: tensor.
        indices: whole numbers of any shape; negative ones count from the end.
        axis: the axis; None picks from the flattened tensor.

    Returns:
        Tensor of shape x.shape[:axis] + indices.shape + x.shape[axis + 1:].

    Raises:
        IndexError: when an index is out of range, as the step runs.
    """
    x = convert(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = canonical_axis(axis, x.ndim)
    indices = _checked_indices(indices, x.shape[axis], "take")
    return bind(gather_op, (x, indices), {"axis": axis})


@public
def scatter_add(x, indices, updates, axis=0):
    """`x` with `updates` added at `indices` along an axis; equal indices add up.

    Args:
        x: tensor.
        indices: whole numbers; negative ones count from the end.
        updates: tensor of shape x.shape[:axis] + indices.shape + x.shape[axis + 1:].
        axis: the axis.
    """
    x, updates = promote(x, updates)
    axis = canonical_axis(axis, x.ndim)
    indices = _checked_indices(indices, x.shape[axis], "scatter_add")
    return bind(scatter_add_op, (x, indices, updates), {"axis": axis})


@public
def take_along_axis(x, indices, axis=None):
    """Pick one element per index, with the other axes running together (as in NumPy).

    Args:
        x: tensor.
        indices: whole numbers, of the shape of `x` but for `axis`; along other axes
            either may have size 1. Negative ones count from the end.
        axis: the axis; None flattens both.

    Raises:
        IndexError: when an index is out of range, under trace as the step runs.
        ValueError: when the shapes do not fit.
    """
    x, indices = convert(x), convert(indices)
    if axis is None:
        x, indices, axis = reshape(x, (-1,)), reshape(indices, (-1,)), 0
    axis = canonical_axis(axis, x.ndim)
    size = x.shape[axis]
    indices = _checked_indices(indices, size, "take_along_axis")
    if isinstance(indices, Value):
        # Beyond its row an index would pick from another; beyond all rows it is told.
        inside = logical_and(less(indices, size), greater_equal(indices, -size))
        indices = where(inside, indices, math.prod(x.shape))
    indices = where(less(indices, 0), indices + size, indices)
    return pick_along_axis(x, indices, axis)


def pick_along_axis(x, indices, axis):
    """`take_along_axis` for indices that are known to count from 0 and to fit."""
    size = x.shape[axis]
    last = (*[i for i in range(x.ndim) if i != axis], axis)
    moved, index = transpose(x, last), transpose(indices, last)
    rows = broadcast_shape(moved.shape[:-1], index.shape[:-1], "take_along_axis")
    index = broadcast_to(index, (*rows, index.shape[-1]))
    moved = broadcast_to(moved, (*rows, size))
    offsets = np.arange(int(np.prod(rows, dtype=int)), dtype=np.int32) * size
    flat = index + offsets.reshape((*rows, 1))
    picked = bind(gather_op, (reshape(moved, (-1,)), flat), {"axis": 0})
    return transpose(picked, tuple(np.argsort(last).tolist()))


@ends_early
@public
def get_item(x, key):
    """NumPy's indexing: integers, slices, `...`, None, and arrays of integers.

    Args:
        x: tensor.
        key: what stands in the brackets. Arrays and lists of integers broadcast among
            themselves, as in NumPy; a boolean mask needs data at hand, since it decides
            about the size of the result.

    Raises:
        IndexError: when there are too many indices or one is out of range.
        TypeError: for indices of another kind.
    """
    x = convert(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [index for part in keys for index in _indices_of_mask(part)]
    given, keys = keys, _without_ellipsis(keys, x)
    slices, drop, insert, arrays = [], [], [], {}
    axis = place = 0
    for part in keys:
        if part is None:
            insert.append(place)
            place += 1
            continue
        if isinstance(part, slice):
            slices.append(part)
            place += 1
        elif _is_whole(part):
            slices.append(_slice_at(part, axis, x.shape))
            drop.append(axis)
        else:
            arrays[axis] = part
            slices.append(slice(None))
            place += 1
        axis += 1
    if len(arrays) > 1 or (arrays and (insert or drop)):
        return _picked(x, keys, _together(given))
    y = static_slice(x, tuple(slices))
    y = reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in drop))
    for place in insert:
        y = expand_dims(y, place)
    for place, part in arrays.items():
        y = take(y, part, axis=place)
    return y


def _is_whole(part):
    return isinstance(part, (int, np.integer)) and not isinstance(part, bool)


def _slice_at(part, axis, shape):
    n = shape[axis]
    if not -n <= part < n:
        raise IndexError(
            f"Index {part} is out of range for axis {axis} of shape {shape}.\n"
            f"Expected a whole number from {-n} to {n - 1}.\n"
            "Check the shape with x.shape."
        )
    return slice(part % n, part % n + 1)


def _indices_of_mask(part):
    """Where a boolean mask is true, an array per axis; all else as it is."""
    if not _is_array(part) or _is_whole(part):
        return [part]
    index = convert(part)
    if index.dtype != "bool":
        return [index]
    mask = known_array(index)
    if mask is None or not mask.ndim:
        raise TypeError(
            "A tensor was indexed by a boolean mask, whose result has no static "
            "shape.\nExpected integers, slices or an array of integers.\n"
            "Use ops.where(mask, x, 0), or index with NumPy before the step."
        )
    return [convert(i.astype(np.int32)) for i in np.nonzero(mask)]


def _is_array(part):
    return part is not None and part is not Ellipsis and not isinstance(part, slice)


def _together(keys):
    """Whether nothing, not even an empty `...`, stands between the arrays."""
    at = [i for i, key in enumerate(keys) if _is_array(key)]
    return at[-1] - at[0] == len(at) - 1


def _picked(x, keys, together):
    """Indexing by several arrays that broadcast; integers among them count as arrays.

    The axes that they make stand where the first of them stood, or in front of all
    where they are not together: NumPy's rule.
    """
    axes = [key for key in keys if key is not None]
    chosen = [i for i, key in enumerate(axes) if not isinstance(key, slice)]
    others = [i for i in range(x.ndim) if i not in chosen]
    whole = [slice(None) if i in chosen else key for i, key in enumerate(axes)]
    y = static_slice(x, tuple(whole))
    places: Any = np.int32(0)
    for i in chosen:
        index, n = _checked_indices(axes[i], x.shape[i], "get_item"), x.shape[i]
        places = places * n + where(less(index, 0), index + n, index)
    kept = [y.shape[i] for i in others]
    y = reshape(transpose(y, (*chosen, *others)), (-1, *kept))
    y, made = take(y, places, axis=0), len(places.shape)

    first = next(i for i, key in enumerate(keys) if _is_array(key))
    before = [isinstance(k, slice) for k in keys[:first]].count(True) * together
    order = [*range(made, made + before), *range(made)]
    y = transpose(y, (*order, *range(made + before, y.ndim)))
    place = 0 if together else made
    for i, key in enumerate(keys):
        if together and i == first:
            place += made
        if key is None:
            y = expand_dims(y, place)
        place += key is None or isinstance(key, slice)
    return y


def _without_ellipsis(keys, x):
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > x.ndim:
        raise IndexError(
            f"{used} indices were given to a tensor of shape {x.shape}.\n"
            f"Expected at most {x.ndim}.\nRemove the last ones."
        )
    places = [i for i, k in enumerate(keys) if k is Ellipsis]
    rest = [slice(None)] * (x.ndim - used)
    if not places:
        return keys + rest
    if len(places) > 1:
        raise IndexError(
            f"`...` was given {len(places)} times in one index.\n"
            "Expected it once: it stands for all axes that are not named.\n"
            "Write `:` for single axes."
        )
    first = places[0]
    return keys[:first] + rest + keys[first + 1 :]


def argsort_numpy(x, *, axis):
    """Indices that sort along an axis; equals keep their order."""
    return np.argsort(x, axis=axis, kind="stable").astype(np.int32)


argsort_op = Op(
    "argsort",
    infer=lambda x, *, axis: Spec(x.shape, "int32"),
    numpy=argsort_numpy,
    no_gradient=NOT_FLOAT,
    doc="Indices that sort along an axis; equals keep their order.",
)


def sort_numpy(x, *, axis):
    """The elements along an axis in ascending order, NaN last."""
    return np.sort(x, axis=axis, kind="stable")


def _sort_gradient(g, ins, out, *, axis):
    def unsort():
        order = bind(argsort_op, (ins[0],), {"axis": axis})
        places = bind(argsort_op, (order,), {"axis": axis})
        return pick_along_axis(g, places, axis)

    return (unsort,)


sort_op = Op(
    "sort",
    infer=lambda x, *, axis: x,
    numpy=sort_numpy,
    gradient=_sort_gradient,
    doc="The elements along an axis in ascending order.",
)


@public
def sort(x, axis=-1):
    """The elements along an axis in ascending order, NaN last (None flattens)."""
    x = convert(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return bind(sort_op, (x,), {"axis": canonical_axis(axis, x.ndim)})


@public
def argsort(x, axis=-1):
    """int32 indices that sort along an axis (None flattens); equals stay in order."""
    x = convert(x)
    if axis is None or not x.ndim:
        x, axis = reshape(x, (-1,)), 0
    return bind(argsort_op, (x,), {"axis": canonical_axis(axis, x.ndim)})
