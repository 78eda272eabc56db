"""Indices of categories as vectors, in a graph or on arrays: one-hot, counts, ..."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import ops

MODES = ("int", "one_hot", "multi_hot", "count")


def encode(indices: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
    """Categories in another form, in a graph.

    Args:
        indices: tensor of whole numbers; those outside 0 to `depth` - 1 count nothing.
        mode: one of `MODES`.
        depth: number of categories.
        dtype: dtype of the result.
        weights: for 'count', what each index counts, of the same shape.

    Returns:
        The indices themselves for 'int'. For 'one_hot' a tensor with an axis of size
        `depth` at the end, in place of a last axis of size 1 if there is one; for the
        others with that axis in place of the last one.
    """
    if mode == "int":
        return ops.cast(indices, dtype)
    if len(indices.shape) == 0:
        indices = ops.expand_dims(indices, -1)
    if mode == "one_hot":
        if len(indices.shape) > 1 and indices.shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.one_hot(indices, depth, dtype=dtype)
    lead = tuple(indices.shape[:-1])
    n = math.prod(lead)
    rows = (np.arange(n, dtype=np.int32) * depth).reshape((*lead, 1))
    inside = ops.logical_and(ops.greater_equal(indices, 0), ops.less(indices, depth))
    # What counts nothing is added to one place more, which is cut off.
    places = ops.where(inside, ops.cast(indices, "int32") + rows, n * depth)
    ones = ops.ones(indices.shape, dtype) if weights is None else weights
    total = ops.scatter_add(ops.zeros((n * depth + 1,), ones.dtype), places, ones)
    total = ops.reshape(total[: n * depth], (*lead, depth))
    return ops.minimum(total, 1) if mode == "multi_hot" else total


def encode_array(indices: np.ndarray, mode: str, depth: int, dtype: str) -> np.ndarray:
    """The same of an array, without a graph; for vocabularies of any size."""
    if mode == "int":
        return indices.astype(dtype)
    indices = indices.reshape(-1) if indices.ndim == 0 else indices
    if mode == "one_hot" and indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    if mode == "one_hot":
        indices = indices[..., None]
    lead = indices.shape[:-1]
    n = math.prod(lead)
    rows = np.repeat(np.arange(n), indices.shape[-1])
    out = encode_rows(rows, indices.reshape(-1), n, mode, depth, dtype)
    return out.reshape((*lead, depth))


def encode_rows(
    rows: np.ndarray, indices: np.ndarray, n: int, mode: str, depth: int, dtype: str
) -> np.ndarray:
    """The same where each index comes with the number of its row; of shape (n, depth).

    Args:
        rows: row of each index, from 0 to `n` - 1.
        indices: the indices, in one axis.
        n: number of rows.
        mode: 'count', or another for ones.
        depth: number of categories.
        dtype: dtype of the result.
    """
    inside = (indices >= 0) & (indices < depth)
    rows, indices = rows[inside], indices[inside]
    out = np.zeros((n, depth), dtype)
    if mode == "count":
        np.add.at(out, (rows, indices), 1)
    else:
        out[rows, indices] = 1
    return out


def encoded_shape(shape: Any, mode: str, depth: int | None) -> tuple[int | None, ...]:
    """The shape of what `encode` gives."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    keeps = mode == "one_hot" and (len(shape) < 2 or shape[-1] != 1)
    return (*shape, depth) if keeps else (*shape[:-1], depth)


def check_mode(owner: str, mode: str, allowed: tuple[str, ...]) -> str:
    """An output mode under its name of today.

    Raises:
        ValueError: when there is no such mode.
    """
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in allowed:
        raise ValueError(
            f"{owner} was given output_mode={mode!r}.\n"
            f"Expected one of {', '.join(map(repr, allowed))}.\n"
            f"For example output_mode={allowed[0]!r}."
        )
    return mode


def refuse_sparse(owner: str, **features: bool) -> None:
    """Raise where a sparse or ragged result is asked for."""
    for name, value in features.items():
        if value:
            raise ValueError(
                f"{owner} was given {name}={value!r}, which is not supported.\n"
                f"Expected {name}=False: results are dense.\n"
                "Leave it away."
            )
