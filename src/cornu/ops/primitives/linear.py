"""The product: dot_general, of which matmul, dot and tensordot are special cases."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import SPARSE, bind, convert, to_dense
from cornu.ops.families import broadcast_shape
from cornu.ops.primitives.shapes import broadcast_to, reshape, transpose
from cornu.ops.public import promote, public

__all__ = ["dot", "dot_general", "matmul", "tensordot"]


def dot_general_numpy(a, b, *, contract, batch):
    """Sum products over the `contract` axes, for each index of the `batch` axes.

    The result has the batch axes, then the free axes of `a`, then those of `b`.
    """
    (ca, cb), (ba, bb) = contract, batch
    if not ba and len(ca) == 1 and 0 < a.ndim < 3 and 0 < b.ndim < 3:
        left = a.T if ca[0] < a.ndim - 1 else a
        right = b.T if cb[0] > 0 else b
        return np.asarray(np.matmul(left, right), a.dtype)
    fa = [i for i in range(a.ndim) if i not in ca and i not in ba]
    fb = [i for i in range(b.ndim) if i not in cb and i not in bb]
    shape = (
        [a.shape[i] for i in ba] + [a.shape[i] for i in fa] + [b.shape[i] for i in fb]
    )
    rows = int(np.prod([a.shape[i] for i in fa], dtype=np.int64))
    inner = int(np.prod([a.shape[i] for i in ca], dtype=np.int64))
    columns = int(np.prod([b.shape[i] for i in fb], dtype=np.int64))
    groups = [a.shape[i] for i in ba]
    left = np.transpose(a, [*ba, *fa, *ca]).reshape([*groups, rows, inner])
    right = np.transpose(b, [*bb, *cb, *fb]).reshape([*groups, inner, columns])
    return np.matmul(left, right).reshape(shape).astype(a.dtype, copy=False)


def _infer(a: Spec, b: Spec, *, contract, batch) -> Spec:
    (ca, cb), (ba, bb) = contract, batch
    if a.dtype != b.dtype:
        raise TypeError(
            f"[dot_general] got dtypes {a.dtype} and {b.dtype}.\n"
            "Expected one dtype: casts are explicit in a graph.\n"
            "Call ops.matmul, which casts."
        )
    sizes_a = [a.shape[i] for i in (*ca, *ba)]
    sizes_b = [b.shape[i] for i in (*cb, *bb)]
    if sizes_a != sizes_b:
        raise ValueError(
            f"[dot_general] shapes {a.shape} and {b.shape} do not fit: axes "
            f"{(*ca, *ba)} of the first have sizes {sizes_a}, axes {(*cb, *bb)} of the "
            f"second {sizes_b}.\n"
            "Expected equal sizes.\nTranspose or reshape one of them."
        )
    free_a = [n for i, n in enumerate(a.shape) if i not in ca and i not in ba]
    free_b = [n for i, n in enumerate(b.shape) if i not in cb and i not in bb]
    return Spec((*(a.shape[i] for i in ba), *free_a, *free_b), a.dtype)


def _gradient(g, ins, out, *, contract, batch):
    (a, b), (ca, cb), (ba, bb) = ins, contract, batch
    nb = len(ba)
    fa = [i for i in range(a.ndim) if i not in ca and i not in ba]
    fb = [i for i in range(b.ndim) if i not in cb and i not in bb]
    g_batch = tuple(range(nb))
    g_free_a = tuple(range(nb, nb + len(fa)))
    g_free_b = tuple(range(nb + len(fa), nb + len(fa) + len(fb)))

    def for_a():
        # Sum over b's free axes; what comes out is batch, a's free, b's contracted.
        d = dot_general(g, b, (g_free_b, tuple(fb)), (g_batch, bb))
        cb_order = sorted(range(len(cb)), key=lambda k: cb[k])
        order = [*ba, *fa, *(ca[k] for k in cb_order)]
        return transpose(d, tuple(np.argsort(order).tolist()))

    def for_b():
        d = dot_general(a, g, (tuple(fa), g_free_a), (ba, g_batch))
        ca_order = sorted(range(len(ca)), key=lambda k: ca[k])
        order = [*bb, *(cb[k] for k in ca_order), *fb]
        return transpose(d, tuple(np.argsort(order).tolist()))

    return for_a, for_b


# A sparse matrix as the first factor: work and memory go with its non-zeros.


def sparse_dot_numpy(x, kernel):
    """The product of a matrix, which may be sparse, with a dense one."""
    return x @ kernel


def sparse_dot_transposed_numpy(x, g):
    """The product of a matrix that is turned over, and may be sparse, with a dense."""
    return x.T @ g


def _sparse_gradient(g, ins, out):
    x, kernel = ins
    return (
        lambda: matmul(g, transpose(kernel, (1, 0))),
        lambda: sparse_dot_transposed_op(x, g),
    )


def _sparse_transposed_gradient(g, ins, out):
    x, y = ins
    return (
        lambda: matmul(y, transpose(g, (1, 0))),
        lambda: sparse_dot_op(x, g),
    )


sparse_dot_op = Op(
    "sparse_dot",
    infer=lambda x, kernel: Spec((x.shape[0], kernel.shape[1]), kernel.dtype),
    numpy=sparse_dot_numpy,
    expansion=lambda x, kernel: matmul(to_dense(x), kernel),
    gradient=_sparse_gradient,
    doc="The product of a matrix, which may be sparse, with a dense one.",
    core=False,
)

sparse_dot_transposed_op = Op(
    "sparse_dot_transposed",
    infer=lambda x, y: Spec((x.shape[1], y.shape[1]), y.dtype),
    numpy=sparse_dot_transposed_numpy,
    expansion=lambda x, y: matmul(transpose(to_dense(x), (1, 0)), y),
    gradient=_sparse_transposed_gradient,
    doc="The same, the first matrix turned over.",
    core=False,
)
SPARSE.update((sparse_dot_op, sparse_dot_transposed_op))


def _of_sparse(a, b, *, contract, batch):
    plain = contract == ((1,), (0,)) and not batch[0]
    fits = a.spec.sparse and not b.spec.sparse and a.ndim == b.ndim == 2
    return (sparse_dot_op, (a, b)) if plain and fits else None


dot_general_op = Op(
    "dot_general",
    infer=_infer,
    numpy=dot_general_numpy,
    gradient=_gradient,
    of_sparse=_of_sparse,
    doc="Products summed over some axes, for each index of the batch axes.",
)


@public
def dot_general(a, b, contract, batch=((), ())):
    """XLA's general product.

    Args:
        a: tensor.
        b: tensor of the same dtype.
        contract: axes of `a` and axes of `b` to sum over, in pairs.
        batch: axes of `a` and of `b` that run together.

    Returns:
        Tensor of the batch axes, then the free axes of `a`, then those of `b`.
    """
    a, b = promote(a, b)
    pairs = tuple(tuple(int(i) for i in axes) for axes in contract)
    groups = tuple(tuple(int(i) for i in axes) for axes in batch)
    return bind(dot_general_op, (a, b), {"contract": pairs, "batch": groups})


@public
def matmul(x1, x2):
    """Matrix product of the last two axes; the axes before them broadcast.

    Args:
        x1: tensor of shape (..., n, k), or (k,).
        x2: tensor of shape (..., k, m), or (k,).

    Returns:
        Tensor of shape (..., n, m), without the axis of a vector.

    Raises:
        ValueError: when the inner sizes differ, or a factor is a scalar.
    """
    if getattr(x1, "dtype", None) == getattr(x2, "dtype", None) == "int8":
        # Products of int8 overflow at once; Keras sums in int32.
        x1, x2 = convert(x1).astype("int32"), convert(x2).astype("int32")
    return _product(*promote(x1, x2))


def _product(a, b):
    inner_b = -2 if b.ndim > 1 else 0
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[inner_b]:
        raise ValueError(
            f"[matmul] shapes {a.shape} and {b.shape} do not fit.\n"
            "Expected the last axis of the first to have the size of the last but one "
            "of the second.\nTranspose one of them, or check the layer before."
        )
    if b.ndim <= 2:  # the first's leading axes are all rows: one product
        contract = (a.ndim - 1,), (max(b.ndim - 2, 0),)
        return bind(dot_general_op, (a, b), {"contract": contract, "batch": ((), ())})
    if a.ndim == 1:
        shape = (*b.shape[:-2], b.shape[-1])
        return reshape(_product(reshape(a, (1, -1)), b), shape)
    lead = broadcast_shape(a.shape[:-2], b.shape[:-2], "matmul")
    a = broadcast_to(a, (*lead, *a.shape[-2:]))
    b = broadcast_to(b, (*lead, *b.shape[-2:]))
    n = len(lead)
    axes = tuple(range(n))
    return dot_general(a, b, ((n + 1,), (n,)), (axes, axes))


@public
def dot(x1, x2):
    """Product over the last axis of `x1` and the last but one of `x2` (NumPy's dot).

    Args:
        x1: tensor.
        x2: tensor; a scalar on either side multiplies.

    Raises:
        ValueError: when the sizes differ.
    """
    a, b = promote(x1, x2)
    if not a.ndim or not b.ndim:
        return a * b
    if b.ndim <= 2:
        return _product(a, b)
    return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 2,)))


@public
def tensordot(x1, x2, axes: Any = 2):
    """Product summed over pairs of axes.

    Args:
        x1: tensor.
        x2: tensor.
        axes: how many last axes of `x1` meet the first of `x2`, or two lists of axes.
    """
    a, b = promote(x1, x2)
    if isinstance(axes, int):
        contract = (tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    else:
        left, right = ([ax] if isinstance(ax, int) else ax for ax in axes)
        contract = (
            tuple(i % a.ndim for i in left),
            tuple(i % b.ndim for i in right),
        )
    return dot_general(a, b, contract)
