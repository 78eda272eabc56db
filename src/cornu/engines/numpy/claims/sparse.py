"""Products of a matrix that may be sparse, in proportion to what is not zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import FLOATS, claim
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


def _of_floats(node: Node) -> bool:
    (out,) = node.outputs
    return out.dtype in FLOATS and all(v.dtype == out.dtype for v in node.inputs)


@claim("sparse_dot", accepts=_of_floats)
@claim("sparse_dot_transposed", accepts=_of_floats)
def _sparse_dot(w: Writer, node: Node) -> None:
    x, dense = map(w.array, node.inputs)
    over = ", over=True" if node.op.name == "sparse_dot_transposed" else ""
    w.line(f"{w.kernel('sparse_dot')}({x}, {dense}, {w.out(node)}{over})", node)
