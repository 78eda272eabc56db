"""Primitives that put elements at places given by index: the last, the largest, ..."""

from __future__ import annotations

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.primitives.elementwise import (
    cast,
    equal,
    less,
    multiply,
    where,
)
from cornu.ops.primitives.indexing import argsort, gather_op, scatter_add_op
from cornu.ops.primitives.shapes import (
    broadcast_to,
    concatenate,
    reshape,
    static_slice,
)

__all__: list[str] = []


def scatter_reduce_numpy(x, indices, updates, *, how):
    """`x` with each row of `updates` put at its index along the first axis.

    `how` says what is done with what is there: the last one stays ("set"), or the
    largest ("max") or smallest ("min"), or the product ("mul").
    """
    y = np.array(x)
    if how == "set":
        y[indices] = updates
    else:
        function = {"max": np.maximum, "min": np.minimum, "mul": np.multiply}[how]
        function.at(y, indices, updates)
    return y


def _infer(x: Spec, indices: Spec, updates: Spec, *, how: str) -> Spec:
    wanted = Spec((*indices.shape, *x.shape[1:]), x.dtype)
    if indices.dtype != "int32" or indices.ndim != 1 or updates != wanted:
        raise ValueError(
            f"[scatter_reduce] got {x}, indices {indices} and updates {updates}.\n"
            f"Expected indices of one axis in int32, and updates {wanted}.\n"
            "Call the public functions of cornu.ops, which reshape and cast."
        )
    return x


def scatter_reduce(x, indices, updates, how):
    """See `scatter_reduce_numpy`; for tensors that fit each other."""
    return bind(scatter_reduce_op, (x, indices, updates), {"how": how})


def _pick(x, indices):
    return bind(gather_op, (x, indices), {"axis": 0})


def _along_rows(mask, x):
    """A mask of rows, to broadcast beside all elements of them."""
    return reshape(mask, (*mask.shape, *[1] * (x.ndim - 1)))


def _gradient(g, ins, out, *, how):
    x, indices, updates = ins
    if how == "set":
        return _gradient_of_set(g, x, indices, updates)
    if how == "mul":
        return (
            lambda: scatter_reduce(g, indices, updates, "mul"),
            None,
            lambda: multiply(
                _pick(g * x, indices), _of_the_others(updates, indices, x.shape[0])
            ),
        )
    # Equal extremes share the gradient evenly, as in JAX.
    stays = cast(equal(x, out), g.dtype)
    wins = cast(equal(updates, _pick(out, indices)), g.dtype)
    count = bind(scatter_add_op, (stays, indices, wins), {"axis": 0})
    # A row that nothing reaches is counted once: it is what it was.
    share = g / where(equal(count, 0.0), 1.0, count)
    return (lambda: stays * share, None, lambda: wins * _pick(share, indices))


def _gradient_of_set(g, x, indices, updates):
    def for_x():
        gone = convert(np.zeros((), g.dtype))
        return scatter_reduce(g, indices, broadcast_to(gone, updates.shape), "set")

    def for_updates():
        # Of several rows for one place the last has stayed.
        order = convert(np.arange(indices.shape[0], dtype=np.int32))
        nobody = convert(np.full(x.shape[:1], -1, np.int32))
        last = _pick(scatter_reduce(nobody, indices, order, "set"), indices)
        return where(_along_rows(equal(last, order), g), _pick(g, indices), 0.0)

    return (for_x, None, for_updates)


def _of_the_others(updates, indices, n_places):
    """For each row the product of all other rows for its place.

    No division, so that it is right at zeros: in the order of places, products of all
    rows before and of all rows after it, by doubling.
    """
    indices = where(less(indices, 0), indices + n_places, indices)
    order = argsort(indices)
    places, u = _pick(indices, order), _pick(updates, order)
    n = places.shape[0]
    ones = broadcast_to(convert(np.ones((), u.dtype)), u.shape)

    def shifted(x, by, fill):
        """x with what stands `by` before, and `fill` where nothing does."""
        if by > 0:
            return concatenate([_rows(fill, 0, min(by, n)), _rows(x, 0, n - by)], 0)
        return concatenate([_rows(x, -by, n), _rows(fill, 0, min(-by, n))], 0)

    nowhere = convert(np.full(places.shape, np.iinfo(np.int32).min, np.int32))

    def products(side):
        same = equal(places, shifted(places, side, nowhere))
        total = where(_along_rows(same, u), shifted(u, side, ones), 1.0)
        reach = 1
        while reach < n:
            same = equal(places, shifted(places, side * reach, nowhere))
            more = shifted(total, side * reach, ones)
            total = total * where(_along_rows(same, u), more, 1.0)
            reach *= 2
        return total

    if n == 0:
        return updates
    return _pick(products(1) * products(-1), argsort(order))


def _rows(x, start, stop):
    return static_slice(
        x, (slice(start, max(start, stop)), *[slice(None)] * (x.ndim - 1))
    )


scatter_reduce_op = Op(
    "scatter_reduce",
    infer=_infer,
    numpy=scatter_reduce_numpy,
    gradient=_gradient,
    doc="A tensor with rows put at some places: the last, largest, smallest, product.",
    core=False,
)
