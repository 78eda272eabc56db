"""Loops and choices that are made of `scan`, `cond` and `while_loop`; jvp."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cornu.graph.gradients import vector_jacobian
from cornu.graph.spec import is_float
from cornu.graph.trace import convert, current
from cornu.graph.tree import flatten, map_structure, pack_like
from cornu.ops.families import broadcast_shape
from cornu.ops.numpy import stack, zeros_like
from cornu.ops.primitives.control import cond, scan
from cornu.ops.primitives.elementwise import cast, less, less_equal
from cornu.ops.primitives.indexing import known_array
from cornu.ops.primitives.loops import while_loop
from cornu.ops.primitives.shapes import broadcast_to, concatenate, flip, reshape
from cornu.ops.public import canonical_axis, public, recordable

__all__ = [
    "associative_scan",
    "fori_loop",
    "jvp",
    "map",
    "switch",
    "vectorize",
    "vectorized_map",
]


@public
def map(f, xs):
    """Apply a function to each slice along the first axis, and stack the results.

    Args:
        f: takes a slice of `xs` (nested as that is) and returns tensors.
        xs: tensors with equal first axes, alone or nested.

    Returns:
        What `f` returns, stacked along a new first axis.

    Raises:
        ValueError: when the first axes differ.

    Example:

    >>> from cornu import ops
    >>> ops.map(lambda x: x * x, ops.array([1, 2, 3])).tolist()
    [1, 4, 9]
    """
    return scan(lambda carry, x: ((), f(x)), (), xs)[1]


@public
def vectorized_map(function, elements):
    """Apply a function to each slice along the first axis, and stack the results.

    It means what `map` means, and runs as a loop. Written with operations on whole
    tensors, the same is faster.

    Args:
        function: takes a slice of `elements` (nested as that is) and returns tensors.
        elements: tensors with equal first axes, alone or nested.
    """
    return scan(lambda carry, x: ((), function(x)), (), elements)[1]


@public
def fori_loop(lower, upper, body_fun, init_val):
    """Run `val = body_fun(i, val)` for i from `lower` up to (not including) `upper`.

    Args:
        lower: first i. Gradients flow through the loop where both limits are known
            when a program is traced.
        upper: one more than the last i.
        body_fun: takes i (an int32 tensor) and the value, and returns the value anew.
        init_val: the value at first: a tensor, or nested ones.

    Returns:
        The value at last.

    Example:

    >>> from cornu import ops
    >>> ops.fori_loop(1, 5, lambda i, total: total + i, ops.array(0)).tolist()
    10
    """
    limits = [known_array(convert(n)) for n in (lower, upper)]
    if limits[0] is None or limits[1] is None:
        start = (cast(lower, "int32"), init_val)
        last = cast(upper, "int32")
        return while_loop(
            lambda i, val: less(i, last),
            lambda i, val: (i + 1, body_fun(i, val)),
            start,
        )[1]
    places = np.arange(int(limits[0]), int(limits[1]), dtype=np.int32)
    if current() is not None:
        return scan(lambda val, i: (body_fun(i, val), None), init_val, places)[0]
    val = map_structure(convert, init_val)
    for i in places:
        val = body_fun(convert(i), val)
    return val


@public
def switch(index, branches, *operands):
    """Compute one of several functions.

    Args:
        index: which, counted from 0; beyond the last it is the last, below 0 the first.
        branches: list of functions, with results of equal shapes and dtypes.
        *operands: what they are given.

    Returns:
        What the chosen function returns.

    Raises:
        ValueError: when there is no branch, or `index` is no scalar.
    """
    if not branches:
        raise ValueError(
            "[switch] no branch was given.\nExpected a list of functions.\n"
            "For example switch(i, [lambda x: x, lambda x: -x], x)."
        )
    index = convert(index)

    def from_here(i):
        if i == len(branches) - 1:
            return branches[i](*operands)
        return cond(
            less_equal(index, i),
            lambda: branches[i](*operands),
            lambda: from_here(i + 1),
        )

    return from_here(0)


# Scans of an operation that may be bracketed anyhow


@public
def associative_scan(f, elems, reverse=False, axis=0):
    """Running results of an associative operation, in about log2(n) steps.

    Args:
        f: takes two tensors of elements along `axis` (nested as `elems` is) and
            combines them pair by pair; `f(f(a, b), c)` equals `f(a, f(b, c))`.
        elems: tensors of equal sizes along `axis`, alone or nested.
        reverse: whether to run from the last element to the first.
        axis: the axis.

    Returns:
        Tensors like `elems`: each element combined with all before it.

    Raises:
        ValueError: when the sizes differ.

    Example:

    >>> from cornu import ops
    >>> ops.associative_scan(ops.maximum, ops.array([1, 3, 2])).tolist()
    [1, 3, 3]
    """
    leaves = [convert(x) for x in flatten(elems)]
    places = [canonical_axis(axis, x.ndim) for x in leaves]
    sizes = {x.shape[a] for x, a in zip(leaves, places, strict=True)}
    if len(sizes) != 1:
        raise ValueError(
            f"[associative_scan] sizes {sorted(sizes)} were found along axis {axis}.\n"
            "Expected tensors of one size there.\nCheck axis=."
        )
    if reverse:
        leaves = [flip(x, a) for x, a in zip(leaves, places, strict=True)]

    def combine(first, second):
        found = f(pack_like(elems, first), pack_like(elems, second))
        return [convert(x) for x in flatten(found)]

    done = _running(combine, leaves, places)
    if reverse:
        done = [flip(x, a) for x, a in zip(done, places, strict=True)]
    return pack_like(elems, done)


def _part(tensors, axes, start, stop, step=1):
    index = slice(start, stop, step)
    return [x[(*[slice(None)] * a, index)] for x, a in zip(tensors, axes, strict=True)]


def _running(combine, x, axes):
    n = x[0].shape[axes[0]]
    if n < 2:
        return x
    pairs = combine(_part(x, axes, 0, n - 1, 2), _part(x, axes, 1, n, 2))
    odd = _running(combine, pairs, axes)
    before = _part(odd, axes, 0, (n - 1) // 2)
    rest = _part(x, axes, 2, n, 2)
    even = _part(x, axes, 0, 1)
    if n > 2:
        later = combine(before, rest)
        even = [
            concatenate([a, b], i) for a, b, i in zip(even, later, axes, strict=True)
        ]
    return [_in_turn(a, b, i) for a, b, i in zip(even, odd, axes, strict=True)]


def _in_turn(even, odd, axis):
    """even[0], odd[0], even[1], odd[1], ..."""
    n = odd.shape[axis]
    (pairs,) = _part([even], [axis], 0, n)
    shape = (*even.shape[:axis], 2 * n, *even.shape[axis + 1 :])
    y = reshape(stack([pairs, odd], axis + 1), shape)
    (last,) = _part([even], [axis], n, even.shape[axis])
    return concatenate([y, last], axis) if last.shape[axis] else y


# Functions of single elements


def vectorize(pyfunc, *, excluded=None, signature=None):
    """Make a function of numbers (or of small tensors) one of whole tensors.

    It runs as a loop over all elements. Written with operations on whole tensors, the
    same is faster.

    Args:
        pyfunc: the function.
        excluded: places of arguments that are handed over as they are.
        signature: sizes of what the function takes and gives, for example
            '(m,n),(n)->(m)'; by default single numbers.

    Returns:
        The function over the axes that are left, which broadcast.

    Raises:
        ValueError: when `pyfunc` is no function, or the signature is none.

    Example:

    >>> from cornu import ops
    >>> add = ops.vectorize(lambda a, b: a + b)
    >>> add(ops.array([1, 2]), 10).tolist()
    [11, 12]
    """
    excluded = set(excluded or ())
    inputs = None if signature is None else _core_axes(signature)
    if not callable(pyfunc):
        raise ValueError(
            f"[vectorize] {pyfunc!r} is not callable.\nExpected a function.\n"
            "For example ops.vectorize(lambda a, b: a + b)."
        )

    def function(*args):
        places = [i for i in range(len(args)) if i not in excluded]
        tensors = [convert(args[i]) for i in places]
        core = [0] * len(tensors) if inputs is None else inputs
        if len(core) != len(tensors):
            raise ValueError(
                f"[vectorize] {len(tensors)} tensors were given for the signature "
                f"{signature!r}.\nExpected {len(core)}.\nCheck signature or excluded."
            )
        lead: tuple[int, ...] = ()
        for x, n in zip(tensors, core, strict=True):
            lead = broadcast_shape(lead, x.shape[: x.ndim - n], "vectorize")
        rows = []
        for x, n in zip(tensors, core, strict=True):
            inside = x.shape[x.ndim - n :]
            rows.append(reshape(broadcast_to(x, (*lead, *inside)), (-1, *inside)))

        def of_one(parts):
            given = list(args)
            for i, part in zip(places, parts, strict=True):
                given[i] = part
            return pyfunc(*given)

        found = map(of_one, tuple(rows))
        return map_structure(lambda y: reshape(y, (*lead, *y.shape[1:])), found)

    function.__name__ = getattr(pyfunc, "__name__", "function")
    function.__doc__ = pyfunc.__doc__
    return recordable(function)


def _core_axes(signature):
    sides = signature.replace(" ", "").split("->")
    groups = re.findall(r"\(([^()]*)\)", sides[0])
    if len(sides) != 2 or ",".join(f"({g})" for g in groups) != sides[0]:
        raise ValueError(
            f"[vectorize] signature={signature!r} cannot be read.\n"
            "Expected sizes in brackets, an arrow, and sizes again.\n"
            "For example '(m,n),(n)->(m)'."
        )
    return [len([s for s in g.split(",") if s]) for g in groups]


# Derivatives forwards


@public
def jvp(fun, primals, tangents, has_aux=False) -> Any:
    """The derivative of a function in a direction.

    It is the gradient of the gradient, taken by what the latter is weighed with: so it
    needs no rules but those of gradients.

    Args:
        fun: takes tensors, alone or nested, and returns such.
        primals: tuple or list of its arguments.
        tangents: the direction, nested as `primals` are.
        has_aux: whether `fun` returns a pair of its results and something else.

    Returns:
        A tuple: the results, their derivatives, and that something else, if any.

    Raises:
        ValueError: when primals and tangents differ in number.

    Example:

    >>> from cornu import ops
    >>> y, dy = ops.jvp(lambda x: x * x, (ops.array(3.0),), (ops.array(1.0),))
    >>> dy.tolist()
    6.0
    """
    xs, directions = ([convert(v) for v in flatten(t)] for t in (primals, tangents))
    if [x.shape for x in xs] != [t.shape for t in directions]:
        raise ValueError(
            f"[jvp] primals of shapes {[x.shape for x in xs]} and tangents of shapes "
            f"{[t.shape for t in directions]} were given.\n"
            "Expected one tangent of the same shape for each primal.\n"
            "Give zeros for arguments that stay as they are."
        )
    seen: dict[str, Any] = {}

    def results(*values):
        found = fun(*pack_like(list(primals), list(values)))
        if has_aux:
            found, seen["aux"] = found
        seen["like"] = found
        return tuple(convert(v) for v in flatten(found))

    outs = results(*xs)
    like, aux = seen["like"], seen.get("aux")
    floats = [i for i, v in enumerate(outs) if is_float(v.dtype)]

    def backwards(*weights):
        given: list[Any] = [None] * len(outs)
        for i, w in zip(floats, weights, strict=True):
            given[i] = w
        found = vector_jacobian(results, xs, given)
        return tuple(
            zeros_like(x) if part is None else part
            for x, part in zip(xs, found, strict=True)
        )

    weights = [zeros_like(outs[i]) for i in floats]
    given = [
        t if is_float(x.dtype) else None for x, t in zip(xs, directions, strict=True)
    ]
    found = dict(zip(floats, vector_jacobian(backwards, weights, given), strict=True))
    slopes = [
        zeros_like(v) if found.get(i) is None else found[i] for i, v in enumerate(outs)
    ]
    pair = pack_like(like, list(outs)), pack_like(like, slopes)
    return (*pair, aux) if has_aux else pair
