"""Sparse matrices, which are inputs of a program: SciPy's, or plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.node import Node


def written_out(x, out):
    """Write a matrix, which may be sparse, into an array."""
    if isinstance(x, np.ndarray):
        np.copyto(out, x)
    else:
        x.toarray(out=out)


def _to_dense(w: Any, node: Node) -> None:
    function = w.helper(written_out)
    w.line(f"{function}({w.array(node.inputs[0])}, out={w.out(node)})", node)


def _sparse_dot(w: Any, node: Node) -> None:
    x, kernel = map(w.array, node.inputs)
    w.line(f"{w.out(node)}[...] = {x} @ {kernel}", node)


def _sparse_dot_transposed(w: Any, node: Node) -> None:
    x, g = map(w.array, node.inputs)
    w.line(f"{w.out(node)}[...] = {x}.T @ {g}", node)


LOWERINGS = {
    "to_dense": _to_dense,
    "sparse_dot": _sparse_dot,
    "sparse_dot_transposed": _sparse_dot_transposed,
}
