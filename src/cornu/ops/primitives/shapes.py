"""Primitives that move elements without changing them."""

from __future__ import annotations

import math

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind, convert
from cornu.ops.families import unbroadcast
from cornu.ops.public import canonical_axis, promote, public

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "flip",
    "pad",
    "reshape",
    "squeeze",
    "static_slice",
    "transpose",
]


def reshape_numpy(x, *, shape):
    """The same elements in another shape."""
    return np.reshape(x, shape)


def _infer_reshape(x: Spec, *, shape) -> Spec:
    if math.prod(shape) != x.size:
        raise ValueError(f"[reshape] {x} has not the elements of shape {shape}.")
    return Spec(shape, x.dtype)


reshape_op = Op(
    "reshape",
    infer=_infer_reshape,
    numpy=reshape_numpy,
    gradient=lambda g, ins, out, *, shape: (reshape(g, ins[0].shape),),
    doc="The same elements in another shape.",
)


@public
def reshape(x, newshape):
    """The same elements in another shape.

    Args:
        x: tensor.
        newshape: sizes of the axes; one may be -1, and takes what is left.

    Raises:
        ValueError: when the number of elements differs.
    """
    x = convert(x)
    wanted = (newshape,) if isinstance(newshape, int) else tuple(newshape)
    wanted = tuple(int(n) for n in wanted)
    size, known = math.prod(x.shape), math.prod(n for n in wanted if n != -1)
    open_axes = wanted.count(-1)
    fits = size == known if not open_axes else known > 0 and size % known == 0
    if open_axes > 1 or not fits or any(n < -1 for n in wanted):
        raise ValueError(
            f"[reshape] a tensor of shape {x.shape} ({size} elements) cannot take the "
            f"shape {wanted}.\n"
            "Expected sizes whose product is the number of elements; one may be -1.\n"
            "Compare the product of the sizes with the number of elements."
        )
    shape = tuple(size // known if n == -1 else n for n in wanted)
    return x if shape == x.shape else bind(reshape_op, (x,), {"shape": shape})


def transpose_numpy(x, *, axes):
    """The axes in another order."""
    return np.transpose(x, axes)


def _infer_transpose(x: Spec, *, axes) -> Spec:
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(f"[transpose] {axes} is not an order of the axes of {x}.")
    return Spec(tuple(x.shape[a] for a in axes), x.dtype)


transpose_op = Op(
    "transpose",
    infer=_infer_transpose,
    numpy=transpose_numpy,
    gradient=lambda g, ins, out, *, axes: (
        transpose(g, tuple(sorted(range(len(axes)), key=axes.__getitem__))),
    ),
    doc="The axes in another order.",
)


@public
def transpose(x, axes=None):
    """The axes in another order.

    Args:
        x: tensor.
        axes: the old axes in their new order; None turns the order round.

    Raises:
        ValueError: when `axes` is not an order of all axes.
    """
    x = convert(x)
    if axes is None:
        axes = tuple(reversed(range(x.ndim)))
    order = tuple(canonical_axis(int(a), x.ndim, "axes") for a in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(
            f"[transpose] axes={tuple(axes)} is not an order of the {x.ndim} axes of "
            f"shape {x.shape}.\nExpected each axis once.\n"
            f"For example axes={tuple(reversed(range(x.ndim)))}."
        )
    if order == tuple(range(x.ndim)):
        return x
    return bind(transpose_op, (x,), {"axes": order})


def broadcast_to_numpy(x, *, shape):
    """The tensor repeated along axes of size 1 and new leading axes."""
    return np.broadcast_to(x, shape)


def _broadcasts(have: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    tail = shape[len(shape) - len(have) :]
    fits = (a in (1, b) for a, b in zip(have, tail, strict=True))
    return len(shape) >= len(have) and all(fits)


def _infer_broadcast_to(x: Spec, *, shape) -> Spec:
    if not _broadcasts(x.shape, shape):
        raise ValueError(f"[broadcast_to] {x} cannot be repeated to shape {shape}.")
    return Spec(shape, x.dtype)


broadcast_to_op = Op(
    "broadcast_to",
    infer=_infer_broadcast_to,
    numpy=broadcast_to_numpy,
    gradient=lambda g, ins, out, *, shape: (unbroadcast(g, ins[0].shape),),
    doc="The tensor repeated along axes of size 1 and new leading axes.",
)


@public
def broadcast_to(x, shape):
    """Repeat a tensor along axes of size 1 and new leading axes.

    Args:
        x: tensor.
        shape: the shape to reach.

    Raises:
        ValueError: when `x` does not broadcast to `shape`.
    """
    x = convert(x)
    shape = tuple(int(n) for n in shape)
    if not _broadcasts(x.shape, shape):
        raise ValueError(
            f"[broadcast_to] shape {x.shape} cannot become {shape}.\n"
            "Expected, from the last axis backwards, equal sizes or a size of 1.\n"
            "Add axes with ops.expand_dims, or use ops.tile."
        )
    return x if shape == x.shape else bind(broadcast_to_op, (x,), {"shape": shape})


def concatenate_numpy(*xs, axis):
    """The tensors one after the other along an axis."""
    return np.concatenate(xs, axis=axis)


def _infer_concatenate(*xs: Spec, axis: int) -> Spec:
    shape = list(xs[0].shape)
    if any(x.dtype != xs[0].dtype for x in xs):
        raise TypeError(f"[concatenate] got dtypes {[x.dtype for x in xs]}.")
    for x in xs[1:]:
        others = x.shape[:axis] + x.shape[axis + 1 :]
        if others != tuple(shape[:axis] + shape[axis + 1 :]):
            raise ValueError(
                f"[concatenate] got shapes {[v.shape for v in xs]} along axis {axis}.\n"
                "Expected shapes that are equal but for that axis.\n"
                "Reshape or crop the odd one."
            )
    shape[axis] = sum(x.shape[axis] for x in xs)
    return Spec(tuple(shape), xs[0].dtype)


def _split_gradient(g, ins, out, *, axis):
    starts = np.cumsum([0] + [x.shape[axis] for x in ins])

    def part(i):
        index = [slice(None)] * g.ndim
        index[axis] = slice(int(starts[i]), int(starts[i + 1]))
        return static_slice(g, tuple(index))

    return tuple(lambda i=i: part(i) for i in range(len(ins)))


concatenate_op = Op(
    "concatenate",
    infer=_infer_concatenate,
    numpy=concatenate_numpy,
    gradient=_split_gradient,
    doc="The tensors one after the other along an axis.",
)


@public
def concatenate(xs, axis=0):
    """Join tensors along an axis that they have.

    Args:
        xs: list of tensors whose other axes are equal.
        axis: the axis.

    Returns:
        Tensor of their common dtype.

    Raises:
        ValueError: for axis=None, an axis that they have not, and other sizes that
            differ.
    """
    if axis is None:
        raise ValueError(
            "[concatenate] axis=None was given.\nExpected the axis to join along.\n"
            "To join all elements, flatten the tensors before, with ops.ravel."
        )
    tensors = promote(*xs)
    if len(tensors) == 1:
        return tensors[0]
    axis = canonical_axis(axis, tensors[0].ndim)
    return bind(concatenate_op, tensors, {"axis": axis})


def pad_numpy(x, *, pads, value):
    """`value` around the tensor: per axis (before, after); negative counts cut off."""
    cut, inner, sizes = [], [], []
    for n, (lo, hi) in zip(x.shape, pads, strict=True):
        kept = n + min(0, lo) + min(0, hi)
        cut.append(slice(max(0, -lo), max(0, -lo) + kept))
        inner.append(slice(max(0, lo), max(0, lo) + kept))
        sizes.append(n + lo + hi)
    out = np.full(sizes, value, x.dtype)
    out[tuple(inner)] = x[tuple(cut)]
    return out


def _infer_pad(x: Spec, *, pads, value) -> Spec:
    kept = [
        n + min(lo, 0) + min(hi, 0) for n, (lo, hi) in zip(x.shape, pads, strict=True)
    ]
    if any(n < 0 for n in kept):
        raise ValueError(f"[pad] {pads} cuts more off than {x} has.")
    added = [max(lo, 0) + max(hi, 0) for lo, hi in pads]
    return Spec(tuple(n + m for n, m in zip(kept, added, strict=True)), x.dtype)


pad_op = Op(
    "pad",
    infer=_infer_pad,
    numpy=pad_numpy,
    gradient=lambda g, ins, out, *, pads, value: (
        bind(pad_op, (g,), {"pads": tuple((-lo, -hi) for lo, hi in pads), "value": 0}),
    ),
    doc="A fixed number around the tensor.",
)


@public
def pad(x, pad_width, mode="constant", constant_values=None):
    """Put a border around a tensor.

    Args:
        x: tensor.
        pad_width: a number, one (before, after) for all axes, or one per axis.
        mode: 'constant' for a fixed number; 'reflect', 'symmetric', 'edge' or 'wrap'
            for what NumPy takes from the tensor itself.
        constant_values: the number, 0 by default.

    Raises:
        ValueError: for another mode, a `pad_width` that does not fit, and
            `constant_values` with a mode that needs none.
    """
    x = convert(x)
    if mode != "constant" and constant_values is not None:
        raise ValueError(
            f"[pad] constant_values={constant_values!r} was given with mode={mode!r}.\n"
            "Expected it with mode='constant' only: other borders are taken from the "
            "tensor.\nLeave one of the two away."
        )
    if mode not in ("constant", *_BORDERS):
        raise ValueError(
            f"[pad] mode={mode!r} is unknown.\n"
            f"Expected 'constant', {', '.join(map(repr, _BORDERS))}.\n"
            "Write mode='constant' for zeros."
        )
    try:
        widths = np.broadcast_to(np.asarray(pad_width, int), (x.ndim, 2))
    except ValueError:
        raise ValueError(
            f"[pad] pad_width={pad_width!r} does not fit a tensor of shape {x.shape}.\n"
            f"Expected a number, one (before, after), or {x.ndim} of them.\n"
            "For example ((0, 0), (1, 1)) for a border around the second of two axes."
        ) from None
    pads = tuple((int(lo), int(hi)) for lo, hi in widths)
    if mode == "constant":
        value = np.asarray(0 if constant_values is None else constant_values).item()
        return bind(pad_op, (x,), {"pads": pads, "value": value})
    for axis, (n, widths) in enumerate(zip(x.shape, pads, strict=True)):
        if any(widths):
            x = FUNCTIONS["take"](x, np.pad(np.arange(n), widths, mode), axis)
    return x


_BORDERS = ("reflect", "symmetric", "edge", "wrap")


def flip_numpy(x, *, axes):
    """The elements in reverse order along some axes."""
    return np.flip(x, axes)


flip_op = Op(
    "flip",
    infer=lambda x, *, axes: x,
    numpy=flip_numpy,
    gradient=lambda g, ins, out, *, axes: (bind(flip_op, (g,), {"axes": axes}),),
    doc="The elements in reverse order along some axes.",
)


@public
def flip(x, axis=None):
    """Reverse the order of the elements along some axes (all, where `axis` is None)."""
    x = convert(x)
    wanted = (
        range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    )
    axes = tuple(canonical_axis(a, x.ndim) for a in wanted)
    return bind(flip_op, (x,), {"axes": axes})


def slice_numpy(x, *, starts, stops, steps):
    """Every `step`-th element from `start` up to `stop`, per axis; steps are > 0."""
    return x[tuple(slice(*part) for part in zip(starts, stops, steps))]


def _slice_gradient(g, ins, out, *, starts, stops, steps):
    (x,) = ins
    return (
        lambda: bind(
            slice_grad_op,
            (g,),
            {"shape": x.shape, "starts": starts, "stops": stops, "steps": steps},
        ),
    )


def _infer_slice(x: Spec, *, starts, stops, steps) -> Spec:
    parts = list(zip(x.shape, starts, stops, steps, strict=True))
    if any(not 0 <= start <= stop <= n or step < 1 for n, start, stop, step in parts):
        raise ValueError(f"[slice] {starts}, {stops}, {steps} is no part of {x}.")
    sizes = (-(-(stop - start) // step) for _, start, stop, step in parts)
    return Spec(tuple(sizes), x.dtype)


slice_op = Op(
    "slice",
    infer=_infer_slice,
    numpy=slice_numpy,
    gradient=_slice_gradient,
    doc="Every step-th element from start up to stop, per axis.",
)


def slice_grad_numpy(g, *, shape, starts, stops, steps):
    """Zeros of a shape, with `g` where the slice was taken."""
    x = np.zeros(shape, g.dtype)
    x[tuple(slice(*part) for part in zip(starts, stops, steps))] = g
    return x


slice_grad_op = Op(
    "slice_grad",
    infer=lambda g, *, shape, starts, stops, steps: Spec(shape, g.dtype),
    numpy=slice_grad_numpy,
    gradient=lambda g, ins, out, *, shape, starts, stops, steps: (
        bind(slice_op, (g,), {"starts": starts, "stops": stops, "steps": steps}),
    ),
    doc="Zeros, with the tensor where a slice was taken.",
)


@public
def static_slice(x, index):
    """Slice with one `slice` object per axis; negative steps flip first."""
    x = convert(x)
    ranges = [part.indices(n) for part, n in zip(index, x.shape, strict=True)]
    backwards = tuple(i for i, (_, _, step) in enumerate(ranges) if step < 0)
    if backwards:
        x = bind(flip_op, (x,), {"axes": backwards})
        for i in backwards:
            start, stop, step = ranges[i]
            n = x.shape[i]
            ranges[i] = (n - 1 - start, n - 1 - stop, -step)
    ranges = [(start, max(start, stop), step) for start, stop, step in ranges]
    if all(r == (0, n, 1) for r, n in zip(ranges, x.shape, strict=True)):
        return x
    starts, stops, steps = zip(*ranges, strict=True)
    return bind(slice_op, (x,), {"starts": starts, "stops": stops, "steps": steps})


@public
def expand_dims(x, axis):
    """Add axes of size 1, at the places that they have in the result."""
    x = convert(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    ndim = x.ndim + len(axes)
    places = {canonical_axis(a, ndim) for a in axes}
    sizes = iter(x.shape)
    return reshape(x, tuple(1 if i in places else next(sizes) for i in range(ndim)))


@public
def squeeze(x, axis=None):
    """Drop axes of size 1 (all of them, where `axis` is None).

    Raises:
        ValueError: when such an axis has another size.
    """
    x = convert(x)
    if axis is None:
        places = {i for i, n in enumerate(x.shape) if n == 1}
    else:
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        places = {canonical_axis(a, x.ndim) for a in axes}
    if any(x.shape[i] != 1 for i in places):
        raise ValueError(
            f"[squeeze] axis={axis} of shape {x.shape} does not have size 1.\n"
            "Expected axes of size 1.\nUse ops.reshape to merge axes."
        )
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in places))
