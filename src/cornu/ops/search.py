"""Finding numbers in a sorted sequence."""

from __future__ import annotations

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.families import NOT_FLOAT
from cornu.ops.numpy import zeros_like
from cornu.ops.primitives.elementwise import (
    floor_divide,
    less,
    less_equal,
    logical_not,
    where,
)
from cornu.ops.primitives.indexing import take
from cornu.ops.public import promote, public

__all__ = ["digitize", "searchsorted"]


def searchsorted_numpy(sequence, values, *, side):
    """Where numbers would be put in, so that the sequence stays sorted."""
    return np.asarray(np.searchsorted(sequence, values, side=side)).astype(np.int32)


def _infer(sequence: Spec, values: Spec, *, side: str) -> Spec:
    if sequence.dtype != values.dtype or sequence.ndim != 1:
        raise ValueError(
            f"[searchsorted] got {sequence} and values {values}.\n"
            "Expected a sequence of one axis, and one dtype.\n"
            "Call the public function of cornu.ops, which casts."
        )
    return Spec(values.shape, "int32")


def _expansion(sequence, values, *, side):
    """Halving the range that is left, for all values at once."""
    n = sequence.shape[0]
    low = zeros_like(values, dtype="int32")
    high = low + n
    for _ in range(n.bit_length()):
        middle = floor_divide(low + high, 2)
        here = take(sequence, where(less(middle, n), middle, 0), axis=0)
        # NaN stands at the end: it is neither below nor above anything.
        before = less(here, values) if side == "left" else less_equal(here, values)
        before = where(logical_not(values == values), here == here, before)
        before = where(less(low, high), before, False)
        high = where(before, high, middle)
        low = where(before, middle + 1, low)
    return low


searchsorted_op = Op(
    "searchsorted",
    infer=_infer,
    numpy=searchsorted_numpy,
    expansion=_expansion,
    no_gradient=NOT_FLOAT,
    doc="Where numbers would be put into a sorted sequence.",
)


@public
def searchsorted(sorted_sequence, values, side="left"):
    """Where numbers would be put into a sorted sequence, so that it stays sorted.

    Args:
        sorted_sequence: tensor of one axis, rising.
        values: tensor of any shape.
        side: 'left' for the first possible place, 'right' for the last.

    Returns:
        int32 tensor of the shape of `values`.

    Raises:
        ValueError: when the sequence has not one axis, or for another side.
    """
    if side not in ("left", "right"):
        raise ValueError(
            f"[searchsorted] side={side!r} is unknown.\n"
            "Expected 'left' or 'right'.\nLeave it away for the first possible place."
        )
    sequence, values = promote(sorted_sequence, values)
    if sequence.ndim != 1:
        raise ValueError(
            f"[searchsorted] the sequence has shape {sequence.shape}.\n"
            "Expected one axis.\nSearch row by row, or flatten it with ops.reshape."
        )
    return bind(searchsorted_op, (sequence, values), {"side": side})


@public
def digitize(x, bins):
    """The index of the bin that each number is in; 0 below the first limit.

    Args:
        x: tensor.
        bins: limits between the bins, rising; a limit belongs to the bin above it.

    Returns:
        int32 tensor of the shape of `x`.
    """
    return searchsorted(convert(bins), x, side="right")
